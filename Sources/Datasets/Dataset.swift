import Files
import JSONText
import Settings

/// Examples in memory: features row by row, and for each a label as a class number, or a quantity that is to be predicted.
public struct Dataset: Sendable {
  /// count x featureCount
  public private(set) var features: [Float]
  /// count, each in 0 ..< classCount; all 0 where there are targets.
  public private(set) var labels: [Int32]
  /// The quantity of each example, finite: count values, for regression; nil where examples have classes.
  public private(set) var targets: [Float]?
  /// The natural client of each example (who wrote it, whose device made it), numbered from 0; nil where the source
  /// knows of none. Test examples have the numbers of the training part; a number that the training part does not have is of
  /// somebody without training examples, who is no client.
  public private(set) var owners: [Int32]?
  public let featureCount: Int
  /// 1 where there are targets.
  public let classCount: Int
  /// What a row is a picture of, with rows before columns and channels last; nil where it is no picture.
  public let imageShape: ImageShape?
  /// What the source calls each class; nil where labels are no more than numbers. No result depends on it.
  public let classNames: [String]?
  /// The symbols of which each row is a sequence of `featureCount`: a feature is then a number of one, 0 ..< `symbolNames.count`, as of a
  /// character in a text. Nil where features are quantities.
  public let symbolNames: [String]?

  public struct ImageShape: Sendable, Equatable {
    public let height: Int
    public let width: Int
    public let channels: Int

    public init(height: Int, width: Int, channels: Int) {
      (self.height, self.width, self.channels) = (height, width, channels)
    }
  }

  public var count: Int { labels.count }

  /// Examples with quantities to predict, and no classes.
  ///
  /// - Parameters:
  ///   - features: row by row, as many rows as targets.
  ///   - targets: a finite quantity for each example.
  /// - Throws: `DataError` where the sizes do not fit, or a value is not finite.
  public init(
    features: [Float], targets: [Float], featureCount: Int, owners: [Int32]? = nil, imageShape: ImageShape? = nil
  ) throws(DataError) {
    if let i = targets.firstIndex(where: { !$0.isFinite }) {
      throw .shape("example \(i): the quantity to predict is not a finite number in single precision")
    }
    try self.init(
      features: features, labels: [Int32](repeating: 0, count: targets.count), featureCount: featureCount,
      classCount: 1, leastClasses: 1, owners: owners, imageShape: imageShape)
    self.targets = targets
  }

  /// No examples: what stands for data that are not here.
  package static let none = Dataset()

  private init() {
    (features, labels, featureCount, classCount) = ([], [], 1, 2)
    (imageShape, classNames, symbolNames) = (nil, nil, nil)
  }

  /// Examples whose features are still to be filled in or scaled (`FeatureColumns`): they may be NaN.
  init(
    unfitted features: [Float], labels: [Int32], featureCount: Int, classCount: Int, owners: [Int32]?,
    imageShape: ImageShape?, classNames: [String]?
  ) throws(DataError) {
    try self.init(
      features: features, labels: labels, featureCount: featureCount, classCount: classCount, leastClasses: 2,
      owners: owners, imageShape: imageShape, classNames: classNames, isFitted: false)
  }

  /// As the other one, with quantities to predict, which are finite.
  init(
    unfitted features: [Float], targets: [Float], featureCount: Int, owners: [Int32]?, imageShape: ImageShape?
  ) throws(DataError) {
    try self.init(
      features: features, labels: [Int32](repeating: 0, count: targets.count), featureCount: featureCount,
      classCount: 1, leastClasses: 1, owners: owners, imageShape: imageShape, isFitted: false)
    self.targets = targets
  }

  /// Changes features in place.
  mutating func withFeatures(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
    features.withUnsafeMutableBufferPointer { body($0) }
  }

  /// - Throws: `DataError` where the sizes do not fit, a label is out of range or a feature is not finite.
  public init(
    features: [Float], labels: [Int32], featureCount: Int, classCount: Int, owners: [Int32]? = nil,
    imageShape: ImageShape? = nil, classNames: [String]? = nil, symbolNames: [String]? = nil
  ) throws(DataError) {
    try self.init(
      features: features, labels: labels, featureCount: featureCount, classCount: classCount, leastClasses: 2,
      owners: owners, imageShape: imageShape, classNames: classNames, symbolNames: symbolNames)
  }

  private init(
    features: [Float], labels: [Int32], featureCount: Int, classCount: Int, leastClasses: Int, owners: [Int32]?,
    imageShape: ImageShape?, classNames: [String]? = nil, symbolNames: [String]? = nil, isFitted: Bool = true
  ) throws(DataError) {
    guard featureCount > 0, classCount >= leastClasses else {
      throw .shape("need at least one feature and two classes, found \(featureCount) and \(classCount)")
    }
    guard labels.count <= Int(Int32.max) else {
      throw .shape("found \(labels.count) examples; at most \(Int32.max)")
    }
    guard features.count == labels.count * featureCount else {
      throw .shape(
        "\(labels.count) labels of \(featureCount) features need "
          + "\(labels.count * featureCount) values, found \(features.count)")
    }
    if let i = labels.firstIndex(where: { $0 < 0 || $0 >= classCount }) {
      throw .label(example: i, found: Int(labels[i]), classes: classCount)
    }
    if isFitted, !Self.areFinite(features), let i = features.firstIndex(where: { !$0.isFinite }) {
      throw .feature(example: i / featureCount, feature: i % featureCount)
    }
    if let owners { try Self.check(owners, count: labels.count) }
    if let classNames, classNames.count != classCount {
      throw .shape("found \(classNames.count) names of \(classCount) classes")
    }
    if let symbolNames {
      let all = Float(symbolNames.count)
      if let i = features.firstIndex(where: { !($0 >= 0 && $0 < all && $0 == $0.rounded(.down)) }) {
        throw .shape(
          "example \(i / featureCount), place \(i % featureCount): found \(features[i]); allowed: the number of a symbol, 0 to \(symbolNames.count - 1)"
        )
      }
    }
    if let shape = imageShape {
      let sides = [shape.height, shape.width, shape.channels]
      guard sides.allSatisfy({ (1...1_000_000).contains($0) }), sides.reduce(1, *) == featureCount else {
        throw DataError.shape(
          "an image of \(sides.map(String.init).joined(separator: " x ")) does not have \(featureCount) features"
        ).about(.imageShape)
      }
    }
    self.features = features
    self.labels = labels
    self.owners = owners
    self.featureCount = featureCount
    self.classCount = classCount
    self.imageShape = imageShape
    self.classNames = classNames
    self.symbolNames = symbolNames
  }

  private static func check(_ owners: [Int32], count: Int) throws(DataError) {
    guard owners.count == count else { throw .shape("found \(owners.count) owners of \(count) examples") }
    if let i = owners.firstIndex(where: { $0 < 0 }) {
      throw .shape("example \(i): found owner \(owners[i]); owners are numbered from 0")
    }
  }

  /// Says whose each example is.
  ///
  /// - Throws: `DataError` where the numbers are not one for each example and from 0 on.
  mutating func setOwners(_ owners: [Int32]) throws(DataError) {
    try Self.check(owners, count: count)
    self.owners = owners
  }

  /// A data set that has labels and a shape, and no features: an outline, which nothing can be trained on.
  init(
    outlineOf labels: [Int32], featureCount: Int, classCount: Int
  ) throws(DataError) {
    try self.init(features: [], labels: [], featureCount: featureCount, classCount: classCount)
    self.labels = labels
  }

  /// Puts other targets in the place of as many.
  mutating func replaceTargets(_ values: [Float]) {
    precondition(values.count == count)
    targets = values
  }

  /// Whether the features were not made.
  public var isOutline: Bool { features.isEmpty && !labels.isEmpty }

  /// Integer arithmetic, which compilers vectorise: an exponent of all ones carries into the sign's place.
  private static func areFinite(_ values: [Float]) -> Bool {
    var carries: UInt32 = 0
    for value in values { carries |= (value.bitPattern & 0x7F80_0000) &+ 0x0080_0000 }
    return carries >> 31 == 0
  }

  /// The label that most examples have (the smallest of several) and the share of those that have it; nil without examples.
  public var mostFrequentClass: (label: Int, share: Double)? {
    var counts = [Int](repeating: 0, count: classCount)
    for label in labels { counts[Int(label)] += 1 }
    guard count > 0, let most = counts.max(), let label = counts.firstIndex(of: most) else { return nil }
    return (label, Double(most) / Double(count))
  }

  /// The examples of `indices`, in that order: a copy.
  public func selecting(_ indices: [Int]) -> Dataset {
    var chosen = self
    chosen.labels = indices.map { labels[$0] }
    chosen.targets = targets.map { targets in indices.map { targets[$0] } }
    chosen.owners = owners.map { owners in indices.map { owners[$0] } }
    chosen.features = []
    chosen.features.reserveCapacity(indices.count * featureCount)
    for i in indices { chosen.features.append(contentsOf: features[(i * featureCount)..<((i + 1) * featureCount)]) }
    return chosen
  }

  /// Takes the examples that are marked out into a data set of their own. What stays moves up in place, so that
  /// no second copy of it is made; both keep their order.
  ///
  /// - Parameter isTaken: one for each example.
  mutating func remove(_ isTaken: [Bool]) -> Dataset {
    precondition(isTaken.count == count)
    var removed = self
    // Held by one of the two alone, lists are changed in place.
    (removed.features, removed.labels, removed.owners, removed.targets) = ([], [], nil, nil)
    removed.features = Self.take(isTaken, from: &features, width: featureCount)
    removed.labels = Self.take(isTaken, from: &labels, width: 1)
    if var mine = owners {
      owners = nil
      removed.owners = Self.take(isTaken, from: &mine, width: 1)
      owners = mine
    }
    if var mine = targets {
      targets = nil
      removed.targets = Self.take(isTaken, from: &mine, width: 1)
      targets = mine
    }
    return removed
  }

  /// The rows that are marked; the others move up.
  private static func take<T: BitwiseCopyable>(_ isTaken: [Bool], from values: inout [T], width: Int) -> [T] {
    let rows = isTaken.count
    let count = isTaken.reduce(0) { $0 + ($1 ? 1 : 0) }
    let taken = [T](unsafeUninitializedCapacity: count * width) { places, initialized in
      values.withUnsafeMutableBufferPointer { values in
        guard let base = values.baseAddress, let place = places.baseAddress else { return }
        var (kept, moved, row) = (0, 0, 0)
        while row < rows {
          let (first, isRun) = (row, isTaken[row])
          while row < rows, isTaken[row] == isRun { row += 1 }
          let size = row - first
          if isRun {
            (place + moved * width).initialize(from: base + first * width, count: size * width)
            moved += size
          } else {
            if kept != first { (base + kept * width).update(from: base + first * width, count: size * width) }
            kept += size
          }
        }
      }
      initialized = count * width
    }
    values.removeLast(count * width)
    return taken
  }

  /// What names the data in a run's fingerprint: shape, labels, features and targets where there are any, all little-endian.
  public var bytes: [UInt8] {
    var bytes = [UInt8]()
    bytes.reserveCapacity(byteCount)
    forEachPart { bytes.append(contentsOf: $0) }
    return bytes
  }

  public var byteCount: Int { 4 * (features.count + labels.count + (targets?.count ?? 0)) + 16 }

  /// `bytes` in parts, without a copy of the features.
  public func forEachPart(_ body: (UnsafeRawBufferPointer) -> Void) {
    for size in [featureCount, classCount] { withUnsafeBytes(of: UInt64(size).littleEndian, body) }
    if 1.littleEndian == 1 {
      labels.withUnsafeBytes(body)
      features.withUnsafeBytes(body)
      targets?.withUnsafeBytes(body)
    } else {
      for label in labels { withUnsafeBytes(of: label.littleEndian, body) }
      for value in features { withUnsafeBytes(of: value.bitPattern.littleEndian, body) }
      for value in targets ?? [] { withUnsafeBytes(of: value.bitPattern.littleEndian, body) }
    }
  }
}

extension Dataset {
  func row(_ example: Int, of features: UnsafeBufferPointer<Float>) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(rebasing: features[(example * featureCount)..<((example + 1) * featureCount)])
  }
}

extension Dataset.ImageShape: SettingValue {
  /// Height, width and channels.
  static let range = KeyRange.integers(each: 1...65_536, count: 3...3)

  public init?(setting: JSON) {
    guard let sides = [Int](setting: setting), sides.count == 3 else { return nil }
    self.init(height: sides[0], width: sides[1], channels: sides[2])
  }

  public var setting: JSON { [height, width, channels].setting }
}
