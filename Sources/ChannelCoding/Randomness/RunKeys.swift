/// The keys of a run, from which the keys of both ends are made.
///
/// Whoever sets a run up holds this value: the engine of a simulation. Neither end does. The server gets `ServerKeys`, a client
/// `ClientKeys`; each is derived one way, so no client holds a value from which the server's secrets, or another client's, follow.
///
/// There are two roots, and a third for runs that ask for it. The *experiment* root comes from the seed alone and keys the data split, the partition and the initial
/// parameters, so that runs of one seed can be compared. The *run* root comes from the seed and a fingerprint of
/// everything else that decides what is released (the resolved scenario, the data, the version) and keys cohorts,
/// noise and agreements: two runs of one seed with different noise multipliers would otherwise release
/// S + z1 G and S + z2 G, hence S. The *common* root comes from the seed alone again, and takes the place of the run root for cohorts, the
/// order of batches and the coins of dropouts and stragglers where runs shall be compared in pairs. Noise, agreements, rotations and
/// completions are keyed by the run root in every run: no two runs share them.
public struct RunKeys: Sendable {
  private let run: Key
  /// The root of what runs of a seed may have in common: the run's own, or the common one.
  private let draws: Key

  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - fingerprint: any bytes that name the run; see `Fingerprint`.
  ///   - isCommon: whether cohorts, batches and coins are those of every run with this seed of which that is true.
  public init(seed: UInt64, fingerprint: [UInt8], isCommon: Bool = false) {
    let root = Self.root(seed)
    run = Sodium.hash(Array("fedsim run".utf8) + fingerprint, key: root)
    draws = isCommon ? root.derived(.common) : run
  }

  private static func root(_ seed: UInt64) -> Key {
    Sodium.hash(Array("fedsim seed".utf8) + withUnsafeBytes(of: seed.littleEndian, Array.init))
  }

  /// The stream of data split, partition or initialisation: from the seed alone.
  public static func experimentStream(seed: UInt64, _ purpose: KeyPurpose) -> RandomStream {
    RandomStream(key: experimentKey(seed: seed, purpose))
  }

  /// The key of that stream, for what draws from several streams.
  public static func experimentKey(seed: UInt64, _ purpose: KeyPurpose) -> Key {
    root(seed).derived(.experiment).derived(purpose)
  }

  /// What the server is given.
  public var server: ServerKeys { ServerKeys(root: run.derived(.server), draws: draws.derived(.server)) }

  /// What one client is given.
  public func client(_ id: Int) -> ClientKeys {
    ClientKeys(
      root: run.derived(.client, index: UInt64(id)), draws: draws.derived(.client, index: UInt64(id)))
  }
}

/// The secrets of the server's end, which no client can reach. The rotation is made public in the round's broadcast.
public struct ServerKeys: Sendable {
  private let root: Key
  /// What cohorts follow from.
  private let draws: Key

  fileprivate init(root: Key, draws: Key) { (self.root, self.draws) = (root, draws) }

  public var keyPair: KeyPair { KeyPair(seed: root.derived(.keyPair)) }

  public func cohort(round: Int) -> PrivateRandomness {
    PrivateRandomness(key: draws.derived(.cohort, index: UInt64(round)))
  }

  public func completion(round: Int) -> PrivateRandomness {
    PrivateRandomness(key: root.derived(.completion, index: UInt64(round)))
  }

  public func rotation(round: Int) -> Key { root.derived(.rotation, index: UInt64(round)) }
}

/// The secrets of one client's end.
public struct ClientKeys: Sendable {
  private let root: Key
  /// What the order of batches and the coins of dropouts and stragglers follow from.
  private let draws: Key

  fileprivate init(root: Key, draws: Key) { (self.root, self.draws) = (root, draws) }

  public var keyPair: KeyPair { KeyPair(seed: root.derived(.keyPair)) }

  public func noise(round: Int) -> PrivateRandomness {
    PrivateRandomness(key: root.derived(.noise, index: UInt64(round)))
  }

  public func training(round: Int) -> PrivateRandomness {
    PrivateRandomness(key: draws.derived(.training, index: UInt64(round)))
  }

  public func dropout(round: Int) -> PrivateRandomness {
    PrivateRandomness(key: draws.derived(.dropout, index: UInt64(round)))
  }

  public func straggler(round: Int) -> PrivateRandomness {
    PrivateRandomness(key: draws.derived(.straggler, index: UInt64(round)))
  }

  /// Whether the client's upload of a round is written and decoded, in a simulation that does so with a share of them alone. The coin depends
  /// on the client and the round, and on nothing that happens in the run.
  ///
  /// - Parameter share: the probability, from 0 to 1.
  public func isCoded(round: Int, share: Double) -> Bool {
    guard share < 1 else { return true }
    var coin = PrivateRandomness(key: root.derived(.coded, index: UInt64(round)))
    return coin.stream.bernoulli(share)
  }
}

/// Collects what names a run and hashes it. Every part is preceded by its length, so no two lists of parts agree.
public struct Fingerprint: Sendable {
  private var digest: Key = Sodium.hash([])

  public init() {}

  public mutating func add(_ bytes: [UInt8]) {
    let length = withUnsafeBytes(of: UInt64(bytes.count).littleEndian, Array.init)
    digest = Sodium.hash(digest.bytes + length + bytes)
  }

  /// The same digest, without the bytes in one array.
  ///
  /// - Parameters:
  ///   - byteCount: how many bytes there are.
  ///   - forEachPart: calls what it is given with parts of `byteCount` bytes in all, in order.
  public mutating func add(byteCount: Int, forEachPart: ((UnsafeRawBufferPointer) -> Void) -> Void) {
    var hash = StreamingHash()
    digest.bytes.withUnsafeBytes { hash.add($0) }
    withUnsafeBytes(of: UInt64(byteCount).littleEndian) { hash.add($0) }
    var count = 0
    forEachPart { part in
      hash.add(part)
      count += part.count
    }
    precondition(count == byteCount, "the parts have the length that was named")
    digest = hash.finish()
  }

  public var bytes: [UInt8] { digest.bytes }
}
