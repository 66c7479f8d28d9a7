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
    var unit = 2.0
    var isReversed = false

    static let keys = SettingList(
      Options(),
      [
        Setting("floatBytes", \.bytes, .integer(3...4), "bytes of a coordinate"),
        Setting(
          "floatUnit", \.unit, .number(low: 1, isLowIncluded: true, high: 8, isHighIncluded: true),
          "what a float counts in"),
        Setting("reversed", \.isReversed, .flag, "the last coordinate first"),
      ])
  }

  /// What is wrong with it, to see that the laws find it.
  enum Fault: CaseIterable {
    case noiseTooSmall, noiseAgain, noiseFollowsUpdate, decodesAnything, trapsLength, predictsHalf, forgetsLength
    case payloadVaries, notFinite, sharesNoise, addsCoordinate, isFarAway, predictsNothing
    case predictsInfinity

    /// Whether only samples show it.
    var isStatistical: Bool { [.noiseTooSmall, .noiseAgain, .noiseFollowsUpdate].contains(self) }

    /// The law that must find it.
    var law: String {
      switch self {
      case .noiseTooSmall, .noiseAgain, .noiseFollowsUpdate: "noise"
      case .decodesAnything, .trapsLength, .notFinite: "any bytes give a sample within the bound or an error"
      case .predictsHalf: "mean bits are as predicted"
      case .forgetsLength: "payloads have one length where the family says so"
      case .payloadVaries: "encoding and decoding depend on their arguments alone"
      case .sharesNoise: "a noisy update does not depend on shared randomness"
      case .addsCoordinate: "samples have the padded dimension"
      case .isFarAway: "honest payloads decode near the update"
      case .predictsNothing, .predictsInfinity: "predictions and bounds are numbers that can be"
      }
    }
  }

  var fault: Fault?
  /// What it says that floating point costs.
  var bound: Double?

  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: "short-floats", noise: .gaussian, isRotated: false, payload: .noisyUpdate, worksWithoutNoise: true,
      summary: "the first bytes of noisy floats", cost: "O(d)", reference: "-")
  }

  func makeCodec(_ settings: ChannelSettings, _ options: Options) -> any UpdateCodec {
    Codec(settings: settings, options: options, fault: fault)
  }

  func totalVariationBound(_ settings: ChannelSettings, _ options: Options) -> Double? { bound }

  func ofOneLength(_ options: Options) -> Options? { options }

  func prediction(_ settings: ChannelSettings, _ options: Options) -> CodingPrediction {
    let bits = 8 * Double(options.bytes * settings.dimension)
    return CodingPrediction(
      expectedBits: fault == .predictsInfinity ? .infinity : fault == .predictsHalf ? bits / 2 : bits,
      time: CodingTime(encodeNanoseconds: fault == .predictsNothing ? .nan : 20, decodeNanoseconds: 10),
      encoderBytes: 8 * settings.dimension,
      sampleBytes: 8 * settings.dimension)
  }

  struct Codec: UpdateCodec {
    let settings: ChannelSettings
    let options: Options
    let fault: Fault?

    private var bytes: Int { options.bytes }

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
      if fault == .sharesNoise {
        let extra = shared.normals(.layers)
        var more = [Double](repeating: 0, count: values.count)
        more.withUnsafeMutableBufferPointer { extra.read(at: 0, into: $0) }
        for i in values.indices { values[i] = update.values[i] + scale * more[i] }
      }
      if fault == .isFarAway { values[0] += 20 * settings.noiseScale }
      if fault == .payloadVaries { values[0] += Double(SystemRandomNumberGenerator.word % 7) * 1e-3 }
      var payload: [UInt8] = []
      for value in options.isReversed ? values.reversed() : values {
        let bits = Float(value / options.unit).bitPattern
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
        return Double(Float(bitPattern: bits)) * options.unit
      }
      if fault == .addsCoordinate { return values + [0] }
      if fault == .notFinite { return values }
      if let i = values.firstIndex(where: { !$0.isFinite }) { throw .notFinite(coordinate: i) }
      if fault == .decodesAnything { return values }
      let bound = SampleBound(
        clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale, count: settings.dimension)
      if fault != .isFarAway, let problem = values.withUnsafeBufferPointer({ bound.problem($0) }) { throw problem }
      return options.isReversed ? values.reversed() : values
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
  @Test(arguments: [ShortFloats.Options(bytes: 3), .init(unit: 1.5), .init(isReversed: true)])
  func aCodecOfAnotherPackageKeepsTheLaws(options: ShortFloats.Options) throws {
    let findings = try certain.check(ShortFloats(), options: CodecOptions(options))
    #expect(findings.count == 9 * 8 && findings.allSatisfy { $0.holds }, "\(findings.filter { !$0.holds })")
  }

  @Test(arguments: ShortFloats.Fault.allCases.filter { !$0.isStatistical })
  func brokenCodecsAreFound(fault: ShortFloats.Fault) throws {
    let findings = try certain.check(ShortFloats(fault: fault))
    #expect(findings.contains { !$0.holds && $0.law == fault.law }, "\(fault)")
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
    // One byte, a float64 and a byte.
    #expect(bytes(float32).count == bytes(settings).count - 10 - ("short-floats".utf8.count - "float32".utf8.count))
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

  /// What a sum needs of a sample is looked at where the codec is not ours.
  @Test(arguments: [ShortFloats.Fault.notFinite, .decodesAnything, .addsCoordinate])
  func samplesOfAnotherPackageAreChecked(fault: ShortFloats.Fault) throws {
    let codecs = CodecRegistry.standard.adding(ShortFloats(fault: fault))
    let settings = ChannelSettings.unitNoise("short-floats", from: codecs, options: .standard, dimension: 2, snr: 1)
    let link = try KeyedChannel(settings, key: Key(seed: 1, label: ""))
    let payload =
      switch fault {
      case .notFinite: Payload(bytes: [0x7f, 0xc0, 0, 0, 0, 0, 0, 0])
      case .decodesAnything: Payload(bytes: [0x60, 0, 0, 0, 0, 0, 0, 0])
      default: Payload(bytes: [UInt8](repeating: 0, count: 8))
      }
    let shared = link.shared(message: 0)
    #expect(throws: PayloadError.self) { try link.channel.decode(payload, shared: shared) }
    #expect(throws: PayloadError.self) { try link.channel.decodeSample(payload, shared: shared) }
  }

  /// Where nobody knows what floating point costs, nothing is paid for it, and the run says so; a bound that cannot be is an error.
  @Test func aBoundIsPaidForOrSaidToBeUnknown() throws {
    let setup = { (family: ShortFloats) in
      var scenario = try scenario()
      scenario.channel = ChannelSection(
        codec: "short-floats", from: CodecRegistry.standard.adding(family), options: .standard)
      return try RunSetup(scenario: scenario, split: nil, threads: 1)
    }
    let unknown = try setup(ShortFloats())
    #expect(unknown.numericalDeviation == nil && unknown.frame.guaranteedPlan?.numericalDelta == 0)
    #expect(unknown.numericsSentence?.contains("no bound is known") == true)
    let rows = ThreatModel(unknown, records: []).rows
    #expect(rows.contains { $0.note.contains("no bound on rounding is known for this codec") })
    let known = try setup(ShortFloats(bound: 1e-14))
    #expect(known.numericalDeviation != nil && known.frame.guaranteedPlan?.numericalDelta ?? 0 > 0)
    for bound in [-1, Double.nan, .infinity] {
      #expect(throws: ScenarioError.self) { try setup(ShortFloats(bound: bound)) }
    }
    // Whose word it is, is said where the guarantee is.
    #expect(known.frame.warnings.contains { $0.contains("taken at its word") })
    let statement = GuaranteeStatement(known).sentence
    #expect(statement.contains("taken at its word"))
    #expect(
      !(try RunSetup(scenario: scenario(), split: nil, threads: 1)).warnings.contains { $0.contains("at its word") })
  }

  /// One name for two codecs, such as before and after a fault was mended: with the same keys S + z1 G and S + z2 G would give S.
  @Test func anotherCodecOfTheSameNameHasOtherKeys() throws {
    let model = { (fault: ShortFloats.Fault?) in
      var scenario = try scenario()
      scenario.channel = ChannelSection(
        codec: "short-floats", from: CodecRegistry.standard.adding(ShortFloats(fault: fault)), options: .standard)
      var simulation = try Simulation(scenario: scenario, threads: 1)
      _ = try simulation.nextRound()
      return simulation.server.parameters
    }
    let (mended, broken, again) = (try model(nil), try model(.noiseTooSmall), try model(nil))
    #expect(mended == again)
    // Under one key all noise is 0.97 of the other, and the difference of both a few per cent.
    let length = { (values: [Float]) in values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    #expect(length(zip(mended, broken).map { $0 - $1 }) > 0.5 * length(mended))
  }

  /// Every payload has one length, whatever the norm; and bits that are no number are no figure of a run.
  @Test func lengthsOfAnotherPackageArePredictedOrNot() throws {
    let record = { (fault: ShortFloats.Fault?, share: Double) in
      var scenario = try scenario()
      scenario.channel = ChannelSection(
        codec: "short-floats", from: CodecRegistry.standard.adding(ShortFloats(fault: fault)), options: .standard,
        coded: share)
      var simulation = try Simulation(scenario: scenario, threads: 1)
      return (try #require(try simulation.nextRound()), simulation.setup.channel)
    }
    let (right, channel) = try record(nil, 0.5)
    #expect(right.predictedBits == Double(32 * channel.dimension) && right.measuredOverPredicted == 1)
    let (wrong, _) = try record(.predictsInfinity, 0.5)
    #expect(wrong.arrived > 0 && wrong.predictedBits == nil && wrong.measuredOverPredicted == nil)
    #expect(RoundRecord(line: wrong.json.text(pretty: false).utf8) != nil)
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
    // A whole number is the same number.
    let numbers = try ScenarioFile(
      Array(smallScenario.utf8), name: "s.json",
      overrides: ["channel.codec=short-floats", "channel.floatUnit=3", "channel.reversed=true"], components: components)
    let options = CodecOptions(ShortFloats.Options(unit: 3, isReversed: true))
    #expect(try Scenario(numbers).channel.options == options)
    let whole = try ScenarioFile(
      Array(smallScenario.utf8), name: "s.json", overrides: ["channel.codec=short-floats", "channel.floatUnit=2"],
      components: components)
    #expect(try Scenario(whole).channel.options == .standard)
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
    #expect(findings.contains { $0.law.hasPrefix(fault.law) && !$0.holds }, "\(fault)")
  }
}
