import Statistics
import Testing

@testable import ChannelCoding
@testable import Numerics

/// Figures of the literature, and of the design notes, that are not in the codecs' own suites.
@Suite struct LiteratureStatistics {
  // MARK: Importance selection

  /// out(y) / q(y) = g(r(y)), g(r) = N integral over t of e^(-t r) phi(t)^(N - 1), phi(t) = E_P e^(-t r(X)): from
  /// 1 / (r + R) = integral of e^(-t (r + R)). Target N(2, 1), proposal N(0, 1).
  private struct ImportanceLaw {
    let count: Int
    private var times: [(t: Double, weight: Double)] = []

    init(count: Int) {
      self.count = count
      let steps = 600
      let (low, high) = (Elementary.log(1e-14), Elementary.log(60))
      for i in 0..<steps {
        let t = Elementary.exp(low + (high - low) * Double(i) / Double(steps - 1))
        // E(1 - e^(-t r)) without cancellation for small t.
        var lost = 0.0
        for j in 0..<800 {
          let x = -10 + 20 * (Double(j) + 0.5) / 800
          let p = Elementary.exp(-x * x / 2) / (2 * Double.pi).squareRoot() * 20 / 800
          let tr = t * Elementary.exp(2 * x - 2)
          lost += p * (tr < 1e-5 ? tr - tr * tr / 2 : 1 - Elementary.exp(-min(tr, 700)))
        }
        let log = lost < 1e-5 ? -lost - lost * lost / 2 : Elementary.log(1 - min(lost, 1 - 1e-16))
        times.append((t, t * Elementary.exp(Double(count - 1) * log) * (high - low) / Double(steps - 1)))
      }
    }

    func factor(_ r: Double) -> Double {
      var total = 1e-14
      for (t, weight) in times where t * r < 700 { total += weight * Elementary.exp(-t * r) }
      return Double(count) * total
    }

    /// Total variation between output and target, and Q[g > 1] - Q[g < 1].
    var variation: (total: Double, sign: Double) {
      var total = 0.0
      var sign = 0.0
      for i in 0..<2000 {
        let y = -8 + 18 * (Double(i) + 0.5) / 2000
        let q = Elementary.exp(-(y - 2) * (y - 2) / 2) / (2 * Double.pi).squareRoot() * 18 / 2000
        let excess = factor(Elementary.exp(2 * y - 2)) - 1
        total += q * abs(excess) / 2
        sign += excess > 0 ? q : -q
      }
      return (total, sign)
    }
  }

  /// Total variation of minimal random coding at |x| = 2 sigma: exact values by the quadrature, and outputs that have
  /// it, by the mean of sign(g - 1), which is Q's plus twice the total variation. The design notes give 0.14, 0.063, 0.026,
  /// 0.011: histogram estimates, 16 % and 53 % too high at 2^10 and 2^12.
  @Test(arguments: [(64, 0.143294), (256, 0.061223), (1024, 0.022489), (4096, 0.0071974)])
  func minimalRandomCodingIsOffByThisMuch(count: Int, expected: Double) {
    let law = ImportanceLaw(count: count)
    let (total, sign) = law.variation
    #expect(abs(total / expected - 1) < 0.01, "\(total)")
    var random = RandomStream(key: countingKey, stream: 71)
    let rounds = 40_000_000 / count / 20
    for ordered in [false, true] {
      var sum = 0.0
      for round in 0..<rounds {
        let stream = NormalStream(key: countingKey, stream: UInt64(round) << 3 | 5)
        var scores = CandidateScores(stream, mean: [2.0], quadratic: 0, constant: -2, batch: count)
        let index =
          ordered
          ? ImportanceSelection.ordered(&scores, count: count, random: &random)
          : ImportanceSelection.minimal(&scores, count: count, random: &random)
        var z = [0.0]
        z.withUnsafeMutableBufferPointer { stream.read(at: index - 1, into: $0) }
        sum += law.factor(Elementary.exp(2 * z[0] - 2)) > 1 ? 1 : -1
      }
      let found = (sum / Double(rounds) - sign) / 2
      #expect(abs(found - total) < 5 / (2 * Double(rounds).squareRoot()), "\(ordered): \(found) \(total)")
    }
  }

  // MARK: Quantizers

  /// Conditional entropies of the shifted quantizer, by a NumPy integration of its own, and the range-coded length,
  /// within 2 %. The design notes have 0.0315, 0.106 and 0.319 at the low end, up to 2 % too high, and the same above.
  @Test(arguments: [
    (0.03, 0.0311902), (0.1, 0.1039674), (0.3, 0.3119022), (1, 1.0234558), (3, 2.3430949), (10, 4.0422477),
  ])
  func shiftedEntropies(eta: Double, entropy: Double) throws {
    #expect(abs(dithererEntropy(.shifted, eta: eta) / entropy - 1) < 1e-3)
    let d = 1 << 17
    let link = try Link(
      .layeredShifted, options: CodecOptions(ShiftedOptions(fixedLength: false)), dimension: d,
      clippingNorm: eta * Double(d).squareRoot(), noiseScale: 1)
    var random = RandomStream(key: countingKey, stream: 42)
    var bits = 0.0
    for round in 0..<6 {
      let update = (0..<d).map { _ in Float(100 * random.normal()) }
      bits += Double(link.encode(update, round: round).bits) / Double(6 * d)
    }
    #expect(abs(bits / entropy - 1) < 0.02, "\(bits)")
  }

  /// Both codes of the shifted quantizer give normal noise; the universal quantizer gives uniform noise, which the same
  /// checks refuse. n = 10^6.
  @Test func quantizersHaveTheirLaws() throws {
    for codec in [CodecName.layeredShifted, .universal] {
      for fixed in codec == .layeredShifted ? [true, false] : [false] {
        for signal in [0.1, 3] {
          let d = 1000
          let link = try Link(
            codec, options: CodecOptions(ShiftedOptions(fixedLength: fixed)), dimension: d,
            clippingNorm: signal * Double(d).squareRoot(), noiseScale: 1)
          let x = (0..<d).map { Float($0 % 7 == 0 ? 900 : $0 % 13) * 1000 }
          let update = ClippedUpdate(clipping: x, to: link.channel.settings.clippingNorm)
          var noise: [Double] = []
          for round in 0..<1000 {
            var unused = link.keys.client(0).noise(round: round)
            var tally = CodingTally()
            let payload = link.channel.codec.encode(
              update, shared: link.shared(round), private: &unused, tally: &tally)
            let decoded = try link.channel.codec.decode(payload, shared: link.shared(round))
            for i in 0..<d { noise.append(decoded[i] - update.values[i]) }
          }
          let failures = NoiseChecks(noise, sent: update.values).failures
          #expect(failures.isEmpty == (codec == .layeredShifted), "\(codec) \(fixed) \(signal): \(failures)")
          let half = 3.0.squareRoot()
          let uniform = StatisticalChecks.kolmogorovSmirnov(sample: noise) {
            Laws.uniformCDF($0, lower: -half, upper: half)
          }
          #expect(uniform.passes() == (codec == .universal), "\(uniform)")
        }
      }
    }
  }

  /// Every payload of a fixed length has it, up to updates at the clipping norm in one coordinate.
  @Test func fixedLengthsAreFixed() throws {
    for (d, signal) in [(1, 0.01), (1, 5000), (37, 1), (400, 3e5), (5, 1e9)] {
      let link = try Link(.layeredShifted, dimension: d, clippingNorm: signal, noiseScale: 1)
      var spike = [Float](repeating: 0, count: d)
      spike[0] = .infinity
      spike[d - 1] = 1e30
      for update in [spike, spike.map { $0.isFinite ? $0 : 0 }, [Float](repeating: -1e30, count: d)] {
        for round in 0..<40 {
          let payload = link.encode(update, round: round)
          #expect(Double(payload.bits) == link.channel.settings.predictedBits)
          _ = try link.decode(payload, round: round)
        }
      }
    }
  }

  // MARK: Blocks

  /// Ring toss is within 2.5 bits of the lower bound F, block by block, with x from its prior: bits of flags and cap
  /// symbols over 300 blocks in one range coder.
  @Test(arguments: [(1, 1.0, 300), (2, 3.0, 300), (20, 0.1, 300), (200, 0.01, 300), (300, 0.01, 1000)])
  func ringTossIsNearTheBound(n: Int, snr: Double, draws: Int) throws {
    let blocks = 600
    let d = n * blocks
    var codec = BlockCodec(
      .ringToss,
      ChannelSettings(
        codec: .ringToss, options: CodecOptions(BlockOptions(draws: draws)), dimension: d,
        clippingNorm: (snr * Double(d)).squareRoot(), noiseScale: 1))
    codec.forcedBlockCount = blocks
    var random = RandomStream(key: countingKey, stream: 88)
    let update = ClippedUpdate(
      clipping: (0..<d).map { _ in Float(1000 * random.normal()) }, to: codec.clippingNorm)
    var noise = RunKeys(seed: 1, fingerprint: []).client(0).noise(round: 0)
    var tally = CodingTally()
    let payload = codec.encode(update, shared: SharedRandomness(key: countingKey), private: &noise, tally: &tally)
    let bits = Double(payload.bits) / Double(blocks)
    let bound = ChannelBounds.lowerBoundBits(dimension: n, snr: snr)
    #expect(
      bits < bound + 2.5 && bits > bound, "\(bits) against \(bound), I \(Double(n) / 2 * Elementary.log(1 + snr))")
  }

  /// Where every update is of norm C, the predicted bits are near the measured ones.
  @Test(arguments: [
    (CodecName.pfr, 4096, 0.01, 100), (.pfr, 4096, 0.1, 300), (.pfr, 2000, 3, 100), (.ringToss, 4096, 0.01, 100),
    (.ringToss, 2000, 1, 100), (.gprs, 4096, 0.01, 100), (.fastGPRS, 4000, 0.02, 2), (.fastGPRS, 4000, 50, 2),
    (.universal, 4000, 0.05, 2), (.polar, 4096, 0.01, 2),
  ])
  func bitsAreAsPredicted(codec: CodecName, d: Int, snr: Double, draws: Int) throws {
    let link = try Link(
      codec, options: CodecOptions(BlockOptions(draws: draws)), dimension: d,
      clippingNorm: (snr * Double(d)).squareRoot(),
      noiseScale: 1)
    var random = RandomStream(key: countingKey, stream: 89)
    var bits = 0.0
    let rounds = 40
    for round in 0..<rounds {
      let update = (0..<d).map { _ in Float(1000 * random.normal()) }
      bits += Double(link.encode(update, round: round).bits) / Double(rounds)
    }
    let predicted = link.channel.settings.predictedBits
    // Measured: 1 to 3 %, and 4.5 % too many for short blocks of ring toss, whose rare large norms are sent another way;
    // chance at some 70 bits a payload.
    #expect(abs(bits / predicted - 1) < 0.055 + 2 / bits, "\(codec): \(bits) predicted \(predicted)")
  }

  // MARK: The holder of the seed

  /// Code = f(x, seed): "this code, and not the one of x'" has probability Pr[f(x) != f(x')] under x and 0 under x', so
  /// no (epsilon, delta) holds against whoever holds the seed with delta below it, whatever epsilon; and it is at least
  /// TV(Q_x, Q_x'), since equal codes give equal outputs. The direct layered quantizer attains it in one dimension.
  ///
  /// Here gprs and pfr take their times from the seed too, as in the literature. (Our codecs draw them privately: their
  /// code is then random given the seed, which is no guarantee either.)
  @Test(arguments: [0.5, 1.0, 2.0])
  func deterministicCodesHideNothingFromTheSeed(distance: Double) {
    let (x, other, snr) = (0.3, 0.3 + distance, 1.5)
    let s = (1 + snr).squareRoot()
    let variation = 2 * Laws.normalCDF(distance / 2) - 1
    let count = 40_000
    func code(_ selection: Int, _ x: Double, _ seed: UInt64) -> Int {
      let stream = NormalStream(key: countingKey, stream: seed << 4)
      if selection == 0 {
        // One layer: R^2 of three degrees of freedom and a dither, from the seed.
        var random = RandomStream(key: countingKey, stream: seed << 4 | 1)
        let radius = (2 * random.exponential()).squareRoot()
        let normal = random.normal()
        let step = 2 * (radius * radius + normal * normal).squareRoot()
        return DitheredQuantizer.index(x, step: step, dither: random.uniform() - 0.5)
      }
      var times = RandomStream(key: countingKey, stream: seed << 4 | 2)
      var scores = CandidateScores(
        stream, mean: [x * s], quadratic: snr / 2, constant: Elementary.log(s) - x * x / 2, batch: 4)
      let ratio = GaussianRatio(dimension: 1, shift: abs(x) / s, snr: snr)
      let index =
        selection == 1
        ? GreedyPoissonRejection.select(
          &scores, StretchTable(ratio, logCap: ratio.logSupremum), random: &times)
        : PoissonFunctionalRepresentation.select(&scores, logCap: ratio.logSupremum, random: &times)
      return Int(index)
    }
    for selection in 0..<3 {
      var different = 0
      for seed in 0..<count where code(selection, x, UInt64(seed)) != code(selection, other, UInt64(seed)) {
        different += 1
      }
      let delta = Double(different) / Double(count)
      let error = (delta * (1 - delta) / Double(count)).squareRoot()
      #expect(delta > variation - 5 * error, "\(selection): \(delta) against \(variation)")
      if selection == 0 { #expect(abs(delta - variation) < 5 * error, "attained: \(delta) \(variation)") }
    }
  }
}
