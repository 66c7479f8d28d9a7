import Testing

@testable import ChannelCoding
@testable import Numerics

/// One client's end and the server's end of a channel with fixed keys.
struct Link {
  let channel: Channel
  let keys = RunKeys(seed: 11, fingerprint: [])

  init(
    _ codec: CodecName, options: CodecOptions = .standard, dimension: Int, clippingNorm: Double, noiseScale: Double
  ) throws {
    channel = try Channel(
      ChannelSettings(
        codec: codec, options: options, dimension: dimension, clippingNorm: clippingNorm, noiseScale: noiseScale),
      rotationKey: RunKeys(seed: 11, fingerprint: []).server.rotation(round: 1))
  }

  func shared(_ round: Int) -> SharedRandomness {
    SharedRandomness(key: countingKey.derived(.shared, index: UInt64(round)))
  }

  func encode(_ update: [Float], round: Int = 1) -> Payload {
    var noise = keys.client(0).noise(round: round)
    return channel.encode(
      ClippedUpdate(clipping: update, to: channel.settings.clippingNorm), shared: shared(round), private: &noise)
  }

  func decode(_ payload: Payload, round: Int = 1) throws -> [Double] {
    var sum = try channel.decode(payload, shared: shared(round))
    channel.unrotate(&sum)
    return sum
  }
}

@Suite struct CodecTests {
  private func direction(_ dimension: Int, stream: UInt64 = 1) -> [Float] {
    var random = RandomStream(key: countingKey, stream: stream)
    return (0..<dimension).map { _ in Float(random.normal()) }
  }

  /// Minimal and ordered random coding stay far from updates that their candidates cannot reach.
  @Test(arguments: CodecRegistry.standard.names.filter { $0 != .mrc && $0 != .orc })
  func decodedUpdatesAreWithinTheNoise(codec: CodecName) throws {
    for dimension in [1, 2, 3, 17, 64, 1000, 1025] {
      for sigma in [1e-6, 0.01, 1, 30] {
        let link = try Link(codec, dimension: dimension, clippingNorm: 1, noiseScale: sigma)
        let update = ClippedUpdate(clipping: direction(dimension), to: 1).values
        let decoded = try link.decode(link.encode(direction(dimension)))
        let error = zip(decoded, update).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        // Chi-square with d degrees: below d + 9 sqrt(2 d) + 60 but for 1e-9 of cases.
        let d = Double(dimension)
        #expect(error / (sigma * sigma) < d + 9 * (2 * d).squareRoot() + 60, "\(codec) d \(dimension) sigma \(sigma)")
        #expect(error > 0)
      }
    }
  }

  @Test(arguments: CodecRegistry.standard.names)
  func zeroTinyAndExtremeUpdates(codec: CodecName) throws {
    let link = try Link(codec, dimension: 50, clippingNorm: 1, noiseScale: 0.1)
    var spike = [Float](repeating: 0, count: 50)
    spike[7] = 1
    for update in [
      [Float](repeating: 0, count: 50), spike, [Float](repeating: 1e-30, count: 50),
      [Float](repeating: .greatestFiniteMagnitude, count: 50), [Float](repeating: .nan, count: 50),
    ] {
      let decoded = try link.decode(link.encode(update))
      #expect(decoded.allSatisfy { $0.isFinite })
    }
  }

  @Test func theZeroUpdateTakesOneByteAndStillHasNoise() throws {
    let link = try Link(.layered, dimension: 4096, clippingNorm: 1, noiseScale: 0.1)
    let payload = link.encode([Float](repeating: 0, count: 4096))
    #expect(payload.bytes.count == 1)
    let decoded = try link.decode(payload)
    let variance = decoded.reduce(0) { $0 + $1 * $1 } / 4096 / 0.01
    #expect(abs(variance - 1) < 0.2)
  }

  @Test func float32TakesExactly32BitsACoordinate() throws {
    let link = try Link(.float32, dimension: 123, clippingNorm: 1, noiseScale: 1)
    #expect(link.encode(direction(123)).bits == 32 * 123)
    #expect(link.channel.settings.predictedBits == 32 * 123)
  }

  @Test func float32WithoutNoiseIsTheUpdate() throws {
    let link = try Link(.float32, dimension: 5, clippingNorm: .infinity, noiseScale: 0)
    #expect(try link.decode(link.encode([1, -2, 3.5, 0, 1e-3])) == [1, -2, 3.5, 0, Double(Float(1e-3))])
  }

  /// Changing this is a breaking change of the code: name it in CHANGELOG.md.
  @Test func layeredBytesAreGolden() throws {
    let link = try Link(.layered, dimension: 300, clippingNorm: 2, noiseScale: 0.25)
    let bytes = link.encode(direction(300)).bytes
    var hash: UInt64 = UInt64(bytes.count)
    for byte in bytes { hash = hash &* 6_364_136_223_846_793_005 &+ UInt64(byte) }
    #expect(bytes.count == 18 && hash == 8_756_460_198_084_622_892, "found \(bytes.count) bytes, hash \(hash)")
    let decoded = try link.decode(Payload(bytes: bytes))
    let ends = [decoded[0].bitPattern, decoded[299].bitPattern]
    #expect(ends == [13_821_064_840_077_411_624, 13_814_551_143_941_630_925], "found \(ends)")
  }

  /// Bytes and decoded ends of every other codec at one setting. Changing one is a breaking change of the code: name it
  /// in CHANGELOG.md.
  @Test(arguments: Golden.all)
  func bytesAreGolden(_ golden: Golden) throws {
    let link = try Link(
      golden.codec,
      options: CodecOptions(
        BlockOptions(draws: 20), ShiftedOptions(fixedLength: golden.isFixed), PolarOptions(effort: golden.effort)),
      dimension: 300, clippingNorm: 2, noiseScale: 0.25)
    let bytes = link.encode(direction(300)).bytes
    var hash: UInt64 = UInt64(bytes.count)
    for byte in bytes { hash = hash &* 6_364_136_223_846_793_005 &+ UInt64(byte) }
    let decoded = try link.decode(Payload(bytes: bytes))
    let ends = decoded[0].bitPattern ^ decoded[299].bitPattern
    #expect(
      bytes.count == golden.count && hash == golden.hash && ends == golden.ends, "\(bytes.count), \(hash), \(ends)")
  }

  struct Golden: Sendable {
    let codec: CodecName
    var isFixed = true
    var effort = 0
    let count: Int
    let hash: UInt64
    let ends: UInt64

    static let all = [
      Golden(codec: .layeredShifted, count: 115, hash: 11_316_661_818_676_908_527, ends: 9_226_423_407_486_143_405),
      Golden(
        codec: .layeredShifted, isFixed: false, count: 16, hash: 10_451_869_711_660_217_107,
        ends: 9_226_423_407_486_143_405),
      Golden(codec: .universal, count: 13, hash: 9_158_882_522_679_049_829, ends: 20_659_641_723_278_871),
      Golden(codec: .fastGPRS, count: 42, hash: 17_301_124_665_589_975_923, ends: 9_231_655_367_976_539_295),
      Golden(codec: .gprs, count: 18, hash: 11_113_259_558_141_018_830, ends: 9_242_885_583_945_210_862),
      Golden(codec: .pfr, count: 15, hash: 13_915_120_541_042_484_745, ends: 9_240_608_269_036_962_115),
      Golden(codec: .ringToss, count: 21, hash: 1_937_503_349_850_210_842, ends: 9_276_878_730_279_141_930),
      Golden(codec: .mrc, count: 12, hash: 15_725_794_899_581_525_376, ends: 34_347_763_123_454_223),
      Golden(codec: .orc, count: 9, hash: 9_429_851_572_364_017_363, ends: 9_258_034_792_601_659_452),
      // Plan 2: one index for the weak leaves of a node.
      Golden(codec: .polar, count: 8, hash: 17_684_447_194_006_919_722, ends: 9_228_856_777_618_176_970),
      Golden(codec: .polar, effort: 3, count: 8, hash: 18_020_481_924_831_210_158, ends: 34_870_536_583_467_275),
    ]
  }

  @Test(arguments: CodecRegistry.standard.names.filter { $0 != .float32 })
  func otherRandomnessDecodesToSomethingElse(codec: CodecName) throws {
    let link = try Link(codec, dimension: 300, clippingNorm: 2, noiseScale: 0.25)
    let payload = link.encode(direction(300), round: 1)
    let right = try link.decode(payload, round: 1)
    #expect(right.count == 300)
    if let wrong = try? link.decode(payload, round: 2) { #expect(wrong.count == 300 && wrong != right) }
  }

  /// Cut short, made longer, any bit flipped: an error, or 300 finite values.
  @Test(arguments: CodecRegistry.standard.names)
  func damagedPayloadsGiveAVectorOrAnError(codec: CodecName) throws {
    let link = try Link(codec, dimension: 300, clippingNorm: 2, noiseScale: 0.25)
    try damage(link)
    // With pieces of the sign transform too.
    if codec == .polar {
      try damage(
        Link(codec, options: CodecOptions(PolarOptions(effort: 3)), dimension: 300, clippingNorm: 2, noiseScale: 0.25))
    }
  }

  private func damage(_ link: Link) throws {
    let bytes = link.encode(direction(300)).bytes
    var damaged = (0..<min(bytes.count, 40)).map { Array(bytes[..<$0]) }
    damaged += [bytes + [0], bytes + [1], bytes + [UInt8](repeating: 255, count: 1000)]
    for bit in 0..<min(8 * bytes.count, 200) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      damaged.append(flipped)
    }
    for payload in damaged {
      guard let decoded = try? link.decode(Payload(bytes: payload)) else { continue }
      #expect(decoded.count == 300 && decoded.allSatisfy { $0.isFinite })
    }
    #expect(throws: PayloadError.self) {
      try link.decode(Payload(bytes: bytes + [UInt8](repeating: 255, count: 1000)))
    }
  }

  /// Coordinates far outside the model take the escape, in both directions.
  @Test func escapesDecode() {
    NormalTable.shared.withCumulative { cumulative in
      for (step, dither) in [(5.0, 0.25), (0.01, -0.5), (20.0, 0.49), (1e-9, 0.0), (8.0, -0.1)] {
        let model = LayerModel(step: step, dither: dither)
        let indices = [0, 1, -1, 2, -2, 3, -3, 900, -900, 1 << 20, -(1 << 20), 1 << 21, -(1 << 40), 1 << 56]
        var encoder = RangeEncoder()
        for index in indices { model.encode(index, cumulative, to: &encoder) }
        encoder.finish().withUnsafeBufferPointer {
          var decoder = RangeDecoder($0)
          for index in indices { #expect(model.decode(cumulative, from: &decoder) == index) }
        }
      }
    }
  }

  @Test(arguments: CodecRegistry.standard.names)
  func foreignBytesDoNotTrap(codec: CodecName) throws {
    let link = try Link(codec, dimension: 40, clippingNorm: 1, noiseScale: 0.05)
    let valid = link.encode(direction(40)).bytes
    var random = RandomStream(key: countingKey, stream: 77)
    var refused = 0
    for trial in 0..<3000 {
      var bytes =
        trial % 2 == 0 ? valid : (0..<random.integer(below: 200)).map { _ in UInt8(truncatingIfNeeded: random.word()) }
      if trial % 2 == 0 {
        for _ in 0..<3 { bytes[random.integer(below: bytes.count)] = UInt8(truncatingIfNeeded: random.word()) }
      }
      do {
        let decoded = try link.decode(Payload(bytes: bytes))
        #expect(decoded.allSatisfy { $0.isFinite })
      } catch is PayloadError {
        refused += 1
      }
    }
    #expect(refused > 100, "damage is often noticed: \(refused)")
    let empty = try? link.decode(Payload(bytes: []))
    // No bytes are the range coder's message of zeros: a clipped update for codecs of variable length.
    #expect(![.float32, .layeredShifted].contains(codec) || empty == nil)
  }

  @Test func payloadErrorsNameTheFault() throws {
    let link = try Link(.float32, dimension: 3, clippingNorm: 1, noiseScale: 1)
    #expect(throws: PayloadError.wrongLength(found: 11, expected: 12)) {
      try link.decode(Payload(bytes: [UInt8](repeating: 0, count: 11)))
    }
    #expect(throws: PayloadError.notFinite(coordinate: 1)) {
      try link.decode(Payload(bytes: [0, 0, 0, 0, 0, 0, 0xC0, 0x7F, 0, 0, 0, 0]))
    }
    let layered = try Link(.layered, dimension: 3, clippingNorm: 1, noiseScale: 1)
    #expect(throws: PayloadError.trailingBytes) {
      try layered.decode(Payload(bytes: layered.encode([1, 2, 3]).bytes + [UInt8](repeating: 7, count: 40)))
    }
  }

  /// What a drawn client that knows its own step and dither could write: an integer far beyond the clipping norm, up
  /// to the largest of the wire format.
  @Test(arguments: [1000, 1 << 40, 1 << 60])
  func integersThatNoEncoderSendsAreRefused(size: Int) throws {
    let link = try Link(.layered, dimension: 1, clippingNorm: 1, noiseScale: 0.5)
    var words = [UInt64](repeating: 0, count: 32)
    var steps = [Double](repeating: 0, count: 8)
    var dithers = steps
    words.withUnsafeMutableBufferPointer { link.shared(1).words(.layers).read(at: 0, into: $0) }
    words.withUnsafeBufferPointer { w in
      steps.withUnsafeMutableBufferPointer { s in
        dithers.withUnsafeMutableBufferPointer { Kernels.best.layers(w, steps: s, dithers: $0) }
      }
    }
    // eta = C / sigma = 2 in one dimension.
    let model = LayerModel(step: steps[0] / 2, dither: dithers[0])
    func payload(_ index: Int) -> Payload {
      var coder = RangeEncoder()
      NormClass(norm: 1, bound: 1).encode(to: &coder)
      NormalTable.shared.withCumulative { model.encode(index, $0, to: &coder) }
      return Payload(bytes: coder.finish())
    }
    #expect(try abs(link.decode(payload(0))[0]) < 10)
    for index in [size, -size] {
      #expect(throws: PayloadError.notACode(coordinate: 0)) { try link.decode(payload(index)) }
    }
  }

  @Test func settingsWithoutACodecAreRefused() {
    let refused = { (codec: CodecName, dimension: Int, c: Double, sigma: Double) in
      ChannelSettings(codec: codec, dimension: dimension, clippingNorm: c, noiseScale: sigma).problem != nil
    }
    #expect(refused(.layered, 10, 1, 0))
    #expect(refused(.layered, 10, .infinity, 1))
    #expect(refused(.layered, 10, 1, 1e-12))
    #expect(refused(.float32, 0, 1, 1))
    #expect(refused(.float32, 10, .nan, 1))
    #expect(refused(.float32, 10, 1, .nan))
    #expect(refused(.float32, 10, 1e-300, 1e-301) && refused(.float32, 10, 1, 1e300))
    #expect(!refused(.layered, 10, 1, 1e-9))
  }
}

@Suite struct NormClassTests {
  @Test func nearestClassAndRoundTrip() {
    #expect(NormClass(norm: 0, bound: 1).isZero)
    #expect(NormClass(norm: 1, bound: 1).index == 0)
    #expect(NormClass(norm: 0.5, bound: 1).index == 4)
    #expect(NormClass(norm: 1e-30, bound: 1).index == 62)
    for norm in [1, 0.93, 0.9, 0.3, 0.01, 1e-4] {
      let ratio = NormClass(norm: norm, bound: 1).scale / norm
      #expect(ratio < 1.0906 && ratio > 1 / 1.0906, "within an eighth of a factor of 2: \(ratio)")
    }
    for norm in [0, 1, 0.7, 0.2, 1e-3, 1e-9] {
      let written = NormClass(norm: norm, bound: 1)
      var encoder = RangeEncoder()
      written.encode(to: &encoder)
      encoder.finish().withUnsafeBufferPointer {
        var decoder = RangeDecoder($0)
        #expect(NormClass(from: &decoder) == written)
      }
    }
  }

  /// Names are a code without waste, shorter for longer updates, and as long as they say.
  @Test func namesAreACode() throws {
    let classes = try (0..<64).map { try #require(NormClass(index: $0)) }
    #expect(abs(classes.reduce(0) { $0 + Elementary.exp(-$1.bits * Elementary.ln2) } - 1) < 1e-12)
    for (longer, shorter) in zip(classes, classes.dropFirst().dropLast()) { #expect(longer.bits < shorter.bits) }
    for c in classes {
      var encoder = RangeEncoder()
      c.encode(to: &encoder)
      #expect(abs(encoder.modelBits - c.bits) < 1e-6, "\(c.index)")
    }
  }
}

extension Array where Element: Equatable {
  fileprivate func contains(subsequence: [Element]) -> Bool {
    guard count >= subsequence.count else { return false }
    return (0...count - subsequence.count).contains { self[$0..<$0 + subsequence.count].elementsEqual(subsequence) }
  }
}

@Suite struct WireTests {
  @Test func uploadsRoundTrip() throws {
    let upload = Upload(client: 300, round: 70_000, payload: Payload(bytes: [9, 8, 7]))
    #expect(try Upload(bytes: upload.bytes) == upload)
    #expect(upload.bytes.count == 1 + 2 + 3 + 3)
    #expect(try Upload(bytes: [1, 0, 1]) == Upload(client: 0, round: 1, payload: Payload(bytes: [])))
  }

  /// Only the holder of the session key reads a sealed upload, and every change of it is seen.
  @Test func sealsHold() throws {
    let keys = RunKeys(seed: 3, fingerprint: [])
    let session = try keys.client(7).keyPair.sessionAsClient(server: keys.server.keyPair.publicKey)
    let other = try keys.client(8).keyPair.sessionAsClient(server: keys.server.keyPair.publicKey)
    let upload = Upload(client: 7, round: 300, payload: Payload(bytes: Array(0..<40)))
    let sealed = upload.sealed(session: session)
    #expect(sealed.count == upload.bytes.count + 16)
    #expect(try Upload(sealed: sealed) { $0 == 7 ? session : nil } == upload)
    let ciphertext = sealed.dropFirst(4)
    #expect(!ciphertext.elementsEqual(upload.payload.bytes) && !sealed.contains(subsequence: Array(0..<8)))
    // Another round, another key stream.
    let next = Upload(client: 7, round: 301, payload: upload.payload).sealed(session: session)
    #expect(!next.dropFirst(4).elementsEqual(ciphertext))
    #expect(throws: WireError.self) { try Upload(sealed: sealed) { _ in other } }
    #expect(throws: WireError.self) { try Upload(sealed: sealed) { _ in nil } }
    #expect(throws: WireError.self) { try Upload(sealed: upload.bytes) { _ in session } }
    #expect(throws: WireError.self) { try Upload(bytes: sealed) }
    for i in sealed.indices {
      for bit in 0..<8 {
        var damaged = sealed
        damaged[i] ^= 1 << bit
        #expect(throws: WireError.self) { try Upload(sealed: damaged) { _ in session } }
      }
    }
    for count in 0..<sealed.count {
      #expect(throws: WireError.self) { try Upload(sealed: Array(sealed.prefix(count))) { _ in session } }
    }
    #expect(throws: WireError.self) { try Upload(sealed: sealed + [0]) { _ in session } }
    // An empty payload has a seal too.
    let empty = Upload(client: 7, round: 1, payload: Payload(bytes: []))
    #expect(try Upload(sealed: empty.sealed(session: session)) { _ in session } == empty)
  }

  /// `hasOneLength` is the truth for zero updates, tiny ones and those at the clipping norm.
  @Test func oneLengthMeansOneLength() throws {
    for codec in CodecRegistry.standard.names {
      let link = try Link(codec, dimension: 40, clippingNorm: 1, noiseScale: 0.3)
      var random = RandomStream(key: countingKey, stream: 56)
      var lengths = Set<Int>()
      for round in 0..<60 {
        let scale: Float = round % 3 == 0 ? 0 : round % 3 == 1 ? 1e-4 : 1000
        lengths.insert(link.encode((0..<40).map { _ in scale * Float(random.normal()) }, round: round).bits)
      }
      #expect(!link.channel.settings.hasOneLength || lengths.count == 1, "\(codec.rawValue) \(lengths)")
    }
  }

  @Test func broadcastsRoundTrip() throws {
    let keys = RunKeys(seed: 1, fingerprint: []).server
    let broadcast = Broadcast(
      round: 3, channel: ChannelSettings(codec: .layered, dimension: 3, clippingNorm: 1, noiseScale: 0.5),
      sealsUploads: true, rotationKey: keys.rotation(round: 3), serverPublicKey: keys.keyPair.publicKey,
      parameters: [1, -2, .pi])
    #expect(try Broadcast(bytes: broadcast.bytes) == broadcast)
    for count in 0..<broadcast.bytes.count {
      #expect(throws: WireError.self) { try Broadcast(bytes: Array(broadcast.bytes.prefix(count))) }
    }
    #expect(throws: WireError.self) { try Broadcast(bytes: broadcast.bytes + [0]) }
  }

  /// Uploads that have more than updates, and numbers of parameters that are none: twice one must not overflow.
  @Test(arguments: [
    UplinkContents.counted(clippingNorm: 0.5, unit: 0.1), .weighted, .controlled,
  ])
  func contentsRoundTripAndCountsAreChecked(contents: UplinkContents) throws {
    let keys = RunKeys(seed: 1, fingerprint: []).server
    let parameters: [Float] = [1, -2, .pi]
    let dimension = contents.dimension(parameters: 3)
    let broadcast = Broadcast(
      round: 3, channel: ChannelSettings(codec: .float32, dimension: dimension, clippingNorm: 1, noiseScale: 0.5),
      rotationKey: keys.rotation(round: 3), serverPublicKey: keys.keyPair.publicKey, contents: contents,
      parameters: parameters, control: contents == .controlled ? [4, 5, 6] : [])
    let bytes = broadcast.bytes
    #expect(try Broadcast(bytes: bytes) == broadcast)
    for count in bytes.indices { #expect(throws: WireError.self) { try Broadcast(bytes: Array(bytes.prefix(count))) } }
    // The number of parameters is the byte before them; the dimension is the one before two doubles and two keys.
    let floats = (contents == .controlled ? 6 : 3) * 4
    let countPlace = bytes.count - floats - 1
    let contentsLength = if case .counted = contents { 17 } else { 1 }
    let dimensionPlace = countPlace - contentsLength - 2 * Key.byteCount - 16 - 1
    #expect(bytes[countPlace] == 3 && bytes[dimensionPlace] == UInt8(dimension))
    for huge in [Int.max, Int.max / 2 + 1, Int.max - 1] {
      var writer = ByteWriter()
      writer.put(varint: huge)
      var bad = bytes
      bad.replaceSubrange(countPlace...countPlace, with: writer.bytes)
      #expect(throws: WireError.self) { try Broadcast(bytes: bad) }
      bad.replaceSubrange(dimensionPlace...dimensionPlace, with: writer.bytes)
      #expect(throws: WireError.self) { try Broadcast(bytes: bad) }
    }
  }

  @Test func foreignBytesAreErrorsNotTraps() {
    #expect(throws: WireError.truncated(at: 0)) { try Upload(bytes: []) }
    #expect(throws: WireError.unknownVersion(9)) { try Upload(bytes: [9, 1, 1]) }
    #expect(throws: WireError.self) { try Upload(bytes: [1] + [UInt8](repeating: 0xFF, count: 12)) }
    #expect(throws: WireError.self) { try Upload(bytes: [1, 0x80, 0x00, 1]) }
    var random = RandomStream(key: countingKey, stream: 55)
    for _ in 0..<5000 {
      var bytes = (0..<random.integer(below: 140)).map { _ in UInt8(truncatingIfNeeded: random.word()) }
      if !bytes.isEmpty { bytes[0] = 1 }
      _ = try? Upload(bytes: bytes)
      _ = try? Broadcast(bytes: bytes)
    }
  }
}

@Suite struct ParallelTests {
  @Test(arguments: [1, 2, 5])
  func resultsComeInOrder(threads: Int) {
    let squares = Parallel(threads: threads).map(1000) { $0 * $0 }
    #expect(squares == (0..<1000).map { $0 * $0 })
    #expect(Parallel(threads: threads).map(0) { $0 }.isEmpty)
    #expect(Parallel(threads: threads).map(1) { "\($0)" } == ["0"])
  }
}
