import ChannelCoding
import Platform

/// Candidates X_1, X_2, ... of P, one after another, with their scores.
struct CandidateSequence: CandidateSource {
  let target: any LineTarget
  private let line = LineInterval()
  private let proposal: LineProposal
  var uniforms: SharedUniforms
  /// The number of the last candidate, and where it is.
  private(set) var number: UInt64 = 0
  private(set) var point: LinePoint
  /// The candidate that was the best one so far.
  private(set) var kept: LinePoint

  init(_ target: any LineTarget, _ uniforms: SharedUniforms) {
    self.target = target
    self.uniforms = uniforms
    proposal = target.proposal
    point = line.point(0.5, target.proposal)
    kept = point
  }

  /// The next candidate.
  mutating func next() -> LinePoint {
    number += 1
    point = line.point(uniforms.candidate(number), proposal)
    return point
  }

  mutating func score() -> Double { target.logRatio(next()) }

  mutating func keep() { kept = point }
}

extension RandomStream {
  /// Uniform on (0, 1]: coins, whose probabilities may be 0 or 1.
  mutating func coin() -> Double { Double((word() >> 11) + 1) * 0x1p-53 }
}
