import Statistics
import Support
import Testing

@testable import ChannelCoding
@testable import Numerics

@Suite struct GaussianRatioTests {
  /// scipy.stats.ncx2 and norm: (n, |m|, snr, ln h - E ln r, P[r >= h]).
  @Test(arguments: [
    (1, 1.0, 1.0, 0.7, 0.035839929648577115), (1, 0.3, 0.01, 0.01, 0.37568386853309627),
    (2, 1.5, 2.0, 1.0, 0.009898637931211311), (5, 1.2, 0.5, 0.5, 0.05564282986808598),
    (20, 2.0, 0.08, 1.2, 0.004687858074193902), (20, 2.0, 0.06, 1.2, 0.004706981073537645),
    (300, 1.7, 0.01, 3.0, 0.00025946363991575274), (300, 1.7, 0.01, -3.0, 0.5198486098399395),
    (3000, 1.6, 0.001, 4.0, 2.0534799809042712e-05), (50, 0.0, 1e-06, 1e-06, 0.4459967481394702),
    (7, 1e-08, 0.3, 0.2, 0.22614786395111974),
  ])
  func tailsAgreeWithScipy(n: Int, shift: Double, snr: Double, offset: Double, tail: Double) {
    let ratio = GaussianRatio(dimension: n, shift: shift, snr: snr)
    let found = ratio.proposalTail(ratio.targetMoments.mean + offset)
    #expect(abs(found / tail - 1) < 1e-7, "\(found)")
  }

  /// The quadrature over the coordinates across, and the Poisson mixture, where both work.
  @Test(arguments: [(2, 0.62, 0.02), (20, 2.0, 0.06), (40, 2.2, 0.07), (200, 0.4, 0.012)])
  func theTwoWaysAgree(n: Int, shift: Double, snr: Double) {
    let ratio = GaussianRatio(dimension: n, shift: shift, snr: snr)
    let centre = shift * (1 + snr) / snr
    #expect(centre * centre >= 900)
    for offset in [-4.0, -1, 0, 1, 3] {
      let level = ratio.targetMoments.mean + offset
      let mixture = nonCentralChiSquare(
        2 * (ratio.logSupremum - level) / snr, degrees: Double(n), centrality: centre * centre)
      let found = ratio.proposalTail(level)
      #expect(abs(found - mixture) < 1e-12 + 1e-10 * mixture, "n \(n) offset \(offset): \(found) \(mixture)")
    }
  }

  /// ln r of what the target sends has the moments that are claimed: n = 10^5, and the tail is what candidates show.
  @Test func candidatesHaveTheTails() {
    var random = RandomStream(key: countingKey, stream: 5)
    let (n, snr) = (12, 0.2)
    let s = (1 + snr).squareRoot()
    let x = (0..<n).map { Double($0) / 12 }
    let square = x.reduce(0) { $0 + $1 * $1 }
    let ratio = GaussianRatio(dimension: n, shift: square.squareRoot() / s, snr: snr)
    let constant = Double(n) / 2 * Elementary.log(1 + snr) - square / 2
    var scores = CandidateScores(
      NormalStream(key: countingKey, stream: 7), mean: x.map { $0 * s }, quadratic: snr / 2, constant: constant,
      batch: 100)
    var above = [0, 0, 0]
    let levels = [-1.0, 0.2, 1.5]
    for _ in 0..<100_000 {
      let score = scores.score()
      for i in 0..<3 where score >= levels[i] { above[i] += 1 }
    }
    for i in 0..<3 {
      let p = ratio.proposalTail(levels[i])
      let z = (Double(above[i]) - 1e5 * p) / (1e5 * p * (1 - p)).squareRoot()
      #expect(abs(z) < 5, "level \(levels[i]): z \(z)")
    }
    var sum = 0.0
    for _ in 0..<100_000 {
      var score = constant
      for value in x {
        let z = (value + random.normal()) / s
        score += z * (value * s - snr / 2 * z)
      }
      sum += score
    }
    let (mean, variance) = ratio.targetMoments
    #expect(abs(sum / 1e5 - mean) < 5 * (variance / 1e5).squareRoot())
  }
}

@Suite struct PublicRatioLawTests {
  /// The tilted law has mass one and is the first over r: E_P[r 1{r >= h}] = Q[r >= h], by the table's accuracy.
  @Test(arguments: [(1, 10.0), (5, 1.0), (316, 0.01), (3000, 0.001)])
  func proposalIsTheTiltedTarget(n: Int, snr: Double) {
    let law = PublicRatioLaw(dimension: n, snr: snr)
    NormalTable.shared.withCumulative { cumulative in
      // Integral of h dP[r < h] over a grid, by parts.
      var mass = 0.0
      let low = law.mean - 20
      var last = law.proposalTail(low, cumulative)
      for i in 1...40_000 {
        let l = low + Double(i) * 0.001
        let next = law.proposalTail(l, cumulative)
        mass += (last - next) * Elementary.exp(l - 0.0005)
        last = next
      }
      #expect(abs(mass - 1) < 2e-3, "\(mass)")
      #expect(abs(law.targetTail(law.mean, cumulative) - 0.5) < 1e-4)
      #expect(law.mean == law.mean && abs(law.mean - Double(n) / 2 * Elementary.log(1 + snr)) < 1e-9)
    }
  }
}

/// The stretch function of the whole target.
func uncapped(_ ratio: GaussianRatio) -> PanelTable {
  let (mean, variance) = ratio.targetMoments
  return PanelTable(
    logCap: ratio.logSupremum, mean: mean - variance, deviation: variance.squareRoot(),
    proposalTail: ratio.proposalTail)
}

@Suite struct StretchTests {
  /// Against the integration along the level sets, which shares nothing with the table: no cap, one dimension.
  @Test(arguments: [(0.0, 2.0), (1.0, 1.0), (-1.0, 0.149), (2.5, 9.0), (0.2, 0.01), (30.0, 1e3)])
  func theTableIsTheIntegral(mean: Double, snr: Double) {
    let s = (1 + snr).squareRoot()
    let pair = GaussianPair(mean: mean, proposalScale: s)
    let ratio = GaussianRatio(dimension: 1, shift: abs(mean) / s, snr: snr)
    #expect(abs(ratio.logSupremum - pair.logSupremum) < 1e-12 * max(1, abs(pair.logSupremum)))
    let table = uncapped(ratio)
    #expect(abs(table.bodyMass - 1) < 2e-7, "\(table.bodyMass)")
    // Where a sample can be: round the target's mean, and round the mode where that is near.
    let far = [-4.0, -2, -1, 0, 0.5, 2, 4].map { mean + $0 }
    let near = abs(pair.mode - mean) < 6 ? [0.1, 0.5, 1, 2, 3, 5].map { pair.mode + $0 } : []
    for x in far + near where x != pair.mode {
      let (a, b) = (table(pair.logRatio(x)), pair.stretch(x))
      #expect(abs(a / b - 1) < 1e-7, "x \(x): \(a) \(b)")
    }
  }

  /// With a cap: Z = E min(1, M / r), S(g) near 0 is g / Z, and S' = 1 / B.
  @Test(arguments: [(8, 1.0, 0.3, 4.0), (300, 1.5, 0.01, 6.0), (1, 1.5, 3.0, 3.0)])
  func theCappedTable(n: Int, shift: Double, snr: Double, cap: Double) {
    let ratio = GaussianRatio(dimension: n, shift: shift, snr: snr)
    let table = StretchTable(ratio, logCap: Elementary.log(cap))
    #expect(table.logCap == Elementary.log(cap))
    // B(g) by a plain sum.
    let above = { (g: Double) in
      let steps = 20_000
      var total = 0.0
      for i in 0..<steps {
        let u = g + (cap - g) * (Double(i) + 0.5) / Double(steps)
        total += ratio.proposalTail(Elementary.log(u)) * (cap - g) / Double(steps)
      }
      return total
    }
    // The sum is good to 10^-5 where the tail is steep near 0.
    #expect(abs(table.bodyMass / above(0) - 1) < 1e-5, "\(table.bodyMass)")
    for g in [0.1, 0.5, 1, 0.6 * cap, 0.95 * cap, 0.9999 * cap] {
      let h = 1e-4 * min(g, cap - g)
      let slope = (table.value(Elementary.log(g + h)) - table.value(Elementary.log(g - h))) / (2 * h)
      #expect(abs(slope * above(g) - 1) < 3e-5, "g \(g): \(slope * above(g))")
    }
    #expect(table.value(Elementary.log(cap)) == .infinity && table.accepts(1e300, Elementary.log(cap)))
    #expect(abs(table.value(-20) / (Elementary.exp(-20) / table.bodyMass) - 1) < 1e-6)
  }
}

/// Against mpmath at 26 digits (Scripts/reference-stretch.py).
@Suite struct StretchReferenceTests {
  struct Heights: Decodable {
    struct Height: Decodable {
      let dimension: Int
      let shift: Double
      let snr: Double
      let logHeight: Double
      let tail: String
      let above: String
    }
    struct Coordinate: Decodable {
      let mean: Double
      let snr: Double
      let x: Double
      let stretch: String
    }
    let heights: [Height]
    let coordinates: [Coordinate]
  }

  struct Stretches: Decodable {
    struct Row: Decodable {
      let dimension: Int
      let shift: Double
      let snr: Double
      let logCap: Double
      let bodyMass: String
      let logRatios: [Double]
      let stretch: [String]
    }
    let rows: [Row]
  }

  /// P[r >= g] and E(r - g)+, or E min(r, g) = 1 - that, within a share of the bound that docs/codecs/numerics.md has: 76 units of
  /// rounding at M = 1000.
  @Test func heightsAreExact() throws {
    for row in try Vectors.load("heights.json", as: Heights.self).heights {
      let law = HeightLaw(GaussianRatio(dimension: row.dimension, shift: row.shift, snr: row.snr))
      let found = law(row.logHeight)
      let (tail, above) = (try #require(Double(row.tail)), try #require(Double(row.above)))
      let g = Elementary.exp(row.logHeight)
      let place = "n \(row.dimension) |m| \(row.shift) snr \(row.snr) ln h \(row.logHeight)"
      #expect(abs(found.tail - tail) * max(g, 1) < 40 * 0x1p-53, "\(place): \(found.tail) \(tail)")
      #expect(abs(found.above - above) < 40 * 0x1p-53, "\(place): \(found.above) \(above)")
      #expect(abs(found.below - (1 - above)) < 40 * 0x1p-53, "\(place)")
    }
  }

  /// Every level encloses S, and each is about four times as narrow as the last. References are good to 10^-11.
  @Test func everyLevelEnclosesTheStretch() throws {
    for row in try Vectors.load("stretch.json", as: Stretches.self).rows {
      let ratio = GaussianRatio(dimension: row.dimension, shift: row.shift, snr: row.snr)
      let table = StretchTable(ratio, logCap: row.logCap)
      let mass = try #require(Double(row.bodyMass))
      #expect(table.logCap == row.logCap && abs(table.bodyMass - mass) < 40 * 0x1p-53, "\(row.dimension)")
      var last = [Double](repeating: .infinity, count: row.stretch.count)
      for level in 0..<8 {
        for (i, text) in row.stretch.enumerated() {
          let expected = try #require(Double(text))
          let (low, high, share) = table.bounds(row.logRatios[i], level: level)
          let place = "n \(row.dimension) ln r \(row.logRatios[i]) level \(level): \(low) \(expected) \(high)"
          #expect(low <= expected * (1 + 1e-11) && high >= expected * (1 - 1e-11), "\(place)")
          let isNarrower = level < 2 || share < 0.4 * last[i] || share < 1e-13
          #expect(share < 0.03 && isNarrower, "\(place): \(share) \(last[i])")
          last[i] = share
        }
      }
      // A level that is made for one height is the level.
      let (a, b) = (table.bounds(row.logRatios[0], level: 9), table.bounds(row.logRatios[0], level: 10))
      #expect(a.low <= b.low * (1 + 1e-13) && a.high >= b.high * (1 - 1e-13) && b.share < 0.4 * a.share + 1e-13)
    }
  }

  @Test func everyLevelEnclosesTheStretchOfACoordinate() throws {
    for row in try Vectors.load("heights.json", as: Heights.self).coordinates {
      let pair = GaussianPair(mean: row.mean, proposalScale: (1 + row.snr).squareRoot())
      let expected = try #require(Double(row.stretch))
      for panels in [8, 32, 128, 2048, 32768] {
        let (low, high) = pair.stretch(row.x, panels: panels)
        #expect(
          low <= expected * (1 + 1e-12) && high >= expected * (1 - 1e-12),
          "mean \(row.mean) snr \(row.snr) x \(row.x) panels \(panels): \(low) \(expected) \(high)")
        if panels == 32768 { #expect(high - low < 1e-6 * low, "\(row)") }
      }
      // The decision, where only a narrow enclosure can tell.
      #expect(pair.accepts(row.x, at: expected * (1 - 1e-9)) && !pair.accepts(row.x, at: expected * (1 + 1e-9)))
    }
  }

  /// Decisions of blocks a hundred thousandth from the boundary, both ways.
  @Test func decisionsAreThoseOfTheStretch() throws {
    for row in try Vectors.load("stretch.json", as: Stretches.self).rows {
      let table = StretchTable(
        GaussianRatio(dimension: row.dimension, shift: row.shift, snr: row.snr), logCap: row.logCap)
      for (logRatio, text) in zip(row.logRatios, row.stretch) {
        let expected = try #require(Double(text))
        for share in [0.5, 1e-2, 1e-5, 1e-8] {
          #expect(table.accepts(expected * (1 - share), logRatio) && !table.accepts(expected * (1 + share), logRatio))
        }
      }
    }
  }

  /// Sums of ten million terms, and shares multiplied: no rounding adds up.
  @Test func sumsAndMassesKeepTheirDigits() {
    var sum = TimeSum()
    for _ in 0..<1_000_000 { sum.add(0.1) }
    #expect(abs(sum.value - 1_000_000 * 0.1) <= 2e-11, "\(sum.value)")
    var mass = FastGPRS.Mass()
    for _ in 0..<200 { mass.keep(0.7) }
    // 0.7 in double to the 200th, by Python's fractions.
    #expect(abs(mass.value / 1.0461838291314224e-31 - 1) < 4e-16, "\(mass.value)")
    // Times from all bits: no value is 0 twice, and none is beyond 64 ln 2.
    var random = RandomStream(key: countingKey, stream: 77)
    let times = (0..<100_000).map { _ in random.time() }
    #expect(times.allSatisfy { $0 >= 0 && $0 < 44.4 } && abs(times.reduce(0, +) / 1e5 - 1) < 0.02)
  }
}

@Suite struct NumericalBoundTests {
  private func settings(_ codec: CodecName, _ dimension: Int, snr: Double, draws: Int = 100) -> ChannelSettings {
    ChannelSettings(
      codec: codec, options: CodecOptions(BlockOptions(draws: draws)), dimension: dimension,
      clippingNorm: (snr * Double(dimension)).squareRoot(), noiseScale: 1)
  }

  @Test func everyExactCodecHasABound() throws {
    for codec in CodecRegistry.standard.names {
      let standard = settings(codec, 4096, snr: 0.01)
      let isExact = try #require(standard.descriptor).isExact
      let bound = standard.totalVariationBound
      #expect((bound != nil) == isExact, "\(codec)")
      if let bound { #expect(bound > 0 && bound < 1e-9, "\(codec) \(bound)") }
      // More coordinates at the same signal-to-noise ratio never cost less.
      if let bound, let more = settings(codec, 1 << 14, snr: 0.01).totalVariationBound { #expect(more >= bound) }
      #expect(settings(codec, 0, snr: 0.01).totalVariationBound == nil)
    }
    var plain = ChannelSettings(codec: .float32, dimension: 10, clippingNorm: .infinity, noiseScale: 0)
    #expect(plain.totalVariationBound == 0)
    plain.noiseScale = 1
    #expect(plain.totalVariationBound == 5.5 * 0x1p-53 + SampleBound.refusal)
  }

  /// The bound is of the largest norm class; smaller ones have no more blocks.
  @Test(arguments: [(CodecName.gprs, 0.3), (.pfr, 0.01), (.ringToss, 2)])
  func smallerUpdatesHaveNoMoreBlocks(codec: CodecName, snr: Double) throws {
    let channel = settings(codec, 512, snr: snr, draws: 20)
    let block = try #require(try channel.makeCodec() as? BlockCodec)
    let largest = try #require(channel.prediction?.blocks).count
    for halvings in 1...20 {
      let norm = channel.clippingNorm / Elementary.exp(Double(halvings) / 4)
      let plan = block.plan(NormClass(norm: norm, bound: channel.clippingNorm))
      #expect(plan.blockCount <= largest, "\(halvings): \(plan.blockCount) \(largest)")
    }
  }
}

@Suite struct UnimodalRatioTests {
  /// 10^-9 against panels a quarter as wide: here through the survival function's own derivative. A' = -P[r >= h].
  @Test func survivalFallsAtTheProposalsRate() {
    for pair in [GaussianPair(mean: 0.7, proposalScale: 1.3), GaussianPair(mean: -4, proposalScale: 5)] {
      for distance in [0.05, 0.3, 1, 2.5, 4] {
        let x = pair.mode - distance
        let e = 2e-5
        let (a, b) = (pair.survival(at: x - e), pair.survival(at: x + e))
        let rise = Elementary.exp(pair.logRatio(x + e)) - Elementary.exp(pair.logRatio(x - e))
        let set = pair.levelSet(through: x)
        #expect(abs((a - b) / rise / pair.proposalMass(set.low, set.high) - 1) < 1e-6)
      }
    }
  }

  @Test func laplaceLevelSetsAreLevel() {
    for mean in [-3.0, -0.2, 0, 0.5, 4] {
      for s in [1.2, 2, 10] {
        let pair = LaplacePair(mean: mean, proposalScale: s)
        for x in [-9, -3, -1, -0.1, 0, 0.3, 2, 4.5, 12] {
          let set = pair.levelSet(through: x)
          #expect(set.low <= pair.mode && set.high >= pair.mode)
          #expect(abs(pair.logRatio(set.low) - pair.logRatio(x)) < 1e-10)
          #expect(abs(pair.logRatio(set.high) - pair.logRatio(x)) < 1e-10)
        }
      }
    }
  }

  /// The published reference code gets a negative value for Laplace laws. Closed forms: with a = |mean|,
  /// KL(Laplace(a, 1) || Laplace(0, s)) = ln s - 1 + (a + e^-a) / s.
  @Test func relativeEntropiesAreRight() {
    for mean in [0.0, 0.4, -2, 7] {
      for s in [1.1, 2, 9] {
        let laplace = LaplacePair(mean: mean, proposalScale: s).relativeEntropy
        let a = abs(mean)
        let expected = Elementary.log(s) - 1 + (a + Elementary.exp(-a)) / s
        #expect(laplace >= 0 && abs(laplace - expected) < 1e-9, "\(mean) \(s): \(laplace) \(expected)")
        let normal = GaussianPair(mean: mean, proposalScale: s).relativeEntropy
        let square = Elementary.log(s) - 0.5 + (1 + mean * mean) / (2 * s * s)
        #expect(normal >= 0 && abs(normal - square) < 1e-9, "\(mean) \(s): \(normal) \(square)")
      }
    }
  }

  @Test func quantilesInvertTheDistribution() {
    for exponent in [-1.01, -2, -5, -16, -50, -300] {
      let p = Elementary.exp(exponent)
      let z = NormalQuantile.lower(p)
      #expect(abs(Laws.normalCDF(z) / p - 1) < 1e-12, "\(p)")
    }
    #expect(NormalQuantile.lower(0.5) == 0)
    let pair = LaplacePair(mean: 0, proposalScale: 2)
    #expect(pair.proposalQuantile(left: 0.25, right: 0.75) == -2 * Elementary.log(2))
    #expect(pair.proposalQuantile(left: 1 - 1e-30, right: 1e-30) > 100)
  }
}

@Suite struct ChannelBoundsTests {
  /// F in one dimension, against a double sum over |y| and the half-width of {r >= h} in NumPy.
  @Test(arguments: [
    (0.03, 0.0311878), (0.1, 0.1038760), (0.3, 0.3094807), (1, 0.9649086), (3, 2.1794773), (10, 3.8498566),
  ])
  func theBoundOfOneCoordinate(eta: Double, bound: Double) {
    let found = ChannelBounds.lowerBoundBits(dimension: 1, snr: eta * eta)
    #expect(abs(found / bound - 1) < 2e-4, "\(found)")
  }

  @Test func theBoundIsAboveTheInformation() {
    for (d, snr) in [(2, 1.0), (50, 0.1), (4096, 0.01), (1 << 18, 0.01)] {
      let (i, f) = (
        ChannelBounds.informationBits(dimension: d, snr: snr), ChannelBounds.lowerBoundBits(dimension: d, snr: snr)
      )
      #expect(f > i && f < i + Elementary.log(i + 2) / Elementary.log(2) + 3, "\(i) \(f)")
    }
    // From one way of computing to the other without a step: F - I grows slowly, with the logarithm of the variance of ln r.
    for d in [2, 5, 20, 100, 300, 650, 4810, 1_000_000] {
      var last: Double?
      for nats in stride(from: 4.0, through: 340, by: 12) where nats < 15 * Double(d) {
        let snr = Elementary.exp(2 * nats / Double(d)) - 1
        let gap =
          ChannelBounds.lowerBoundBits(dimension: d, snr: snr) - ChannelBounds.informationBits(dimension: d, snr: snr)
        #expect(gap > 0.3 && gap < 6, "\(d) \(nats) \(gap)")
        if let last { #expect(gap > last - 0.05 && gap < last + 1, "\(d) \(nats) \(last) \(gap)") }
        last = gap
      }
    }
    #expect(ChannelBounds.lowerBoundBits(dimension: 5, snr: 0) == 0)
  }
}
