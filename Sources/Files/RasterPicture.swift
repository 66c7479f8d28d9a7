import CImages

/// A picture as a PNG or JPEG file has it, read by libpng and libjpeg.
///
/// PNG is exact: palettes and fewer bits are expanded, 16 bits rounded to the nearest of 8; gamma and profiles are not looked at. JPEG is decoded by the
/// accurate integer transform: libjpeg-turbo gives the same pixels on every processor, other libraries may differ in the last bit. A turn that the file's
/// EXIF block asks for is not made.
package struct RasterPicture: Sendable, Equatable {
  package let height: Int
  package let width: Int
  /// 1 for grey levels, 3 for red, green and blue.
  package let channels: Int
  /// height x width x channels
  package let pixels: [UInt8]

  package init(height: Int, width: Int, channels: Int, pixels: [UInt8]) {
    (self.height, self.width, self.channels, self.pixels) = (height, width, channels, pixels)
  }

  /// More pixels than this (64 million) are no example.
  static let mostPixels = 1 << 26

  /// The picture in a file's bytes.
  ///
  /// - Parameter name: what errors call the file.
  /// - Throws: `DataError` for other files, damaged and truncated ones, and pictures that one can see through.
  package init(_ bytes: [UInt8], name: String) throws(DataError) {
    var image = fedsim_image()
    defer { fedsim_free_image(&image) }
    let status: Int32
    switch KnownFormat.of(bytes) {
    case .png: status = fedsim_read_png(bytes, bytes.count, Int64(Self.mostPixels), &image)
    case .jpeg: status = fedsim_read_jpeg(bytes, bytes.count, Int64(Self.mostPixels), &image)
    case let other?:
      throw .file(place: name, problem: "found \(other.description) where a PNG or JPEG picture was expected")
    case nil: throw .file(place: name, problem: "byte 0: neither a PNG nor a JPEG picture")
    }
    guard status == 0, let found = image.pixels else {
      let reason = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw .file(place: name, problem: "the picture cannot be read: \(ShownText.printable(reason, keepsLines: false))")
    }
    let (height, width, stored) = (Int(image.height), Int(image.width), Int(image.channels))
    let count = height * width
    let all = UnsafeBufferPointer(start: found, count: count * stored)
    guard stored == 2 || stored == 4 else {
      self.init(height: height, width: width, channels: stored, pixels: Array(all))
      return
    }
    let channels = stored - 1
    var pixels: [UInt8] = []
    pixels.reserveCapacity(count * channels)
    for i in 0..<count {
      guard all[i * stored + channels] == 255 else {
        throw .file(
          place: name,
          problem:
            "row \(i / width), column \(i % width): one can see through the picture (alpha below 255), and what is behind it nobody says: "
            + "put it on a background, as with Pillow's alpha_composite")
      }
      for c in 0..<channels { pixels.append(all[i * stored + c]) }
    }
    self.init(height: height, width: width, channels: channels, pixels: pixels)
  }

  /// The picture in grey levels: (77 red + 150 green + 29 blue + 128) / 256, rounded down.
  package var grey: RasterPicture {
    guard channels == 3 else { return self }
    let levels = (0..<(height * width)).map { i -> UInt8 in
      let (r, g, b) = (Int(pixels[3 * i]), Int(pixels[3 * i + 1]), Int(pixels[3 * i + 2]))
      return UInt8(truncatingIfNeeded: (77 * r + 150 * g + 29 * b + 128) >> 8)
    }
    return RasterPicture(height: height, width: width, channels: 1, pixels: levels)
  }

  /// The picture in red, green and blue, all three the grey level where it has one.
  package var coloured: RasterPicture {
    channels == 3
      ? self : RasterPicture(height: height, width: width, channels: 3, pixels: pixels.flatMap { [$0, $0, $0] })
  }

  /// The picture in another size: a pixel is the mean of the area that it covers, in integers, rounded to the nearest (halves up). The sides are scaled each
  /// by its own factor.
  package func resized(height newHeight: Int, width newWidth: Int) -> RasterPicture {
    if (newHeight, newWidth) == (height, width) { return self }
    let rows = Self.shares(height, newHeight)
    let columns = Self.shares(width, newWidth)
    let area = height * width
    var resized = [UInt8](repeating: 0, count: newHeight * newWidth * channels)
    for y in 0..<newHeight {
      for x in 0..<newWidth {
        for c in 0..<channels {
          var sum = 0
          for row in rows[y] {
            var line = 0
            for column in columns[x] {
              line += column.weight * Int(pixels[(row.index * width + column.index) * channels + c])
            }
            sum += row.weight * line
          }
          resized[(y * newWidth + x) * channels + c] = UInt8(truncatingIfNeeded: (sum + area / 2) / area)
        }
      }
    }
    return RasterPicture(height: newHeight, width: newWidth, channels: channels, pixels: resized)
  }

  /// Which pixels of a side each new pixel covers, and how much of each, in parts of which a new pixel has as many as the side has pixels.
  private static func shares(_ old: Int, _ new: Int) -> [[(index: Int, weight: Int)]] {
    (0..<new).map { i in
      let (start, end) = (i * old, (i + 1) * old)
      return (start / new...(end - 1) / new).map { j in
        (j, min(end, (j + 1) * new) - max(start, j * new))
      }
    }
  }
}
