import Files
import JSONText
import Settings

/// Arrays in NumPy's file format, plain or gzipped: features of N x d numbers, N x height x width, or N x height x width x channels, and
/// class numbers in an array of N.
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
  /// The number of classes; nil for the largest label of both parts and one more.
  public var classes: Int?
  /// What features are divided by.
  public var scale: Double

  public init(_ files: Files, test: Files? = nil, classes: Int? = nil, scale: Double = 1) {
    (self.files, self.test, self.classes, self.scale) = (files, test, classes, scale)
  }

  public var description: String { "NumPy arrays, \(files.features)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["features", "labels", "test"] }
  public var paths: [String] {
    ([files] + (test.map { [$0] } ?? [])).flatMap { [$0.features] + ($0.labels.map { [$0] } ?? []) }
  }
  public var areClassesGiven: Bool { classes != nil }
  public var reviewedLabels: DataSubject? { files.labels == nil ? nil : .file(.labels) }

  /// Labels from here on are no classes.
  static let mostClasses = 65_536

  /// - Throws: `DataError` that names the file and the byte.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    let trainingLabels = try about(.file(.labels)) { () throws(DataError) in try Self.labels(files.labels) }
    let testLabels = try about(.file(.test)) { () throws(DataError) in try Self.labels(test?.labels) }
    if let test, (test.labels == nil) != (files.labels == nil) {
      throw DataError.file(
        place: test.features,
        problem: "its examples have \(test.labels == nil ? "no labels" : "labels"), and the training examples "
          + (files.labels == nil ? "have none" : "have some")
      ).about(.file(.test))
    }
    let largest = max(trainingLabels?.values.max() ?? 0, testLabels?.values.max() ?? 0)
    let classCount = classes ?? max(largest + 1, 2)
    for (found, subject) in [(trainingLabels, DataSubject.classCount), (testLabels, .file(.test))] {
      guard let found, let i = found.values.firstIndex(where: { $0 >= classCount }) else { continue }
      throw DataError.file(
        place: found.path,
        problem: "byte \(found.array.offset(of: i)): found label \(found.values[i]); allowed: 0 to \(classCount - 1)"
      ).about(subject)
    }
    let training = try about(.file(.features)) { () throws(DataError) in
      try dataset(files.features, trainingLabels, classCount)
    }
    let testing = try about(.file(.test)) { () throws(DataError) in
      try test.map { test throws(DataError) in try dataset(test.features, testLabels, classCount) }
    }
    if let testing, let test, (testing.featureCount, testing.imageShape) != (training.featureCount, training.imageShape)
    {
      throw DataError.file(
        place: test.features, problem: "its examples differ in shape from those of \(files.features)"
      ).about(.file(.test))
    }
    return LoadedData(
      training: training, test: testing, labelPlace: files.labels.map { "the labels of \($0)" } ?? "")
  }

  private struct Labels {
    let path: String
    let array: NPYArray
    let values: [Int]
  }

  private func dataset(_ path: String, _ labels: Labels?, _ classes: Int) throws(DataError) -> Dataset {
    let array = try Self.array(path)
    let shape = array.shape
    guard (2...4).contains(shape.count) else {
      throw .file(
        place: path,
        problem: "byte \(array.shapeOffset): found \(shape.count) dimensions; examples have 2 (count, features), "
          + "3 (count, height, width) or 4 (with channels)")
    }
    guard shape[0] > 0 else { throw .file(place: path, problem: "byte \(array.shapeOffset): found no examples") }
    guard shape[1...].allSatisfy({ (1...1_000_000).contains($0) }) else {
      throw .file(
        place: path, problem: "byte \(array.shapeOffset): found the shape \(shape); sides may be 1 to 1000000")
    }
    if let labels, labels.values.count != shape[0] {
      throw .file(
        place: path,
        problem:
          "byte \(array.shapeOffset): found \(shape[0]) examples for \(labels.values.count) labels in \(labels.path)"
      )
    }
    let features = array.floats(dividedBy: scale)
    let width = array.count / shape[0]
    if let i = features.firstIndex(where: { !$0.isFinite }) {
      throw .file(
        place: path,
        problem: "byte \(array.offset(of: i)): feature \(i % width) of example \(i / width) is not finite in float32")
    }
    let image =
      shape.count > 2
      ? Dataset.ImageShape(height: shape[1], width: shape[2], channels: shape.count > 3 ? shape[3] : 1) : nil
    return try Dataset(
      features: features, labels: labels?.values.map { Int32($0) } ?? [Int32](repeating: 0, count: shape[0]),
      featureCount: width, classCount: classes, imageShape: image)
  }

  private static func labels(_ path: String?) throws(DataError) -> Labels? {
    guard let path else { return nil }
    let array = try array(path)
    guard array.shape.count == 1 else {
      throw .file(
        place: path, problem: "byte \(array.shapeOffset): found \(array.shape.count) dimensions; labels have 1")
    }
    guard array.isInteger else {
      throw .file(place: path, problem: "found numbers of type '\(array.typeName)'; labels are integers")
    }
    let found = array.integers()
    var values: [Int] = []
    values.reserveCapacity(found.count)
    for (i, value) in found.enumerated() {
      guard let value, (0..<mostClasses).contains(value) else {
        throw .file(
          place: path,
          problem: "byte \(array.offset(of: i)): found label \(value.map(String.init) ?? "2^63 or more"); "
            + "allowed: 0 to \(mostClasses - 1)")
      }
      values.append(value)
    }
    return Labels(path: path, array: array, values: values)
  }

  private static func array(_ path: String) throws(DataError) -> NPYArray {
    // No more is unpacked than the header announces, where the first bytes hold it whole.
    let bytes = try DataFile.read(path, limit: { NPYArray.announcedBytes($0) ?? Gzip.largestText })
    do throws(ToolError) { return try NPYArray(bytes, name: path) } catch {
      switch error {
      case .input(let place, let problem), .failed(let place, let problem):
        throw .file(
          place: path,
          problem: place.hasPrefix(path + ": ") ? "\(place.dropFirst(path.count + 2)): \(problem)" : problem)
      }
    }
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
        "classes", \.classes, .integer(2...65_536), .absent("the largest label and one more"), "number of classes"),
      Setting("scale", \.scale, .positive, "what features are divided by: 255 for pixels of one byte"),
    ])
}
