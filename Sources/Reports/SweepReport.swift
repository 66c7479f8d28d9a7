import Files
import JSONText
import RunFiles

/// A point of a sweep: what its repeats found.
private struct SweepPoint {
  let codec: String
  /// Settings that vary beside codec and noise, as a person would write them, by path.
  var settings: [String: String] = [:]
  var epsilon: [Double] = []
  var accuracy: [Double] = []
  var bits: [Double] = []
  /// I(X; Y) in bits a client and round.
  var information: [Double] = []
  var parameters: Int?
  var float32: Double?
  var guarantee: String?
  var rounds: [RoundTable] = []
  var summary: JSONObject?

  func mean(_ key: KeyPath<SweepPoint, [Double]>) -> Double? { SweepTable.Estimate(self[keyPath: key])?.mean }
}

extension Report {
  /// A sweep: its headline, privacy against bits and accuracy, rounds, clients, points, who is guaranteed what, and how to make it again.
  mutating func addSweep(_ prefix: String, _ files: Source.SweepFiles) {
    let (points, paths) = Self.points(files)
    let all = Self.lines(points, paths)
    let lines = Self.evenly(all, Chart.mostLines)
    addHeadline(files.rows.count, points, paths)
    addOmissions(points, lines: lines.count, of: all.count)
    addCurves(prefix, points, lines, isPlain: paths.isEmpty)
    addRounds(prefix, points, paths)
    addClients(prefix, points, lines, paths)
    addTable(prefix, points, paths)
    addViews(prefix, points)
    addLimits(points.compactMap(\.summary))
    if let scenario = files.scenario {
      var version = "-"
      if case .object(let result)? = files.rows.first?["result"] { version = result.plain("fedsimVersion") }
      add(
        details: "How to reproduce",
        "fedsim \(version): save the scenario below as scenario.json, then\n\nfedsim sweep scenario.json")
      add(details: "The scenario, with its sweep", scenario)
    }
    if let setting = files.rows.first?["setting"] {
      add(details: "The first run's scenario, with every default", setting.text(pretty: true))
    }
  }

  /// Points in the order of the sweep, and the settings that vary beside codec and noise, in the order of its axes.
  private static func points(_ files: Source.SweepFiles) -> ([SweepPoint], [String]) {
    var points: [Int: SweepPoint] = [:]
    var order: [String] = files.axes
    for (i, row) in files.rows.enumerated() {
      guard case .integer(let index)? = row["point"], case .object(let result)? = row["result"] else { continue }
      var point = points[index] ?? SweepPoint(codec: result.plain("codec"))
      if points[index] == nil, let setting = row["setting"] {
        for (path, value) in CSV.leaves(setting, "") {
          point.settings[path] = value.plain
          if !order.contains(path) { order.append(path) }
        }
        point.parameters = result.number("parameters").flatMap { Int(exactly: $0) }
        point.float32 = result.number("float32BitsPerClientRound")
        if let delta = result.number("delta"), result["epsilon"]?.double != nil {
          point.guarantee = "delta \(delta), \(result.plain("relation"))"
        }
        point.summary = files.summaries[index]
      }
      if let value = result.number("epsilon") { point.epsilon.append(value) }
      if let value = result.number("finalAccuracy") { point.accuracy.append(100 * value) }
      if let value = result.number("payloadBitsPerClientRound") { point.bits.append(value) }
      if let value = result.number("idealBitsPerClientRound") { point.information.append(value) }
      if let rounds = files.rounds[i] { point.rounds.append(rounds) }
      points[index] = point
    }
    let ordered = points.sorted { $0.key < $1.key }.map(\.value)
    let shown: Set = ["seed", "name", "channel.codec", "privacy.targetEpsilon", "privacy.noiseMultiplier"]
    let paths = order.filter { path in
      !shown.contains(path) && Set(ordered.map { $0.settings[path] ?? "null" }).count > 1
    }
    return (ordered, paths)
  }

  private struct Line {
    let name: String
    let points: [SweepPoint]
  }

  /// A line a codec, and a setting where others vary.
  private static func lines(_ points: [SweepPoint], _ paths: [String]) -> [Line] {
    let hasCodecs = Set(points.map(\.codec)).count > 1 || paths.isEmpty
    let name = { (point: SweepPoint) in
      ((hasCodecs ? [point.codec] : []) + paths.map { "\(short($0)) \(point.settings[$0] ?? "-")" })
        .joined(separator: ", ")
    }
    var names: [String] = []
    var groups: [String: [SweepPoint]] = [:]
    for point in points {
      if groups[name(point)] == nil { names.append(name(point)) }
      groups[name(point), default: []].append(point)
    }
    return names.map { Line(name: $0, points: groups[$0] ?? []) }
  }

  /// `cohort.size` as `size`.
  private static func short(_ path: String) -> String { path.split(separator: ".").last.map(String.init) ?? path }

  private static func evenly<T>(_ values: [T], _ count: Int) -> [T] {
    guard values.count > count else { return values }
    return (0..<count).map { values[$0 * (values.count - 1) / (count - 1)] }
  }

  /// Of the codec with the fewest bits over all, among those with a guarantee.
  private static func cheapest(_ points: [SweepPoint]) -> [SweepPoint] {
    let found = points.filter { $0.mean(\.epsilon) != nil && $0.mean(\.bits) != nil && $0.mean(\.accuracy) != nil }
    var totals: [(codec: String, bits: Double)] = []
    for point in found {
      let bits = point.mean(\.bits) ?? 0
      if let i = totals.firstIndex(where: { $0.codec == point.codec }) {
        totals[i].bits += bits
      } else {
        totals.append((point.codec, bits))
      }
    }
    let best = totals.min { $0.bits < $1.bits }?.codec
    return found.filter { $0.codec == best }
  }

  private mutating func addHeadline(_ runs: Int, _ points: [SweepPoint], _ paths: [String]) {
    var headline = "\(Text.counted(runs, "run")) of \(Text.counted(points.count, "point"))."
    let best = Self.cheapest(points)
    let epsilon = { (point: SweepPoint) in point.mean(\.epsilon) ?? 0 }
    // Where epsilon alone varies beside the codec.
    if paths.isEmpty, let low = best.min(by: { epsilon($0) < epsilon($1) }),
      let high = best.max(by: { epsilon($0) < epsilon($1) }), epsilon(high) > 1.01 * epsilon(low),
      let a = low.mean(\.accuracy), let b = high.mean(\.accuracy), let few = low.mean(\.bits),
      let many = high.mean(\.bits)
    {
      headline +=
        " With \(low.codec), epsilon \(Chart.label(epsilon(low))) gives \(Text.fixed(a, 1)) % accuracy at \(Text.fixed(few, 0)) bits a client and round, epsilon "
        + "\(Chart.label(epsilon(high))) gives \(Text.fixed(b, 1)) % at \(Text.fixed(many, 0))"
        + (many > few ? ": less noise costs more bits." : ".")
      if let floats = low.float32 { headline += " Plain floats take \(Text.fixed(floats, 0))." }
    }
    add(headline: headline)
  }

  /// What charts do not show, in words: nothing is left out silently.
  private mutating func addOmissions(_ points: [SweepPoint], lines: Int, of all: Int) {
    if lines < all {
      add(
        paragraph:
          "Charts show \(lines) of \(all) lines, evenly chosen, as more cannot be told apart; the tables have all points."
      )
    }
    let lacking = { (key: KeyPath<SweepPoint, [Double]>) in points.count { $0[keyPath: key].isEmpty } }
    for (count, what) in [
      (lacking(\.epsilon), "epsilon"), (lacking(\.bits), "bits"), (lacking(\.accuracy), "accuracy"),
    ]
    where count > 0 {
      add(
        paragraph:
          "\(Text.counted(count, "point")) of \(points.count) \(count == 1 ? "has" : "have") no \(what), and \(count == 1 ? "is" : "are") in no chart of it."
      )
    }
    let free = points.count { $0.mean(\.epsilon) == 0 }
    if free > 0 {
      add(
        paragraph:
          "\(Text.counted(free, "point")) of epsilon 0 \(free == 1 ? "has" : "have") no place on a logarithmic axis.")
    }
  }

  private mutating func addCurves(_ prefix: String, _ points: [SweepPoint], _ lines: [Line], isPlain: Bool) {
    let curve = { (line: Line, x: KeyPath<SweepPoint, [Double]>, y: KeyPath<SweepPoint, [Double]>) in
      Chart.Series(
        line.name,
        line.points.compactMap { point in
          guard let a = point.mean(x), let b = SweepTable.Estimate(point[keyPath: y]) else { return nil }
          return Chart.Point(x: a, y: b.mean, error: b.error)
        })
    }
    let epsilon = Chart.Axis("epsilon", isLog: true)
    let bits = Chart.Axis("bits a client and round", isLog: true)
    let accuracy = Chart.Axis("accuracy, %")
    var references: [Chart.Series] = []
    // Where more than epsilon decides the information there is no one line of it.
    let best = Self.cheapest(points)
    if isPlain, let parameters = best.first?.parameters {
      let information = best.compactMap { point in
        point.mean(\.epsilon).flatMap { x in point.mean(\.information).map { Chart.Point(x: x, y: $0) } }
      }
      references = [
        .init("Gaussian I(X;Y)", information, isReference: true),
        .init(
          "lower bound F",
          information.flatMap { Self.lowerBounds(information: [$0], parameters: parameters) }, isReference: true),
      ]
    }
    let floats = Set(points.compactMap(\.float32))
    if floats.count == 1, let bits = floats.first, !points.contains(where: { $0.codec == "float32" }) {
      let ends = points.compactMap { $0.mean(\.epsilon) }
      references.append(
        .init(
          "float32", [ends.min(), ends.max()].compactMap { $0 }.map { Chart.Point(x: $0, y: bits) }, isReference: true))
    }
    let bars = points.contains { $0.accuracy.count > 1 } ? "Bars: standard error over repeats." : ""
    add(
      Chart(
        name: prefix + "privacy-bits", title: "Privacy and bits",
        note: references.isEmpty ? bars : [bars, Self.boundNote].filter { !$0.isEmpty }.joined(separator: " "),
        x: epsilon, y: bits, series: lines.map { curve($0, \.epsilon, \.bits) } + references))
    add(
      Chart(
        name: prefix + "privacy-accuracy", title: "Privacy and accuracy", note: bars, x: epsilon, y: accuracy,
        series: lines.map { curve($0, \.epsilon, \.accuracy) }))
    add(
      Chart(
        name: prefix + "bits-accuracy", title: "Communication and accuracy", note: bars, x: bits, y: accuracy,
        series: lines.map { curve($0, \.bits, \.accuracy) }))
  }

  /// Accuracy over rounds and over epsilon spent: of all points where there are few, else of the codec with the fewest bits.
  private mutating func addRounds(_ prefix: String, _ points: [SweepPoint], _ paths: [String]) {
    let all = points.filter { !$0.rounds.isEmpty }
    var chosen = all
    var note = "Means over repeats."
    if all.count > Chart.mostLines {
      let best = Self.cheapest(all)
      chosen = Self.evenly(best.isEmpty ? all : best, Chart.mostLines)
      if let codec = best.first?.codec {
        note += " Points of \(codec)\(chosen.count < best.count ? ", \(chosen.count) of \(best.count)" : "")."
      }
    }
    let codecs = Set(chosen.map(\.codec)).count > 1
    let epsilons = Set(chosen.compactMap { $0.mean(\.epsilon).map(Chart.label) }).count > 1
    let name = { (point: SweepPoint) -> String in
      var parts = codecs ? [point.codec] : []
      if epsilons { parts.append(point.mean(\.epsilon).map { "epsilon " + Chart.label($0) } ?? "no epsilon") }
      parts += paths.filter { path in Set(chosen.map { $0.settings[path] }).count > 1 }
        .map { "\(Self.short($0)) \(point.settings[$0] ?? "-")" }
      return parts.isEmpty ? point.codec : parts.joined(separator: ", ")
    }
    let curve = { (point: SweepPoint, x: RoundTable.Column) -> Chart.Series in
      // By round: repeats have the same plan, and so the same epsilon.
      var found: [Double: [Double]] = [:]
      for table in point.rounds {
        for value in table.points(.accuracy, scale: 100, over: x) { found[value.x, default: []].append(value.y) }
      }
      return .init(
        name(point), found.map { Chart.Point(x: $0.key, y: $0.value.reduce(0, +) / Double($0.value.count)) })
    }
    let accuracy = Chart.Axis("accuracy, %")
    add(
      Chart(
        name: prefix + "rounds-accuracy", title: "Accuracy over rounds", note: note,
        x: .init("round", isInteger: true), y: accuracy, series: chosen.map { curve($0, .round) }))
    add(
      Chart(
        name: prefix + "spent-accuracy", title: "Accuracy over privacy spent",
        note: note + " Epsilon of the rounds so far.", x: .init("epsilon", isLog: true), y: accuracy,
        series: chosen.map { curve($0, .epsilon) }))
  }

  /// What differs between clients.
  private mutating func addClients(_ prefix: String, _ points: [SweepPoint], _ lines: [Line], _ paths: [String]) {
    let curve = { (line: Line, part: (SweepPoint) -> (Double, ClosedRange<Double>)?) in
      Chart.Series(
        line.name,
        line.points.compactMap { point in
          guard let x = point.mean(\.epsilon), let (y, range) = part(point) else { return nil }
          return Chart.Point(x: x, y: y, range: range)
        })
    }
    let all = { (point: SweepPoint, column: RoundTable.Column) in point.rounds.flatMap { $0.values(column) } }
    add(
      Chart(
        name: prefix + "bits-clients", title: "Bits of an upload, over clients",
        note: "Mean of the rounds' medians; bars from the shortest to the longest upload of all rounds.",
        x: .init("epsilon", isLog: true), y: .init("bits a client and round", isLog: true),
        series: lines.map { line in
          curve(line) { point in
            guard let low = all(point, .bitsMin).min(), let high = all(point, .bitsMax).max(), low <= high,
              let middle = SweepTable.Estimate(all(point, .bitsP50))
            else { return nil }
            return (middle.mean, low...high)
          }
        }))
    if points.contains(where: { $0.rounds.contains(where: Self.spreads) }) {
      add(
        Chart(
          name: prefix + "client-accuracy", title: "Accuracy over clients",
          note: "On clients' own examples in the last round: median, 10th to 90th percentile; means over repeats.",
          x: .init("epsilon", isLog: true), y: .init("accuracy, %"),
          series: lines.map { line in
            curve(line) { point in
              let ends = Self.quantiles.map { column in
                SweepTable.Estimate(point.rounds.compactMap { $0.values(column).last })
              }
              guard let low = ends[0]?.mean, let middle = ends[1]?.mean, let high = ends[2]?.mean, low <= high else {
                return nil
              }
              return (100 * middle, (100 * low)...(100 * high))
            }
          }))
    }
    let spreads = points.contains { $0.rounds.contains(where: Self.spreads) }
    let rows = points.compactMap { point -> [String]? in
      guard let row = Self.distribution(point.rounds, spreads: spreads) else { return nil }
      return Self.cells(point, paths) + row
    }
    add(
      Table(
        name: prefix + "distributions", title: "Distributions over clients",
        header: paths + ["codec", "epsilon"] + Self.distributionHeader(spreads: spreads), rows: rows))
  }

  private static func cells(_ point: SweepPoint, _ paths: [String]) -> [String] {
    paths.map { point.settings[$0] ?? "-" } + [
      point.codec, point.mean(\.epsilon).map { Text.fixedUp($0, 3) } ?? "none",
    ]
  }

  private mutating func addTable(_ prefix: String, _ points: [SweepPoint], _ paths: [String]) {
    let estimate = { (values: [Double]) -> String in
      guard let e = SweepTable.Estimate(values) else { return "-" }
      let digits = e.mean < 1000 ? 1 : 0
      return Text.fixed(e.mean, digits) + (e.error.map { " +- " + Text.fixed($0, digits) } ?? "")
    }
    add(
      Table(
        name: prefix + "points-table", title: "Points of the sweep: means +- standard errors over repeats",
        header: paths + ["codec", "epsilon", "accuracy, %", "bits a client and round", "I(X;Y)", "runs", "guarantee"],
        rows: points.map { point in
          Self.cells(point, paths) + [
            estimate(point.accuracy), estimate(point.bits), estimate(point.information),
            "\(max(point.accuracy.count, point.bits.count))", point.guarantee ?? "none",
          ]
        }))
  }

  /// A row for each adversary and theorem that some point has: which codecs, and epsilon from the tightest to the loosest point.
  private mutating func addViews(_ prefix: String, _ points: [SweepPoint]) {
    struct View {
      let adversary: String
      let knows: String
      let theorem: String
      var codecs: [String] = []
      var count = 0
      var low = Double.infinity
      var high = 0.0
      /// Of the point with the least epsilon.
      var note: String
    }
    var views: [View] = []
    for point in points {
      guard case .array(let rows)? = point.summary?["views"] else { continue }
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
    add(
      cards: Table(
        name: prefix + "views", title: "Who is guaranteed what: from the tightest to the loosest point",
        header: [
          "adversary", "knows", "codecs", "points", "epsilon", "assumptions (at the tightest), or why there is none",
          "theorem",
        ],
        rows: order.flatMap { name in views.filter { $0.adversary == name } }.map { view in
          let epsilon =
            view.low > view.high
            ? "none"
            : view.high > view.low
              ? "\(Text.fixedUp(view.low, 3)) to \(Text.fixedUp(view.high, 3))" : Text.fixedUp(view.low, 3)
          return [
            view.adversary, view.knows, view.codecs.joined(separator: ", "), "\(view.count)", epsilon, view.note,
            view.theorem,
          ]
        }), epsilon: 4)
  }
}
