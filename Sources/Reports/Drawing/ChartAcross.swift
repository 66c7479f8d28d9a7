import Files

extension Chart {
  /// The axis of x: numbers on a scale, and categories behind them or alone.
  struct Across {
    /// What stands under a tick.
    struct Tick {
      let at: Double
      /// Below one another; empty where there is no room for a label.
      let lines: [String]
      var turn = Picture.Turn.none
      /// The whole name, where it is shortened.
      var full: String?
    }

    /// Nil where all points are of categories.
    let scale: Scale?
    /// Where categories are, by their index.
    private let centres: [Int: Double]
    /// The room of a category.
    let slotWidth: Double
    /// Where categories begin that stand behind numbers.
    let divider: Double?
    let ticks: [Tick]
    /// How far labels reach below the axis.
    let depth: Double

    func place(_ point: Point) -> Double {
      if let slot = point.slot { return centres[slot] ?? 0 }
      return scale?.position(point.x) ?? 0
    }

    private static let gap = 14.0
    /// Beside the outermost of many categories, so that no dot stands on the frame.
    private static func edge(_ count: Int) -> Double { count > 8 ? 6 : 0 }

    private static func halfWidth(_ tick: Tick) -> Double {
      (tick.lines.map { Helvetica.room($0) }.max() ?? 0) / 2 + 3
    }

    /// - Parameters:
    ///   - reach: how far dots are moved aside at most.
    init(_ chart: Chart, from: Double, to: Double, reach: Double) {
      let points = chart.series.flatMap(\.points)
      let numbers = points.filter { $0.slot == nil }.map(\.x)
      let used = Set(points.compactMap(\.slot))
      // Beside numbers an empty category says nothing; alone it says that nothing was found there.
      let slots = chart.x.slots.indices.filter { numbers.isEmpty || used.contains($0) }
      let isMixed = !numbers.isEmpty && !slots.isEmpty
      slotWidth = Self.slotWidth(chart, slots, isMixed: isMixed, within: to - from)
      let start = isMixed ? to - slotWidth * Double(slots.count) : from + Self.edge(slots.count)
      divider = isMixed ? start - Self.gap / 2 : nil
      let width = slotWidth
      let centres = Dictionary(
        uniqueKeysWithValues: slots.enumerated().map { ($1, start + (Double($0) + 0.5) * width) })
      self.centres = centres
      let named = slots.map { (name: chart.x.slots[$0], at: centres[$0] ?? 0) }
      var ticks = Self.ticks(named, width: slotWidth, isMixed: isMixed)
      if slots.isEmpty || isMixed {
        let end = isMixed ? start - Self.gap : to
        let scale = Scale(numbers, chart.x, from: from, to: end, margin: 12 + reach)
        // As far as the first category's name, or the edge of the picture.
        let free = ticks.first.map { $0.at - ($0.turn == .none ? Self.halfWidth($0) : 12) } ?? to + 14
        ticks = Self.ticks(chart, scale, before: free) + ticks
        self.scale = scale
      } else {
        scale = nil
      }
      self.ticks = ticks
      depth = ticks.map(Self.depth).max() ?? 0
    }

    /// Beside numbers as wide as the names, where they leave the numbers at least half of the axis.
    private static func slotWidth(_ chart: Chart, _ slots: [Int], isMixed: Bool, within width: Double) -> Double {
      guard !slots.isEmpty else { return 0 }
      let count = Double(slots.count)
      guard isMixed else { return (width - 2 * edge(slots.count)) / count }
      let lines = chart.series.count { !$0.isReference }
      let widest = slots.map { Helvetica.room(chart.x.slots[$0]) + 10 }.max() ?? 0
      return min(max(44, min(widest, 90), min(10 * Double(lines), 70)), width / 2 / count)
    }

    static let lineHeight = 15.0

    private static func depth(_ tick: Tick) -> Double {
      guard let text = tick.lines.first else { return 5 }
      switch tick.turn {
      case .none: return 24 + lineHeight * Double(tick.lines.count - 1)
      case .slanted: return 18 - Helvetica.room(text) * tick.turn.sine
      case .up: return 12 + Helvetica.room(text)
      }
    }

    // MARK: Ticks of numbers

    /// At the data where they are few and have room, else at round numbers.
    private static func ticks(_ chart: Chart, _ scale: Scale, before end: Double) -> [Tick] {
      let data = chart.series.filter { !$0.isReference }.flatMap(\.points).filter { $0.slot == nil }.map(\.x)
      if let ticks = dataTicks(data, scale, end) { return ticks }
      var free = -Double.infinity
      return scale.ticks.map { tick in
        let at = scale.position(tick.value)
        let half = halfWidth(Tick(at: at, lines: [tick.label]))
        // A label that would touch the one before, or leave the picture, is left out.
        guard at - half > free, at + half < end else { return Tick(at: at, lines: []) }
        free = at + half
        return Tick(at: at, lines: [tick.label])
      }
    }

    static let mostDataTicks = 6

    /// Nil where there are many, or their labels would touch.
    private static func dataTicks(_ values: [Double], _ scale: Scale, _ end: Double) -> [Tick]? {
      // What is drawn at the same place is one.
      var groups: [[Double]] = []
      for value in Set(values).sorted() {
        if let first = groups.last?.first, abs(scale.position(value) - scale.position(first)) < 2 {
          groups[groups.count - 1].append(value)
        } else {
          groups.append([value])
          if groups.count > mostDataTicks { return nil }
        }
      }
      guard !groups.isEmpty else { return nil }
      let ticks = groups.map { group in
        let middle = group[group.count / 2]
        // As many digits as all of them share.
        return Tick(at: scale.position(middle), lines: [group.count == 1 ? Chart.tick(middle) : Chart.label(middle)])
      }
      var free = -Double.infinity
      for tick in ticks {
        let half = halfWidth(tick)
        guard tick.at - half > free, tick.at + half < end else { return nil }
        free = tick.at + half
      }
      return Set(ticks.map(\.lines)).count == ticks.count ? ticks : nil
    }

    // MARK: Ticks of categories

    /// Side by side where names fit in a few lines, else slanted, else upright; shortened where nothing else helps.
    private static func ticks(_ slots: [(name: String, at: Double)], width: Double, isMixed: Bool) -> [Tick] {
      guard let first = slots.first else { return [] }
      let wrapped = slots.map { Helvetica.lines($0.name, width - 4, count: 3) }
      if !wrapped.contains(nil) {
        return zip(slots, wrapped).map { Tick(at: $0.at, lines: $1 ?? []) }
      }
      // Numbers stand to the left of categories, where a slanted name would run.
      let turn: Picture.Turn = !isMixed && width >= 28 ? .slanted : .up
      let every = turn == .up ? max(1, Int((17 / width).rounded(.up))) : 1
      return slots.enumerated().map { i, slot in
        guard i % every == 0 else { return Tick(at: slot.at, lines: []) }
        let most = turn == .up ? 120 : min(140, (first.at + width * Double(i) - 10) / turn.cosine)
        let text = Helvetica.fitted(slot.name, most)
        return Tick(at: slot.at, lines: [text], turn: turn, full: text == slot.name ? nil : slot.name)
      }
    }
  }
}
