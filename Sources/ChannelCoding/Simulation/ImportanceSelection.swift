import Numerics

/// Minimal random coding [Havasi, Peharz & Hernandez-Lobato 2019] and ordered random coding [Theis & Yosri 2022]:
/// one of N candidates, with probability proportional to r. **Approximate**: the output tends to the target only as N
/// grows beyond e^(KL).
enum ImportanceSelection {
  /// An index from 1 to N, with the client's own randomness: argmin of E_k / r(y_k), E_k exponential.
  static func minimal(
    _ candidates: inout CandidateScores, count: Int, random: inout RandomStream
  ) -> UInt64 {
    var best = Double.infinity
    var index: UInt64 = 1
    for k in 1...UInt64(count) {
      let value = Elementary.log(max(random.exponential(), 0x1p-60)) - candidates.score()
      if value < best { (best, index) = (value, k) }
    }
    return index
  }

  /// The same law of the output, with the exponentials in order: small indices become likelier. The k-th smallest of N
  /// exponentials is the (k-1)-th plus an exponential over N - k + 1.
  static func ordered(
    _ candidates: inout CandidateScores, count: Int, random: inout RandomStream
  ) -> UInt64 {
    var best = Double.infinity
    var index: UInt64 = 1
    var time = 0.0
    for k in 1...count {
      time += random.exponential() / Double(count - k + 1)
      let value = Elementary.log(max(time, 0x1p-60)) - candidates.score()
      if value < best { (best, index) = (value, UInt64(k)) }
    }
    return index
  }
}
