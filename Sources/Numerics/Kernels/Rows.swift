import CKernels

// Elementary functions of whole rows, and moments: what the privacy loss accountant is made of.
extension Kernels {
  /// ln E e^(theta L) of a law with losses and ln of their masses, and its derivative by theta.
  @inlinable
  public func cumulant(logMasses: [Double], losses: [Double], theta: Double) -> (value: Double, slope: Double) {
    precondition(logMasses.count == losses.count)
    var (top, sum, first) = (0.0, 0.0, 0.0)
    operations.pointee.moments(logMasses, losses, theta, losses.count, &top, &sum, &first)
    return (top + Elementary.log(sum), first / sum)
  }

  /// Complex numbers times others, in place: the sum of the products, eight partial sums added up. A multiple of 8 of them.
  package func rotate(
    _ real: inout [Double], _ imaginary: inout [Double], cosines: [Double], sines: [Double]
  ) -> (real: Double, imaginary: Double) {
    precondition(real.count % 8 == 0 && imaginary.count == real.count)
    precondition(cosines.count == real.count && sines.count == real.count)
    var sums = [0.0, 0.0]
    operations.pointee.rotations(&real, &imaginary, cosines, sines, real.count / 8, &sums)
    return (sums[0], sums[1])
  }

  /// e^(from + k step) for k < count, and on to the next multiple of 8; exponents are cut to +-700.
  package func exponentials(from: Double, step: Double, count: Int) -> [Double] {
    let padded = (count + 7) / 8 * 8
    var x = [Double](unsafeUninitializedCapacity: padded) { buffer, filled in
      for k in 0..<padded { buffer[k] = from + Double(k) * step }
      filled = padded
    }
    x.withUnsafeMutableBufferPointer { exponentiate($0) }
    return x
  }

  /// e^x in place, x cut to [-700, 700], to 15 digits; a multiple of 8 of them.
  @inlinable
  public func exponentiate(_ x: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count % 8 == 0)
    guard let address = x.baseAddress else { return }
    operations.pointee.exps(address, address, x.count / 8)
  }

  /// ln(1 + x) in place, minus infinity for x <= -1, to 15 digits; a multiple of 8 of them.
  @inlinable
  public func log1p(_ x: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count % 8 == 0)
    guard let address = x.baseAddress else { return }
    operations.pointee.log1ps(address, address, x.count / 8)
  }

  /// Pr[Z > z] of a standard normal where z > 0, -Pr[Z < z] elsewhere, to 14 digits; counts are alike and multiples of 8.
  @inlinable
  public func signedTails(_ z: UnsafeBufferPointer<Double>, into tails: UnsafeMutableBufferPointer<Double>) {
    precondition(z.count % 8 == 0 && z.count == tails.count)
    guard let from = z.baseAddress, let to = tails.baseAddress else { return }
    operations.pointee.signed_tails(from, to, z.count / 8)
  }
}
