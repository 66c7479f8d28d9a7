import Files

extension Population {
  /// The same clients with their pictures turned: client i's by i mod 4 quarters, clockwise.
  ///
  /// What a picture says is then the same for each client and different between clients: a task in which a client's own posterior pays.
  ///
  /// - Throws: `DataError` where the examples are not square pictures.
  public func turned() throws(DataError) -> Population {
    guard let shape = data.imageShape, shape.height == shape.width else {
      throw .shape(
        data.imageShape.map { "pictures of \($0.height) x \($0.width) cannot be turned by a quarter: they are not square" }
          ?? "the examples are no pictures, which alone can be turned")
    }
    var quarters = [UInt8](repeating: 0, count: data.count)
    for client in 0..<clientCount { for i in examples(of: client) { quarters[i] = UInt8(client % 4) } }
    return replacing(data.turned(by: quarters, side: shape.height, channels: shape.channels))
  }
}

extension Dataset {
  /// Square pictures, each turned clockwise by its own number of quarters.
  fileprivate func turned(by quarters: [UInt8], side: Int, channels: Int) -> Dataset {
    replacingFeatures { source, target in
      for (i, turns) in quarters.enumerated() {
        let first = i * side * side * channels
        for y in 0..<side {
          for x in 0..<side {
            // Where the value at (y, x) comes from.
            let (row, column) =
              switch turns {
              case 1: (side - 1 - x, y)
              case 2: (side - 1 - y, side - 1 - x)
              case 3: (x, side - 1 - y)
              default: (y, x)
              }
            for c in 0..<channels {
              target[first + (y * side + x) * channels + c] = source[first + (row * side + column) * channels + c]
            }
          }
        }
      }
    }
  }
}
