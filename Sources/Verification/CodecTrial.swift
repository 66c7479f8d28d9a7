import ChannelCoding

/// One codec at one setting, and the laws that hold with certainty.
struct CodecTrial {
  private let settings: ChannelSettings
  private let link: KeyedChannel
  private let descriptor: CodecDescriptor
  private let snr: Double
  private let laws: CodecLaws
  private let key: Key

  init(
    _ settings: ChannelSettings, _ link: KeyedChannel, _ descriptor: CodecDescriptor, snr: Double, laws: CodecLaws
  ) {
    self.settings = settings
    self.link = link
    self.descriptor = descriptor
    self.snr = snr
    self.laws = laws
    key = Key(seed: laws.seed, label: "codec trial \(descriptor.name) \(settings.dimension) \(snr)")
  }

  static let shapeLaw = "samples have the padded dimension"

  /// The other laws are of samples that have the right shape: without it, it is the one that is found broken.
  func certainLaws() -> [CodecLaws.Finding] {
    if let problem = shapeProblem {
      return [CodecLaws.Finding(law: Self.shapeLaw, settings: settings, problem: problem)]
    }
    let laws: [(String, String?)] = [
      ("settings travel in the broadcast", broadcastProblem),
      (Self.shapeLaw, nil),
      ("encoding and decoding depend on their arguments alone", repetitionProblem),
      ("honest payloads decode near the update", nearnessProblem),
      ("any bytes give a sample within the bound or an error", hostileProblem),
      ("payloads have one length where the family says so", lengthProblem),
      ("a noisy update does not depend on shared randomness", sharingProblem),
      ("mean bits are as predicted", bitsProblem),
      ("predictions and bounds are numbers that can be", predictionProblem),
    ]
    return laws.map { CodecLaws.Finding(law: $0, settings: settings, problem: $1) }
  }

  // MARK: What is sent

  private func stream(_ index: UInt64) -> RandomStream { RandomStream(key: key.derived(.experiment, index: index)) }

  /// Zero, tiny, one coordinate alone, all alike, Gaussian, heavy-tailed and much too long before it is clipped.
  private var updates: [ClippedUpdate] {
    let (d, norm) = (settings.dimension, settings.clippingNorm)
    var stream = stream(0)
    let single = (0..<d).map { $0 == d / 2 ? -norm : 0 }
    return [
      ClippedUpdate(clipping: [Double](repeating: 0, count: d), to: norm),
      ClippedUpdate(clipping: single.map { $0 * 1e-9 }, to: norm), ClippedUpdate(clipping: single, to: norm),
      ClippedUpdate(clipping: [Double](repeating: norm, count: d), to: norm),
      TestUpdate.gaussian(snr: snr, settings: settings, stream: &stream),
      TestUpdate.heavyTailed(snr: snr, fraction: 0.5, settings: settings, stream: &stream),
      ClippedUpdate(clipping: single.map { $0 * 1e30 }, to: norm),
    ]
  }

  private func encode(_ update: ClippedUpdate, message: Int) -> Payload {
    var noise = PrivateRandomness(key: key.derived(.noise, index: UInt64(message)))
    var tally = CodingTally()
    return link.encode(update, message: message, private: &noise, tally: &tally)
  }

  private func decode(_ payload: Payload, message: Int) -> Result<[Double], PayloadError> {
    Result { () throws(PayloadError) in
      try link.channel.decodeUnchecked(payload, shared: link.shared(message: message))
    }
  }

  // MARK: Laws

  /// A broadcast of the settings, read by an end with the same registry.
  private var broadcastProblem: String? {
    let broadcast = Broadcast(
      round: 1, channel: settings, rotationKey: link.rotationKey, serverPublicKey: link.rotationKey,
      parameters: [Float](repeating: 0, count: settings.dimension))
    do throws(WireError) {
      let read = try Broadcast(bytes: broadcast.bytes, codecs: settings.codecs)
      if read.channel != settings { return "found \(read.channel.options) of \(settings.options)" }
    } catch {
      return "not read: \(error)"
    }
    return nil
  }

  private var shapeProblem: String? {
    let padded = settings.paddedDimension
    if padded < settings.dimension { return "padded to \(padded), fewer than the dimension" }
    for (message, update) in updates.enumerated() {
      switch decode(encode(update, message: message), message: message) {
      case .failure(let error): return "update \(message) was refused: \(error)"
      case .success(let sample):
        if sample.count != padded { return "a sample of \(sample.count) values, not \(padded)" }
        if !sample.allSatisfy(\.isFinite) { return "a sample of update \(message) that is not finite" }
      }
    }
    return nil
  }

  /// The same bytes twice; the same sample by a decoder of another process, by `decodeSample`, and after other messages.
  private var repetitionProblem: String? {
    for (message, update) in updates.enumerated() {
      let payload = encode(update, message: message)
      if encode(update, message: message) != payload { return "update \(message) has two payloads" }
      guard case .success(let sample) = decode(payload, message: message),
        let channel = try? Channel(settings, rotationKey: link.rotationKey),
        let again = try? channel.decode(payload, shared: link.shared(message: message)),
        let added = try? channel.decodeSample(payload, shared: link.shared(message: message))
      else { return "update \(message) was refused" }
      if again != sample { return "update \(message) has two samples" }
      if added.values != sample { return "decodeSample gives another sample of update \(message) than decode" }
    }
    return nil
  }

  /// Only for Gaussian noise: every coordinate of the sample is within 10 sigma of the update's.
  private var nearnessProblem: String? {
    guard descriptor.isExact else { return nil }
    for (message, update) in updates.enumerated() {
      guard case .success(let sample) = decode(encode(update, message: message), message: message) else {
        return "update \(message) was refused"
      }
      let sent = link.channel.inDomain(update).values
      for (i, pair) in zip(sample, sent).enumerated() where abs(pair.0 - pair.1) > 10 * settings.noiseScale {
        return "coordinate \(i) of update \(message) is \(abs(pair.0 - pair.1) / settings.noiseScale) sigma away"
      }
    }
    return nil
  }

  /// Noise of several lengths, and honest payloads that were cut, lengthened or changed in a byte.
  private var hostileProblem: String? {
    let bound = SampleBound(
      clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale, count: settings.paddedDimension)
    var stream = stream(1)
    let honest = updates.enumerated().map { encode($1, message: $0).bytes }
    for i in 0..<laws.hostilePayloads {
      var bytes = honest[i % honest.count]
      switch i % 5 {
      case 0:
        bytes = (0..<stream.integer(below: 2 * bytes.count + 12)).map { _ in UInt8(truncatingIfNeeded: stream.word()) }
      case 1: bytes = (0..<bytes.count).map { _ in UInt8(truncatingIfNeeded: stream.word()) }
      case 2: bytes.removeLast(min(bytes.count, 1 + stream.integer(below: 4)))
      case 3: bytes.append(UInt8(truncatingIfNeeded: stream.word()))
      default:
        if !bytes.isEmpty { bytes[stream.integer(below: bytes.count)] ^= UInt8(1 << stream.integer(below: 8)) }
      }
      guard case .success(let sample) = decode(Payload(bytes: bytes), message: i % honest.count) else { continue }
      if sample.count != settings.paddedDimension { return "\(bytes.count) bytes gave \(sample.count) values" }
      if !sample.allSatisfy(\.isFinite) { return "\(bytes.count) bytes gave a sample that is not finite" }
      // What one client can do to a sum; noise of another law has a bound of its own.
      if descriptor.isExact, let problem = sample.withUnsafeBufferPointer({ bound.problem($0) }) {
        return "\(bytes.count) bytes gave a sample beyond C + sigma (sqrt(n) + 8.32): \(problem)"
      }
    }
    return nil
  }

  private var lengthProblem: String? {
    guard settings.hasOneLength else { return nil }
    var stream = stream(3)
    let more = (0..<laws.messages).map { _ in TestUpdate.gaussian(snr: snr, settings: settings, stream: &stream) }
    let lengths = Set((updates + more).enumerated().map { encode($1, message: $0).bytes.count })
    return lengths.count == 1 ? nil : "payloads of \(lengths.sorted()) bytes"
  }

  /// Where the payload is the noisy update, it and what is decoded of it are the same whatever is shared: only then does it tell the
  /// server no more than the sample.
  private var sharingProblem: String? {
    guard descriptor.payload == .noisyUpdate else { return nil }
    for (message, update) in updates.enumerated() {
      let payload = encode(update, message: message)
      var noise = PrivateRandomness(key: key.derived(.noise, index: UInt64(message)))
      let other = link.shared(message: message + updates.count)
      let again = link.channel.encode(update, shared: other, private: &noise)
      if again != payload { return "update \(message) has another payload with other shared randomness" }
      guard case .success(let sample) = decode(payload, message: message),
        let second = try? link.channel.decode(payload, shared: other), second == sample
      else { return "update \(message) is decoded otherwise with other shared randomness" }
    }
    return nil
  }

  /// Gaussian updates of the clipping norm.
  private var bitsProblem: String? {
    guard laws.messages > 1, let predicted = settings.prediction?.bits else { return nil }
    var stream = stream(2)
    let bits = (0..<laws.messages).map { message in
      let update = TestUpdate.gaussian(snr: snr, settings: settings, stream: &stream)
      return Double(encode(update, message: message).bits)
    }
    let mean = bits.reduce(0, +) / Double(bits.count)
    let variance = bits.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(bits.count - 1)
    let slack = laws.tolerance * predicted + 8 + 4 * (variance / Double(bits.count)).squareRoot()
    return abs(mean - predicted) <= slack ? nil : "\(mean) bits on average, \(predicted) predicted"
  }

  private var predictionProblem: String? {
    guard let prediction = settings.prediction else { return "no prediction" }
    let numbers = [
      prediction.expectedBits, prediction.time.encodeNanoseconds, prediction.time.decodeNanoseconds,
      Double(prediction.encoderBytes), Double(prediction.sampleBytes),
    ]
    if settings.noiseScale > 0, settings.clippingNorm.isFinite {
      for share in [0, 0.01, 1] {
        let bits = settings.expectedBits(norm: share * settings.clippingNorm)
        if !(bits.isFinite && bits >= 0) { return "\(bits) bits are predicted of an update of \(share) C" }
      }
    }
    if !numbers.allSatisfy({ $0.isFinite && $0 >= 0 }) { return "a prediction is negative or not finite: \(numbers)" }
    if let bound = settings.totalVariationBound {
      if !descriptor.isExact { return "a bound on total variation from Gaussian noise, which it is not" }
      if !(bound >= 0 && bound < 1) { return "a bound on total variation of \(bound)" }
    }
    return nil
  }
}
