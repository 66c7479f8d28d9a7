import Numerics
import Platform

extension RunningComposition {
  /// The transform of w, conjugate and over N, twice that where a frequency stands for two.
  struct Reader {
    let real: [Double]
    let imaginary: [Double]
    /// How far each value may be off, times its weight.
    let error: Double

    init(theta: Double, step: Double, above: Int, _ transform: FourierTransform) {
      let size = transform.size
      var (x, y) = ([Double](repeating: 0, count: size), [Double](repeating: 0, count: size))
      let first = Kernels.best.exponentials(from: 0, step: -theta * step, count: above + 1)
      let second = Kernels.best.exponentials(from: 0, step: -(theta + 1) * step, count: above + 1)
      var sum = 0.0
      for d in 1...above {
        x[d] = first[d] - second[d]
        sum += abs(x[d])
      }
      transform.forward(&x, &y)
      let half = size / 2
      let weight = 2 / Double(size)
      var (real, imaginary) = ([Double](repeating: 0, count: half + 1), [Double](repeating: 0, count: half + 1))
      for k in 0...half {
        let weight = k == 0 || k == half ? weight / 2 : weight
        (real[k], imaginary[k]) = (weight * x[k], -weight * y[k])
      }
      (self.real, self.imaginary) = (real, imaginary)
      // Exponentials are within 4 units and their arguments' rounding, differences of the size of the first.
      let exponentials = 16 * RoundingBudget.unit * (1 + 1 / -expm1(-theta * step))
      error = weight * (transform.error * sum + exponentials + 700 * Double(above) * 1e-300) * 1.01
    }
  }

  /// One of both laws: X_f^r times the reader, for the frequencies that are kept.
  struct Law {
    var real: [Double]
    var imaginary: [Double]
    /// X_f to the power of a stride.
    let stepReal: [Double]
    let stepImaginary: [Double]
    /// ln of the finite mass of a round.
    let logFinite: Double
    /// Of one round.
    let tails: WindowTails
    /// How far the sum may be off for any number of rounds of the range.
    let error: Double

    /// - Parameters:
    ///   - x: with `y` the transform of upper + i lower.
    ///   - error: of each value of both laws' transforms.
    init(
      _ x: [Double], _ y: [Double], isUpper: Bool, error: Double, counts: ClosedRange<Int>, stride: Int,
      _ reader: Reader, logFinite: Double, tails: WindowTails
    ) {
      (self.logFinite, self.tails) = (logFinite, tails)
      let size = x.count
      let half = size / 2
      var (real, imaginary) = ([Double](repeating: 0, count: half + 1), [Double](repeating: 0, count: half + 1))
      // |X_f| + error. It is hardly above 1: in the lower law, which has all large losses at its last point, too.
      var sizes = real
      for k in 0...half {
        let j = (size - k) & (size - 1)
        (real[k], imaginary[k]) =
          isUpper
          ? ((x[k] + x[j]) / 2, (y[k] - y[j]) / 2) : ((y[k] + y[j]) / 2, (x[j] - x[k]) / 2)
        sizes[k] = (real[k] * real[k] + imaginary[k] * imaginary[k]).squareRoot() + error
      }
      // To the fewest rounds less 1, times what the most rounds may make of that where it is above 1.
      let most = Double(counts.upperBound)
      let growth = 1.0001 * exp(most * log(max(1, sizes.max() ?? 1)))
      let powers = Self.powers(sizes.map { min(1, $0) }, counts.lowerBound - 1)
      // Of each frequency: what it can add to the sum, but for its reader's error.
      var shares = [Double](repeating: 0, count: half + 1)
      var (whole, readers) = (0.0, 0.0)
      for k in 0...half {
        let weight = (reader.real[k] * reader.real[k] + reader.imaginary[k] * reader.imaginary[k]).squareRoot()
        shares[k] = growth * powers[k] * weight
        whole += shares[k]
        readers += growth * powers[k] * reader.error
      }
      // The last ones that together are nothing are left out.
      var (kept, dropped) = (half + 1, 0.0)
      while kept > 1, dropped + shares[kept - 1] < 1e-11 * whole {
        kept -= 1
        dropped += shares[kept]
      }
      let unit = RoundingBudget.unit
      // X_f^r is off by r (error + 4 u) (|X_f| + error)^(r - 1); a sum of so many products.
      let sum =
        (most * (error + 4 * unit) + (Double(kept) + 30) * unit) * whole + readers + 1.01 * dropped + 1e-30
      // Where growth is more than next to nothing, so may be what is folded.
      self.error = growth < 1.005 ? sum : .infinity
      let base = (Array(real[..<kept]), Array(imaginary[..<kept]))
      (stepReal, stepImaginary) = Self.power(base, stride)
      let first = Self.power(base, counts.lowerBound)
      (self.real, self.imaginary) = (first.0, first.1)
      for k in 0..<kept {
        let (a, b) = (first.0[k], first.1[k])
        self.real[k] = a * reader.real[k] - b * reader.imaginary[k]
        self.imaginary[k] = a * reader.imaginary[k] + b * reader.real[k]
      }
    }

    private static func powers(_ x: [Double], _ power: Int) -> [Double] {
      let zeros = [Double](repeating: 0, count: x.count)
      return Self.power((x, zeros), power).0
    }

    /// Complex numbers to a power, by squaring; what is below 10^-40 on the way is 0, before denormal numbers make it slow.
    private static func power(_ base: ([Double], [Double]), _ power: Int) -> ([Double], [Double]) {
      var (x, y) = base
      let n = x.count
      var (u, v) = ([Double](repeating: 1, count: n), [Double](repeating: 0, count: n))
      var rest = power
      while rest > 0 {
        if rest & 1 == 1 { multiply(&u, &v, x, y) }
        rest >>= 1
        guard rest > 0 else { break }
        for k in 0..<n {
          let (a, b) = (x[k], y[k])
          let keep = abs(a) + abs(b) > 1e-40 ? 1.0 : 0.0
          x[k] = (a * a - b * b) * keep
          y[k] = 2 * a * b * keep
        }
      }
      return (u, v)
    }

    private static func multiply(_ x: inout [Double], _ y: inout [Double], _ a: [Double], _ b: [Double]) {
      let n = x.count
      x.withUnsafeMutableBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
          a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
              for k in 0..<n {
                let (u, v) = (x[k], y[k])
                x[k] = u * a[k] - v * b[k]
                y[k] = u * b[k] + v * a[k]
              }
            }
          }
        }
      }
    }

    mutating func advance() { Self.multiply(&real, &imaginary, stepReal, stepImaginary) }

    /// Real part of the sum over f of value times e^(2 pi i f point / N).
    func sum(_ point: Int, _ cosines: [Double], _ sines: [Double]) -> Double {
      let mask = cosines.count - 1
      return real.withUnsafeBufferPointer { real in
        imaginary.withUnsafeBufferPointer { imaginary in
          cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
              var sum = 0.0
              var angle = 0
              for k in 0..<real.count {
                // Sines are those of negative angles.
                sum += real[k] * cosines[angle] + imaginary[k] * sines[angle]
                angle = (angle + point) & mask
              }
              return sum
            }
          }
        }
      }
    }
  }
}
