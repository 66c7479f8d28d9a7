import Datasets
import Files
import Numerics
import Testing

private func npy(_ type: String, _ shape: String, _ numbers: [UInt8], fortran: Bool = false) -> [UInt8] {
  let text = "{'descr': '\(type)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }\n"
  return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.utf8.count), 0] + Array(text.utf8) + numbers
}

private let request = LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1))

private func problem(_ source: NPYData) -> String {
  do {
    _ = try source.load(request)
    return "no error"
  } catch { return "\(error)" }
}

private func bytes<Number: FixedWidthInteger>(_ numbers: [Number]) -> [UInt8] {
  numbers.flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
}

@Suite struct NPYDataTests {
  let folder: TestFolder

  init() throws { folder = try TestFolder() }

  @Test func everyTypeIsRead() throws {
    let expected: [Float] = [0, 1, 2, 100, 3, 7]
    let files: [(String, [UInt8])] = [
      ("|u1", [0, 1, 2, 100, 3, 7]), ("|i1", [0, 1, 2, 100, 3, 7]), ("<u2", bytes(expected.map { UInt16($0) })),
      ("<i2", bytes(expected.map { Int16($0) })), ("<u4", bytes(expected.map { UInt32($0) })),
      ("<i4", bytes(expected.map { Int32($0) })), ("<u8", bytes(expected.map { UInt64($0) })),
      ("<i8", bytes(expected.map { Int64($0) })), ("<f4", bytes(expected.map(\.bitPattern))),
      ("<f8", bytes(expected.map { Double($0).bitPattern })),
    ]
    for (type, numbers) in files {
      let path = try folder.write(npy(type, "(3, 2)", numbers), "x.npy")
      let data = try NPYData(.init(features: path), scale: 2).load(request).training
      #expect(data.features == expected.map { $0 / 2 }, "\(type)")
      #expect(data.count == 3 && data.featureCount == 2 && data.imageShape == nil)
      #expect(data.labels == [0, 0, 0] && data.classCount == 2)
    }
    let signed = try folder.write(npy("|i1", "(1, 2)", [0xFF, 0x80]), "x.npy")
    #expect(try NPYData(.init(features: signed)).load(request).training.features == [-1, -128])
  }

  /// As `DataFrame.to_numpy()` is saved: the first index runs fastest in the file.
  @Test func fortranOrderIsTurned() throws {
    let read = { (type: String, shape: String, numbers: [UInt8]) in
      let path = try folder.write(npy(type, shape, numbers, fortran: true), "f.npy")
      return try NPYData(.init(features: path)).load(request).training
    }
    let columns: [Float] = [0, 2, 4, 1, 3, 5]
    let files: [(String, [UInt8])] = [
      ("|u1", [0, 2, 4, 1, 3, 5]), ("<i2", bytes(columns.map { Int16($0) })), ("<f4", bytes(columns.map(\.bitPattern))),
      ("<f8", bytes(columns.map { Double($0).bitPattern })),
    ]
    for (type, numbers) in files {
      let data = try read(type, "(3, 2)", numbers)
      #expect(data.features == [0, 1, 2, 3, 4, 5] && data.count == 3, "\(type)")
    }
    // 2 x 3 x 2 x 2: number (i, j, k, l) is 12 i + 4 j + 2 k + l, at i + 2 j + 6 k + 12 l.
    var numbers = [UInt8](repeating: 0, count: 24)
    for i in 0..<24 { numbers[i / 12 + 2 * (i / 4 % 3) + 6 * (i / 2 % 2) + 12 * (i % 2)] = UInt8(i) }
    #expect(try read("|u1", "(2, 3, 2, 2)", numbers).features == (0..<24).map { Float($0) })
    #expect(try read("|u1", "(1, 3, 1)", [7, 8, 9]).features == [7, 8, 9])
    #expect(try read("|u1", "(2, 1, 2)", [7, 9, 8, 6]).features == [7, 8, 9, 6])
    let labels = try folder.write(npy("<i8", "(2, 1)", bytes([4, 1] as [Int64]), fortran: true), "y.npy")
    let two = try folder.write(npy("|u1", "(2, 1)", [3, 4], fortran: true), "f.npy")
    #expect(try NPYData(.init(features: two, labels: labels)).load(request).training.labels == [4, 1])
  }

  @Test func shapesArePictures() throws {
    let grey = try folder.write(npy("|u1", "(2, 2, 3)", [UInt8](0..<12)), "x.npy")
    let labels = try folder.write(npy("<i8", "(2,)", bytes([4, 1] as [Int64])), "y.npy")
    let source = NPYData(.init(features: grey, labels: labels), scale: 255)
    let data = try source.load(request).training
    #expect(data.imageShape == .init(height: 2, width: 3, channels: 1))
    #expect(data.labels == [4, 1] && data.classCount == 5)
    #expect(data.features[11] == Float(11.0 / 255))
    #expect(source.reviewedLabels != nil && NPYData(.init(features: grey)).reviewedLabels == nil)
    let colours = try folder.write(gzipped(npy("|u1", "(1, 2, 2, 3)", [UInt8](0..<12))), "c.npy")
    #expect(
      try NPYData(.init(features: colours)).load(request).training.imageShape == .init(height: 2, width: 2, channels: 3)
    )
    let both = NPYData(
      .init(features: grey, labels: labels), test: .init(features: grey, labels: labels), classes: 7)
    #expect(try both.load(request).test?.classCount == 7)
  }

  @Test func errorsNameFileAndByte() throws {
    let good = try folder.write(npy("|u1", "(2, 2)", [1, 2, 3, 4]), "x.npy")
    let ones = try folder.write(npy("|u1", "(2,)", [1, 1]), "y.npy")
    func wrong(_ file: [UInt8], _ expected: String) throws {
      let path = try folder.write(file, "bad.npy")
      let found = problem(NPYData(.init(features: path)))
      #expect(found.contains("bad.npy: byte ") && found.contains(expected), "\(found)")
    }
    try wrong(Array("hello, this is text".utf8), "not an NPY file")
    try wrong(npy("<f8", "(2,)", [UInt8](repeating: 0, count: 16)), "found 1 dimensions")
    try wrong(npy("|u1", "(1, 1, 1, 1, 1)", [0]), "found 5 dimensions")
    try wrong(npy("|u1", "(0, 2)", []), "found no examples")
    try wrong(npy("|u1", "(2, 0)", []), "found the shape [2, 0]")
    try wrong(npy("|u1", "(2, 2)", [1, 2, 3]), "with 3 of the 4 numbers")
    try wrong(npy("|u1", "(2, 2)", [1, 2, 3, 4, 5]), "1 bytes follow")
    try wrong(npy("|u1", "(4611686018427387904, 16)", [1]), "the file ends here")
    try wrong(npy(">f4", "(1, 1)", [0, 0, 0, 0]), "dtype '>f4'; allowed: '<f4', '<f8', '|u1'")
    try wrong(npy(">f4", "(1, 1)", [0, 0, 0, 0]), "'<i8'; x.astype('<f4') turns its bytes")
    try wrong(npy("|u1", "(2, 2)", [1, 2, 3], fortran: true), "with 3 of the 4 numbers")
    // The third number of the file is the second of the first example; numbers begin at byte 73.
    let nan = bytes([Float(1).bitPattern, 2, Float.nan.bitPattern, 3])
    try wrong(
      npy("<f4", "(2, 2)", nan, fortran: true),
      "byte \(npy("<f4", "(2, 2)", [], fortran: true).count + 8): feature 1 of example 0")
    try wrong(npy("<f4", "(1, 2)", bytes([Float(1).bitPattern, Float.nan.bitPattern])), "feature 1 of example 0")
    try wrong(npy("<f8", "(1, 1)", bytes([(1e300).bitPattern])), "not finite in float32")

    let floats = try folder.write(npy("<f4", "(2,)", [UInt8](repeating: 0, count: 8)), "f.npy")
    #expect(
      problem(NPYData(.init(features: good, labels: floats))).contains("labels are integers: y.astype(int); of words"))
    try wrong(
      npy("<U5", "(2,)", [UInt8](repeating: 65, count: 40)), "integers of words: numpy.unique(y, return_inverse")
    try wrong(npy("|O", "(2, 2)", [0x80, 4]), "numbers of objects: x.astype(float)")
    let negative = try folder.write(npy("|i1", "(2,)", [0, 0xFF]), "n.npy")
    #expect(problem(NPYData(.init(features: good, labels: negative))).contains("found label -1"))
    let large = try folder.write(npy("<u8", "(2,)", bytes([0, UInt64.max])), "l.npy")
    #expect(problem(NPYData(.init(features: good, labels: large))).contains("found label 2^63 or more"))
    let three = try folder.write(npy("|u1", "(3,)", [0, 1, 0]), "t.npy")
    #expect(problem(NPYData(.init(features: good, labels: three))).contains("found 2 examples for 3 labels"))
    #expect(problem(NPYData(.init(features: good, labels: good))).contains("found 2 dimensions; labels have 1"))
    let test = NPYData(.init(features: good), test: .init(features: good, labels: ones))
    #expect(problem(test).contains("its examples have labels"))
    let other = try folder.write(npy("|u1", "(2, 3)", [1, 2, 3, 4, 5, 6]), "o.npy")
    #expect(problem(NPYData(.init(features: good), test: .init(features: other))).contains("differ in shape"))
    let small = try folder.write(npy("|u1", "(2,)", [0, 9]), "s.npy")
    #expect(
      problem(NPYData(.init(features: good, labels: small), classes: 4)).contains("found label 9; allowed: 0 to 3"))
  }
}

@Suite struct PNGTests {
  @Test(arguments: [(1, 1, 1), (3, 5, 1), (7, 4, 3), (40, 33, 3), (64, 1, 1)])
  func whatIsWrittenIsReadBack(height: Int, width: Int, channels: Int) throws {
    for kind in 0..<4 {
      let pixels = (0..<(height * width * channels)).map { (i: Int) -> UInt8 in
        switch kind {
        case 0: UInt8(truncatingIfNeeded: i * i * 7)
        case 1: 9
        case 2: UInt8(truncatingIfNeeded: i)
        default: UInt8(i % 2 * 255)
        }
      }
      let file = try PNG.bytes(of: pixels, height: height, width: width, channels: channels)
      let found = try PNG.pixels(file, name: "p")
      #expect(found.pixels == pixels && found.height == height && found.width == width)
    }
  }

  /// As Python's zlib has the sums, and any viewer the rest.
  @Test func aFileOfOnePixel() throws {
    let file = try PNG.bytes(of: [UInt8(7)], height: 1, width: 1, channels: 1)
    let start: [UInt8] = [
      0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1, 8, 0,
      0, 0, 0, 0x3A, 0x7E, 0x9B, 0x55,
    ]
    #expect(Array(file[..<33]) == start)
    #expect(Array(file.suffix(12)) == [0, 0, 0, 0, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82])
  }

  @Test func valuesAreRoundedAndClipped() {
    #expect([Float(-1), .nan, 0, 0.5, 1, 7].map(PNG.level) == [0, 0, 0, 128, 255, 255])
  }

  @Test func damageIsNoticed() throws {
    let file = try PNG.bytes(of: [UInt8](0..<24), height: 4, width: 2, channels: 3)
    for i in file.indices {
      var damaged = file
      damaged[i] ^= 1
      #expect(throws: (any Error).self) { try PNG.pixels(damaged, name: "p") }
      #expect(throws: (any Error).self) { try PNG.pixels(Array(file[..<i]), name: "p") }
    }
    #expect(throws: (any Error).self) { try PNG.bytes(of: [UInt8(1)], height: 1, width: 2, channels: 1) }
    #expect(throws: (any Error).self) { try PNG.bytes(of: [1, 2] as [UInt8], height: 1, width: 1, channels: 2) }
  }
}
