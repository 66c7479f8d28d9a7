import ChannelCoding

/// One key of a scenario: the table below is what validation, messages and docs/scenario.md are made from.
public struct ScenarioKey: Sendable {
  /// Dotted path, such as `privacy.clippingNorm`.
  public let path: String
  public let kind: Kind
  public let fallback: Fallback
  /// What the key means, with its unit.
  public let meaning: String

  public enum Kind: Sendable {
    case integer(ClosedRange<Int>)
    /// Above or from `low`, below or up to `high`.
    case number(low: Double, isLowIncluded: Bool, high: Double, isHighIncluded: Bool)
    /// Names a folder: letters, digits, `.`, `_` and `-`, at most 100, not starting with a point.
    case name
    /// Values that this version has, and values of the contract that it does not have yet.
    case choice([String], later: [String])
    case flag
    case integers(each: ClosedRange<Int>, count: ClosedRange<Int>)
    /// A key of the contract whose feature is not in this version: only the value that switches it off.
    case onlyNeutral(JSON)
  }

  public enum Fallback: Sendable {
    case required
    case value(JSON)
    /// May be left out; null means "not set". The text says what happens then.
    case unset(String)
  }

  /// In words: "a number above 0".
  public var allowed: String {
    switch kind {
    case .integer(let range):
      "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .number(let low, let isLowIncluded, let high, let isHighIncluded):
      [
        low == -.infinity ? "a number" : "a number \(isLowIncluded ? "from" : "above") \(JSON.number(low).summary)",
        high == .infinity ? "" : " \(isHighIncluded ? "up to" : "below") \(JSON.number(high).summary)",
      ].joined()
    case .name: "1 to 100 letters, digits, \".\", \"_\" or \"-\", not starting with \".\""
    case .choice(let values, _): values.map { "\"\($0)\"" }.joined(separator: ", ")
    case .flag: "true or false"
    case .integers(let each, let count):
      "an array of \(count.lowerBound) to \(count.upperBound) integers from \(each.lowerBound) to \(each.upperBound)"
    case .onlyNeutral(let value): "only \(value.summary), as what it switches on is not in this version"
    }
  }

  /// Whether `null` may stand for the key: only where it can be left unset.
  var isNullable: Bool {
    if case .unset = fallback, !allowed.contains("null") { return true }
    return false
  }

  /// Nil when `value` is allowed.
  func problem(_ value: JSON) -> String? {
    let isAllowed: Bool
    switch (kind, value) {
    case (.integer(let range), .integer(let found)): isAllowed = range.contains(found)
    case (.number(let low, let isLowIncluded, let high, let isHighIncluded), _):
      guard let found = value.double else { return "found \(value.kindName), \(value.summary)" }
      isAllowed =
        (isLowIncluded ? found >= low : found > low) && (isHighIncluded ? found <= high : found < high)
    case (.name, .string(let found)):
      isAllowed =
        (1...100).contains(found.utf8.count) && !found.hasPrefix(".")
        && found.utf8.allSatisfy { byte in
          let letter = byte | 0x20
          return (0x61...0x7A).contains(letter) && byte < 0x80 || (0x30...0x39).contains(byte)
            || [0x2D, 0x2E, 0x5F].contains(byte)
        }
    case (.choice(let values, let later), .string(let found)):
      if later.contains(found) { return "\"\(found)\" is not in this version" }
      isAllowed = values.contains(found)
    case (.flag, .bool): isAllowed = true
    case (.integers(let each, let count), .array(let found)):
      isAllowed =
        count.contains(found.count)
        && found.allSatisfy {
          guard case .integer(let item) = $0 else { return false }
          return each.contains(item)
        }
    case (.onlyNeutral(let neutral), _):
      isAllowed = neutral == value || (neutral.double != nil && neutral.double == value.double)
    default: return "found \(value.kindName), \(value.summary)"
    }
    return isAllowed ? nil : "found \(value.summary)"
  }
}

extension ScenarioKey.Kind {
  static let positive = Self.number(low: 0, isLowIncluded: false, high: .infinity, isHighIncluded: false)
  static let fraction = Self.number(low: 0, isLowIncluded: false, high: 1, isHighIncluded: false)
}

extension ScenarioKey {
  /// Every key, section by section, in the order in which a resolved scenario writes them.
  public static let all: [ScenarioKey] = [
    key("version", .integer(1...1), .value(1), "version of this contract"),
    key("name", .name, .value("scenario"), "names the run and its output folder"),
    key(
      "seed", .integer(0...Int.max), .value(1),
      "the one seed: data split, partition and initial model come from it alone; cohorts, noise and keys from it and "
        + "a hash of the resolved scenario (but for `name` and `evaluation`), the data and the version"),
    key(
      "task", .choice(["classification"], later: ["mean-estimation"]), .required, "what the clients' data are for"),
    key("rounds", .integer(1...1_000_000), .required, "rounds of training, T"),

    key(
      "data.source", .choice(["digits", "given"], later: ["idx", "csv", "synthetic", "leaf"]), .required,
      "where examples come from; `digits` (1797 images of 8 x 8) is built in, `given` are a library caller's own"),
    key(
      "data.testFraction", .fraction, .value(0.2), "share of each class that is kept for the test, by a seeded split"),
    key("data.test", .onlyNeutral(.null), .unset("split by `testFraction`"), "test examples of their own"),

    key(
      "partition.kind",
      .choice(["one-example", "iid"], later: ["dirichlet-client", "dirichlet-class", "shards", "natural"]), .required,
      "how training examples are dealt to clients"),
    key(
      "partition.clients", .integer(1...10_000_000), .unset("needed for `iid`"), "number of clients, for `iid`"),

    key("model.kind", .choice(["softmax-regression", "perceptron"], later: []), .required, "the model"),
    key(
      "model.hidden", .integers(each: 1...100_000, count: 1...16), .unset("needed for `perceptron`"),
      "widths of the hidden layers, for `perceptron`"),

    key("training.epochs", .integer(1...1_000_000), .value(1), "passes of a client over its examples in a round"),
    key("training.steps", .onlyNeutral(.null), .unset("`epochs` counts"), "steps instead of epochs"),
    key(
      "training.batchSize", .integer(1...1_000_000), .value(10), "examples a step; the last batch may be smaller"),
    key("training.learningRate", .positive, .required, "step size of the clients' SGD"),
    key("training.momentum", .onlyNeutral(0), .value(0), "momentum of the clients' SGD"),
    key("training.proximal", .onlyNeutral(0), .value(0), "FedProx's mu"),

    key(
      "server.optimizer", .choice(["fedavg"], later: ["fedavgm", "fedadagrad", "fedadam", "fedyogi"]),
      .value("fedavg"), "what the server does with the mean update: the unweighted sum over the expected cohort size"),
    key("server.learningRate", .positive, .value(1), "step size of the server"),
    key("server.momentum", .onlyNeutral(0), .value(0), "momentum of the server"),

    key(
      "cohort.sampling", .choice(["poisson", "fixed-size", "everyone"], later: []), .required,
      "how the clients of a round are drawn; at fixed size a client that is left out makes room for another, which costs far more "
        + "epsilon at the same noise"),
    key(
      "cohort.size", .integer(1...10_000_000), .unset("needed for `poisson` and `fixed-size`"),
      "number of drawn clients, the expected one for `poisson`: sampling rate q = size / clients"),
    key(
      "cohort.dropout", .number(low: 0, isLowIncluded: true, high: 1, isHighIncluded: false), .value(0),
      "probability that a drawn client sends nothing; the sum is divided by the expected cohort all the same"),

    key(
      "privacy.clippingNorm", .number(low: 1e-9, isLowIncluded: true, high: 1e9, isHighIncluded: true), .required,
      "C: bound on the L2 norm of a client's update"),
    key(
      "privacy.noiseMultiplier", .number(low: 0.01, isLowIncluded: true, high: 1e6, isHighIncluded: true),
      .unset("computed from `targetEpsilon`"),
      "z: deviation of the noise on the sum of updates over C; exactly one of this and `targetEpsilon`"),
    key(
      "privacy.targetEpsilon", .number(low: 1e-3, isLowIncluded: true, high: 1e4, isHighIncluded: true),
      .unset("`noiseMultiplier` is given"), "epsilon of the whole run that the noise is calibrated to"),
    key(
      "privacy.delta", .number(low: 1e-300, isLowIncluded: true, high: 1, isHighIncluded: false),
      .unset("min(1e-5, N^-1.1) for N clients"),
      "the delta of (epsilon, delta); at least 1/N only where it is written here"),
    key(
      "privacy.relation", .choice(["zero-out", "add-or-remove", "replace-one"], later: []), .value("zero-out"),
      "which data sets are neighbours; the unit is a client with all its examples"),
    key(
      "privacy.accountant", .choice(["pld", "rdp", "gaussian"], later: []), .value("pld"),
      "how epsilon is computed: `pld` from above and below for every cohort and relation, `rdp` (upper bounds) and `gaussian` "
        + "(everyone) as cross-checks"),
    key(
      "privacy.budget", .number(low: 1e-3, isLowIncluded: true, high: 1e4, isHighIncluded: true), .unset("no budget"),
      "stop before the first round after which epsilon would be above this; what was done is kept"),

    key(
      "channel.codec",
      .choice(["auto"] + CodecName.allCases.map(\.rawValue), later: []), .value("auto"),
      "the code of the uplink (`fedsim channel list`); `auto` takes the exact codec with the fewest predicted bits"),
    key(
      "channel.draws", .integer(CodecOptions.allowedDraws), .value(.integer(CodecOptions.standard.draws)),
      "candidates that block codecs draw for a block, on average: more of them, longer blocks, fewer bits, more time"),
    key(
      "channel.fixedLength", .flag, .value(.bool(CodecOptions.standard.fixedLength)),
      "`layered-shifted`: payloads of one length, whatever the update, or entropy-coded ones"),
    key(
      "channel.effort", .integer(CodecOptions.allowedEffort), .value(.integer(CodecOptions.standard.effort)),
      "`polar`: how much time the encoder may take to save bits; 3 saves 5 to 20 % for up to twice the time"),
    key(
      "channel.seal", .flag, .value(false),
      "encrypt and authenticate uploads (ChaCha20-Poly1305 of libsodium, 16 bytes each) with a key of client and server"
    ),
    key(
      "channel.padding", .choice(["none", "fixed-length"], later: []), .value("none"),
      "`fixed-length`: only codecs whose payloads have one length, whatever the update (`layered-shifted`, `float32`), so that "
        + "lengths tell nothing; `auto` takes the shorter of them. No cut, no overflow"),

    key(
      "evaluation.every", .integer(1...1_000_000), .value(5),
      "rounds between evaluations on the test examples; the last round is always evaluated"),
  ]

  /// Sections that a scenario must have; `privacy` may be left out (then there is none), the others have defaults.
  static let requiredSections = ["data", "partition", "model", "training", "cohort"]
  public static let sections = requiredSections + ["server", "privacy", "channel", "evaluation"]

  private static func key(_ path: String, _ kind: Kind, _ fallback: Fallback, _ meaning: String) -> ScenarioKey {
    ScenarioKey(path: path, kind: kind, fallback: fallback, meaning: meaning)
  }

  /// The reference of all keys as Markdown: docs/scenario.md.
  public static var reference: String {
    var lines = [
      "# The scenario: every key",
      "",
      "Made from the table in `Sources/FedSim/ScenarioKeys.swift`; a test keeps it up to date.",
      "Required sections: \(requiredSections.map { "`\($0)`" }.joined(separator: ", ")). Without `privacy` there is no "
        + "noise and no clipping, and the run says so. Unknown keys are errors; `null` means \"not set\".",
      "",
      "| key | allowed | default | meaning |",
      "|---|---|---|---|",
    ]
    for key in all {
      let fallback =
        switch key.fallback {
        case .required: "required"
        case .value(let value): "`\(value.text(pretty: false))`"
        case .unset(let text): "not set: \(text)"
        }
      lines.append("| `\(key.path)` | \(key.allowed) | \(fallback) | \(key.meaning) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
