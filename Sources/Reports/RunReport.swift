import Files
import JSONText
import RunFiles

extension Report {
  /// A run: its headline, its rounds, who is guaranteed what, and the scenario to run again.
  mutating func addRun(_ prefix: String, _ files: Source.RunFiles) {
    let (summary, rounds) = (files.summary, files.rounds)
    let percent = { (value: Double?) in value.map { Text.fixed(100 * $0, 1) + " %" } ?? "unknown" }
    let floats = summary.number("float32BitsPerClientRound")
    if case .integer(let count)? = summary["rounds"] {
      var headline =
        "After \(Text.counted(count, "round")) the model is right on \(percent(summary.number("finalAccuracy"))) of the test examples"
      if let epsilon = summary.number("epsilon"), let delta = summary.number("delta") {
        headline += ", with epsilon \(Text.fixedUp(epsilon, 3)) at delta \(delta) for each client"
        if summary.plain("noiseSource") == "central" { headline += " (central noise: the server sees every update)" }
      } else {
        headline += ", without a guarantee of privacy"
      }
      if let bits = summary.number("payloadBitsPerClientRound"), let floats, floats > 0 {
        headline +=
          "; an upload took \(Text.fixed(bits, 0)) bits, \(Text.short(100 * bits / floats)) % of plain floats"
      }
      add(headline: headline + ".")
    }
    let round = Chart.Axis("round", isInteger: true)
    let accuracy = Chart.Axis("accuracy, %")
    add(
      Chart(
        name: prefix + "accuracy", title: "Accuracy over rounds", x: round, y: accuracy,
        series: [
          .init("test examples", rounds.points(.accuracy, scale: 100)),
          .init("clients' own, mean", rounds.points(.clientAccuracyMean, scale: 100)),
        ]))
    add(
      Chart(
        name: prefix + "accuracy-epsilon", title: "Accuracy over privacy spent", x: .init("epsilon"), y: accuracy,
        series: [.init("test examples", rounds.points(.accuracy, scale: 100, over: .epsilon))]))
    add(
      Chart(
        name: prefix + "epsilon", title: "Privacy spent", x: round, y: .init("epsilon"),
        series: [
          .init("at most", rounds.points(.epsilon)),
          .init("at least", rounds.points(.epsilonLowerBound), isReference: true),
        ]))
    if Set(rounds.values(.clippingNorm)).count > 1 {
      add(
        Chart(
          name: prefix + "clipping", title: "Adaptive clipping",
          note: "The norm that updates are clipped to, from noisy counts: part of what is released.", x: round,
          y: .init("clipping norm C", isLog: true), series: [.init("C", rounds.points(.clippingNorm))]))
    }
    let ideal = rounds.points(.idealBitsMean)
    let ends = rounds.values(.round)
    add(
      Chart(
        name: prefix + "bits", title: "Bits of an upload",
        note: "Means over clients. \(Self.boundNote)",
        x: round, y: .init("bits a client", isLog: true),
        series: [
          .init(summary.plain("codec"), rounds.points(.bitsMean)),
          .init("Gaussian I(X;Y)", ideal, isReference: true),
          .init(
            "lower bound F",
            Self.lowerBounds(
              information: ideal, parameters: summary.number("parameters").flatMap { Int(exactly: $0) } ?? 0),
            isReference: true),
          .init(
            "float32",
            floats.map { bits in
              [ends.min(), ends.max()].compactMap { $0 }.map { Chart.Point(x: $0, y: bits) }
            } ?? [], isReference: true),
        ]))
    add(
      Chart(
        name: prefix + "bits-clients", title: "Bits of an upload, over clients",
        note: "Median; the band is from the shortest to the longest upload of a round.",
        x: round, y: .init("bits a client"),
        series: [
          .init(
            summary.plain("codec"),
            rounds.points(.bitsP50, range: (.bitsMin, .bitsMax)))
        ]))
    if Self.spreads(rounds) {
      add(
        Chart(
          name: prefix + "client-accuracy", title: "Accuracy over clients",
          note: "Of the model that was sent, on each drawn client's own examples: median, 10th to 90th percentile.",
          x: round, y: accuracy,
          series: [
            .init(
              "median",
              rounds.points(.clientAccuracyP50, scale: 100, range: (.clientAccuracyP10, .clientAccuracyP90)))
          ]))
    }
    if let row = Self.distribution([rounds], spreads: Self.spreads(rounds)) {
      add(
        Table(
          name: prefix + "distributions", title: "Distributions over clients",
          header: Self.distributionHeader(spreads: Self.spreads(rounds)), rows: [row]))
    }
    if case .array(let views)? = summary["views"] {
      let rows = views.compactMap { view -> [String]? in
        guard case .object(let row) = view else { return nil }
        let note = row["assumptions"] ?? row["reason"] ?? .null
        return [
          row.plain("adversary"), row.plain("knows"),
          row["epsilon"]?.double.map { Text.fixedUp($0, 3) } ?? "none", note.plain,
          row["theorem"].map { $0 == .null ? "-" : $0.plain } ?? "-",
        ]
      }
      add(
        cards: Table(
          name: prefix + "views", title: "Who is guaranteed what",
          header: ["adversary", "knows", "epsilon", "assumptions, or why there is none", "theorem"], rows: rows),
        epsilon: 2)
    }
    addLimits([summary])
    add(
      details: "How to reproduce",
      "fedsim \(summary.plain("fedsimVersion")): save the scenario below as scenario.json, then\n\nfedsim run scenario.json"
    )
    add(details: "The scenario, with every default", files.scenario.text(pretty: true))
  }

  /// What the guarantee says and what it leaves out; each wording once.
  mutating func addLimits(_ summaries: [JSONObject]) {
    var seen = Set<String>()
    for summary in summaries {
      var texts: [String] = []
      if case .string(let statement)? = summary["guaranteeStatement"] { texts.append(statement) }
      if case .array(let outside)? = summary["outsideGuarantee"] {
        texts.append("Outside the guarantee: \(outside.map(\.plain).joined(separator: ", ")).")
      }
      if case .string(let hardening)? = summary["hardening"] { texts.append(hardening + ".") }
      for text in texts where seen.insert(text).inserted { add(paragraph: text) }
    }
  }

  static let boundNote =
    "F: no exact one-shot code has a lower mean length, for Gaussian updates with that I(X;Y) (Goc & Flamich 2024)."

  static let quantiles: [RoundTable.Column] = [.clientAccuracyP10, .clientAccuracyP50, .clientAccuracyP90]

  /// Clients of one example are right or wrong: percentiles of that say nothing.
  static func spreads(_ rounds: RoundTable) -> Bool {
    (rounds.values(.clientAccuracyP10) + rounds.values(.clientAccuracyP90)).contains { $0 > 0 && $0 < 1 }
  }

  static func distributionHeader(spreads: Bool) -> [String] {
    ["bits: least", "median", "most"]
      + (spreads ? ["accuracy, %: 10th percentile", "median", "90th percentile"] : [])
  }

  /// Over clients, of repeats of one point: bits over all rounds, accuracy in the last round that has it. Nil where no round has bits.
  static func distribution(_ tables: [RoundTable], spreads: Bool) -> [String]? {
    let all = { (column: RoundTable.Column) in tables.flatMap { $0.values(column) } }
    guard let least = all(.bitsMin).min(), let most = all(.bitsMax).max(),
      let median = SweepTable.Estimate(all(.bitsP50))
    else { return nil }
    let accuracy = (spreads ? quantiles : []).map { column in
      let last = tables.compactMap { $0.values(column).last }
      return SweepTable.Estimate(last).map { Text.fixed(100 * $0.mean, 1) } ?? "-"
    }
    return [Text.fixed(least, 0), Text.fixed(median.mean, 0), Text.fixed(most, 0)] + accuracy
  }
}
