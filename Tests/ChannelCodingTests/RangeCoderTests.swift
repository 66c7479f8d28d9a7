import Numerics
import Platform
import Testing

@testable import ChannelCoding

@Suite struct RangeCoderTests {
  private struct Symbol { var start: UInt64, size: UInt64 }

  private func decode(_ bytes: [UInt8], _ body: (inout RangeDecoder) -> Void) {
    bytes.withUnsafeBufferPointer {
      var decoder = RangeDecoder($0)
      body(&decoder)
    }
  }

  @Test(arguments: 0..<50)
  func whatIsWrittenIsRead(seed: Int) {
    var random = RandomStream(key: countingKey, stream: UInt64(100 + seed))
    let symbols = (0..<random.integer(below: 400)).map { _ in
      // Sizes from one unit to nearly everything.
      let size = UInt64(1) << UInt64(random.integer(below: 32)) + UInt64(random.integer(below: 2))
      return Symbol(start: UInt64(random.integer(below: Int(1 << 32 - size) + 1)), size: size)
    }
    var encoder = RangeEncoder()
    for symbol in symbols { encoder.encode(start: symbol.start, size: symbol.size) }
    let bytes = encoder.finish()
    #expect(bytes.last != 0)
    decode(bytes) { decoder in
      for symbol in symbols {
        let target = decoder.target
        #expect(target >= symbol.start && target < symbol.start + symbol.size)
        #expect(decoder.isAtLeast(symbol.start))
        #expect(symbol.start + symbol.size == 1 << 32 || !decoder.isAtLeast(symbol.start + symbol.size))
        decoder.consume(start: symbol.start, size: symbol.size)
      }
      #expect(decoder.isAtEnd)
    }
  }

  /// The top interval again and again makes runs of 0xFF, then one carry ripples through them.
  @Test func carriesPropagate() {
    var encoder = RangeEncoder()
    let symbols =
      [Symbol](repeating: Symbol(start: (1 << 32) - 1, size: 1), count: 20)
      + [Symbol(start: 1 << 31, size: 1 << 31)] + [Symbol](repeating: Symbol(start: 1 << 30, size: 3 << 30), count: 50)
    for symbol in symbols { encoder.encode(start: symbol.start, size: symbol.size) }
    decode(encoder.finish()) { decoder in
      for symbol in symbols {
        let target = decoder.target
        #expect(target >= symbol.start && target < symbol.start + symbol.size)
        decoder.consume(start: symbol.start, size: symbol.size)
      }
    }
  }

  @Test func bytesAreCloseToTheInformation() {
    // 100,000 symbols of probability 0.999: 144 bits.
    let size = UInt64(0.999 * 4_294_967_296)
    var encoder = RangeEncoder()
    for _ in 0..<100_000 { encoder.encode(start: 0, size: size) }
    let bits = 8 * encoder.finish().count
    #expect(bits <= 152, "\(bits) bits")
    #expect(RangeEncoder().finish().isEmpty, "nothing to say takes no byte")
  }

  // MARK: Model bits

  /// Symbols of known probabilities: the model bits are the sum of -log2, and more by what truncation takes from each interval, at
  /// most 2^-24 of it.
  @Test(arguments: 0..<20)
  func modelBitsAreTheSumOfTheSymbols(seed: Int) {
    var random = RandomStream(key: countingKey, stream: UInt64(1200 + seed))
    var encoder = RangeEncoder()
    var (sum, worst) = (0.0, 0.0)
    #expect(encoder.modelBits == 0, "nothing was said")
    for count in 1...2000 {
      let size = UInt64(1) << UInt64(random.integer(below: 32)) + UInt64(random.integer(below: 2))
      encoder.encode(start: UInt64(random.integer(below: Int(1 << 32 - size) + 1)), size: size)
      sum += 32 - log2(Double(size))
      let excess = encoder.modelBits - sum
      if excess < -1e-12 * sum || excess > Double(count) * 1e-7 + 1e-12 * sum {
        Issue.record("\(excess) bits after \(count) symbols of \(sum) bits")
        return
      }
      worst = max(worst, excess)
    }
    #expect(worst > 1e-12 * sum, "no truncation was seen")
    let modelBits = encoder.modelBits
    let bits = Double(8 * encoder.finish().count)
    #expect(bits < modelBits + 8 && abs(modelBits / sum - 1) < 1e-6)
  }

  /// All messages of a model that learns: probabilities 2^-(model bits) add up to 1, but for what truncation takes (Kraft's inequality,
  /// nearly with equality), and no two messages have the same payload.
  @Test func messagesOfAModelAddUpToOne() {
    let length = 13
    var total = 0.0
    var payloads = Set<[UInt8]>()
    for message in 0..<(1 << length) {
      var encoder = RangeEncoder()
      var flag = AdaptiveBit(ones: 1, zeros: 5)
      for i in 0..<length { flag.encode(message >> i & 1 == 1, to: &encoder) }
      total += exp2(-encoder.modelBits)
      payloads.insert(encoder.finish())
    }
    #expect(total <= 1 + 1e-9 && total >= 1 - Double(length) * 0x1p-24, "\(total)")
    #expect(payloads.count == 1 << length)
  }

  /// Of messages with the law of their models, payloads take 4 - 1 / ln 2 bits more than the model bits on average.
  ///
  /// Let 8 n + f be the model bits, f uniform on (0, 8), as it is for long messages. The last byte is spared where the interval has a point of
  /// n bytes in it, with probability 2^-f, and each byte before it with probability 1/256: the mean is
  /// E[8 - f - 8 (256/255) 2^-f] = 4 - 1 / ln 2.
  @Test func payloadsAreLongerByAConstant() {
    var random = RandomStream(key: countingKey, stream: 1300)
    let excesses = (0..<40_000).map { _ in
      var encoder = RangeEncoder()
      for _ in 0..<(60 + random.integer(below: 40)) {
        let size = min(max(random.word() >> 32, 1), 1 << 32 - 1)
        encoder.encode(random.word() >> 32 < size, size: size)
      }
      let modelBits = encoder.modelBits
      return Double(8 * encoder.finish().count) - modelBits
    }
    let estimate = Estimate(excesses)
    let (mean, error) = (estimate?.mean ?? .nan, estimate?.error ?? .nan)
    // A standard error of 0.015; false alarms with probability 10^-6.
    #expect(abs(mean - (4 - 1 / log(2))) < 4.9 * error && error < 0.02, "\(mean) +- \(error)")
    #expect(excesses.allSatisfy { $0 < 8 } && excesses.contains { $0 < -1 })
  }

  @Test func rawBitsAndGammaCodes() {
    let values: [UInt64] = [0, 1, 2, 3, 100, 1 << 40, (1 << 61) - 2]
    var encoder = RangeEncoder()
    for value in values { encoder.encodeGamma(value) }
    encoder.encode(bits: 0xDEAD_BEEF, count: 32)
    decode(encoder.finish()) { decoder in
      for value in values { #expect(decoder.gamma() == value) }
      #expect(decoder.bits(count: 32) == 0xDEAD_BEEF)
    }
  }

  @Test func foreignBytesDoNotTrap() {
    var random = RandomStream(key: countingKey, stream: 99)
    for _ in 0..<2000 {
      let bytes = (0..<random.integer(below: 30)).map { _ in UInt8(truncatingIfNeeded: random.word()) }
      decode(bytes) { decoder in
        for _ in 0..<50 {
          let target = decoder.target
          #expect(target < 1 << 32)
          decoder.consume(start: target, size: 1)
          _ = decoder.gamma()
        }
      }
    }
    var endless = RangeEncoder()
    for _ in 0..<80 { endless.encode(bits: 1, count: 1) }
    decode(endless.finish()) { #expect($0.gamma() == nil) }
    // A length of 61 is one more than any encoder writes: adding an alphabet's size could overflow.
    var long = RangeEncoder()
    for bit in Array(repeating: UInt64(1), count: 61) + [0] + Array(repeating: 1, count: 61) {
      long.encode(bits: bit, count: 1)
    }
    decode(long.finish()) { #expect($0.gamma() == nil) }
  }
}

@Suite struct NormalTableTests {
  @Test func neverFallsAndIsClose() {
    NormalTable.shared.withCumulative { cumulative in
      var last = -1.0
      for i in -1_100_000...1_100_000 where i % 7 == 0 {
        let value = cumulative(Double(i) * 1e-5)
        if value < last { Issue.record("falls at \(i)") }
        last = value
      }
      #expect(cumulative(-8) == 0 && cumulative(8) == 1 && cumulative(0) == 0.5)
      #expect(cumulative(-.infinity) == 0 && cumulative(.infinity) == 1)
      #expect(abs(cumulative(1) - 0.841344746068543) < 1e-15, "a node is exact")
      #expect(abs(cumulative(-2.5) - 0.00620966532577613) < 1e-16)
    }
  }

  @Test func isGolden() {
    NormalTable.shared.withCumulative { cumulative in
      var hash: UInt64 = 0
      for i in 0...1024 {
        hash = hash &* 6_364_136_223_846_793_005 &+ cumulative(Double(i) / 64 - 8).bitPattern
      }
      #expect(hash == 8_289_619_359_985_160_841, "found \(hash): another table codes other bytes")
    }
  }
}
