import CKernels

// Sums and norms of updates, and float32 numbers at any address.
extension Kernels {
  /// The sum of x[i]^2, added in a fixed order.
  @inlinable
  public func squareSum(_ x: UnsafeBufferPointer<Double>) -> Double {
    guard let from = x.baseAddress else { return 0 }
    return operations.pointee.square_sum(from, x.count)
  }

  /// Of the same values as floats: the same sum.
  @inlinable
  public func squareSum(_ x: UnsafeBufferPointer<Float>) -> Double {
    guard let from = x.baseAddress else { return 0 }
    return operations.pointee.square_sum_floats(from, x.count)
  }

  /// Of little-endian floats at any address: the same sum.
  @inlinable
  package func squareSum(floats x: UnsafeRawBufferPointer) -> Double {
    guard let from = x.baseAddress else { return 0 }
    return operations.pointee.square_sum_floats(from.assumingMemoryBound(to: Float.self), x.count / 4)
  }

  /// scale x[i] in double, of little-endian floats at any address.
  @inlinable
  package func widen(_ x: UnsafeRawBufferPointer, scale: Double = 1, into output: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count == 4 * output.count)
    guard let from = x.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.widen(from, scale, to, output.count)
  }

  /// Whether little-endian floats at any address are all finite.
  @inlinable
  package func areFinite(_ x: UnsafeRawBufferPointer) -> Bool {
    guard let from = x.baseAddress else { return true }
    return operations.pointee.all_finite(from, x.count / 4) != 0
  }

  /// Counts the terms `x` in units of a grid, and adds what they count to.
  ///
  /// - Parameter fine: what the units of `coarse` leave, in fine ones; nil where it is dropped.
  /// - Returns: whether a term is larger than the grid's largest, and was counted as that.
  @inlinable
  package func accumulate(
    _ x: UnsafeBufferPointer<Double>, _ grid: ck_grid, into coarse: UnsafeMutableBufferPointer<Int64>,
    fine: UnsafeMutableBufferPointer<Int64>?
  ) -> Bool {
    precondition(x.count == coarse.count && x.count == fine?.count ?? x.count)
    guard let from = x.baseAddress, let to = coarse.baseAddress else { return false }
    return withUnsafePointer(to: grid) {
      operations.pointee.accumulate(from, $0, to, fine?.baseAddress, x.count) != 0
    }
  }

  /// As `accumulate`, of little-endian floats at any address.
  @inlinable
  package func accumulate(
    floats x: UnsafeRawBufferPointer, _ grid: ck_grid, into coarse: UnsafeMutableBufferPointer<Int64>,
    fine: UnsafeMutableBufferPointer<Int64>?
  ) -> Bool {
    precondition(x.count == 4 * coarse.count && coarse.count == fine?.count ?? coarse.count)
    guard let from = x.baseAddress, let to = coarse.baseAddress else { return false }
    return withUnsafePointer(to: grid) {
      operations.pointee.accumulate_floats(from, $0, to, fine?.baseAddress, coarse.count) != 0
    }
  }

  /// Rounded to little-endian floats at any address.
  @inlinable
  package func narrow(_ x: UnsafeBufferPointer<Double>, into output: UnsafeMutableRawBufferPointer) {
    precondition(output.count == 4 * x.count)
    guard let from = x.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.narrow(from, to, x.count)
  }
}
