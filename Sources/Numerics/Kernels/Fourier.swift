import CKernels

// The discrete Fourier transform.
extension Kernels {
  /// In-place discrete Fourier transform of a power of two of complex numbers; `scratch` has room for as many, `cosines` and
  /// `sines` are cos(2 pi j / n) and -sin(2 pi j / n). O(n log n); every instruction set gives the same bits.
  @inlinable
  public func fourierTransform(
    _ real: UnsafeMutableBufferPointer<Double>, _ imaginary: UnsafeMutableBufferPointer<Double>,
    scratch: (real: UnsafeMutableBufferPointer<Double>, imaginary: UnsafeMutableBufferPointer<Double>),
    cosines: UnsafeBufferPointer<Double>, sines: UnsafeBufferPointer<Double>
  ) {
    let n = real.count
    precondition(n > 0 && n & (n - 1) == 0 && imaginary.count == n && cosines.count >= n && sines.count >= n)
    precondition(scratch.real.count >= n && scratch.imaginary.count >= n)
    guard let xr = real.baseAddress, let xi = imaginary.baseAddress, let yr = scratch.real.baseAddress,
      let yi = scratch.imaginary.baseAddress, let c = cosines.baseAddress, let s = sines.baseAddress
    else { return }
    operations.pointee.fft(xr, xi, yr, yi, n, c, s)
  }
}
