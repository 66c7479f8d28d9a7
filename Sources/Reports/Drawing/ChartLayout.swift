import Files

extension Chart {
  /// Where the parts of a chart are: for a width, and a height of the plot.
  struct Layout {
    /// How lines of a name are drawn, in all panels.
    struct Look {
      let colour: Picture.Colour
      let dash: [Double]
      let marker: Picture.Marker
      let isReference: Bool
      /// Whether any of its points are joined: a legend shows a line of them.
      let isJoined: Bool
      /// The place beside other lines at the same x, from -1 to 1.
      let side: Double

      var stroke: Picture.Stroke { .init(colour: colour, width: isReference ? 1.5 : 2, dash: dash) }
    }

    let chart: Chart
    let width: Double
    let plotHeight: Double
    /// Of lines, in the order in which they first occur: each has one place in the legend.
    let names: [String]
    let looks: [String: Look]
    let left: Double
    let across: Across
    let ys: Scale
    /// How far a point of a line is moved aside, at numbers and at categories, for a side of 1.
    let numberReach: Double
    let slotReach: Double
    /// The room of the longest title of a panel.
    let titleRoom: Double
    let top: Double
    let base: Double

    static let right = 16.0
    private static let leastLeft = 72.0
    private static let dashes: [[Double]] = [
      [], [7, 3], [2, 3], [9, 3, 2, 3], [12, 3], [5, 2], [1, 3], [3, 3],
    ]

    init(_ chart: Chart, width: Double, plotHeight: Double) {
      (self.chart, self.width, self.plotHeight) = (chart, width, plotHeight)
      names = chart.series.reduce(into: []) { if !$0.contains($1.name) { $0.append($1.name) } }
      looks = Self.looks(chart, names)
      let extremes = Self.extremes(chart)
      // The axis leaves room for its longest label and for its name.
      let labels = Scale(extremes, chart.y, from: plotHeight, to: 0, margin: 10).ticks.map { Helvetica.room($0.label) }
      left = min(max(Self.leastLeft, (labels.max() ?? 0) + 34), width / 2).rounded()
      let shared = Self.sharing(chart, from: left, to: width - Self.right)
      numberReach = shared
      across = Across(chart, from: left, to: width - Self.right, reach: shared)
      let measured = Double(looks.values.count { !$0.isReference })
      slotReach = measured > 1 ? min(7 * (measured - 1), 0.36 * across.slotWidth) : 0
      let titleWidth = width - left
      let lines = chart.panels.map { $0.title.isEmpty ? 0 : Self.title($0.title, titleWidth).count }.max() ?? 0
      titleRoom = lines == 0 ? 0 : 18 * Double(lines) + 8
      (top, base) = (titleRoom, titleRoom + plotHeight)
      ys = Scale(extremes, chart.y, from: titleRoom + plotHeight, to: titleRoom, margin: 10)
    }

    static func title(_ text: String, _ width: Double) -> [String] {
      Helvetica.wrapped(text, width - 8, count: 2, isBold: true)
    }

    // MARK: Lines

    private static func looks(_ chart: Chart, _ names: [String]) -> [String: Look] {
      let measured = names.filter { name in chart.series.contains { $0.name == name && !$0.isReference } }
      var looks: [String: Look] = [:]
      for name in names {
        let isJoined = chart.series.contains { line in
          line.name == name && line.isJoined
            && Layout.runs(line.points.filter { $0.slot == nil }).contains { $0.count > 1 }
        }
        if let i = measured.firstIndex(of: name) {
          looks[name] = Look(
            colour: .line(i), dash: dashes[i % dashes.count],
            marker: Picture.Marker.allCases[i % Picture.Marker.allCases.count], isReference: false, isJoined: isJoined,
            side: measured.count > 1 ? 2 * Double(i) / Double(measured.count - 1) - 1 : 0)
        } else {
          let i = looks.values.count(where: \.isReference)
          // Beside measured lines references have the colour of text, as long as dashes tell them apart.
          let (colour, dash): (Picture.Colour, [Double]) =
            measured.isEmpty
            ? (.line(i), dashes[i % dashes.count])
            : (i < dashes.count - 1 ? .ink : .line(i), dashes[1 + i % (dashes.count - 1)])
          looks[name] = Look(
            colour: colour, dash: dash, marker: .circle, isReference: true, isJoined: isJoined, side: 0)
        }
      }
      return looks
    }

    /// All that has to be seen. On a logarithm a bar is drawn as far as a tenth of the least value, as it may reach to 0.
    private static func extremes(_ chart: Chart) -> [Double] {
      let points = chart.series.flatMap(\.points)
      let floor = chart.y.isLog ? (points.map(\.y).min() ?? 1) / 10 : -1e150
      return points.flatMap { point -> [Double] in
        guard let bar = point.bar else { return [point.y] }
        return [point.y, min(max(bar.lowerBound, floor), point.y), max(min(bar.upperBound, 1e150), point.y)]
      }
    }

    /// Whether bars of so many points are drawn as a band.
    static func isBand(_ line: Series) -> Bool {
      line.points.count { $0.slot == nil } > 12 && line.points.contains { $0.bar != nil }
    }

    /// How far lines are moved apart whose bars would stand on one another, at numbers: never to where another number is.
    private static func sharing(_ chart: Chart, from: Double, to: Double) -> Double {
      let barred = chart.series.filter { line in
        !line.isReference && !isBand(line) && line.points.contains { $0.bar != nil && $0.slot == nil }
      }
      let count = Set(barred.map(\.name)).count
      guard count > 1 else { return 0 }
      let wanted = min(2.5 * Double(count - 1), 12)
      let across = Across(chart, from: from, to: to, reach: wanted)
      let isShared = chart.panels.contains { panel in
        let places = panel.series.filter { line in barred.contains { $0.name == line.name } }
          .flatMap { line in Set(line.points.filter { $0.slot == nil }.map { across.place($0).rounded() }) }
        return Set(places).count < places.count
      }
      guard isShared else { return 0 }
      let places = Set(barred.flatMap(\.points).filter { $0.slot == nil }.map(across.place)).sorted()
      let gaps = zip(places, places.dropFirst()).map { $1 - $0 }.filter { $0 > 2 }
      return min(wanted, 0.3 * (gaps.min() ?? .infinity))
    }

    /// Where a point is drawn.
    func place(_ point: Point, of name: String, isBand: Bool = false) -> Double {
      let side = looks[name]?.side ?? 0
      let reach = point.slot != nil ? slotReach : isBand || point.bar == nil ? 0 : numberReach
      return across.place(point) + side * reach
    }
  }
}
