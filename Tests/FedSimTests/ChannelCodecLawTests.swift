import ChannelCoding
import FedSim
import Numerics
import Scenarios
import Settings
import Statistics
import Testing
import Verification

/// A codec of another package: no `@testable`. The client adds the noise and sends the first bytes of big-endian floats.
struct ShortFloats: CodecFamily {
  struct Options: CodecOptionValues {
    var bytes = 4

    static let keys = SettingList(
      Options(), [Setting("floatBytes", \.bytes, .integer(3...4), "bytes of a coordinate")])
  }

  /// What is wrong with it, to see that the laws find it.
  enum Fault: CaseIterable {
    case noiseTooSmall, noiseAgain, noiseFollowsUpdate, decodesAnything, trapsLength, predictsHalf, forgetsLength
    case payloadVaries, notFinite

    /// Whether only samples show it.
    var isStatistical: Bool { [.noiseTooSmall, .noiseAgain, .noiseFollowsUpdate].contains(self) }
  }

  var fault: Fault?

  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: "short-floats", noise: .gaussian, isRotated: false, payload: .noisyUpdate, worksWithoutNoise: true,
      summary: "the first bytes of noisy floats", cost: "O(d)", reference: "-")
  }

  func makeCodec(_ settings: ChannelSettings, _ options: Options) -> any UpdateCodec {
    Codec(settings: settings, bytes: options.bytes, fault: fault)
  }

  func ofOneLength(_ options: Options) -> Options? { options }

  func prediction(_ settings: ChannelSettings, _ options: Options) -> CodingPrediction {
    let bits = 8 * Double(options.bytes * settings.dimension)
    return CodingPrediction(
      expectedBits: fault == .predictsHalf ? bits / 2 : bits,
      time: CodingTime(encodeNanoseconds: 20, decodeNanoseconds: 10), encoderBytes: 8 * settings.dimension,
      sampleBytes: 8 * settings.dimension)
  }

  struct Codec: UpdateCodec {
    let settings: ChannelSettings
    let bytes: Int
    let fault: Fault?

    func encode(
      _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
      tally: inout CodingTally
    ) -> Payload {
      tally.draws += settings.dimension
      var values = update.values
      let scale = settings.noiseScale * (fault == .noiseTooSmall ? 0.97 : 1)
      var last = 0.0
      noise.stream.forEachNormal(count: values.count) { i, g in
        var g = g
        if fault == .noiseAgain { g = (g + 0.1 * last) / 1.01.squareRoot() }
        if fault == .noiseFollowsUpdate, update.values[i] > 0 { g = abs(g) }
        last = g
        values[i] += scale * g
      }
      if fault == .payloadVaries { values[0] += Double(SystemRandomNumberGenerator.word % 7) * 1e-3 }
      var payload: [UInt8] = []
      for value in values {
        let bits = Float(value).bitPattern
        for i in 0..<bytes { payload.append(UInt8(truncatingIfNeeded: bits >> UInt32(24 - 8 * i))) }
      }
      if fault == .forgetsLength, update.norm == 0 { payload = [] }
      return Payload(bytes: payload)
    }

    func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
      let expected = bytes * settings.dimension
      if fault == .forgetsLength, payload.bytes.isEmpty { return [Double](repeating: 0, count: settings.dimension) }
      if fault != .trapsLength || payload.bytes.count < expected, payload.bytes.count != expected {
        throw .wrongLength(found: payload.bytes.count, expected: expected)
      }
      let count = payload.bytes.count / bytes
      let values = (0..<count).map { j in
        var bits: UInt32 = 0
        for i in 0..<bytes { bits |= UInt32(payload.bytes[bytes * j + i]) << UInt32(24 - 8 * i) }
        return Double(Float(bitPattern: bits))
      }
      if fault == .notFinite { return values }
      if let i = values.firstIndex(where: { !$0.isFinite }) { throw .notFinite(coordinate: i) }
      if fault == .decodesAnything { return values }
      let bound = SampleBound(
        clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale, count: settings.dimension)
      if let problem = values.withUnsafeBufferPointer({ bound.problem($0) }) { throw problem }
      return values
    }
  }
}

extension SystemRandomNumberGenerator {
  fileprivate static var word: UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }
}

private let certain = CodecLaws(samples: nil)

@Suite struct ChannelCodecLawTests {
  @Test(arguments: [3, 4])
  func aCodecOfAnotherPackageKeepsTheLaws(bytes: Int) throws {
    let findings = try certain.check(ShortFloats(), options: CodecOptions(ShortFloats.Options(bytes: bytes)))
    #expect(findings.count == 8 * 8 && findings.allSatisfy { $0.holds }, "\(findings.filter { !$0.holds })")
  }

  @Test(arguments: ShortFloats.Fault.allCases.filter { !$0.isStatistical })
  func brokenCodecsAreFound(fault: ShortFloats.Fault) throws {
    let findings = try certain.check(ShortFloats(fault: fault))
    #expect(findings.contains { !$0.holds }, "\(fault)")
  }

  @Test func ourCodecsKeepTheCertainLaws() throws {
    let laws = CodecLaws(dimensions: [1, 37], samples: nil, hostilePayloads: 60, messages: 8, tolerance: 0.3)
    for family in CodecRegistry.standard.families {
      let findings = try laws.check(family, options: CodecOptions(BlockOptions(draws: 10)))
      #expect(findings.allSatisfy { $0.holds }, "\(findings.filter { !$0.holds })")
    }
  }

  @Test func unknownNamesAndOtherOptionsAreErrors() throws {
    let codecs = CodecRegistry.standard.adding(ShortFloats())
    let options = CodecOptions(ShortFloats.Options(bytes: 3))
    let settings = ChannelSettings.unitNoise("short-floats", from: codecs, options: options, dimension: 5, snr: 1)
    #expect(settings.problem == nil)
    #expect(ChannelSettings.unitNoise("short-floats", options: options, dimension: 5, snr: 1).problem != nil)
    let link = try KeyedChannel(settings, key: Key(seed: 1, label: ""))
    var noise = PrivateRandomness(key: link.rotationKey)
    var tally = CodingTally()
    let update = ClippedUpdate(clipping: [1.0, 0, 0, 0, 0], to: settings.clippingNorm)
    let payload = link.encode(update, private: &noise, tally: &tally)
    #expect(payload.bytes.count == 15)
    // A payload file carries the option, and needs the registry.
    let file = link.fileBytes(of: payload)
    #expect(try link.payload(fileBytes: file, name: "f") == payload)
    #expect(throws: PayloadFileError.self) { try PayloadFile(bytes: file) }
    let other = ChannelSettings.unitNoise("short-floats", from: codecs, options: .standard, dimension: 5, snr: 1)
    let wrong = try KeyedChannel(other, key: Key(seed: 1, label: ""))
    #expect(throws: (any Error).self) { try wrong.payload(fileBytes: file, name: "f") }
    // Ours have no more bytes for it, and an end without the codec cannot read the broadcast.
    let bytes = { (settings: ChannelSettings) in
      Broadcast(
        round: 1, channel: settings, rotationKey: link.rotationKey, serverPublicKey: link.rotationKey,
        parameters: [0, 0, 0, 0, 0]
      ).bytes
    }
    #expect(throws: WireError.self) { try Broadcast(bytes: bytes(settings)) }
    var float32 = settings
    float32.codec = .float32
    #expect(bytes(float32).count == bytes(settings).count - 1 - ("short-floats".utf8.count - "float32".utf8.count))
    var bad = settings
    bad.options = CodecOptions(ShortFloats.Options(bytes: 5))
    #expect(bad.problem == "floatBytes must be an integer from 3 to 4, found 5")
  }

  /// Where it takes fewest bits of those of one length, `auto` takes it.
  @Test func autoAsksEveryFamily() {
    let codecs = CodecRegistry.standard.adding(ShortFloats())
    // Signals at which layered-shifted needs more than 24 bits a coordinate.
    let settings = ChannelSettings(
      codec: .float32, from: codecs, options: CodecOptions(ShortFloats.Options(bytes: 3)), dimension: 4,
      clippingNorm: 0x1p29, noiseScale: 1)
    #expect(settings.withFewestBitsOfOneLength.codec == "short-floats")
    #expect(settings.withFewestBits.codec != "float32")
  }

  /// The engine hands the registry to both ends, and the run's keys depend on the codec's options.
  @Test func aSimulationRunsWithIt() throws {
    let codecs = CodecRegistry.standard.adding(ShortFloats())
    let run = { (bytes: Int) in
      var scenario = try scenario(["rounds=2"])
      scenario.channel = ChannelSection(
        codec: "short-floats", from: codecs, options: CodecOptions(ShortFloats.Options(bytes: bytes)))
      var simulation = try Simulation(scenario: scenario, threads: 1)
      let record = try #require(try simulation.nextRound())
      return (record, simulation.setup)
    }
    let (three, setup) = try run(3)
    #expect(three.totalPayloadBits > 0 && three.totalPayloadBits % (24 * setup.channel.dimension) == 0)
    let (four, other) = try run(4)
    #expect(four.totalPayloadBits % (32 * other.channel.dimension) == 0)
    #expect(setup.resolved != other.resolved)
  }

  /// A file names it, and sets its option, where the program has it.
  @Test func aScenarioFileNamesIt() throws {
    var components = Components.standard
    components.codecs = components.codecs.adding(ShortFloats())
    let file = { (components: Components, value: String) in
      try ScenarioFile(
        Array(smallScenario.utf8), name: "s.json",
        overrides: ["channel.codec=short-floats", "channel.floatBytes=\(value)"], components: components)
    }
    let scenario = try Scenario(file(components, "3"))
    #expect(scenario.channel.options == CodecOptions(ShortFloats.Options(bytes: 3)))
    let setup = try RunSetup(scenario: scenario, split: nil, threads: 1)
    #expect(setup.channel.predictedBits == Double(24 * setup.channel.dimension))
    #expect(throws: ScenarioError.self) { try file(components, "5") }
    #expect(throws: ScenarioError.self) { try file(.standard, "3") }
  }
}

@Suite struct ChannelCodecLawStatistics {
  @Test func aCodecOfAnotherPackageHasTheLaw() throws {
    let findings = try CodecLaws(dimensions: [37], ratios: [0.5]).check(ShortFloats())
    #expect(findings.allSatisfy { $0.holds }, "\(findings.filter { !$0.holds })")
  }

  @Test(arguments: ShortFloats.Fault.allCases.filter(\.isStatistical))
  func wrongNoiseIsFound(fault: ShortFloats.Fault) throws {
    let findings = try CodecLaws(dimensions: [37], ratios: [0.5]).check(ShortFloats(fault: fault))
    #expect(findings.contains { $0.law.hasPrefix("noise") && !$0.holds }, "\(fault)")
  }
}
