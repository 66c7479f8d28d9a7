import Datasets
import Files

/// A code of single pictures that others are compared with. What it has learned is known to both ends; what it sends of a picture is bytes.
public protocol PictureCode: Sendable {
  /// The code's name, such as "klt".
  var name: String { get }

  /// What its rate is set by, such as `("step", 0.5)`; nil where it has one rate.
  var setting: (name: String, value: Double)? { get }

  /// The bytes of a picture.
  func send(_ picture: [Float]) throws(DataError) -> SentPicture

  /// The picture that bytes of this code say, not clipped to [0, 1].
  func picture(_ payload: [UInt8]) throws(DataError) -> [Float]
}

extension PictureCode {
  public var setting: (name: String, value: Double)? { nil }
}

/// A picture's bytes, and how many bits of them say something.
public struct SentPicture: Sendable, Equatable {
  public let payload: [UInt8]
  /// Minus log2 of the probability that the code's models gave to the picture, or the bits of the payload without its header: what is
  /// left where many pictures share what comes with each. Nil where neither is known.
  public let bareBits: Double?

  public init(payload: [UInt8], bareBits: Double?) { (self.payload, self.bareBits) = (payload, bareBits) }
}

/// What a code takes and gives on some pictures.
public struct PictureCodeFigures: Sendable, Equatable {
  public let name: String
  /// The name and the value of what the rate is set by.
  public let settingName: String?
  public let setting: Double?
  /// 8 times the bytes of a picture, on average.
  public let bits: Double
  /// `SentPicture.bareBits`, on average.
  public let bareBits: Double?
  /// Mean squared error of a value, of pictures that were decoded from their bytes and clipped to [0, 1].
  public let squaredError: Double
  /// Values of a picture.
  public let values: Int

  /// 8 times the bytes over the number of values: of pixels, where there is one channel.
  public var bitsPerValue: Double { bits / Double(values) }
  /// `bareBits` over the number of values.
  public var bareBitsPerValue: Double? { bareBits.map { $0 / Double(values) } }

  /// Sends pictures and decodes them.
  public init(_ code: some PictureCode, on examples: ArraySlice<Int>, of data: Dataset) throws(DataError) {
    var (bytes, bare, error) = (0, Double?.some(0), 0.0)
    for example in examples {
      let picture = Array(data.features[(example * data.featureCount)..<((example + 1) * data.featureCount)])
      let sent = try code.send(picture)
      let decoded = try code.picture(sent.payload)
      bytes += sent.payload.count
      bare = bare.flatMap { sum in sent.bareBits.map { sum + $0 } }
      for (value, found) in zip(picture, decoded) {
        let difference = Double(value) - Double(found > 0 ? min(found, 1) : 0)
        error += difference * difference
      }
    }
    let count = Double(max(examples.count, 1))
    name = code.name
    (settingName, setting) = (code.setting?.name, code.setting?.value)
    bits = 8 * Double(bytes) / count
    bareBits = bare.map { $0 / count }
    squaredError = error / (count * Double(data.featureCount))
    values = data.featureCount
  }
}
