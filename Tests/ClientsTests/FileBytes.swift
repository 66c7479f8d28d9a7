import CZlib
import Foundation
import Testing

@testable import Files

/// Bytes of small files, for tests of what reads them.
enum FileBytes {
  static func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
  static func big(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }

  static func npy(_ type: String, _ shape: [Int], _ numbers: [UInt8]) -> [UInt8] {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }"
    while (10 + text.utf8.count + 1) % 64 != 0 { text += " " }
    text += "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + little(UInt16(text.utf8.count)) + Array(text.utf8) + numbers
  }

  static func idx(_ type: UInt8, _ sizes: [Int], _ numbers: [UInt8]) -> [UInt8] {
    [0, 0, type, UInt8(sizes.count)] + sizes.flatMap { big(UInt32($0)) } + numbers
  }

  static func crc(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
  }

  /// What deflate makes of bytes, without anything around it: a gzip file without its header of 10 bytes and its trailer of 8.
  static func deflated(_ bytes: [UInt8]) throws -> [UInt8] { Array(try gzipped(bytes).dropFirst(10).dropLast(8)) }

  /// A zip archive.
  ///
  /// - Parameters:
  ///   - isWide: whether sizes and places are written as zip64 has them.
  static func zip(
    _ files: [(name: String, bytes: [UInt8])], method: UInt16 = 0, isWide: Bool = false
  ) throws -> [UInt8] {
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    for file in files {
      let packed = method == 0 ? file.bytes : try deflated(file.bytes)
      let name = Array(file.name.utf8)
      let offset = archive.count
      let common =
        little(UInt16(0)) + little(method) + little(UInt32(0)) + little(crc(file.bytes))
        + little(UInt32(isWide ? .max : UInt32(packed.count)))
        + little(UInt32(isWide ? .max : UInt32(file.bytes.count)))
        + little(UInt16(name.count))
      let sizes = little(UInt64(file.bytes.count)) + little(UInt64(packed.count))
      let local = isWide ? little(UInt16(1)) + little(UInt16(16)) + sizes : []
      archive +=
        little(UInt32(0x0403_4B50)) + little(UInt16(45)) + common + little(UInt16(local.count)) + name + local + packed
      let wide = isWide ? little(UInt16(1)) + little(UInt16(24)) + sizes + little(UInt64(offset)) : []
      directory += little(UInt32(0x0201_4B50)) + little(UInt16(45)) + little(UInt16(45)) + common
      directory += little(UInt16(wide.count)) + little(UInt16(0)) + little(UInt16(0)) + little(UInt16(0))
      directory += little(UInt32(0)) + little(isWide ? UInt32.max : UInt32(offset)) + name + wide
    }
    let start = archive.count
    archive += directory
    if isWide {
      let record = archive.count
      archive += little(UInt32(0x0606_4B50)) + little(UInt64(44)) + little(UInt16(45)) + little(UInt16(45))
      archive += little(UInt32(0)) + little(UInt32(0)) + little(UInt64(files.count)) + little(UInt64(files.count))
      archive += little(UInt64(directory.count)) + little(UInt64(start))
      archive += little(UInt32(0x0706_4B50)) + little(UInt32(0)) + little(UInt64(record)) + little(UInt32(1))
    }
    let count = isWide ? UInt16.max : UInt16(files.count)
    archive += little(UInt32(0x0605_4B50)) + little(UInt16(0)) + little(UInt16(0)) + little(count) + little(count)
    archive += little(isWide ? UInt32.max : UInt32(directory.count)) + little(isWide ? UInt32.max : UInt32(start))
    return archive + little(UInt16(0))
  }
}
