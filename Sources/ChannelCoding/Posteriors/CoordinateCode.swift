import Numerics

/// One coordinate that holds more than a selection can carry, exactly: N(mu, rho^2) over the proposal N(0, 1), rho the sender's own.
///
/// Greedy Poisson rejection with the search path as its code (`FastGPRS`), which takes steps in proportion to the bits: at each depth a flag
/// whether the search stops, and the side that it walks on to, with the probability that both ends know. The decoder walks through intervals of
/// the proposal: it needs neither mu nor rho.
///
/// Two ways out, so that no posterior makes an endless search: past `depthLimit` steps the sender goes on with uniforms of its own and sends the
/// sample, 64 bits; the same search, so the same law. And a coordinate of more than `largestInformation` nats, or one that is as wide as the
/// proposal and shifted, a matter of mu and rho alone, is drawn in private and sent as 64 bits: fewer than its information.
struct CoordinateCode {
  private let shared: SharedRandomness
  private let largest: Double
  private var ownFlag = AdaptiveBit()
  private var stop = [AdaptiveBit](repeating: AdaptiveBit(), count: 64)

  /// Steps with shared uniforms; settable for tests in which searches go on beyond.
  var depthLimit = 248
  /// KL of a coordinate in nats, at most: 64 bits.
  static let largestInformation = 40.0
  /// The widest target that is searched for: beyond, the density ratio hardly falls.
  static let largestScale = 0.999

  /// - Parameter largest: nothing that an honest sender sends as a number of its own is beyond.
  init(shared: SharedRandomness, largest: Double) {
    self.shared = shared
    self.largest = largest
  }

  /// - Returns: the sample.
  mutating func encode(
    mean: Double, scale: Double, stream: Int, _ random: inout RandomStream, to coder: inout RangeEncoder,
    tally: inout CodingTally
  ) -> Double {
    let isOwn =
      scale > Self.largestScale || DiagonalGaussian.nats(mean: mean, scale: scale) > Self.largestInformation
    ownFlag.encode(isOwn, to: &coder)
    guard isOwn else { return search(mean, scale, stream, &random, &coder, &tally) }
    let value = mean + scale * random.normal()
    Self.send(value, to: &coder)
    tally.draws += 1
    return value
  }

  private mutating func search(
    _ mean: Double, _ scale: Double, _ stream: Int, _ random: inout RandomStream, _ coder: inout RangeEncoder,
    _ tally: inout CodingTally
  ) -> Double {
    let pair = GaussianPair(mean: mean / scale, proposalScale: 1 / scale)
    var words = DepthWords(shared.words(.search, block: stream))
    words.start(0)
    var interval = FastGPRS.Interval()
    var mass = FastGPRS.Mass()
    var time = TimeSum()
    var depth = 0
    while true {
      let isShared = depth < depthLimit
      let u = FastGPRS.uniform(isShared ? words.word(depth) : random.word())
      let masses = interval.candidate(u)
      let y = NormalQuantile.point(left: masses.left, right: masses.right)
      let position = y / scale
      time.add(random.time() / mass.value)
      let isAccepted = pair.accepts(position, at: time.value)
      if isShared { stop[Self.context(depth)].encode(isAccepted, to: &coder) }
      depth += 1
      tally.draws += 1
      if isAccepted {
        if !isShared { Self.send(y, to: &coder) }
        return y
      }
      let keepsBelow = position > pair.mode
      if isShared { coder.encode(keepsBelow, size: Self.size(u)) }
      if keepsBelow { interval.keepBelow(u) } else { interval.keepAbove(u) }
      mass.keep(keepsBelow ? u : 1 - u)
    }
  }

  /// Nil for a code that no encoder writes.
  mutating func decode(stream: Int, from decoder: inout some SymbolDecoder) -> Double? {
    if ownFlag.decode(from: &decoder) { return receive(from: &decoder) }
    var words = DepthWords(shared.words(.search, block: stream))
    words.start(0)
    var interval = FastGPRS.Interval()
    for depth in 0..<depthLimit {
      let u = FastGPRS.uniform(words.word(depth))
      if stop[Self.context(depth)].decode(from: &decoder) {
        let masses = interval.candidate(u)
        return NormalQuantile.point(left: masses.left, right: masses.right)
      }
      if decoder.flag(size: Self.size(u)) { interval.keepBelow(u) } else { interval.keepAbove(u) }
    }
    return receive(from: &decoder)
  }

  private static func context(_ depth: Int) -> Int { min(depth, 63) }

  /// The chance of the part below, out of 2^32.
  private static func size(_ u: Double) -> UInt64 { min(max(UInt64(u * 0x1p32), 1), 1 << 32 - 1) }

  private static func send(_ value: Double, to coder: inout RangeEncoder) {
    coder.encodeLong(value.bitPattern >> 1, count: 63)
    coder.encode(bits: value.bitPattern & 1, count: 1)
  }

  private func receive(from decoder: inout some SymbolDecoder) -> Double? {
    let value = Double(bitPattern: decoder.longBits(count: 63) << 1 | decoder.bits(count: 1))
    // NaN is beyond every bound.
    return abs(value) <= largest ? value : nil
  }
}
