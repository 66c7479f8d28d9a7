import Testing

@testable import FedSim
@testable import Files

/// Files are made by hand: the format is NumPy's, not ours.
@Suite struct NPYFileTests {
  /// A file with this header text and these bytes of numbers.
  private func file(
    _ text: String, version: [UInt8] = [1, 0], numbers: [UInt8] = [], lengthBytes: Int = 2
  ) -> [UInt8] {
    let length = (0..<lengthBytes).map { UInt8(truncatingIfNeeded: text.utf8.count >> (8 * $0)) }
    return [0x93] + Array("NUMPY".utf8) + version + length + Array(text.utf8) + numbers
  }

  /// 1.0 and -2.5
  private let float64: [UInt8] = [0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0x04, 0xc0]
  private let float32: [UInt8] = [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0]

  @Test func whatNumPyWritesIsRead() throws {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }     \n"
    #expect(try NPYFile.readVector(file(header, numbers: float64), name: "x") == [1, -2.5])
    let short = "{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }\n"
    #expect(try NPYFile.readVector(file(short, numbers: float32), name: "x") == [1, -2.5])
    for major in [2, 3] as [UInt8] {
      let bytes = file(header, version: [major, 0], numbers: float64, lengthBytes: 4)
      #expect(try NPYFile.readVector(bytes, name: "x") == [1, -2.5])
    }
    let unusual = "{ \"shape\":(2L ,),\t'fortran_order':False,\n'descr':'<f8'}"
    #expect(try NPYFile.readVector(file(unusual, numbers: float64), name: "x") == [1, -2.5])
    let empty = "{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }\n"
    #expect(try NPYFile.readVector(file(empty), name: "x") == [])
  }

  @Test func whatIsWrittenIsRead() throws {
    let values: [Double] = [0, -0.0, .leastNonzeroMagnitude, .infinity, 3.25, -.greatestFiniteMagnitude]
    #expect(try NPYFile.readVector(NPYFile.vector(values), name: "x") == values)
    #expect(try NPYFile.readVector(NPYFile.vector([.nan]), name: "x")[0].isNaN)
  }

  @Test(arguments: [[3], [1000, 17], [1_000_000_000, 134_217_728], []])
  func headersEndAtAMultipleOf64(shape: [Int]) {
    let header = NPYFile.header(shape: shape)
    #expect(header.count % 64 == 0 && header.last == UInt8(ascii: "\n"))
    #expect(Int(header[8]) + 256 * Int(header[9]) == header.count - 10)
  }

  @Test func headersAreNumPysOwn() {
    let expected = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"
    #expect(String(decoding: NPYFile.header(shape: [2, 3])[10...], as: UTF8.self).hasPrefix(expected))
    #expect(String(decoding: NPYFile.header(shape: [2])[10...], as: UTF8.self).contains("'shape': (2,), }"))
  }

  @Test func everyCutIsNoticed() throws {
    let whole = NPYFile.vector([1, -2.5])
    for count in 0..<whole.count {
      #expect {
        try NPYFile.readVector(Array(whole[..<count]), name: "x.npy")
      } throws: { error in
        guard case .input(let place, _)? = error as? ToolError else { return false }
        return place == "x.npy: byte \(count)"
      }
    }
  }

  @Test func errorsNameFileByteAndWhatIsAllowed() {
    let good = "'fortran_order': False, 'shape': (2,), }"
    let cases: [(bytes: [UInt8], expected: String)] = [
      (Array("PK\u{3}\u{4} not numpy".utf8), "x.npy: byte 0: not an NPY file"),
      (file("", version: [4, 0]), "x.npy: byte 6: NPY version 4.0; allowed: 1.0, 2.0, 3.0"),
      (file("", version: [1, 7]), "x.npy: byte 6: NPY version 1.7"),
      (file("{'descr': '>f8', " + good, numbers: float64), "x.npy: byte 20: dtype '>f8'; allowed: '<f4', '<f8'"),
      (file("{'descr': '<i8', " + good, numbers: float64), "x.npy: byte 20: dtype '<i8'"),
      (file("{'descr': [('a', '<f8')], " + good), "x.npy: byte 20: the dtype is a structure"),
      (file("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1)}", numbers: float64), "2 dimensions [2, 1]"),
      (file("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", numbers: float64), "0 dimensions []"),
      (file("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", numbers: float64), "with 2 of the 3 numbers"),
      (file("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", numbers: float64), "8 bytes follow the last"),
      (file("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,)}"), "with 0 of the"),
      (file("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}"), "expected a whole number"),
      (file("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"), "expected a whole number"),
      (file("{'descr': '<f8', 'fortran_order': 0, 'shape': (2,)}"), "expected True or False"),
      (file("{'descr': '<f8', 'fortran_order': False}"), "lacks the key \"shape\""),
      (file("{'descr': '<f8', 'descr': '<f8'}"), "\"descr\" twice"),
      (file("{'dtype': '<f8'}"), "the key \"dtype\"; allowed: descr, fortran_order, shape"),
      (file("{'descr': '<f8"), "this string has no end"),
      (file("{'descr': '<f8', " + good + " x", numbers: float64), "goes on after its dictionary"),
      (file("['descr']"), "byte 10: expected \"{\""),
      (file(""), "byte 10: expected \"{\""),
    ]
    for (bytes, expected) in cases {
      #expect {
        try NPYFile.readVector(bytes, name: "x.npy")
      } throws: { error in
        let text = "\(error)"
        return text.hasPrefix("x.npy: byte ") && text.contains(expected)
      }
    }
  }
}
