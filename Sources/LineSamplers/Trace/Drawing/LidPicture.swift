import Files

extension LidTrace {
  /// Frames of the lid L p(x) that rises under q(x): areas, not times.
  struct Picture {
    let trace: LidTrace
    let stage: TraceStage
    private let ys: TraceAxis
    private let target: [(x: Double, y: Double)]

    init(_ trace: LidTrace, _ target: any LineTarget) {
      self.trace = trace
      let stage = TraceStage(target, covering: trace.steps.map(\.x))
      self.stage = stage
      let top = stage.places.reduce(0) { max($0, stage.proposal($1), stage.density($1)) } * 1.1
      ys = TraceAxis("density", from: 0, to: top)
      self.target = stage.sampled(upTo: top) { stage.density($0) }
    }

    /// The frame with the layer and the candidate of a depth.
    func frame(_ depth: Int, _ size: TraceFrameSize) -> TracePanel {
      let step = trace.steps[depth]
      let verdict =
        step.side.map { "above q; keep \($0.rawValue), \(TraceWords.number(step.bits)) bits" }
        ?? "under q: accepted"
      var panel = TracePanel(
        "Depth \(depth)",
        [
          TraceWords.interval(step.interval),
          "lid \(TraceWords.number(step.lid)) p, area S = \(TraceWords.mass(step.rest))", verdict,
        ], size, stage.xs, ys, hasStrip: false)
      let part = stage.visible(step.interval)
      panel.box((stage.xs.low, part.0), from: 0, to: ys.high, .discarded)
      panel.box((part.1, stage.xs.high), from: 0, to: ys.high, .discarded)
      panel.curve([(stage.xs.low, 0)] + target + [(stage.xs.high, 0)], .target, isClosed: true)
      drawLid(before: depth, on: &panel)
      // Steps of a tenth of a slanting line's distance.
      let places = (0...400).map { part.0 + (part.1 - part.0) * Double($0) / 400 }
      panel.hatch(
        places.map { ($0, min(step.lid * stage.proposal($0), ys.high)) },
        places.map { ($0, min(step.nextLid * stage.proposal($0), ys.high)) })
      panel.curve(target, .targetLine)
      if let split = step.split { panel.up(split, from: 0, to: ys.high, .split) }
      let height = step.height * stage.proposal(step.x)
      if step.isAccepted {
        panel.up(step.x, from: 0, to: height, .drop)
        panel.disc(step.x, height)
      } else {
        panel.cross(step.x, height)
      }
      return panel
    }

    /// The lid as it lies before a layer: what was discarded keeps the height that it had then.
    private func drawLid(before depth: Int, on panel: inout TracePanel) {
      var pieces: [(x: (Double, Double), lid: Double)] = []
      for (past, next) in zip(trace.steps.prefix(depth), trace.steps.dropFirst()) {
        let (outer, inner) = (stage.visible(past.interval), stage.visible(next.interval))
        pieces.append(((outer.0, inner.0), past.nextLid))
        pieces.append(((inner.1, outer.1), past.nextLid))
      }
      pieces.append((stage.visible(trace.steps[depth].interval), trace.steps[depth].lid))
      for piece in pieces where piece.lid > 0 && piece.x.1 > piece.x.0 {
        let lid = (0...80).map { i in
          let x = piece.x.0 + (piece.x.1 - piece.x.0) * Double(i) / 80
          return (x: x, y: min(piece.lid * stage.proposal(x), ys.high))
        }
        panel.curve([(piece.x.0, 0)] + lid + [(piece.x.1, 0)], .lid, isClosed: true)
        panel.curve(lid, .lidLine)
      }
    }

    func legend() -> [TraceLegendItem] {
      [
        TraceLegendItem(.line(.targetLine), "q(x)"), TraceLegendItem(.box(.lid), "under the lid L p(x)"),
        TraceLegendItem(.hatched, "next layer, S p(x) / P(B)"), TraceLegendItem(.cross(.rejected), "rejected"),
        TraceLegendItem(.disc, "accepted"), TraceLegendItem(.line(.split), "split"),
        TraceLegendItem(.box(.discarded), "discarded"),
      ]
    }

    var summary: String {
      let steps = trace.steps.prefix(12).map { step in
        "\(step.isAccepted ? "accepted" : "rejected") x = \(TraceWords.place(step.x)) with the lid at \(TraceWords.number(step.lid)) p"
          + (step.side.map { ", kept the \($0.rawValue)" } ?? "")
      }
      return "\(Text.counted(trace.steps.count, "step")): " + steps.joined(separator: "; ")
        + (trace.steps.count > 12 ? "; ..." : "")
    }
  }
}
