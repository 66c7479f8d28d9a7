import Files

extension SearchTrace {
  /// A line that names the search, its table, and what the search came to.
  public var text: String {
    let from = seed.map { ", seed \($0)" } ?? ""
    let head = "\(algorithm.rawValue), target \(target.spelling)\(from)"
    return ([head] + target.notes + tables + [closing]).joined(separator: "\n\n")
  }

  private var tables: [String] {
    switch course {
    case .process(let trace):
      var tables: [String] = []
      if algorithm != .gprs { tables.append("fast-gprs\n\n" + trace.stepTable) }
      if algorithm != .fastGPRS { tables.append("gprs\n\n" + trace.arrivalTable) }
      return tables
    case .bounds(let trace): return [trace.table]
    case .lids(let trace): return [trace.table]
    }
  }

  /// "sample 1.40745, 4 steps of fast-gprs (path 2.1920 bits), 6 of gprs; KL 2.0451 bits, Dinf 2.7694 bits"
  private var closing: String {
    let path = { (bits: Double) in "path \(Text.fixed(bits, 4)) bits" }
    let found =
      switch course {
      case .process(let trace) where algorithm == .gprs: "K = \(Text.grouped(trace.arrivals.count))"
      case .process(let trace) where algorithm == .fastGPRS:
        "\(Text.counted(trace.steps.count, "step")), \(path(trace.pathBits))"
      case .process(let trace):
        "K = \(Text.grouped(trace.arrivals.count)) with gprs, \(Text.counted(trace.steps.count, "step")) with fast-gprs, \(path(trace.pathBits))"
      case .bounds(let trace) where algorithm == .pfr:
        "\(Text.counted(trace.steps.count, "candidate")), K = \(trace.winner?.node ?? 0)"
      case .bounds(let trace):
        "\(Text.counted(trace.steps.count, "step")), winner at depth \(trace.winner?.depth ?? 0), \(path(trace.pathBits))"
      case .lids(let trace): "\(Text.counted(trace.steps.count, "step")), \(path(trace.pathBits))"
      }
    return
      "sample \(Text.fixed(sample, 5)): \(found); KL \(Text.fixed(target.entropyBits, 4)) bits, Dinf \(Text.fixed(target.supremumBits, 4)) bits"
  }
}

private func number(_ value: Double) -> String {
  guard value.isFinite else { return value > 0 ? "infinite" : "-infinite" }
  // Values T / r where r is next to nothing.
  return abs(value) < 1e7 ? Text.fixed(value, 5) : Text.loss(value)
}

extension ProcessTrace {
  /// What GPRS looks at, a row an arrival.
  var arrivalTable: String {
    Text.table(
      ["k", "t", "x", "r", "S(r)", "verdict"],
      arrivals.enumerated().map { i, point in
        [
          "\(i + 1)", number(point.time), number(point.x), number(point.ratio), number(point.stretch),
          point.isAccepted ? "accept" : "reject",
        ]
      })
  }

  /// What fast GPRS looks at, a row a step.
  var stepTable: String {
    Text.table(
      ["depth", "lo", "hi", "mass", "u", "x", "t", "r", "S(r)", "verdict", "side", "bits"],
      steps.enumerated().map { depth, step in
        ["\(depth)"]
          + [
            step.interval.low, step.interval.high, step.interval.mass, step.uniform, step.x, step.time, step.ratio,
            step.stretch,
          ].map(number)
          + [step.side == nil ? "accept" : "reject", step.side?.rawValue ?? "-", Text.fixed(step.bits, 4)]
      })
  }
}

extension BoundTrace {
  /// A row a candidate: its time, its value T / r, the bound of its interval, the best value so far.
  var table: String {
    let rows = steps.enumerated().map { i, step in
      [
        "\(i + 1)", "\(step.node)", "\(step.depth)", number(step.interval.low), number(step.interval.high),
        number(step.time), number(step.x), number(step.ratio), number(step.bound), number(step.value),
        number(step.best), step.isBest ? "best" : "-", "\(step.queue.count)",
      ]
    }
    return Text.table(
      ["step", "node", "depth", "lo", "hi", "T", "x", "r", "bound", "T/r", "best", "verdict", "waiting"], rows)
  }
}

extension LidTrace {
  /// A row a candidate: the layer that it was thrown into, and where.
  var table: String {
    Text.table(
      ["depth", "lo", "hi", "mass", "L", "S", "L next", "x", "height", "r", "verdict", "side", "bits"],
      steps.enumerated().map { depth, step in
        ["\(depth)"]
          + [
            step.interval.low, step.interval.high, step.interval.mass, step.lid, step.rest, step.nextLid, step.x,
            step.height, step.ratio,
          ].map(number)
          + [step.isAccepted ? "accept" : "reject", step.side?.rawValue ?? "-", Text.fixed(step.bits, 4)]
      })
  }
}
