import Foundation
import Support
import Testing

@testable import Aggregator
@testable import ChannelCoding
@testable import Numerics
@testable import PrivacyAccounting

/// What attacks on the accountant found, each with the test that failed before. Slow without optimisation: left out of debug builds by its
/// name.
@Suite struct BoundsStatistics {
  private struct Contours: Decodable {
    struct Case: Decodable {
      let pair: String
      let rate: Double
      let scale: Double
      let rounds: Int
      let delta: Double
      let epsilon: Double

      var kind: DominatingPair.Kind {
        get throws {
          let kinds: [String: DominatingPair.Kind] = [
            "subsampled": .subsampled, "subsampledReplacement": .subsampledReplacement,
            "displacedReplacement": .displacedReplacement, "displacedZero": .displacedZero,
            "displacedOnce": .displacedOnce,
          ]
          return try #require(kinds[pair])
        }
      }
    }
    let cases: [Case]
  }

  /// What a second reader of the proofs found, each with the truth by 30-digit arithmetic: a moment of the rest that was cut off from
  /// above, Q-masses below what doubles hold in a single round, panels too wide for a fast tail, a containment the wrong way round at a
  /// rate of 1, and exponentials that were cut off together with their budget.
  @Test func secondReadersCases() throws {
    func spending(
      _ z: Double, _ q: Double, _ rounds: Int, _ delta: Double, _ sampling: Sampling.Name = .poisson
    ) throws -> PrivacySpent {
      try Accountant.pld.spending(
        PrivacyEvent(noiseMultiplier: z, sampling: Sampling(name: sampling, rate: q), relation: .zeroOut),
        rounds: rounds, delta: delta)
    }
    let rare = try spending(0.5, 1e-9, 2, 1.9952623149688827e-13)
    let rareLower = try #require(rare.lowerBound)
    #expect(rare.epsilon > 6.8e-6 && rareLower < 7e-6, "\(rare)")
    for (z, q, delta, truth) in [
      (0.02, 0.5, 1e-5, 1453.7199), (0.1, 0.01, 1e-200, 345.462), (0.1, 0.01, 1e-180, 329.73422),
      (0.05, 0.01, 1e-80, 569.655),
    ] {
      let found = try spending(z, q, 1, delta)
      #expect(try #require(found.lowerBound) <= truth * (1 + 2e-6), "\(z) \(found)")
      #expect(found.epsilon >= truth * (1 - 2e-6), "\(z) \(found)")
    }
    let all = try spending(1, 1, 1, 1e-5, .fixedSize)
    let allLower = try #require(all.lowerBound)
    #expect(all.epsilon < 4.3773 && allLower > 4.3771, "\(all)")
    #expect(abs(GaussianProfile(mu: 0.01).delta(epsilon: 0.3) / 1.896039567939e-201 - 1) < 1e-9)
    // True deltas from 10^-9 down to 10^-60: from below next to nothing, not 1.
    for (sampling, relation) in [
      (Sampling.Name.poisson, NeighboringRelation.zeroOut), (.poisson, .replaceOne), (.fixedSize, .zeroOut),
      (.fixedSize, .replaceOne),
    ] {
      let event = PrivacyEvent(
        noiseMultiplier: 2.662210941147257, sampling: Sampling(name: sampling, rate: 0.00014377741694124305),
        relation: relation)
      for epsilon in Effort.cases([0.02017458071176434, 0.02, 0.01], gate: 1) {
        let found = try Accountant.pld.delta(PrivacyLedger(event, rounds: 195), epsilon: epsilon)
        let label = "\(sampling) \(relation) \(epsilon): \(found)"
        #expect(try #require(found.lowerBound) <= min(1e-8, found.delta), "\(label)")
      }
    }
  }

  /// Contour integrals by a program of its own (`Scripts/reference-contour.py`), up to 10^6 rounds: both bounds within 10^-4.
  @Test func manyRoundsStayTight() throws {
    let contours: Contours = try Vectors.load("contours.json")
    #expect(contours.cases.count >= 8)
    for c in contours.cases {
      let pair = DominatingPair(kind: try c.kind, rate: c.rate, scale: c.scale)
      let found = LossAccountant([(pair, c.rounds)]).epsilon(delta: c.delta)
      // The integrals are good to 10^-8.
      #expect(found.lower <= c.epsilon * (1 + 1e-8) && c.epsilon <= found.upper * (1 + 1e-8), "\(c) \(found)")
      #expect(found.upper - found.lower <= 1e-4 * c.epsilon, "\(c) \(found)")
    }
  }

  private func spending(
    _ z: Double, _ sampling: Sampling, _ relation: NeighboringRelation, _ rounds: Int, _ delta: Double
  ) throws -> PrivacySpent {
    try Accountant.pld.spending(
      PrivacyEvent(noiseMultiplier: z, sampling: sampling, relation: relation), rounds: rounds, delta: delta)
  }

  /// A few large losses decide: rounding relative to 1 was larger than delta, and a bucket that held all else took the lower bound to 0.
  @Test func rareLargeLossesHaveLowerBounds() throws {
    for relation in [NeighboringRelation.zeroOut, .replaceOne] {
      for (z, q, rounds, delta) in [
        (0.5, 1e-6, 1000, 1e-12), (0.3, 1e-6, 1000, 1e-12), (0.6, 1e-5, 10_000, 1e-10),
      ] {
        let found = try spending(z, .poisson(rate: q), relation, rounds, delta)
        let lower = try #require(found.lowerBound)
        #expect(lower >= found.epsilon * (1 - 1e-3) - 1e-6, "z \(z) q \(q) \(relation): \(found)")
      }
    }
    let fixed = try spending(0.2, .fixedSize(rate: 1e-4), .zeroOut, 100, 1e-8)
    #expect(try #require(fixed.lowerBound) > 0.99 * fixed.epsilon, "\(fixed)")
    // Seldom drawn, and then known for certain: delta is close to rounds times that of one.
    let event = PrivacyEvent(noiseMultiplier: 0.5, sampling: .poisson(rate: 1e-6), relation: .zeroOut)
    let one = try Accountant.pld.delta(PrivacyLedger(event, rounds: 1), epsilon: 0.3)
    let many = try Accountant.pld.delta(PrivacyLedger(event, rounds: 1000), epsilon: 0.3)
    #expect(one.delta <= one.lowerBound.map { $0 * (1 + 1e-6) } ?? 0)
    #expect(
      abs(many.delta / (1000 * one.delta) - 1) < 2e-2 && abs((many.lowerBound ?? 0) / (1000 * one.delta) - 1) < 2e-2)
  }

  /// What contains another relation or cohort has no smaller bound, from above or from below.
  @Test func relationsAreOrdered() throws {
    for (z, q, rounds, delta) in Effort.cases(
      [
        (0.6, 1e-5, 10_000, 1e-10), (1.0, 0.01, 100, 1e-6), (0.8, 1e-7, 100, 1e-9), (2, 0.999, 3, 1e-5),
        (1e3, 0.5, 10, 1e-6),
      ], gate: 3)
    {
      let poisson = try NeighboringRelation.allCases.map { try spending(z, .poisson(rate: q), $0, rounds, delta) }
      let fixed = try NeighboringRelation.allCases.map { try spending(z, .fixedSize(rate: q), $0, rounds, delta) }
      // zero-out, add-or-remove, replace-one
      for (whole, part) in [
        (poisson[2], poisson[0]), (poisson[2], poisson[1]), (fixed[2], fixed[0]), (fixed[2], fixed[1]),
        (fixed[0], poisson[0]),
        (fixed[1], poisson[1]), (fixed[2], poisson[2]),
      ] {
        #expect(whole.epsilon >= part.epsilon, "z \(z) q \(q): \(whole) \(part)")
        #expect(whole.epsilon >= (part.lowerBound ?? 0), "z \(z) q \(q): \(whole) \(part)")
      }
    }
  }

  /// One round is a difference of tails: the grid agrees.
  @Test func oneRoundIsExact() throws {
    for kind in [
      DominatingPair.Kind.subsampled, .subsampledReplacement, .displacedReplacement, .displacedZero, .displacedOnce,
    ] {
      for (q, z, delta) in [(0.01, 1.0, 1e-6), (0.3, 0.4, 1e-9), (0.9, 5, 1e-3)] {
        let pair = DominatingPair(kind: kind, rate: q, scale: z)
        let exact = LossAccountant([(pair, 1)]).epsilon(delta: delta)
        #expect(exact.lower <= exact.upper && exact.upper - exact.lower <= 1e-8 * exact.upper, "\(kind) \(exact)")
        var grid = LossComposition.Bounds(lower: 0, upper: 0)
        for direction in Direction.allCases {
          let composition = LossComposition(entries: [.init(pair: pair, count: 1)], direction: direction)
          let query = LossComposition.Query.epsilon(delta: delta)
          let found = composition.bounds(query, plan: composition.plan(query), logSize: 15)
          grid = .init(lower: max(grid.lower, found.lower), upper: max(grid.upper, found.upper))
        }
        #expect(grid.lower <= exact.upper && exact.lower <= grid.upper, "\(kind) \(q) \(z): \(exact) \(grid)")
      }
    }
  }

  /// Nothing that is not 0 is printed as 0 from above, and small shifts lose no digits.
  @Test func gaussianEnds() throws {
    let event = PrivacyEvent(noiseMultiplier: 0.5, sampling: .everyone, relation: .zeroOut)
    for accountant in [Accountant.pld, .gaussian] {
      let found = try accountant.delta(PrivacyLedger(event, rounds: 1), epsilon: 80)
      #expect(found.delta > 0 && found.delta < 1e-290 && found.lowerBound == 0)
    }
    for mu in [1e-9, 1e-6, 1e-3, 0.1, 0.249] {
      let exact = erf(mu / 8.0.squareRoot())
      #expect(abs(GaussianProfile(mu: mu).delta(epsilon: 0) / exact - 1) < 1e-13, "\(mu)")
    }
    // Both ways to compute it, where they meet.
    for ratio in [0.0, 0.5, 2, 6] {
      let (below, above) = (GaussianProfile(mu: 0.25 - 1e-12), GaussianProfile(mu: 0.25 + 1e-12))
      #expect(abs(below.delta(epsilon: ratio * 0.25) / above.delta(epsilon: ratio * 0.25) - 1) < 2e-9)
    }
  }

  /// A certificate from below wherever there are lower bounds.
  @Test func calibrationHasCertificates() throws {
    for (sampling, relation, rounds, epsilon) in [
      (Sampling.poisson(rate: 0.01), NeighboringRelation.zeroOut, 1000, 200.0),
      (.fixedSize(rate: 0.1), .zeroOut, 20, 2),
      (.fixedSize(rate: 0.05), .replaceOne, 10, 5), (.everyone, .zeroOut, 1, 800),
    ] {
      let found = try Accountant.pld.calibratedNoiseMultiplier(
        targetEpsilon: epsilon, delta: 1e-6, rounds: rounds, sampling: sampling, relation: relation)
      let insufficient = try #require(found.insufficient, "\(sampling) \(relation)")
      #expect(insufficient < found.noiseMultiplier && insufficient > 0.8 * found.noiseMultiplier)
      let below = try spending(insufficient, sampling, relation, rounds, 1e-6)
      #expect(try #require(below.lowerBound) > epsilon)
      #expect(found.spending.epsilon <= epsilon)
    }
  }

  /// Cutting may take tau from P(A) and add it to Q(A): below, delta + (1 + e^epsilon) tau is needed, but where Q is noise alone.
  @Test func lowerBoundsPayForBothLaws() throws {
    let tau = 1e-8
    for (z, rounds) in [(0.7, 10), (0.5, 4)] {
      let event = PrivacyEvent(noiseMultiplier: z, sampling: .poisson(rate: 0.1), relation: .replaceOne)
      let ledger = PrivacyLedger(event, rounds: rounds)
      let found = try Accountant.pld.spending(ledger, delta: 1e-6, truncation: tau)
      let lower = try #require(found.lowerBound)
      #expect(lower > 0.5 * found.epsilon, "\(found)")
      let there = try Accountant.pld.delta(ledger, epsilon: lower)
      #expect(there.delta >= 1e-6 + (1 + exp(lower)) * tau, "\(found) \(there)")
      let delta = try Accountant.pld.delta(ledger, epsilon: 3, truncation: tau)
      let whole = try Accountant.pld.delta(ledger, epsilon: 3)
      #expect(try #require(delta.lowerBound) <= whole.delta - (1 + exp(3)) * tau)
      // Forwards, with the others at zero, Q is noise however many are cut.
      let zeroOut = PrivacyEvent(noiseMultiplier: z, sampling: .poisson(rate: 0.1), relation: .zeroOut)
      let forward = try Accountant.pld.spending(PrivacyLedger(zeroOut, rounds: rounds), delta: 1e-6, truncation: tau)
      #expect(try #require(forward.lowerBound) > 0.99 * forward.epsilon, "\(forward)")
    }
  }

  /// A larger sampling rate has a larger profile everywhere (docs/privacy.md): what the views of colluding clients rest on.
  @Test func profilesRiseWithTheRate() throws {
    for kind in [DominatingPair.Kind.subsampled, .subsampledReplacement, .displacedReplacement, .displacedZero] {
      for z in [0.4, 1.0, 3.0] {
        for epsilon in [0.0, 0.3, 2.0] {
          var last = 0.0
          for q in stride(from: 0.02, through: 0.98, by: 0.06) {
            let found = try #require(
              Optional(LossAccountant([(DominatingPair(kind: kind, rate: q, scale: z), 1)]).delta(epsilon: epsilon)))
            #expect(found.upper >= last, "\(kind) \(q) \(z) \(epsilon)")
            last = found.lower
          }
        }
      }
    }
  }

  /// The budget for rounding is larger than what rounding does: transforms against sums that carry what is rounded off along.
  @Test func roundingOfTransformsIsBounded() throws {
    var random = RandomStream(key: try #require(Key(Array(0..<32))), stream: 4713)
    for size in [8, 64, 256] {
      let transform = FourierTransform(size: size)
      let (x, y) = ((0..<size).map { _ in random.uniform() }, (0..<size).map { _ in random.uniform() })
      var (real, imaginary) = (x, y)
      transform.forward(&real, &imaginary)
      let norm = zip(x, y).reduce(0) { $0 + ($1.0 * $1.0 + $1.1 * $1.1).squareRoot() }
      var worst = 0.0
      for k in 0..<size {
        var (a, b) = (Accurate(), Accurate())
        for j in 0..<size {
          let angle = (j * k) % size
          // Exact to 10^-16 by symmetry; that is part of the bound.
          let (c, s) = (cospi(angle, size), sinpi(angle, size))
          a.add(x[j], c)
          a.add(y[j], s)
          b.add(y[j], c)
          b.add(-x[j], s)
        }
        worst = max(
          worst,
          ((real[k] - a.value) * (real[k] - a.value) + (imaginary[k] - b.value) * (imaginary[k] - b.value)).squareRoot()
        )
      }
      #expect(worst <= transform.error * norm, "\(size): \(worst / norm)")
      #expect(worst > 0)
    }
  }

  private func cospi(_ k: Int, _ n: Int) -> Double { cos(2 * Double.pi * Double(k) / Double(n)) }
  private func sinpi(_ k: Int, _ n: Int) -> Double { sin(2 * Double.pi * Double(k) / Double(n)) }

  /// Products and sums with what was rounded off.
  private struct Accurate {
    private var high = 0.0
    private var low = 0.0

    mutating func add(_ a: Double, _ b: Double) {
      let product = a * b
      low += (-product).addingProduct(a, b)
      let sum = high + product
      let part = sum - high
      low += (high - (sum - part)) + (product - part)
      high = sum
    }

    var value: Double { high + low }
  }
}
