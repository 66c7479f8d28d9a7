import Files

/// How the points of a sweep are arranged in its charts: what is x, what makes the lines, and what the panels.
struct SweepLayout: Sendable {
  /// Points of a chart that are one line: indices.
  struct Line: Sendable {
    let name: String
    let points: [Int]
  }

  struct Panel: Sendable {
    let title: String
    let lines: [Line]
  }

  /// More pictures than this are no figure any more.
  static let mostPanels = 24

  /// Nil for a sweep of one point.
  let x: SweepFactor?
  let line: SweepFactor?
  /// In the order of the sweep.
  let panelFactors: [SweepFactor]
  /// All points, in panels of at most `Chart.mostLines` lines.
  let allPanels: [Panel]

  /// - Parameter name: what the line of a point is called where no factor makes lines.
  init(_ factors: [SweepFactor], count: Int, name: (Int) -> String) {
    let x = Self.x(factors)
    var others = factors.indices.filter { $0 != x }
    let line = others.first { factors[$0].kind == .codec } ?? others.first
    others.removeAll { $0 == line }
    self.x = x.map { factors[$0] }
    self.line = line.map { factors[$0] }
    panelFactors = others.map { factors[$0] }
    let lineFactor = self.line
    let panelFactors = panelFactors
    allPanels = Self.groups(Array(0..<count)) { i in panelFactors.map { $0.choices[i] } }.flatMap { points in
      let title = points.first.map { i in panelFactors.map { $0.title(i) }.joined(separator: ", ") } ?? ""
      // Named points may have codecs of their own.
      let names = points.reduce(into: [String]()) { if !$0.contains(name($1)) { $0.append(name($1)) } }
      let lines = Self.groups(points) { i in
        [lineFactor.map { $0.choices[i] } ?? names.firstIndex(of: name(i)) ?? 0]
      }.compactMap { points in
        points.first.map { Line(name: lineFactor?.names[$0] ?? name($0), points: points) }
      }
      return Self.split(Panel(title: title, lines: lines))
    }
  }

  /// What x is: epsilon, else the first numbers, else the first words that are no codec; seeds only where nothing else varies.
  private static func x(_ factors: [SweepFactor]) -> Int? {
    let others = factors.indices.filter { factors[$0].path != "seed" }
    return factors.firstIndex { $0.kind == .epsilon }
      ?? others.first { factors[$0].isNumeric } ?? others.first { factors[$0].kind != .codec } ?? others.first
      ?? factors.indices.first
  }

  /// Points with the same choices, in the order of the choices.
  private static func groups(_ points: [Int], _ choices: (Int) -> [Int]) -> [[Int]] {
    Dictionary(grouping: points, by: choices).sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
  }

  /// Panels of at most as many lines as can be told apart.
  static func split(_ panel: Panel) -> [Panel] {
    let count = panel.lines.count
    guard count > Chart.mostLines else { return [panel] }
    let parts = (count + Chart.mostLines - 1) / Chart.mostLines
    return (0..<parts).map { i in
      let range = (i * count / parts)..<((i + 1) * count / parts)
      let which = "lines \(range.lowerBound + 1) to \(range.upperBound) of \(count)"
      return Panel(
        title: panel.title.isEmpty ? which : "\(panel.title), \(which)", lines: Array(panel.lines[range]))
    }
  }
}
