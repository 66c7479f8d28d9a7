import Platform

/// A plan of discrete Fourier transforms of one size, a power of two of at least 4: its tables and its scratch memory.
///
/// One thread uses a plan at a time. Both directions take O(n log n) and allocate nothing.
package final class FourierTransform {
  package let size: Int
  /// Each value of a transform is within this of the exact one, relative to the sum of absolute values of what goes in; and
  /// so are roots of sums of squares, relative to their own. A pass of radix 4 adds twice (2 units), multiplies (sqrt 5) and has factors
  /// from the tables (within 4 units): docs/privacy.md.
  package var error: Double { Double(size.trailingZeroBitCount / 2 + 1) * 9 * 0x1p-53 }
  /// cos(2 pi k / size) and -sin(2 pi k / size), each within 4 units.
  package let cosines: [Double]
  package let sines: [Double]
  private var scratchReal: [Double]
  private var scratchImaginary: [Double]

  package init(size: Int) {
    precondition(size >= 4 && size.nonzeroBitCount == 1)
    self.size = size
    // One quadrant by the platform's functions, the rest by symmetry.
    var c = [Double](repeating: 0, count: size)
    var s = c
    let quarter = size / 4
    for k in 0...quarter {
      let angle = 2 * Double.pi * Double(k) / Double(size)
      (c[k], s[k]) = (cos(angle), -sin(angle))
    }
    for k in 0..<quarter { (c[size / 2 - k], s[size / 2 - k]) = (-c[k], s[k]) }
    for k in 1..<size / 2 { (c[size - k], s[size - k]) = (c[k], -s[k]) }
    (cosines, sines) = (c, s)
    scratchReal = [Double](repeating: 0, count: size)
    scratchImaginary = scratchReal
  }

  /// In place: the sum over j of x_j e^(-2 pi i j k / size), for each k.
  package func forward(_ real: inout [Double], _ imaginary: inout [Double]) {
    real.withUnsafeMutableBufferPointer { r in
      imaginary.withUnsafeMutableBufferPointer { i in
        scratchReal.withUnsafeMutableBufferPointer { a in
          scratchImaginary.withUnsafeMutableBufferPointer { b in
            cosines.withUnsafeBufferPointer { c in
              sines.withUnsafeBufferPointer { s in
                Kernels.best.fourierTransform(r, i, scratch: (a, b), cosines: c, sines: s)
              }
            }
          }
        }
      }
    }
  }

  /// Normalised: the inverse of `forward`.
  package func inverse(_ real: inout [Double], _ imaginary: inout [Double]) {
    // Real and imaginary parts swapped, before and after.
    forward(&imaginary, &real)
    let scale = 1 / Double(size)
    for k in 0..<size {
      real[k] *= scale
      imaginary[k] *= scale
    }
  }
}
