import FedSim
import Files
import JSONText
import Scenarios

/// What is known of a sweep before it is made: each point's noise, privacy and bits, and the time and the memory that runs will take.
public struct SweepPrediction: Sendable {
  /// A point, by the first of its runs.
  public struct Point: Sendable {
    public let run: Sweep.Run
    /// Nil where nothing is guaranteed.
    public let epsilon: Double?
    /// Nil without privacy.
    public let noiseMultiplier: Double?
    public let codec: String
    /// Payload bits of an update of norm C.
    public let predictedBits: Double
    /// The time of a run on its own.
    public let cost: CostPrediction
    /// The most memory that a run on its own has, in bytes.
    public let memoryBytes: Int
  }

  public let sweep: Sweep
  public let points: [Point]
  /// Runs at a time.
  public let jobs: Int
  /// The processor time of all runs together, in seconds; nil where that of a point is unknown.
  public let coreSeconds: Double?
  /// The most memory that the sweep has, in bytes.
  public let memoryBytes: Int

  /// Times the parts of a run for each point, for a few seconds in all.
  ///
  /// - Parameters:
  ///   - jobs: runs at a time; nil for as many as there are cores.
  ///   - warn: told each warning about data, once.
  /// - Throws: `ScenarioError` with the place of an axis's value that does not fit.
  public init(_ sweep: Sweep, jobs wanted: Int? = nil, warn: (String) -> Void = { _ in }) throws {
    let (jobs, threads) = SweepExecution.jobs(wanted, of: sweep.runs.count)
    (self.sweep, self.jobs) = (sweep, jobs)
    let (accounting, data) = (SharedAccounting(), SharedData())
    let count = sweep.runs.count / sweep.repeats
    let machine = MachineCosts(jobs: jobs, share: min(1, 10 / Double(max(count, 1))))
    var points: [Point] = []
    var (alone, beside) = (0, 0)
    // Its set-up when accounting is shared: what each run has beside the first of its point.
    var again: Double?
    var total: Double? = 0
    let make = { (scenario: Scenario) in
      try RunSetup(explaining: scenario, threads: threads, accounting: accounting, data: data)
    }
    try sweep.forEachPoint(warn: warn, setup: make) { run, setup in
      let memory = MemoryPrediction(setup)
      (alone, beside) = (max(alone, memory.total), max(beside, MemoryPrediction.another(setup)))
      let cost = CostPrediction(setup, machine)
      if again == nil {
        again = try make(run.scenario).preparationSeconds
      }
      let shared = [CostPrediction.Part.setup, .accounting].reduce(0) { $0 + (cost.coreSeconds(of: $1) ?? 0) }
      if let core = cost.coreSeconds, let before = total {
        total = before + shared + Double(sweep.repeats) * (core - shared + (again ?? 0))
      } else {
        total = nil
      }
      points.append(
        Point(
          run: run, epsilon: setup.guaranteedPlan?.plannedSpending.epsilon,
          noiseMultiplier: setup.plan?.noiseMultiplier, codec: setup.channel.codec.rawValue,
          predictedBits: setup.channel.predictedBits, cost: cost, memoryBytes: memory.total))
    }
    self.points = points
    coreSeconds = total
    memoryBytes = alone + (jobs - 1) * beside
  }

  /// Seconds that pass where the cores have nothing else to do; nil where the time of a point is unknown.
  public var wallSeconds: Double? {
    guard let coreSeconds else { return nil }
    let longest = points.compactMap(\.cost.wallSeconds).max() ?? 0
    let cores = points.reduce(1) { max($0, $1.cost.cores) } * jobs
    return max(coreSeconds / Double(min(cores, CostPrediction.cores)), longest)
  }

  public var json: JSON {
    [
      "runs": .integer(sweep.runs.count), "jobs": .integer(jobs), "coreSeconds": .optional(coreSeconds),
      "wallSeconds": .optional(wallSeconds), "memoryBytes": .integer(memoryBytes),
      "points": .array(points.map(json)),
    ]
  }

  private func json(_ point: Point) -> JSON {
    var object: JSONObject = [
      "point": .integer(point.run.point), "epsilon": .optional(point.epsilon),
      "noiseMultiplier": .optional(point.noiseMultiplier), "codec": .string(point.codec),
      "predictedBits": .number(point.predictedBits), "coreSeconds": .optional(point.cost.coreSeconds),
      "wallSeconds": .optional(point.cost.wallSeconds), "memoryBytes": .integer(point.memoryBytes),
    ]
    for (axis, choice) in zip(sweep.axes, point.run.choices) { object[axis.column] = axis.cell(choice) }
    for (path, value) in zip(sweep.details, sweep.details(of: point.run)) { object[path] = value }
    return .object(object)
  }

  /// A table with a row a point, and what all runs come to.
  public var text: String {
    let rows = points.map { point in
      point.run.labels + [
        point.epsilon.map { Text.fixedUp($0, 4) } ?? "none", point.noiseMultiplier.map { Text.fixed($0, 4) } ?? "none",
        point.codec, Text.grouped(Int(point.predictedBits.rounded())),
        point.cost.coreSeconds.map { Text.short($0) } ?? "?", Text.fixed(Double(point.memoryBytes) / 1e6, 0),
      ]
    }
    let header = sweep.axes.map(\.path) + ["epsilon", "z", "codec", "bits at |x| = C", "core time, s", "memory, MB"]
    let time =
      if let coreSeconds, let wallSeconds {
        "about \(Text.seconds(coreSeconds)) of core time, \(Text.seconds(wallSeconds)) on idle cores"
      } else {
        "unknown time"
      }
    return Text.table(header, rows)
      + "\n\n\(Text.counted(sweep.runs.count, "run")): \(Text.counted(points.count, "point")), "
      + "\(Text.counted(sweep.repeats, "repeat"))\n"
      + "\(Text.counted(jobs, "run")) at a time: \(time), about \(memoryBytes / 1_000_000) MB, by what parts of runs took here just now"
  }
}
