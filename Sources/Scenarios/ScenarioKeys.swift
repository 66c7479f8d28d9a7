import Aggregator
import ChannelCoding
import JSONText
import Settings

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
    /// Of a file or folder.
    case path
    /// A column of a table: its name, or its number from 0 on.
    case column
    /// A path, or one of images and one of labels.
    case testFiles
  }

  public enum Fallback: Sendable {
    case required
    case value(JSON)
    /// May be left out; null means "not set". The text says what happens then.
    case unset(String)
    /// The same for a key of one choice among several: it is not written where it is not set.
    case absent(String)
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
    case .path: "a path of 1 to \(Self.longestPath) bytes"
    case .column: "a column's name, or its number from 0 to \(Self.lastColumn)"
    case .testFiles: "a path, or {\"images\": path, \"labels\": path}"
    }
  }

  /// Whether `null` may stand for the key: only where it can be left unset.
  var isNullable: Bool {
    switch fallback {
    case .unset, .absent: !allowed.contains("null")
    case .required, .value: false
    }
  }

  private static let longestPath = 4096
  static let lastColumn = 1_000_000

  private static func isPath(_ value: JSON?) -> Bool {
    guard case .string(let path)? = value else { return false }
    return (1...longestPath).contains(path.utf8.count) && path.utf8.allSatisfy { $0 >= 0x20 }
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
    case (.path, .string): isAllowed = Self.isPath(value)
    case (.column, .string(let name)): isAllowed = !name.isEmpty
    case (.column, .integer(let number)): isAllowed = (0...Self.lastColumn).contains(number)
    case (.testFiles, .string): isAllowed = Self.isPath(value)
    case (.testFiles, .object(let files)):
      isAllowed = files.count == 2 && Self.isPath(files["images"]) && Self.isPath(files["labels"])
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
  public static let all: [ScenarioKey] =
    beforeCodecOptions + CodecRegistry.standard.options.map(key) + afterCodecOptions

  private static let beforeCodecOptions: [ScenarioKey] = [
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
      "data.source", .choice(["digits", "idx", "csv", "leaf", "synthetic", "mixture", "given"], later: []), .required,
      "where examples come from (docs/data.md); `digits` (1797 images of 8 x 8) is built in, `given` are a library caller's own"
    ),
    key(
      "data.testFraction", .fraction, .unset("0.2, for `synthetic` 0.1; none with `data.test`"),
      "share that is kept for the test, of each class by a seeded split; `synthetic`: of each client; `mixture`: as "
        + "many more, of the training examples"),
    key(
      "data.test", .testFiles, .unset("split by `testFraction`"),
      "test examples of their own: a path for `csv` and `leaf`, two for `idx`"),
    key(
      "data.images", .path, .absent("needed for `idx`"),
      "`idx`: file of images, plain or gzipped; all paths are seen from the working directory"),
    key("data.labels", .path, .absent("needed for `idx`"), "`idx`: file of labels"),
    key(
      "data.path", .path, .absent("needed for `csv`, `leaf`"),
      "`csv`: the file, plain or gzipped; `leaf`: a file or a folder of .json files"),
    key("data.labelColumn", .column, .absent("needed for `csv`"), "`csv`: the column of labels"),
    key(
      "data.clientColumn", .column, .absent("clients are not named"),
      "`csv`: the column that says whose an example is, for `natural`"),
    key(
      "data.imageShape", .integers(each: 1...65_536, count: 3...3), .absent("no images"),
      "`csv`, `leaf`: height, width and channels where features are pixels, channels last"),
    key(
      "data.classes", .integer(2...65_536),
      .absent("`idx`, `leaf`: the largest label and one more; `synthetic`, `mixture`: 10"), "number of classes"),
    key(
      "data.features", .integer(1...1_000_000), .absent("`synthetic`: 60; `mixture`: 32"),
      "`synthetic`, `mixture`: features of an example"),
    key("data.clients", .integer(1...10_000_000), .absent("30"), "`synthetic`: number of clients"),
    key(
      "data.alpha", .number(low: 0, isLowIncluded: true, high: 1e6, isHighIncluded: true), .absent("1"),
      "`synthetic`: deviation of the clients' models"),
    key(
      "data.beta", .number(low: 0, isLowIncluded: true, high: 1e6, isHighIncluded: true), .absent("1"),
      "`synthetic`: deviation of the centres of the clients' inputs"),
    key("data.iid", .flag, .absent("false"), "`synthetic`: one model and one law of inputs for all clients"),
    key("data.examples", .integer(1...2_000_000_000), .absent("needed for `mixture`"), "`mixture`: training examples"),
    key(
      "data.separation", .number(low: 0, isLowIncluded: true, high: 1e6, isHighIncluded: true), .absent("3"),
      "`mixture`: length of a class's centre in deviations"),
    key(
      "data.deviation", .number(low: 0, isLowIncluded: false, high: 1e6, isHighIncluded: true), .absent("1"),
      "`mixture`: deviation of a feature within its class"),
    key(
      "data.seed", .integer(0...Int.max), .absent("the scenario's `seed`"),
      "`synthetic`, `mixture`: seed of the examples, to keep them while `seed` varies"),

    key(
      "partition.kind",
      .choice(["one-example", "iid", "dirichlet-client", "dirichlet-class", "shards", "natural"], later: []), .required,
      "how training examples are partitioned among clients (docs/data.md)"),
    key(
      "partition.clients", .integer(1...10_000_000), .unset("needed but for `one-example` and `natural`"),
      "number of clients"),
    key(
      "partition.alpha", .number(low: 1e-6, isLowIncluded: true, high: 1e9, isHighIncluded: true),
      .absent("needed for `dirichlet-client`, `dirichlet-class`"),
      "concentration of the Dirichlet law: small for clients of one class, large for IID"),
    key(
      "partition.minimumSize", .integer(0...1_000_000_000), .absent("10"),
      "`dirichlet-class`: the draw is repeated, at most ten times, until every client has so many examples"),
    key(
      "partition.selfBalancing", .flag, .absent("false"),
      "`dirichlet-class`: clients with an equal share of the examples get none of further classes"),
    key(
      "partition.shardsPerClient", .integer(1...1_000_000), .absent("2"),
      "`shards`: parts of the examples, sorted by label, that a client gets"),

    key(
      "model.kind", .choice(["softmax-regression", "perceptron", "convolutional"], later: []), .required, "the model"),
    key(
      "model.hidden", .integers(each: 1...100_000, count: 1...16), .unset("needed for `perceptron`"),
      "widths of the hidden layers, for `perceptron`, and of `convolutional` after its images"),
    key(
      "model.channels", .integers(each: 1...4096, count: 1...8), .unset("needed for `convolutional`"),
      "outputs of the convolutions, for `convolutional`: each keeps height and width (zero padding), then ReLU and 2 x 2 maxima"
    ),
    key(
      "model.kernel", .integer(1...31), .unset("5 for `convolutional`"),
      "height and width of the convolutions, an odd number, for `convolutional`"),

    key(
      "training.algorithm", .choice(["sgd", "scaffold"], later: []), .value("sgd"),
      "what clients do: minibatch SGD, or SGD corrected by control variates (SCAFFOLD), which doubles both messages and is not for "
        + "runs with privacy"),
    key(
      "training.epochs", .integer(1...1_000_000), .unset("1, or `steps` counts"),
      "passes of a client over its examples in a round"),
    key(
      "training.steps", .integer(1...100_000_000), .unset("`epochs` counts"),
      "minibatches of a client in a round, instead of epochs"),
    key(
      "training.batchSize", .integer(1...1_000_000), .value(10), "examples a step; the last batch may be smaller"),
    key("training.learningRate", .positive, .required, "step size of the clients' SGD"),
    key(
      "training.momentum", .number(low: 0, isLowIncluded: true, high: 1, isHighIncluded: false), .value(0),
      "momentum of the clients' SGD, from zero in every round"),
    key(
      "training.proximal", .number(low: 0, isLowIncluded: true, high: 1e6, isHighIncluded: true), .value(0),
      "FedProx's mu: pulls each step towards the broadcast model"),
    key(
      "training.stragglers", .number(low: 0, isLowIncluded: true, high: 1, isHighIncluded: true), .value(0),
      "probability that a drawn client does only part of its work: uniform in 1 ... n - 1 of n epochs, or of the steps of one epoch"
    ),
    key(
      "training.stragglerUpdates", .choice(["keep", "drop"], later: []), .value("keep"),
      "whether the updates of stragglers count (FedProx), or they send nothing (FedAvg)"),

    key(
      "server.optimizer", .choice(ServerOptimizer.standard.map { $0.name }, later: []),
      .value("fedavg"), "what the server does with the mean update"),
    key("server.learningRate", .positive, .value(1), "step size of the server"),
    key(
      "server.momentum", .number(low: 0, isLowIncluded: true, high: 1, isHighIncluded: false),
      .unset("0.9 for `fedavgm`, `fedadam`, `fedyogi`, 0 for `fedadagrad`"),
      "momentum of the server, beta_1; none for `fedavg`"),
    key(
      "server.beta2", .number(low: 0, isLowIncluded: true, high: 1, isHighIncluded: false),
      .unset("0.99 for `fedadam`, `fedyogi`"), "decay of the squared updates, for `fedadam` and `fedyogi`"),
    key(
      "server.adaptivity", .positive, .unset("0.001 for `fedadagrad`, `fedadam`, `fedyogi`"),
      "tau: added to the root of the squared updates"),
    key(
      "server.weighting", .choice(["uniform", "examples"], later: []), .value("uniform"),
      "the mean update: the sum over the expected cohort size, or weighted by the clients' numbers of examples, which is not for runs "
        + "with privacy"),

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
      "privacy.noise", .choice(NoiseSource.allCases.map(\.rawValue), later: []), .value("channel"),
      "where the noise comes from: through the code of each client, or `central`, added by a server that sees plain updates, a baseline "
        + "to compare with (`channel.codec` is then `float32`)"),
    key(
      "privacy.clippingQuantile", .fraction, .unset("the clipping norm is fixed"),
      "adaptive clipping: the share of updates that C should not clip; `clippingNorm` is the first C, and z covers the count too"
    ),
    key(
      "privacy.clippingLearningRate", .number(low: 0, isLowIncluded: false, high: 10, isHighIncluded: true),
      .value(0.2),
      "adaptive clipping: C becomes C exp(-rate (share - quantile))"),
    key(
      "privacy.countNoise", .number(low: 0.01, isLowIncluded: true, high: 1e6, isHighIncluded: true),
      .unset("a twentieth of the expected cohort, for adaptive clipping"),
      "adaptive clipping: deviation of the noise on the number of updates that are not clipped"),
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
      .choice(["auto"] + CodecRegistry.standard.names.map(\.rawValue), later: []), .value("auto"),
      "the code of the uplink (`fedsim channel list`); `auto` takes the exact codec with the fewest predicted bits"),
  ]

  private static let afterCodecOptions: [ScenarioKey] = [
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

  /// The key of an option that codecs declare.
  private static func key(_ option: KeyDescription) -> ScenarioKey {
    let kind: Kind =
      switch option.range {
      case .integer(let allowed): .integer(allowed)
      case .number(let low, let isLowIncluded, let high, let isHighIncluded):
        .number(low: low, isLowIncluded: isLowIncluded, high: high, isHighIncluded: isHighIncluded)
      default: .flag
      }
    return key("channel.\(option.name)", kind, .value(option.standard), option.meaning)
  }

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
        case .unset(let text), .absent(let text): "not set: \(text)"
        }
      lines.append("| `\(key.path)` | \(key.allowed) | \(fallback) | \(key.meaning) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
