import Statistics
import Testing

@testable import ChannelCoding
@testable import Numerics

/// What `PassLayout` and the kernels do, one leaf at a time from the definitions: the reference, and its broken variants.
private enum Pass {
  enum Variant: Sendable {
    case right
    /// Candidates share the dithers of the leaves outside G.
    case commonDithers
    /// Leaves in G count in r as if they had no bias.
    case ratioWithoutBias
    /// Escapes are sent without the flags of the leaves in G.
    case escapeWithoutG
  }

  struct Outcome {
    var signs: [Double]
    var leaves: [Double]
    var logRatio: Double
  }

  static func products(_ a: [Double], _ b: [Double]) -> [Double] { a.indices.map { a[$0] * b[$0] } }

  static func sums(_ t: [Double], _ c: [Double]) -> [Double] {
    let half = t.count / 2
    return c.indices.map { (c[$0] * t[$0] + t[half + $0]) / (1 + c[$0] * t[$0] * t[half + $0]) }
  }

  /// All leaves of a node, each decided by `choose` from its place and its bias.
  static func walk(_ t: [Double], from start: Int = 0, _ choose: (Int, Double) -> Double) -> [Double] {
    let half = t.count / 2
    guard half > 0 else { return [choose(start, t[0])] }
    let c = walk(products(Array(t[..<half]), Array(t[half...])), from: start, choose)
    let b = walk(sums(t, c), from: start + half, choose)
    return products(c, b) + b
  }

  /// Signs to leaves: the same steps backwards.
  static func leaves(_ signs: [Double]) -> [Double] {
    let half = signs.count / 2
    guard half > 0 else { return signs }
    let second = Array(signs[half...])
    return leaves(products(Array(signs[..<half]), second)) + leaves(second)
  }

  /// The bits (plus or minus 1) of a pass as the leaves that they stand for.
  static func fairLeaves(_ bits: [Double], _ isFair: [Bool], from start: Int = 0) -> [Double] {
    let n = bits.count
    if n >= 8, isFair[start..<(start + n)].allSatisfy({ $0 }) { return leaves(bits) }
    guard n > 8 else { return bits }
    return fairLeaves(Array(bits[..<(n / 2)]), isFair, from: start)
      + fairLeaves(Array(bits[(n / 2)...]), isFair, from: start + n / 2)
  }

  /// A pass with given leaves in G, or with all leaves by their bias, and a dither for each other leaf.
  static func run(
    _ t: [Double], _ isFair: [Bool], fair: [Double]?, dithers: [Double], variant: Variant = .right
  ) -> Outcome {
    var ratio = 1.0
    var chosen: [Double] = []
    let signs = walk(t) { leaf, bias in
      var sign = dithers[leaf] < (1 + bias) / 2 ? 1.0 : -1
      if isFair[leaf] {
        if let fair { sign = fair[leaf] }
        ratio *= variant == .ratioWithoutBias ? 1 + sign * t[leaf] : 1 + sign * bias
      }
      chosen.append(sign)
      return sign
    }
    return Outcome(signs: signs, leaves: chosen, logRatio: Elementary.log(max(ratio, 1e-300)))
  }

  /// The whole construction for one node: r, cap, escape, selection.
  static func simulate(
    _ t: [Double], _ isFair: [Bool], logCap: Double, variant: Variant, _ random: inout RandomStream
  ) -> (signs: [Double], isEscape: Bool) {
    let own = t.map { _ in random.uniform() }
    let common = t.map { _ in random.uniform() }
    let drawn = run(t, isFair, fair: nil, dithers: own, variant: variant)
    if drawn.logRatio - random.time() > logCap {
      guard variant == .escapeWithoutG else { return (drawn.signs, true) }
      let guessed = drawn.leaves.indices.map { isFair[$0] ? (own[$0] < 0.5 ? 1.0 : -1) : drawn.leaves[$0] }
      return (walk(t) { leaf, _ in guessed[leaf] }, true)
    }
    var (time, best, signs) = (0.0, Double.infinity, drawn.signs)
    while true {
      time += random.time()
      if Elementary.log(time) >= logCap + best { return (signs, false) }
      let fair = t.map { _ in random.bernoulli(0.5) ? 1.0 : -1 }
      let dithers = variant == .commonDithers ? common : t.map { _ in random.uniform() }
      let pass = run(t, isFair, fair: fair, dithers: dithers, variant: variant)
      let value = Elementary.log(time) - min(pass.logRatio, logCap)
      if value < best { (best, signs) = (value, pass.signs) }
    }
  }

  static func product(_ t: [Double], _ signs: [Double]) -> Double {
    t.indices.reduce(1.0) { $0 * (1 + signs[$1] * t[$1]) / 2 }
  }
}

@Suite struct PolarPassTests {
  private func biases(_ count: Int, stream: UInt64) -> [Double] {
    var random = RandomStream(key: countingKey, stream: stream)
    return (0..<count).map { i in
      i % 7 == 3 ? 0 : (i % 11 == 5 ? 1 : (2 * random.uniform() - 1) * (i % 2 == 0 ? 0.1 : 0.95))
    }
  }

  private static let patterns: [(String, @Sendable (Int) -> Bool)] = [
    ("first half", { $0 < 8 }), ("every other", { $0 % 2 == 0 }), ("all but one", { $0 != 13 }), ("one", { $0 == 6 }),
    ("mixed", { ($0 * 7) % 5 < 3 }),
  ]

  /// All 2^16 sign vectors of a node of 16, each by its one path of leaves: the proposal q~, the ratio by the chain rule over G, what
  /// escapes, and the body. The escapes and the body together are the product law to 10^-14, whatever G and cap are.
  @Test(arguments: [0.6, 1.0, 1.7, 5], 0..<patterns.count)
  func passesAndEscapesGiveTheProductLaw(cap: Double, pattern: Int) {
    for count in [8, 16] {
      let t = biases(count, stream: 303)
      let isFair = (0..<count).map(Self.patterns[pattern].1)
      var (escaped, bodies, all) = (0.0, 0.0, [(p: Double, escape: Double, body: Double)]())
      for vector in 0..<(1 << count) {
        var (proposal, ratio, target) = (1.0, 1.0, 1.0)
        let signs = Pass.walk(t) { leaf, bias in
          let sign = (vector >> leaf) & 1 == 0 ? 1.0 : -1
          target *= (1 + sign * bias) / 2
          proposal *= isFair[leaf] ? 0.5 : (1 + sign * bias) / 2
          if isFair[leaf] { ratio *= 1 + sign * bias }
          return sign
        }
        // What follows a sign of probability 0 is no number.
        guard target > 0 else { continue }
        #expect(abs(target - Pass.product(t, signs)) < 1e-14 && abs(proposal * ratio - target) < 1e-14)
        let escape = ratio > cap ? target * (1 - cap / ratio) : 0
        escaped += escape
        bodies += proposal * min(ratio, cap)
        all.append((target, escape, proposal * min(ratio, cap)))
      }
      for entry in all { #expect(abs(entry.escape + (1 - escaped) * entry.body / bodies - entry.p) < 1e-14) }
      #expect(abs(all.reduce(0) { $0 + $1.p } - 1) < 1e-12)
      if cap < 1 { #expect(escaped > 0.01) }
    }
  }

  /// Kernels and definitions make the same signs, flags and ratios from the same words, with every instruction set, for passes and for the
  /// node's own leaves; and a decoder's leaves are theirs.
  @Test(arguments: [8, 16, 32, 64, 128, 512, 2048], 0..<3)
  func kernelsAreThePasses(count: Int, pattern: Int) {
    let isFair = (0..<count).map { leaf in
      pattern == 0 ? (leaf * 7919) % 13 < 6 : pattern == 1 ? leaf < count / 2 || leaf % 41 != 40 : leaf != count - 3
    }
    let layout = PassLayout(count: count) { isFair[$0] }
    // So that no ratio is near the ends of doubles.
    let t = biases(count, stream: 306).map { $0 * 0.5 * min(1, (64 / Double(count)).squareRoot()) }
    let stream = NormalStream(key: countingKey, stream: 307)
    for index in [1, 2, 8, 9, 17, 31] as [UInt64] {
      let expected = reference(t, isFair, layout, stream, index: index)
      for kernels in Kernels.available {
        let found = passes(t, layout, NormalStream(key: countingKey, stream: 307, kernels: kernels), index: index)
        #expect(found.signs == expected.outcome.signs && found.flags == expected.flags, "\(kernels.name) \(index)")
        #expect(abs(found.logRatio - expected.outcome.logRatio) < 1e-11 * Double(count), "\(kernels.name) \(index)")
      }
    }
  }

  /// Pass `index` from what a decoder reads.
  private func reference(
    _ t: [Double], _ isFair: [Bool], _ layout: PassLayout, _ stream: NormalStream, index: UInt64
  ) -> (outcome: Pass.Outcome, flags: [UInt8]) {
    let words = layout.words(stream, index: index)
    var dithers = [Double](repeating: 0, count: t.count)
    for i in 0..<layout.outsideCount { dithers[Int(layout.outside[i])] = Double(words.dithers[i] >> 11) * 0x1p-53 }
    let fair = t.indices.map { (words.leaves[$0 / 64] >> UInt64($0 % 64)) & 1 == 0 ? 1.0 : -1 }
    let outcome = Pass.run(t, isFair, fair: fair, dithers: dithers)
    let flags = layout.outside[..<layout.outsideCount].map { leaf -> UInt8 in
      (outcome.leaves[Int(leaf)] > 0) == (dithers[Int(leaf)] < 0.5) ? 0 : 1
    }
    return (outcome, flags)
  }

  /// Pass `index` of the eight that it is made with.
  private func passes(
    _ t: [Double], _ layout: PassLayout, _ stream: NormalStream, index: UInt64
  ) -> (signs: [Double], flags: [UInt8], logRatio: Double) {
    var (t, logRatios) = (t, [Double](repeating: 0, count: 8))
    var signs = [UInt8](repeating: 0, count: t.count)
    var flags = [UInt8](repeating: 0, count: layout.outside.count)
    var scratch = [Double](repeating: 0, count: layout.scratchCount)
    t.withUnsafeMutableBufferPointer { t in
      logRatios.withUnsafeMutableBufferPointer { logs in
        signs.withUnsafeMutableBufferPointer { b in
          flags.withUnsafeMutableBufferPointer { f in
            scratch.withUnsafeMutableBufferPointer {
              stream.polarPasses(
                t, first: (index - 1) & ~7, stride: layout.stride, outside: layout.outside, logRatios: logs, signs: b,
                flags: f, scratch: $0)
            }
          }
        }
      }
    }
    let lane = UInt8((index - 1) & 7)
    return (
      signs.map { ($0 >> lane) & 1 == 0 ? 1 : -1 }, flags.dropLast().map { ($0 >> lane) & 1 }, logRatios[Int(lane)]
    )
  }

  /// The node's own leaves: signs and flags as without a plan, and the ratio over G, with every instruction set.
  @Test(arguments: [8, 16, 64, 512, 2048], 0..<3)
  func ratiosOfOwnLeavesAreRight(count: Int, pattern: Int) {
    let isFair = (0..<count).map { leaf in
      pattern == 0 ? (leaf * 7919) % 13 < 6 : pattern == 1 ? leaf < count / 2 || leaf % 41 != 40 : leaf != count - 3
    }
    let layout = PassLayout(count: count) { isFair[$0] }
    var t = biases(count, stream: 306).map { $0 * 0.5 * min(1, (64 / Double(count)).squareRoot()) }
    var words = [UInt64](repeating: 0, count: (count + 127) / 128 * 128)
    words.withUnsafeMutableBufferPointer { NormalStream(key: countingKey, stream: 313).readWords(group: 0, into: $0) }
    let dithers = words[..<count].map { Double($0 >> 11) * 0x1p-53 }
    let expected = Pass.run(t, isFair, fair: nil, dithers: dithers)
    for kernels in Kernels.available {
      var signs = [Double](repeating: 0, count: count)
      var flags = [UInt8](repeating: 0, count: count)
      var scratch = signs
      let found = t.withUnsafeMutableBufferPointer { t in
        words.withUnsafeBufferPointer { w in
          flags.withUnsafeMutableBufferPointer { f in
            signs.withUnsafeMutableBufferPointer { b in
              scratch.withUnsafeMutableBufferPointer {
                kernels.polarRatio(t, w, outside: layout.outside, flags: f, signs: b, scratch: $0)
              }
            }
          }
        }
      }
      #expect(signs == expected.signs, "\(kernels.name)")
      let expectedFlags = expected.leaves.indices.map { leaf -> UInt8 in
        (expected.leaves[leaf] > 0) == (dithers[leaf] < 0.5) ? 0 : 1
      }
      #expect(flags == expectedFlags, "\(kernels.name)")
      #expect(abs(found - expected.logRatio) < 1e-11 * Double(count), "\(kernels.name)")
    }
  }

  /// The bits of a pass stand for the signs of whole nodes in G, and for leaves elsewhere.
  @Test func bitsAreSignsOfWholeNodes() {
    let isFair = (0..<256).map { $0 < 64 || $0 == 70 || $0 >= 72 && $0 != 200 }
    let layout = PassLayout(count: 256) { isFair[$0] }
    #expect(layout.outside.dropLast().allSatisfy { !isFair[Int($0)] } && layout.outsideCount == 8)
    let stream = NormalStream(key: countingKey, stream: 308)
    let words = stream.words(group: 0)
    let bits = (0..<256).map { (words[$0 / 64] >> UInt64($0 % 64)) & 1 == 0 ? 1.0 : -1 }
    let leaves = layout.words(stream, index: 1).leaves
    let expected = Pass.fairLeaves(bits, isFair)
    for leaf in 0..<256 where isFair[leaf] {
      #expect(expected[leaf] == ((leaves[leaf / 64] >> UInt64(leaf % 64)) & 1 == 0 ? 1 : -1), "\(leaf)")
    }
    #expect(expected != bits)
  }
}

@Suite struct PolarPassStatistics {
  private static let biases = (0..<8).map { Double($0 - 3) / 5 + 0.05 }

  private func chiSquare(_ counts: [Int], _ t: [Double]) -> Double {
    let seen = Double(counts.reduce(0, +))
    return counts.enumerated().reduce(0) { total, entry in
      let signs = t.indices.map { (entry.offset >> $0) & 1 == 0 ? 1.0 : -1 }
      let expected = seen * Pass.product(t, signs)
      return total + (Double(entry.element) - expected) * (Double(entry.element) - expected) / expected
    }
  }

  /// The construction from its definition, 200,000 draws of 8 signs over all 256 outcomes: chi-square at 10^-6. Dithers in common, a ratio
  /// without the leaves' own biases, and escapes that lose the flags of G are each rejected.
  @Test(arguments: [
    (Pass.Variant.right, 1.3), (.right, 1.6), (.commonDithers, 1.6), (.ratioWithoutBias, 1.6), (.escapeWithoutG, 1.3),
  ])
  private func theConstructionIsExact(variant: Pass.Variant, cap: Double) {
    let t = Self.biases
    let isFair = [true, true, true, false, true, false, false, true]
    var random = RandomStream(key: countingKey, stream: 309)
    var counts = [Int](repeating: 0, count: 256)
    var escapes = 0
    let rounds = 200_000
    for _ in 0..<rounds {
      let (signs, isEscape) = Pass.simulate(
        t, isFair, logCap: Elementary.log(cap), variant: variant, &random)
      if isEscape { escapes += 1 }
      counts[signs.indices.reduce(0) { $0 | (signs[$1] < 0 ? 1 << $1 : 0) }] += 1
    }
    #expect(Double(escapes) / Double(rounds) > 0.02)
    let p = Laws.chiSquareSurvival(chiSquare(counts, t), degrees: 255)
    #expect((p > 1e-6) == (variant == .right), "\(variant) \(p)")
  }

  /// Sign vectors through the coder's bytes, 100,000 of 8 signs over all 256 outcomes, and 100,000 of 16 of which the node of the last 8 is
  /// counted, whose biases depend on all that came before: chi-square at 10^-6, as planned and with caps so low that escapes are common.
  /// Forgetting an escape is seen.
  @Test(arguments: [
    (8, 0.0, false), (8, 1.2, false), (8, 0.8, false), (16, 1.2, false), (16, 0.0, false), (8, 1.2, true),
  ])
  func passesAreExactThroughBytes(count: Int, cap: Double, isBroken: Bool) throws {
    let t = (0..<count).map { Self.biases[$0 % 8] }
    var law = BiasLaw()
    law.add(0.3, weight: 1)
    let leaves = LeafModel(count: count, law: law)
    let median = leaves.classes.sorted()[count / 2]
    let passes = PassLayout(count: count) { leaves.classes[$0] <= median }
    #expect(passes.outsideCount > 0 && passes.outsideCount < count)
    let selection = SignPlan.Selection(informationClass: 16, cap: 2, passes: passes)
    var plan = SignPlan(
      leaves: leaves, segments: [SignPlan.Segment(start: 0, count: count, selection: selection)])
    if cap > 0 { plan.forcedLogCap = Elementary.log(cap) }
    var random = RandomStream(key: countingKey, stream: 311)
    var counts = [Int](repeating: 0, count: 256)
    var tally = CodingTally()
    for round in 0..<100_000 {
      let coder = SignCoder(
        count: count, shared: SharedRandomness(key: countingKey.derived(.noise, index: UInt64(round))))
      var work = SignCoder.Work(count)
      work.biases = t
      var bytes = RangeEncoder(reservingBytes: 16)
      let before = tally.escapes
      coder.encode(plan, level: 0, coder.dithers(level: 0), &work, &random, to: &bytes, tally: &tally)
      let decoded = bytes.finish().withUnsafeBufferPointer { buffer -> [UInt64]? in
        var decoder = RangeDecoder(buffer)
        return coder.decode(coder.dithers(level: 0), plan, level: 0, from: &decoder)
      }
      let bits = try #require(decoded)
      #expect((0..<count).allSatisfy { (work.signs[$0] < 0) == ((bits[0] >> UInt64($0)) & 1 == 1) })
      if isBroken, tally.escapes > before { continue }
      counts[Int(bits[0] >> UInt64(count - 8)) & 255] += 1
    }
    if cap > 0 { #expect(Double(tally.escapes) / Double(tally.blocks) > 0.01, "\(tally)") }
    let p = Laws.chiSquareSurvival(chiSquare(counts, Array(t.suffix(8))), degrees: 255)
    #expect((p > 1e-6) == !isBroken, "\(p)")
  }

  /// Planned transforms take the bits that are planned: means over simulated biases, within 2 % and four standard errors.
  @Test(arguments: [(1 << 12, 0.01, 0, 400), (1 << 12, 0.01, 4, 200), (1 << 14, 0.01, 2, 80), (1 << 15, 0.001, 1, 150)])
  func plansHold(count: Int, snr: Double, effort: Int, rounds: Int) {
    let plan = PolarPlan.make(count: count, snr: snr, effort: effort).signs
    #expect(plan.segments.contains { $0.selection?.passes != nil })
    #expect(plan.expectedBits < 0.97 * plan.leaves.expectedBits)
    var random = RandomStream(key: countingKey, stream: 312)
    var (sum, squares, tally) = (0.0, 0.0, CodingTally())
    for round in 0..<rounds {
      let coder = SignCoder(
        count: count, shared: SharedRandomness(key: countingKey.derived(.shared, index: UInt64(round))))
      var work = SignCoder.Work(count)
      for i in 0..<count {
        let x = snr.squareRoot() * random.normal()
        let e = Elementary.exp(-2 * abs((x + random.normal()) * x))
        work.biases[i] = (1 - e) / (1 + e) * (x < 0 ? -1 : 1)
      }
      var bytes = RangeEncoder(reservingBytes: 256)
      coder.encode(plan, level: 0, coder.dithers(level: 0), &work, &random, to: &bytes, tally: &tally)
      // The end of a range coder: half a byte, and what names the range.
      let bits = 8 * Double(bytes.finish().count) - 4
      sum += bits
      squares += bits * bits
    }
    let mean = sum / Double(rounds)
    let error = ((squares / Double(rounds) - mean * mean) / Double(rounds)).squareRoot()
    #expect(
      abs(mean - plan.expectedBits) < 0.02 * plan.expectedBits + 4 * error, "\(mean) \(error) \(plan.expectedBits)")
  }
}
