import ChannelCoding
import Files
import Numerics
import Platform
import Statistics

/// What one algorithm does for one target, measured: steps, index, bits and bytes of many samples, each of which went through its bytes.
public struct LineMeasurement: Sendable {
  public let algorithm: String
  public let family: AlgorithmFamily
  public let target: TargetFigures
  /// Samples that were sent.
  public let count: Int
  /// Candidates that a search drew.
  public let steps: Estimate
  /// E log2 of the index; see `MessageSymbols.log2Index`.
  public let log2Index: Estimate
  /// The entropy of the index, or of the depth, or of block and rank together one after the other.
  public let entropyBits: Estimate
  /// Bits of the path's sides or of flags; 0 where there are none.
  public let pathBits: Estimate
  /// `entropyBits` and `pathBits`; of flags the latter alone.
  public let codeBits: Estimate
  /// Eight times the bytes of a message.
  public let messageBits: Estimate
  /// Minus log2 of the probability of messages by the tables that they were coded with.
  public let modelBits: Estimate
  /// The Kolmogorov-Smirnov test of the decoded samples against the target.
  public let law: CheckResult
  /// Processor time of a search, with its coding and decoding.
  public let secondsPerSample: Double
  /// What the decoder made of the messages, in order.
  public let samples: [Double]
}

/// The figures of a target, in bits.
public struct TargetFigures: Sendable {
  public let spelling: String
  public let klBits: Double
  public let dInfBits: Double
  public let dcsBits: Double
  /// KL + log2(KL + 1) + 4.
  public let boundBits: Double
  public let notes: [String]

  public init(_ target: any LineTarget) {
    spelling = target.spelling
    klBits = target.relativeEntropy / log(2)
    dInfBits = target.logSupremum / log(2)
    dcsBits = target.selectionDivergence / log(2)
    boundBits = klBits + log2(klBits + 1) + 4
    notes = target.notes
  }
}

/// Runs algorithms on a target.
///
/// Sample i has a key of its own for the randomness that both ends share and one for the encoder's, so that results depend on the seed and
/// not on threads. Tables of the message code come from a pilot of searches under other keys, which both ends could run.
public struct LineExperiment: Sendable {
  public let target: any LineTarget
  public let repetitions: Int
  private let key: Key
  private let figures: PublicFigures

  /// Searches of the pilot.
  public static let pilotCount = 2000

  public init(_ target: any LineTarget, repetitions: Int, seed: UInt64) {
    precondition(repetitions > 0)
    self.target = target
    self.repetitions = repetitions
    key = Key(seed: seed, label: "line samplers")
    figures = PublicFigures(target)
  }

  /// Candidates that all samples of an algorithm draw, about.
  public func expectedCandidates(_ algorithm: any LineAlgorithm) -> Double {
    let each = algorithm.family == .tree ? 2 + 2 * target.logSupremum / log(2) : exp(min(target.logSupremum, 600))
    return each * Double(repetitions)
  }

  private struct Row: Sendable {
    let outcome: SearchOutcome
    let message: MessageCode.Message
    let sample: Double
  }

  /// The code of an algorithm's messages for the target, with tables from the pilot.
  public func code(_ algorithm: any LineAlgorithm, pilot: Int = pilotCount) throws(ToolError) -> MessageCode {
    let search = algorithm.search(for: target)
    var symbols: [MessageSymbols] = []
    let key = key.derived(.split)
    for i in 0..<min(pilot, repetitions) {
      symbols.append(try Self.outcome(search, key, i).symbols)
    }
    return MessageCode(
      algorithm.form(figures), figures, tail: { target.levelMass(log($0) + target.logSupremum) }, pilot: symbols)
  }

  private static func shared(_ key: Key, _ i: Int) -> SharedRandomness {
    SharedRandomness(key: key.derived(.shared, index: UInt64(i)))
  }

  private static func outcome(_ search: any LineSearch, _ key: Key, _ i: Int) throws(ToolError) -> SearchOutcome {
    var uniforms = SharedUniforms(shared(key, i))
    var random = RandomStream(key: key.derived(.noise, index: UInt64(i)))
    return try search.run(&uniforms, &random)
  }

  /// Measures one algorithm.
  ///
  /// - Parameter progress: told how many samples are done.
  /// - Throws: `ToolError.failed` where a search cannot be coded, or a decoder does not give what its encoder chose.
  public func measure(
    _ algorithm: any LineAlgorithm, threads: Int, progress: (Int) -> Void = { _ in }
  ) throws(ToolError) -> LineMeasurement {
    if let reason = algorithm.refusal(of: target) {
      throw .input(place: "--algorithm", problem: "found \(algorithm.name): \(reason)")
    }
    let code = try code(algorithm)
    let search = algorithm.search(for: target)
    var totals = Totals(name: algorithm.name, code.form)
    let parallel = Parallel(threads: threads)
    var first = 0
    var seconds = 0.0
    while first < repetitions {
      let start = first
      let batch = min(4096, repetitions - first)
      let parts = parallel.map((batch + 63) / 64) { part -> (rows: [Result<Row, ToolError>], seconds: Double) in
        let clock = threadSeconds()
        let rows = (64 * part..<min(64 * part + 64, batch)).map { row(search, code, start + $0) }
        return (rows, threadSeconds() - clock)
      }
      for part in parts {
        seconds += part.seconds
        for row in part.rows { totals.add(try row.get()) }
      }
      first += batch
      progress(first)
    }
    return try totals.measurement(algorithm, target, seconds: seconds)
  }

  private func row(_ search: any LineSearch, _ code: MessageCode, _ i: Int) -> Result<Row, ToolError> {
    do throws(ToolError) {
      let outcome = try Self.outcome(search, key, i)
      let shared = Self.shared(key, i)
      let message = code.encode(outcome.symbols, shared)
      let sample: Double
      do throws(PayloadError) { sample = try code.decode(message.bytes, shared) } catch {
        return .failure(
          .failed(place: "sample \(i)", reason: "the decoder refused what the encoder wrote: \(error)"))
      }
      guard sample == outcome.point.x else {
        return .failure(
          .failed(
            place: "sample \(i)", reason: "the decoder made \(sample) of the message for \(outcome.point.x)"))
      }
      return .success(Row(outcome: outcome, message: message, sample: sample))
    } catch {
      return .failure(error)
    }
  }

  /// Sums over samples, in their order.
  private struct Totals {
    let name: String
    var steps = RunningMean()
    var log2Index = RunningMean()
    var pathBits = RunningMean()
    var messageBits = RunningMean()
    var modelBits = RunningMean()
    var first = IndexEntropy()
    var second: IndexEntropy
    var samples: [Double] = []

    init(name: String, _ form: MessageForm) {
      self.name = name
      switch form {
      case .batch(let size), .rankedBlock(let size): second = IndexEntropy(limit: UInt64(size))
      default: second = IndexEntropy()
      }
    }

    mutating func add(_ row: Row) {
      steps.add(Double(row.outcome.steps))
      log2Index.add(row.outcome.symbols.log2Index)
      messageBits.add(Double(8 * row.message.bytes.count))
      modelBits.add(row.message.modelBits)
      samples.append(row.sample)
      switch row.outcome.symbols {
      case .index(let k):
        first.add(k)
        pathBits.add(0)
      case .pair(let a, let b):
        first.add(a)
        second.add(b)
        pathBits.add(0)
      case .flags(let k):
        first.add(k)
        pathBits.add(row.message.modelBits)
      case .path(let path):
        first.add(UInt64(path.count))
        pathBits.add(path.reduce(0.0) { $0 - log2($1.isBelow ? $1.u : 1 - $1.u) })
      }
    }

    func measurement(
      _ algorithm: any LineAlgorithm, _ target: any LineTarget, seconds: Double
    ) throws(ToolError) -> LineMeasurement {
      guard let steps = steps.estimate, let log2Index = log2Index.estimate, let pathBits = pathBits.estimate,
        let messageBits = messageBits.estimate, let modelBits = modelBits.estimate, let depth = first.bits
      else { throw .failed(place: algorithm.name, reason: "no sample was drawn") }
      let sizes = second.bits.map { [depth, $0] } ?? [depth]
      let entropy = Estimate(
        mean: sizes.reduce(0) { $0 + $1.value }, error: Self.root(sizes.map(\.error)))
      let isFlags = if case .flags = algorithm.form(PublicFigures(target)) { true } else { false }
      let codeBits =
        isFlags
        ? pathBits
        : Estimate(mean: entropy.mean + pathBits.mean, error: Self.root([entropy.error, pathBits.error]))
      return LineMeasurement(
        algorithm: algorithm.name, family: algorithm.family, target: TargetFigures(target), count: samples.count,
        steps: steps, log2Index: log2Index, entropyBits: entropy, pathBits: pathBits, codeBits: codeBits,
        messageBits: messageBits, modelBits: modelBits,
        law: StatisticalChecks.kolmogorovSmirnov(sample: samples, cdf: target.cumulative),
        secondsPerSample: seconds / Double(samples.count), samples: samples)
    }

    /// The error of a sum: the sum of errors, as the parts are of the same searches.
    private static func root(_ errors: [Double?]) -> Double? {
      errors.reduce(Optional(0.0)) { sum, error in sum.flatMap { s in error.map { s + $0 } } }
    }
  }
}

/// Processor seconds of this thread.
private func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}
