import ChannelCoding
import Datasets
import Files
import JSONText
import Numerics
import Settings

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

  /// Share of a seeded split where the scenario does not say: FedProx's for its data.
  var standardTestFraction: Double {
    if case .synthetic = self { 0.1 } else { 0.2 }
  }

  /// Whether the resolved scenario says all there is to know of the examples.
  package var isGenerated: Bool {
    switch self {
    case .synthetic, .mixture: true
    case .digits, .given, .idx, .csv, .leaf: false
    }
  }

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

  /// The section `data` as a file has it.
  func values(testFraction: Double?) -> JSONObject {
    var values: JSONObject = ["source": "digits", "testFraction": testFraction.setting, "test": .null]
    let path = { (path: String) -> JSON in .string(path) }
    switch self {
    case .digits: break
    case .given: values["source"] = "given"
    case .idx(let files, let test, let classes):
      values["source"] = "idx"
      values["test"] = test.map { ["images": path($0.images), "labels": path($0.labels)] } ?? .null
      (values["images"], values["labels"]) = (path(files.images), path(files.labels))
      values["classes"] = classes.map { .integer($0) }
    case .csv(let file, let test, let columns, let shape):
      values["source"] = "csv"
      values["test"] = test.setting
      values["path"] = path(file)
      values["labelColumn"] = columns.label.setting
      values["clientColumn"] = columns.client?.setting
      values["imageShape"] = shape.map { [.integer($0.height), .integer($0.width), .integer($0.channels)] }
    case .leaf(let file, let test, let classes, let shape):
      values["source"] = "leaf"
      values["test"] = test.setting
      values["path"] = path(file)
      values["imageShape"] = shape.map { [.integer($0.height), .integer($0.width), .integer($0.channels)] }
      values["classes"] = classes.map { .integer($0) }
    case .synthetic, .mixture:
      var isMixture = false
      if case .mixture(let data, _) = self {
        isMixture = true
        values["examples"] = .integer(data.examples)
      }
      values["source"] = isMixture ? "mixture" : "synthetic"
      for (key, value) in resolved { values[key] = value }
    }
    return SectionTable.data.ordered(values)
  }

  /// Whether the test examples come from a place of their own.
  package var hasTest: Bool {
    switch self {
    case .digits, .given, .synthetic, .mixture: false
    case .idx(_, let test, _): test != nil
    case .csv(_, let test, _, _), .leaf(_, let test, _, _): test != nil
    }
  }

  /// Files and folders that examples are read from.
  public var paths: [String] {
    switch self {
    case .digits, .given, .synthetic, .mixture: []
    case .idx(let files, let test, _): [files.images, files.labels] + (test.map { [$0.images, $0.labels] } ?? [])
    case .csv(let path, let test, _, _): [path] + (test.map { [$0] } ?? [])
    case .leaf(let path, let test, _, _): [path] + (test.map { [$0] } ?? [])
    }
  }

  /// In words.
  public var description: String {
    switch self {
    case .digits: Digits.attribution
    case .given: "given by the caller"
    case .idx(let files, _, _): "IDX files, \(files.images)"
    case .csv(let path, _, _, _): "CSV, \(path)"
    case .leaf(let path, _, _, _): "LEAF, \(path)"
    case .synthetic(let data, let seed):
      (data.isIID ? "Synthetic, IID" : "Synthetic(\(Text.short(data.alpha)), \(Text.short(data.beta)))")
        + ", data seed \(seed)"
    case .mixture(let data, let seed): "mixture of \(data.classes) Gaussians, data seed \(seed)"
    }
  }
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
  /// The share of a seeded split.
  package var testShare: Double { testFraction ?? data.standardTestFraction }

  /// The examples that the scenario names.
  ///
  /// - Throws: `ScenarioError` that names the key, and the place in the file where one is at fault.
  package func loadData(_ parallel: Parallel) throws(ScenarioError) -> ReviewedData {
    let fraction = testShare
    switch data {
    case .given:
      throw refusal(
        at: "data.source", "\"given\" examples come from a program that uses FedSim as a library; none were given")
    case .digits:
      return ReviewedData(
        split: try splitting { () throws(DataError) in
          LoadedData(training: try Digits.load(), test: nil, labelPlace: "")
        }.split, warnings: [])
    case .idx(let files, let test, let classes):
      return try splitting { () throws(DataError) in try IDXData.load(files, test: test, classes: classes) }
    case .csv(let path, let test, let columns, let shape):
      return try splitting { () throws(DataError) in
        try CSVData.load(path, test: test, columns: columns, imageShape: shape)
      }
    case .leaf(let path, let test, let classes, let shape):
      return try splitting { () throws(DataError) in
        try LEAFData.load(path, test: test, classes: classes, imageShape: shape)
      }
    case .synthetic(let data, let seed):
      let split = try refusing(at: "data.clients") { () throws(DataError) in
        try data.split(
          key: RunKeys.experimentKey(seed: seed, .data), testFraction: fraction, parallel)
      }
      return ReviewedData(split: split, warnings: [])
    case .mixture(let data, let seed):
      let split = try refusing(at: "data.examples") { () throws(DataError) in
        try data.split(
          key: RunKeys.experimentKey(seed: seed, .data), testFraction: fraction, parallel)
      }
      return ReviewedData(split: split, warnings: [])
    }
  }

  /// The key that a loader's message is about: that of the file that it names, or of what the file lacks.
  private func key(of problem: String) -> String {
    let names = { (path: String) in problem.hasPrefix(path + ":") || problem.hasPrefix(path + " ") }
    let isOfShape = problem.contains("an image of ")
    switch data {
    case .idx(let files, let test, let classes):
      if let test, names(test.images) || names(test.labels), test.images != files.images, test.labels != files.labels {
        return "data.test"
      }
      if classes != nil, problem.contains("found label ") { return "data.classes" }
      return names(files.labels) && files.labels != files.images ? "data.labels" : "data.images"
    case .csv(let path, let test, let columns, _):
      if isOfShape { return "data.imageShape" }
      if problem.contains("no column") || problem.contains("both label and client") {
        let label = if case .name(let name) = columns.label { "\"\(name)\"" } else { "" }
        return !label.isEmpty && problem.contains("no column " + label) ? "data.labelColumn" : "data.clientColumn"
      }
      return test.map { $0 != path && names($0) } == true ? "data.test" : "data.path"
    case .leaf(let path, let test, _, _):
      if isOfShape { return "data.imageShape" }
      return test.map { $0 != path && problem.hasPrefix($0) } == true ? "data.test" : "data.path"
    case .digits, .given, .synthetic, .mixture: return "data.source"
    }
  }

  private func splitting(_ load: () throws(DataError) -> LoadedData) throws(ScenarioError) -> ReviewedData {
    let loaded: LoadedData
    do throws(DataError) {
      loaded = try load()
    } catch {
      throw refusal(at: key(of: error.description), error.description)
    }
    let whole = LabelReview(ofWhole: loaded.training, loaded.test, place: loaded.labelPlace)
    if let problem = whole.problem { throw refusal(at: labelKey, problem) }
    let warnings = loaded.warnings + whole.warnings
    let (split, review) = try self.split(consume loaded)
    return ReviewedData(split: split, warnings: warnings + review)
  }

  /// The key that says where labels are.
  private var labelKey: String {
    switch data {
    case .csv: "data.labelColumn"
    case .idx: "data.labels"
    case .leaf: "data.path"
    case .digits, .given, .synthetic, .mixture: "data.source"
    }
  }

  /// - Returns: both parts, and what may be wrong with their labels.
  private func split(_ loaded: consuming LoadedData) throws(ScenarioError) -> (Split, [String]) {
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
          stratified: (consume loaded).takingTraining(), testFraction: testShare, random: &random)
      } catch {
        throw refusal(
          at: key,
          error.description + "; of a class with n examples floor(f n + 1/2) are kept for the test, f = \(testShare)"
        )
      }
    }
    if case .digits = data { return (split, []) }
    let review = LabelReview(
      training: split.training, test: split.test, place: place, areClassesGiven: areClassesGiven)
    if let problem = review.problem { throw refusal(at: key, problem) }
    return (split, review.warnings)
  }

  private var areClassesGiven: Bool {
    switch data {
    case .idx(_, _, let classes), .leaf(_, _, let classes, _): classes != nil
    case .csv, .digits, .given, .synthetic, .mixture: false
    }
  }

  /// The clients, each with its examples.
  package func population(of training: Dataset) throws(ScenarioError) -> Population {
    if let clients = partition.clients, clients > training.count {
      throw refusal(
        at: "partition.clients", "found \(clients) clients for \(training.count) training examples")
    }
    var random = RunKeys.experimentStream(seed: seed, .partition)
    do throws(DataError) {
      return try Population(training, partition: partition, random: &random)
    } catch {
      if case .dirichletClass = partition, error.description.contains("at least") {
        throw refusal(
          at: "partition.minimumSize", error.description + "; 10 where it is not given, 0 asks for nothing")
      }
      throw refusal(at: "partition", error.description)
    }
  }

  private func refusing<T>(at key: String, _ body: () throws(DataError) -> T) throws(ScenarioError) -> T {
    do throws(DataError) { return try body() } catch { throw refusal(at: key, error.description) }
  }
}

extension Partition {
  /// Keys of `partition` beside `kind` that a kind has.
  private static let keys: [String: [String]] = [
    "one-example": [], "natural": [],
    "iid": ["clients"],
    "dirichlet-client": ["clients", "alpha"],
    "dirichlet-class": ["clients", "alpha", "minimumSize", "selfBalancing"],
    "shards": ["clients", "shardsPerClient"],
  ]

  init(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) {
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
    case "iid": self = .iid(clients: try clients())
    case "dirichlet-client": self = try .dirichletClient(clients: clients(), alpha: alpha())
    case "dirichlet-class":
      self = try .dirichletClass(
        clients: clients(), alpha: alpha(), minimumSize: keys.optionalInteger("partition.minimumSize") ?? 10,
        isBalanced: keys.optional("partition.selfBalancing") == .bool(true))
    case "shards":
      self = .shards(clients: try clients(), perClient: keys.optionalInteger("partition.shardsPerClient") ?? 2)
    case "natural": self = .natural
    default: self = .oneExample
    }
  }

  /// The number that the scenario names.
  var clients: Int? {
    switch self {
    case .oneExample, .natural: nil
    case .iid(let clients), .dirichletClient(let clients, _), .dirichletClass(let clients, _, _, _),
      .shards(let clients, _):
      clients
    }
  }

  /// The section `partition` as a file has it.
  var values: JSONObject {
    var values: JSONObject = ["kind": "one-example", "clients": clients.setting]
    switch self {
    case .oneExample: break
    case .natural: values["kind"] = "natural"
    case .iid: values["kind"] = "iid"
    case .dirichletClient(_, let alpha):
      values["kind"] = "dirichlet-client"
      values["alpha"] = .number(alpha)
    case .dirichletClass(_, let alpha, _, _):
      values["kind"] = "dirichlet-class"
      values["alpha"] = .number(alpha)
    case .shards: values["kind"] = "shards"
    }
    for (key, value) in resolved { values[key] = value }
    return values
  }

  /// Values of keys that the scenario may have left out.
  package var resolved: [(key: String, value: JSON)] {
    switch self {
    case .oneExample, .natural, .iid, .dirichletClient: []
    case .dirichletClass(_, _, let minimumSize, let isBalanced):
      [("minimumSize", .integer(minimumSize)), ("selfBalancing", .bool(isBalanced))]
    case .shards(_, let perClient): [("shardsPerClient", .integer(perClient))]
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

extension CSVData.Column {
  fileprivate var setting: JSON {
    switch self {
    case .name(let name): .string(name)
    case .number(let number): .integer(number)
    }
  }
}

extension SectionTable {
  /// Values in the order of the table.
  fileprivate func ordered(_ values: JSONObject) -> JSONObject {
    var ordered = JSONObject()
    for key in all { ordered[key.name] = values[key.name] }
    return ordered
  }
}
