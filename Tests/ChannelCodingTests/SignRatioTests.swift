import Foundation
import Testing

@testable import ChannelCoding
@testable import Numerics

/// The ratio of a piece against the bound that docs/codecs/numerics.md derives ("Pieces").
@Suite struct SignRatioTests {
  /// Biases that are hard on sums: one number again and again, whose roundings all have the same sign; nearly certain ones; many sizes.
  enum Kind: CaseIterable {
    case equal, certain, sizes, tiny, large
  }

  private func biases(_ kind: Kind, _ count: Int, _ random: inout RandomStream) -> [Double] {
    let equal = 0.1 + 0.5 * random.uniform()
    return (0..<count).map { i in
      let u = random.uniform()
      let size =
        switch kind {
        case .equal: equal
        case .certain: i % 3 == 0 ? 1 - 0x1p-53 : 1 - Double(1 + Int(8 * u)) * 0x1p-53
        case .sizes: Elementary.exp(-36 * u)
        case .tiny: 1e-9 * (1 + u)
        case .large: i % 64 == 7 ? 1 - 1e-12 : 1e-3 * u
        }
      return kind == .equal || random.uniform() < 0.5 ? size : -size
    }
  }

  /// ln(1 + b t) of both signs: within the unit that 1 + b t rounds by, five of its own, and two that the reference may be off by.
  @Test(arguments: Kind.allCases) func logarithms(kind: Kind) {
    var random = RandomStream(key: countingKey, stream: 401)
    var t = biases(kind, 1024, &random)
    for kernels in Kernels.available {
      let logs = ratios(&t, kernels)
      for i in t.indices {
        for (place, b) in [(0, 1.0), (8, -1.0)] {
          let (found, expected) = (logs[16 * (i / 8) + i % 8 + place], Foundation.log1p(b * t[i]))
          #expect(abs(found - expected) <= (1 + 7 * abs(expected)) * 0x1p-53, "\(kernels.name) \(b * t[i])")
        }
      }
    }
    // A sign that is certain has no other one.
    var certain = [1.0, -1, 0, 0, 0, 0, 0, 0]
    let both = ratios(&certain, .best)
    #expect(abs(both[0] - Elementary.ln2) < 1e-15 && abs(both[8] + 80 * Elementary.ln2) < 1e-13)
    #expect(both[1] == both[8] && both[9] == both[0] && both[2] == 0 && both[10] == 0)
  }

  private func ratios(_ t: inout [Double], _ kernels: Kernels) -> [Double] {
    var logs = [Double](repeating: 0, count: 2 * t.count)
    t.withUnsafeMutableBufferPointer { t in
      logs.withUnsafeMutableBufferPointer { kernels.signRatios(t, into: $0) }
    }
    return logs
  }

  /// Sums by pairs: 4 + log2 n roundings of what is added up, and not n / 16, whatever the signs are; the same bits with every
  /// instruction set. Candidates: likely signs, unlikely ones, all plus, all minus, and random ones.
  @Test(arguments: Kind.allCases, [8, 64, 128, 256, 2048, 65536]) func sums(kind: Kind, count: Int) {
    var random = RandomStream(key: countingKey, stream: 402)
    for _ in 0..<max(1, min(8, 65536 / count)) {
      var t = biases(kind, count, &random)
      let stride = max(1, count / 64)
      var words = [UInt64](repeating: 0, count: 6 * stride)
      for i in 0..<count {
        let place = UInt64(i % 64)
        let minus: [Bool] = [t[i] < 0, t[i] >= 0, false, true, random.uniform() < 0.5, random.uniform() < 0.01]
        for k in 0..<6 where minus[k] { words[k * stride + i / 64] |= 1 << place }
      }
      var first: [UInt64]?
      for kernels in Kernels.available {
        var logs = ratios(&t, kernels)
        var scores = [Double](repeating: 0, count: 6)
        logs.withUnsafeMutableBufferPointer { logs in
          scores.withUnsafeMutableBufferPointer { kernels.signScores(logs, words, stride: stride, into: $0) }
        }
        for k in 0..<6 {
          var (sum, size) = (TimeSum(), 0.0)
          for i in 0..<count {
            let minus = words[k * stride + i / 64] >> UInt64(i % 64) & 1
            let term = logs[16 * (i / 8) + i % 8 + 8 * Int(minus)]
            sum.add(term)
            size += abs(term)
          }
          let bound = Double(4 + count.trailingZeroBitCount) * size * 0x1p-53
          let error = abs(scores[k] - sum.value)
          #expect(error <= bound, "\(kernels.name) candidate \(k): \(error) \(bound)")
        }
        let bits = scores.map(\.bitPattern)
        #expect(first ?? bits == bits, "\(kernels.name)")
        first = bits
      }
    }
  }

  /// What candidates score is what the client reckons of the same signs, also where a piece has fewer signs than a vector.
  @Test(arguments: [1, 2, 4, 8, 32, 512]) func candidatesScoreAsTheClientDoes(count: Int) {
    var random = RandomStream(key: countingKey, stream: 403)
    var t = biases(.sizes, count, &random)
    let stream = NormalStream(key: countingKey, stream: 404)
    t.withUnsafeMutableBufferPointer { t in
      var candidates = SignCandidates(stream, biases: t)
      for index in 1...300 {
        let words = SignCandidates.words(stream, index: UInt64(index), count: count)
        var signs = (0..<count).map { words[$0 / 64] >> UInt64($0 % 64) & 1 == 0 ? 1.0 : -1 }
        let expected = signs.indices.reduce(0) { $0 + abs(Foundation.log1p(signs[$1] * t[$1])) }
        let score = candidates.score()
        let own = signs.withUnsafeMutableBufferPointer { candidates.logRatio($0) }
        let truth = signs.indices.reduce(0) { $0 + Foundation.log1p(signs[$1] * t[$1]) }
        #expect(abs(score - own) <= Double(5 + count.trailingZeroBitCount) * expected * 0x1p-53, "\(index)")
        #expect(abs(own - truth) <= 1e-13 * (expected + Double(count)), "\(index)")
      }
    }
  }

  /// E |ln(1 + b t)| over the target's sign b is at most |t|, which makes the bound of pieces one of the sum of |t|.
  @Test func logarithmsAreSmallOnAverage() {
    for i in 0..<100_000 {
      let t = i < 50_000 ? Double(i) / 50_000 : 1 - Elementary.exp(-Double(i - 50_000) / 1400)
      let mean = (1 + t) / 2 * Foundation.log1p(t) + (t < 1 ? -(1 - t) / 2 * Foundation.log1p(-t) : 0)
      #expect(mean <= t * (1 + 1e-15), "\(t)")
    }
  }
}
