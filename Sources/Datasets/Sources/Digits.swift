import Files
import Settings

/// The UCI handwritten digits: 1797 images of 8 x 8 pixels in 17 grey levels, 10 classes.
///
/// E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
/// https://doi.org/10.24432/C50P49, CC BY 4.0; the test part, as scikit-learn ships it. Changed in form only.
public struct Digits: ExampleSource {
  public static let imageCount = 1797
  public static let attribution =
    "Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak; UCI, doi:10.24432/C50P49), CC BY 4.0"

  public init() {}

  public var description: String { Self.attribution }

  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    LoadedData(training: try Self.load(), test: nil, labelPlace: "")
  }

  /// All images, pixels scaled from 0 ... 16 to 0 ... 1.
  public static func load() throws(DataError) -> Dataset {
    var features = [Float]()
    var labels = [Int32]()
    features.reserveCapacity(imageCount * 64)
    text.withUTF8Buffer { bytes in
      // A line an image: the label, then 64 letters, a for 0 to q for 16.
      for line in bytes.split(separator: UInt8(ascii: "\n")) {
        for (i, byte) in line.enumerated() {
          if i == 0 {
            labels.append(Int32(byte) - Int32(UInt8(ascii: "0")))
          } else {
            features.append((Float(byte) - Float(UInt8(ascii: "a"))) / 16)
          }
        }
      }
    }
    return try Dataset(
      features: features, labels: labels, featureCount: 64, classCount: 10,
      imageShape: .init(height: 8, width: 8, channels: 1))
  }
}

extension Digits: Configurable {
  public static let keys = SettingList(Digits(), [])
}
