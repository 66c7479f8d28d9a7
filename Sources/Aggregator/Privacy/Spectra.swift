import ChannelCoding

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Spectra of real laws for frequencies 0 ... size / 2: products of powers.
struct Spectra {
  var upperReal: [Double]
  var upperImaginary: [Double]
  var lowerReal: [Double]
  var lowerImaginary: [Double]

  init(count: Int) {
    upperReal = .init(repeating: 1, count: count)
    upperImaginary = .init(repeating: 0, count: count)
    lowerReal = upperReal
    lowerImaginary = upperImaginary
  }

  /// `real` + i `imaginary` is the transform of upper + i lower.
  mutating func multiply(_ real: [Double], _ imaginary: [Double], power: Int) {
    let size = real.count
    let count = upperReal.count
    let block = 256
    // Powers of a block of both, in the first-level cache.
    var x = [Double](repeating: 0, count: block)
    var y = x
    for start in stride(from: 0, to: count, by: block) {
      let n = min(block, count - start)
      for i in 0..<n {
        let k = start + i
        let j = (size - k) & (size - 1)
        x[i] = (real[k] + real[j]) / 2
        y[i] = (imaginary[k] - imaginary[j]) / 2
      }
      Self.multiply(&upperReal, &upperImaginary, start, &x, &y, n, power: power)
      for i in 0..<n {
        let k = start + i
        let j = (size - k) & (size - 1)
        x[i] = (imaginary[k] + imaginary[j]) / 2
        y[i] = (real[j] - real[k]) / 2
      }
      Self.multiply(&lowerReal, &lowerImaginary, start, &x, &y, n, power: power)
    }
  }

  private static func multiply(
    _ real: inout [Double], _ imaginary: inout [Double], _ start: Int, _ x: inout [Double], _ y: inout [Double],
    _ n: Int,
    power: Int
  ) {
    real.withUnsafeMutableBufferPointer { real in
      imaginary.withUnsafeMutableBufferPointer { imaginary in
        x.withUnsafeMutableBufferPointer { x in
          y.withUnsafeMutableBufferPointer { y in
            var rest = power
            while rest > 0 {
              if rest & 1 == 1 {
                for i in 0..<n {
                  let (u, v) = (real[start + i], imaginary[start + i])
                  real[start + i] = u * x[i] - v * y[i]
                  imaginary[start + i] = u * y[i] + v * x[i]
                }
              }
              rest >>= 1
              guard rest > 0 else { break }
              for i in 0..<n {
                let (u, v) = (x[i], y[i])
                // Below 10^-40 of the largest: 0, before denormal numbers make it slow.
                let keep = abs(u) + abs(v) > 1e-40 ? 1.0 : 0.0
                x[i] = (u * u - v * v) * keep
                y[i] = 2 * u * v * keep
              }
            }
            for i in 0..<n {
              let keep = abs(real[start + i]) + abs(imaginary[start + i]) > 1e-80 ? 1.0 : 0.0
              real[start + i] *= keep
              imaginary[start + i] *= keep
            }
          }
        }
      }
    }
  }

  /// The whole spectrum of upper + i lower.
  func unpack(_ real: inout [Double], _ imaginary: inout [Double]) {
    let size = real.count
    for k in 0..<upperReal.count {
      let j = (size - k) & (size - 1)
      real[k] = upperReal[k] - lowerImaginary[k]
      imaginary[k] = upperImaginary[k] + lowerReal[k]
      if j != k {
        real[j] = upperReal[k] + lowerImaginary[k]
        imaginary[j] = lowerReal[k] - upperImaginary[k]
      }
    }
  }
}

/// Discrete Fourier transforms of one size, a power of two.
final class FourierTransform {
  let size: Int
  private let cosines: [Double]
  private let sines: [Double]
  private var scratchReal: [Double]
  private var scratchImaginary: [Double]

  init(size: Int) {
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

  func forward(_ real: inout [Double], _ imaginary: inout [Double]) {
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
  func inverse(_ real: inout [Double], _ imaginary: inout [Double]) {
    // Real and imaginary parts swapped, before and after.
    forward(&imaginary, &real)
    let scale = 1 / Double(size)
    for k in 0..<size {
      real[k] *= scale
      imaginary[k] *= scale
    }
  }
}
