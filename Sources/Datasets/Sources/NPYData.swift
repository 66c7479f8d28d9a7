import Files
import JSONText
import Settings

/// Arrays in NumPy's file format, plain or gzipped: features of N x d numbers, N x height x width, or N x height x width x channels, and
/// class numbers, quantities or clients in arrays of N.
public struct NPYData: ExampleSource {
  /// A file of features, and one of their labels; nil where examples have none.
  public struct Files: Sendable, Equatable {
    public var features: String
    public var labels: String?

    public init(features: String, labels: String? = nil) { (self.features, self.labels) = (features, labels) }
  }

  /// The training examples. Without labels, all examples are of class 0 of two.
  public var files: Files
  /// Test examples of their own, with labels where the training examples have them; nil for a split.
  public var test: Files?
  /// A file of N integers, equal ones for the examples of one client; nil where nobody says whose examples are.
  public var clients: String?
  /// The number of classes; nil for the largest label of both parts and one more.
  public var classes: Int?
  /// What features are divided by.
  public var scale: Double

  public init(_ files: Files, test: Files? = nil, clients: String? = nil, classes: Int? = nil, scale: Double = 1) {
    (self.files, self.test, self.clients, self.classes, self.scale) = (files, test, clients, classes, scale)
  }

  public var description: String { "NumPy arrays, \(files.features)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["features", "labels", "clients", "test"] }
  public var paths: [String] {
    ([files] + (test.map { [$0] } ?? [])).flatMap { [$0.features] + ($0.labels.map { [$0] } ?? []) }
      + (clients.map { [$0] } ?? [])
  }
  public var areClassesGiven: Bool { classes != nil }
  public var readsTargets: Bool { true }
  public var ownerKey: String? { "clients" }
  public var reviewedLabels: DataSubject? { files.labels == nil ? nil : .file(.labels) }

  /// - Throws: `DataError` that names the file and the byte.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    try examples(request, classes: classes) { _ in scale }
  }

  /// Whether an array can be the features of examples, by its dimensions.
  static func checkFeatures(_ features: NamedArray) throws(DataError) {
    let dimensions = features.array.shape.count
    guard (2...4).contains(dimensions) else {
      throw features.wrongShape(
        "found \(dimensions) dimensions; examples have 2 (count, features), 3 (count, height, width) or 4 (with channels)"
          + (dimensions == 1 ? ": are features and labels exchanged?" : ""))
    }
  }

  fileprivate static func array(_ path: String?) throws(DataError) -> NamedArray? {
    guard let path else { return nil }
    return try array(path)
  }

  fileprivate static func array(_ path: String) throws(DataError) -> NamedArray {
    // No more is unpacked than the header announces, where the first bytes hold it whole.
    let bytes = try DataFile.read(
      path, formats: [.npy], head: 4096, limit: { NPYArray.announcedBytes($0) ?? Gzip.largestText })
    return try array(bytes, name: path)
  }

  /// - Parameter name: what messages call the array.
  static func array(_ bytes: [UInt8], name: String) throws(DataError) -> NamedArray {
    do throws(ToolError) { return NamedArray(name: name, array: try NPYArray.read(bytes, name: name)) } catch {
      switch error {
      case .input(let place, let problem), .failed(let place, let problem):
        throw .file(
          place: name,
          problem: place.hasPrefix(name + ": ") ? "\(place.dropFirst(name.count + 2)): \(problem)" : problem)
      }
    }
  }
}

extension NPYData: ArraySource {
  var featureSubject: DataSubject.FileRole { .features }
  func name(isTest: Bool) -> String { (isTest ? test : nil)?.features ?? files.features }
  func labels(isTest: Bool) throws(DataError) -> NamedArray? { try Self.array(isTest ? test?.labels : files.labels) }
  func readClients() throws(DataError) -> NamedArray? { try Self.array(clients) }
  var areClientsAsked: Bool { true }
  var labelHint: String { "; data.labels names their file" }

  func features(isTest: Bool) throws(DataError) -> NamedArray {
    let found = try Self.array(name(isTest: isTest))
    try Self.checkFeatures(found)
    return found
  }
}

extension NPYData.Files: SettingValue {
  public init?(setting: JSON) {
    guard case .object(let files) = setting, case .string(let features)? = files["features"] else { return nil }
    switch files["labels"] {
    case .string(let labels)?: self.init(features: features, labels: labels)
    case nil: self.init(features: features)
    default: return nil
    }
  }

  public var setting: JSON {
    var files = JSONObject()
    files["features"] = .string(features)
    if let labels { files["labels"] = .string(labels) }
    return .object(files)
  }
}

extension NPYData: Configurable {
  public static let keys = SettingList(
    NPYData(.init(features: "")),
    [
      Setting(
        "test", \.test, .either([.paths(["features", "labels"]), .paths(["features"])]),
        .unset("split by `testFraction`"), "test examples of their own: their files of features and labels"),
      Setting(
        "features", \.files.features, .path, .needed("a file of features"),
        "file of features, plain or gzipped: N x d, N x height x width, or N x height x width x channels"),
      Setting(
        "labels", \.files.labels, .path, .absent("examples have no labels"), "file of N integers, the examples' classes"
      ),
      Setting(
        "clients", \.clients, .path, .absent("clients are not named"),
        "file of N integers that says whose an example is, for `natural`"),
      Setting(
        "classes", \.classes, .integer(2...65_536), .absent("the largest label and one more"), "number of classes"),
      Setting("scale", \.scale, .positive, "what features are divided by: 255 for pixels of one byte"),
    ])
}
