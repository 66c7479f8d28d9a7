import JSONText
import Platform

/// Where the time of a run went, in seconds: the only figures that differ between two runs.
public struct Timings: Sendable {
  public var setup = 0.0
  public var accounting = 0.0
  public var enrolment = 0.0
  public var clients = 0.0
  public var completion = 0.0
  public var evaluation = 0.0
  /// Summed over threads; part of `clients`.
  public private(set) var training = 0.0
  public private(set) var coding = 0.0
  public private(set) var decoding = 0.0

  public init() {}

  mutating func add(training: Duration, coding: Duration, decoding: Duration) {
    self.training += training.seconds
    self.coding += coding.seconds
    self.decoding += decoding.seconds
  }

  /// Adds the times of one round.
  mutating func add(_ round: Timings) {
    for phase in [\Timings.setup, \.accounting, \.enrolment, \.clients, \.completion, \.evaluation] {
      self[keyPath: phase] += round[keyPath: phase]
    }
    training += round.training
    coding += round.coding
    decoding += round.decoding
  }

  /// CPU seconds and peak memory are those of the whole process.
  public func json(wallSeconds: Double) -> JSON {
    [
      "wallSeconds": .number(wallSeconds), "cpuSeconds": .number(ResourceUsage.processorSeconds),
      "peakMemoryBytes": .integer(ResourceUsage.peakMemoryBytes),
      "wallSecondsByPhase": [
        "setup": .number(setup), "accounting": .number(accounting), "enrolment": .number(enrolment),
        "clients": .number(clients), "completion": .number(completion),
        "evaluation": .number(evaluation),
      ],
      "clientSecondsSummedOverThreads": [
        "training": .number(training), "clippingAndEncoding": .number(coding), "decodingAndAdding": .number(decoding),
      ],
    ]
  }
}

/// Adds the time since the last lap to a phase.
struct Stopwatch {
  private var last = ContinuousClock.now

  mutating func lap(_ phase: WritableKeyPath<Timings, Double>, _ timings: inout Timings) {
    let now = ContinuousClock.now
    timings[keyPath: phase] += (now - last).seconds
    last = now
  }
}
