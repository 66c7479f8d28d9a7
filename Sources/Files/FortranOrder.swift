/// Where the numbers of an array are whose first index runs fastest, as in the columns of a table that pandas holds.
struct FortranOrder: Sendable {
  /// Sizes without those of 1, which move nothing; two at least.
  private let sizes: [Int]
  /// How many numbers apart two are whose index differs by one.
  private let strides: [Int]

  /// - Parameter shape: the size of each dimension, with a product that a machine can count.
  /// - Returns: nil where the order is C order too.
  init?(_ shape: [Int]) {
    let sizes = shape.filter { $0 != 1 }
    guard sizes.count > 1, !sizes.contains(0) else { return nil }
    var strides = [1]
    for size in sizes.dropLast() { strides.append(strides[strides.count - 1] * size) }
    (self.sizes, self.strides) = (sizes, strides)
  }

  /// The place in the file of a number that has a place in C order.
  func place(of number: Int) -> Int {
    var (rest, place) = (number, 0)
    for (size, stride) in zip(sizes, strides).reversed() {
      place += rest % size * stride
      rest /= size
    }
    return place
  }

  /// The same bytes with the numbers in C order.
  ///
  /// - Parameters:
  ///   - start: where the numbers begin; all that `count` says are known to be there.
  ///   - itemBytes: 1, 2, 4 or 8.
  func inCOrder(_ bytes: [UInt8], from start: Int, count: Int, itemBytes: Int) -> [UInt8] {
    bytes.withUnsafeBytes { stored in
      [UInt8](unsafeUninitializedCapacity: bytes.count) { ordered, filled in
        let ordered = UnsafeMutableRawBufferPointer(ordered)
        ordered.copyMemory(from: UnsafeRawBufferPointer(rebasing: stored.prefix(start)))
        let from = UnsafeRawBufferPointer(rebasing: stored[start...])
        let to = UnsafeMutableRawBufferPointer(rebasing: ordered[start...])
        switch itemBytes {
        case 1: copy(from, to, count, UInt8.self)
        case 2: copy(from, to, count, UInt16.self)
        case 4: copy(from, to, count, UInt32.self)
        default: copy(from, to, count, UInt64.self)
        }
        filled = bytes.count
      }
    }
  }

  private func copy<Item: BitwiseCopyable>(
    _ from: UnsafeRawBufferPointer, _ to: UnsafeMutableRawBufferPointer, _ count: Int, _: Item.Type
  ) {
    let last = sizes.count - 1
    let (size, stride) = (sizes[last], strides[last])
    var index = [Int](repeating: 0, count: last)
    var first = 0
    for row in Swift.stride(from: 0, to: count, by: size) {
      for i in 0..<size {
        let item = from.loadUnaligned(
          fromByteOffset: (first + i * stride) * MemoryLayout<Item>.size, as: Item.self)
        to.storeBytes(of: item, toByteOffset: (row + i) * MemoryLayout<Item>.size, as: Item.self)
      }
      // The next row: the last of the other indices that is not at its end goes on.
      var dimension = last - 1
      while dimension >= 0 {
        index[dimension] += 1
        first += strides[dimension]
        if index[dimension] < sizes[dimension] { break }
        first -= strides[dimension] * sizes[dimension]
        index[dimension] = 0
        dimension -= 1
      }
    }
  }
}
