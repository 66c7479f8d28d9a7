import RunFiles

/// The Gaussian I(X;Y) of a sweep's points and F, the least mean length of any exact one-shot code: reference lines wherever bits are drawn.
struct SweepBounds {
  private let page: SweepPage
  private let lowerBounds: [Int: Double]
  /// Whether the points of a place have the same information, whatever their line: then a panel has one reference for all.
  let isOneForAll: Bool

  private static let (information, bound) = ("Gaussian I(X;Y)", "lower bound F")

  init(_ page: SweepPage) {
    self.page = page
    lowerBounds = Self.lowerBounds(page.points)
    isOneForAll = page.panels.allSatisfy { panel in
      panel.points.allSatisfy { a in
        panel.points.allSatisfy { b in
          guard a.place == b.place, let x = a.mean(\.information), let y = b.mean(\.information) else { return true }
          return x <= 1.1 * y
        }
      }
    }
  }

  /// F of each point that has I(X;Y) and a model's size, by its index: as it is where values are few, else read off a grid.
  static func lowerBounds(_ points: [SweepPoint]) -> [Int: Double] {
    var found: [Int: Double] = [:]
    for (size, group) in Dictionary(grouping: points, by: \.parameters) {
      guard let size else { continue }
      let information = group.compactMap { point in
        point.mean(\.information).map { Chart.Point(x: Double(point.index), y: $0) }
      }
      let equal = Dictionary(grouping: information, by: \.y)
      let bounds =
        equal.count > 24
        ? Report.lowerBounds(information: information, parameters: size)
        : equal.values.flatMap { Report.lowerBounds(information: $0, parameters: size) }
      for value in bounds where value.y.isFinite { found[Int(value.x)] = value.y }
    }
    return found
  }

  /// Lines that a panel has with one reference each for information and bound.
  private static let linesWithReferences = Chart.mostLines / 3

  /// The panels of a chart of bits: where each line has references of its own and there are many, a panel a line.
  var panels: [SweepPage.Panel] {
    guard hasPanelsOfLines else { return page.panels }
    return page.panels.flatMap { panel in
      panel.lines.map { line in
        // The title says what a line's name would; codecs are known by their colours.
        let name = page.layout.line?.kind == .codec ? line.name : line.points.first?.askedCodec ?? line.name
        let title = [panel.title, line.name].filter { !$0.isEmpty }.joined(separator: ", ")
        return SweepPage.Panel(title: title, lines: [.init(name: name, points: line.points)])
      }
    }
  }

  private var hasPanelsOfLines: Bool {
    !isOneForAll && page.lines.count <= SweepLayout.mostPanels
      && page.panels.contains { $0.lines.count > Self.linesWithReferences }
  }

  /// Whether the references of some lines have no room.
  private var isLeftOut: Bool {
    !isOneForAll && !hasPanelsOfLines && page.panels.contains { $0.lines.count > Self.linesWithReferences }
  }

  /// What the references are, or where they are; empty where no point has information.
  var note: String {
    guard !lowerBounds.isEmpty || page.points.contains(where: { !$0.information.isEmpty }) else { return "" }
    return isLeftOut ? "I(X;Y) and F differ from line to line: the table has them." : Report.boundNote
  }

  /// Of a panel over what varied, with what plain floats take.
  func references(_ panel: SweepPage.Panel) -> [Chart.Series] { informationAndBound(panel) + floats(panel) }

  /// Of a panel over what varied.
  func informationAndBound(_ panel: SweepPage.Panel) -> [Chart.Series] {
    guard !isLeftOut else { return [] }
    let isAlone = panel.lines.count == 1
    let groups = isOneForAll || isAlone ? [("", panel.points)] : panel.lines.map { (", " + $0.name, $0.points) }
    return groups.flatMap { suffix, points in
      [
        Chart.Series(Self.information + suffix, Self.means(points) { $0.mean(\.information) }, isReference: true),
        Chart.Series(Self.bound + suffix, Self.means(points) { lowerBounds[$0.index] }, isReference: true),
      ]
    }
  }

  /// Of a panel of accuracy over bits: what an ideal code would take for the accuracy of the line with the fewest bits.
  func referencesOverBits(_ panel: SweepPage.Panel) -> [Chart.Series] {
    let total = { (line: SweepPage.Line) in line.points.reduce(0) { $0 + ($1.mean(\.bits) ?? .infinity) } }
    guard isOneForAll, page.isOverEpsilon, let best = panel.lines.min(by: { total($0) < total($1) }) else { return [] }
    let points = best.points.filter { !$0.epsilon.isEmpty }
    let series = { (name: String, bits: (SweepPoint) -> Double?) in
      Chart.Series(
        name,
        points.compactMap { point in
          guard let x = bits(point), let y = point.mean(\.accuracy) else { return nil }
          return Chart.Point(x: x, y: y)
        }, isReference: true)
    }
    return [
      series(Self.information) { $0.mean(\.information) }, series(Self.bound) { lowerBounds[$0.index] },
    ]
  }

  /// Means over the points of a place.
  private static func means(_ points: [SweepPoint], _ figure: (SweepPoint) -> Double?) -> [Chart.Point] {
    var found: [(place: Chart.Place, values: [Double])] = []
    for point in points {
      guard let value = figure(point) else { continue }
      if let i = found.firstIndex(where: { $0.place == point.place }) {
        found[i].values.append(value)
      } else {
        found.append((point.place, [value]))
      }
    }
    return found.map { place, values in
      SweepPage.point(place, SweepPage.Figure(values.reduce(0, +) / Double(values.count)))
    }
  }

  /// What plain floats take, where all points have models of one size and none of them sends floats.
  private func floats(_ panel: SweepPage.Panel) -> [Chart.Series] {
    let sizes = Set(page.points.compactMap(\.float32))
    guard sizes.count == 1, !page.points.contains(where: { $0.codec == "float32" }) else { return [] }
    return [Chart.Series("float32", Self.means(panel.points) { $0.float32 }, isReference: true)]
  }
}
