#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where the time of a run went, in seconds: the only figures that differ between two runs.
public struct Timings: Sendable {
  public var setup = 0.0
  public var accounting = 0.0
  public var enrolment = 0.0
  public var clients = 0.0
  public var decoding = 0.0
  public var completion = 0.0
  public var evaluation = 0.0
  /// Summed over threads; part of `clients`.
  public private(set) var training = 0.0
  public private(set) var coding = 0.0

  public init() {}

  mutating func add(training: Duration, coding: Duration) {
    self.training += training.seconds
    self.coding += coding.seconds
  }

  /// CPU seconds and peak memory are those of the whole process.
  public func json(wallSeconds: Double) -> JSON {
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #else
      getrusage(RUSAGE_SELF, &usage)
    #endif
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime)
    return [
      "wallSeconds": .number(wallSeconds), "cpuSeconds": .number(cpu),
      "peakMemoryBytes": .integer(MemoryPrediction.peakBytes),
      "wallSecondsByPhase": [
        "setup": .number(setup), "accounting": .number(accounting), "enrolment": .number(enrolment),
        "clients": .number(clients), "decoding": .number(decoding), "completion": .number(completion),
        "evaluation": .number(evaluation),
      ],
      "clientSecondsSummedOverThreads": ["training": .number(training), "clippingAndEncoding": .number(coding)],
    ]
  }

  private func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
}

extension Duration {
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
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
