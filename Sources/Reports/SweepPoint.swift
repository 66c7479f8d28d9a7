import Files
import JSONText
import RunFiles

/// A point of a sweep: what its repeats found.
public struct SweepPoint: Sendable {
  /// What a key is called that a point does not set.
  static let unset = "not set"

  /// The codec of its runs; where the scenario says `auto`, the one that was taken.
  public let codec: String
  /// The codec that the scenario asks for.
  public internal(set) var askedCodec: String
  /// Settings with every default, as a person would write them, by path.
  public internal(set) var settings: [String: String] = [:]
  public internal(set) var epsilon: [Double] = []
  /// In percent.
  public internal(set) var accuracy: [Double] = []
  /// Of runs that learn a quantity.
  public internal(set) var r2: [Double] = []
  /// Of the last model: in nats, or a mean squared error.
  public internal(set) var loss: [Double] = []
  /// Payload bits a client and round.
  public internal(set) var bits: [Double] = []
  /// I(X; Y) in bits a client and round.
  public internal(set) var information: [Double] = []
  public internal(set) var parameters: Int?
  /// Bits of an update as plain 32-bit floats.
  public internal(set) var float32: Double?
  var guarantee: String?
  /// Of each repeat.
  public internal(set) var rounds: [RoundTable] = []
  /// Of the first repeat.
  public internal(set) var summary: JSONObject?
  /// What tables call sections that vary, and the point where it has a name.
  var labels = JSONObject()
  /// The scenario as it was understood: `auto` and what is not set are still there.
  var scenario: JSON = .null
  /// Keys of the settings, in the order of the scenario.
  var paths: [String] = []
  /// Of each run by its seed: the accuracy in percent, or R^2 where a quantity is learned.
  var scoreBySeed: [String: Double] = [:]
  /// In the sweep, from 0.
  var index = 0
  /// Where it stands on the axis of x.
  public internal(set) var place = Chart.Place.slot(0)
  /// What tells it from the others, in words.
  public internal(set) var name = ""
  private(set) var runs = 0

  init(codec: String) { (self.codec, askedCodec) = (codec, codec) }

  /// Whether a quantity is learned, so that R^2 says how well.
  var isQuantity: Bool { accuracy.isEmpty && !r2.isEmpty }

  /// By what points are ranked, more being better: accuracy in percent, or R^2 where a quantity is learned.
  var scores: [Double] { isQuantity ? r2 : accuracy }

  /// The mean over repeats; nil where none has the figure.
  public func mean(_ key: KeyPath<SweepPoint, [Double]>) -> Double? { SweepTable.Estimate(self[keyPath: key])?.mean }

  /// The codec with what was asked for: "polar (auto)".
  var codecWords: String { askedCodec == codec ? codec : "\(codec) (\(askedCodec))" }

  /// What it has at a key or a section that varies.
  func value(_ path: String) -> (words: String, number: Double?) {
    if let label = labels[path] { return (label.plain, nil) }
    guard case .object(let object) = scenario, let value = object[path: path], value != .null else {
      return (Self.unset, nil)
    }
    return (value.plain, value.double)
  }

  /// What the first run says of all: settings, and what the table says of the point.
  mutating func take(setting: JSON, asked: JSON?, label: JSON?, result: JSONObject) {
    scenario = asked ?? setting
    if case .object(let found)? = label { labels = found }
    for (path, value) in CSV.leaves(setting, "") {
      settings[path] = value.plain
      paths.append(path)
    }
    let codec = value("channel.codec").words
    if asked != nil, codec != Self.unset { askedCodec = codec }
    parameters = result.number(\.parameters).flatMap { Int(exactly: $0) }
    float32 = result.number(\.float32BitsPerClientRound)
    if let delta = result.number(\.delta), result.number(\.epsilon) != nil {
      guarantee = "delta \(delta), \(result.plain(\.relation))"
    }
  }

  /// The figures of a run.
  mutating func add(_ result: JSONObject, seed: JSON?, _ table: RoundTable?) {
    runs += 1
    if let value = result.number(\.epsilon) { epsilon.append(value) }
    if let value = result.number(\.finalAccuracy) {
      accuracy.append(100 * value)
      if let seed { scoreBySeed[seed.plain] = 100 * value }
    }
    if let value = result.number(\.finalR2) {
      r2.append(value)
      if let seed { scoreBySeed[seed.plain] = value }
    }
    if let value = result.number(\.finalLoss) { loss.append(value) }
    if let value = result.number(\.payloadBitsPerClientRound) ?? result.number(\.predictedBitsPerClientRound) {
      bits.append(value)
    }
    if let value = result.number(\.idealBitsPerClientRound) { information.append(value) }
    if let table { rounds.append(table) }
  }
}
