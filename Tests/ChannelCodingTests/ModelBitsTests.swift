import Platform
import Testing

@testable import ChannelCoding

/// `CodingTally.modelBits` of every codec: what the encoder reads from its final state is what the decoder's models give to the
/// symbols that it reads.
@Suite struct ModelBitsTests {
  /// Reads a payload, and adds up minus log2 of the probability of each symbol.
  private struct CountingDecoder: SymbolDecoder {
    private(set) var bits = 0.0
    private(set) var symbols = 0
    private var decoder: RangeDecoder

    init(_ bytes: UnsafeBufferPointer<UInt8>) { decoder = RangeDecoder(bytes) }

    func isAtLeast(_ start: UInt64) -> Bool { decoder.isAtLeast(start) }

    var target: UInt64 { decoder.target }

    mutating func consume(start: UInt64, size: UInt64) {
      decoder.consume(start: start, size: size)
      bits += 32 - log2(Double(size))
      symbols += 1
    }
  }

  struct Case: Sendable, CustomStringConvertible {
    let codec: CodecName
    var effort = 0
    var isFixed = true

    var description: String { "\(codec.rawValue), effort \(effort)\(isFixed ? "" : ", any length")" }

    var options: CodecOptions {
      CodecOptions(BlockOptions(draws: 20), ShiftedOptions(fixedLength: isFixed), PolarOptions(effort: effort))
    }

    static let all =
      CodecRegistry.standard.names.map { Case(codec: $0) }
      + [Case(codec: .polar, effort: 3), Case(codec: .layeredShifted, isFixed: false)]
  }

  /// Nothing, a Gaussian direction at the clipping norm and far below it, and one coordinate alone, which takes escapes and the quantizer.
  private func updates(_ dimension: Int, norm: Double, _ random: inout RandomStream) -> [ClippedUpdate] {
    let normals = (0..<dimension).map { _ in 1e3 * norm * random.normal() }
    let single = (0..<dimension).map { $0 == dimension / 2 ? norm : 0 }
    return [
      ClippedUpdate(clipping: [Double](repeating: 0, count: dimension), to: norm),
      ClippedUpdate(clipping: normals, to: norm), ClippedUpdate(clipping: normals.map { 1e-5 * $0 }, to: norm),
      ClippedUpdate(clipping: single, to: norm),
    ]
  }

  /// Calls `body` with messages at several dimensions and signals, in the channel's coordinates without the rotation: it would
  /// make all updates alike.
  private func forEachMessage(
    of setting: Case, _ body: (Channel, Payload, CodingTally, SharedRandomness) throws -> Void
  ) throws {
    var random = RandomStream(key: countingKey, stream: 170)
    for (dimension, snr) in [(1, 4.0), (37, 0.01), (37, 2), (300, 0.1), (300, 4), (1000, 0.01)] {
      let settings = ChannelSettings(
        codec: setting.codec, options: setting.options, dimension: dimension,
        clippingNorm: (snr * Double(dimension)).squareRoot(), noiseScale: 1)
      let channel = try Channel(settings, rotationKey: countingKey)
      for message in 0..<24 {
        let shared = SharedRandomness(key: countingKey.derived(.shared, index: UInt64(message)))
        var noise = PrivateRandomness(key: countingKey.derived(.noise, index: UInt64(message)))
        let update = updates(channel.paddedDimension, norm: settings.clippingNorm, &random)[message % 4]
        var tally = CodingTally()
        let payload = channel.codec.encode(update, shared: shared, private: &noise, tally: &tally)
        try body(channel, payload, tally, shared)
      }
    }
  }

  @Test(arguments: Case.all)
  func areThoseOfTheDecodersSymbols(_ setting: Case) throws {
    var least = Double.infinity
    var most = 0.0
    var all = CodingTally()
    try forEachMessage(of: setting) { channel, payload, tally, shared in
      all = all + tally
      let found = try #require(tally.modelBits)
      guard let codec = channel.codec as? any RangeCodec else {
        #expect(setting.codec == .float32 && found == Double(payload.bits), "no models: what is written")
        return
      }
      let (bits, symbols) = payload.bytes.withUnsafeBufferPointer { bytes in
        var values = [Double](repeating: 0, count: codec.sampleCount)
        var decoder = CountingDecoder(bytes)
        let problem = values.withUnsafeMutableBufferPointer { codec.read(from: &decoder, shared: shared, into: $0) }
        #expect(problem == nil)
        return (decoder.bits, decoder.symbols)
      }
      // Each symbol's interval is cut off by at most 2^-24 of itself; sums of doubles are right to 10^-12.
      let truncation = Double(symbols) * log2(1 + 0x1p-24)
      #expect(found > bits - 1e-12 * (1 + bits) && found < bits + truncation + 1e-12 * (1 + bits), "\(found), \(bits)")
      (least, most) = (min(least, found), max(most, found))
    }
    // Escapes and the quantizer's blocks are among them, where the codec has any.
    let hasBlocks = [.gprs, .pfr, .ringToss, .polar].contains(setting.codec)
    #expect(all.layered > 0 || !(hasBlocks || setting.codec == .fastGPRS))
    #expect(all.escapes > 0 || !hasBlocks, "\(all)")
    #expect(setting.codec == .float32 || most > 4 * least, "from \(least) to \(most): every message is alike")
  }

  /// A message whose interval has the width 2^-L, 8 n < L <= 8 n + 8, has a point of n + 1 bytes in it: the payload takes at most
  /// 8 (n + 1) bits, fewer than L + 8.
  ///
  /// It may take fewer than L, where the point ends with zero bytes, since the payload's length tells of them. There are 256^n payloads
  /// of up to n bytes, so that messages which have the law of their models and whose payloads have n bytes and are t bits shorter than L
  /// have together a probability of at most 256^n 2^-(8 n + t) = 2^-t. Summed over n, which is below 1000 here, 45 bits are short
  /// with a probability below 10^-10.
  @Test(arguments: Case.all)
  func payloadsHaveWholeBytesOfThem(_ setting: Case) throws {
    try forEachMessage(of: setting) { channel, payload, tally, _ in
      let (found, bits) = (try #require(tally.modelBits), Double(payload.bits))
      if channel.settings.hasOneLength {
        // The bits of d symbols, with 10^-6 bits more for each, to whole bytes, and two for the code's end.
        let slack = 24 + 1e-6 * Double(channel.settings.dimension)
        #expect(found <= bits && bits <= found + slack, "\(bits) bits, \(found) model bits")
      } else {
        #expect(found - 45 < bits && bits < found + 8, "\(bits) bits, \(found) model bits")
      }
    }
  }

  @Test func areUnknownWhereAMessageDoesNotSayThem() {
    var said = CodingTally()
    #expect(said.modelBits == nil)
    said.addModelBits(1.5)
    said.addModelBits(2)
    #expect(said.modelBits == 3.5 && (said + said).modelBits == 7)
    var silent = CodingTally()
    silent.draws = 3
    silent.blocks = 4
    silent.escapes = 5
    silent.layered = 6
    let sum = said + silent + silent
    #expect(sum.modelBits == nil && (silent + said).modelBits == nil)
    #expect(sum.draws == 6 && sum.blocks == 8 && sum.escapes == 10 && sum.layered == 12)
  }
}
