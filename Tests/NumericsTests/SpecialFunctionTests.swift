import Foundation
import Statistics
import Support
import Testing

@testable import Numerics

@Suite struct SpecialFunctionTests {
  /// Tests/Vectors/rdp.json: 40-digit references by Scripts/reference-rdp.py.
  private struct Vectors40: Decodable {
    struct Binomial: Decodable {
      let trials: Int
      let probability: Double
      let atLeast: Int
      let value: Double
    }
    let binomial: [Binomial]
  }

  @Test func binomialTailsMatchFortyDigitsFromAbove() throws {
    let vectors: Vectors40 = try Vectors.load("rdp.json")
    #expect(vectors.binomial.count >= 20)
    for v in vectors.binomial {
      let found = binomialUpperTail(trials: v.trials, probability: v.probability, atLeast: v.atLeast)
      #expect(found >= v.value, "\(v): found \(found)")
      #expect(
        found <= max(v.value * (1 + 3e-6), Double(v.atLeast) > Double(v.trials) * v.probability ? 0 : 1),
        "\(v): found \(found)")
    }
    #expect(binomialUpperTail(trials: 10, probability: 0.5, atLeast: 0) == 1)
    #expect(binomialUpperTail(trials: 10, probability: 0.5, atLeast: 11) == 0)
    #expect(binomialUpperTail(trials: 10, probability: 0, atLeast: 1) == 0)
    #expect(binomialUpperTail(trials: 10, probability: 1, atLeast: 10) == 1)
  }

  /// Both implementations of the incomplete gamma function, which share no line, and the platform's ln Gamma.
  @Test func gammaFunctionsAgree() {
    for a in [0.5, 1, 2.5, 7, 40, 333.5, 5000] {
      #expect(abs(logGamma(a) - lgamma(a)) <= 1e-14 * max(1, abs(lgamma(a))))
      for share in [0.3, 0.9, 1, 1.2, 2] {
        let tails = IncompleteGamma.tails(a, a * share)
        let lower = regularizedLowerGamma(a, a * share)
        #expect(abs(lower - tails.lower) <= 3e-12 * a.squareRoot(), "\(a) \(share): \(lower) \(tails)")
        #expect(abs(tails.lower + tails.upper - 1) < 1e-15)
      }
    }
    #expect(IncompleteGamma.tails(2, 0) == (0, 1))
    #expect(IncompleteGamma.tails(2, .infinity) == (1, 0))
    #expect(IncompleteGamma.tails(-1, 1).lower.isNaN && IncompleteGamma.tails(1, .nan).lower.isNaN)
  }

  /// A non-central chi-square law is a mixture of gamma laws: two implementations of the sum.
  @Test func mixturesAgree() {
    for (degrees, centrality) in [(1.0, 0.5), (2, 10), (7, 3), (20, 40), (64, 200)] {
      for share in [0.5, 0.9, 1, 1.1, 1.6] {
        let x = share * (degrees + centrality)
        let first = nonCentralChiSquare(x, degrees: degrees, centrality: centrality)
        let second = mixtureMass(x / 2, shape: degrees / 2, mean: centrality / 2)
        #expect(abs(first - second) < 3e-12, "\(degrees) \(centrality) \(x): \(first) \(second)")
      }
    }
  }

  /// Where the platform's functions cancel least, the excesses are their differences; where they cancel, the first term of the series.
  @Test func excessesAreDifferences() {
    for x in [-0.9, -0.3, -0.101, -0.099, -0.02, 0.02, 0.0999, 0.11, 3] {
      #expect(abs(logExcess(x) - (log1p(x) - x)) < 1e-15)
    }
    for y in [0.01, 0.1, 0.299, 0.301, 2, 100] { #expect(abs(arctangentExcess(y) - (y - atan(y))) < 2e-14) }
    #expect(abs(logExcess(1e-9) / (-0.5e-18) - 1) < 1e-9)
    #expect(abs(arctangentExcess(1e-6) / (1e-18 / 3) - 1) < 1e-11)
  }

  @Test func scaledComplementaryErrorIsContinuous() {
    for x in stride(from: 0.0, to: 26, by: 0.37) {
      let direct = exp(x * x) * erfc(x)
      #expect(abs(scaledComplementaryError(x) / direct - 1) < 3e-13, "\(x)")
    }
    // 1 / (x sqrt pi) (1 - 1 / (2 x^2) + ...)
    let far = 1 / (1e8 * Double.pi.squareRoot())
    #expect(abs(scaledComplementaryError(1e8) / far - 1) < 1e-15)
  }

  /// One set of coefficients with two logarithms: the portable one's quantile is the other's to the last digits.
  @Test func quantilesAgree() {
    for p in [1e-300, 1e-100, 1e-20, 1e-5, 0.0749, 0.0751, 0.3, 0.5] {
      #expect(abs(NormalQuantile.lower(p) - Laws.normalQuantile(p)) <= 1e-15 * abs(Laws.normalQuantile(p)))
      #expect(NormalQuantile.point(left: 1 - p, right: p) == -NormalQuantile.lower(p) || p == 0.5)
    }
  }

  /// What the contract of `Elementary` says of its ends, and one unit in the last place elsewhere.
  @Test func elementaryFunctionsKeepTheirContract() {
    #expect(Elementary.log(1) == 0 && Elementary.exp(0) == 1)
    #expect(Elementary.log(0) == -.infinity && Elementary.log(.infinity) == .infinity)
    #expect(Elementary.log(-1).isNaN && Elementary.log(.nan).isNaN && Elementary.exp(.nan).isNaN)
    #expect(Elementary.exp(-708.1) == 0 && Elementary.exp(709.1) == .infinity && Elementary.exp(709) < .infinity)
    #expect(Elementary.exp(-.infinity) == 0 && Elementary.exp(.infinity) == .infinity)
    #expect(Elementary.ln2 == log(2) && Elementary.lnThreeHalves == log(1.5))
    for i in 0..<2000 {
      let x = exp(-700 + 0.7 * Double(i))
      if x.isFinite, x.isNormal { #expect(abs(Elementary.log(x) - log(x)) <= log(x).ulp) }
      let y = -708 + 0.7085 * Double(i)
      #expect(abs(Elementary.exp(y) - exp(y)) <= exp(y).ulp)
    }
    #expect(abs(Elementary.log(Double.leastNonzeroMagnitude) / log(Double.leastNonzeroMagnitude) - 1) < 1e-15)
  }

  @Test func quadratureIsExactForPolynomials() {
    for degree in 0...19 {
      let found = GaussLegendre.integrate(from: -0.5, to: 2) { pow($0, Double(degree)) }
      let exact = (pow(2, Double(degree + 1)) - pow(-0.5, Double(degree + 1))) / Double(degree + 1)
      #expect(abs(found - exact) <= 1e-14 * exact)
    }
    let found = GaussLegendre.integrate(from: -1, to: 1) { pow($0, 20) }
    #expect(abs(found - 2.0 / 21) > 1e-7, "and of no more")
  }
}
