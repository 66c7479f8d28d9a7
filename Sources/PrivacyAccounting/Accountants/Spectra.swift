import Numerics
import Platform

/// Spectra of two real laws for frequencies 0 ... size / 2: products of powers, and what rounding can have done to them.
///
/// docs/privacy.md has the bounds: all are products and sums of complex numbers, so errors follow the same polynomial in
/// absolute values.
struct Spectra {
  private struct Law {
    /// The product; with large losses apart, of the rest alone.
    var real: [Double]
    var imaginary: [Double]
    /// With large losses apart: the product of the whole laws less that of the rest.
    var jumpReal: [Double] = []
    var jumpImaginary: [Double] = []
    /// Sum over kinds of rounds of count error / |value|: how far the product's logarithm may be off.
    var off: [Double] = []
  }

  private let size: Int
  private let rounds: Double
  private let splits: Bool
  private var upper: Law
  private var lower: Law
  private var kinds = 0.0
  /// Sum of squares of errors where a law's spectrum is nearly 0.
  private var tiny = 0.0
  private var largestError = 0.0
  /// How many rounds have a large loss, in the tilted law.
  private(set) var jumps = 0.0

  init(size: Int, rounds: Double, splits: Bool) {
    self.size = size
    self.rounds = rounds
    self.splits = splits
    let count = size / 2 + 1
    upper = Law(real: .init(repeating: 1, count: count), imaginary: .init(repeating: 0, count: count))
    if splits {
      upper.jumpReal = upper.imaginary
      upper.jumpImaginary = upper.imaginary
    } else {
      upper.off = upper.imaginary
    }
    lower = upper
  }

  private static let block = 256

  /// Upper and lower law of a block of frequencies, from the transform of upper + i lower.
  private static func parts(
    _ real: [Double], _ imaginary: [Double], _ start: Int, _ n: Int, isUpper: Bool, _ x: inout [Double],
    _ y: inout [Double]
  ) {
    let size = real.count
    for i in 0..<n {
      let k = start + i
      let j = (size - k) & (size - 1)
      if isUpper {
        x[i] = (real[k] + real[j]) / 2
        y[i] = (imaginary[k] - imaginary[j]) / 2
      } else {
        x[i] = (imaginary[k] + imaginary[j]) / 2
        y[i] = (real[j] - real[k]) / 2
      }
    }
  }

  /// `real` + i `imaginary` is the transform of upper + i lower, each value of both within `error`.
  mutating func multiply(_ real: [Double], _ imaginary: [Double], power: Int, error: Double) {
    kinds += 1
    largestError = max(largestError, error)
    // Powers of a block of both, in the first-level cache.
    var x = [Double](repeating: 0, count: Self.block)
    var y = x
    for start in stride(from: 0, to: size / 2 + 1, by: Self.block) {
      let n = min(Self.block, size / 2 + 1 - start)
      Self.parts(real, imaginary, start, n, isUpper: true, &x, &y)
      Self.weigh(&upper.off, start, x, y, n, power: power, error: error, rounds: rounds, &tiny)
      Self.multiply(&upper.real, &upper.imaginary, start, &x, &y, n, power: power)
      Self.parts(real, imaginary, start, n, isUpper: false, &x, &y)
      Self.weigh(&lower.off, start, x, y, n, power: power, error: error, rounds: rounds, &tiny)
      Self.multiply(&lower.real, &lower.imaginary, start, &x, &y, n, power: power)
    }
  }

  private static func weigh(
    _ off: inout [Double], _ start: Int, _ x: [Double], _ y: [Double], _ n: Int, power: Int, error: Double,
    rounds: Double, _ tiny: inout Double
  ) {
    let whole = Double(power) * error
    // The other kinds' errors count as this one's; where either is not small, nothing is known.
    if rounds * error > 1e-3 { tiny = .infinity }
    for i in 0..<n {
      let size = (x[i] * x[i] + y[i] * y[i]).squareRoot()
      if size > 10 * whole {
        off[start + i] += whole / size
      } else {
        // (size + error)^power differs by no more than this, whatever the other factors, all at most 1, are.
        let most = (power == 1 ? error : whole * 11 * whole) + rounds * error * 11 * whole
        tiny += most * most
      }
    }
  }

  /// Transforms of the rest and of large losses: `error` is of the rest's values, `share` times that of the others', share their
  /// mass in both laws together.
  ///
  /// With B the rest and D = (B + J)^n - B^n: D_2n = D_n (2 B^n + D_n), D_(m+n) = D_m (B^n + D_n) + B^m D_n, so that all that is
  /// rounded is as small as J.
  mutating func multiply(
    bulk: (real: [Double], imaginary: [Double]), jumps: (real: [Double], imaginary: [Double]), power: Int,
    error: Double,
    share: Double
  ) {
    kinds += 1
    largestError = max(largestError, error)
    self.jumps += Double(power) * share
    var x = [Double](repeating: 0, count: Self.block)
    var (y, u, v) = (x, x, x)
    for start in stride(from: 0, to: size / 2 + 1, by: Self.block) {
      let n = min(Self.block, size / 2 + 1 - start)
      for isUpper in [true, false] {
        Self.parts(bulk.real, bulk.imaginary, start, n, isUpper: isUpper, &x, &y)
        Self.parts(jumps.real, jumps.imaginary, start, n, isUpper: isUpper, &u, &v)
        if isUpper {
          Self.multiply(&upper, start, &x, &y, &u, &v, n, power: power)
        } else {
          Self.multiply(&lower, start, &x, &y, &u, &v, n, power: power)
        }
      }
    }
  }

  private static func multiply(
    _ law: inout Law, _ start: Int, _ x: inout [Double], _ y: inout [Double], _ u: inout [Double],
    _ v: inout [Double], _ n: Int, power: Int
  ) {
    for i in 0..<n {
      let k = start + i
      var (b, d) = (Complex(x[i], y[i]), Complex(u[i], v[i]))
      var (bulk, jump) = (Complex(law.real[k], law.imaginary[k]), Complex(law.jumpReal[k], law.jumpImaginary[k]))
      var rest = power
      while rest > 0 {
        if rest & 1 == 1 {
          jump = jump * (b + d) + bulk * d
          bulk = bulk * b
        }
        rest >>= 1
        guard rest > 0 else { break }
        d = d * (b + b + d)
        b = b * b
        // Before denormal numbers make it slow.
        b = abs(b.real) + abs(b.imaginary) > 1e-40 ? b : Complex(0, 0)
        d = abs(d.real) + abs(d.imaginary) > 1e-60 ? d : Complex(0, 0)
      }
      (law.real[k], law.imaginary[k]) = (bulk.real, bulk.imaginary)
      (law.jumpReal[k], law.jumpImaginary[k]) = (jump.real, jump.imaginary)
    }
  }

  private struct Complex {
    var real: Double
    var imaginary: Double

    init(_ real: Double, _ imaginary: Double) { (self.real, self.imaginary) = (real, imaginary) }

    static func + (a: Self, b: Self) -> Self { Self(a.real + b.real, a.imaginary + b.imaginary) }
    static func * (a: Self, b: Self) -> Self {
      Self(a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real)
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
              var kept = 0.0
              for i in 0..<n {
                let (u, v) = (x[i], y[i])
                // Below 10^-40 of the largest: 0, before denormal numbers make it slow.
                let keep = abs(u) + abs(v) > 1e-40 ? 1.0 : 0.0
                x[i] = (u * u - v * v) * keep
                y[i] = 2 * u * v * keep
                kept += keep
              }
              // Most blocks of a smooth law are 0 after a few squarings, and the highest power is always multiplied in.
              guard kept > 0 else {
                for i in start..<start + n { (real[i], imaginary[i]) = (0, 0) }
                return
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

  /// The whole spectrum of upper + i lower, and a bound on the root of the sum of squares of errors of its inverse transform, whose
  /// own relative error is `inverse`.
  func finish(_ real: inout [Double], _ imaginary: inout [Double], inverse: Double) -> Double {
    let unit = 0x1p-53
    var (squares, errors) = (0.0, 0.0)
    // Rounding of the products.
    let products = 3 * unit * (rounds + kinds) + 4 * unit
    for k in 0..<size / 2 + 1 {
      let j = (size - k) & (size - 1)
      let (a, b) = splits ? (upper.jumpReal[k], upper.jumpImaginary[k]) : (upper.real[k], upper.imaginary[k])
      let (c, d) = splits ? (lower.jumpReal[k], lower.jumpImaginary[k]) : (lower.real[k], lower.imaginary[k])
      real[k] = a - d
      imaginary[k] = b + c
      if j != k {
        real[j] = a + d
        imaginary[j] = c - b
      }
      let (first, second) = (a * a + b * b, c * c + d * d)
      squares += first + second
      if !splits {
        let (p, q) = (Self.growth(upper.off[k]) + products, Self.growth(lower.off[k]) + products)
        errors += first * p * p + second * q * q
      }
    }
    // Half the frequencies were added up; and a mean over all.
    let n = Double(size)
    let norm = (2 * squares / n).squareRoot()
    guard splits else {
      return (2 * (errors + tiny) / n).squareRoot() * 1.001 + (inverse + 4 * unit) * norm * 1.001 + 1e-30
    }
    // At each frequency: one factor is off by its error, among `rounds` of them, and all but it are at most 1.
    guard rounds * largestError < 1e-3 else { return .infinity }
    let most = 1.01 * largestError * jumps * (1 + 2 * rounds) + 3 * products * jumps
    return 2 * most + (inverse + 4 * unit) * norm * 1.001 + 1e-30
  }

  /// x e^x
  private static func growth(_ x: Double) -> Double { x < 0.01 ? x * (1 + 1.01 * x) : x * exp(min(x, 300)) }
}
