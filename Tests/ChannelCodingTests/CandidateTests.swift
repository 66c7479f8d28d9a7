import Testing

@testable import ChannelCoding
@testable import Numerics

@Suite struct CandidateTests {
  /// The interleaved key stream is libsodium's ChaCha20, word by word, with every instruction set.
  @Test func theKeyStreamIsChaCha20() {
    for kernels in Kernels.available {
      for (stream, group) in [(UInt64(3), UInt64(0)), (1 << 40 | 9, 5), (2, 1 << 34)] {
        let words = NormalStream(key: countingKey, stream: stream, kernels: kernels).words(group: group)
        let plain = KeyStream(key: countingKey, stream: stream)
        for block in 0..<16 {
          for i in 0..<16 {
            let flat = 16 * i + block
            let found = UInt32(truncatingIfNeeded: words[flat / 2] >> UInt64(32 * (flat % 2)))
            let word = plain.word(at: (group * 16 + UInt64(block)) * 8 + UInt64(i / 2))
            #expect(found == UInt32(truncatingIfNeeded: word >> UInt64(32 * (i % 2))), "\(kernels.name)")
          }
        }
      }
    }
  }

  @Test func everyInstructionSetGivesTheSameNormalsAndScores() {
    let mean = (0..<77).map { Double($0) / 50 - 0.7 }
    var first: ([UInt64], [UInt64], [UInt64])?
    for kernels in Kernels.available {
      var normals = [Double](repeating: 0, count: 128 * 6)
      normals.withUnsafeMutableBufferPointer {
        NormalStream(key: countingKey, stream: 8, kernels: kernels).read(group: 11, into: $0)
      }
      var scores = [Double](repeating: 0, count: 9)
      normals.withUnsafeBufferPointer { z in
        mean.withUnsafeBufferPointer { mu in
          scores.withUnsafeMutableBufferPointer {
            if let base = z.baseAddress { kernels.scores(base, mu, quadratic: 0.25, constant: -1, into: $0) }
          }
        }
      }
      // What the score is.
      for k in 0..<9 {
        var expected = -1.0
        for i in mean.indices { expected += normals[77 * k + i] * (mean[i] - 0.25 * normals[77 * k + i]) }
        #expect(abs(scores[k] - expected) < 1e-12)
      }
      var words = [UInt64](repeating: 0, count: 320)
      words.withUnsafeMutableBufferPointer { KeyStream(key: countingKey, stream: 2).read(at: 0, into: $0) }
      var steps = [Double](repeating: 0, count: 80)
      var dithers = steps
      var centres = steps
      words.withUnsafeBufferPointer { w in
        steps.withUnsafeMutableBufferPointer { s in
          dithers.withUnsafeMutableBufferPointer { kernels.layers(w, steps: s, dithers: $0) }
          centres.withUnsafeMutableBufferPointer { kernels.shifts(w, steps: s, centres: $0) }
        }
      }
      let bits = (normals.map(\.bitPattern), scores.map(\.bitPattern), (steps + centres).map(\.bitPattern))
      if let first {
        #expect(first == bits, "\(kernels.name)")
      } else {
        first = bits
      }
      // Slices: right - left is the step, and tau and 1 - tau belong to the ends.
      for i in steps.indices {
        let (right, left) = (centres[i] + steps[i] / 2, steps[i] / 2 - centres[i])
        let tau = Elementary.exp(-right * right / 2) + Elementary.exp(-left * left / 2)
        #expect(abs(tau - 1) < 1e-12 && steps[i] > 2.35482, "\(tau)")
      }
    }
  }

  /// Any candidate can be read alone, whatever the batches were.
  @Test(arguments: [1, 7, 128, 300, 5000])
  func candidatesAreAddressed(length: Int) {
    let stream = NormalStream(key: countingKey, stream: 12)
    let mean = (0..<length).map { 1 / Double(1 + $0) }
    for batch in [1, 3, 1000] {
      for start in [UInt64(0), 131] {
        var scores = CandidateScores(
          stream, mean: mean, quadratic: 0.5, constant: 0, start: start, batch: batch)
        for k in 0..<20 {
          let score = scores.score()
          var z = [Double](repeating: 0, count: length)
          z.withUnsafeMutableBufferPointer { stream.read(at: start + UInt64(k * length), into: $0) }
          var expected = 0.0
          for i in 0..<length { expected += z[i] * (mean[i] - 0.5 * z[i]) }
          #expect(abs(score - expected) < 1e-9 * max(1, abs(expected)), "candidate \(k) of \(length)")
        }
      }
    }
  }
}

@Suite struct IndexModelTests {
  private let model = IndexModel(tails: (0..<IndexModel.cellCount).map { 1 / Double(IndexModel.first($0)) })

  @Test func everyIndexRoundTrips() {
    let indices: [UInt64] =
      [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 100, 1000, 1 << 20, (1 << 33) - 1, 1 << 33, (1 << 40) - 1]
    var encoder = RangeEncoder()
    for index in indices { model.encode(index, to: &encoder) }
    encoder.finish().withUnsafeBufferPointer {
      var decoder = RangeDecoder($0)
      for index in indices { #expect(model.decode(from: &decoder) == index) }
    }
  }

  @Test func cellsAreHalfOctaves() {
    #expect((0..<9).map { IndexModel.first($0) } == [1, 2, 3, 4, 6, 8, 12, 16, 24])
  }

  /// Coded lengths are the model's: Pr[K >= k] = 1/k, against its expectation.
  @Test func lengthsAreAsExpected() {
    var random = RandomStream(key: countingKey, stream: 55)
    var encoder = RangeEncoder()
    for _ in 0..<20_000 { model.encode(UInt64(1 / (1 - random.uniform())), to: &encoder) }
    let bits = Double(8 * encoder.finish().count) / 20_000
    #expect(abs(bits - model.expectedBits) < 0.05, "\(bits) \(model.expectedBits)")
  }

  @Test func bitsAreLearnt() {
    var random = RandomStream(key: countingKey, stream: 56)
    let flags = (0..<5000).map { _ in random.bernoulli(0.03) }
    var encoder = RangeEncoder()
    var bit = AdaptiveBit()
    for flag in flags { bit.encode(flag, to: &encoder) }
    let bytes = encoder.finish()
    // n h(0.03) = 972 bits, and half log2 n for learning.
    #expect(Double(8 * bytes.count) < 1100)
    bytes.withUnsafeBufferPointer {
      var decoder = RangeDecoder($0)
      var bit = AdaptiveBit()
      #expect(flags == flags.map { _ in bit.decode(from: &decoder) })
    }
  }
}
