import Foundation
import Testing

@testable import Numerics

@Suite struct FourierTransformTests {
  private func sample(_ size: Int) -> ([Double], [Double]) {
    ((0..<size).map { sin(1 + 3.7 * Double($0 * $0)) }, (0..<size).map { cos(2 + 1.3 * Double($0 * $0)) })
  }

  /// Every value is within the stated error of the sum that defines it.
  @Test(arguments: [4, 8, 32, 128])
  func transformsAreTheirSums(size: Int) {
    let (x, y) = sample(size)
    var (real, imaginary) = (x, y)
    let transform = FourierTransform(size: size)
    transform.forward(&real, &imaginary)
    let norm = zip(x, y).reduce(0) { $0 + ($1.0 * $1.0 + $1.1 * $1.1).squareRoot() }
    for k in 0..<size {
      var (a, b) = (0.0, 0.0)
      for j in 0..<size {
        let angle = 2 * Double.pi * Double(j * k % size) / Double(size)
        a += x[j] * cos(angle) + y[j] * sin(angle)
        b += y[j] * cos(angle) - x[j] * sin(angle)
      }
      #expect(abs(real[k] - a) <= 2 * transform.error * norm && abs(imaginary[k] - b) <= 2 * transform.error * norm)
    }
  }

  @Test(arguments: [4, 64, 2048])
  func theInverseUndoesTheTransform(size: Int) {
    let (x, y) = sample(size)
    var (real, imaginary) = (x, y)
    let transform = FourierTransform(size: size)
    transform.forward(&real, &imaginary)
    // Parseval.
    let squares = [zip(x, y), zip(real, imaginary)].map { $0.reduce(0) { $0 + $1.0 * $1.0 + $1.1 * $1.1 } }
    #expect(abs(squares[1] / squares[0] / Double(size) - 1) < 1e-13)
    transform.inverse(&real, &imaginary)
    for k in 0..<size { #expect(abs(real[k] - x[k]) < 1e-14 && abs(imaginary[k] - y[k]) < 1e-14) }
  }

  @Test func rowsOfExponentials() {
    let row = Kernels.best.exponentials(from: -3.2, step: 0.71, count: 13)
    #expect(row.count == 16)
    for (k, value) in row.enumerated() { #expect(abs(value / exp(-3.2 + 0.71 * Double(k)) - 1) < 1e-14) }
    #expect(
      Kernels.best.exponentials(from: 5000, step: 1, count: 1)[0]
        == Kernels.best.exponentials(from: 700, step: 0, count: 1)[0])
  }
}
