import Files

extension ProcessTrace {
  /// Frames of both forms of the search over the same axes.
  struct Picture {
    let trace: ProcessTrace
    let stage: TraceStage
    private let ys: TraceAxis
    private let graph: [(x: Double, y: Double)]
    private let end: Double

    init(_ trace: ProcessTrace, _ target: any LineTarget) {
      self.trace = trace
      stage = TraceStage(target, covering: trace.arrivals.map(\.x))
      end = max(7, 1.1 * (trace.arrivals.last?.time ?? 0))
      ys = TraceAxis("time t", from: 0, to: end)
      let (target, stage) = (target, stage)
      graph = stage.sampled(upTo: end) { target.stretch(stage.point($0)) }
    }

    private func panel(_ heading: String, _ captions: [String], _ size: TraceFrameSize) -> TracePanel {
      var panel = TracePanel(heading, captions, size, stage.xs, ys, hasStrip: true)
      panel.curve([(stage.xs.low, 0)] + graph + [(stage.xs.high, 0)], .acceptance, isClosed: true)
      return panel
    }

    /// The dashed graph: its parts below the upper edge.
    private func drawGraph(on panel: inout TracePanel) {
      var part: [(x: Double, y: Double)] = []
      var last: (x: Double, y: Double)?
      for point in graph {
        let isCut = point.y >= end
        if !isCut, part.isEmpty, let last { part.append(last) }
        if !isCut || !part.isEmpty { part.append(point) }
        if isCut {
          panel.curve(part, .graph)
          part = []
        }
        last = point
      }
      panel.curve(part, .graph)
    }

    private func drawAccepted(_ x: Double, _ time: Double, on panel: inout TracePanel) {
      panel.up(x, from: 0, to: time, .drop)
      panel.disc(x, time)
    }

    /// The frame in which GPRS has looked at the first `k` arrivals.
    func gprs(_ k: Int, _ size: TraceFrameSize) -> TracePanel {
      let seen = trace.arrivals.prefix(k)
      var captions = ["Arrivals under the graph", "of S(r(x)) are accepted."]
      if let last = seen.last {
        captions = [
          "x = \(TraceWords.place(last.x)), t = \(TraceWords.place(last.time))",
          "S(r(x)) = \(TraceWords.place(last.stretch)): \(last.isAccepted ? "accepted" : "rejected")",
        ]
      }
      var panel = panel(k == 0 ? "Before the first arrival" : "k = \(k)", captions, size)
      drawGraph(on: &panel)
      if let last = seen.last { panel.across(last.time, stage.ends, .sweep) }
      for point in seen where !point.isAccepted { panel.cross(point.x, point.time) }
      if let last = seen.last, last.isAccepted { drawAccepted(last.x, last.time, on: &panel) }
      return panel
    }

    /// The frame in which fast GPRS has looked at the candidate of a depth.
    func fast(_ depth: Int, _ size: TraceFrameSize) -> TracePanel {
      let step = trace.steps[depth]
      let verdict =
        step.side.map { "rejected; keep \($0.rawValue), \(TraceWords.number(step.bits)) bits" }
        ?? "accepted; path \(TraceWords.number(trace.pathBits)) bits"
      var panel = panel(
        "Depth \(depth)",
        [
          TraceWords.interval(step.interval), "x = \(TraceWords.place(step.x)), t = \(TraceWords.place(step.time))",
          verdict,
        ], size)
      let past = trace.steps.prefix(depth + 1)
      for past in past {
        guard let side = past.side else { continue }
        let (low, high) = stage.visible(past.interval)
        panel.box(side == .right ? (low, past.x) : (past.x, high), from: past.time, to: end, .discarded)
      }
      drawGraph(on: &panel)
      panel.across(step.time, stage.visible(step.interval), .sweep)
      for point in trace.arrivals where point.depth == nil && point.time <= step.time {
        panel.cross(point.x, point.time, .unseen)
      }
      for past in past where past.side != nil {
        panel.up(past.x, from: past.time, to: end, .split)
        panel.cross(past.x, past.time)
      }
      if step.side == nil { drawAccepted(step.x, step.time, on: &panel) }
      return panel
    }

    func legend(isFast: Bool, isGlobal: Bool) -> [TraceLegendItem] {
      var items = [
        TraceLegendItem(.line(.graph), "t = S(r(x))"), TraceLegendItem(.box(.acceptance), "accepted under it"),
        TraceLegendItem(.cross(.rejected), "rejected"), TraceLegendItem(.disc, "accepted"),
        TraceLegendItem(.line(.sweep), "time reached"),
      ]
      if isFast {
        items += [
          TraceLegendItem(.line(.split), "split"), TraceLegendItem(.box(.discarded), "discarded"),
        ]
        if trace.arrivals.contains(where: { $0.depth == nil }) {
          items.append(TraceLegendItem(.cross(.unseen), "only GPRS looks here"))
        }
      }
      return items + [TraceLegendItem(.box(.proposal), "density of P"), TraceLegendItem(.box(.target), "density of Q")]
    }

    func summary(isFast: Bool, isGlobal: Bool) -> String {
      let words = { (x: Double, time: Double, isAccepted: Bool) in
        "\(isAccepted ? "accepted" : "rejected") x = \(TraceWords.place(x)) at t = \(TraceWords.place(time))"
      }
      var parts: [String] = []
      if isFast {
        let steps = trace.steps.map { step in
          words(step.x, step.time, step.side == nil) + (step.side.map { ", kept the \($0.rawValue)" } ?? "")
        }
        parts.append(
          "Fast GPRS, \(Text.counted(steps.count, "step")): \(steps.prefix(12).joined(separator: "; "))"
            + (steps.count > 12 ? "; ..." : ""))
      }
      if isGlobal {
        let points = trace.arrivals.map { words($0.x, $0.time, $0.isAccepted) }
        parts.append(
          "GPRS, \(Text.counted(points.count, "arrival")): \(points.prefix(12).joined(separator: "; "))"
            + (points.count > 12 ? "; ..." : ""))
      }
      return parts.joined(separator: ". ")
    }
  }
}
