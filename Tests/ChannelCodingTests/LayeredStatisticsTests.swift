import Statistics
import Testing

@testable import ChannelCoding

/// Y - x through encode, bytes and decode is N(0, sigma^2), independent of x and over coordinates.
///
/// False-alarm rate 1e-6 a check, fixed seeds.
@Suite struct LayeredStatistics {
  /// Noise over sigma of many rounds, in the channel's own (rotated) coordinates, with what was sent.
  private func noise(
    codec: CodecName, dimension: Int, rounds: Int, signal: Double
  ) throws -> (noise: [Double], sent: [Double]) {
    let sigma = 0.37
    let link = try Link(
      codec, dimension: dimension, clippingNorm: signal * sigma * Double(dimension).squareRoot(), noiseScale: sigma)
    var random = RandomStream(key: countingKey, stream: 21)
    // Not Gaussian, not flat: the law must not depend on it.
    let update = (0..<dimension).map { Float(random.exponential() * ($0 % 7 == 0 ? 20 : 1)) }
    let sent = ClippedUpdate(clipping: update, to: link.channel.settings.clippingNorm).values
    var noise: [Double] = []
    noise.reserveCapacity(dimension * rounds)
    for round in 0..<rounds {
      let decoded = try link.decode(link.encode(update, round: round), round: round)
      for i in 0..<dimension { noise.append((decoded[i] - sent[i]) / sigma) }
    }
    return (noise, sent)
  }

  private func check(_ noise: [Double], expectsPass: Bool) {
    let kolmogorov = StatisticalChecks.kolmogorovSmirnov(sample: noise) { Laws.normalCDF($0) }
    let cells = StatisticalChecks.uniformityChiSquare(sample: noise, cdf: { Laws.normalCDF($0) }, cells: 1000)
    let norm = StatisticalChecks.normMoment(sample: noise, variance: 1)
    let fourth = StatisticalChecks.fourthMoment(sample: noise, variance: 1)
    for result in [kolmogorov, cells, norm, fourth] {
      #expect(result.passes() == expectsPass, "\(result)")
    }
  }

  /// n = 10^7, and the same checks reject sigma off by 1 %.
  @Test(arguments: [0.1, 3.0])
  func noiseIsNormal(signal: Double) throws {
    var (noise, _) = try noise(codec: .layered, dimension: 5000, rounds: 2000, signal: signal)
    #expect(noise.count == 10_000_000)
    check(noise, expectsPass: true)
    for lag in [1, 2, 5000] {
      let serial = StatisticalChecks.serialCorrelation(sample: noise, lag: lag)
      #expect(serial.passes(), "lag \(lag): \(serial)")
    }
    for i in noise.indices { noise[i] *= 1.01 }
    check(noise, expectsPass: false)
  }

  /// Before the rotation is undone every coordinate is a single quantizer: n = 2 10^6, nothing is averaged.
  @Test(arguments: [0.0, 0.03, 1.0, 100.0])
  func oneCoordinateIsNormal(signal: Double) throws {
    let sigma = 2.5
    let dimension = 1000
    let link = try Link(.layered, dimension: dimension, clippingNorm: 200 * sigma * 32, noiseScale: sigma)
    let x = (0..<dimension).map { signal * sigma * Double($0 - 500) / 289 }
    let update = ClippedUpdate(clipping: x.map { Float($0) }, to: 200 * sigma * 32)
    var noise: [Double] = []
    for round in 0..<2000 {
      var unused = link.keys.client(0).noise(round: round)
      var tally = CodingTally()
      let payload = link.channel.codec.encode(
        update, shared: link.shared(round), private: &unused, tally: &tally)
      let decoded = try link.channel.codec.decode(payload, shared: link.shared(round))
      for i in 0..<dimension { noise.append((decoded[i] - update.values[i]) / sigma) }
    }
    check(noise, expectsPass: true)
    // Independence of x, of neighbors and of their sizes.
    let sent = (0..<noise.count).map { update.values[$0 % dimension] }
    if signal > 0 {
      let first = StatisticalChecks.crossCorrelation(noise, sent)
      #expect(first.passes(), "\(first)")
      let second = StatisticalChecks.crossCorrelation(noise.map { $0 * $0 }, sent.map { $0 * $0 })
      #expect(second.passes(), "\(second)")
    }
    let sizes = StatisticalChecks.serialCorrelation(sample: noise.map { $0 * $0 }, lag: 1)
    #expect(sizes.passes(), "\(sizes)")
  }

  @Test func float32NoiseIsNormal() throws {
    let (noise, _) = try noise(codec: .float32, dimension: 5000, rounds: 400, signal: 0.1)
    check(noise, expectsPass: true)
  }

  /// A dither of one bit less, or a step that is not random, is not Gaussian: the checks see it.
  @Test func brokenQuantizersAreRejected() {
    var random = RandomStream(key: countingKey, stream: 33)
    let fixedStep = (0..<1_000_000).map { _ in (random.uniform() - 0.5) * 12.0.squareRoot() }
    check1(fixedStep)
    let coarse = (0..<1_000_000).map { _ in
      let radius = (2 * random.exponential() + random.normal() * random.normal()).squareRoot()
      return (random.uniform() - 0.5) * 2 * radius
    }
    check1(coarse)
  }

  private func check1(_ noise: [Double]) {
    let cells = StatisticalChecks.uniformityChiSquare(sample: noise, cdf: { Laws.normalCDF($0) }, cells: 1000)
    #expect(!cells.passes())
  }

  /// Bits against the conditional entropy H(M | step, dither) of the design notes, within 2 %; d = 2^18.
  @Test(arguments: [(0.03, 0.0311), (0.1, 0.1039), (0.3, 0.3098), (1, 0.9657), (3, 2.178), (10, 3.852)])
  func bitsMeetTheEntropy(eta: Double, entropy: Double) throws {
    let dimension = 1 << 18
    let link = try Link(
      .layered, dimension: dimension, clippingNorm: eta * Double(dimension).squareRoot(), noiseScale: 1)
    var random = RandomStream(key: countingKey, stream: 41)
    let update = (0..<dimension).map { _ in Float(100 * random.normal()) }
    let bits = Double(link.encode(update).bits) / Double(dimension)
    #expect(abs(bits / entropy - 1) < 0.02, "\(bits) against \(entropy)")
    #expect(abs(link.channel.settings.predictedBits / Double(dimension) / entropy - 1) < 0.005)
  }
}
