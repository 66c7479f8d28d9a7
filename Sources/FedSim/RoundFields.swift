/// Every figure of a round, once: its name, its unit, where a record has it, whether the guarantee covers it, and what it means.
///
/// The lines of rounds.jsonl, the header and lines of rounds.csv, reading both back, the columns of charts and tables,
/// docs/run-files.md and `outsideGuarantee` follow from this table, in this order. A new figure is a property of `RoundRecord` and a
/// line here; charts name it by its value, as in `\.accuracy`.
public struct RoundFields: FigureTable, Sendable {
  package typealias Row = RoundField

  public let round = RoundField("round", .count, \.round, .covered, "number of the round, from 1")
  public let drawn = RoundField("drawn", .count, \.drawn, .outside, "clients of the cohort")
  public let arrived = RoundField("arrived", .count, \.arrived, .outside, "uploads that counted")
  public let refused = RoundField("refused", .count, \.refused, .outside, "uploads that the server refused")
  public let nonFinite = RoundField(
    "nonFinite", .count, \.nonFinite, .outside, "updates with a value that was not finite: each counted as zero")
  public let clippedFraction = RoundField(
    "clippedFraction", .share, \.clippedFraction, .outside,
    "uploads whose update was longer than the clipping norm, of those that were sent; null where none was sent")
  public let loss = RoundField(
    "loss", .nats, \.loss, .outside,
    "mean loss on the test examples after the round: cross-entropy, or a variational model's objective, or for regression the mean squared "
      + "error, in squares of what targets are learned in; null in rounds without evaluation, and where it is not finite; where updates come from a "
      + "program, what it says"
  )
  public let accuracy = RoundField(
    "accuracy", .share, \.accuracy, .outside,
    "test examples that the model is right on after the round; null in rounds without evaluation, for representations and for regression; where "
      + "updates come from a program, what it says"
  )
  public let r2 = RoundField(
    "r2", .ratio, \.r2, .outside,
    "R^2 on the test examples after the round: 1 less `loss` over the variance of their targets; nothing in rounds without evaluation, and where "
      + "there is none",
    onlyWith: RunCondition("task `regression`", isInEveryRound: false) { $0.scenario.task == .regression })
  public let clientAccuracyMean = RoundField(
    "clientAccuracy.mean", .share, \.clientAccuracy, \.mean, .outside,
    "accuracy of the model that was sent, on each drawn client's own examples: mean over clients; null in rounds without evaluation"
  )
  public let clientAccuracyP10 = RoundField(
    "clientAccuracy.p10", .share, \.clientAccuracy, \.p10, .outside, "its 10th percentile over clients")
  public let clientAccuracyP50 = RoundField(
    "clientAccuracy.p50", .share, \.clientAccuracy, \.p50, .outside, "its median over clients")
  public let clientAccuracyP90 = RoundField(
    "clientAccuracy.p90", .share, \.clientAccuracy, \.p90, .outside, "its 90th percentile over clients")
  public let epsilon = RoundField(
    "epsilon", .nats, \.epsilon, .clientCount(rank: 6),
    "proved upper bound of epsilon at the run's delta after this many rounds; null without a guarantee")
  public let epsilonLowerBound = RoundField(
    "epsilonLowerBound", .nats, \.epsilonLowerBound, .clientCount(rank: 7),
    "proved lower bound of that epsilon, for updates that exist; null where the accountant has none")
  public let samplingRate = RoundField(
    "samplingRate", .probability, \.samplingRate, .clientCount(rank: 2),
    "probability that a client is drawn, or cohort over population")
  public let noiseMultiplier = RoundField(
    "noiseMultiplier", .clippingNorms, \.noiseMultiplier, .clientCount(rank: 14),
    "z: standard deviation of the noise on the sum of updates; null without privacy")
  public let clippingNorm = RoundField(
    "clippingNorm", .norm, \.clippingNorm, .covered,
    "C: the norm that updates were clipped to in this round; null without privacy")
  public let payloadBitsMean = RoundField(
    "uplink.payloadBits.mean", .bits, \.payloadBits, \.mean, .outside,
    "length of a payload that counted: mean over uploads that were written; null where none was")
  public let payloadBitsMin = RoundField(
    "uplink.payloadBits.min", .bits, \.payloadBits, \.min, .outside, "the shortest payload")
  public let payloadBitsMax = RoundField(
    "uplink.payloadBits.max", .bits, \.payloadBits, \.max, .outside, "the longest payload")
  public let payloadBitsP50 = RoundField(
    "uplink.payloadBits.p50", .bits, \.payloadBits, \.p50, .outside, "the median payload")
  public let payloadBitsTotal = RoundField(
    "uplink.payloadBits.total", .bits, \.totalPayloadBits, .outside, "all payloads that counted and were written")
  public let payloadBitsError = RoundField(
    "uplink.payloadBits.standardError", .bits, \.payloadBitsError, .outside,
    "standard error of their mean; null with fewer than two payloads")
  public let wireBytes = RoundField(
    "uplink.wireBytes", .bytes, \.wireBytes, .outside,
    "all uploads that were written, with their envelopes, refused ones included")
  public let coded = RoundField(
    "uplink.coded", .count, \.coded, .outside,
    "uploads that counted and were written as bytes: all of `arrived`, or a share of them (`channel.coded`)")
  public let predictedBits = RoundField(
    "uplink.predictedBits", .bits, \.predictedBits, .outside,
    "what the codec predicts of a payload from its update's norm: mean over all uploads that were sent, written or not; null without Gaussian "
      + "noise in them, and where none was sent")
  public let measuredOverPredicted = RoundField(
    "uplink.measuredOverPredicted", .ratio, \.measuredOverPredicted, .outside,
    "bits of the payloads that were written over those predicted of them; null where none was written")
  public let downlinkBytes = RoundField(
    "downlinkBytes", .bytes, \.downlinkBytes, .outside, "the broadcast, once for each drawn client")
  public let idealBits = RoundField(
    "idealBits.mean", .bits, \.idealBits, .outside,
    "I(X;Y): what an update says about itself through Gaussian noise, mean over clients that sent; null without noise")

  public let clientLearningRate = RoundField(
    "clientLearningRate", .ratio, \.clientLearningRate, .covered, "rate of the clients' steps in this round",
    onlyWith: RunCondition("a schedule or warm-up in `training`") { !$0.scenario.training.schedule.isConstant })
  public let serverLearningRate = RoundField(
    "serverLearningRate", .ratio, \.serverLearningRate, .covered, "rate of the server's step in this round",
    onlyWith: RunCondition("a schedule or warm-up in `server`") { !$0.scenario.server.schedule.isConstant })

  /// Objects that are null as a whole where none of their figures is known; those of other objects are null one by one.
  package static let objectsThatMayBeNull: Set<String> = ["clientAccuracy"]

  public static let table = RoundFields()
}

/// What a run must have for a figure of its rounds to be there.
public struct RunCondition: Sendable {
  /// As in "only with a schedule".
  public let words: String
  /// Whether such a run has the figure in every round: a round without it has no such key and an empty cell.
  public let isInEveryRound: Bool
  let holds: @Sendable (RunSetup) -> Bool

  init(_ words: String, isInEveryRound: Bool = true, holds: @escaping @Sendable (RunSetup) -> Bool) {
    self.words = words
    self.isInEveryRound = isInEveryRound
    self.holds = holds
  }
}

/// One figure of a round.
public struct RoundField: Sendable {
  /// Where the figure is in a line of rounds.jsonl, as a dotted path, and its column in rounds.csv.
  public let name: String
  public let unit: FigureUnit
  public let coverage: Coverage
  public let meaning: String
  let place: Place
  /// What a run must have for its files to have the figure: elsewhere they have no such key and no such column. Nil for all runs.
  public let condition: RunCondition?

  /// Where a record has the figure.
  enum Place: Sendable {
    case count(any WritableKeyPath<RoundRecord, Int> & Sendable)
    case number(any WritableKeyPath<RoundRecord, Double> & Sendable)
    /// A figure that may be missing.
    case optional(
      get: @Sendable (RoundRecord) -> Double?, set: @Sendable (inout RoundRecord, Double?) -> Void)
  }

  /// All figures of a round, in the order of their files.
  public static let all: [RoundField] = RoundFields.table.rows

  /// Those that every run has.
  public static let ofAllRuns: [RoundField] = all.filter { $0.condition == nil }

  /// Those that the files of a run have.
  package static func columns(of setup: RunSetup) -> [RoundField] {
    all.filter { $0.condition?.holds(setup) ?? true }
  }

  private init(
    _ name: String, _ unit: FigureUnit, _ place: Place, _ coverage: Coverage, _ meaning: String,
    _ condition: RunCondition? = nil
  ) {
    (self.name, self.unit, self.place, self.coverage, self.meaning) = (name, unit, place, coverage, meaning)
    self.condition = condition
  }

  init(
    _ name: String, _ unit: FigureUnit, _ path: any WritableKeyPath<RoundRecord, Int> & Sendable, _ coverage: Coverage,
    _ meaning: String
  ) {
    self.init(name, unit, .count(path), coverage, meaning)
  }

  init(
    _ name: String, _ unit: FigureUnit, _ path: any WritableKeyPath<RoundRecord, Double> & Sendable,
    _ coverage: Coverage,
    _ meaning: String
  ) {
    self.init(name, unit, .number(path), coverage, meaning)
  }

  init(
    _ name: String, _ unit: FigureUnit, _ path: any WritableKeyPath<RoundRecord, Double?> & Sendable,
    _ coverage: Coverage,
    _ meaning: String, onlyWith condition: RunCondition? = nil
  ) {
    self.init(
      name, unit, .optional(get: { $0[keyPath: path] }, set: { $0[keyPath: path] = $1 }), coverage, meaning, condition)
  }

  /// A figure of a distribution that a record has or lacks as a whole.
  init<Figures: DistributionFigures>(
    _ name: String, _ unit: FigureUnit, _ whole: any WritableKeyPath<RoundRecord, Figures?> & Sendable,
    _ part: any WritableKeyPath<Figures, Double> & Sendable, _ coverage: Coverage, _ meaning: String
  ) {
    let get = { @Sendable (record: RoundRecord) in record[keyPath: whole]?[keyPath: part] }
    let set = { @Sendable (record: inout RoundRecord, value: Double?) in
      guard let value else { return }
      var figures = record[keyPath: whole] ?? .unset
      figures[keyPath: part] = value
      record[keyPath: whole] = figures
    }
    self.init(name, unit, .optional(get: get, set: set), coverage, meaning)
  }

  /// What kind of value it is.
  public var type: FigureType {
    if case .count = place { .integer } else { .number }
  }

  /// Whether a round can lack it: null in rounds.jsonl, an empty cell in rounds.csv.
  public var mayBeNull: Bool {
    if case .optional = place { true } else { false }
  }

  /// The key of the row under which the figure is: `uplink` of `uplink.wireBytes`.
  var outerName: String { name.split(separator: ".").first.map(String.init) ?? name }

  /// What a record has; nil where the figure is missing.
  public func number(of record: RoundRecord) -> Double? {
    switch place {
    case .count(let path): Double(record[keyPath: path])
    case .number(let path): record[keyPath: path]
    case .optional(let get, _): get(record)
    }
  }
}
