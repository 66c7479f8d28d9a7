import ChannelCoding

/// Where the random numbers of a traced search come from.
///
/// A seed gives them all (`SeededTrace`); a test gives them one by one, as a table of reference values has them.
public protocol TraceRandomness {
  /// The shared uniform number of a candidate: by the rule of `SharedUniforms`.
  mutating func candidate(_ number: UInt64) -> Double
  /// The next of the encoder's own exponentials.
  mutating func time() -> Double
  /// The next of the encoder's own coins, in [0, 1).
  mutating func coin() -> Double
  /// The next exponential, and the next share of an interval's mass, of arrivals where the search does not look any more.
  mutating func discardedTime() -> Double
  mutating func discardedShare() -> Double
}

/// Random numbers of a trace from a seed: the same on every machine.
///
/// A sampler with the same uniforms and the same stream makes the same search: what is traced is what is sent. What a search discards is
/// filled from a stream of its own, so that the search is the same whether or not anybody asks for it.
public struct SeededTrace: TraceRandomness {
  private var uniforms: SharedUniforms
  private var own: RandomStream
  private var discarded: RandomStream

  public init(seed: UInt64) {
    let key = Key(seed: seed, label: "channel trace")
    uniforms = SharedUniforms(SharedRandomness(key: key.derived(.shared)))
    own = RandomStream(key: key.derived(.noise))
    discarded = RandomStream(key: key.derived(.completion))
  }

  public mutating func candidate(_ number: UInt64) -> Double { uniforms.candidate(number) }
  public mutating func time() -> Double { own.time() }
  public mutating func coin() -> Double { own.uniform() }
  public mutating func discardedTime() -> Double { discarded.time() }
  public mutating func discardedShare() -> Double { discarded.uniform() }
}
