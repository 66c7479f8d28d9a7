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

  /// sum += x, of little-endian floats at any address.
  @inlinable
  package func accumulate(_ x: UnsafeRawBufferPointer, into sum: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count == 4 * sum.count)
    guard let from = x.baseAddress, let to = sum.baseAddress else { return }
    operations.pointee.accumulate_floats(from, to, sum.count)
  }

  /// sum += x
  @inlinable
  public func accumulate(_ x: UnsafeBufferPointer<Double>, into sum: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count == sum.count)
    guard let from = x.baseAddress, let to = sum.baseAddress else { return }
    operations.pointee.accumulate(from, to, x.count)
  }

  /// Rounded to little-endian floats at any address.
  @inlinable
  package func narrow(_ x: UnsafeBufferPointer<Double>, into output: UnsafeMutableRawBufferPointer) {
    precondition(output.count == 4 * x.count)
    guard let from = x.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.narrow(from, to, x.count)
  }
}
