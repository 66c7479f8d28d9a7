import Platform
import Testing

@testable import ChannelCoding

/// The polynomials that the panel table, which `gprs` is tested against, is made of.
@Suite struct ChebyshevTests {
  /// p(x) = sum of c_k x^k of the full degree, its antiderivative from -1, and both at x.
  private static let powers = (0...Chebyshev.degree).map {
    [1.5, -0.3, 0.8, -2, 0.1, 0.7, -0.4, 0.9, 1.1, -0.6, 0.2, 0.5, -0.8][$0]
  }

  private func value(_ x: Double) -> Double { Self.powers.reversed().reduce(0) { $0 * x + $1 } }

  private func integral(to x: Double) -> Double {
    let antiderivative = { (x: Double) in
      Self.powers.enumerated().reduce(0.0) { $0 + $1.element * pow(x, Double($1.offset + 1)) / Double($1.offset + 1) }
    }
    return antiderivative(x) - antiderivative(-1)
  }

  @Test func polynomialsOfTheDegreeAreExact() {
    let values = Chebyshev.nodes.map(value)
    #expect(Chebyshev.nodes.first == -1 && Chebyshev.nodes.last == 1)
    let coefficients = Chebyshev.coefficients(values)
    for i in 0...40 {
      let x = -1 + Double(i) / 20
      let found = coefficients.withUnsafeBufferPointer { Chebyshev.evaluate($0, from: 0, at: x) }
      #expect(abs(found - value(x)) < 1e-13, "at \(x)")
    }
  }

  @Test func integralsAreExact() {
    let values = Chebyshev.nodes.map(value)
    let integrals = Chebyshev.integrals(values)
    for (i, x) in Chebyshev.nodes.enumerated() {
      #expect(abs(integrals[i] - integral(to: x)) < 1e-13, "to \(x)")
      #expect(abs(Chebyshev.integralAbove(values, from: i) - (integral(to: 1) - integral(to: x))) < 1e-13, "from \(x)")
    }
  }
}
