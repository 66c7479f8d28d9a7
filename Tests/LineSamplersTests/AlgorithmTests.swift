import ChannelCoding
import Files
import Platform
import Statistics
import Support
import Testing

@testable import LineSamplers

/// Every algorithm through its bytes: figures against the document's, laws against the target.
@Suite struct AlgorithmTests {
  private static let rows = (try? ReferenceTable.load().rows) ?? []
  /// Those that found most: a smooth top, a cusp, a flat one, a heavy tail, two humps.
  private static let cases = Effort.cases(
    ["talk", "laplace-1-1/4", "uniform-1/16", "mixture-1024", "KL3-Dinf8", "matched-5"]
      .flatMap { name in rows.filter { $0.name == name } } + rows, gate: 5)

  /// 4 standard errors, and 0.02 bits for what is in bits.
  @Test(arguments: cases)
  func theDocumentsTable(_ row: ReferenceTable.Row) throws {
    let experiment = LineExperiment(
      try TargetRegistry.target(row.target), repetitions: Effort.samples(100_000, gate: 6000), seed: 11)
    var measured = 0
    for algorithm in AlgorithmRegistry.all where algorithm.refusal(of: experiment.target) == nil {
      let result = try experiment.measure(algorithm, threads: 2)
      let name = "\(row.name), \(algorithm.name)"
      #expect(result.law.passes(falseAlarm: 1e-6), "\(name): \(result.law)")
      guard let values = row.algorithms[algorithm.name] else { continue }
      measured += 1
      let error = { (a: Double?, b: Double?) in 4 * ((a ?? 0) * (a ?? 0) + (b ?? 0) * (b ?? 0)).squareRoot() }
      // The mean of K has no variance for greedy and gprs, which the vectors leave out; of a flat top it has.
      if let steps = values.steps {
        let allowed = error(result.steps.error, values.stepsError)
        #expect(abs(result.steps.mean - steps) <= allowed, "\(name): steps \(result.steps.mean), \(steps)")
      }
      if let log2 = values.log2 {
        let allowed = error(result.log2Index.error, values.log2Error) + 0.02
        #expect(abs(result.log2Index.mean - log2) <= allowed, "\(name): log2 \(result.log2Index.mean), \(log2)")
      }
      if let path = values.path {
        let allowed = error(result.pathBits.error, 0.003) + 0.02
        #expect(abs(result.pathBits.mean - path) <= allowed, "\(name): path \(result.pathBits.mean), \(path)")
      }
      if let code = values.code {
        let allowed = error(result.codeBits.error, 0.004) + 0.02
        #expect(abs(result.codeBits.mean - code) <= allowed, "\(name): code \(result.codeBits.mean), \(code)")
      }
      // Whole bytes, less zeros at their end; and the tables lose little.
      #expect(result.modelBits.mean < result.codeBits.mean + 0.25, "\(name): \(result.modelBits.mean)")
    }
    #expect(measured >= 10)
  }

  @Test func theTheorems() throws {
    let experiment = LineExperiment(try GaussianTarget(mean: 1, deviation: 0.25), repetitions: 6000, seed: 3)
    let figures = TargetFigures(experiment.target)
    #expect(figures.klBits < figures.dcsBits && figures.dcsBits < figures.dInfBits)
    for algorithm in AlgorithmRegistry.all {
      let result = try experiment.measure(algorithm, threads: 2)
      let m = exp2(figures.dInfBits)
      if algorithm.family == .tree {
        #expect(result.steps.mean < 0.6 * m, "\(algorithm.name)")
      } else {
        #expect(result.steps.mean > m - 5 * (result.steps.error ?? 0), "\(algorithm.name)")
      }
      if algorithm.family == .causal { #expect(result.entropyBits.mean > figures.dcsBits, "\(algorithm.name)") }
    }
  }

  /// Q = P is sent by the first candidate of whoever accepts on sight.
  @Test func nothingToSend() throws {
    let experiment = LineExperiment(try GaussianTarget(mean: 0, deviation: 1), repetitions: 500, seed: 1)
    for algorithm in AlgorithmRegistry.all {
      let result = try experiment.measure(algorithm, threads: 1)
      #expect(result.steps.mean == 1, "\(algorithm.name)")
      #expect(result.codeBits.mean < 1e-6, "\(algorithm.name): \(result.codeBits.mean)")
      #expect(result.law.passes(), "\(algorithm.name)")
    }
  }

  /// One cell, a needle, a million cells, and a mode at the end of the line.
  @Test func oddTables() throws {
    let needle = (0..<1000).map { $0 == 700 ? 1.0 : 0 }
    let slope = (0..<1000).map { Double($0) }
    let million = (0..<(1 << 20)).map { Double(1 + $0 % 7) }
    let cases = [("one", [3.0], 200), ("needle", needle, 200), ("slope", slope, 2000), ("million", million, 20)]
    for (name, masses, count) in cases {
      let table = try TableTarget(masses, .uniform, spelling: name, name: name)
      let experiment = LineExperiment(table, repetitions: count, seed: 5)
      for algorithm in AlgorithmRegistry.all where algorithm.refusal(of: table) == nil {
        #expect(try experiment.measure(algorithm, threads: 2).law.passes(), "\(name), \(algorithm.name)")
      }
    }
  }

  @Test func refusalsNameTheReason() throws {
    let humps = try TargetRegistry.target("mixture:0.5,-1.5,0.2+0.5,1,0.1")
    let refused = AlgorithmRegistry.all.filter { $0.refusal(of: humps) != nil }.map(\.name)
    #expect(refused == ["fast-gprs", "grc-split"])
    let experiment = LineExperiment(humps, repetitions: 10, seed: 1)
    #expect(throws: ToolError.self) { try experiment.measure(FastGreedyPoisson(), threads: 1) }
    let far = try TargetRegistry.target("gaussian:12,0.5")
    #expect(AlgorithmRegistry.all.filter { $0.refusal(of: far) == nil }.isEmpty)
    let rare = try TargetRegistry.target("gaussian:8,0.5")
    #expect(AlgorithmRegistry.all.filter { $0.refusal(of: rare) == nil }.map(\.name) == ["fast-gprs", "grc-split"])
    for name in ["fast-gprs", "grc-split"] {
      let algorithm = try #require(AlgorithmRegistry[name: name])
      let result = try LineExperiment(rare, repetitions: 500, seed: 1).measure(algorithm, threads: 1)
      #expect(result.law.passes(), "\(name)")
    }
  }

  @Test func threadsDoNotMatter() throws {
    let experiment = LineExperiment(try LaplaceTarget(mean: 1, scale: 0.25), repetitions: 300, seed: 9)
    for algorithm in AlgorithmRegistry.all {
      let (one, two) = (try experiment.measure(algorithm, threads: 1), try experiment.measure(algorithm, threads: 2))
      #expect(one.samples == two.samples, "\(algorithm.name)")
      #expect(one.modelBits == two.modelBits && one.codeBits == two.codeBits && one.steps == two.steps)
    }
  }

  /// Any bytes are an error or a sample; and some of them are either.
  @Test func hostileBytes() throws {
    var random = RandomStream(key: Key(seed: 4, label: "hostile bytes"))
    for text in ["gaussian:1,0.25", "laplace:1,0.25", "uniform:0.3,0.0625"] {
      let target = try TargetRegistry.target(text)
      let experiment = LineExperiment(target, repetitions: 100, seed: 2)
      var (errors, samples) = (0, 0)
      for algorithm in AlgorithmRegistry.all {
        let code = try experiment.code(algorithm)
        for trial in 0..<400 {
          // Ones last longest: they say that searches go on.
          let bytes = (0..<random.integer(below: 14)).map { _ in
            trial % 4 == 0 ? 0xFF : UInt8(truncatingIfNeeded: random.word())
          }
          let shared = SharedRandomness(key: Key(seed: UInt64(trial), label: "hostile shared"))
          do throws(PayloadError) {
            let x = try code.decode(bytes, shared)
            samples += 1
            #expect(x.isFinite && target.proposal.density(x) > 0, "\(algorithm.name), \(bytes)")
          } catch { errors += 1 }
        }
      }
      #expect(errors > 100 && samples > 100, "\(text): \(errors), \(samples)")
    }
  }
}

/// Entropies of geometric laws, whose values are known: also where nearly every number occurs once.
@Suite struct IndexEntropyTests {
  @Test(arguments: [2.0, 16, 400, 20_000])
  func geometricLaws(_ mean: Double) throws {
    let p = 1 / mean
    let truth = -(p * log2(p) + (1 - p) * log2(1 - p)) / p
    var random = RandomStream(key: Key(seed: 8, label: "entropy"))
    for count in [1000, 10_000] {
      var entropy = IndexEntropy()
      for _ in 0..<count { entropy.add(UInt64(random.exponential() / -log1p(-p)) + 1) }
      let (bits, error) = try #require(entropy.bits)
      #expect(abs(bits - truth) < 4 * (error ?? 0) + 0.01, "\(mean), \(count): \(bits) +- \(error ?? 0), \(truth)")
    }
  }

  @Test func numbersHaveALimit() throws {
    var entropy = IndexEntropy(limit: 100)
    for number in 1...100 { for _ in 0..<50 { entropy.add(UInt64(number)) } }
    #expect(abs((try #require(entropy.bits)).value - log2(100)) < 0.01)
  }
}
