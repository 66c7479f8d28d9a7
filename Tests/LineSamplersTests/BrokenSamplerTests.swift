import ChannelCoding
import Files
import Platform
import Statistics
import Testing

@testable import LineSamplers

/// The checks of laws reject what they are there for.
@Suite struct BrokenSamplerTests {
  private static let target = try? GaussianTarget(mean: 1, deviation: 0.25)

  /// Each algorithm with a target that misleads it where it asks: a bound that is too low, an excess or a stretch that is too large.
  @Test func misledSamplersFail() throws {
    let target = try #require(Self.target)
    for algorithm in AlgorithmRegistry.all {
      let check = try Self.law(algorithm.search(for: Misleading(target)), target)
      #expect(!check.passes(falseAlarm: 1e-6), "\(algorithm.name): \(check)")
      let right = try Self.law(algorithm.search(for: target), target)
      #expect(right.passes(falseAlarm: 1e-6), "\(algorithm.name): \(right)")
    }
  }

  /// A* with one uniform number for a node and its child below: its mean is nearly right.
  @Test func oneNumberAtTwoDepths() throws {
    let target = try #require(Self.target)
    for split in [MessageForm.Split.sample, .median] {
      let broken = TreeSearch(target: target, split: split, number: { UInt64($0.leadingZeroBitCount / 2) })
      let check = try Self.law(broken, target)
      #expect(!check.passes(falseAlarm: 1e-6), "\(split): \(check)")
    }
  }

  /// Two samples under one key are not independent: what "one key, one search" is about.
  @Test func oneKeyForAllSearches() throws {
    let target = try #require(Self.target)
    let check = try Self.law(Greedy().search(for: target), target, key: { _ in 0 })
    #expect(!check.passes(falseAlarm: 1e-6), "\(check)")
  }

  /// A decoder with another form of addressing, or with another's tables, does not give the encoder's sample.
  @Test func decodersWithTheWrongKey() throws {
    let target = try #require(Self.target)
    let experiment = LineExperiment(target, repetitions: 200, seed: 1)
    for algorithm in AlgorithmRegistry.all {
      let (code, search) = (try experiment.code(algorithm), algorithm.search(for: target))
      var same = 0
      for i in 0..<200 {
        let keys = [0, 1].map { SharedRandomness(key: Key(seed: UInt64(2 * i + $0), label: "wrong key")) }
        var uniforms = SharedUniforms(keys[0])
        var random = RandomStream(key: Key(seed: UInt64(i), label: "private"))
        let outcome = try search.run(&uniforms, &random)
        let bytes = code.encode(outcome.symbols, keys[0]).bytes
        #expect(try code.decode(bytes, keys[0]) == outcome.point.x, "\(algorithm.name)")
        if (try? code.decode(bytes, keys[1])) == outcome.point.x { same += 1 }
      }
      #expect(same == 0, "\(algorithm.name)")
    }
  }

  private static func law(
    _ search: any LineSearch, _ target: any LineTarget, key: (Int) -> Int = { $0 }
  ) throws -> CheckResult {
    let samples = try (0..<20_000).map { i in
      let shared = SharedRandomness(key: Key(seed: UInt64(key(i)), label: "broken"))
      var uniforms = SharedUniforms(shared)
      var random = RandomStream(key: Key(seed: UInt64(i), label: "private"))
      return try search.run(&uniforms, &random).point.x
    }
    return StatisticalChecks.kolmogorovSmirnov(sample: samples, cdf: target.cumulative)
  }
}

/// A target whose answers are wrong by a factor of 1.3, or 0.7, wherever searches rest on them; its ratio is right.
private struct Misleading: LineTarget {
  let target: any LineTarget

  init(_ target: any LineTarget) { self.target = target }

  var spelling: String { target.spelling }
  var proposal: LineProposal { target.proposal }
  var logSupremum: Double { target.logSupremum - 1 }
  var relativeEntropy: Double { target.relativeEntropy }
  var isUnimodal: Bool { true }
  var mode: Double { target.mode }

  func logRatio(_ point: LinePoint) -> Double { target.logRatio(point) }
  func levelSet(_ logHeight: Double) -> [(low: Double, high: Double)] { target.levelSet(logHeight) }
  func logSupremum(in interval: LineInterval) -> Double { target.logSupremum(in: interval) - 1 }
  func targetMass(of interval: LineInterval) -> Double { target.targetMass(of: interval) }
  func excess(over logHeight: Double, in interval: LineInterval) -> Double {
    (interval.width == 1 ? 1.3 : interval.left == 0 ? 1.3 : 0.7) * target.excess(over: logHeight, in: interval)
  }
  func accepts(_ point: LinePoint, at time: Double) -> Bool { target.accepts(point, at: 1.5 * time) }
  func stretch(_ point: LinePoint) -> Double { target.stretch(point) / 1.5 }
  func cumulative(_ x: Double) -> Double { target.cumulative(x) }
}
