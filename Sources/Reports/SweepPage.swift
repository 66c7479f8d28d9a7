import Files
import JSONText
import RunFiles

/// A point of a sweep: what its repeats found.
public struct SweepPoint: Sendable {
  public let codec: String
  /// Settings that vary beside codec and noise, as a person would write them, by path.
  public internal(set) var settings: [String: String] = [:]
  public internal(set) var epsilon: [Double] = []
  /// In percent.
  public internal(set) var accuracy: [Double] = []
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

  init(codec: String) { self.codec = codec }

  /// The mean over repeats; nil where none has the figure.
  public func mean(_ key: KeyPath<SweepPoint, [Double]>) -> Double? { SweepTable.Estimate(self[keyPath: key])?.mean }
}

/// What the page of a sweep is made from.
public struct SweepPage: Sendable {
  /// Points that a chart draws as one line.
  public struct Line: Sendable {
    public let name: String
    public let points: [SweepPoint]
  }

  let runs: Int
  /// In the order of the sweep.
  public let points: [SweepPoint]
  /// Settings that vary beside codec and noise, in the order of the axes.
  public let paths: [String]
  /// As many as can be told apart, evenly chosen: a line for each codec, and for each setting where others vary.
  public let lines: [Line]
  /// How many lines there would be.
  let allLines: Int

  init(_ files: Report.Source.SweepFiles) {
    runs = files.rows.count
    let (points, paths) = Self.points(files)
    let all = Self.lines(points, paths)
    (self.points, self.paths) = (points, paths)
    (lines, allLines) = (Self.evenly(all, Chart.mostLines), all.count)
  }

  /// Points in the order of the sweep, and the settings that vary beside codec and noise, in the order of its axes.
  private static func points(_ files: Report.Source.SweepFiles) -> ([SweepPoint], [String]) {
    var points: [Int: SweepPoint] = [:]
    var order: [String] = files.axes
    for (i, row) in files.rows.enumerated() {
      guard case .integer(let index)? = row["point"], case .object(let result)? = row["result"] else { continue }
      var point = points[index] ?? SweepPoint(codec: result.plain(\.codec))
      if points[index] == nil, let setting = row["setting"] {
        for (path, value) in CSV.leaves(setting, "") {
          point.settings[path] = value.plain
          if !order.contains(path) { order.append(path) }
        }
        point.parameters = result.number(\.parameters).flatMap { Int(exactly: $0) }
        point.float32 = result.number(\.float32BitsPerClientRound)
        if let delta = result.number(\.delta), result.number(\.epsilon) != nil {
          point.guarantee = "delta \(delta), \(result.plain(\.relation))"
        }
        point.summary = files.summaries[index]
      }
      if let value = result.number(\.epsilon) { point.epsilon.append(value) }
      if let value = result.number(\.finalAccuracy) { point.accuracy.append(100 * value) }
      if let value = result.number(\.payloadBitsPerClientRound) ?? result.number(\.predictedBitsPerClientRound) {
        point.bits.append(value)
      }
      if let value = result.number(\.idealBitsPerClientRound) { point.information.append(value) }
      if let rounds = files.rounds[i] { point.rounds.append(rounds) }
      points[index] = point
    }
    let ordered = points.sorted { $0.key < $1.key }.map(\.value)
    let shown: Set = ["seed", "name", "channel.codec", "privacy.targetEpsilon", "privacy.noiseMultiplier"]
    let paths = order.filter { path in
      !shown.contains(path) && Set(ordered.map { $0.settings[path] ?? "null" }).count > 1
    }
    return (ordered, paths)
  }

  /// A line for each codec, and for each setting where others vary.
  private static func lines(_ points: [SweepPoint], _ paths: [String]) -> [Line] {
    let hasCodecs = Set(points.map(\.codec)).count > 1 || paths.isEmpty
    let name = { (point: SweepPoint) in
      ((hasCodecs ? [point.codec] : []) + paths.map { "\(short($0)) \(point.settings[$0] ?? "-")" })
        .joined(separator: ", ")
    }
    var names: [String] = []
    var groups: [String: [SweepPoint]] = [:]
    for point in points {
      if groups[name(point)] == nil { names.append(name(point)) }
      groups[name(point), default: []].append(point)
    }
    return names.map { Line(name: $0, points: groups[$0] ?? []) }
  }

  /// `cohort.size` as `size`.
  static func short(_ path: String) -> String { path.split(separator: ".").last.map(String.init) ?? path }

  static func evenly<T>(_ values: [T], _ count: Int) -> [T] {
    guard values.count > count else { return values }
    return (0..<count).map { values[$0 * (values.count - 1) / (count - 1)] }
  }

  /// Of the codec with the fewest bits over all, among those with a guarantee.
  static func cheapest(_ points: [SweepPoint]) -> [SweepPoint] {
    let found = points.filter { $0.mean(\.epsilon) != nil && $0.mean(\.bits) != nil && $0.mean(\.accuracy) != nil }
    var totals: [(codec: String, bits: Double)] = []
    for point in found {
      let bits = point.mean(\.bits) ?? 0
      if let i = totals.firstIndex(where: { $0.codec == point.codec }) {
        totals[i].bits += bits
      } else {
        totals.append((point.codec, bits))
      }
    }
    let best = totals.min { $0.bits < $1.bits }?.codec
    return found.filter { $0.codec == best }
  }

  /// The points of the codec with the fewest bits.
  public var cheapest: [SweepPoint] { Self.cheapest(points) }

  /// A line's means over repeats, with standard errors of y.
  public func curve(
    _ line: Line, _ x: KeyPath<SweepPoint, [Double]>, _ y: KeyPath<SweepPoint, [Double]>
  ) -> Chart.Series {
    Chart.Series(
      line.name,
      line.points.compactMap { point in
        guard let a = point.mean(x), let b = SweepTable.Estimate(point[keyPath: y]) else { return nil }
        return Chart.Point(x: a, y: b.mean, error: b.error)
      })
  }

  /// A line over epsilon, with what lies about its points.
  public func spread(_ line: Line, _ part: (SweepPoint) -> (Double, ClosedRange<Double>)?) -> Chart.Series {
    Chart.Series(
      line.name,
      line.points.compactMap { point in
        guard let x = point.mean(\.epsilon), let (y, range) = part(point) else { return nil }
        return Chart.Point(x: x, y: y, range: range)
      })
  }

  /// What bars of curves are; empty without repeats.
  var barNote: String {
    points.contains { $0.accuracy.count > 1 } ? "Bars: standard error over repeats." : ""
  }

  /// Whether accuracies of clients are known that percentiles say something of.
  var hasSpreadOfAccuracy: Bool { points.contains { $0.rounds.contains(where: Report.spreads) } }
}
