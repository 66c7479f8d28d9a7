import ChannelCoding
import Numerics
import VariationalModels

/// Both ends of what is sent of posteriors: which coordinates, over which proposal, by which code.
///
/// In the prior's units w = m + s y: the proposal is N(0, I), and a posterior N(mu, diag sigma^2) is N((mu - m) / s, diag (sigma / s)^2). A
/// coordinate whose tied scale is the prior's says nothing: it is the shared randomness' own draw of the prior, and no part of the code.
struct PosteriorSender: Sendable {
  let prior: LatentPrior
  /// Coordinates that are coded, ascending.
  let active: [Int]
  /// Nil where no coordinate says anything, and nothing is sent.
  let codec: (any PosteriorCodec)?

  /// A sample that was sent.
  struct Sent: Sendable {
    let latents: [Double]
    let payload: Payload
    let tally: CodingTally
  }

  /// Scales nearer to the prior's than this say nothing that a sample could show.
  private static let silentRatio = 1 - 1e-9

  static func active(_ prior: LatentPrior, _ form: PosteriorForm) -> [Int] {
    guard form == .tied else { return Array(prior.scales.indices) }
    return prior.scales.indices.filter { prior.posteriorScales[$0] < silentRatio * prior.scales[$0] }
  }

  /// The posterior in the prior's units, of the coordinates that are coded.
  func normalized(_ posterior: LatentPosterior) throws(PosteriorError) -> DiagonalGaussian {
    try Self.normalized(posterior, prior, active)
  }

  /// A posterior beyond what codes take, in scale or mean, is moved to the nearest one that they do: which posterior of a datum is sent is the
  /// sender's choice, and the sample is exactly of that one. A fit may end there (a scale that rounds to the prior's, a tiny beta), and must
  /// not end a run behind its last round.
  static func normalized(
    _ posterior: LatentPosterior, _ prior: LatentPrior, _ active: [Int]
  ) throws(PosteriorError) -> DiagonalGaussian {
    let largest = PosteriorOptions().largestMean
    return try DiagonalGaussian(
      means: active.map { min(max((posterior.means[$0] - prior.means[$0]) / prior.scales[$0], -largest), largest) },
      scales: active.map { ratio(posterior.scales[$0], $0, prior) })
  }

  /// A scale over the prior's, as codes take it; the same at both ends for public scales.
  static func ratio(_ scale: Double, _ coordinate: Int, _ prior: LatentPrior) -> Double {
    min(max(scale / prior.scales[coordinate], DiagonalGaussian.smallestScale), silentRatio)
  }

  /// KL(posterior || prior) in bits, of all coordinates.
  static func klBits(_ posterior: LatentPosterior, _ prior: LatentPrior) -> Double {
    prior.divergence(of: posterior) / Elementary.log(2)
  }

  /// Encodes, and decodes from the bytes and the shared randomness alone.
  func send(
    _ posterior: LatentPosterior, shared: SharedRandomness, private noise: inout PrivateRandomness
  ) throws -> Sent {
    var tally = CodingTally()
    let payload =
      try codec?.encode(normalized(posterior), shared: shared, private: &noise, tally: &tally) ?? Payload(bytes: [])
    return Sent(latents: try receive(payload, shared: shared), payload: payload, tally: tally)
  }

  /// As `send`, block by block: what is left of the posterior is fitted again after each block that was sent.
  ///
  /// Exact all the same: each block's target is a function of the datum and of samples that the other end has, and both ends share the
  /// prior alone. A codec without blocks sends the posterior as it is.
  ///
  /// - Parameter refit: the posterior given latents that were sent, from where the last fit ended.
  func sendRefining(
    _ posterior: LatentPosterior, shared: SharedRandomness, private noise: inout PrivateRandomness,
    refit: (_ sent: [Double?], _ start: LatentPosterior) -> LatentPosterior
  ) throws -> Sent {
    guard var encoder = codec?.blockEncoder(shared: shared) else {
      return try send(posterior, shared: shared, private: &noise)
    }
    var tally = CodingTally()
    var current = posterior
    var sent = silent(shared).map { Double?.some($0) }
    for j in active { sent[j] = nil }
    while let coordinates = encoder.nextBlock {
      let block = try normalized(current)[coordinates]
      let sample = try encoder.encode(block, private: &noise, tally: &tally)
      for (c, y) in zip(coordinates, sample) { sent[active[c]] = prior.means[active[c]] + prior.scales[active[c]] * y }
      if encoder.nextBlock != nil { current = refit(sent, current) }
    }
    let payload = encoder.finish(counting: &tally)
    return Sent(latents: try receive(payload, shared: shared), payload: payload, tally: tally)
  }

  /// Latents of which nothing is sent: draws of the prior that both ends make. All latents; those that are sent take their places.
  private func silent(_ shared: SharedRandomness) -> [Double] {
    // Words of a purpose that no posterior codec uses.
    var y = [Double](repeating: 0, count: prior.scales.count)
    y.withUnsafeMutableBufferPointer { shared.normals(.silent).read(at: 0, into: $0) }
    return y.indices.map { prior.means[$0] + prior.scales[$0] * y[$0] }
  }

  /// The other end.
  func receive(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    var latents = silent(shared)
    if let codec {
      for (j, y) in zip(active, try codec.decode(payload, shared: shared)) {
        latents[j] = prior.means[j] + prior.scales[j] * y
      }
    }
    return latents
  }
}

/// What one sample cost, whatever it is a sample of.
struct MessageFigures: Sendable {
  let klBits: Double
  let modelBits: Double?
  let payloadBits: Int
  let draws: Int

  init(_ sent: PosteriorSender.Sent, of posterior: LatentPosterior, _ prior: LatentPrior) {
    klBits = PosteriorSender.klBits(posterior, prior)
    (modelBits, payloadBits, draws) = (sent.tally.modelBits, sent.payload.bits, sent.tally.draws)
  }
}

extension PosteriorResults.Row {
  /// The row of a code that sent posterior samples.
  init(
    _ messages: [MessageFigures], by codec: PosteriorCodecDescriptor, beta: Double, meanSquaredError: Double? = nil,
    meanPSNR: Double? = nil, accuracy: Estimate? = nil
  ) {
    let n = Double(messages.count)
    let model = messages.compactMap(\.modelBits)
    self.init(
      code: codec.name.rawValue, kind: .sample, isExact: codec.isExact, beta: beta, setting: nil,
      klBits: messages.reduce(0) { $0 + $1.klBits } / n,
      modelBits: model.count == messages.count ? model.reduce(0, +) / n : nil,
      payloadBits: Estimate(messages.map { Double($0.payloadBits) }) ?? Estimate(mean: 0, error: nil),
      meanSquaredError: meanSquaredError, meanPSNR: meanPSNR, accuracy: accuracy,
      draws: Double(messages.reduce(0) { $0 + $1.draws }) / n)
  }
}

/// The keys of the ends of one datum: as any client's, agreed on by X25519.
struct PosteriorKeys: Sendable {
  private let keys: ClientKeys
  private let session: SessionKey

  /// - Parameter datum: its number behind all clients of the run.
  init(_ run: RunKeys, datum: Int) throws {
    keys = run.client(datum)
    session = try keys.keyPair.sessionAsClient(server: run.server.keyPair.publicKey)
  }

  /// - Parameter message: numbers the messages about this datum, from 1, each of which has randomness of its own; 0 is the first fit.
  func shared(message: Int) -> SharedRandomness { SharedRandomness(session: session, round: message) }
  func noise(message: Int) -> PrivateRandomness { keys.noise(round: message) }
  func fit(message: Int) -> RandomStream { keys.training(round: message).stream }
}
