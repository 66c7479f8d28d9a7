import Datasets
import Files
import Platform

/// Pictures as baseline JPEG files by the system's libturbojpeg, which is looked for when it is asked for: nothing here is built with it.
public struct JPEGCode: PictureCode {
  public let shape: Dataset.ImageShape
  /// From 1 to 100.
  public let quality: Int
  private let library: TurboJPEG

  /// - Returns: nil where the system has no libturbojpeg, and where pictures have neither one channel nor three.
  public init?(_ shape: Dataset.ImageShape, quality: Int) {
    precondition((1...100).contains(quality))
    guard let library = TurboJPEG.shared, shape.channels == 1 || shape.channels == 3, shape.height <= 65_500,
      shape.width <= 65_500
    else { return nil }
    (self.shape, self.quality, self.library) = (shape, quality, library)
  }

  /// Whether the system has the library.
  public static var isAvailable: Bool { TurboJPEG.shared != nil }

  public var name: String { "jpeg" }
  public var setting: (name: String, value: Double)? { ("quality", Double(quality)) }

  public func send(_ picture: [Float]) throws(DataError) -> SentPicture {
    guard picture.count == shape.height * shape.width * shape.channels else {
      throw .shape("found a picture of \(picture.count) values")
    }
    guard let payload = library.compress(picture.map(PNG.level), shape, quality: quality) else {
      throw .shape("libturbojpeg could not compress a picture of \(shape.height) x \(shape.width)")
    }
    return SentPicture(payload: payload, bareBits: Self.scanLength(payload).map { 8 * Double($0) })
  }

  public func picture(_ payload: [UInt8]) throws(DataError) -> [Float] {
    guard let pixels = library.decompress(payload, shape) else {
      throw .shape("libturbojpeg could not decompress a picture of \(shape.height) x \(shape.width)")
    }
    return pixels.map { Float($0) / 255 }
  }

  /// The bytes of the first scan's entropy-coded data: what stands between the header of a start of scan (FF DA) and the marker of the
  /// image's end (FF D9), neither of which counts. Nil where the segments are not those of a JPEG file.
  static func scanLength(_ file: [UInt8]) -> Int? {
    guard file.count > 4, file[0] == 0xFF, file[1] == 0xD8, file[file.count - 2] == 0xFF, file[file.count - 1] == 0xD9
    else { return nil }
    var position = 2
    while position + 4 <= file.count, file[position] == 0xFF {
      let length = Int(file[position + 2]) << 8 | Int(file[position + 3])
      let next = position + 2 + length
      guard length >= 2, next <= file.count - 2 else { return nil }
      if file[position + 1] == 0xDA { return file.count - 2 - next }
      position = next
    }
    return nil
  }
}

/// The functions of libturbojpeg's version 2 interface, as turbojpeg.h declares them; version 3 has them too.
private struct TurboJPEG: Sendable {
  static let shared = TurboJPEG()

  private typealias Handle = UnsafeMutableRawPointer
  private typealias Initialise = @convention(c) () -> Handle?
  private typealias Destroy = @convention(c) (Handle?) -> Int32
  private typealias Free = @convention(c) (UnsafeMutablePointer<UInt8>?) -> Void
  // handle, pixels, width, pitch, height, pixel format, output, its size, subsampling, quality, flags
  private typealias Compress =
    @convention(c) (
      Handle?, UnsafePointer<UInt8>?, Int32, Int32, Int32, Int32,
      UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, UnsafeMutablePointer<CUnsignedLong>?, Int32, Int32, Int32
    ) -> Int32
  // handle, file, its size, output, width, pitch, height, pixel format, flags
  private typealias Decompress =
    @convention(c) (
      Handle?, UnsafePointer<UInt8>?, CUnsignedLong, UnsafeMutablePointer<UInt8>?, Int32, Int32, Int32, Int32, Int32
    ) -> Int32

  private let initCompress: Initialise
  private let initDecompress: Initialise
  private let destroy: Destroy
  private let free: Free
  private let compress2: Compress
  private let decompress2: Decompress

  private static let names = ["libturbojpeg.so.0", "libturbojpeg.so", "libturbojpeg.0.dylib", "libturbojpeg.dylib"]

  private init?() {
    // The library stays loaded: its functions are called until the process ends.
    guard let library = Self.names.lazy.compactMap({ dlopen($0, RTLD_NOW | RTLD_LOCAL) }).first else { return nil }
    let symbol = { (name: String) in dlsym(library, name) }
    guard let initCompress = symbol("tjInitCompress"), let initDecompress = symbol("tjInitDecompress"),
      let destroy = symbol("tjDestroy"), let free = symbol("tjFree"), let compress = symbol("tjCompress2"),
      let decompress = symbol("tjDecompress2")
    else { return nil }
    self.initCompress = unsafeBitCast(initCompress, to: Initialise.self)
    self.initDecompress = unsafeBitCast(initDecompress, to: Initialise.self)
    self.destroy = unsafeBitCast(destroy, to: Destroy.self)
    self.free = unsafeBitCast(free, to: Free.self)
    compress2 = unsafeBitCast(compress, to: Compress.self)
    decompress2 = unsafeBitCast(decompress, to: Decompress.self)
  }

  /// TJPF_RGB and TJPF_GRAY
  private static func format(_ shape: Dataset.ImageShape) -> Int32 { shape.channels == 3 ? 0 : 6 }
  /// TJSAMP_444 and TJSAMP_GRAY
  private static func subsampling(_ shape: Dataset.ImageShape) -> Int32 { shape.channels == 3 ? 0 : 3 }

  func compress(_ pixels: [UInt8], _ shape: Dataset.ImageShape, quality: Int) -> [UInt8]? {
    guard let handle = initCompress() else { return nil }
    defer { _ = destroy(handle) }
    var output: UnsafeMutablePointer<UInt8>?
    var size: CUnsignedLong = 0
    // Without a pitch, rows follow one another.
    let status = pixels.withUnsafeBufferPointer {
      compress2(
        handle, $0.baseAddress, Int32(shape.width), 0, Int32(shape.height), Self.format(shape), &output, &size,
        Self.subsampling(shape), Int32(quality), 0)
    }
    defer { free(output) }
    guard status == 0, let output else { return nil }
    return Array(UnsafeBufferPointer(start: output, count: Int(size)))
  }

  func decompress(_ file: [UInt8], _ shape: Dataset.ImageShape) -> [UInt8]? {
    guard let handle = initDecompress() else { return nil }
    defer { _ = destroy(handle) }
    guard dimensions(file).map({ $0 == (shape.height, shape.width) }) ?? false else { return nil }
    var pixels = [UInt8](repeating: 0, count: shape.height * shape.width * shape.channels)
    let status = pixels.withUnsafeMutableBufferPointer { pixels in
      file.withUnsafeBufferPointer { file in
        decompress2(
          handle, file.baseAddress, CUnsignedLong(file.count), pixels.baseAddress, Int32(shape.width), 0,
          Int32(shape.height), Self.format(shape), 0)
      }
    }
    return status == 0 ? pixels : nil
  }

  /// Height and width from a start of frame: a file of another size would be scaled to ours, or refused.
  private func dimensions(_ file: [UInt8]) -> (Int, Int)? {
    var position = 2
    while position + 9 <= file.count, file[position] == 0xFF {
      if (0xC0...0xC2).contains(file[position + 1]) {
        return (
          Int(file[position + 5]) << 8 | Int(file[position + 6]), Int(file[position + 7]) << 8 | Int(file[position + 8])
        )
      }
      position += 2 + (Int(file[position + 2]) << 8 | Int(file[position + 3]))
    }
    return nil
  }
}
