import Testing

@testable import ChannelCoding
@testable import Numerics

/// Posteriors and settings of tests, and one message through bytes.
enum PosteriorCases {
  /// Deviations in even ratios.
  static func scales(_ count: Int, from low: Double, to high: Double) -> [Double] {
    (0..<count).map { i in
      let share = count > 1 ? Double(i) / Double(count - 1) : 0
      return Elementary.exp((1 - share) * Elementary.log(low) + share * Elementary.log(high))
    }
  }

  static func bits(_ scales: [Double]) -> [Double] { scales.map { -Elementary.log($0) / Elementary.ln2 } }

  /// A posterior of the population that the prior is learned with: means of variance 1 - rho^2.
  static func posterior(_ scales: [Double], _ random: inout RandomStream) throws -> DiagonalGaussian {
    let means = scales.map { ((1 - $0) * (1 + $0)).squareRoot() * random.normal() }
    return try DiagonalGaussian(means: means, scales: scales)
  }

  static func shared(_ number: Int) -> SharedRandomness {
    SharedRandomness(key: Key(seed: UInt64(number), label: "posterior test, shared"))
  }

  static func noise(_ number: Int) -> PrivateRandomness {
    PrivateRandomness(key: Key(seed: UInt64(number), label: "posterior test, private"))
  }

  /// What the other end gets.
  static func send(
    _ posterior: DiagonalGaussian, _ codec: some PosteriorCodec, number: Int, tally: inout CodingTally
  ) throws -> [Double] {
    var noise = noise(number)
    let shared = shared(number)
    let payload = try codec.encode(posterior, shared: shared, private: &noise, tally: &tally)
    return try codec.decode(payload, shared: shared)
  }
}

@Suite struct PosteriorTests {
  private let scales = [0.1, 0.5, 0.9, 1]

  @Test func idealBitsAreTheDivergence() throws {
    let q = try DiagonalGaussian(means: [1, 0], scales: [0.25, 0.5])
    // -ln rho + (rho^2 + mu^2 - 1) / 2
    let nats = [1.3862943611198906 + 0.0625 / 2, 0.6931471805599453 + (0.25 - 1) / 2]
    #expect(abs(q.nats(0) - nats[0]) < 1e-14)
    #expect(abs(q.klBits - (nats[0] + nats[1]) / Elementary.ln2) < 1e-14)
    let prior = try GaussianPrior(means: [3, -1], scales: [2, 0.5])
    let own = try prior.posterior(means: [5, -1], scales: [0.5, 0.25])
    #expect(own == q)
    #expect(prior.values([1, 2]) == [5, 0])
  }

  @Test func whatIsWrongIsNamed() throws {
    let whole = try DiagonalGaussian(means: [0, 0, 0, 0], scales: scales)
    #expect(throws: PosteriorError.counts(means: 1, scales: 2)) {
      try DiagonalGaussian(means: [0], scales: [0.5, 0.5])
    }
    #expect(throws: PosteriorError.scale(coordinate: 1, found: 1.5)) {
      try DiagonalGaussian(means: [0, 0], scales: [0.5, 1.5])
    }
    #expect(throws: PosteriorError.scale(coordinate: 0, found: 0)) { try DiagonalGaussian(means: [0], scales: [0]) }
    #expect(throws: PosteriorError.shiftedPrior(coordinate: 0, mean: 0.5)) {
      try DiagonalGaussian(means: [0.5], scales: [1])
    }
    #expect(throws: PosteriorError.mean(coordinate: 0, found: .infinity, largest: nil)) {
      try DiagonalGaussian(means: [.infinity], scales: [0.5])
    }
    #expect(throws: PosteriorError.priorScale(coordinate: 0, found: 0)) { try GaussianPrior(means: [0], scales: [0]) }
    var noise = PosteriorCases.noise(0)
    var tally = CodingTally()
    for codec in PosteriorCodecs.names(tied: true) {
      let made = try PosteriorSettings(codec: codec, scales: .tied(scales)).makeCodec()
      let far = try DiagonalGaussian(means: [0, 65, 0, 0], scales: scales)
      let loose = try DiagonalGaussian(means: [0, 0, 0, 0], scales: [0.1, 0.5, 0.8, 1])
      let short = try DiagonalGaussian(means: [0], scales: [0.5])
      let shared = PosteriorCases.shared(0)
      #expect(throws: PosteriorError.mean(coordinate: 1, found: 65, largest: 64)) {
        try made.encode(far, shared: shared, private: &noise, tally: &tally)
      }
      #expect(throws: PosteriorError.tiedScale(coordinate: 2, found: 0.8, tied: 0.9)) {
        try made.encode(loose, shared: shared, private: &noise, tally: &tally)
      }
      #expect(throws: PosteriorError.dimension(found: 1, expected: 4)) {
        try made.encode(short, shared: shared, private: &noise, tally: &tally)
      }
      #expect(tally == CodingTally(), "nothing is coded where something is wrong")
      _ = try made.encode(whole, shared: shared, private: &noise, tally: &tally)
      tally = CodingTally()
    }
  }

  @Test func settingsAreCheckedBeforeWork() {
    let free = PosteriorScales.free(meanKL: [1, 2])
    #expect(
      PosteriorSettings(codec: "zip", scales: free).problem == .codec("zip", allowed: [.pfr, .ringToss, .mrc]))
    #expect(
      PosteriorSettings(codec: .layered, scales: free).problem
        == .freeScales(.layered, allowed: [.pfr, .ringToss, .mrc]))
    #expect(
      PosteriorSettings(codec: .pfr, scales: .free(meanKL: [1, -1])).problem == .meanKL(coordinate: 1, found: -1))
    #expect(PosteriorSettings(codec: .pfr, scales: .tied([])).problem == .dimension(found: 0, expected: nil))
    #expect(PosteriorSettings(codec: .pfr, scales: .tied([2])).problem == .scale(coordinate: 0, found: 2))
    var options = PosteriorOptions()
    options.blockBits = 40
    #expect(
      PosteriorSettings(codec: .pfr, scales: free, options: options).problem
        == .option("blockBits", found: "40.0", allowed: "1 to 20"))
    options = PosteriorOptions()
    options.largestMean = 1024
    let tiny = PosteriorScales.tied([Double](repeating: 0x1p-20, count: 16))
    let problem = PosteriorSettings(codec: .polar, scales: tiny, options: options).problem
    #expect("\(problem.map { "\($0)" } ?? "")".hasPrefix("largestMean is 1024.0; allowed: with polar at most 255.99"))
    #expect(
      "\(PosteriorError.tiedScale(coordinate: 2, found: 0.8, tied: 0.9))"
        == "deviation 2 is 0.8, but the settings tie it to 0.9; allowed: that one, or free scales")
  }

  /// Bytes of one seed, the same on every machine. A change of them is a breaking change.
  @Test(arguments: PosteriorTests.golden.keys.sorted())
  func payloadsAreGolden(name: String) throws {
    let (codec, scales): (CodecName, PosteriorScales) = try Self.settings(name)
    let made = try PosteriorSettings(codec: codec, scales: scales).makeCodec()
    var random = RandomStream(key: Key(seed: 18, label: "posterior golden"))
    let q = try PosteriorCases.posterior(PosteriorCases.scales(40, from: 0.2, to: 1), &random)
    var noise = PosteriorCases.noise(18)
    var tally = CodingTally()
    let payload = try made.encode(q, shared: PosteriorCases.shared(18), private: &noise, tally: &tally)
    let hex = payload.bytes.map { String(UInt32($0) + 256, radix: 16).dropFirst() }.joined()
    #expect(hex == Self.golden[name])
  }

  private static func settings(_ name: String) throws -> (CodecName, PosteriorScales) {
    let scales = PosteriorCases.scales(40, from: 0.2, to: 1)
    let parts = name.split(separator: " ")
    let isTied = parts[1] == "tied"
    return (
      CodecName(rawValue: String(parts[0])), isTied ? .tied(scales) : .free(meanKL: PosteriorCases.bits(scales))
    )
  }

  private static let golden: [String: String] = [
    "layered tied": "7e2fe323123a66b40b", "polar tied": "a170408f622fdfbe", "pfr tied": "368f64a108832f",
    "pfr free": "368f64a108832f", "ring-toss free": "27e9d33f0fd2c5e7", "mrc free": "aeba6e0fe0fb",
  ]

  /// A block's sample is the decoder's, and later posteriors may be made from it.
  @Test func refinementSeesWhatTheDecoderGets() throws {
    let scales = PosteriorCases.scales(24, from: 0.05, to: 0.9)
    var options = PosteriorOptions()
    options.blockBits = 4
    let settings = PosteriorSettings(
      codec: .pfr, scales: .free(meanKL: PosteriorCases.bits(scales)), options: options)
    let codec = try settings.makeCodec()
    for number in 0..<20 {
      let shared = PosteriorCases.shared(number)
      var noise = PosteriorCases.noise(number)
      var tally = CodingTally()
      guard var encoder = codec.blockEncoder(shared: shared) else {
        Issue.record("a block codec encodes block by block")
        return
      }
      var sent = [Double](repeating: .nan, count: scales.count)
      var last = 0.0
      while let coordinates = encoder.nextBlock {
        // Means that depend on what was sent.
        let q = try DiagonalGaussian(
          means: coordinates.map { _ in 0.5 * last }, scales: coordinates.map { scales[$0] })
        let sample = try encoder.encode(q, private: &noise, tally: &tally)
        for (i, coordinate) in coordinates.enumerated() { sent[coordinate] = sample[i] }
        last = sample[0]
      }
      let payload = encoder.finish(counting: &tally)
      #expect(try codec.decode(payload, shared: shared) == sent)
    }
    guard var encoder = codec.blockEncoder(shared: PosteriorCases.shared(0)), let block = encoder.nextBlock else {
      return
    }
    var noise = PosteriorCases.noise(0)
    var tally = CodingTally()
    let wrong = try DiagonalGaussian(
      means: [Double](repeating: 0, count: block.count + 1), scales: [Double](repeating: 0.5, count: block.count + 1))
    var found: PosteriorError?
    do throws(PosteriorError) {
      _ = try encoder.encode(wrong, private: &noise, tally: &tally)
    } catch {
      found = error
    }
    #expect(found == .block(found: block.count + 1, expected: block.count))
    let layered = try PosteriorSettings(codec: .layered, scales: .tied(scales)).makeCodec()
    let isBlockwise = layered.blockEncoder(shared: PosteriorCases.shared(0)) != nil
    #expect(!isBlockwise)
  }

  @Test func blocksCoverAllCoordinatesEvenly() throws {
    for (scales, blockBits) in [
      (PosteriorCases.scales(300, from: 0.05, to: 1), 8.0), (PosteriorCases.scales(10, from: 0.001, to: 0.01), 8),
      ([Double](repeating: 1, count: 50), 8), (PosteriorCases.scales(1, from: 0.5, to: 0.5), 1),
    ] {
      var options = PosteriorOptions()
      options.blockBits = blockBits
      let plan = PosteriorPlan(.pfr, PosteriorSettings(codec: .pfr, scales: .tied(scales), options: options))
      #expect(plan.blocks.flatMap(\.coordinates).sorted() == Array(scales.indices))
      let bits = PosteriorCases.bits(scales)
      for block in plan.blocks {
        let sum = block.coordinates.reduce(0) { $0 + bits[$1] }
        #expect(sum <= blockBits * 1.1 || block.coordinates.count == 1)
      }
    }
  }

  @Test func theShortestCodecIsChosen() throws {
    let weak = PosteriorScales.tied([Double](repeating: 0.999, count: 400))
    #expect([CodecName.polar, .pfr].contains(try PosteriorCodecs.fewestBits(weak).codec))
    let strong = PosteriorScales.tied([Double](repeating: 0.05, count: 20))
    #expect(try PosteriorCodecs.fewestBits(strong).codec == .layered)
    #expect(try PosteriorCodecs.fewestBits(.free(meanKL: [1, 2, 3])).codec == .pfr)
    #expect(throws: PosteriorError.scale(coordinate: 0, found: 3)) { try PosteriorCodecs.fewestBits(.tied([3])) }
  }

  /// The quick score against its definition, and a candidate source against the stream that it reads.
  @Test func scoresAreLogRatios() {
    var random = RandomStream(key: Key(seed: 1, label: "posterior scores"))
    for n in [1, 3, 7, 8, 9, 16, 37, 650, 3000] {
      let means = (0..<n).map { _ in random.normal() }
      let scales = (0..<n).map { _ in 0.05 + 0.95 * random.uniform() }
      let stream = PosteriorCases.shared(n).normals(.candidates)
      let constant = -scales.reduce(0) { $0 + Elementary.log($1) }
      var source = CandidateScores(
        stream, kind: .diagonal, mean: means, cells: scales.map { 1 / $0 }, quadratic: 0, constant: constant, batch: 5)
      for k in 0..<20 {
        var y = [Double](repeating: 0, count: n)
        y.withUnsafeMutableBufferPointer { stream.read(at: UInt64(k * n), into: $0) }
        var expected = constant
        for j in 0..<n {
          let g = (y[j] - means[j]) / scales[j]
          expected += (y[j] * y[j] - g * g) / 2
        }
        #expect(abs(source.score() - expected) < 1e-12 * max(1, abs(expected)) * Double(n))
      }
    }
  }

  @Test func publicLawOfUnequalScalesIsThatOfEqualOnes() {
    let law = PublicRatioLaw(dimension: 12, snr: 0.7)
    let other = PublicRatioLaw(mean: law.mean, variance: law.variance)
    NormalTable.shared.withCumulative { cumulative in
      for l in stride(from: -3.0, to: 12, by: 0.5) {
        #expect(abs(law.targetTail(l, cumulative) - other.targetTail(l, cumulative)) < 1e-9)
        #expect(abs(law.proposalTail(l, cumulative) - other.proposalTail(l, cumulative)) < 1e-9)
      }
    }
  }

  // MARK: Any bytes

  private static let hostile: [(codec: CodecName, scales: PosteriorScales)] =
    PosteriorCodecs.names(tied: true).map { ($0, .tied(PosteriorCases.scales(9, from: 0.01, to: 1))) }
    + PosteriorCodecs.names(tied: false).map { ($0, .free(meanKL: [0, 0.1, 1, 2, 3, 4, 5, 9, 12])) }

  /// A sender that chooses every symbol: what it writes decodes to what it chose, or is refused; nothing is beyond the bound.
  @Test(arguments: PosteriorTests.hostile.indices)
  func nothingIsBeyondTheBound(_ number: Int) throws {
    let (name, scales) = Self.hostile[number]
    var options = PosteriorOptions()
    options.largestMean = 3
    options.blockBits = 4
    let settings = PosteriorSettings(codec: name, scales: scales, options: options)
    let codec = try #require(try settings.makeCodec() as? any PosteriorRangeCodec)
    let shared = PosteriorCases.shared(7)
    var accepted = 0
    for round in 0..<3000 {
      let upload = hostileUpload(codec, shared, RandomStream(key: Key(seed: UInt64(round), label: "hostile \(number)")))
      let found = try? codec.decode(upload.payload, shared: shared)
      #expect(found == upload.sample)
      guard let found else { continue }
      accepted += 1
      for (y, scale) in zip(found, settings.scales.coordinateScales) { #expect(abs(y) < 3.001 + 40.001 * scale) }
    }
    #expect(accepted > 20)
  }

  private func hostileUpload(
    _ codec: any PosteriorRangeCodec, _ shared: SharedRandomness, _ random: RandomStream
  ) -> (payload: Payload, sample: [Double]?) {
    var decoder = HostileDecoder(random)
    var values = [Double](repeating: 0, count: codec.settings.dimension)
    let problem = values.withUnsafeMutableBufferPointer { codec.read(from: &decoder, shared: shared, into: $0) }
    let isRefused = problem != nil || codec.settings.problem(sample: values) != nil
    if isRefused { decoder.consume(start: decoder.target, size: 1) }
    return (Payload(bytes: decoder.coder.finish()), isRefused ? nil : values)
  }

  /// Random, cut and longer bytes: an error or numbers within the bound.
  @Test(arguments: PosteriorTests.hostile.indices)
  func anyBytesDecodeOrAreRefused(_ number: Int) throws {
    let (name, scales) = Self.hostile[number]
    let settings = PosteriorSettings(codec: name, scales: scales)
    let codec = try settings.makeCodec()
    var random = RandomStream(key: Key(seed: UInt64(number), label: "any bytes"))
    let shared = PosteriorCases.shared(3)
    for round in 0..<1000 {
      let bytes = (0..<(round % 60)).map { _ in UInt8(truncatingIfNeeded: random.word()) }
      guard let sample = try? codec.decode(Payload(bytes: bytes), shared: shared) else { continue }
      #expect(sample.allSatisfy { abs($0) < 105 })
    }
    let own = settings.scales.coordinateScales.map { $0 < 1 || !scales.isTied ? min($0, 0.5) : 1 }
    let q = try DiagonalGaussian(
      means: own.map { _ in 0 }, scales: scales.isTied ? settings.scales.coordinateScales : own)
    var noise = PosteriorCases.noise(1)
    var tally = CodingTally()
    let payload = try codec.encode(q, shared: shared, private: &noise, tally: &tally)
    #expect(throws: PayloadError.trailingBytes) {
      try codec.decode(Payload(bytes: payload.bytes + [1, 2, 3, 4, 5, 6, 7, 8, 9]), shared: shared)
    }
  }
}
