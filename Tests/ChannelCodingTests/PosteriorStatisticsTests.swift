import Statistics
import Testing

@testable import ChannelCoding
@testable import Numerics

/// Samples of diagonal posteriors through bytes, for one posterior each: (y - mu) / rho is N(0, I), by the checks of `NoiseChecks` at 1e-6
/// each and by chi-square of whole rows. Numbers of samples are stated; seeds are fixed.
@Suite struct PosteriorStatistics {
  struct Case: Sendable, CustomTestStringConvertible {
    let label: String
    let codec: CodecName
    let isTied: Bool
    let means: [Double]
    let scales: [Double]
    let rounds: Int
    /// Public mean KL over the posterior's own, where scales are free.
    var share = 1.0
    var options = PosteriorOptions()
    /// Whether blocks of the case must escape, and be split, now and then.
    var hasEscapes = false
    var hasParts = false

    var testDescription: String { "\(codec) \(isTied ? "tied" : "free"): \(label)" }

    func posterior() throws -> DiagonalGaussian { try DiagonalGaussian(means: means, scales: scales) }

    func settings() throws -> PosteriorSettings {
      let bits = try posterior().coordinateBits.map { $0 * share }
      return PosteriorSettings(codec: codec, scales: isTied ? .tied(scales) : .free(meanKL: bits), options: options)
    }
  }

  private static func options(blockBits: Double, marginBits: Double? = nil) -> PosteriorOptions {
    var options = PosteriorOptions()
    options.blockBits = blockBits
    options.marginBits = marginBits
    return options
  }

  /// Means of the population's size.
  private static func means(_ scales: [Double], seed: UInt64 = 3) -> [Double] {
    var random = RandomStream(key: Key(seed: seed, label: "posterior means"))
    return scales.map { ((1 - $0) * (1 + $0)).squareRoot() * random.normal() }
  }

  private static func typical(
    _ codec: CodecName, tied: Bool, _ count: Int, _ low: Double, _ high: Double, rounds: Int, blockBits: Double = 4
  ) -> Case {
    let scales = PosteriorCases.scales(count, from: low, to: high)
    return Case(
      label: "\(count) coordinates from \(low) to \(high)", codec: codec, isTied: tied, means: means(scales),
      scales: scales, rounds: rounds, options: options(blockBits: blockBits))
  }

  /// Unequal scales, d = 1 to 4096.
  static let usual: [Case] =
    [(1, 0.3, 0.3, 40_000), (2, 0.1, 0.9, 20_000), (16, 0.01, 1, 2500), (100, 0.2, 1, 400)].flatMap { entry in
      let (count, low, high, rounds) = entry
      return [
        typical(.layered, tied: true, count, low, high, rounds: 2 * rounds),
        typical(.polar, tied: true, count, low, high, rounds: rounds),
        typical(.pfr, tied: true, count, low, high, rounds: rounds),
        typical(.pfr, tied: false, count, low, high, rounds: rounds),
        typical(.ringToss, tied: false, count, low, high, rounds: rounds / 2),
        typical(.ringToss, tied: true, count, low, high, rounds: rounds / 4),
      ]
    } + [
      typical(.layered, tied: true, 4096, 0.01, 1, rounds: 20), typical(.polar, tied: true, 4096, 0.01, 1, rounds: 10),
      typical(.polar, tied: true, 1500, 0.8, 1, rounds: 20),
      typical(.pfr, tied: false, 4096, 0.99, 1, rounds: 10), typical(.pfr, tied: true, 4096, 0.99, 1, rounds: 10),
    ]

  /// Spikes, all in one coordinate, means at the public bound, and mean KL that is far from the posterior's own.
  static let adversarial: [Case] =
    [(CodecName.layered, true), (.polar, true), (.pfr, true), (.pfr, false), (.ringToss, false)].flatMap {
      codec, isTied in
      let wide = PosteriorCases.scales(12, from: 0.05, to: 0.9)
      let spike = wide.indices.map { $0 == 7 ? 60.0 : 0 }
      let bound = wide.indices.map { $0 % 2 == 0 ? 64.0 : -64.0 }
      let equal = [Double](repeating: 0.98, count: 64)
      return [
        Case(
          label: "a spike", codec: codec, isTied: isTied, means: spike, scales: wide, rounds: 2500, share: 0.002,
          options: options(blockBits: 4), hasParts: !isTied),
        Case(
          label: "the bound", codec: codec, isTied: isTied, means: bound, scales: wide, rounds: 2500, share: 0.002,
          options: options(blockBits: 4), hasParts: codec == .pfr || codec == .ringToss),
        Case(
          label: "a step", codec: codec, isTied: isTied, means: equal.indices.map { $0 < 32 ? 0.4 : 0 }, scales: equal,
          rounds: 600, options: options(blockBits: 3)),
      ]
    }

  /// Escapes and parts are common: caps and public mean KL far below what posteriors carry.
  static let strained: [Case] = [
    Case(
      label: "narrow caps", codec: .ringToss, isTied: false, means: [1, -0.5, 0.3, 0, 0, 0.4],
      scales: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8], rounds: 8000, options: options(blockBits: 5, marginBits: 0),
      hasEscapes: true),
    Case(
      label: "narrow caps", codec: .pfr, isTied: false, means: [1, -0.5, 0.3, 0, 0, 0.4],
      scales: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8], rounds: 8000, share: 0.12, options: options(blockBits: 1, marginBits: 0),
      hasEscapes: true),
    Case(
      label: "single coordinates", codec: .pfr, isTied: false, means: [2.5, -1, 4, 0.5],
      scales: [0.02, 0.001, 0.1, 0.9],
      rounds: 8000, share: 0.05, options: options(blockBits: 1, marginBits: 0), hasParts: true),
  ]

  static let cases = usual + adversarial + strained

  @Test(arguments: PosteriorStatistics.cases.indices)
  func samplesHaveThePosteriorsLaw(_ number: Int) throws {
    let item = Self.cases[number]
    let (noise, tally) = try samples(item, first: 1000 * number)
    let failures = checks(noise, item).filter { !$0.passes() }
    #expect(failures.isEmpty, "\(item.testDescription), n \(noise.count): \(failures)")
    if item.hasEscapes { #expect(tally.escapes > tally.blocks / 100, "\(item.testDescription): \(tally)") }
    if item.hasParts { #expect(tally.layered > 0, "\(item.testDescription): \(tally)") }
  }

  /// (y - mu) / rho of each message, row by row.
  private func samples(_ item: Case, first: Int) throws -> ([Double], CodingTally) {
    let codec = try item.settings().makeCodec()
    let q = try item.posterior()
    var noise: [Double] = []
    var total = CodingTally()
    total.addModelBits(0)
    for round in 0..<item.rounds {
      var tally = CodingTally()
      let y = try PosteriorCases.send(q, codec, number: first + round, tally: &tally)
      for j in y.indices { noise.append((y[j] - q.means[j]) / q.scales[j]) }
      total = total + tally
    }
    return (noise, total)
  }

  private func checks(_ noise: [Double], _ item: Case) -> [CheckResult] {
    let d = item.means.count
    let sent = zip(item.means, item.scales).map { $0 / $1 }
    let rows = stride(from: 0, to: noise.count, by: d).map { row in
      noise[row..<(row + d)].reduce(0) { $0 + $1 * $1 }
    }
    var results = NoiseChecks(noise, sent: sent).results
    results.append(
      StatisticalChecks.kolmogorovSmirnov(sample: rows) { Laws.chiSquareCDF($0, degrees: Double(d)) })
    return results
  }

  // MARK: The checks see what is broken

  @Test func aWrongScaleIsSeen() throws {
    var item = Self.typical(.pfr, tied: false, 6, 0.2, 0.8, rounds: 4000)
    let (noise, _) = try samples(item, first: 5_000_000)
    #expect(checks(noise, item).allSatisfy { $0.passes() })
    // As if rho had been read 10 % too large.
    item = Case(
      label: "broken", codec: item.codec, isTied: false, means: item.means, scales: item.scales.map { $0 * 1.1 },
      rounds: item.rounds, options: item.options)
    let (wrong, _) = try samples(item, first: 5_000_000)
    #expect(checks(wrong.map { $0 * 1.1 }, item).contains { !$0.passes() })
  }

  /// Messages whose blocks were all selected, without those that escaped: bodies alone.
  @Test func bodiesWithoutEscapesAreSeen() throws {
    let item = Self.strained[0]
    let codec = try item.settings().makeCodec()
    let q = try item.posterior()
    var noise: [Double] = []
    for round in 0..<8000 {
      var tally = CodingTally()
      let y = try PosteriorCases.send(q, codec, number: 12_000_000 + round, tally: &tally)
      guard tally.escapes == 0 else { continue }
      for j in y.indices { noise.append((y[j] - q.means[j]) / q.scales[j]) }
    }
    #expect(checks(noise, item).contains { !$0.passes() })
  }

  /// Two messages under one shared randomness: each has its law, and together they have not.
  @Test(arguments: [CodecName.layered, .polar, .pfr, .ringToss])
  func aStreamUsedTwiceIsSeen(codec: CodecName) throws {
    let scales = [Double](repeating: 0.6, count: 8)
    let made = try PosteriorSettings(codec: codec, scales: .tied(scales)).makeCodec()
    let q = try DiagonalGaussian(means: Self.means(scales), scales: scales)
    var noise: [Double] = []
    for round in 0..<3000 {
      for copy in 0..<2 {
        var own = PosteriorCases.noise(2 * round + copy)
        var tally = CodingTally()
        let shared = PosteriorCases.shared(round)
        let payload = try made.encode(q, shared: shared, private: &own, tally: &tally)
        for (y, mean) in zip(try made.decode(payload, shared: shared), q.means) { noise.append((y - mean) / 0.6) }
      }
    }
    #expect(
      StatisticalChecks.kolmogorovSmirnov(sample: stride(from: 0, to: noise.count, by: 16).map { noise[$0] }) {
        Laws.normalCDF($0)
      }.passes())
    #expect(!StatisticalChecks.serialCorrelation(sample: noise, lag: 8).passes())
  }

  /// The approximate baseline is seen to be one, and its decoder gives what its encoder chose.
  @Test func minimalRandomCodingIsApproximate() throws {
    let item = Self.typical(.mrc, tied: false, 16, 0.1, 0.6, rounds: 1500)
    let (noise, tally) = try samples(item, first: 6_000_000)
    #expect(checks(noise, item).contains { !$0.passes() })
    let plan = PosteriorPlan(.mrc, try item.settings())
    let bits = plan.blocks.reduce(0) { $0 + $1.capBits } * Double(item.rounds)
    #expect(abs((tally.modelBits ?? 0) - bits) < 1e-4 * bits, "log2 N bits a block")
    #expect(!PosteriorCodecs.all.contains { $0.name == .mrc && $0.isExact })
  }

  /// The single coordinate's search through bytes, also where it goes on with the sender's own uniforms.
  @Test(arguments: [2, 248])
  func coordinatesAreExact(depthLimit: Int) throws {
    for (number, (mean, scale)) in [(0.5, 0.3), (2, 0.01), (-3, 0.0005), (0.1, 0.99), (6, 0.4), (30, 0.5)].enumerated()
    {
      var noise: [Double] = []
      for round in 0..<4000 {
        let shared = PosteriorCases.shared(7_000_000 + 10_000 * number + round)
        var code = CoordinateCode(shared: shared, largest: 104)
        code.depthLimit = depthLimit
        var own = RandomStream(key: Key(seed: UInt64(round), label: "posterior coordinate \(number)"))
        var (coder, tally) = (RangeEncoder(), CodingTally())
        let y = code.encode(mean: mean, scale: scale, stream: 64, &own, to: &coder, tally: &tally)
        var other = CoordinateCode(shared: shared, largest: 104)
        other.depthLimit = depthLimit
        let found = coder.finish().withUnsafeBufferPointer { bytes in
          var decoder = RangeDecoder(bytes)
          return other.decode(stream: 64, from: &decoder)
        }
        #expect(found == y)
        noise.append((y - mean) / scale)
      }
      let check = StatisticalChecks.kolmogorovSmirnov(sample: noise) { Laws.normalCDF($0) }
      #expect(check.passes(), "mean \(mean), scale \(scale): \(check)")
    }
  }

  // MARK: Bits

  struct Length: Sendable {
    let codec: CodecName
    let isTied: Bool
    let scales: [Double]
    let rounds: Int
    var blockBits = 8.0
    /// What predicted bits may differ by, as a share.
    var accuracy = 0.06
  }

  static let lengths = [
    Length(codec: .layered, isTied: true, scales: PosteriorCases.scales(64, from: 0.01, to: 1), rounds: 200),
    Length(codec: .polar, isTied: true, scales: PosteriorCases.scales(700, from: 0.4, to: 1), rounds: 20),
    Length(codec: .pfr, isTied: false, scales: PosteriorCases.scales(32, from: 0.05, to: 0.95), rounds: 40),
    Length(codec: .pfr, isTied: true, scales: PosteriorCases.scales(32, from: 0.3, to: 0.95), rounds: 60, blockBits: 5),
    Length(
      codec: .ringToss, isTied: true, scales: PosteriorCases.scales(32, from: 0.3, to: 0.95), rounds: 60, blockBits: 5),
  ]

  /// Predictions hold over the population, and a free block takes at most 2.8 bits more than its KL.
  @Test(arguments: PosteriorStatistics.lengths.indices)
  func predictedBitsHold(_ number: Int) throws {
    let item = Self.lengths[number]
    let bits = PosteriorCases.bits(item.scales)
    let settings = PosteriorSettings(
      codec: item.codec, scales: item.isTied ? .tied(item.scales) : .free(meanKL: bits),
      options: Self.options(blockBits: item.blockBits))
    let codec = try settings.makeCodec()
    var random = RandomStream(key: Key(seed: 9, label: "posterior lengths"))
    var (sent, divergence, total) = (0.0, 0.0, CodingTally())
    for round in 0..<item.rounds {
      let q = try PosteriorCases.posterior(item.scales, &random)
      var tally = CodingTally()
      _ = try PosteriorCases.send(q, codec, number: 8_000_000 + round, tally: &tally)
      sent += tally.modelBits ?? 0
      divergence += q.klBits
      total.blocks += tally.blocks
    }
    let (mean, expected) = (sent / Double(item.rounds), codec.expectedBits - 2.56)
    #expect(abs(mean - expected) < item.accuracy * expected, "\(item.codec): \(mean) bits, \(expected) expected")
    guard item.codec == .pfr else { return }
    let excess = (sent - divergence) / Double(total.blocks)
    #expect(excess < 2.8, "\(excess) bits over KL a block")
  }

  /// Weak posteriors of many weights: one joint code takes at most 2.5 times the KL and 8 bits.
  @Test(arguments: [CodecName.pfr, .polar])
  func weakPosteriorsTakeFewBits(codec: CodecName) throws {
    for eta in [0.03, 0.12, 0.2] {
      let scales = PosteriorCases.scales(
        650, from: 1 / (1 + 1.44 * eta * eta).squareRoot(), to: 1 / (1 + eta * eta / 1.44).squareRoot())
      let made = try PosteriorSettings(codec: codec, scales: .tied(scales)).makeCodec()
      var random = RandomStream(key: Key(seed: 10, label: "posterior weights"))
      var (sent, divergence) = (0.0, 0.0)
      for round in 0..<10 {
        let q = try PosteriorCases.posterior(scales, &random)
        var tally = CodingTally()
        _ = try PosteriorCases.send(q, made, number: 9_000_000 + round, tally: &tally)
        sent += tally.modelBits ?? 0
        divergence += q.klBits
      }
      #expect(sent < 2.5 * divergence + 80, "eta \(eta): \(sent / 10) bits for \(divergence / 10)")
    }
  }

  /// What was learned of a population keeps bits low, and every sample as it is.
  @Test func learnedIndicesHold() throws {
    let scales = PosteriorCases.scales(24, from: 0.1, to: 0.95)
    var random = RandomStream(key: Key(seed: 11, label: "posterior population"))
    let population = try (0..<120).map { _ in
      let size = Elementary.exp(0.3 * random.normal())
      return try PosteriorCases.posterior(scales.map { min($0 * size, 0.99) }, &random)
    }
    let settings = PosteriorSettings(
      codec: .pfr, scales: try .free(population: population), options: Self.options(blockBits: 4))
    let learned = try settings.learned(from: Array(population[..<100]))
    #expect(learned.options.indexLaw != nil)
    let (plain, own) = (try settings.makeCodec(), try learned.makeCodec())
    var (before, after) = (CodingTally(), CodingTally())
    for (i, q) in population[100...].enumerated() {
      let sample = try PosteriorCases.send(q, plain, number: 10_000_000 + i, tally: &before)
      #expect(try PosteriorCases.send(q, own, number: 10_000_000 + i, tally: &after) == sample)
    }
    #expect((after.modelBits ?? 0) < 1.03 * (before.modelBits ?? 0))
    #expect(throws: PosteriorError.codec(.ringToss, allowed: [.pfr])) {
      try PosteriorSettings(codec: .ringToss, scales: settings.scales).learned(from: population)
    }
  }

  /// Every class polarized, however few coordinates it has: what `PolarClasses` would leave to the quantizer.
  @Test(arguments: [1, 2, 5, 16, 33])
  func polarizedClassesAreExact(count: Int) throws {
    let scales = PosteriorCases.scales(count, from: 0.3, to: 0.9)
    let settings = PosteriorSettings(codec: .polar, scales: .tied(scales))
    let half = count / 2
    let parts = [Array(0..<half), Array(half..<count)].filter { !$0.isEmpty }.map {
      PolarClasses.Part($0, isPolar: true, scales: scales)
    }
    let codec = PolarPosterior(settings, classes: parts)
    let item = Case(
      label: "polar", codec: .polar, isTied: true, means: Self.means(scales), scales: scales, rounds: 24_000 / count)
    let q = try item.posterior()
    var noise: [Double] = []
    for round in 0..<item.rounds {
      var tally = CodingTally()
      let y = try PosteriorCases.send(q, codec, number: 11_000_000 + round, tally: &tally)
      for j in y.indices { noise.append((y[j] - q.means[j]) / q.scales[j]) }
    }
    let failures = checks(noise, item).filter { !$0.passes() }
    #expect(failures.isEmpty, "\(count) coordinates, n \(noise.count): \(failures)")
  }
}
