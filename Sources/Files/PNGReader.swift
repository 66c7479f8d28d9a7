import CZlib

extension PNG {
  /// A picture as it stands in a file.
  public struct Pixels: Sendable, Equatable {
    public let height: Int
    public let width: Int
    /// 1 for grey levels, 3 for red, green and blue.
    public let channels: Int
    /// height x width x channels
    public let pixels: [UInt8]
  }

  /// The picture in a file of the kind that `bytes` writes: 8 bits a value, grey levels or colours without a palette, not interlaced.
  ///
  /// - Throws: `DataError` with the byte at which a file is not one of those.
  public static func pixels(_ file: [UInt8], name: String) throws(DataError) -> Pixels {
    let fail = { (byte: Int, problem: String) in DataError.file(place: name, problem: "byte \(byte): \(problem)") }
    guard file.starts(with: signature) else { throw fail(0, "not a PNG file") }
    var position = signature.count
    var header: (height: Int, width: Int, channels: Int)?
    var packed: [UInt8] = []
    while true {
      guard position + 12 <= file.count else { throw fail(file.count, "the file ends within a chunk") }
      let length = number(file, at: position)
      guard length <= file.count - position - 12 else { throw fail(position, "a chunk of \(length) bytes") }
      let content = file[(position + 8)..<(position + 8 + length)]
      let sum = file[(position + 4)..<(position + 8 + length)].withUnsafeBufferPointer {
        Int(crc32_z(0, $0.baseAddress, $0.count))
      }
      guard sum == number(file, at: position + 8 + length) else {
        throw fail(position + 8 + length, "the chunk's sum is another one")
      }
      switch String(decoding: file[(position + 4)..<(position + 8)], as: UTF8.self) {
      case "IHDR" where header == nil: header = try shape(content, fail)
      case "IDAT" where header != nil: packed += content
      case "IEND":
        guard let header else { throw fail(position, "the file ends without a header") }
        return Pixels(
          height: header.height, width: header.width, channels: header.channels,
          pixels: try unpacked(packed, header) { fail(position, $0) })
      case let chunk:
        // A lower-case first letter says that the picture does not depend on the chunk.
        guard chunk.utf8.first.map({ $0 & 0x20 != 0 }) ?? false else { throw fail(position + 4, "the chunk \(chunk)") }
      }
      position += 12 + length
    }
  }

  private static func number(_ file: [UInt8], at start: Int) -> Int {
    file[start..<(start + 4)].reduce(0) { $0 << 8 | Int($1) }
  }

  private static func shape(
    _ header: ArraySlice<UInt8>, _ fail: (Int, String) -> DataError
  ) throws(DataError) -> (height: Int, width: Int, channels: Int) {
    let bytes = Array(header)
    guard bytes.count == 13 else { throw fail(8, "a header of \(bytes.count) bytes") }
    let (width, height) = (number(bytes, at: 0), number(bytes, at: 4))
    guard (1...largestSide).contains(width), (1...largestSide).contains(height) else {
      throw fail(16, "sides of \(width) and \(height); allowed: 1 to \(largestSide)")
    }
    guard bytes[8] == 8, bytes[9] == 0 || bytes[9] == 2, bytes[10...] == [0, 0, 0] else {
      throw fail(24, "a kind of picture that is not read: 8 bits, grey or colours, not interlaced are")
    }
    return (height, width, bytes[9] == 0 ? 1 : 3)
  }

  private static func unpacked(
    _ packed: [UInt8], _ shape: (height: Int, width: Int, channels: Int), _ fail: (String) -> DataError
  ) throws(DataError) -> [UInt8] {
    let row = shape.width * shape.channels
    var rows = [UInt8](repeating: 0, count: shape.height * (row + 1))
    var count = uLong(rows.count)
    guard uncompress(&rows, &count, packed, uLong(packed.count)) == Z_OK, Int(count) == rows.count else {
      throw fail("the packed rows are damaged")
    }
    var pixels = [UInt8](repeating: 0, count: shape.height * row)
    for y in 0..<shape.height {
      let filter = rows[y * (row + 1)]
      guard filter < 5 else { throw fail("row \(y) has the filter \(filter)") }
      for x in 0..<row {
        let left = x < shape.channels ? 0 : Int(pixels[y * row + x - shape.channels])
        let up = y == 0 ? 0 : Int(pixels[(y - 1) * row + x])
        let corner = y == 0 || x < shape.channels ? 0 : Int(pixels[(y - 1) * row + x - shape.channels])
        pixels[y * row + x] =
          rows[y * (row + 1) + 1 + x] &+ UInt8(prediction(left, up, corner, filter: Int(filter)))
      }
    }
    return pixels
  }
}
