import Files

extension BoundTrace {
  /// Frames over values T / r on an axis of even factors, one after each candidate.
  struct Picture {
    let trace: BoundTrace
    let stage: TraceStage
    private let ys: TraceAxis

    init(_ trace: BoundTrace, _ target: any LineTarget) {
      self.trace = trace
      stage = TraceStage(target, covering: trace.steps.map(\.x))
      let bounds = (trace.start + trace.steps.flatMap(\.queue)).map(\.bound)
      let values = trace.steps.map(\.value)
      let low = ((bounds + values).min() ?? 0.1) / 2
      let finite = (bounds + values).filter(\.isFinite)
      // Values where r is next to nothing are beyond the edge.
      let high = min((finite.max() ?? 1) * 2, max((bounds.max() ?? 1) * 4, (trace.winner?.best ?? 1) * 100, low * 1000))
      ys = TraceAxis("T / r(x), log scale", log: low, to: max(high, low * 10))
    }

    /// - Parameter count: candidates that were looked at.
    func frame(_ count: Int, _ size: TraceFrameSize) -> TracePanel {
      let seen = trace.steps.prefix(count)
      var panel = TracePanel(heading(count), captions(count), size, stage.xs, ys, hasStrip: true)
      let queue = seen.last?.queue ?? trace.start
      for waiting in queue {
        let (low, high) = stage.visible(waiting.interval)
        panel.box((low, high), from: ys.low, to: waiting.bound, .bar)
        panel.up(low, from: ys.low, to: waiting.bound, .barTop)
        panel.up(high, from: ys.low, to: waiting.bound, .barTop)
        panel.across(waiting.bound, (low, high), .barTop)
      }
      if let last = seen.last { panel.across(last.best, stage.ends, .best) }
      let winner = seen.last { $0.isBest }
      for step in seen where step != winner { panel.cross(step.x, step.value) }
      if let winner { panel.disc(winner.x, winner.value) }
      return panel
    }

    private func heading(_ count: Int) -> String {
      guard count > 0 else { return "Before the first candidate" }
      let step = trace.steps[count - 1]
      return trace.algorithm == .pfr ? "k = \(step.node)" : "Step \(count), depth \(step.depth)"
    }

    private func captions(_ count: Int) -> [String] {
      guard count > 0 else {
        return ["Values are above the bar:", "its height is T / sup r.", ""]
      }
      let step = trace.steps[count - 1]
      let rest = step.queue.filter { $0.bound < step.best }.count
      let state =
        count == trace.steps.count
        ? "no bound is lower: stop"
        : trace.algorithm == .pfr ? "the next may be lower" : "\(Text.counted(rest, "bound")) below the best"
      return [
        TraceWords.interval(step.interval),
        "x = \(TraceWords.place(step.x)), T/r = \(TraceWords.number(step.value))\(step.isBest ? ", best" : "")", state,
      ]
    }

    func legend() -> [TraceLegendItem] {
      [
        TraceLegendItem(
          .box(.bar), trace.algorithm == .pfr ? "bound of what is to come" : "bound of a waiting interval"),
        TraceLegendItem(.line(.best), "best value so far"), TraceLegendItem(.disc, "its candidate"),
        TraceLegendItem(.cross(.rejected), "other candidates"), TraceLegendItem(.box(.proposal), "density of P"),
        TraceLegendItem(.box(.target), "density of Q"),
      ]
    }

    var summary: String {
      let steps = trace.steps.prefix(12).map { step in
        "x = \(TraceWords.place(step.x)) has the value \(TraceWords.number(step.value))\(step.isBest ? ", the best so far" : "")"
      }
      return "\(Text.counted(trace.steps.count, "candidate")): " + steps.joined(separator: "; ")
        + (trace.steps.count > 12 ? "; ..." : "")
    }
  }
}
