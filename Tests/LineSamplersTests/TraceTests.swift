import ChannelCoding
import Files
import Foundation
import JSONText
import LineSamplers
import Statistics
import Support
import Testing

/// The reference search of the talk's target, N(1, 1/16) from N(0, 1), with the random numbers that it was made with.
private struct Golden: Decodable {
  struct Step: Decodable {
    let lo, hi, mass, u, x, t, r, stretch, bits: Double
    let accept: Bool
    let side: String

    enum CodingKeys: String, CodingKey {
      case lo, hi, mass, u, x, t, r, bits, accept, side
      case stretch = "S"
    }
  }
  struct Arrival: Decodable {
    let t, x, r, stretch: Double
    let accept, fast: Bool

    enum CodingKeys: String, CodingKey {
      case t, x, r, accept, fast
      case stretch = "S"
    }
  }
  struct Draw: Decodable {
    let kind: String
    let value: Double
    init(from decoder: any Decoder) throws {
      var parts = try decoder.unkeyedContainer()
      kind = try parts.decode(String.self)
      value = try parts.decode(Double.self)
    }
  }
  let uniforms, exponentials: [Double]
  let discarded: [Draw]
  let fast: [Step]
  let gprs: [Arrival]
  /// x, S(r(x)), r(x).
  let stretch: [[Double]]
}

/// Random numbers one by one, in the order of the reference; not a number once there are none left.
private struct Given: TraceRandomness {
  let uniforms: [Double]
  var exponentials: ArraySlice<Double>
  var discarded: ArraySlice<Golden.Draw>
  /// Numbers that were asked for in another order than the reference has them, or that it does not have.
  private(set) var misses = 0

  init(_ golden: Golden) {
    (uniforms, exponentials, discarded) = (golden.uniforms, golden.exponentials[...], golden.discarded[...])
  }

  mutating func candidate(_ number: UInt64) -> Double {
    guard Int(number) <= uniforms.count else { return miss() }
    return uniforms[Int(number) - 1]
  }
  mutating func time() -> Double { exponentials.popFirst() ?? miss() }
  mutating func coin() -> Double { miss() }
  mutating func discardedTime() -> Double { draw("e") }
  mutating func discardedShare() -> Double { draw("u") }

  private mutating func draw(_ kind: String) -> Double {
    guard let next = discarded.popFirst(), next.kind == kind else { return miss() }
    return next.value
  }
  private mutating func miss() -> Double {
    misses += 1
    return 0.5
  }
}

@Suite struct TraceTests {
  private func talk() throws -> GaussianTarget { try GaussianTarget(mean: 1, deviation: 0.25) }

  private func process(_ trace: SearchTrace) throws -> ProcessTrace {
    guard case .process(let process) = trace.course else { throw Missing() }
    return process
  }
  private struct Missing: Error {}

  /// The search of the document: what its table prints, to the printed digits, and S to 1e-5.
  @Test func goldenTrace() throws {
    let golden = try Vectors.load("trace.json", as: Golden.self)
    var given = Given(golden)
    let trace = try SearchTrace(talk(), .both, &given)
    #expect(given.misses == 0 && given.exponentials.isEmpty && given.discarded.isEmpty)
    let process = try process(trace)
    try #require(process.steps.count == golden.fast.count && process.arrivals.count == golden.gprs.count)
    for (step, expected) in zip(process.steps, golden.fast) {
      #expect(abs(step.interval.low - expected.lo) < 1e-9 && abs(step.interval.high - expected.hi) < 1e-9)
      #expect(abs(step.interval.mass - expected.mass) < 1e-12 && abs(step.x - expected.x) < 1e-9)
      #expect(abs(step.time - expected.t) < 1e-9 && abs(step.ratio - expected.r) < 1e-9)
      #expect(abs(step.stretch - expected.stretch) < 1e-5 && abs(step.bits - expected.bits) < 1e-9)
      #expect((step.side == nil) == expected.accept && (step.side?.rawValue ?? "") == expected.side)
    }
    for (arrival, expected) in zip(process.arrivals, golden.gprs) {
      #expect(abs(arrival.time - expected.t) < 1e-9 && abs(arrival.x - expected.x) < 1e-9)
      #expect(abs(arrival.ratio - expected.r) < 1e-9 && abs(arrival.stretch - expected.stretch) < 1e-5)
      #expect(arrival.isAccepted == expected.accept && (arrival.depth != nil) == expected.fast)
    }
    for line in [
      "0  0.00000  1.00000  1.00000  0.96847   1.85880  0.10402  0.06164  0.06244   reject   left  0.0462",
      "1  0.00000  0.96847  0.96847  0.50426  -0.02917  1.02337  0.00084  0.00084   reject  right  1.0124",
      "2  0.48836  0.96847  0.48011  0.54419   0.67333  3.96871  2.13675  3.10529   reject  right  1.1335",
      "3  0.74963  0.96847  0.21884  0.78012   1.40745  4.43092  2.85371  4.78451   accept      -  0.0000",
      "3  1.52865  -0.11399  0.00020  0.00020   reject", "5  4.23841  -0.57366  0.00000  0.00000   reject",
      "sample 1.40745: K = 6 with gprs, 4 steps with fast-gprs, path 2.1921 bits; KL 2.0451 bits, Dinf 2.7694 bits",
    ] { #expect(trace.text.contains(line), "\(line)\n\(trace.text)") }
  }

  /// S(r(x)) at ten places of the reference: far below the mode, near its pole, and above.
  @Test func stretchIsTheReferences() throws {
    let target = try talk()
    for row in try Vectors.load("trace.json", as: Golden.self).stretch {
      let point = LinePoint(at: row[0], target.proposal)
      #expect(abs(target.stretch(point) / row[1] - 1) < 1e-5, "x = \(row[0]): \(target.stretch(point)), \(row[1])")
    }
  }

  /// The arrivals of both forms are one process: the accepted point is the first below the graph, and the numbers of points that each form
  /// looks at have the document's means.
  @Test func bothFormsAcceptTheSamePoint() throws {
    let target = try talk()
    var (global, fast): ([Double], [Double]) = ([], [])
    for seed in 0..<1500 {
      let process = try process(SearchTrace(target, .both, seed: UInt64(seed)))
      #expect(zip(process.arrivals, process.arrivals.dropFirst()).allSatisfy { $0.time < $1.time })
      let under = process.arrivals.filter { $0.time < $0.stretch }
      #expect(under.count == 1 && under[0].x == process.arrivals.last?.x && under[0].depth == process.steps.count - 1)
      #expect(process.arrivals.count { $0.depth != nil } == process.steps.count)
      // No point of fast GPRS is in what it discarded before.
      for (step, later) in zip(process.steps, process.steps.dropFirst()) {
        #expect(step.side == .right ? later.x > step.x : later.x < step.x)
      }
      global.append(log2(Double(process.arrivals.count)))
      fast.append(Double(process.steps.count))
    }
    // E log2 K = 1.828 (K itself has a heavy tail: the error of its mean is no measure), 3.05 steps.
    for (values, mean) in [(global, 1.828), (fast, 3.05)] {
      let found = values.reduce(0, +) / Double(values.count)
      let squares = values.reduce(0) { $0 + ($1 - found) * ($1 - found) }
      let error = (squares / Double(values.count - 1) / Double(values.count)).squareRoot()
      #expect(abs(found - mean) < 4 * error, "\(found) +- \(error), expected \(mean)")
    }
  }

  /// What is traced is the sampler: its points have the target's law, and as many steps as the document says.
  @Test(arguments: [
    (TraceAlgorithm.gprs, nil), (.fastGPRS, 3.05), (.grcSplit, 3.04), (.grcDyadic, 2.48), (.asStar, 3.22),
    (.adStar, 2.87), (.pfr, 6.82),
  ])
  func samplesHaveTheTargetsLaw(algorithm: TraceAlgorithm, steps expected: Double?) throws {
    let target = try talk()
    let count = Effort.samples(20_000, gate: 4000)
    var (samples, steps): ([Double], [Double]) = ([], [])
    for seed in 0..<count {
      let trace = try SearchTrace(target, algorithm, seed: UInt64(1_000_000 + seed))
      samples.append(trace.sample)
      switch trace.course {
      case .process(let process): steps.append(Double(process.steps.count))
      case .bounds(let bounds): steps.append(Double(bounds.steps.count))
      case .lids(let lids): steps.append(Double(lids.steps.count))
      }
    }
    let check = StatisticalChecks.kolmogorovSmirnov(sample: samples) { target.cumulative($0) }
    #expect(check.pValue > 1e-6, "\(algorithm): \(check)")
    // Of another target, the same check sees it.
    let other = try GaussianTarget(mean: 1.03, deviation: 0.25)
    #expect(StatisticalChecks.kolmogorovSmirnov(sample: samples) { other.cumulative($0) }.pValue < 1e-6)
    guard let expected else { return }
    let mean = steps.reduce(0, +) / Double(count)
    let squares = steps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let error = (squares / Double(count - 1) / Double(count)).squareRoot()
    #expect(abs(mean - expected) < 4 * error + 0.02, "\(algorithm): \(mean) +- \(error), expected \(expected)")
  }

  /// What is traced is what is sent: the samplers make the same searches with the same random numbers.
  @Test(arguments: [TraceAlgorithm.fastGPRS, .grcSplit, .grcDyadic, .asStar, .adStar, .pfr])
  func tracesAreTheSamplersSearches(algorithm: TraceAlgorithm) throws {
    let sampler = try #require(AlgorithmRegistry[name: algorithm.rawValue])
    for target in try targets(for: algorithm) {
      let search = sampler.search(for: target)
      for seed in 0..<200 {
        let trace = try SearchTrace(target, algorithm, seed: UInt64(seed))
        let key = Key(seed: UInt64(seed), label: "channel trace")
        var uniforms = SharedUniforms(SharedRandomness(key: key.derived(.shared)))
        var own = RandomStream(key: key.derived(.noise))
        let outcome = try search.run(&uniforms, &own)
        #expect(outcome.point.x == trace.sample, "\(target.spelling), seed \(seed)")
        switch (trace.course, outcome.symbols) {
        case (.process(let process), .path(let path)):
          #expect(process.steps.compactMap(\.side).map { $0 == .left } == path.map(\.isBelow))
        case (.lids(let lids), .path(let path)):
          #expect(lids.steps.compactMap(\.side).map { $0 == .left } == path.map(\.isBelow))
        case (.bounds(let bounds), .path(let path)):
          #expect(bounds.path.map { $0.side == .left } == path.map(\.isBelow) && bounds.steps.count == outcome.steps)
        case (.bounds(let bounds), .index(let index)): #expect(bounds.winner?.node == index)
        default: Issue.record("\(outcome.symbols)")
        }
      }
    }
  }

  private func targets(for algorithm: TraceAlgorithm) throws -> [any LineTarget] {
    let all = ["gaussian:1,0.25", "laplace:1,0.25", "uniform:0.3,0.0625", "mixture:0.5,-1,0.2+0.5,1.5,0.3"]
    let sampler = AlgorithmRegistry[name: algorithm.rawValue]
    return try all.map(TargetRegistry.target).filter { sampler?.refusal(of: $0) == nil }
  }

  @Test func boundsHold() throws {
    for algorithm in [TraceAlgorithm.asStar, .adStar, .pfr] {
      for seed in 0..<300 {
        guard case .bounds(let trace) = try SearchTrace(talk(), algorithm, seed: UInt64(seed)).course else {
          throw Missing()
        }
        for step in trace.steps {
          #expect(step.value >= step.bound * (1 - 1e-12) && step.best <= step.value)
          #expect(zip(step.queue, step.queue.dropFirst()).allSatisfy { $0.bound <= $1.bound })
        }
        let winner = try #require(trace.winner)
        #expect(winner.value == trace.steps.map(\.value).min())
        #expect(trace.steps.last?.queue.allSatisfy { $0.bound >= winner.value } == true)
      }
    }
  }

  @Test func layersStayBelowTheLid() throws {
    for algorithm in [TraceAlgorithm.grcSplit, .grcDyadic] {
      for seed in 0..<300 {
        guard case .lids(let trace) = try SearchTrace(talk(), algorithm, seed: UInt64(seed)).course else {
          throw Missing()
        }
        for (step, next) in zip(trace.steps, trace.steps.dropFirst()) {
          #expect(next.lid == step.nextLid && next.rest < step.rest && next.rest > 0)
          #expect(step.height >= step.lid && step.height <= step.nextLid)
        }
        for step in trace.steps { #expect(step.isAccepted == (step.height < step.ratio)) }
      }
    }
  }

  @Test func whatCannotBeTracedIsRefused() throws {
    let far = try GaussianTarget(mean: 1, deviation: 1e-6)
    for algorithm in [TraceAlgorithm.gprs, .both, .pfr] {
      #expect(throws: ToolError.self) { try SearchTrace(far, algorithm, seed: 1) }
    }
    for algorithm in [TraceAlgorithm.fastGPRS, .grcSplit, .grcDyadic, .asStar, .adStar] {
      #expect(try SearchTrace(far, algorithm, seed: 1).sample.isFinite)
    }
  }
}
