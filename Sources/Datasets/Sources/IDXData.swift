import Files
import JSONText
import Settings

/// The IDX files of the MNIST family, plain or gzipped: images of unsigned bytes (scaled to 0 ... 1) in files of three
/// dimensions (count, height, width) or four (with channels last), labels of unsigned bytes in files of one.
public struct IDXData: ExampleSource {
  /// A file of images and one of their labels.
  public struct Files: Sendable, Equatable {
    public var images: String
    public var labels: String

    public init(images: String, labels: String) {
      (self.images, self.labels) = (images, labels)
    }
  }

  /// The training examples.
  public var files: Files
  /// Test examples of their own; nil for a split.
  public var test: Files?
  /// The number of classes; nil for the largest label of both parts and one more.
  public var classes: Int?

  public init(_ files: Files, test: Files? = nil, classes: Int? = nil) {
    self.files = files
    self.test = test
    self.classes = classes
  }

  public var description: String { "IDX files, \(files.images)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["images", "labels", "test"] }
  public var paths: [String] { [files.images, files.labels] + (test.map { [$0.images, $0.labels] } ?? []) }
  public var areClassesGiven: Bool { classes != nil }
  public var reviewedLabels: DataSubject? { .file(.labels) }

  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    try Self.load(files, test: test, classes: classes)
  }

  /// - Parameter classes: nil for the largest label of both parts and one more.
  /// - Returns: the test part is nil where no files of one are given.
  /// - Throws: `DataError` that names the file and the byte.
  public static func load(
    _ training: Files, test: Files?, classes: Int?
  ) throws(DataError) -> LoadedData {
    let trainingLabels = try about(.file(.labels)) { () throws(DataError) in try labels(training.labels) }
    let testLabels = try about(.file(.test)) { () throws(DataError) in
      try test.map { files throws(DataError) in try labels(files.labels) }
    }
    let largest = max(trainingLabels.max() ?? 0, testLabels?.max() ?? 0)
    let classCount = classes ?? max(Int(largest) + 1, 2)
    for (found, name, subject) in [
      (trainingLabels, training.labels, DataSubject.classCount), (testLabels ?? [], test?.labels ?? "", .file(.test)),
    ] {
      if let i = found.firstIndex(where: { $0 >= classCount }) {
        throw DataError.file(
          place: name, problem: "byte \(8 + i): found label \(found[i]); allowed: 0 to \(classCount - 1)"
        ).about(subject)
      }
    }
    let data = try about(.file(.images)) { () throws(DataError) in try dataset(training, trainingLabels, classCount) }
    let place = "the labels of \(training.labels)"
    guard let test, let testLabels else { return LoadedData(training: data, test: nil, labelPlace: place) }
    let testData = try about(.file(.test)) { () throws(DataError) in try dataset(test, testLabels, classCount) }
    guard data.imageShape == testData.imageShape else {
      throw DataError.file(
        place: test.images, problem: "its images differ in size from those of \(training.images)"
      ).about(.file(.test))
    }
    return LoadedData(training: data, test: testData, labelPlace: place)
  }

  private static func dataset(_ files: Files, _ labels: [UInt8], _ classes: Int) throws(DataError) -> Dataset {
    let bytes = try DataFile.read(files.images, limit: announced)
    let header = try IDXHeader(bytes, name: files.images)
    guard (3...4).contains(header.sizes.count) else {
      throw .file(
        place: files.images,
        problem:
          "byte 3: found \(header.sizes.count) dimensions; images have 3 (count, height, width) or 4 (with channels)")
    }
    if let side = header.sizes[1...].firstIndex(where: { !(1...65_536).contains($0) }) {
      throw .file(
        place: files.images, problem: "byte \(4 + 4 * side): found a side of \(header.sizes[side]); allowed: 1 to 65536"
      )
    }
    try header.checkLength(bytes, name: files.images)
    let count = header.sizes[0]
    guard count == labels.count else {
      throw .file(
        place: files.images, problem: "byte 4: found \(count) images for \(labels.count) labels in \(files.labels)")
    }
    let sides = header.sizes[1...].map { $0 } + (header.sizes.count == 3 ? [1] : [])
    return try Dataset(
      features: scaled(bytes, from: header.byteCount), labels: labels.map { Int32($0) },
      featureCount: sides.reduce(1, *), classCount: classes,
      imageShape: .init(height: sides[0], width: sides[1], channels: sides[2]))
  }

  private static func scaled(_ bytes: [UInt8], from start: Int) -> [Float] {
    let levels = (0..<256).map { Float($0) / 255 }
    return [Float](unsafeUninitializedCapacity: bytes.count - start) { values, count in
      count = bytes.count - start
      for i in 0..<count { values.initializeElement(at: i, to: levels[Int(bytes[start + i])]) }
    }
  }

  private static func labels(_ path: String) throws(DataError) -> [UInt8] {
    let bytes = try DataFile.read(path, limit: announced)
    let header = try IDXHeader(bytes, name: path)
    guard header.sizes.count == 1 else {
      throw .file(place: path, problem: "byte 3: found \(header.sizes.count) dimensions; labels have 1")
    }
    try header.checkLength(bytes, name: path)
    return Array(bytes[header.byteCount...])
  }

  /// What a header says of its file's length: no more is unpacked.
  private static func announced(_ start: [UInt8]) -> Int {
    (try? IDXHeader(start, name: "")).map { $0.byteCount + $0.valueCount } ?? start.count
  }
}

extension IDXData.Files: SettingValue {
  public init?(setting: JSON) {
    guard case .object(let files) = setting, case .string(let images)? = files["images"],
      case .string(let labels)? = files["labels"]
    else { return nil }
    self.init(images: images, labels: labels)
  }

  public var setting: JSON { ["images": .string(images), "labels": .string(labels)] }
}

extension IDXData: Configurable {
  public static let keys = SettingList(
    IDXData(.init(images: "", labels: "")),
    [
      Setting(
        "test", \.test, .paths(["images", "labels"]), .unset("split by `testFraction`"),
        "test examples of their own: their files of images and labels"),
      Setting(
        "images", \.files.images, .path, .needed("a file of images"),
        "file of images, plain or gzipped; all paths are sought in the working directory, then beside the scenario"),
      Setting("labels", \.files.labels, .path, .needed("a file of labels"), "file of labels"),
      Setting(
        "classes", \.classes, .integer(2...65_536), .absent("the largest label and one more"), "number of classes"),
    ])
}

/// Two zero bytes, a type, the number of dimensions, and their sizes as big-endian 32-bit integers.
struct IDXHeader {
  let sizes: [Int]
  let valueCount: Int

  var byteCount: Int { 4 + 4 * sizes.count }

  init(_ bytes: [UInt8], name: String) throws(DataError) {
    let fail = { (byte: Int, problem: String) in DataError.file(place: name, problem: "byte \(byte): \(problem)") }
    for i in 0..<4 where i >= bytes.count { throw fail(i, "the file ends in its header") }
    guard bytes[0] == 0, bytes[1] == 0 else {
      throw fail(
        0, "found \(bytes[0]) and \(bytes[1]); an IDX file starts with two zero bytes, a gzipped one with 31 and 139")
    }
    guard bytes[2] == 8 else {
      throw fail(2, "found the type \(bytes[2]); allowed: 8, unsigned bytes")
    }
    guard (1...4).contains(bytes[3]) else { throw fail(3, "found \(bytes[3]) dimensions; allowed: 1 to 4") }
    var sizes: [Int] = []
    var product = 1
    for dimension in 0..<Int(bytes[3]) {
      let start = 4 + 4 * dimension
      guard start + 4 <= bytes.count else { throw fail(bytes.count, "the file ends in its header") }
      let size = bytes[start..<(start + 4)].reduce(0) { $0 << 8 | Int($1) }
      let (next, isTooLarge) = product.multipliedReportingOverflow(by: size)
      guard !isTooLarge, next <= 1 << 40 else {
        throw fail(start, "found a size of \(size): more values than any memory")
      }
      product = next
      sizes.append(size)
    }
    self.sizes = sizes
    valueCount = product
  }

  func checkLength(_ bytes: [UInt8], name: String) throws(DataError) {
    let whole = byteCount + valueCount
    let shape = sizes.map(String.init).joined(separator: " x ")
    if bytes.count < whole {
      throw .file(place: name, problem: "byte \(bytes.count): the data end here; \(shape) values need \(whole) bytes")
    }
    if bytes.count > whole {
      throw .file(place: name, problem: "byte \(whole): found bytes after the \(shape) values")
    }
  }
}
