import Foundation
import Testing

@testable import ChannelCoding
@testable import Numerics

/// The kernels of the accountant: right, and the same bits on every instruction set.
@Suite struct TransformTests {
  private func transform(
    _ kernels: Kernels, _ real: [Double], _ imaginary: [Double]
  ) -> ([Double], [Double]) {
    var (a, b, c, d) = (real, imaginary, real, imaginary)
    let n = real.count
    let cosines = (0..<n).map { cos(2 * Double.pi * Double($0) / Double(n)) }
    let sines = (0..<n).map { -sin(2 * Double.pi * Double($0) / Double(n)) }
    a.withUnsafeMutableBufferPointer { a in
      b.withUnsafeMutableBufferPointer { b in
        c.withUnsafeMutableBufferPointer { c in
          d.withUnsafeMutableBufferPointer { d in
            cosines.withUnsafeBufferPointer { cosines in
              sines.withUnsafeBufferPointer { sines in
                kernels.fourierTransform(a, b, scratch: (c, d), cosines: cosines, sines: sines)
              }
            }
          }
        }
      }
    }
    return (a, b)
  }

  @Test(arguments: [1, 2, 4, 8, 32, 64, 512, 2048])
  func fourierTransformsAreRight(n: Int) {
    var random = RandomStream(key: countingKey, stream: 71)
    let (re, im) = ((0..<n).map { _ in random.normal() }, (0..<n).map { _ in random.normal() })
    let first = transform(.best, re, im)
    for k in Set([0, 1, n / 3, n / 2, n - 1]) where k < n {
      var (a, b) = (0.0, 0.0)
      for j in 0..<n {
        let angle = -2 * Double.pi * Double(j * k % n) / Double(n)
        a += re[j] * cos(angle) - im[j] * sin(angle)
        b += re[j] * sin(angle) + im[j] * cos(angle)
      }
      #expect(abs(first.0[k] - a) < 1e-12 * Double(n) && abs(first.1[k] - b) < 1e-12 * Double(n))
    }
    for kernels in Kernels.available {
      let other = transform(kernels, re, im)
      #expect(other.0 == first.0 && other.1 == first.1, "\(kernels.name)")
    }
  }

  @Test func rowFunctionsAreRight() {
    let x = (0..<4000).map { -60 + 0.03 * Double($0) }
    var expected: ([Double], [Double], [Double])?
    for kernels in Kernels.available {
      var exps = x
      exps.withUnsafeMutableBufferPointer { kernels.exponentiate($0) }
      var logs = x.map { Foundation.exp($0) - 1 }
      let arguments = logs
      logs.withUnsafeMutableBufferPointer { kernels.log1p($0) }
      var tails = x.map { $0 / 2 }
      let points = tails
      points.withUnsafeBufferPointer { from in
        tails.withUnsafeMutableBufferPointer { kernels.signedTails(from, into: $0) }
      }
      for i in x.indices {
        #expect(abs(exps[i] / Foundation.exp(x[i]) - 1) < 2e-15)
        let log = Foundation.log1p(arguments[i])
        #expect(logs[i] == log || abs(logs[i] - log) <= 4e-16 * max(1, abs(log)) || abs(logs[i] / log - 1) < 4e-15)
        let z = points[i]
        let tail = z > 0 ? erfc(z / 2.0.squareRoot()) / 2 : -erfc(-z / 2.0.squareRoot()) / 2
        // What the accountant's budget for rounding takes for granted (docs/privacy.md).
        #expect(abs(tails[i] / tail - 1) <= 0x1p-53 * (25 + 4 * z * z) || abs(tail) < 1e-280, "\(z)")
      }
      if let expected {
        #expect(expected == (exps, logs, tails), "\(kernels.name)")
      } else {
        expected = (exps, logs, tails)
      }
    }
    // Ends: what is out of reach is cut.
    var ends = [-1e9, 1e9, .infinity, -.infinity, 0, 1, -1, 700]
    ends.withUnsafeMutableBufferPointer { Kernels.best.exponentiate($0) }
    #expect(ends[0] == Foundation.exp(-700) || abs(ends[0] / Foundation.exp(-700) - 1) < 1e-14)
    #expect(ends.allSatisfy { $0.isFinite && $0 > 0 })
    var minus = [-1.0, -2, 0, 1, -0.5, -1, -1, 3]
    minus.withUnsafeMutableBufferPointer { Kernels.best.log1p($0) }
    #expect(minus[0] == -.infinity && minus[1] == -.infinity && minus[2] == 0)
  }
}
