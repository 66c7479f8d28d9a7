import Testing

@testable import ChannelCoding

/// What is predicted of updates that are shorter than the clipping norm, beside the bytes of real ones.
@Suite struct PredictedLengthsStatistics {
  struct Case: Sendable, CustomTestStringConvertible {
    let codec: CodecName
    let dimension: Int
    let snr: Double
    /// Messages of each norm.
    let messages: Int
    var draws = 20
    /// Whether payloads have one length.
    var isConstant = false

    var testDescription: String { "\(codec) \(dimension) \(snr)" }
  }

  static let norms = [1, 0.93, 0.7, 0.33, 0.1, 0.01]

  /// Noise of deviation 1, and |x|^2 = d snr at most.
  private static func settings(
    _ codec: CodecName, _ dimension: Int, _ snr: Double, draws: Int, isConstant: Bool = false
  ) -> ChannelSettings {
    var options = CodecOptions(BlockOptions(draws: draws))
    options.set(ShiftedOptions(fixedLength: isConstant))
    return ChannelSettings(
      codec: codec, options: options, dimension: dimension, clippingNorm: (Double(dimension) * snr).squareRoot(),
      noiseScale: 1)
  }

  private func measure(_ c: Case, norm: Double) throws -> (mean: Double, error: Double, predicted: Double) {
    let settings = Self.settings(c.codec, c.dimension, c.snr, draws: c.draws, isConstant: c.isConstant)
    let key = Key(seed: 5, label: "predicted lengths \(c.codec) \(norm)")
    let channel = try Channel(settings, rotationKey: key)
    var stream = RandomStream(key: key)
    let length = norm * settings.clippingNorm
    let bits = (0..<c.messages).map { message -> Double in
      let values: [Double] = (0..<c.dimension).map { _ in stream.normal() }
      let scale = length / values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      var noise = PrivateRandomness(key: key.derived(.noise, index: UInt64(message)))
      let shared = SharedRandomness(key: key.derived(.shared, index: UInt64(message)))
      let update = ClippedUpdate(clipping: values.map { $0 * scale }, to: settings.clippingNorm)
      return Double(channel.encode(update, shared: shared, private: &noise).bits)
    }
    let mean = bits.reduce(0, +) / Double(bits.count)
    let variance = bits.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(bits.count - 1)
    var lengths = PredictedLengths(settings)
    let expected = lengths.bits(norm: length, bound: settings.clippingNorm)
    let predicted = try #require(expected)
    let scaled = lengths.bits(norm: 2 * length, bound: 2 * settings.clippingNorm)
    #expect(predicted == scaled, "sigma moves with C")
    return (mean, (variance / Double(bits.count)).squareRoot(), predicted)
  }

  /// Within 6 per cent, 3 bits and 4.9 standard errors (10^-6), at every norm.
  @Test(arguments: [
    Case(codec: .layered, dimension: 1000, snr: 0.02, messages: 60),
    Case(codec: .layered, dimension: 300, snr: 2, messages: 60),
    Case(codec: .layeredShifted, dimension: 500, snr: 0.05, messages: 60),
    Case(codec: .layeredShifted, dimension: 500, snr: 0.05, messages: 3, isConstant: true),
    Case(codec: .polar, dimension: 1024, snr: 0.05, messages: 60),
    Case(codec: .polar, dimension: 4000, snr: 0.01, messages: 40),
    Case(codec: .pfr, dimension: 600, snr: 0.02, messages: 40),
    Case(codec: .gprs, dimension: 600, snr: 0.02, messages: 40),
    Case(codec: .ringToss, dimension: 600, snr: 0.02, messages: 40),
    Case(codec: .fastGPRS, dimension: 1000, snr: 0.02, messages: 40),
    Case(codec: .float32, dimension: 10, snr: 1, messages: 3, isConstant: true),
  ])
  func shorterUpdatesTakeWhatIsPredicted(c: Case) throws {
    for norm in Self.norms {
      let found = try measure(c, norm: norm)
      let slack = 0.06 * found.predicted + 3 + 4.9 * found.error
      #expect(abs(found.mean - found.predicted) < slack, "\(norm) C: \(found)")
    }
    guard !c.isConstant else { return }
    // What a prediction that does not look at the norm would say is rejected.
    let (long, short) = (try measure(c, norm: 1), try measure(c, norm: 0.01))
    #expect(long.predicted - short.mean > 0.06 * long.predicted + 3 + 4.9 * short.error, "\(long) \(short)")
  }

  /// The zero update has a class of its own.
  @Test func nothingTakesAFewBits() throws {
    for codec in [CodecName.layered, .polar, .pfr, .fastGPRS] {
      let settings = Self.settings(codec, 100, 0.1, draws: 100)
      let channel = try Channel(settings, rotationKey: Key(seed: 1, label: ""))
      var noise = PrivateRandomness(key: Key(seed: 2, label: ""))
      let zero = ClippedUpdate(clipping: [Double](repeating: 0, count: 100), to: settings.clippingNorm)
      let bits = Double(
        channel.encode(zero, shared: SharedRandomness(key: Key(seed: 3, label: "")), private: &noise).bits)
      var lengths = PredictedLengths(settings)
      let expected = lengths.bits(norm: 0, bound: settings.clippingNorm)
      #expect(abs(try #require(expected) - bits) <= 8, "\(codec) \(bits)")
    }
  }
}
