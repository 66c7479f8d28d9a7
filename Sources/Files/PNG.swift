import CZlib

/// Pictures in the PNG format (ISO/IEC 15948): 8 bits a value, grey levels or red, green and blue, not interlaced.
public enum PNG {
  /// The largest side of a picture.
  public static let largestSide = 65_536

  /// A whole file.
  ///
  /// Rows are packed by zlib at its highest level, as they are and with the filter of the five that has the least sum of absolute differences
  /// in each row, as the standard proposes; the shorter of the two files is taken.
  ///
  /// - Parameters:
  ///   - pixels: height x width x channels values, row by row.
  ///   - channels: 1 for grey levels, 3 for red, green and blue.
  /// - Throws: `DataError` for sides, channels or a number of values that make no picture.
  public static func bytes(
    of pixels: [UInt8], height: Int, width: Int, channels: Int
  ) throws(DataError) -> [UInt8] {
    guard (1...largestSide).contains(height), (1...largestSide).contains(width) else {
      throw .shape("a PNG of \(height) x \(width) pixels; sides may be 1 to \(largestSide)")
    }
    guard channels == 1 || channels == 3 else {
      throw .shape("a PNG of \(channels) channels; allowed: 1 (grey levels) and 3 (red, green, blue)")
    }
    guard pixels.count == height * width * channels else {
      throw .shape(
        "a PNG of \(height) x \(width) x \(channels) has \(height * width * channels) values, found \(pixels.count)")
    }
    let colour: UInt8 = channels == 1 ? 0 : 2
    let header = big(UInt32(width)) + big(UInt32(height)) + [8, colour, 0, 0, 0]
    let row = width * channels
    let plain = try packed(filtered(pixels, row: row, channels: channels, filters: 0..<1))
    let filtered = try packed(filtered(pixels, row: row, channels: channels, filters: 0..<5))
    return signature + chunk("IHDR", header) + chunk("IDAT", plain.count < filtered.count ? plain : filtered)
      + chunk("IEND", [])
  }

  /// A picture of values from 0 to 1, in 256 levels: values are rounded to the nearest level, and what is outside or not a number is
  /// put inside.
  public static func bytes(
    of values: [Float], height: Int, width: Int, channels: Int
  ) throws(DataError) -> [UInt8] {
    try bytes(of: values.map(level), height: height, width: width, channels: channels)
  }

  /// The nearest of 256 levels to a value from 0 to 1.
  public static func level(_ value: Float) -> UInt8 {
    // What is not a number is not above 0.
    value > 0 ? UInt8(min(value, 1) * 255 + 0.5) : 0
  }

  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  private static func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }

  private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let named = Array(name.utf8) + content
    let sum = named.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) }
    return big(UInt32(content.count)) + named + big(UInt32(truncatingIfNeeded: sum))
  }

  /// Rows, each after the number of its filter.
  private static func filtered(
    _ pixels: [UInt8], row length: Int, channels: Int, filters: Range<Int>
  ) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(pixels.count + pixels.count / length)
    var above = ArraySlice(repeating: UInt8(0), count: length)
    for start in stride(from: 0, to: pixels.count, by: length) {
      let row = pixels[start..<(start + length)]
      var best: [UInt8] = []
      var (bestFilter, least) = (0, Int.max)
      for filter in filters {
        let candidate = differences(row, above, channels, filter)
        let sum = candidate.reduce(0) { $0 + Int(Int8(bitPattern: $1).magnitude) }
        if sum < least { (best, bestFilter, least) = (candidate, filter, sum) }
      }
      output.append(UInt8(bestFilter))
      output.append(contentsOf: best)
      above = row
    }
    return output
  }

  /// A row less what a filter predicts: nothing, left, above, the mean of both, Paeth's choice.
  private static func differences(
    _ row: ArraySlice<UInt8>, _ above: ArraySlice<UInt8>, _ channels: Int, _ filter: Int
  ) -> [UInt8] {
    let (first, firstAbove) = (row.startIndex, above.startIndex)
    return (0..<row.count).map { i in
      let left = i < channels ? 0 : Int(row[first + i - channels])
      let up = Int(above[firstAbove + i])
      let corner = i < channels ? 0 : Int(above[firstAbove + i - channels])
      return row[first + i] &- UInt8(prediction(left, up, corner, filter: filter))
    }
  }

  /// What a filter makes of the values to the left, above, and above to the left.
  static func prediction(_ left: Int, _ up: Int, _ corner: Int, filter: Int) -> Int {
    switch filter {
    case 1: left
    case 2: up
    case 3: (left + up) / 2
    case 4: paeth(left, up, corner)
    default: 0
    }
  }

  private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> Int {
    let (a, b, c) = (abs(up - corner), abs(left - corner), abs(left + up - 2 * corner))
    return a <= b && a <= c ? left : b <= c ? up : corner
  }

  private static func packed(_ bytes: [UInt8]) throws(DataError) -> [UInt8] {
    var count = compressBound(uLong(bytes.count))
    var output = [UInt8](repeating: 0, count: Int(count))
    guard compress2(&output, &count, bytes, uLong(bytes.count), Z_BEST_COMPRESSION) == Z_OK else {
      throw .shape("zlib has no memory")
    }
    return Array(output.prefix(Int(count)))
  }
}
