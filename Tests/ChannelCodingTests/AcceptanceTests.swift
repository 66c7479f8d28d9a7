import Testing

@testable import ChannelCoding

@Suite struct AcceptanceTests {
  /// The quick decisions are those of the stretch function.
  @Test(arguments: [0.01, 1, 100, 1e4])
  func quickDecisionsAreRight(snr: Double) {
    let s = (1 + snr).squareRoot()
    var random = RandomStream(key: countingKey, stream: 61)
    for _ in 0..<4000 {
      let pair = GaussianPair(mean: random.normal() * snr.squareRoot(), proposalScale: s)
      let x = random.bernoulli(0.5) ? random.normal() * s : pair.mean + random.normal()
      let limit = pair.stretch(x)
      // Times round the limit, and typical ones.
      let time = random.bernoulli(0.5) ? random.exponential() : limit * (0.5 + random.uniform())
      #expect(pair.accepts(x, at: time) == (time < limit), "mean \(pair.mean) x \(x) time \(time) limit \(limit)")
    }
  }
}
