import Files
import RunFiles

extension Report {
  /// A sweep: its headline, charts, clients, points, who is guaranteed what, and how to make it again.
  mutating func addSweep(_ prefix: String, _ files: Source.SweepFiles, _ charts: [SweepChart]) {
    let page = SweepPage(files)
    add(headline: SweepHeadline(page).text)
    addOmissions(page)
    let drawn = charts.compactMap { chart in chart.draw(page)?.named(prefix + chart.name) }
    // Those of several panels are as wide as the page: two of the others stand side by side.
    for chart in drawn.filter({ $0.panels.count < 2 }) + drawn.filter({ $0.panels.count > 1 }) { add(chart) }
    addDistributions(prefix, page)
    addTable(prefix, page)
    addViews(prefix, page.points)
    addLimits(page.points.compactMap(\.summary))
    if let scenario = files.scenario {
      var version = "-"
      if case .object(let result)? = files.rows.first?["result"] { version = result.plain(\.fedsimVersion) }
      add(
        details: "How to reproduce",
        "fedsim \(version): save the scenario below as scenario.json, then\n\nfedsim sweep scenario.json")
      add(details: "The scenario, with its sweep", scenario)
    }
    if let setting = files.rows.first?["setting"] {
      add(details: "The first run's scenario, with every default", setting.text(pretty: true))
    }
  }

  /// What charts do not show, in words: nothing is left out silently.
  private mutating func addOmissions(_ page: SweepPage) {
    let points = page.points
    if !page.omissionNote.isEmpty { add(paragraph: page.omissionNote) }
    let lacking = { (key: KeyPath<SweepPoint, [Double]>) in points.filter { $0[keyPath: key].isEmpty } }
    let isQuantity = points.contains(where: \.isQuantity)
    for (without, what) in [
      (lacking(\.epsilon), "epsilon"), (lacking(\.bits), "bits"), (lacking(\.scores), isQuantity ? "R^2" : "accuracy"),
      (lacking(\.loss), "finite loss"),
    ]
    // Of older results that have no loss none is missing.
    where !without.isEmpty && (what != "finite loss" || without.count < points.count) {
      let count = without.count
      let (has, stands, are) = count == 1 ? ("has", "stands", "is") : ("have", "stand", "are")
      let place =
        what == "epsilon" && page.isOverEpsilon
        ? ": \(count == 1 ? "it" : "they") \(stands) at \"none\", and \(are) in no chart of the privacy spent"
        : ", and \(are) in no chart of it"
      // By name, unless that is all of them.
      let names = without.prefix(24).map(\.name).filter { !$0.isEmpty }.joined(separator: "; ")
      let rest = count > 24 ? "; and \(count - 24) more" : ""
      let which = count < points.count && !names.isEmpty ? " By name: \(names)\(rest)." : ""
      add(paragraph: "\(Text.counted(count, "point")) of \(points.count) \(has) no \(what)\(place).\(which)")
    }
  }

  /// What differs between clients, at each point.
  private mutating func addDistributions(_ prefix: String, _ page: SweepPage) {
    let spreads = page.hasSpreadOfAccuracy
    let rows = page.points.compactMap { point -> [String]? in
      guard let row = Self.distribution(point.rounds, spreads: spreads) else { return nil }
      return Self.cells(point, page) + row
    }
    add(
      Table(
        name: prefix + "distributions", title: "Distributions over clients",
        header: page.columns + ["codec", "epsilon"] + Self.distributionHeader(spreads: spreads), rows: rows))
  }

  private static func cells(_ point: SweepPoint, _ page: SweepPage) -> [String] {
    page.cells(point) + [
      point.codecWords, point.mean(\.epsilon).map { Text.fixedUp($0, 3) } ?? "none",
    ]
  }

  private mutating func addTable(_ prefix: String, _ page: SweepPage) {
    let bounds = SweepBounds.lowerBounds(page.points)
    let isQuantity = page.points.contains { !$0.r2.isEmpty }
    let estimate = { (values: [Double], places: Int) -> Table.Cell in
      let found = SweepTable.Estimate(values)
      return Table.Cell(found, digits: (found?.mean ?? 0) < 1000 ? places : 0)
    }
    add(
      Table(
        name: prefix + "points-table", title: "Points of the sweep: means +- standard errors over repeats",
        header: page.columns + [
          "codec", "epsilon", isQuantity ? "R^2" : "accuracy, %", isQuantity ? "mean squared error" : "loss, nats",
          "bits a client and round", "I(X;Y), bits", "F, bits", "runs",
          "guarantee",
        ],
        cells: page.points.map { point in
          zip(page.columns + ["", ""], Self.cells(point, page)).map { column, text in
            // A name is no number, whatever it looks like.
            column == "name" ? Table.Cell(text) : Table.Cell(reading: text)
          } + [
            isQuantity ? estimate(point.r2, 4) : estimate(point.accuracy, 1), estimate(point.loss, 3),
            estimate(point.bits, 1),
            estimate(point.information, 1), estimate(bounds[point.index].map { [$0] } ?? [], 1),
            Table.Cell(reading: "\(point.runs)"), Table.Cell(point.guarantee ?? "none"),
          ]
        }))
  }

  /// What the points of a sweep say of an adversary.
  private struct View {
    let adversary: String
    let knows: String
    let theorem: String
    var codecs: [String] = []
    var count = 0
    var low = Double.infinity
    var high = 0.0
    /// Of the point with the least epsilon.
    var note: String

    /// Epsilon from the tightest to the loosest point.
    var epsilon: String {
      if low > high { return "none" }
      return high > low ? "\(Text.fixedUp(low, 3)) to \(Text.fixedUp(high, 3))" : Text.fixedUp(low, 3)
    }
  }

  /// A row for each adversary and theorem that some point has, the rows of an adversary together.
  private static func views(_ points: [SweepPoint]) -> [View] {
    var views: [View] = []
    for point in points {
      guard case .array(let rows)? = point.summary?[\.views] else { continue }
      for case .object(let row) in rows {
        let epsilon = row["epsilon"]?.double
        let theorem = row["theorem"].map { $0 == .null ? "-" : $0.plain } ?? "-"
        let note = (row["assumptions"] ?? row["reason"] ?? .null).plain
        // Without a guarantee the reason tells rows apart; with one it has numbers of its own at each point.
        let i =
          views.firstIndex {
            $0.adversary == row.plain("adversary") && $0.theorem == theorem && (epsilon != nil || $0.note == note)
          } ?? views.count
        if i == views.count {
          views.append(
            View(adversary: row.plain("adversary"), knows: row.plain("knows"), theorem: theorem, note: note))
        }
        views[i].count += 1
        if !views[i].codecs.contains(point.codec) { views[i].codecs.append(point.codec) }
        guard let epsilon else { continue }
        if epsilon < views[i].low { (views[i].low, views[i].note) = (epsilon, note) }
        views[i].high = max(views[i].high, epsilon)
      }
    }
    let order = views.reduce(into: [String]()) { if !$0.contains($1.adversary) { $0.append($1.adversary) } }
    return order.flatMap { name in views.filter { $0.adversary == name } }
  }

  private mutating func addViews(_ prefix: String, _ points: [SweepPoint]) {
    add(
      cards: Table(
        name: prefix + "views", title: "Who is guaranteed what: from the tightest to the loosest point",
        header: [
          "adversary", "knows", "codecs", "points", "epsilon", "assumptions (at the tightest), or why there is none",
          "theorem",
        ],
        rows: Self.views(points).map { view in
          [
            view.adversary, view.knows, view.codecs.joined(separator: ", "), "\(view.count)", view.epsilon, view.note,
            view.theorem,
          ]
        }), epsilon: 4)
  }
}
