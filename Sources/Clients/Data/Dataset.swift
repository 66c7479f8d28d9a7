/// Labelled examples in memory: features row by row, labels as class numbers.
public struct Dataset: Sendable {
  /// count x featureCount
  public let features: [Float]
  /// count, each in 0 ..< classCount
  public let labels: [Int32]
  public let featureCount: Int
  public let classCount: Int

  public var count: Int { labels.count }

  /// - Throws: `DataError` where the sizes do not fit, a label is out of range or a feature is not finite.
  public init(features: [Float], labels: [Int32], featureCount: Int, classCount: Int) throws(DataError) {
    guard featureCount > 0, classCount > 1 else {
      throw .shape("need at least one feature and two classes, found \(featureCount) and \(classCount)")
    }
    guard features.count == labels.count * featureCount else {
      throw .shape(
        "\(labels.count) labels of \(featureCount) features need "
          + "\(labels.count * featureCount) values, found \(features.count)")
    }
    if let i = labels.firstIndex(where: { $0 < 0 || $0 >= classCount }) {
      throw .label(example: i, found: Int(labels[i]), classes: classCount)
    }
    if let i = features.firstIndex(where: { !$0.isFinite }) {
      throw .feature(example: i / featureCount, feature: i % featureCount)
    }
    self.features = features
    self.labels = labels
    self.featureCount = featureCount
    self.classCount = classCount
  }

  /// The examples of `indices`, in that order.
  public func selecting(_ indices: [Int]) -> Dataset {
    var chosen = [Float]()
    chosen.reserveCapacity(indices.count * featureCount)
    for i in indices { chosen.append(contentsOf: features[(i * featureCount)..<((i + 1) * featureCount)]) }
    return Dataset(chosen, indices.map { labels[$0] }, like: self)
  }

  private init(_ features: [Float], _ labels: [Int32], like other: Dataset) {
    self.features = features
    self.labels = labels
    featureCount = other.featureCount
    classCount = other.classCount
  }

  /// What names the data in a run's fingerprint: shape, labels and features.
  public var bytes: [UInt8] {
    var bytes = [UInt8]()
    bytes.reserveCapacity(4 * (features.count + labels.count) + 16)
    for size in [featureCount, classCount] {
      withUnsafeBytes(of: UInt64(size).littleEndian) { bytes.append(contentsOf: $0) }
    }
    for label in labels { withUnsafeBytes(of: label.littleEndian) { bytes.append(contentsOf: $0) } }
    for value in features { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    return bytes
  }
}

extension Dataset {
  func row(_ example: Int, of features: UnsafeBufferPointer<Float>) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(rebasing: features[(example * featureCount)..<((example + 1) * featureCount)])
  }
}
