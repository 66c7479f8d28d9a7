import Foundation
import Support
import Testing

@testable import Aggregator
@testable import Numerics
@testable import PrivacyAccounting

/// Tests/Vectors/accounting.json: rigorous two-sided reference epsilons.
private struct AccountingVectors: Decodable {
  struct Case: Decodable {
    let rounds: [Rounds]
    let epsilon: [Value]
  }
  struct Value: Decodable {
    let delta: Double
    let lower: Double?
    let exact: Double?
  }
  struct Calibration: Decodable {
    let samplingRate: Double
    let rounds: Int
    let epsilon: Double
    let delta: Double
    let noiseMultiplierLowerBound: Double?
    let noiseMultiplierSafe: Double?
    let exact: Double?
  }
  let epsilon: [Case]
  let calibration: [Calibration]
}

private struct Rounds: Decodable {
  let samplingRate: Double
  let noiseMultiplier: Double
  let count: Int

  var pair: SubsampledGaussian { SubsampledGaussian(samplingRate: samplingRate, noiseMultiplier: noiseMultiplier) }
}

/// Tests/Vectors/rdp.json: 40-digit references by Scripts/reference-rdp.py.
private struct RenyiVectors: Decodable {
  struct Epsilon: Decodable {
    let rounds: [Rounds]
    let delta: Double
    let epsilon: Double
  }
  struct Divergence: Decodable {
    let samplingRate: Double
    let noiseMultiplier: Double
    let order: Double
    let direction: String
    let value: Double
  }
  struct Gaussian: Decodable {
    let mu: Double
    let delta: Double
    let epsilon: Double
  }
  let epsilon: [Epsilon]
  let divergence: [Divergence]
  let gaussian: [Gaussian]
}

private func accountant(_ rounds: [Rounds]) -> RenyiAccountant {
  RenyiAccountant(rounds: rounds.map { ($0.pair, $0.count) })
}

@Suite struct RenyiTests {
  @Test func divergencesMatchFortyDigits() throws {
    let vectors: RenyiVectors = try Vectors.load("rdp.json")
    #expect(vectors.divergence.count >= 60)
    for v in vectors.divergence {
      let pair = SubsampledGaussian(samplingRate: v.samplingRate, noiseMultiplier: v.noiseMultiplier)
      let found = pair.logMoment(order: v.order, v.direction == "remove" ? .remove : .add) / (v.order - 1)
      #expect(abs(found / v.value - 1) < 1e-11, "\(v): found \(found)")
    }
  }

  /// Within 1e-6 of an independent quadrature, and never below what is proved from below.
  @Test func epsilonsMatchAnIndependentQuadrature() throws {
    let vectors: RenyiVectors = try Vectors.load("rdp.json")
    #expect(vectors.epsilon.count >= 120)
    for v in vectors.epsilon {
      let found = accountant(v.rounds).epsilon(delta: v.delta)
      #expect(found / v.epsilon - 1 < 1e-6, "\(v): found \(found)")
      #expect(found >= v.epsilon * (1 - 1e-12), "a minimum cannot be undercut: \(v): found \(found)")
    }
  }

  @Test func epsilonsAreNeverBelowTheRigorousLowerBounds() throws {
    let vectors: AccountingVectors = try Vectors.load("accounting.json")
    var checked = 0
    for v in vectors.epsilon {
      for value in v.epsilon {
        let lower = try #require(value.lower ?? value.exact)
        #expect(accountant(v.rounds).epsilon(delta: value.delta) >= lower, "\(v.rounds) \(value.delta)")
        checked += 1
      }
    }
    #expect(checked >= 120)
  }

  /// Faults of other accountants: dropped orders, lost signs.
  @Test func noOrderIsDroppedAndNoSignLost() {
    for a in [1.05, 1.1, 1.5, 1.9, 2.5, 10.3] {
      for q in [1e-8, 1e-3, 0.1, 0.5, 0.99] {
        for z in [0.3, 1, 4] {
          let pair = SubsampledGaussian(samplingRate: q, noiseMultiplier: z)
          let here = pair.logMoment(order: a, .remove)
          #expect(here > 0 && here.isFinite)
          // (a - 1) times the divergence is convex in the order and 0 at 1.
          #expect(here < pair.logMoment(order: a + 0.1, .remove))
          #expect(pair.logMoment(order: a, .add) <= here * (1 + 1e-9), "remove is the larger one")
        }
      }
    }
  }

  @Test func integerOrdersMatchTheBinomialSum() {
    for (q, z) in [(0.01, 1.0), (0.2, 0.7), (1e-6, 0.5)] {
      for a in 2...12 {
        var sum = 0.0
        var binomial = 1.0
        for k in 0...a {
          if k > 0 { binomial *= Double(a - k + 1) / Double(k) }
          let weight = binomial * power(1 - q, a - k) * power(q, k)
          if k >= 2 { sum += weight * expm1Accurate(Double(k * k - k) / (2 * z * z)) }
        }
        let found = SubsampledGaussian(samplingRate: q, noiseMultiplier: z).logMoment(order: Double(a), .remove)
        #expect(abs(found / log1pAccurate(sum) - 1) < 1e-12)
      }
    }
  }

  @Test func edgesAreRight() {
    let none = SubsampledGaussian(samplingRate: 0, noiseMultiplier: 1)
    #expect(RenyiAccountant(rounds: [(none, 100)]).epsilon(delta: 1e-5) == 0)
    let pair = SubsampledGaussian(samplingRate: 0.1, noiseMultiplier: 1)
    #expect(RenyiAccountant(rounds: [(pair, 0)]).epsilon(delta: 1e-5) == 0)
    #expect(RenyiAccountant(rounds: [(pair, 1)]).epsilon(delta: 0.9) == 0, "never negative")
    let small = RenyiAccountant(rounds: [(SubsampledGaussian(samplingRate: 0.1, noiseMultiplier: 0.01), 1)])
    #expect(small.epsilon(delta: 1e-5).isFinite)
    let large = RenyiAccountant(rounds: [(SubsampledGaussian(samplingRate: 1e-6, noiseMultiplier: 1000), 1)])
    #expect(large.epsilon(delta: 1e-5) < 1e-3)
  }

  private func power(_ x: Double, _ n: Int) -> Double { (0..<n).reduce(1) { value, _ in value * x } }
  private func expm1Accurate(_ x: Double) -> Double { expm1(x) }
  private func log1pAccurate(_ x: Double) -> Double { log1p(x) }
}

@Suite struct GaussianTests {
  @Test func epsilonsMatchFortyDigits() throws {
    let vectors: RenyiVectors = try Vectors.load("rdp.json")
    #expect(vectors.gaussian.count >= 80)
    for v in vectors.gaussian {
      let found = GaussianProfile(mu: v.mu).epsilon(delta: v.delta)
      #expect(abs(found - v.epsilon) <= 1e-9 * v.epsilon, "\(v): found \(found)")
    }
  }

  @Test func closedFormsOfTheVectors() throws {
    let vectors: AccountingVectors = try Vectors.load("accounting.json")
    var checked = 0
    for v in vectors.epsilon {
      for value in v.epsilon {
        guard let exact = value.exact else { continue }
        let mu = v.rounds.reduce(0) { $0 + Double($1.count) / ($1.noiseMultiplier * $1.noiseMultiplier) }.squareRoot()
        #expect(abs(GaussianProfile(mu: mu).epsilon(delta: value.delta) / exact - 1) < 1e-9)
        checked += 1
      }
    }
    #expect(checked >= 9)
  }

  @Test func profileFallsAndEdgesAreRight() {
    let profile = GaussianProfile(mu: 1.3)
    var last = 1.0
    for i in 0..<400 {
      let delta = profile.delta(epsilon: Double(i) * 0.1)
      #expect(delta >= 0 && delta < last || (delta == 0 && last == 0))
      last = delta
    }
    #expect(GaussianProfile(mu: 0).epsilon(delta: 1e-5) == 0)
    #expect(GaussianProfile(mu: 1e-3).epsilon(delta: 0.01) == 0, "delta above the total variation")
  }
}

@Suite struct AccountantTests {
  private func event(_ z: Double, _ sampling: Sampling, _ relation: NeighboringRelation) -> PrivacyEvent {
    PrivacyEvent(noiseMultiplier: z, sampling: sampling, relation: relation)
  }

  @Test func everyoneIsTheGaussianMechanism() throws {
    for relation in [NeighboringRelation.zeroOut, .addOrRemove] {
      let spent = try Accountant.gaussian.spending(event(5, .everyone, relation), rounds: 1000, delta: 1e-5)
      let exact = 46.21121019121809
      #expect(spent.epsilon >= exact && spent.epsilon < exact * (1 + 2e-9))
      #expect(try #require(spent.lowerBound) <= spent.epsilon)
    }
  }

  @Test func replaceOneDoublesTheSensitivity() throws {
    let doubled = try Accountant.gaussian.spending(event(2, .everyone, .replaceOne), rounds: 3, delta: 1e-6)
    let single = try Accountant.gaussian.spending(event(1, .everyone, .zeroOut), rounds: 3, delta: 1e-6)
    #expect(abs(doubled.epsilon / single.epsilon - 1) < 1e-12)
  }

  @Test func whatIsNotProvedIsRefused() {
    let refused = { (accountant: Accountant, event: PrivacyEvent) in
      (try? accountant.spending(event, rounds: 1, delta: 1e-5)) == nil
    }
    #expect(refused(.rdp, event(1, .poisson(rate: 0.1), .replaceOne)))
    for relation in [NeighboringRelation.zeroOut, .replaceOne] {
      #expect(refused(.rdp, event(1, .fixedSize(rate: 0.1), relation)))
    }
    #expect(refused(.gaussian, event(1, .poisson(rate: 0.1), .zeroOut)), "the central limit is no bound")
    for accountant in Accountant.allCases {
      #expect(refused(accountant, event(0, .everyone, .zeroOut)), "no noise")
      #expect(!refused(accountant, event(1, .everyone, .replaceOne)))
    }
    for sampling in [Sampling.poisson(rate: 0.1), .fixedSize(rate: 0.1), .everyone] {
      for relation in NeighboringRelation.allCases { #expect(!refused(.pld, event(1, sampling, relation))) }
    }
    #expect(!refused(.rdp, event(1, .poisson(rate: 0.1), .zeroOut)))
    #expect(!refused(.rdp, event(1, .poisson(rate: 0.1), .addOrRemove)))
  }

  @Test func epsilonIsMonotone() throws {
    let epsilon = { (z: Double, q: Double, rounds: Int, delta: Double) in
      try Accountant.rdp.spending(event(z, .poisson(rate: q), .zeroOut), rounds: rounds, delta: delta).epsilon
    }
    let base = try epsilon(1, 0.1, 100, 1e-5)
    #expect(try epsilon(1.01, 0.1, 100, 1e-5) < base)
    #expect(try epsilon(1, 0.101, 100, 1e-5) > base)
    #expect(try epsilon(1, 0.1, 101, 1e-5) > base)
    #expect(try epsilon(1, 0.1, 100, 1.1e-5) < base)
  }

  @Test(arguments: [Accountant.rdp, .pld])
  func calibrationMeetsItsTargetTightly(_ accountant: Accountant) throws {
    let vectors: AccountingVectors = try Vectors.load("accounting.json")
    for v in vectors.calibration {
      let sampling: Sampling = v.samplingRate == 1 ? .everyone : .poisson(rate: v.samplingRate)
      let calibration = try accountant.calibratedNoiseMultiplier(
        targetEpsilon: v.epsilon, delta: v.delta, rounds: v.rounds, sampling: sampling, relation: .zeroOut)
      let z = calibration.noiseMultiplier
      let spent = { (z: Double) in
        try accountant.spending(event(z, sampling, .zeroOut), rounds: v.rounds, delta: v.delta)
      }
      #expect(try spent(z).epsilon <= v.epsilon)
      #expect(try spent(z) == calibration.spending)
      #expect(try spent(z * (1 - 3e-6)).epsilon > v.epsilon)
      let least = try #require(v.noiseMultiplierLowerBound ?? v.exact)
      #expect(z >= least * (1 - 1e-9), "never less noise than is needed")
      if accountant == .pld {
        #expect(z <= (v.noiseMultiplierSafe ?? least) * (1 + 1e-6), "\(z), \(least)")
        let insufficient = try #require(calibration.insufficient)
        #expect(insufficient > z * (1 - 1e-5))
        #expect(try #require(spent(insufficient).lowerBound) > v.epsilon)
      }
    }
  }
}
