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
    try DiagonalGaussian(
      means: active.map { (posterior.means[$0] - prior.means[$0]) / prior.scales[$0] },
      scales: active.map { posterior.scales[$0] / prior.scales[$0] })
  }

  /// KL(posterior || prior) in bits, of all coordinates.
  static func klBits(_ posterior: LatentPosterior, _ prior: LatentPrior) -> Double {
    var nats = 0.0
    for j in prior.scales.indices {
      let ratio = posterior.scales[j] / prior.scales[j]
      let shift = (posterior.means[j] - prior.means[j]) / prior.scales[j]
      nats += (ratio * ratio - 1 + shift * shift) / 2 - Elementary.log(ratio)
    }
    return nats / Elementary.log(2)
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

  /// The other end.
  func receive(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    // Words of a purpose that no posterior codec uses.
    var y = [Double](repeating: 0, count: prior.scales.count)
    y.withUnsafeMutableBufferPointer { shared.normals(.silent).read(at: 0, into: $0) }
    if let codec { for (j, value) in zip(active, try codec.decode(payload, shared: shared)) { y[j] = value } }
    return y.indices.map { prior.means[$0] + prior.scales[$0] * y[$0] }
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

  /// - Parameter message: numbers the messages about this datum, from 1: each has randomness of its own.
  func shared(message: Int) -> SharedRandomness { SharedRandomness(session: session, round: message) }
  func noise(message: Int) -> PrivateRandomness { keys.noise(round: message) }
  func fit(message: Int) -> RandomStream { keys.training(round: message).stream }
}
