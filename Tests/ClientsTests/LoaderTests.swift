import CZlib
import Foundation
import Testing

@testable import Clients
@testable import Datasets
@testable import Files

/// Files of one test, gone after it.
final class TestFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "fedsim-data-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  func write(_ text: String, _ name: String) throws -> String { try write(Array(text.utf8), name) }
}

func gzipped(_ bytes: [UInt8]) throws -> [UInt8] {
  let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  stream.initialize(to: z_stream())
  defer { stream.deallocate() }
  let size = Int32(MemoryLayout<z_stream>.size)
  try #require(deflateInit2_(stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK)
  defer { deflateEnd(stream) }
  var output = [UInt8](repeating: 0, count: bytes.count + 1000)
  var input = bytes
  let status = input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      (stream.pointee.next_in, stream.pointee.avail_in) = (input.baseAddress, UInt32(input.count))
      (stream.pointee.next_out, stream.pointee.avail_out) = (output.baseAddress, UInt32(output.count))
      return deflate(stream, Z_FINISH)
    }
  }
  try #require(status == Z_STREAM_END)
  return Array(output.prefix(output.count - Int(stream.pointee.avail_out)))
}

private func problem(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch { return "\(error)" }
}

private func big(_ value: Int) -> [UInt8] { (0..<4).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

private func idx(_ sizes: [Int], _ values: [UInt8], type: UInt8 = 8) -> [UInt8] {
  [0, 0, type, UInt8(sizes.count)] + sizes.flatMap(big) + values
}

/// Three images of 2 x 2, labels 2, 0, 1.
private let images = idx([3, 2, 2], [0, 51, 102, 255, 1, 2, 3, 4, 5, 6, 7, 8])
private let labels = idx([3], [2, 0, 1])

/// Models that runs start from, packed.
@Suite struct PackedTensorTests {
  private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8) + data
  }

  /// A file that would unpack to far more than it announces is left where that shows.
  @Test func noMoreIsUnpackedThanIsAnnounced() throws {
    let folder = try TestFolder()
    let header = #"{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}"#
    let read = { (bytes: [UInt8]) throws -> SafetensorsFile in
      try SafetensorsFile(path: folder.write(gzipped(bytes), "m.gz"))
    }
    let good = try read(file(header, [0, 0, 128, 63, 0, 0, 0, 64]))
    #expect(good.values(of: good.tensors[0]) == [1, 2])
    #expect(try read(file("{}", [])).tensors.isEmpty)
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    let tail = problem { _ = try read(file(header, zeros)) }
    #expect(tail.contains("found 1 bytes that belong to no tensor"), "\(tail)")
    #expect(problem { _ = try read(file("{}", zeros)) }.contains("found 1 bytes that belong to no tensor"))
    let long = problem { _ = try read([UInt8](repeating: 255, count: 1 << 20)) }
    #expect(long.contains("found a header of 18446744073709551615 bytes where 1 follow"), "\(long)")
    #expect(problem { _ = try read([1, 2, 3]) }.contains("found 3 bytes"))
    #expect(problem { _ = try read(file("{", [])) }.contains("header, line 1"))
  }
}

@Suite struct IDXTests {
  private func load(_ images: [UInt8], _ labels: [UInt8], classes: Int? = nil) throws -> Dataset {
    let folder = try TestFolder()
    let files = try IDXData.Files(images: folder.write(images, "images"), labels: folder.write(labels, "labels"))
    return try IDXData.load(files, test: nil, classes: classes).training
  }

  @Test func areReadPlainAndGzipped() throws {
    for (i, l) in [(images, labels), try (gzipped(images), gzipped(labels))] {
      let data = try load(i, l)
      #expect(data.count == 3 && data.featureCount == 4 && data.classCount == 3)
      #expect(data.labels == [2, 0, 1] && data.owners == nil)
      #expect(data.features.prefix(5) == [0, 0.2, 0.4, 1, 1.0 / 255])
      #expect(data.imageShape == .init(height: 2, width: 2, channels: 1))
    }
    #expect(try load(images, labels, classes: 10).classCount == 10)
    let coloured = try load(idx([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), idx([1], [1]))
    #expect(coloured.imageShape == .init(height: 1, width: 2, channels: 3))
  }

  @Test func membersOfGzipFilesFollowOneAnother() throws {
    let parts = try gzipped(Array(images[..<7])) + gzipped(Array(images[7...]))
    #expect(try load(parts, labels).labels == [2, 0, 1])
  }

  @Test func testFilesShareClassesAndShape() throws {
    let folder = try TestFolder()
    let training = try IDXData.Files(images: folder.write(images, "i"), labels: folder.write(labels, "l"))
    let test = try IDXData.Files(
      images: folder.write(idx([1, 2, 2], [9, 9, 9, 9]), "ti"), labels: folder.write(idx([1], [6]), "tl"))
    let loaded = try IDXData.load(training, test: test, classes: nil)
    #expect(loaded.training.classCount == 7 && loaded.test?.classCount == 7 && loaded.test?.count == 1)
    let other = try IDXData.Files(
      images: folder.write(idx([1, 4, 1], [9, 9, 9, 9]), "oi"), labels: folder.write(idx([1], [6]), "ol"))
    #expect(problem { _ = try IDXData.load(training, test: other, classes: nil) }.contains("differ in shape"))
  }

  @Test func mistakesNameFileAndByte() throws {
    let cases: [([UInt8], [UInt8], String)] = [
      (images + [0], labels, "images: byte 28: found bytes after the 3 x 2 x 2 values"),
      (images, labels + [0], "labels: byte 11: found bytes after the 3 values"),
      ([1] + images.dropFirst(), labels, "images: byte 0: found 1 and 0"),
      (idx([3, 2, 2], [], type: 10), labels, "images: byte 2: found the type 10"),
      (idx([3], [1, 2, 3]), labels, "images: byte 3: found 1 dimensions"),
      (images, images, "labels: byte 3: found 3 dimensions; labels have 1: are images and labels exchanged?"),
      (
        labels, labels,
        "images: byte 3: found 1 dimensions; images have 3 (count, height, width) or 4 (with channels): are"
      ),
      (images, idx([2], [0, 1]), "images: byte 4: found 3 examples for 2 labels"),
      (idx([3, 0, 2], []), labels, "images: byte 8: found a side of 0"),
      (idx([3, 70_000, 2], []), labels, "images: byte 8: found a side of 70000"),
      (idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], []), labels, "images: byte 8: found a size of 4294967295"),
      (idx([0xFFFF_FFFF, 2, 2], [1]), labels, "images: byte 17: the data end here"),
      ([], labels, "images: byte 0: the file ends in its header"),
      (try gzipped(images) + [7], labels, "found bytes after the end of the gzip data"),
      (idx([0, 2, 2], []), idx([0], []), "images: byte 4: found no examples"),
    ]
    for (i, l, expected) in cases {
      let found = problem { _ = try load(i, l) }
      #expect(found.contains(expected), "\(found)")
    }
    #expect(
      problem { _ = try load(images, labels, classes: 2) }.contains("labels: byte 8: found label 2; allowed: 0 to 1"))
    let missing = IDXData.Files(images: "no-such-file", labels: "no-such-file")
    #expect(problem { _ = try IDXData.load(missing, test: nil, classes: nil) } == "no-such-file: there is no such file")
    let device = IDXData.Files(images: "x", labels: "/dev/zero")
    #expect(problem { _ = try IDXData.load(device, test: nil, classes: nil) }.contains("found a device"))
    let folder = IDXData.Files(images: "x", labels: NSTemporaryDirectory())
    #expect(problem { _ = try IDXData.load(folder, test: nil, classes: nil) }.contains("found a folder"))
  }

  @Test func everyTruncationIsAnError() throws {
    for packed in [false, true] {
      let i = packed ? try gzipped(images) : images
      let l = packed ? try gzipped(labels) : labels
      for count in 0..<i.count { #expect(throws: DataError.self) { try load(Array(i.prefix(count)), l) } }
      for count in 0..<l.count { #expect(throws: DataError.self) { try load(i, Array(l.prefix(count))) } }
    }
  }

  /// Any bytes are data or an error, never a trap; sums catch damage of packed ones.
  @Test func foreignBytesDoNotTrap() throws {
    var stream = random(1)
    let packed = try gzipped(images)
    for _ in 0..<2000 {
      for whole in [images, packed] {
        var bytes = whole
        for _ in 0...stream.integer(below: 3) {
          bytes[stream.integer(below: bytes.count)] = UInt8(stream.integer(below: 256))
        }
        let unpacked = (try? Gzip.isGzipped(bytes) ? Gzip.unpack(bytes, name: "", limit: { _ in 1000 }) : bytes) ?? []
        if let header = try? IDXHeader(unpacked, name: "") { _ = try? header.checkLength(unpacked, name: "") }
      }
    }
  }

  @Test func noMoreIsUnpackedThanTheHeaderAnnounces() throws {
    let bomb = try gzipped(idx([3, 2, 2], [UInt8](repeating: 0, count: 20_000_000)))
    #expect(bomb.count < 25_000)
    let unpacked = try Gzip.unpack(bomb, name: "", limit: { _ in 28 })
    #expect(unpacked.count <= 65, "the first 64 bytes, and one beyond the limit")
    #expect(problem { _ = try load(bomb, labels) }.contains("byte 28: found bytes after"))
    let large = try Gzip.unpack(bomb, name: "", limit: { _ in 100_000 })
    #expect(large.count == 100_001)
  }

  /// The 10,000 test images, where FEDSIM_MNIST names their folder.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["FEDSIM_MNIST"] != nil))
  func readsMNIST() throws {
    let folder = try #require(ProcessInfo.processInfo.environment["FEDSIM_MNIST"])
    let data = try IDXData.load(
      .init(images: folder + "/t10k-images-idx3-ubyte.gz", labels: folder + "/t10k-labels-idx1-ubyte.gz"), test: nil,
      classes: nil
    ).training
    #expect(data.count == 10_000 && data.featureCount == 784 && data.classCount == 10)
    let counts = (0..<10).map { label in data.labels.count { $0 == label } }
    #expect(counts == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
    let mean = data.features.reduce(0) { $0 + Double($1) } / Double(data.features.count)
    #expect(abs(mean - 0.1325) < 1e-4)
  }
}

@Suite struct DecimalNumberTests {
  private func read(_ text: String, isStrict: Bool = false) -> (Float?, Int) {
    var position = 0
    let value = Array(text.utf8).withUnsafeBufferPointer { DecimalNumber.read($0, &position, isStrict: isStrict) }
    return (value, position)
  }

  @Test func valuesAreTheNearestDoubleRoundedOnce() {
    var stream = random(2)
    for i in 0..<20_000 {
      let text: String
      switch i % 4 {
      case 0: text = "\(stream.normal())"
      case 1: text = "\(Float(stream.normal() * 100))"
      case 2:
        text =
          "-\(stream.integer(below: 1_000_000_000)).\(stream.integer(below: 1_000_000_000))e\(stream.integer(below: 60) - 30)"
      default: text = "\(stream.word()).\(stream.word())E+\(stream.integer(below: 5))"
      }
      let (value, end) = read(text, isStrict: i % 4 < 2 && !text.contains("e"))
      #expect(value == Double(text).map { Float($0) } && end == text.utf8.count, "\(text)")
    }
    // Half way between two floats, and just beside it.
    for text in ["16777217", "16777217.0000000001", "16777216.9999999999", "1e-45", "3.4028235e38", "0.1", "-0"] {
      #expect(read(text).0 == Double(text).map { Float($0) }, "\(text)")
    }
    #expect(read("1e39").0 == .infinity && read("1e999999999").0 == .infinity && read("1e-999999999").0 == 0)
  }

  @Test func grammar() {
    for text in ["", "-", "+", ".", "e5", "1e", "1e+", "nan", "inf", "-.", "x"] {
      #expect(read(text).0 == nil, "\(text)")
    }
    for text in [".5", "5.", "+5", "05"] {
      #expect(read(text).0 != nil && read(text, isStrict: true).0 == nil, "\(text)")
    }
    #expect(read("12abc").1 == 2 && read("0x10").1 == 1)
  }
}

@Suite struct CSVTests {
  private func table(_ text: String, label: CSVData.Column = .name("y"), client: CSVData.Column? = nil) throws
    -> CSVData.Table
  {
    try CSVData.table(Array(text.utf8), name: "a.csv", .init(label: label, client: client))
  }

  private func load(_ text: String, test: String? = nil, client: CSVData.Column? = nil) throws
    -> LoadedData
  {
    let folder = try TestFolder()
    return try CSVData.load(
      folder.write(text, "a.csv"), test: test.map { try folder.write($0, "t.csv") },
      columns: .init(label: .name("y"), client: client), imageShape: nil)
  }

  @Test func columnsAreToldApart() throws {
    let text = "\u{FEFF}who,\"a,b\",y,c\r\nann, 1.5 ,cat,2\r\n\r\n\"bob \"\"b\"\"\",\"-3\",dog,4e1\nann,0,cat,0"
    let data = try load(text, client: .name("who")).training
    #expect(data.features == [1.5, 2, -3, 40, 0, 0] && data.featureCount == 2)
    #expect(data.labels == [0, 1, 0] && data.classCount == 2 && data.owners == [0, 1, 0])
    let byNumber = try table(text, label: .number(2), client: .number(0))
    #expect(byNumber.labelTexts == ["cat", "dog"] && byNumber.header == ["who", "a,b", "y", "c"])
  }

  @Test func classesAreSorted() throws {
    #expect(try load("x,y\n0,10\n0,9\n0,-1\n0,9.0\n").training.labels == [2, 1, 0, 1], "by value")
    #expect(try load("x,y\n0,10\n0,9\n0,b\n").training.labels == [0, 1, 2], "by bytes where one is no number")
    let parts = try load("x,y\n0,b\n0,c\n", test: "x,y\n1,a\n")
    #expect(parts.training.labels == [1, 2] && parts.test?.labels == [0] && parts.test?.classCount == 3)
  }

  @Test(arguments: [
    ("", "a.csv: the file is empty"),
    ("x,z\n1,2", "found no column \"y\"; there are 2: \"x\", \"z\""),
    ("y\n1", "found no column of features"),
    ("x,x,y\n", "a.csv:1:3: found the column \"x\" a second time"),
    ("x,y\n1\n", "a.csv:2:2: the line ends after 1 of 2 fields"),
    ("x,y\n1,2,3\n", "a.csv:2:4: found more than the header's 2 fields"),
    ("x,y\n1,2\n,3\n", "a.csv:3:1: column \"x\": the value is missing"),
    ("x,y\n1,\n", "a.csv:2:3: column \"y\": the value is missing"),
    ("x,y\n1,2\nö1,3\n", "a.csv:3:1: column \"x\": found \"ö1\"; allowed: a number"),
    ("x,y\n1 2,2\n3,2\n", "a.csv:2:1: column \"x\": found \"1 2\"; allowed: a number"),
    ("x,y\r1,2\r\n?,2\r", "a.csv:3:1: column \"x\": the value is missing (\"?\")"),
    ("x,y\nNA,2\n", "the value is missing (\"NA\"); \"missing\" in the scenario says"),
    ("x,y\nnan,2\n", "the value is missing (\"nan\")"),
    ("x,y\n1e60,2\n", "a.csv:2:1: column \"x\": found a number beyond the range of single precision"),
    ("x,y\n\"1,2\n", "a.csv:2:1: the quote that opens here is never closed"),
    ("x,y\n1,\"2\n", "a.csv:2:3: the quote that opens here is never closed"),
    ("x,y\n1,a\"2\n", "a.csv:2:4: found a quote inside a field without quotes"),
    ("x,y\n1,\"2\"3\n", "a.csv:2:6: found the byte 51 where the line had to end"),
  ])
  func mistakesNameLineAndColumn(text: String, expected: String) {
    let found = problem { _ = try table(text) }
    #expect(found.contains(expected), "\(found)")
  }

  @Test func otherMistakes() throws {
    #expect(problem { _ = try table("x,y\n", client: .name("y")) }.contains("both label and client"))
    #expect(problem { _ = try table("x,y\n", label: .number(2)) }.contains("found no column number 2"))
    #expect(problem { _ = try load("x,y\n1,1\n", test: "y,z\n1,1\n") }.contains("t.csv:1:1: its columns are not those"))
    #expect(
      problem { _ = try load("x,y\n1,1\n2,1\n") }.contains("column \"y\": every label is \"1\"; a model needs two"))
    #expect(problem { _ = try load("x,y\n") }.contains("found no examples"))
    let regression = "x,y\n" + (0..<65_537).map { "0,\($0)\n" }.joined()
    #expect(problem { _ = try load(regression) }.contains("found 65537 distinct labels"))
  }

  @Test func gzippedTextIsTheSame() throws {
    let folder = try TestFolder()
    let text = "x,y\n1,1\n2,2\n"
    let packed = try folder.write(gzipped(Array(text.utf8)), "a.csv.gz")
    let data = try CSVData.load(packed, test: nil, columns: .init(label: .name("y"), client: nil), imageShape: nil)
    #expect(try data.training.bytes == load(text).training.bytes)
  }

  @Test func foreignBytesDoNotTrap() {
    var stream = random(3)
    let text = Array("who,a,y\r\n\"ann\",1.5e3,2\nbob,-2,3\n".utf8)
    for i in 0..<5000 {
      var bytes = Array(text.prefix(i < text.count ? i : text.count))
      for _ in 0..<(i < text.count ? 0 : 1 + stream.integer(below: 4)) {
        bytes[stream.integer(below: bytes.count)] = UInt8(stream.integer(below: 256))
      }
      _ = try? CSVData.table(bytes, name: "a", .init(label: .name("y"), client: .number(0)))
    }
  }
}

@Suite struct LEAFTests {
  private static let text =
    #"{"users": ["a", "b\u00e9"], "num_samples": [2, 1], "hierarchies": [null, {"k": [true, 1e5]}], "user_data": "#
    + #"{"a": {"x": [[0, 0.5], [1, -2e-1]], "y": [0, 3]}, "bé": {"y": [2.0], "x": [[[7], [8]]]}}}"#

  private func load(_ text: String) throws -> LEAFFile { try LEAFFile(Array(text.utf8), name: "a.json") }

  @Test func usersAreClients() throws {
    let examples = try load(Self.text)
    #expect(examples.features == [0, 0.5, 1, -0.2, 7, 8] && examples.form.width == 2)
    #expect(examples.labels == [0, 3, 2] && examples.users.map(\.name) == ["a", "b\u{e9}"])
    #expect(examples.users.map(\.count) == [2, 1])
  }

  @Test func filesOfAFolderAreReadByName() throws {
    let folder = try TestFolder()
    let file = { (user: String, label: Int) in
      Array(#"{"users": ["\#(user)"], "user_data": {"\#(user)": {"x": [[1]], "y": [\#(label)]}}}"#.utf8)
    }
    _ = try folder.write(file("z", 0), "1.json")
    _ = try folder.write(gzipped(file("a", 1)), "2.json.gz")
    _ = try folder.write("not read", "notes.txt")
    let data = try LEAFData.load(folder.path, test: nil, classes: nil, imageShape: nil).training
    #expect(data.labels == [0, 1] && data.owners == [0, 1] && data.classCount == 2)
    let test = try folder.write(file("other", 4), "test.txt")
    #expect(try LEAFData.load(folder.path, test: test, classes: nil, imageShape: nil).test?.labels == [4])
    #expect(
      problem {
        _ = try LEAFData.load(folder.path, test: nil, classes: 2, imageShape: .init(height: 2, width: 1, channels: 1))
      }.contains("does not have 1 features"))
    _ = try folder.write(file("z", 0), "3.json")
    #expect(
      problem { _ = try LEAFData.load(folder.path, test: nil, classes: nil, imageShape: nil) }
        .contains("3.json:1:32: found user \"z\" a second time"))
    let empty = try TestFolder()
    #expect(
      problem { _ = try LEAFData.load(empty.path, test: nil, classes: nil, imageShape: nil) }
        .contains("without .json"))
  }

  @Test(arguments: [
    (
      #"{"users": ["a"], "user_data": {"a": {"x": [[1], [2, 3]], "y": [0, 1]}}}"#,
      "a.json:1:49: user \"a\": found an example of 2 features; others have 1"
    ),
    (
      #"{"users": ["a"], "user_data": {"a": {"x": [[1]], "y": [0, 1]}}}"#,
      "a.json:1:32: user \"a\": found 1 examples in \"x\" and 2 labels"
    ),
    (
      #"{"users": ["a"], "user_data": {"a": {"x": ["text"], "y": [0]}}}"#,
      "a.json:1:59: found a label that is no text; where \"x\" are texts, it is the next character"
    ),
    (
      #"{"users": ["a"], "user_data": {"a": {"x": [[1]], "y": [1.5]}}}"#,
      "where an integer from 0 to 65535 was expected"
    ),
    (#"{"users": ["a"], "user_data": {"a": {"x": [[1]], "y": [-1]}}}"#, "where an integer from 0"),
    (#"{"users": ["a"], "user_data": {"a": {"x": [[1]], "y": [1e3]}}}"#, "where an integer from 0"),
    (
      #"{"users": ["a", "b"], "user_data": {"a": {"x": [[1]], "y": [1]}}}"#,
      "\"users\" and \"user_data\" differ, for example in \"b\""
    ),
    (
      #"{"users": ["a"], "num_samples": [2], "user_data": {"a": {"x": [[1]], "y": [1]}}}"#,
      "\"num_samples\" says 2 for user \"a\", who has 1"
    ),
    (#"{"users": ["a"]}"#, "found no \"user_data\""),
    (#"{"user_data": {}}"#, "found no \"users\""),
    (#"{"users": [1.5]}"#, "a.json:1:12: found \"1\" where a string or an integer"),
    ("{\"users\": [],\n \"user_data\": {},}", "a.json:2:18: found \"}\" where a string"),
    (#"{"users": [], "user_data": {}} x"#, "a.json:1:32: found bytes after the end"),
    (#"{"users": ["a"], "user_data": {"a": {"x": [[]], "y": [1]}}}"#, "found an example of 0 features"),
    (#"{"users": ["a"], "user_data": {"a": {"x": [[1e50]], "y": [1]}}}"#, "beyond the range of single precision"),
    (#"{"users": ["\ud800"]}"#, "half of a surrogate pair"),
    ("{\"a\": " + String(repeating: "[", count: 100_000), "nested too deep"),
    (
      "{\"users\": [\"a\"], \"user_data\": {\"a\": {\"x\": [" + String(repeating: "[", count: 100_000),
      "nested too deep"
    ),
  ])
  func mistakesNameLineAndColumn(text: String, expected: String) {
    let found = problem { _ = try load(text) }
    #expect(found.contains(expected), "\(found)")
  }

  @Test func everyTruncationIsAnErrorAndForeignBytesDoNotTrap() {
    let bytes = Array(Self.text.utf8)
    for count in 0..<bytes.count {
      #expect(throws: DataError.self) { try LEAFFile(Array(bytes.prefix(count)), name: "") }
    }
    var stream = random(4)
    for _ in 0..<5000 {
      var changed = bytes
      for _ in 0...stream.integer(below: 3) {
        changed[stream.integer(below: bytes.count)] = UInt8(stream.integer(below: 128))
      }
      _ = try? LEAFFile(changed, name: "")
    }
  }
}
