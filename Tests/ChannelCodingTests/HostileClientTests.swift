import Statistics
import Testing

@testable import ChannelCoding

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What any bytes can decode to. A structured fuzzer: hostile clients choose every symbol that the decoder reads.
///
/// `FEDSIM_FUZZ_EXECUTIONS` sets the number for each codec (docs/codecs/numerics.md quotes 10^7).
@Suite struct HostileClientStatistics {
  private struct Case {
    let dimension: Int
    let signal: Double
    var draws = 10
    var effort = 0
    var isFixed = true
  }

  private static let cases = [
    Case(dimension: 1, signal: 1), Case(dimension: 3, signal: 20, draws: 2, isFixed: false),
    Case(dimension: 8, signal: 0.01, draws: 50, effort: 3), Case(dimension: 16, signal: 4, draws: 3, effort: 1),
    Case(dimension: 40, signal: 6, draws: 4), Case(dimension: 2, signal: 0x1p29, draws: 3),
  ]

  static var executions: Int {
    ProcessInfo.processInfo.environment["FEDSIM_FUZZ_EXECUTIONS"].flatMap { Int($0) } ?? 6000
  }

  /// Every payload decodes to what was chosen, bit for bit, or was refused; nothing is beyond the bound.
  @Test(arguments: CodecRegistry.standard.names)
  func nothingIsBeyondTheBound(codec: CodecName) throws {
    var largest: [String] = []
    var accepted = 0
    for (number, choice) in Self.cases.enumerated() {
      let sigma = 0.5
      let settings = ChannelSettings(
        codec: codec,
        options: CodecOptions(
          BlockOptions(draws: choice.draws), ShiftedOptions(fixedLength: choice.isFixed),
          PolarOptions(effort: choice.effort)),
        dimension: choice.dimension, clippingNorm: choice.signal * sigma, noiseScale: sigma)
      let channel = try settings.makeCodec()
      var client = try HostileClient(settings, random: RandomStream(key: countingKey, stream: UInt64(400 + number)))
      let bound = (channel as? any RangeCodec)?.sampleBound ?? Float32Codec(settings).sampleBound
      let count = Self.executions / Self.cases.count
      var (norm, coordinate, refused) = (0.0, 0.0, 0)
      for round in 0..<count {
        let shared = SharedRandomness(key: countingKey.derived(.shared, index: UInt64(round)))
        let upload = client.upload(shared: shared)
        let decoded = try? channel.decode(upload.payload, shared: shared)
        // What it was refused for may not be a symbol that can be written.
        guard upload.sample == nil || decoded == upload.sample else {
          Issue.record("\(codec) \(choice) round \(round): \(upload.payload.bytes)")
          break
        }
        guard let decoded else {
          refused += 1
          continue
        }
        var square = 0.0
        for value in decoded {
          square += value * value
          coordinate = max(coordinate, abs(value))
        }
        norm = max(norm, square.squareRoot())
      }
      #expect(norm <= bound.norm * (1 + 1e-12) && coordinate <= bound.coordinate * (1 + 1e-12))
      accepted += count - refused
      largest.append(
        "d \(choice.dimension) C/sigma \(choice.signal): norm \(norm / sigma) of \(bound.norm / sigma), "
          + "coordinate \(coordinate / sigma) of \(bound.coordinate / sigma), refused \(refused) of \(count)")
    }
    #expect(accepted > 100, "some choices are possible")
    if Self.executions > 100_000 { for line in largest { print("hostile \(codec.rawValue) \(line)") } }
  }
}

@Suite struct HostileClientTests {
  /// One coordinate sent as it is: 2^31 sigma decoded before.
  @Test(arguments: [CodecName.pfr, .gprs, .ringToss, .polar])
  func rawCoordinatesBeyondTheBoundAreRefused(codec: CodecName) throws {
    let settings = ChannelSettings(codec: codec, dimension: 1, clippingNorm: 1, noiseScale: 1)
    let made = try settings.makeCodec()
    let shared = SharedRandomness(key: countingKey)
    for (value, isAllowed) in [(-2.8e9, false), (60, false), (.nan, false), (.infinity, false), (3, true)] {
      var coder = RangeEncoder()
      NormClass(norm: 1, bound: 1).encode(to: &coder)
      let scale: Double
      switch made {
      case let made as PolarCodec:
        let plan = made.plan(NormClass(norm: 1, bound: 1))
        #expect(plan.levels.isEmpty)
        AdaptiveBit.written(AdaptiveBit(zeros: 1000), false, to: &coder)
        AdaptiveBit.written(plan.escapeFlag, true, to: &coder)
        scale = plan.proposalScale
      case let made as BlockCodec:
        let plan = made.plan(NormClass(norm: 1, bound: 1))
        AdaptiveBit.written(plan.layeredFlag, false, to: &coder)
        AdaptiveBit.written(plan.escapeFlag, true, to: &coder)
        scale = plan.proposalScale
      default: return
      }
      // The search found nothing; the coordinate follows.
      coder.encode(false, size: 3 << 30)
      coder.encodeLong((value / scale).bitPattern >> 1, count: 63)
      coder.encode(bits: (value / scale).bitPattern & 1, count: 1)
      let payload = Payload(bytes: coder.finish())
      if isAllowed {
        #expect(abs(try made.decode(payload, shared: shared)[0].magnitude - abs(value)) < 1e-12)
      } else {
        #expect(throws: PayloadError.notACode(coordinate: 0), "\(value)") {
          try made.decode(payload, shared: shared)
        }
      }
    }
  }

  /// The payload that moved the sum by 10^9 sigma.
  @Test func thePayloadOfTheAttackIsRefused() throws {
    let channel = try Channel(
      ChannelSettings(codec: .pfr, dimension: 1, clippingNorm: 1, noiseScale: 1), rotationKey: countingKey)
    let bytes: [UInt8] = [0x00, 0x95, 0xb8, 0x38, 0x68, 0x6d, 0x15, 0xd6, 0xad]
    for round in 0..<50 {
      let shared = SharedRandomness(key: countingKey.derived(.shared, index: UInt64(round)))
      if let sample = try? channel.decode(Payload(bytes: bytes), shared: shared) { #expect(abs(sample[0]) < 42) }
    }
  }

  @Test func floatsBeyondTheBoundAreRefused() throws {
    let codec = Float32Codec(ChannelSettings(codec: .float32, dimension: 4, clippingNorm: 1, noiseScale: 0.1))
    let shared = SharedRandomness(key: countingKey)
    func payload(_ values: [Float]) -> Payload {
      Payload(
        bytes: values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } })
    }
    #expect(throws: PayloadError.tooLarge(coordinate: 2)) {
      try codec.decode(payload([0, 1, -5.1, 0]), shared: shared)
    }
    // 1 + 0.1 (2 + 8.32) is the largest norm.
    #expect(throws: PayloadError.tooLong) { try codec.decode(payload([2, 0.4, 0, 0]), shared: shared) }
    #expect(try codec.decode(payload([2, 0.2, 0, 0]), shared: shared)[0] == 2)
    let free = Float32Codec(
      ChannelSettings(codec: .float32, dimension: 1, clippingNorm: .infinity, noiseScale: 0))
    #expect(try free.decode(payload([3e38]), shared: shared)[0] == Double(Float(3e38)))
  }

  /// Pr[|G| > sqrt(n) + 8.32] <= 10^-15 for standard normals G: the chi-square law itself, which is far below the bound.
  @Test(arguments: [1, 2, 10, 1000])
  func honestVectorsAreInside(count: Int) {
    let edge = Double(count).squareRoot() + SampleBound.margin
    #expect(Laws.chiSquareSurvival(edge * edge, degrees: Double(count)) < 1e-15)
  }

  /// A block of the quantizer that says its part of the update was zero has nothing to quantize: no encoder sends it.
  @Test func layeredBlocksOfNormZeroAreRefused() throws {
    let codec = PolarCodec(ChannelSettings(codec: .polar, dimension: 4, clippingNorm: 1, noiseScale: 1))
    let zero = NormClass(norm: 0, bound: 1)
    var coder = RangeEncoder()
    NormClass(norm: 1, bound: 1).encode(to: &coder)
    AdaptiveBit.written(AdaptiveBit(zeros: 1000), true, to: &coder)
    zero.encode(to: &coder)
    #expect(throws: PayloadError.notACode(coordinate: 0)) {
      try codec.decode(Payload(bytes: coder.finish()), shared: SharedRandomness(key: countingKey))
    }
  }

  /// The first search of an escape fails at caps of 384 and 768, where 4 M and 4 M + 4 tries are told apart by an ulp of a
  /// logarithm: bytes and values are golden. Changing them is a breaking change: name it in CHANGELOG.md.
  @Test(arguments: [
    (384.0, 1536, 14_870_257_154_013_117_173 as UInt64), (768, 3072, 4_978_290_113_293_553_071),
    (384 * 1.4142135623730951, 2176, 6_513_741_018_483_862_004),
  ])
  func failedRootsAreGolden(cap: Double, limit: Int, golden: UInt64) throws {
    let bound = 12.0
    var codec = PolarCodec(ChannelSettings(codec: .polar, dimension: 16, clippingNorm: bound, noiseScale: 1))
    codec.forcedCap = cap
    codec.forcedLimit = 1e9
    let update = ClippedUpdate(clipping: (0..<16).map { $0 == 5 ? 11.0 : Double($0 - 8) / 3 }, to: bound)
    #expect(codec.plan(NormClass(norm: update.norm, bound: bound)).escapeLimit == limit)
    var hash: UInt64 = 0
    var draws = 0
    for round in 0..<20 {
      let shared = SharedRandomness(key: countingKey.derived(.shared, index: UInt64(round)))
      var noise = RunKeys(seed: 12, fingerprint: []).client(0).noise(round: round)
      var tally = CodingTally()
      let payload = codec.encode(update, shared: shared, private: &noise, tally: &tally)
      draws += tally.draws
      for byte in payload.bytes { hash = hash &* 6_364_136_223_846_793_005 &+ UInt64(byte) }
      for value in try codec.decode(payload, shared: shared) {
        hash = hash &* 6_364_136_223_846_793_005 &+ value.bitPattern
      }
    }
    #expect(hash == golden, "found \(hash)")
    // Some first searches went to their end.
    #expect(draws > 8 * limit, "\(draws)")
  }
}

extension AdaptiveBit {
  fileprivate static func written(_ bit: AdaptiveBit, _ flag: Bool, to coder: inout RangeEncoder) {
    var bit = bit
    bit.encode(flag, to: &coder)
  }
}
