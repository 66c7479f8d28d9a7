import ChannelCoding
import Numerics

/// How messages of one form become bytes: public tables, which both ends have.
///
/// Numbers are coded by a table over half octaves, depths by a stop flag for each depth, sides by the share of the mass that they have.
/// Tables come from the public figures of the target alone (a zeta law of exponent 1 + 1 / (KL + 1)), or also from messages of a pilot that
/// both ends know. Every message of the form has a code, however unlikely it is.
public struct MessageCode: Sendable {
  public let form: MessageForm
  private let proposal: LineProposal
  private let first: IndexModel
  private let second: IndexModel
  /// Sizes of "stop" out of 2^32 by depth.
  private let stops: [UInt64]
  private let ringToss: RingToss

  /// A message in bytes.
  public struct Message: Sendable, Equatable {
    public let bytes: [UInt8]
    /// Minus log2 of the probability that the tables gave to what was coded.
    public let modelBits: Double
  }

  /// - Parameters:
  ///   - tail: P[r >= u M] for u in (0, 1], which `flags` are coded with; public like the figures.
  ///   - pilot: messages that both ends know, from which tables are learnt.
  public init(
    _ form: MessageForm, _ figures: PublicFigures, tail: (Double) -> Double, pilot: [MessageSymbols] = []
  ) {
    self.form = form
    proposal = figures.proposal
    let exponent = 1 / (figures.relativeEntropy / Elementary.ln2 + 1)
    let zeta = { (k: UInt64) in Elementary.exp(-exponent * Elementary.log(Double(k))) }
    var numbers: (first: [UInt64], second: [UInt64]) = ([], [])
    var depths: [Int] = []
    for symbols in pilot {
      switch symbols {
      case .index(let k), .flags(let k): numbers.first.append(k)
      case .pair(let a, let b):
        numbers.first.append(a)
        numbers.second.append(b)
      case .path(let steps): depths.append(steps.count)
      }
    }
    first = Self.model(numbers.first, prior: zeta)
    switch form {
    case .batch(let size):
      second = Self.model(numbers.second) { max(1 - Double($0 - 1) / Double(size), 0) }
    case .rankedBlock(let size): second = Self.model(numbers.second) { $0 > UInt64(size) ? 0 : zeta($0) }
    default: second = Self.model(numbers.second, prior: zeta)
    }
    var limit = 0
    if case .path(_, _, let depth) = form { limit = depth }
    // Before anything is seen: a geometric depth of mean 1.4 a bit.
    stops = Self.stops(depths, limit: limit, rate: 1 / (2 + 1.4 * figures.relativeEntropy / Elementary.ln2))
    ringToss = form == .flags ? RingToss(expectedBits: 0, tail: tail) : RingToss(expectedBits: 0) { _ in 0.5 }
  }

  /// Observed numbers, and eight of the prior law.
  private static func model(_ numbers: [UInt64], prior: (UInt64) -> Double) -> IndexModel {
    var masses = [Double](repeating: 0, count: IndexModel.cellCount)
    for number in numbers { masses[min(IndexModel.cell(number), IndexModel.cellCount - 1)] += 1 }
    for cell in masses.indices {
      let next = cell + 1 < masses.count ? prior(IndexModel.first(cell + 1)) : 0
      masses[cell] += 8 * max(prior(IndexModel.first(cell)) - next, 0)
    }
    var tails = masses
    for cell in tails.indices.reversed().dropFirst() { tails[cell] += tails[cell + 1] }
    return IndexModel(tails: tails)
  }

  /// Observed shares of searches that stop at a depth, and two of the prior rate.
  private static func stops(_ depths: [Int], limit: Int, rate: Double) -> [UInt64] {
    var ends = [Double](repeating: 0, count: limit + 1)
    for depth in depths { ends[min(depth, limit)] += 1 }
    var left = Double(depths.count)
    return ends.map { end in
      let share = (end + 2 * rate) / (left + 2)
      left -= end
      return min(max(UInt64(share * 0x1p32), 16), 1 << 32 - 16)
    }
  }

  /// The chance of a share `u` out of 2^32.
  private static func size(_ u: Double) -> UInt64 { min(max(UInt64(u * 0x1p32), 1), 1 << 32 - 1) }

  // MARK: Encoder

  public func encode(_ symbols: MessageSymbols, _ shared: SharedRandomness) -> Message {
    var coder = RangeEncoder(reservingBytes: 16)
    switch symbols {
    case .index(let k): first.encode(k, to: &coder)
    case .pair(let a, let b):
      first.encode(a, to: &coder)
      second.encode(b, to: &coder)
    case .flags(let k): ringToss.encode(k, heights: shared.words(.heights), to: &coder)
    case .path(let steps):
      for (depth, step) in steps.enumerated() {
        coder.encode(false, size: stops[depth])
        coder.encode(step.isBelow, size: Self.size(step.u))
      }
      if steps.count < stops.count { coder.encode(true, size: stops[steps.count]) }
    }
    let modelBits = coder.modelBits
    return Message(bytes: coder.finish(), modelBits: modelBits)
  }

  // MARK: Decoder

  /// The sample that a message names.
  ///
  /// - Throws: `PayloadError` for bytes that no encoder writes.
  public func decode(_ bytes: [UInt8], _ shared: SharedRandomness) throws(PayloadError) -> Double {
    let result = bytes.withUnsafeBufferPointer { buffer -> Result<Double, PayloadError> in
      var decoder = RangeDecoder(buffer)
      guard let x = read(from: &decoder, shared) else { return .failure(.notACode(coordinate: 0)) }
      guard decoder.isAtEnd else { return .failure(.trailingBytes) }
      return x.isFinite ? .success(x) : .failure(.notFinite(coordinate: 0))
    }
    return try result.get()
  }

  private func read(from decoder: inout RangeDecoder, _ shared: SharedRandomness) -> Double? {
    var uniforms = SharedUniforms(shared)
    switch form {
    case .index:
      return first.decode(from: &decoder).map { candidate($0, &uniforms) }
    case .rankedBlock(let size):
      guard let block = first.decode(from: &decoder), let rank = second.decode(from: &decoder),
        let number = uniforms.candidate(rank: rank, block: block, size: size)
      else { return nil }
      return candidate(number, &uniforms)
    case .batch(let size):
      guard let batch = first.decode(from: &decoder), let place = second.decode(from: &decoder),
        place <= UInt64(size)
      else { return nil }
      let (end, overflows) = batch.multipliedReportingOverflow(by: UInt64(size))
      return overflows ? nil : candidate(end - UInt64(size) + place, &uniforms)
    case .flags:
      let limit = Self.mostFlags
      return ringToss.decode(heights: shared.words(.heights), limit: limit, from: &decoder).map {
        candidate($0, &uniforms)
      }
    case .path(let split, let addressing, let limit):
      return follow(split, addressing, limit, &uniforms, &decoder)
    }
  }

  /// A decoder reads flags as long as they say that the search went on: no further than an encoder's search goes.
  static let mostFlags = 1 << 29

  private func candidate(_ number: UInt64, _ uniforms: inout SharedUniforms) -> Double {
    LineInterval().point(uniforms.candidate(number), proposal).x
  }

  private func follow(
    _ split: MessageForm.Split, _ addressing: MessageForm.Addressing, _ limit: Int,
    _ uniforms: inout SharedUniforms, _ decoder: inout RangeDecoder
  ) -> Double? {
    var interval = LineInterval()
    var heap: UInt64 = 1
    for depth in 0...limit {
      let u = uniforms.candidate(addressing == .heap ? heap : UInt64(depth + 1))
      if decoder.flag(size: stops[depth]) { return interval.point(u, proposal).x }
      guard depth < limit else { return nil }
      let at = split == .sample ? u : 0.5
      let isBelow = decoder.flag(size: Self.size(at))
      interval = interval.part(below: isBelow, at)
      // No target has so little mass under P: masses would underflow.
      guard interval.width > 0x1p-1000 else { return nil }
      if addressing == .heap { heap = 2 * heap + (isBelow ? 0 : 1) }
    }
    return nil
  }
}
