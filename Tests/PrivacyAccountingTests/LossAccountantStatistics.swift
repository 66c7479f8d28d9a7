import Foundation
import Support
import Testing

@testable import Aggregator
@testable import ChannelCoding
@testable import PrivacyAccounting

private struct Reference: Decodable {
  struct Rounds: Decodable {
    let samplingRate: Double
    let noiseMultiplier: Double
    let count: Int
  }
  struct Value: Decodable {
    let delta: Double
    let lower: Double?
    let upper: Double?
    let exact: Double?
    let relativeWidth: Double?
  }
  struct Case: Decodable {
    let rounds: [Rounds]
    let epsilon: [Value]

    var pairs: [(pair: DominatingPair, count: Int)] {
      rounds.map {
        (
          $0.samplingRate == 1
            ? DominatingPair.gaussian(scale: $0.noiseMultiplier)
            : DominatingPair(kind: .subsampled, rate: $0.samplingRate, scale: $0.noiseMultiplier), $0.count
        )
      }
    }
  }
  let epsilon: [Case]
}

/// Slow without optimisation: left out of debug builds by its name.
@Suite struct LossAccountantStatistics {
  /// Where the reference is narrower than 10^-5, ours lies inside it, widened by 10^-6 of it; elsewhere they agree; our upper
  /// bound is nowhere below a lower reference. Closed forms to 10^-9, and 10^-5 through the grid.
  @Test func referenceValues() throws {
    let reference: Reference = try Vectors.load("accounting.json")
    for v in reference.epsilon {
      for value in v.epsilon {
        let ours = LossAccountant(v.pairs).epsilon(delta: value.delta)
        let total = v.rounds.reduce(0) { $0 + $1.count }
        let label = "\(v.rounds.prefix(2)) delta \(value.delta): [\(ours.lower), \(ours.upper)]"
        #expect(ours.lower <= ours.upper, "\(label)")
        if let exact = value.exact {
          #expect(abs(ours.upper / exact - 1) < 2e-9 && ours.upper >= exact && ours.lower <= exact, "\(label)")
          let grid = LossAccountant(v.pairs, closedForms: false).epsilon(delta: value.delta)
          #expect(grid.lower <= exact && exact <= grid.upper, "\(label) \(grid)")
          #expect(grid.upper - grid.lower < 1e-5 * exact, "\(label) \(grid)")
        }
        if let lower = value.lower, let upper = value.upper, let width = value.relativeWidth {
          // The reference is wrong in one place: at (10^-6, 1, 10^6 rounds, 10^-12) its lower bound is 0.0077251, where delta is
          // 5.04e-13 by a contour integral; see `agreesWithContourIntegrals` and docs/decisions.md.
          if v.rounds[0].count < 1_000_000 || value.delta > 1e-12 { #expect(ours.upper >= lower, "\(label)") }
          #expect(ours.lower <= upper, "\(label)")
          if width < 1e-5 {
            // One case falls short since rounding is a proved budget: ten rounds at z = 0.1, with losses of hundreds.
            let room = v.rounds.contains { $0.noiseMultiplier == 0.1 && $0.count == 10 } ? 3e-6 : 1e-6
            #expect(ours.lower >= lower * (1 - room), "\(label) \(lower) \(upper)")
            #expect(ours.upper <= upper * (1 + room), "\(label) \(lower) \(upper)")
          }
        }
        if total <= 1000 && value.delta >= 1e-9 {
          // And one where large losses begin to decide: 7 10^-5 (10^-5 while rounding was an estimate).
          let isShort = value.delta == 1e-9 && v.rounds.contains { $0.samplingRate == 0.001 && $0.count == 1000 }
          #expect(ours.upper - ours.lower <= (isShort ? 1e-4 : 1e-5) * ours.upper, "\(label)")
        }
      }
    }
  }

  /// Two computations that share nothing but the pair: for theta > 0, with M(s) = E_P e^(s L),
  ///
  ///     delta(epsilon) = 1/(2 pi i) int M(s)^T e^(-s epsilon) / (s (s + 1)) ds over Re s = theta,
  ///
  /// as 1/(s (s + 1)) is the transform of (1 - e^-y)+. Trapezoid along the line, Gauss-Legendre in x.
  struct ContourIntegral {
    private var nodes: [(loss: Double, mass: Double)] = []

    init(_ pair: DominatingPair, add: Bool) {
      let (points, weights) = gaussLegendre
      for region in pair.regions {
        let s = region.scale
        let means = (region.p + region.q).map(\.mean)
        let low = max(region.position(region.low), (means.min() ?? 0) - 12 * s)
        let high = min(region.position(region.high), (means.max() ?? 0) + 25 * s)
        let n = Int(((high - low) / s * 10).rounded(.up))
        for i in 0..<n {
          let a = low + (high - low) * Double(i) / Double(n)
          let half = (high - low) / Double(n) / 2
          for k in points.indices {
            let x = a + half * (1 + points[k])
            nodes.append((region.loss(x), region.density(region.p, at: x) * half * weights[k]))
          }
        }
      }
      nodes += pair.atoms.map { ($0.loss, $0.mass) }
      if add { nodes = nodes.map { (-$0.loss, $0.mass * exp(-$0.loss)) } }
    }

    private func logMoment(_ theta: Double) -> Double { log(nodes.reduce(0) { $0 + $1.mass * exp(theta * $1.loss) }) }

    /// Least T K(theta) - theta epsilon: there the integral has the least to cancel.
    func tilt(rounds: Int, epsilon: Double) -> Double {
      stride(from: -2.0, through: 4, by: 0.05).map(exp).min {
        Double(rounds) * logMoment($0) - $0 * epsilon < Double(rounds) * logMoment($1) - $1 * epsilon
      } ?? 1
    }

    func delta(rounds: Int, epsilon: Double, theta: Double) -> Double {
      let moment = logMoment(theta)
      let tilted = nodes.map { (loss: $0.loss, mass: $0.mass * exp(theta * $0.loss - moment)) }.filter {
        $0.mass > 1e-22
      }
      let dy = min(theta / 6, 1 / max(epsilon, 0.1))
      var sum = 0.0
      var quiet = 0
      var y = dy / 2
      while quiet < 50 {
        var (re, im) = (0.0, 0.0)
        for (loss, mass) in tilted {
          re += mass * cos(y * loss)
          im += mass * sin(y * loss)
        }
        let logSize = Double(rounds) / 2 * log(re * re + im * im)
        let phase = Double(rounds) * atan2(im, re) - y * epsilon
        // 1 / (s (s + 1)), s = theta + i y.
        let (a, b) = (theta * (theta + 1) - y * y, y * (2 * theta + 1))
        sum += exp(logSize) * (cos(phase) * a + sin(phase) * b) / (a * a + b * b)
        quiet = logSize < -36 ? quiet + 1 : 0
        y += dy
      }
      return sum * dy / Double.pi * exp(Double(rounds) * moment - theta * epsilon)
    }
  }

  /// Ten points on [-1, 1].
  static let gaussLegendre: ([Double], [Double]) = {
    var (x, w): ([Double], [Double]) = ([], [])
    let n = 10
    for k in 1...n {
      var t = cos(Double.pi * (Double(k) - 0.25) / (Double(n) + 0.5))
      var slope = 0.0
      for _ in 0..<50 {
        var (p, q) = (1.0, 0.0)
        for j in 1...n { (p, q) = (((2 * Double(j) - 1) * t * p - (Double(j) - 1) * q) / Double(j), p) }
        slope = Double(n) * (t * p - q) / (t * t - 1)
        t -= p / slope
      }
      x.append(t)
      w.append(2 / ((1 - t * t) * slope * slope))
    }
    return (x, w)
  }()

  struct Contour: Sendable {
    let kind: DominatingPair.Kind
    let rate: Double
    let scale: Double
    let rounds: Int
    let epsilon: Double
  }

  static let contours = [
    Contour(kind: .gaussian, rate: 1, scale: 3, rounds: 10, epsilon: 4),
    Contour(kind: .subsampled, rate: 0.1, scale: 1, rounds: 50, epsilon: 3),
    Contour(kind: .subsampled, rate: 0.01, scale: 0.8, rounds: 300, epsilon: 1),
    Contour(kind: .subsampledReplacement, rate: 0.1, scale: 1, rounds: 50, epsilon: 4),
    Contour(kind: .subsampledReplacement, rate: 0.4, scale: 0.7, rounds: 20, epsilon: 20),
    Contour(kind: .displacedReplacement, rate: 0.1, scale: 0.8, rounds: 40, epsilon: 8),
    Contour(kind: .displacedZero, rate: 0.1, scale: 1, rounds: 50, epsilon: 8),
    Contour(kind: .displacedOnce, rate: 0.1, scale: 1, rounds: 50, epsilon: 8),
    Contour(kind: .displacedOnce, rate: 0.3, scale: 0.6, rounds: 10, epsilon: 20),
  ]

  /// Every pair, in both directions: the contour integral lies between our bounds, which are 10^-4 apart.
  @Test(arguments: contours)
  func agreesWithContourIntegrals(_ c: Contour) throws {
    let pair = DominatingPair(kind: c.kind, rate: c.rate, scale: c.scale)
    for (direction, add) in [(Direction.remove, false), (.add, true)] {
      let composition = LossComposition(entries: [.init(pair: pair, count: c.rounds)], direction: direction)
      if c.epsilon >= composition.largestLoss { continue }
      let integral = ContourIntegral(pair, add: add)
      let theta = integral.tilt(rounds: c.rounds, epsilon: c.epsilon)
      let contour = integral.delta(rounds: c.rounds, epsilon: c.epsilon, theta: theta)
      // The same along another line: the integral's own error.
      let other = integral.delta(rounds: c.rounds, epsilon: c.epsilon, theta: theta * 0.8)
      let query = LossComposition.Query.delta(epsilon: c.epsilon)
      let bounds = composition.bounds(query, plan: composition.plan(query), logSize: 17)
      let error = 2 * abs(contour - other) + 1e-9 * contour
      #expect(error < 1e-4 * contour, "\(contour) \(other)")
      #expect(bounds.lower <= contour + error && contour - error <= bounds.upper, "\(direction) \(bounds) \(contour)")
      #expect(bounds.upper - bounds.lower <= 2e-4 * contour, "\(direction) \(bounds) \(contour)")
      if pair.isSymmetric && !add {
        let mirrored = ContourIntegral(pair, add: true).delta(rounds: c.rounds, epsilon: c.epsilon, theta: theta)
        #expect(abs(mirrored - contour) < error + 1e-9 * contour)
      }
    }
  }

  /// Far tails through the grid at q = 1, where the closed form is exact.
  @Test(arguments: [1e-12, 1e-15, 1e-20, 1e-30, 1e-60])
  func tinyDeltas(delta: Double) throws {
    for (z, rounds) in [(5.0, 10), (1.0, 1), (30.0, 1000)] {
      let exact = GaussianProfile(mu: Double(rounds).squareRoot() / z).epsilon(delta: delta)
      let grid = LossAccountant([(.gaussian(scale: z), rounds)], closedForms: false).epsilon(delta: delta)
      #expect(grid.lower <= exact && exact <= grid.upper, "\(z) \(rounds) \(grid) \(exact)")
      #expect(grid.upper - grid.lower < 2e-6 * exact, "\(z) \(rounds) \(grid) \(exact)")
    }
  }

  private func spending(
    _ z: Double, _ sampling: Sampling, _ relation: NeighboringRelation, rounds: Int, delta: Double,
    countNoise: Double? = nil
  ) throws -> PrivacySpent {
    try Accountant.pld.spending(
      PrivacyEvent(noiseMultiplier: z, sampling: sampling, relation: relation, countNoise: countNoise), rounds: rounds,
      delta: delta)
  }

  /// The two rows of the design's table: Poisson at z, attained and proved for zero-out at fixed size, replace-one, Poisson at z / 2.
  @Test func guaranteesTable() throws {
    for (q, rounds, delta, row) in [
      (0.1, 100, 1e-5, [7.05, 17.4, 18.05, 34.2, 31.4]), (0.01, 1000, 1e-6, [2.13, 12.1, 12.2, 17.0, 15.5]),
    ] {
      let poisson = try spending(1, .poisson(rate: q), .zeroOut, rounds: rounds, delta: delta)
      let zeroOut = try spending(1, .fixedSize(rate: q), .zeroOut, rounds: rounds, delta: delta)
      let replaceOne = try spending(1, .fixedSize(rate: q), .replaceOne, rounds: rounds, delta: delta)
      let half = try spending(0.5, .poisson(rate: q), .zeroOut, rounds: rounds, delta: delta)
      let attained = try #require(zeroOut.lowerBound)
      for (found, expected) in zip([poisson.epsilon, attained, zeroOut.epsilon, replaceOne.epsilon, half.epsilon], row)
      {
        // To the digits that were printed.
        #expect(
          abs(found - expected) < (expected < 10 ? 0.0055 : 0.051) * (expected == 18.05 ? 0.11 : 1),
          "\(found) \(expected)")
      }
      #expect(try #require(replaceOne.lowerBound) <= half.epsilon)
      let addOrRemove = try spending(1, .fixedSize(rate: q), .addOrRemove, rounds: rounds, delta: delta)
      #expect(addOrRemove == half, "fixed size under add-or-remove is Poisson at z / 2, to the bit")
    }
    let first = try spending(1, .fixedSize(rate: 0.1), .zeroOut, rounds: 100, delta: 1e-5)
    #expect(try #require(first.lowerBound) >= 17.3 && first.epsilon <= 18.06)
  }

  @Test func isMonotone() throws {
    for (sampling, relation) in [
      (Sampling.Name.poisson, NeighboringRelation.zeroOut), (.poisson, .replaceOne), (.fixedSize, .zeroOut),
      (.fixedSize, .replaceOne),
    ] {
      let epsilon = { (z: Double, q: Double, rounds: Int, delta: Double) in
        try spending(z, Sampling(name: sampling, rate: q), relation, rounds: rounds, delta: delta).epsilon
      }
      let base = try epsilon(1, 0.05, 40, 1e-6)
      #expect(try epsilon(1.0001, 0.05, 40, 1e-6) < base)
      #expect(try epsilon(1, 0.05001, 40, 1e-6) > base)
      #expect(try epsilon(1, 0.05, 41, 1e-6) > base)
      #expect(try epsilon(1, 0.05, 40, 1.001e-6) < base)
    }
  }

  @Test func orderAndSplittingChangeNoBit() throws {
    let events = (0..<5).map {
      PrivacyEvent(
        noiseMultiplier: 0.8 + 0.1 * Double($0), sampling: .poisson(rate: 0.01 + 0.002 * Double($0)), relation: .zeroOut
      )
    }
    var forward = PrivacyLedger()
    var backward = PrivacyLedger()
    for event in events { forward.append(.event(event), rounds: 10) }
    for event in events.reversed() {
      backward.append(.event(event), rounds: 3)
      backward.append(.guarantee(epsilon: 0.1, delta: 1e-9), rounds: 1)
    }
    for event in events { backward.append(.event(event), rounds: 7) }
    forward.append(.guarantee(epsilon: 0.1, delta: 1e-9), rounds: 5)
    let one = try Accountant.pld.spending(forward, delta: 1e-6)
    #expect(try Accountant.pld.spending(backward, delta: 1e-6) == one)
    let whole = try spending(1, .poisson(rate: 0.01), .zeroOut, rounds: 100, delta: 1e-6)
    var split = PrivacyLedger(events[0], rounds: 0)
    let event = PrivacyEvent(noiseMultiplier: 1, sampling: .poisson(rate: 0.01), relation: .zeroOut)
    split.append(.event(event), rounds: 37)
    split.append(.event(event), rounds: 63)
    #expect(try Accountant.pld.spending(split, delta: 1e-6) == whole)
  }

  /// Update and count share one sampling coin: 5.29, where two events would be 2.96.
  @Test func adaptiveClippingIsOneEvent() throws {
    let stacked = try spending(1, .poisson(rate: 0.01), .zeroOut, rounds: 1000, delta: 1e-6, countNoise: 0.5)
    #expect(try #require(stacked.lowerBound) >= 5.28 && stacked.epsilon < 5.30)
    var two = PrivacyLedger()
    for _ in 0..<2 {
      two.append(
        .event(PrivacyEvent(noiseMultiplier: 1, sampling: .poisson(rate: 0.01), relation: .zeroOut)), rounds: 1000)
    }
    #expect(abs(try Accountant.pld.spending(two, delta: 1e-6).epsilon - 2.96) < 0.01, "what it is not")
    let z = try PrivacyEvent.updateNoiseMultiplier(whole: 1, countNoise: 0.6)
    let event = PrivacyEvent(noiseMultiplier: z, sampling: .everyone, relation: .zeroOut, countNoise: 0.6)
    #expect(abs(event.effectiveNoiseMultiplier - 1) < 1e-12)
    #expect(throws: PrivacyRefusal.self) { try PrivacyEvent.updateNoiseMultiplier(whole: 1, countNoise: 0.5) }
  }

  @Test func nothingSpentIsZero() throws {
    for relation in NeighboringRelation.allCases {
      for name in Sampling.Name.allCases {
        #expect(try spending(1, Sampling(name: name, rate: 1), relation, rounds: 0, delta: 1e-6).epsilon == 0)
        if name == .everyone { continue }
        let never = try spending(1, Sampling(name: name, rate: 0), relation, rounds: 100, delta: 1e-6)
        #expect(never.epsilon == 0 && never.lowerBound == 0)
      }
    }
    // More than enough delta.
    #expect(try spending(1, .poisson(rate: 0.01), .zeroOut, rounds: 1, delta: 0.5).epsilon == 0)
  }

  /// Randomised response composed: exactly a binomial sum, with its deltas on top.
  @Test func blackBoxesCompose() throws {
    let (e, d, k) = (0.3, 1e-7, 10)
    var ledger = PrivacyLedger()
    ledger.append(.guarantee(epsilon: e, delta: d), rounds: k)
    for epsilon in [0.0, 0.25, 0.9, 1.5] {
      var sum = 0.0
      for i in 0...k {
        let loss = e * Double(2 * i - k)
        let ways = lgamma(Double(k) + 1) - lgamma(Double(i) + 1) - lgamma(Double(k - i) + 1)
        let p = exp(ways + e * Double(i) - Double(k) * log1p(exp(e)))
        if loss > epsilon { sum += p * -expm1(epsilon - loss) }
      }
      let infinite = -expm1(Double(k) * log1p(-d))
      let exact = infinite + (1 - infinite) * sum
      let found = try Accountant.pld.delta(ledger, epsilon: epsilon)
      #expect(found.delta >= exact && found.delta <= exact * 1.001, "\(epsilon) \(found) \(exact)")
      #expect(
        try #require(found.lowerBound) <= exact && (found.lowerBound ?? 0) >= exact * 0.99,
        "\(epsilon) \(found) \(exact)")
    }
    // Less delta than the rounds already have: nothing is guaranteed.
    #expect(try Accountant.pld.spending(ledger, delta: 5e-7).epsilon == .infinity)
  }

  /// Where the RDP accountant and the closed form have a bound, ours is no larger, and delta and epsilon agree.
  @Test func crossChecks() throws {
    for (q, z, rounds, delta) in [(0.01, 1.0, 500, 1e-6), (0.2, 2, 50, 1e-5), (1, 4, 20, 1e-7)] {
      let event = PrivacyEvent(noiseMultiplier: z, sampling: .poisson(rate: q), relation: .addOrRemove)
      let pld = try Accountant.pld.spending(event, rounds: rounds, delta: delta)
      let rdp = try Accountant.rdp.spending(event, rounds: rounds, delta: delta)
      #expect(pld.epsilon < rdp.epsilon)
      let ledger = PrivacyLedger(event, rounds: rounds)
      let back = try Accountant.pld.delta(ledger, epsilon: pld.epsilon)
      #expect(back.delta < delta * (1 + 1e-4) && back.delta > delta * (1 - 1e-4), "\(back)")
      #expect(try Accountant.rdp.delta(ledger, epsilon: rdp.epsilon).delta < delta * 1.01)
      let coarse = try Accountant.pld.spending(event, rounds: rounds, delta: delta, precision: .coarse)
      let lower = try #require(pld.lowerBound)
      #expect(coarse.epsilon >= lower && coarse.epsilon < pld.epsilon * 1.002)
    }
  }

  /// Monte Carlo: losses of the mechanism itself, by densities written down anew, never show more than is claimed, and come near where
  /// the pair is attained; n = 200,000 runs a row, fixed seed, 5.5 standard errors: a right accountant fails with less than 10^-6. The
  /// claim of another cohort (Poisson at z for a cohort of fixed size) is seen to be too small.
  @Test(arguments: audits)
  func audit(_ a: Audit) throws {
    var random = RandomStream(key: try #require(Key(Array(0..<32))), stream: 4711)
    let (z, q) = (a.noiseMultiplier, a.sampling.rate)
    // ln of the density of the client's round: with probability q the client's value, else the place's.
    func logDensity(_ y: Double, _ client: Double, _ other: Double) -> Double {
      let u = -(y - client) * (y - client) / (2 * z * z)
      let v = -(y - other) * (y - other) / (2 * z * z)
      let top = max(u, v)
      return top + log(q * exp(u - top) + (1 - q) * exp(v - top))
    }
    var (sum, squares) = (0.0, 0.0)
    let n = 200_000
    for _ in 0..<n {
      var loss = 0.0
      for _ in 0..<a.rounds {
        let y = (random.bernoulli(q) ? a.with : a.place) + z * random.normal()
        loss += logDensity(y, a.with, a.place) - logDensity(y, a.without, a.placeWithout)
      }
      let value = loss > a.epsilon ? -expm1(a.epsilon - loss) : 0
      sum += value
      squares += value * value
    }
    let mean = sum / Double(n)
    let error = 5.5 * ((squares / Double(n) - mean * mean) / Double(n)).squareRoot()
    let event = PrivacyEvent(noiseMultiplier: z, sampling: a.sampling, relation: a.relation)
    let claim = try Accountant.pld.delta(PrivacyLedger(event, rounds: a.rounds), epsilon: a.epsilon)
    #expect(mean - error <= claim.delta, "\(mean) \(error) \(claim)")
    #expect(mean > 20 * error / 5.5, "enough to see")
    if a.isAttained {
      let lower = try #require(claim.lowerBound)
      #expect(mean + error >= lower, "\(mean) \(error) \(claim)")
    }
    if case .fixedSize = a.sampling {
      let wrong = PrivacyEvent(noiseMultiplier: z, sampling: .poisson(rate: q), relation: .zeroOut)
      let small = try Accountant.pld.delta(PrivacyLedger(wrong, rounds: a.rounds), epsilon: a.epsilon).delta
      #expect(mean - error > small, "the audit sees an account that is too small: \(mean) \(error) \(small)")
    }
  }

  struct Audit: Sendable {
    let sampling: Sampling
    let relation: NeighboringRelation
    var noiseMultiplier = 1.0
    var rounds = 3
    let epsilon: Double
    /// Sums that the client's round is centred at under D: when it is drawn, and when another one is; and under D'.
    let with: Double
    let place: Double
    let without: Double
    let placeWithout: Double
    var isAttained = true
  }

  static let audits = [
    Audit(sampling: .everyone, relation: .zeroOut, epsilon: 2, with: 1, place: 1, without: 0, placeWithout: 0),
    Audit(sampling: .everyone, relation: .replaceOne, epsilon: 5, with: 1, place: 1, without: -1, placeWithout: -1),
    Audit(
      sampling: .poisson(rate: 0.3), relation: .zeroOut, epsilon: 1, with: 1, place: 0, without: 0, placeWithout: 0),
    Audit(
      sampling: .poisson(rate: 0.3), relation: .replaceOne, epsilon: 1.5, with: 1, place: 0, without: -1,
      placeWithout: 0),
    Audit(
      sampling: .fixedSize(rate: 0.3), relation: .addOrRemove, rounds: 2, epsilon: 2, with: 1, place: -1, without: -1,
      placeWithout: -1),
    Audit(
      sampling: .fixedSize(rate: 0.3), relation: .zeroOut, epsilon: 1.5, with: 1, place: -1, without: 0,
      placeWithout: -1),
    Audit(
      sampling: .fixedSize(rate: 0.3), relation: .replaceOne, epsilon: 3, with: 1, place: -1, without: -1,
      placeWithout: -1),
  ]

  /// Found by a user's trial: an end of a region on the grid lost its mass, and the answer was 0.1005.
  @Test func littleNoiseIsNotCheap() throws {
    for (z, q, rounds, least) in [
      (0.05, 0.01, 10, 700.0), (0.055, 0.01, 10, 600), (0.03, 0.01, 5, 900), (0.039, 0.01378, 8, 400),
    ] {
      let event = PrivacyEvent(noiseMultiplier: z, sampling: .poisson(rate: q), relation: .zeroOut)
      let found = try Accountant.pld.spending(event, rounds: rounds, delta: 1e-6)
      #expect(found.epsilon > least, "\(z) \(found)")
      #expect(try Accountant.pld.delta(PrivacyLedger(event, rounds: rounds), epsilon: least).delta > 1e-6)
    }
  }

  /// Over the whole range of what may be asked: lower <= upper, never above what RDP proves by more than the window's
  /// precision, never below a bound that one event gives: all-or-nothing, delta >= 1 - (1 - q)^T at epsilon 0 less what noise hides.
  @Test func extremesAreSound() throws {
    var random = RandomStream(key: try #require(Key(Array(0..<32))), stream: 4712)
    for _ in 0..<Effort.samples(60, gate: 15) {
      let z = exp(log(0.02) + random.uniform() * log(1e3))
      let q = exp(log(1e-5) * random.uniform())
      let rounds = Int(exp(log(300) * random.uniform()))
      let delta = exp(log(1e-12) + random.uniform() * log(1e9))
      for (sampling, relation) in [
        (Sampling.Name.poisson, NeighboringRelation.zeroOut), (.poisson, .replaceOne), (.fixedSize, .zeroOut),
        (.fixedSize, .replaceOne),
      ] {
        let event = PrivacyEvent(
          noiseMultiplier: z, sampling: Sampling(name: sampling, rate: q), relation: relation)
        let found = try Accountant.pld.spending(event, rounds: rounds, delta: delta, precision: .coarse)
        let label = "z \(z) q \(q) T \(rounds) delta \(delta) \(sampling) \(relation): \(found)"
        #expect(found.epsilon >= 0 && !found.epsilon.isNaN, "\(label)")
        #expect(try #require(found.lowerBound) <= found.epsilon, "\(label)")
        if sampling == .poisson && relation == .zeroOut {
          let rdp = try Accountant.rdp.spending(event, rounds: rounds, delta: delta).epsilon
          #expect(found.epsilon <= rdp * 1.001, "\(label) \(rdp)")
        }
        if found.epsilon < 1e3 {
          // The other way round, from above: delta at the upper bound is at most delta.
          let back = try Accountant.pld.delta(
            PrivacyLedger(event, rounds: rounds), epsilon: found.epsilon, precision: .coarse)
          #expect(try #require(back.lowerBound) <= delta * (1 + 1e-9), "\(label) \(back)")
        }
      }
    }
  }

  /// A window that is far too narrow proves little, but nothing wrong: what is left out is in the budget, at the window's ends too.
  @Test(arguments: [0.9, 0.5, 0.2, 0.05])
  func narrowWindowsAreSound(share: Double) throws {
    for (z, rounds, delta) in [(1.0, 10, 1e-6), (5.0, 10, 1e-9), (3.0, 1, 1e-5)] {
      let exact = GaussianProfile(mu: Double(rounds).squareRoot() / z).epsilon(delta: delta)
      let composition = LossComposition(entries: [.init(pair: .gaussian(scale: z), count: rounds)], direction: .remove)
      let query = LossComposition.Query.epsilon(delta: delta)
      for (left, right, moved) in [(share, share, 0.0), (1, share, 0), (share, 1, 0), (1, share, -3.0)] {
        var plan = composition.plan(query)
        plan.left *= left
        plan.right *= right
        plan.mean += moved * (1 - share) * plan.left / 4
        for logSize in [10, 13] {
          let found = composition.bounds(query, plan: plan, logSize: logSize)
          #expect(
            found.lower <= exact && found.upper >= exact, "\(z) \(rounds) \(left) \(right) \(moved): \(found), \(exact)"
          )
        }
      }
    }
  }
}
