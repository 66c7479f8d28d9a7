import Numerics

/// Channel simulation of blocks of a diagonal Gaussian: of each block the index of one shared candidate is sent.
///
/// Target Q = N(mu, diag rho^2), proposal P = N(0, I), r = dQ/dP: ln r(y) = sum_j -ln rho_j + (y_j^2 - (y_j - mu_j)^2 / rho_j^2) / 2. For any
/// cap M, with y ~ Q and h uniform in (0, r(y)): y given h <= M has density min(q, M p) / Z, and is simulated by the codec's selection over
/// candidates of P; y given h > M is sent by `EscapeCode`. Nothing in this needs equal scales: `BlockCodec` has the same for those.
///
/// The decoder reads candidates of P, which is public: it needs neither mu nor rho. So rho may be the sender's own, and so may the cap of a
/// functional representation.
///
/// Blocks are public (`PosteriorPlan`). One whose body has a mass below one half at the largest cap, a matter of mu and rho alone, is split in
/// two by a flag; a single coordinate by `CoordinateCode`. So no posterior makes an endless search.
///
/// `mrc` sends one of N candidates drawn in proportion to r: approximate.
struct BlockPosterior: PosteriorRangeCodec {
  let settings: PosteriorSettings
  let plan: PosteriorPlan

  /// - Parameter settings: ones without a problem.
  init(_ selection: BlockPlan.Selection, _ settings: PosteriorSettings) {
    self.settings = settings
    plan = PosteriorPlan(selection, settings)
  }

  var expectedBits: Double { plan.expectedBits + Self.endBits }

  func encode(
    _ posterior: DiagonalGaussian, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) throws(PosteriorError) -> Payload {
    if let problem = settings.problem(posterior) { throw problem }
    var encoder = PosteriorBlockEncoder(self, shared: shared)
    while let coordinates = encoder.nextBlock {
      _ = try encoder.encode(posterior[coordinates], private: &noise, tally: &tally)
    }
    return encoder.finish(counting: &tally)
  }

  func blockEncoder(shared: SharedRandomness) -> PosteriorBlockEncoder? {
    PosteriorBlockEncoder(self, shared: shared)
  }

  func read(
    from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    var state = BlockParts(self, shared: shared)
    for block in plan.blocks {
      let n = block.coordinates.count
      let isRead = withUnsafeTemporaryAllocation(of: Double.self, capacity: n) { y in
        y.initialize(repeating: 0)
        guard state.decode(block, from: &decoder, into: y) else { return false }
        for (i, coordinate) in block.coordinates.enumerated() { values[coordinate] = y[i] }
        return true
      }
      guard isRead else { return .notACode(coordinate: block.coordinates[0]) }
    }
    return nil
  }
}

/// Encodes a posterior block by block, so that the posteriors of later blocks may depend on the samples of earlier ones: progressive
/// refinement.
///
///     var encoder = codec.blockEncoder(shared: shared)
///     while let coordinates = encoder.nextBlock {
///       let sample = try encoder.encode(posterior(of: coordinates, given: sentSoFar), private: &noise, tally: &tally)
///     }
///     let payload = encoder.finish(counting: &tally)
///
/// It is exact still: each block is a sample of the posterior that was given for it, and both ends share the prior alone.
public struct PosteriorBlockEncoder: ~Copyable {
  private let codec: BlockPosterior
  private var parts: BlockParts
  private var coder = RangeEncoder(reservingBytes: 64)
  private var next = 0

  init(_ codec: BlockPosterior, shared: SharedRandomness) {
    self.codec = codec
    parts = BlockParts(codec, shared: shared)
  }

  /// The coordinates of the block that is to be encoded next, in ascending order; nil after the last one.
  public var nextBlock: [Int]? { next < codec.plan.blocks.count ? codec.plan.blocks[next].coordinates : nil }

  /// The number of blocks in all.
  public var blockCount: Int { codec.plan.blocks.count }

  /// Encodes the next block.
  ///
  /// - Parameter block: the posterior of the coordinates `nextBlock`, in their order.
  /// - Returns: the sample that the decoder gets, bit for bit.
  public mutating func encode(
    _ block: DiagonalGaussian, private noise: inout PrivateRandomness, tally: inout CodingTally
  ) throws(PosteriorError) -> [Double] {
    guard next < codec.plan.blocks.count else { throw .block(found: block.count, expected: 0) }
    let planned = codec.plan.blocks[next]
    guard block.count == planned.coordinates.count else {
      throw .block(found: block.count, expected: planned.coordinates.count)
    }
    if let problem = codec.settings.problem(block, coordinates: planned.coordinates) { throw problem }
    next += 1
    return parts.encode(block, planned, &noise.stream, to: &coder, tally: &tally)
  }

  /// The payload of all blocks.
  ///
  /// - Precondition: all blocks are encoded.
  public consuming func finish(counting tally: inout CodingTally) -> Payload {
    precondition(next == codec.plan.blocks.count, "every block is encoded before the end")
    return coder.finish(counting: &tally)
  }

  /// Indices of whole blocks so far: what index laws are learned from.
  var indices: [UInt64] { parts.indices }
}
