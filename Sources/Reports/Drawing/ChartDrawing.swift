import Files

extension Chart.Layout {
  // MARK: Title and legend

  /// The chart's title and its legend, for a width.
  func head(_ width: Double) -> Picture {
    let titles = Helvetica.wrapped(chart.title, width - 16, count: 3, size: 15, isBold: true)
    let rows = legend(width)
    let first = 22 + 19 * Double(titles.count)
    var head = Picture(
      width: width, height: rows.isEmpty ? first : first + 20 * Double(rows.count) - 1, summary: chart.title)
    for (i, line) in titles.enumerated() {
      head.marks.append(
        .text(
          .init(
            text: line, at: .init(8, 20 + 19 * Double(i)), size: 15, isBold: true,
            full: titles.count == 1 && line != chart.title ? chart.title : nil)))
    }
    for (r, row) in rows.enumerated() {
      let y = first + 1 + 20 * Double(r)
      for entry in row { add(entry.name, entry.text, at: .init(entry.at, y), to: &head) }
    }
    return head
  }

  private typealias Entry = (name: String, text: String, at: Double)

  /// Rows by the length of names.
  private func legend(_ width: Double) -> [[Entry]] {
    var rows: [[Entry]] = []
    var at = Double.infinity
    for name in names where !name.isEmpty {
      let text = Helvetica.fitted(name, width - 16 - Self.sample)
      let size = sample(name) + Helvetica.room(text)
      if at + size > width - 8 {
        rows.append([])
        at = 8
      }
      rows[rows.count - 1].append((name, text, at))
      at += size + 14
    }
    return rows
  }

  private static let sample = 34.0

  /// The room of what stands before a name: a dot alone needs less than a line.
  private func sample(_ name: String) -> Double { hasLine(name) ? Self.sample : 16 }

  private func hasLine(_ name: String) -> Bool { looks[name].map { $0.isJoined || $0.isReference } ?? false }

  private func add(_ name: String, _ text: String, at: Picture.Place, to head: inout Picture) {
    guard let look = looks[name] else { return }
    let middle = at.y - 4
    if hasLine(name) {
      head.marks.append(.line([.init(at.x, middle), .init(at.x + 28, middle)], look.stroke))
    }
    if !look.isReference {
      head.marks.append(
        .dot(
          .init(
            at: .init(at.x + (hasLine(name) ? 14 : 6), middle), radius: 3.6, marker: look.marker, colour: look.colour,
            title: "")))
    }
    head.marks.append(
      .text(.init(text: text, at: .init(at.x + sample(name), at.y), full: text == name ? nil : name)))
  }

  // MARK: A panel

  private var right: Double { width - Self.right }

  /// How far below the axis a panel ends.
  private func foot(hasName: Bool) -> Double { max(across.depth, 24) + (hasName && !chart.x.label.isEmpty ? 30 : 10) }

  func height(hasNameOfX: Bool) -> Double { base + foot(hasName: hasNameOfX) }

  /// A panel with its axes; their names are left out where a neighbor has them.
  func panel(_ i: Int, hasNameOfX: Bool = true, hasNameOfY: Bool = true) -> Picture {
    let panel = chart.panels.indices.contains(i) ? chart.panels[i] : Chart.Panel("", [])
    var picture = Picture(width: width, height: height(hasNameOfX: hasNameOfX), summary: chart.summary(of: panel))
    let titles = panel.title.isEmpty ? [] : Self.title(panel.title, width - left)
    for (k, line) in titles.enumerated() {
      picture.marks.append(
        .text(
          .init(
            text: line, at: .init(left, 14 + 18 * Double(k)), isBold: true,
            full: titles.count == 1 && line != panel.title ? panel.title : nil)))
    }
    drawTicksOfY(&picture)
    drawTicksOfX(&picture)
    drawAxes(&picture, hasNameOfX: hasNameOfX, hasNameOfY: hasNameOfY)
    // References below what was measured, and dots above all lines and bars.
    let lines = panel.series.sorted { $0.isReference && !$1.isReference }
    for line in lines { drawBand(line, &picture) }
    for line in lines { drawPath(line, &picture) }
    for line in lines where !line.isReference { drawBars(line, &picture) }
    for line in lines where !line.isReference { drawDots(line, in: panel, &picture) }
    return picture
  }

  private func drawTicksOfY(_ picture: inout Picture) {
    var free = Double.infinity
    for tick in ys.ticks {
      let y = ys.position(tick.value)
      picture.marks.append(.line([.init(left, y), .init(right, y)], .rule))
      guard y < free else { continue }
      free = y - 1.3 * Picture.fontSize
      picture.marks.append(.text(.init(text: tick.label, at: .init(left - 8, y + 4), anchor: .end)))
    }
  }

  private func drawTicksOfX(_ picture: inout Picture) {
    if let divider = across.divider {
      picture.marks.append(.line([.init(divider, top), .init(divider, base)], .rule))
    }
    for tick in across.ticks {
      picture.marks.append(.line([.init(tick.at, base), .init(tick.at, base + 5)], .axis))
      for (i, line) in tick.lines.enumerated() {
        let at: Picture.Place =
          switch tick.turn {
          case .none: .init(tick.at, base + 20 + Chart.Across.lineHeight * Double(i))
          case .slanted: .init(tick.at + 4, base + 16)
          case .up: .init(tick.at + 4, base + 9)
          }
        picture.marks.append(
          .text(
            .init(
              text: line, at: at, anchor: tick.turn == .none ? .middle : .end, turn: tick.turn,
              full: tick.full)))
      }
    }
  }

  /// The line of the axis of x, and the names of both.
  private func drawAxes(_ picture: inout Picture, hasNameOfX: Bool, hasNameOfY: Bool) {
    let numbersEnd = across.divider.map { $0 - 2 } ?? right
    picture.marks.append(.line([.init(left, base), .init(numbersEnd, base)], .axis))
    if let divider = across.divider {
      picture.marks.append(.line([.init(divider + 2, base), .init(right, base)], .axis))
    }
    if hasNameOfX, !chart.x.label.isEmpty {
      let text = Helvetica.fitted(chart.x.label, width - 12)
      // In the middle of the axis, as far as a long name lets it be.
      let half = Helvetica.room(text) / 2 + 4
      let centre = max(min((left + right) / 2, width - half), half)
      picture.marks.append(
        .text(
          .init(
            text: text, at: .init(centre, picture.height - 10), anchor: .middle,
            full: text == chart.x.label ? nil : chart.x.label, role: .nameOfX)))
    }
    if hasNameOfY, !chart.y.label.isEmpty {
      // Not below the axis, where names of categories and that of x may be.
      let text = Helvetica.fitted(chart.y.label, base)
      let half = Helvetica.room(text) / 2 + 4
      let centre = max(min((top + base) / 2, base + 8 - half), half)
      picture.marks.append(
        .text(
          .init(
            text: text, at: .init(15, centre), anchor: .middle, turn: .up,
            full: text == chart.y.label ? nil : chart.y.label, role: .nameOfY)))
    }
  }

  // MARK: Lines

  /// Within the frame: what a logarithm has no place for, and bars that are longer than the picture is high, end at it.
  private func height(of y: Double) -> Double {
    if ys.isLog && y <= 0 { return base }
    return min(max(ys.position(y), top), base)
  }

  private func drawBand(_ line: Chart.Series, _ picture: inout Picture) {
    guard Self.isBand(line), let look = looks[line.name] else { return }
    let band = Self.thinned(line.points.filter { $0.bar != nil && $0.slot == nil }, to: 250)
    guard band.count > 1 else { return }
    let edge = { (end: KeyPath<ClosedRange<Double>, Double>) in
      band.map { point in
        let y = point.bar?[keyPath: end] ?? point.y
        return Picture.Place(place(point, of: line.name, isBand: true), height(of: y))
      }
    }
    picture.marks.append(.area(edge(\.upperBound) + edge(\.lowerBound).reversed(), look.colour, opacity: 0.18))
  }

  private func drawPath(_ line: Chart.Series, _ picture: inout Picture) {
    guard let look = looks[line.name] else { return }
    let isBand = Self.isBand(line)
    let joined = Self.thinned(line.points.filter { $0.slot == nil }, to: 500)
    for run in line.isJoined ? Self.runs(joined) : [] where run.count > 1 {
      picture.marks.append(
        .line(run.map { .init(place($0, of: line.name, isBand: isBand), height(of: $0.y)) }, look.stroke))
    }
    guard look.isReference else { return }
    // A reference has no dots: a level at each category, and at a number that stands alone.
    for point in line.points where point.slot != nil || joined.count == 1 {
      let (x, y) = (across.place(point), height(of: point.y))
      let half = point.slot == nil ? 14 : 0.46 * across.slotWidth
      picture.marks.append(.line([.init(max(x - half, left), y), .init(min(x + half, right), y)], look.stroke))
    }
  }

  /// Points that a line joins: several at one number have no order, and a line through them would only go up and down.
  static func runs(_ points: [Chart.Point]) -> [[Chart.Point]] {
    points.reduce(into: []) { runs, point in
      if let last = runs.last?.last, last.x != point.x {
        runs[runs.count - 1].append(point)
      } else {
        runs.append([point])
      }
    }
  }

  private func drawBars(_ line: Chart.Series, _ picture: inout Picture) {
    guard let look = looks[line.name] else { return }
    let isBand = Self.isBand(line)
    let stroke = Picture.Stroke(colour: look.colour, width: 1.5)
    for point in line.points {
      guard let bar = point.bar, bar.lowerBound < bar.upperBound, !isBand || point.slot != nil else { continue }
      let x = place(point, of: line.name)
      let ends = [bar.lowerBound, bar.upperBound].map(height)
      picture.marks.append(.line([.init(x, ends[0]), .init(x, ends[1])], stroke))
      // No cap where the bar goes on.
      for y in ends where y > top && y < base {
        picture.marks.append(.line([.init(x - 3, y), .init(x + 3, y)], stroke))
      }
    }
  }

  private func drawDots(_ line: Chart.Series, in panel: Chart.Panel, _ picture: inout Picture) {
    guard let look = looks[line.name] else { return }
    let isBand = Self.isBand(line)
    // Many points: small ones.
    let radius = line.points.count > 40 ? 1.6 : 3.6
    for point in Self.thinned(line.points, to: 100) {
      let spread =
        point.range.map { ", \(Chart.label($0.lowerBound)) to \(Chart.label($0.upperBound))" }
        ?? (point.bar == nil ? nil : point.error).map { " +- \(Text.short($0))" } ?? ""
      let start = [panel.title, line.name].filter { !$0.isEmpty }.joined(separator: ", ")
      let text =
        "\(start): \(chart.x.label) \(chart.name(ofX: point)), \(chart.y.label) \(Chart.label(point.y))\(spread)"
      picture.marks.append(
        .dot(
          .init(
            at: .init(place(point, of: line.name, isBand: isBand), height(of: point.y)), radius: radius,
            marker: look.marker, colour: look.colour, title: text)))
    }
  }

  /// At most so many points of a line, as pages of long runs stay small: of each stretch the least and the most.
  static func thinned(_ points: [Chart.Point], to count: Int) -> [Chart.Point] {
    guard points.count > count, count > 3 else { return points }
    let stretches = count / 2 - 1
    var kept: Set<Int> = [0, points.count - 1]
    for stretch in 0..<stretches {
      let range = (points.count * stretch / stretches)..<(points.count * (stretch + 1) / stretches)
      if let low = range.min(by: { points[$0].y < points[$1].y }) { kept.insert(low) }
      if let high = range.max(by: { points[$0].y < points[$1].y }) { kept.insert(high) }
    }
    return kept.sorted().map { points[$0] }
  }
}
