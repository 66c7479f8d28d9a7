import ChannelCoding
import Files
import Platform

/// The search of greedy Poisson rejection sampling, and of its fast form, seen as one process of arrivals in time.
///
/// Fast GPRS is run first. Each part that it discards, of mass w from time t on, is then filled with arrivals at t + Exp(1) / w, ... until the
/// time of acceptance. The parts are disjoint and each arrival has the proposal's law in its part, so all of them in order of time are a
/// Poisson process with the proposal as its law: what GPRS without splitting sees. The first point below the graph of S(r(x)) is the same for
/// both, since no point of a discarded part is below the graph.
///
/// Where {r >= h} is no interval nothing can be discarded: then the arrivals are drawn as GPRS draws them, and there are no steps.
public struct ProcessTrace: Sendable {
  /// A point of the process.
  public struct Arrival: Sendable, Equatable {
    public let time: Double
    public let x: Double
    /// r(x), and the stretch function there: the point is accepted when its time is below it.
    public let ratio: Double
    public let stretch: Double
    public let isAccepted: Bool
    /// The depth at which fast GPRS looks at the point; nil where it never does.
    public let depth: Int?
  }

  /// A candidate of fast GPRS, with what the search keeps after it.
  public struct Step: Sendable, Equatable {
    public let interval: TracedInterval
    /// The share of the interval's mass that is below the candidate.
    public let uniform: Double
    public let x: Double
    public let time: Double
    public let ratio: Double
    public let stretch: Double
    /// The side with the mode, where the search goes on; nil where the candidate is accepted.
    public let side: TracedSide?
    /// -log2 of the share of the mass that is kept.
    public let bits: Double
  }

  /// What fast GPRS looks at; empty where it cannot be run.
  public let steps: [Step]
  /// What GPRS looks at, in order of time: the last one is accepted.
  public let arrivals: [Arrival]

  /// So many arrivals are traced.
  static let mostArrivals = 1_000_000

  /// - Parameter wholeProcess: whether arrivals in what is discarded are drawn.
  init(
    _ target: any LineTarget, _ random: inout some TraceRandomness, wholeProcess: Bool
  ) throws(ToolError) {
    if target.isUnimodal {
      var discarded: [(part: LineInterval, time: Double)] = []
      steps = try Self.search(target, &random, discarding: &discarded)
      let visited = steps.enumerated().map { depth, step in
        Arrival(
          time: step.time, x: step.x, ratio: step.ratio, stretch: step.stretch, isAccepted: step.side == nil,
          depth: depth)
      }
      let others = wholeProcess ? try Self.arrivals(target, in: discarded, until: visited.last?.time ?? 0, &random) : []
      arrivals = (visited + others).sorted { $0.time < $1.time }
    } else {
      steps = []
      arrivals = try Self.globalSearch(target, &random)
    }
  }

  private static func search(
    _ target: any LineTarget, _ random: inout some TraceRandomness,
    discarding discarded: inout [(part: LineInterval, time: Double)]
  ) throws(ToolError) -> [Step] {
    var steps: [Step] = []
    var interval = LineInterval()
    var time = TimeSum()
    while steps.count <= AlgorithmLimits.pathDepth {
      let u = random.candidate(UInt64(steps.count + 1))
      let point = interval.point(u, target.proposal)
      time.add(random.time() / interval.mass)
      let isAccepted = target.accepts(point, at: time.value)
      let goesRight = point.x <= target.mode
      let share = goesRight ? 1 - u : u
      steps.append(
        Step(
          interval: TracedInterval(interval, target.proposal), uniform: u, x: point.x, time: time.value,
          ratio: exp(target.logRatio(point)), stretch: target.stretch(point),
          side: isAccepted ? nil : goesRight ? .right : .left, bits: isAccepted ? 0 : -log2(share)))
      if isAccepted { return steps }
      discarded.append((interval.part(below: goesRight, u), time.value))
      interval = interval.part(below: !goesRight, u)
    }
    throw .failed(place: "fast-gprs", reason: "no candidate was accepted in \(steps.count) steps")
  }

  /// Arrivals in what was discarded, up to a time; part by part.
  private static func arrivals(
    _ target: any LineTarget, in discarded: [(part: LineInterval, time: Double)], until end: Double,
    _ random: inout some TraceRandomness
  ) throws(ToolError) -> [Arrival] {
    var arrivals: [Arrival] = []
    for (part, start) in discarded {
      var time = TimeSum()
      time.add(start)
      while true {
        time.add(random.discardedTime() / part.mass)
        guard time.value < end else { break }
        let point = part.point(random.discardedShare(), target.proposal)
        arrivals.append(
          Arrival(
            time: time.value, x: point.x, ratio: exp(target.logRatio(point)), stretch: target.stretch(point),
            isAccepted: false, depth: nil))
        guard arrivals.count < mostArrivals else { throw tooMany }
      }
    }
    return arrivals
  }

  private static func globalSearch(
    _ target: any LineTarget, _ random: inout some TraceRandomness
  ) throws(ToolError) -> [Arrival] {
    var arrivals: [Arrival] = []
    let line = LineInterval()
    var time = TimeSum()
    while arrivals.count < mostArrivals {
      let point = line.point(random.candidate(UInt64(arrivals.count + 1)), target.proposal)
      time.add(random.time())
      let isAccepted = target.accepts(point, at: time.value)
      arrivals.append(
        Arrival(
          time: time.value, x: point.x, ratio: exp(target.logRatio(point)), stretch: target.stretch(point),
          isAccepted: isAccepted, depth: nil))
      if isAccepted { return arrivals }
    }
    throw tooMany
  }

  private static var tooMany: ToolError {
    .failed(
      place: "gprs",
      reason:
        "the search of this seed sees more than \(Text.grouped(mostArrivals)) arrivals; fast-gprs is traced without those that it discards"
    )
  }

  /// The accepted point.
  public var sample: Double { arrivals.last?.x ?? .nan }
  /// -log2 of the mass of the interval from which fast GPRS drew the accepted candidate.
  public var pathBits: Double { steps.reduce(0) { $0 + $1.bits } }
}
