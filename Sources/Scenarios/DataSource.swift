import ChannelCoding
import Datasets
import Files
import JSONText
import Numerics

/// Where a scenario's examples come from.
public enum DataSource: Sendable, Equatable {
  case digits
  /// A library caller's own.
  case given
  case idx(IDXData.Files, test: IDXData.Files?, classes: Int?)
  case csv(path: String, test: String?, CSVData.Columns, Dataset.ImageShape?)
  case leaf(path: String, test: String?, classes: Int?, Dataset.ImageShape?)
  case synthetic(SyntheticData, seed: UInt64)
  case mixture(MixtureData, seed: UInt64)

  /// Keys of `data` beside `source` that a source has. Others must not be there: what is written is meant.
  private static let keys: [String: [String]] = [
    "digits": ["testFraction"],
    "given": ["testFraction"],
    "idx": ["images", "labels", "test", "testFraction", "classes"],
    "csv": ["path", "test", "testFraction", "labelColumn", "clientColumn", "imageShape"],
    "leaf": ["path", "test", "testFraction", "classes", "imageShape"],
    "synthetic": ["testFraction", "alpha", "beta", "clients", "features", "classes", "iid", "seed"],
    "mixture": ["testFraction", "examples", "features", "classes", "separation", "deviation", "seed"],
  ]

  /// Keys that say where files are: what is in them names a run, not where they lie.
  package static let placeKeys = ["images", "labels", "path", "test"]

  init(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) {
    let source = keys.string("data.source")
    try file.checkKeys(of: "data", chosenBy: "source", source, allowed: Self.keys[source] ?? [])
    if keys.optional("data.test") != nil, keys.optional("data.testFraction") != nil {
      throw file.error(
        at: "data.testFraction", "found a share of a split and test examples of their own (data.test)",
        allowed: "one of the two")
    }
    let path = { (key: String, meaning: String) throws(ScenarioError) in
      guard case .string(let path)? = keys.optional("data.\(key)") else {
        throw file.error(at: "data.\(key)", "\"\(source)\" needs \(meaning)", allowed: "a path")
      }
      return path
    }
    let classes = keys.optionalInteger("data.classes")
    switch source {
    case "idx":
      var test: IDXData.Files?
      switch keys.optional("data.test") {
      case .object(let files)?:
        guard case .string(let images)? = files["images"], case .string(let labels)? = files["labels"] else {
          preconditionFailure("the table checks what data.test is")
        }
        test = .init(images: images, labels: labels)
      case .some(let found):
        throw file.error(at: "data.test", "found \(found.summary)", allowed: "{\"images\": path, \"labels\": path}")
      case nil: break
      }
      self = .idx(
        .init(images: try path("images", "a file of images"), labels: try path("labels", "a file of labels")),
        test: test, classes: classes)
    case "csv", "leaf":
      var test: String?
      switch keys.optional("data.test") {
      case .string(let path)?: test = path
      case .some(let found): throw file.error(at: "data.test", "found \(found.summary)", allowed: "a path")
      case nil: break
      }
      let training = try path("path", source == "csv" ? "a file" : "a file or folder")
      let shape = Self.imageShape(keys)
      guard source == "csv" else {
        self = .leaf(path: training, test: test, classes: classes, shape)
        return
      }
      guard let label = Self.column(keys, "data.labelColumn") else {
        throw file.error(
          at: "data.labelColumn", "\"csv\" needs the column of labels", allowed: "a name or a number from 0 on")
      }
      self = .csv(
        path: training, test: test, .init(label: label, client: Self.column(keys, "data.clientColumn")), shape)
    case "synthetic":
      var data = SyntheticData()
      data.alpha = keys.optional("data.alpha")?.double ?? data.alpha
      data.beta = keys.optional("data.beta")?.double ?? data.beta
      data.clients = keys.optionalInteger("data.clients") ?? data.clients
      data.features = keys.optionalInteger("data.features") ?? data.features
      data.classes = classes ?? data.classes
      data.isIID = keys.optional("data.iid") == .bool(true)
      self = .synthetic(data, seed: Self.seed(keys))
    case "mixture":
      guard let examples = keys.optionalInteger("data.examples") else {
        throw file.error(
          at: "data.examples", "\"mixture\" needs the number of training examples", allowed: "an integer from 1 on")
      }
      var data = MixtureData(examples: examples)
      data.features = keys.optionalInteger("data.features") ?? data.features
      data.classes = classes ?? data.classes
      data.separation = keys.optional("data.separation")?.double ?? data.separation
      data.deviation = keys.optional("data.deviation")?.double ?? data.deviation
      self = .mixture(data, seed: Self.seed(keys))
    case "given": self = .given
    default: self = .digits
    }
  }

  private static func seed(_ keys: ResolvedKeys) -> UInt64 {
    UInt64(keys.optionalInteger("data.seed") ?? keys.integer("seed"))
  }

  private static func column(_ keys: ResolvedKeys, _ path: String) -> CSVData.Column? {
    switch keys.optional(path) {
    case .string(let name)?: .name(name)
    case .integer(let number)?: .number(number)
    default: nil
    }
  }

  private static func imageShape(_ keys: ResolvedKeys) -> Dataset.ImageShape? {
    guard case .array(let sides)? = keys.optional("data.imageShape") else { return nil }
    let integers = sides.compactMap { if case .integer(let side) = $0 { side } else { nil } }
    return .init(height: integers[0], width: integers[1], channels: integers[2])
  }

  /// The source itself.
  public var source: any ExampleSource {
    switch self {
    case .digits: Digits()
    case .given: GivenData()
    case .idx(let files, let test, let classes): IDXData(files, test: test, classes: classes)
    case .csv(let path, let test, let columns, let shape):
      CSVData(path: path, test: test, columns: columns, imageShape: shape)
    case .leaf(let path, let test, let classes, let shape):
      LEAFData(path: path, test: test, classes: classes, imageShape: shape)
    case .synthetic(let data, let seed):
      SyntheticData(
        alpha: data.alpha, beta: data.beta, clients: data.clients, features: data.features, classes: data.classes,
        isIID: data.isIID, seed: seed)
    case .mixture(let data, let seed):
      MixtureData(
        examples: data.examples, features: data.features, classes: data.classes, separation: data.separation,
        deviation: data.deviation, seed: seed)
    }
  }

  /// Share of a seeded split where the scenario does not say.
  var standardTestFraction: Double { source.standardTestFraction }

  /// Whether the resolved scenario says all there is to know of the examples.
  package var isGenerated: Bool { source.isGenerated }

  /// Values of keys that the scenario may have left out.
  package var resolved: [(key: String, value: JSON)] {
    switch self {
    case .digits, .given, .idx, .csv, .leaf: []
    case .synthetic(let data, let seed):
      [
        ("alpha", .number(data.alpha)), ("beta", .number(data.beta)), ("clients", .integer(data.clients)),
        ("features", .integer(data.features)), ("classes", .integer(data.classes)), ("iid", .bool(data.isIID)),
        ("seed", .integer(Int(seed))),
      ]
    case .mixture(let data, let seed):
      [
        ("features", .integer(data.features)), ("classes", .integer(data.classes)),
        ("separation", .number(data.separation)), ("deviation", .number(data.deviation)),
        ("seed", .integer(Int(seed))),
      ]
    }
  }

  /// Files and folders that examples are read from.
  public var paths: [String] { source.paths }

  /// In words.
  public var description: String { source.description }
}

/// Examples, and what may not be meant about them: a sentence each.
package struct ReviewedData {
  package let split: Split
  package let warnings: [String]

  package init(split: Split, warnings: [String]) {
    self.split = split
    self.warnings = warnings
  }
}

extension Scenario {
  /// The examples that the scenario names.
  ///
  /// - Throws: `ScenarioError` that names the key, and the place in the file where one is at fault.
  package func loadData(_ parallel: Parallel) throws(ScenarioError) -> ReviewedData {
    if case .given = data {
      throw file.refusal(
        at: "data.source", "\"given\" examples come from a program that uses FedSim as a library; none were given")
    }
    let source = data.source
    let loaded: LoadedData
    do throws(DataError) {
      loaded = try source.load(LoadRequest(seed: seed, testFraction: testFraction, parallel: parallel))
    } catch {
      throw file.refusal(at: Self.key(of: error.subject), error.description)
    }
    guard let labels = source.reviewedLabels else {
      return ReviewedData(split: try split(consume loaded, source).0, warnings: [])
    }
    let whole = LabelReview(ofWhole: loaded.training, loaded.test, place: loaded.labelPlace)
    if let problem = whole.problem { throw file.refusal(at: Self.key(of: labels), problem) }
    let warnings = loaded.warnings + whole.warnings
    let (split, review) = try self.split(consume loaded, source)
    return ReviewedData(split: split, warnings: warnings + review)
  }

  /// The key that says what an error is about.
  private static func key(of subject: DataSubject?) -> String {
    switch subject {
    case .file(.training): "data.path"
    case .file(.test): "data.test"
    case .file(.images): "data.images"
    case .file(.labels): "data.labels"
    case .column(.label): "data.labelColumn"
    case .column(.client): "data.clientColumn"
    case .classCount: "data.classes"
    case .imageShape: "data.imageShape"
    case .exampleCount: "data.examples"
    case .clientCount: "data.clients"
    case .minimumSize, nil: "data.source"
    }
  }

  /// - Returns: both parts, and what may be wrong with their labels.
  private func split(
    _ loaded: consuming LoadedData, _ source: any ExampleSource
  ) throws(ScenarioError) -> (Split, [String]) {
    let place = loaded.labelPlace
    let split: Split
    let key: String
    if let test = loaded.test {
      key = "data.test"
      let training = loaded.training
      split = try refusing(at: key) { () throws(DataError) in try Split(training: training, test: test) }
    } else {
      key = "data.testFraction"
      var random = RunKeys.experimentStream(seed: seed, .split)
      do throws(DataError) {
        split = try Split(
          stratified: (consume loaded).takingTraining(), testFraction: testFraction, random: &random)
      } catch {
        throw file.refusal(
          at: key,
          error.description + "; of a class with n examples floor(f n + 1/2) are kept for the test, f = \(testFraction)"
        )
      }
    }
    if source.reviewedLabels == nil { return (split, []) }
    let review = LabelReview(
      training: split.training, test: split.test, place: place, areClassesGiven: source.areClassesGiven)
    if let problem = review.problem { throw file.refusal(at: key, problem) }
    return (split, review.warnings)
  }

  /// The clients, each with its examples.
  package func population(of training: Dataset) throws(ScenarioError) -> Population {
    if let clients = partition.clientCount, clients > training.count {
      throw file.refusal(
        at: "partition.clients", "found \(clients) clients for \(training.count) training examples")
    }
    var random = RunKeys.experimentStream(seed: seed, .partition)
    do throws(DataError) {
      return try Population(training, partition: partition, random: &random)
    } catch {
      if partition is DirichletClassPartition, error.subject == .minimumSize {
        throw file.refusal(
          at: "partition.minimumSize", error.description + "; 10 where it is not given, 0 asks for nothing")
      }
      throw file.refusal(at: "partition", error.description)
    }
  }

  private func refusing<T>(at key: String, _ body: () throws(DataError) -> T) throws(ScenarioError) -> T {
    do throws(DataError) { return try body() } catch { throw file.refusal(at: key, error.description) }
  }
}

/// The scenario's section `partition`.
package enum PartitionKeys {
  /// Keys of `partition` beside `kind` that a kind has.
  private static let keys: [String: [String]] = [
    "one-example": [], "natural": [],
    "iid": ["clients"],
    "dirichlet-client": ["clients", "alpha"],
    "dirichlet-class": ["clients", "alpha", "minimumSize", "selfBalancing"],
    "shards": ["clients", "shardsPerClient"],
  ]

  static func scheme(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) -> any PartitionScheme {
    let kind = keys.string("partition.kind")
    if let found = keys.optional("partition.clients"), kind == "one-example" || kind == "natural" {
      let reason = kind == "natural" ? "has the clients that the data name" : "makes as many clients as examples"
      throw file.error(at: "partition.clients", "found \(found.summary), but \"\(kind)\" \(reason)", allowed: "null")
    }
    try file.checkKeys(of: "partition", chosenBy: "kind", kind, allowed: Self.keys[kind] ?? [])
    let clients = { () throws(ScenarioError) in
      guard let count = keys.optionalInteger("partition.clients") else {
        throw file.error(
          at: "partition.clients", "\"\(kind)\" needs the number of clients", allowed: "an integer from 1 on")
      }
      return count
    }
    let alpha = { () throws(ScenarioError) in
      guard let alpha = keys.optional("partition.alpha")?.double else {
        throw file.error(at: "partition.alpha", "\"\(kind)\" needs a concentration", allowed: "a number above 0")
      }
      return alpha
    }
    switch kind {
    case "iid": return IIDPartition(clients: try clients())
    case "dirichlet-client": return try DirichletClientPartition(clients: clients(), alpha: alpha())
    case "dirichlet-class":
      return try DirichletClassPartition(
        clients: clients(), alpha: alpha(), minimumSize: keys.optionalInteger("partition.minimumSize") ?? 10,
        isBalanced: keys.optional("partition.selfBalancing") == .bool(true))
    case "shards":
      return ShardPartition(
        clients: try clients(), perClient: keys.optionalInteger("partition.shardsPerClient") ?? 2)
    case "natural": return NaturalPartition()
    default: return OneExamplePartition()
    }
  }

  /// Values of keys that the scenario may have left out.
  package static func resolved(_ scheme: any PartitionScheme) -> [(key: String, value: JSON)] {
    switch scheme {
    case let scheme as DirichletClassPartition:
      [("minimumSize", .integer(scheme.minimumSize)), ("selfBalancing", .bool(scheme.isBalanced))]
    case let scheme as ShardPartition: [("shardsPerClient", .integer(scheme.perClient))]
    default: []
    }
  }
}

extension ScenarioFile {
  /// Refuses a key that the chosen source or kind does not have.
  fileprivate func checkKeys(
    of section: String, chosenBy key: String, _ choice: String, allowed: [String]
  ) throws(ScenarioError) {
    guard case .object(let root) = resolved, case .object(let found)? = root[section] else { return }
    for (name, value) in found where name != key && value != .null && !allowed.contains(name) {
      throw error(
        at: "\(section).\(name)", "found \(value.summary), which \"\(choice)\" does not have", allowed: "null")
    }
  }
}
