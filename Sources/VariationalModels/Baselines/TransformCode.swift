import ChannelCoding
import Datasets
import Files

/// Pictures by a transform, a uniform quantizer and a range coder whose tables are learned on the training pictures.
///
/// Coefficient k is sent as the nearest whole multiple of the step, by a table of its own (`SymbolTable`), and reconstructed at that
/// multiple. Transform, step and tables are known to both ends.
public struct TransformCode: PictureCode {
  public let transform: PictureTransform
  public let step: Double
  private let tables: [SymbolTable]

  /// - Parameters:
  ///   - step: of the quantizer, above 0, in the units of features.
  ///   - examples: the pictures that the tables are learned from.
  public init(
    _ transform: PictureTransform, step: Double, learningFrom examples: ArraySlice<Int>, of data: Dataset
  ) throws(DataError) {
    precondition(step > 0 && step.isFinite)
    let count = data.featureCount
    guard transform.featureCount == count else {
      throw .shape("a transform of \(transform.featureCount) features for pictures of \(count)")
    }
    var seen = [[Int]](repeating: [], count: count)
    for example in examples {
      let picture = Array(data.features[(example * count)..<((example + 1) * count)])
      for (k, index) in Self.indices(transform.coefficients(picture), step).enumerated() { seen[k].append(index) }
    }
    self.transform = transform
    self.step = step
    tables = seen.map(SymbolTable.init(learningFrom:))
  }

  public var name: String { transform.name }
  public var setting: (name: String, value: Double)? { ("step", step) }

  /// The largest index: far beyond any picture's, and what is not finite is put inside.
  private static let largestIndex = 1e9

  private static func indices(_ coefficients: [Double], _ step: Double) -> [Int] {
    coefficients.map { value in
      let index = (value / step).rounded()
      return index.isNaN ? 0 : Int(min(max(index, -largestIndex), largestIndex))
    }
  }

  public func send(_ picture: [Float]) throws(DataError) -> SentPicture {
    guard picture.count == transform.featureCount else {
      throw .shape("found a picture of \(picture.count) values; allowed: \(transform.featureCount)")
    }
    var coder = RangeEncoder()
    for (table, index) in zip(tables, Self.indices(transform.coefficients(picture), step)) {
      table.encode(index, to: &coder)
    }
    let bits = coder.modelBits
    return SentPicture(payload: coder.finish(), bareBits: bits)
  }

  public func picture(_ payload: [UInt8]) throws(DataError) -> [Float] {
    var coefficients: [Double] = []
    let isWhole = payload.withUnsafeBufferPointer { bytes in
      var decoder = RangeDecoder(bytes)
      for table in tables {
        guard let index = table.decode(from: &decoder) else { return false }
        coefficients.append(Double(index) * step)
      }
      return decoder.isAtEnd
    }
    guard isWhole else { throw .shape("the payload of \(payload.count) bytes is none that this code writes") }
    return transform.picture(coefficients)
  }
}
