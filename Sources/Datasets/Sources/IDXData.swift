import Files
import JSONText
import Numerics
import Settings

/// The IDX files of the MNIST family, plain or gzipped: images in files of three dimensions (count, height, width) or four (with channels last),
/// labels in files of one; of every type of numbers that the format has.
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
  /// What pixels are divided by; nil for 255 where they are unsigned bytes, and 1 where they are other numbers.
  public var scale: Double?
  /// Whether images have their columns in the place of their rows, as those of EMNIST have; nil for no.
  public var isTransposed: Bool?
  /// The label of class 0; nil for 0.
  public var firstLabel: Int?

  public init(
    _ files: Files, test: Files? = nil, classes: Int? = nil, scale: Double? = nil, isTransposed: Bool? = nil,
    firstLabel: Int? = nil
  ) {
    self.files = files
    self.test = test
    self.classes = classes
    self.scale = scale
    self.isTransposed = isTransposed
    self.firstLabel = firstLabel
  }

  public var description: String { "IDX files, \(files.images)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["images", "labels", "test"] }
  public var paths: [String] { [files.images, files.labels] + (test.map { [$0.images, $0.labels] } ?? []) }
  public var areClassesGiven: Bool { classes != nil }
  public var readsTargets: Bool { true }
  public var reviewedLabels: DataSubject? { .file(.labels) }

  /// - Returns: the test part is nil where no files of one are given.
  /// - Throws: `DataError` that names the file and the byte.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    try examples(request, classes: classes, first: firstLabel ?? 0, isTransposed: isTransposed ?? false) {
      scale ?? ($0.isUnsignedByte ? 255 : 1)
    }
  }

  /// - Parameter classes: nil for the largest label of both parts and one more.
  /// - Returns: the test part is nil where no files of one are given.
  /// - Throws: `DataError` that names the file and the byte.
  public static func load(
    _ training: Files, test: Files?, classes: Int?
  ) throws(DataError) -> LoadedData {
    try IDXData(training, test: test, classes: classes).load(
      LoadRequest(seed: 0, testFraction: 0.5, parallel: Parallel(threads: 1)))
  }

  fileprivate static func images(_ path: String) throws(DataError) -> NamedArray {
    let (header, bytes) = try read(path)
    guard (3...4).contains(header.sizes.count) else {
      throw .file(
        place: path,
        problem:
          "byte 3: found \(header.sizes.count) dimensions; images have 3 (count, height, width) or 4 (with channels)"
          + (header.sizes.count == 1 ? ": are images and labels exchanged?" : ""))
    }
    if let side = header.sizes[1...].firstIndex(where: { !(1...65_536).contains($0) }) {
      throw .file(
        place: path, problem: "byte \(4 + 4 * side): found a side of \(header.sizes[side]); allowed: 1 to 65536")
    }
    return NamedArray(name: path, array: try header.array(bytes, name: path))
  }

  fileprivate static func labels(_ path: String) throws(DataError) -> NamedArray {
    let (header, bytes) = try read(path)
    guard header.sizes.count == 1 else {
      throw .file(
        place: path,
        problem: "byte 3: found \(header.sizes.count) dimensions; labels have 1"
          + (header.sizes.count > 2 ? ": are images and labels exchanged?" : ""))
    }
    return NamedArray(name: path, array: try header.array(bytes, name: path))
  }

  private static func read(_ path: String) throws(DataError) -> (IDXHeader, [UInt8]) {
    let bytes = try DataFile.read(path, formats: [.idx], limit: announced)
    return (try IDXHeader(bytes, name: path), bytes)
  }

  /// What a header says of its file's length: no more is unpacked.
  private static func announced(_ start: [UInt8]) -> Int {
    (try? IDXHeader(start, name: "")).map { $0.byteCount + $0.valueBytes } ?? start.count
  }
}

extension IDXData: ArraySource {
  var featureSubject: DataSubject.FileRole { .images }
  func name(isTest: Bool) -> String { (isTest ? test : nil)?.images ?? files.images }
  func labels(isTest: Bool) throws(DataError) -> NamedArray? {
    try Self.labels((isTest ? test : nil)?.labels ?? files.labels)
  }
  func features(isTest: Bool) throws(DataError) -> NamedArray { try Self.images(name(isTest: isTest)) }
  func readClients() throws(DataError) -> NamedArray? { nil }
  var areClientsAsked: Bool { false }
  var labelHint: String { "" }
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
      Setting(
        "scale", \.scale, .positive, .absent("255 for unsigned bytes, 1 for other numbers"),
        "what pixels are divided by"
      ),
      Setting(
        "transposed", \.isTransposed, .flag, .absent("rows come first"),
        "whether images have their columns in the place of their rows, as those of EMNIST have"),
      Setting(
        "firstLabel", \.firstLabel, .integer(0...65_535), .absent("0"),
        "the label of class 0: 1 for the letters of EMNIST, which are labelled 1 to 26"),
    ])
}

/// Two zero bytes, a type, the number of dimensions, and their sizes as big-endian 32-bit integers; numbers are big-endian.
struct IDXHeader {
  let sizes: [Int]
  let valueCount: Int
  private let type: NPYType

  var byteCount: Int { 4 + 4 * sizes.count }
  var valueBytes: Int { valueCount * type.bytes }

  private static let types: [UInt8: NPYType] = [
    0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
  ]

  init(_ bytes: [UInt8], name: String) throws(DataError) {
    let fail = { (byte: Int, problem: String) in DataError.file(place: name, problem: "byte \(byte): \(problem)") }
    for i in 0..<4 where i >= bytes.count { throw fail(i, "the file ends in its header") }
    guard bytes[0] == 0, bytes[1] == 0 else {
      throw fail(
        0, "found \(bytes[0]) and \(bytes[1]); an IDX file starts with two zero bytes, a gzipped one with 31 and 139")
    }
    guard let type = Self.types[bytes[2]] else {
      throw fail(
        2,
        "found the type \(bytes[2]); allowed: 8 (unsigned bytes), 9 (signed bytes), 11 (short), 12 (int), 13 (float), 14 (double)"
      )
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
    self.type = type
    valueCount = product
  }

  func checkLength(_ bytes: [UInt8], name: String) throws(DataError) {
    let whole = byteCount + valueBytes
    let shape = sizes.map(String.init).joined(separator: " x ")
    if bytes.count < whole {
      throw .file(place: name, problem: "byte \(bytes.count): the data end here; \(shape) values need \(whole) bytes")
    }
    if bytes.count > whole {
      throw .file(place: name, problem: "byte \(whole): found bytes after the \(shape) values")
    }
  }

  /// The numbers behind the header.
  func array(_ bytes: [UInt8], name: String) throws(DataError) -> NumberArray {
    try checkLength(bytes, name: name)
    return NumberArray(
      bytes, type: type, isBigEndian: true, shape: sizes, shapeOffset: 4, start: byteCount, count: valueCount)
  }
}
