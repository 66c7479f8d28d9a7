import ChannelCoding
import Files

extension Dataset {
  /// The same pictures, each turned by a number of quarters: what was on the right comes to the top with one.
  ///
  /// - Parameter quarters: of each example, any number; only its rest by 4 counts.
  /// - Throws: `DataError` where examples are no square pictures.
  public func turningPictures(_ quarters: [Int]) throws(DataError) -> Dataset {
    guard let shape = imageShape else {
      throw .about(.imageShape, .shape("examples of \(featureCount) features are no pictures, and cannot be turned"))
    }
    guard shape.height == shape.width else {
      throw .about(
        .imageShape,
        .shape("pictures of \(shape.height) x \(shape.width) are not square, and cannot be turned by a quarter"))
    }
    guard quarters.count == count else {
      throw .shape("found \(quarters.count) numbers of quarters for \(count) pictures")
    }
    let (side, channels) = (shape.width, shape.channels)
    var turned: [Float] = []
    turned.reserveCapacity(features.count)
    for example in 0..<count {
      let first = example * featureCount
      let turns = (quarters[example] % 4 + 4) % 4
      for y in 0..<side {
        for x in 0..<side {
          let (row, column) = Self.source(y, x, side: side, turns)
          let from = first + (row * side + column) * channels
          turned.append(contentsOf: features[from..<(from + channels)])
        }
      }
    }
    return try Dataset(
      features: turned, labels: labels, featureCount: featureCount, classCount: classCount, owners: owners,
      imageShape: imageShape, classNames: classNames)
  }

  /// Where the pixel comes from that is at row y and column x after some quarter turns.
  private static func source(_ y: Int, _ x: Int, side: Int, _ turns: Int) -> (row: Int, column: Int) {
    switch turns {
    case 0: (y, x)
    case 1: (x, side - 1 - y)
    case 2: (side - 1 - y, side - 1 - x)
    default: (side - 1 - x, y)
    }
  }
}

extension Population {
  /// The same clients with the pictures of client i turned by i mod 4 quarters: clients whose tasks differ in a way that a few of their
  /// examples show.
  ///
  /// - Throws: `DataError` where examples are no square pictures.
  public func turningPictures() throws(DataError) -> Population {
    var quarters = [Int](repeating: 0, count: data.count)
    for client in 0..<clientCount {
      for example in examples(of: client) { quarters[example] = client % 4 }
    }
    return Population(self, data: try data.turningPictures(quarters))
  }

  /// A client's examples in two parts by a seeded shuffle: to fit to, and to test on.
  ///
  /// - Parameters:
  ///   - testFraction: the share that is for the test, from 0 to 1: floor(share n + 1/2) of n examples.
  ///   - key: what the shuffles of all clients follow from. Each client has its own stream of it, so that a part does not depend
  ///     on who else was asked.
  /// - Returns: both parts, each in the order of the whole.
  public func parts(of client: Int, testFraction: Double, key: Key) -> (fit: [Int], test: [Int]) {
    precondition(testFraction >= 0 && testFraction <= 1)
    var order = Array(examples(of: client))
    var random = RandomStream(key: key, stream: UInt64(client))
    random.shuffle(&order)
    let count = Int(Double(order.count) * testFraction + 0.5)
    return (order[count...].sorted(), order[..<count].sorted())
  }
}
