import Datasets
import Files

/// Pictures as PNG files of 256 levels: lossless but for the rounding to levels.
public struct PNGCode: PictureCode {
  public let shape: Dataset.ImageShape

  /// - Returns: nil where pictures have neither one channel nor three.
  public init?(_ shape: Dataset.ImageShape) {
    guard shape.channels == 1 || shape.channels == 3 else { return nil }
    self.shape = shape
  }

  public var name: String { "png" }

  public func send(_ picture: [Float]) throws(DataError) -> SentPicture {
    SentPicture(
      payload: try PNG.bytes(of: picture, height: shape.height, width: shape.width, channels: shape.channels),
      bareBits: nil)
  }

  public func picture(_ payload: [UInt8]) throws(DataError) -> [Float] {
    let found = try PNG.pixels(payload, name: "a PNG payload")
    guard found.height == shape.height, found.width == shape.width, found.channels == shape.channels else {
      throw .shape("found a PNG of \(found.height) x \(found.width) x \(found.channels)")
    }
    return found.pixels.map { Float($0) / 255 }
  }
}
