import FedSim
import Files
import JSONText
import RunFiles

extension Report {
  /// A run: its headline, its charts, who is guaranteed what, and the scenario to run again.
  mutating func addRun(_ prefix: String, _ files: Source.RunFiles, _ charts: [RunChart]) {
    let isExternal =
      if case .object(let root) = files.scenario { root[path: "data.source"] == "external" } else { false }
    addHeadline(files.summary, files.posterior, isExternal: isExternal)
    for chart in charts { if let drawn = chart.draw(files) { add(drawn.named(prefix + chart.name)) } }
    addPosteriors(prefix, files)
    addEvaluation(prefix, files)
    for text in ClippingParagraph.texts(files.rounds, files.summary, files.scenario) { add(paragraph: text) }
    let spreads = Self.spreads(files.rounds)
    if let row = Self.distribution([files.rounds], spreads: spreads) {
      add(
        Table(
          name: prefix + "distributions", title: "Distributions over clients",
          header: Self.distributionHeader(spreads: spreads), rows: [row]))
    }
    addViews(prefix, files.summary)
    addLimits([files.summary])
    add(
      details: "How to reproduce",
      "fedsim \(files.summary.plain(\.fedsimVersion)): "
        + (isExternal
          ? "the updates came from a program. With its data, its own seeds and the run key (state.bin has it, a secret) it makes the same rounds "
            + "of the scenario below."
          : "save the scenario below as scenario.json, then\n\nfedsim run scenario.json")
    )
    add(details: "The scenario, with every default", files.scenario.text(pretty: true))
  }

  private mutating func addHeadline(_ summary: JSONObject, _ posterior: JSONObject?, isExternal: Bool) {
    guard case .integer(let count)? = summary[\.rounds] else { return }
    let accuracy = summary.number(\.finalAccuracy).map { Text.fixed(100 * $0, 1) + " %" } ?? "unknown"
    var headline = "After \(Text.counted(count, "round")) the model is right on \(accuracy) of the test examples"
    if isExternal {
      headline =
        "\(Text.counted(count, "round")) of updates from a program"
        + (summary[\.finalAccuracy] ?? .null == .null
          ? "" : ": it says that the model is right on \(accuracy) of its test examples")
    } else if summary[\.finalRMSE] != nil {
      let error = summary.number(\.finalRMSE).map(Text.short) ?? "unknown"
      headline =
        "After \(Text.counted(count, "round")) the root of the mean squared error on the test examples is \(error)"
        + (summary.number(\.finalR2).map { ", R^2 is \(Text.fixed($0, 4))" } ?? "")
    }
    if let posterior, let sent = Self.posteriorHeadline(posterior) {
      add(headline: sent)
      headline = "Prior and decoder were trained in \(Text.counted(count, "round"))"
    }
    if let epsilon = summary.number(\.epsilon), let delta = summary.number(\.delta) {
      headline += ", with epsilon \(Text.fixedUp(epsilon, 3)) at delta \(delta) for each client"
      if summary.plain(\.noiseSource) == "central" { headline += " (central noise: the server sees every update)" }
    } else {
      headline += ", without a guarantee of privacy"
    }
    let measured = summary.number(\.payloadBitsPerClientRound)
    if let bits = measured ?? summary.number(\.predictedBitsPerClientRound),
      let floats = summary.number(\.float32BitsPerClientRound), floats > 0
    {
      headline +=
        "; an upload \(measured == nil ? "is predicted to take" : "took") \(Text.fixed(bits, 0)) bits, "
        + "\(Text.short(100 * bits / floats)) % of plain floats"
    }
    add(headline: headline + ".")
  }

  /// The first code, in a sentence; nil for a file without one.
  private static func posteriorHeadline(_ file: JSONObject) -> String? {
    guard let row = PosteriorRow.all(file).first(where: \.isSample), let bits = row.payloadBits, let kl = row.klBits
    else { return nil }
    let what = row.psnr == nil ? "classifier" : "picture"
    let quality =
      row.psnr.map { ", and decodes to a PSNR of \(Text.fixed($0, 2)) dB" }
      ?? row.accuracy.map { ", and is right on \(Text.fixed(100 * $0, 1)) % of its client's test examples" } ?? ""
    return
      "A posterior sample of a \(what) has \(Text.fixed(kl, 1)) bits of KL divergence, took \(Text.fixed(bits, 1)) bits by "
      + "\"\(row.code)\"\(quality). No guarantee of privacy is given for it."
  }

  private mutating func addViews(_ prefix: String, _ summary: JSONObject) {
    guard case .array(let views)? = summary[\.views] else { return }
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

  /// What the guarantee says and what it leaves out; each wording once.
  mutating func addLimits(_ summaries: [JSONObject]) {
    var seen = Set<String>()
    for summary in summaries {
      var texts: [String] = []
      if case .string(let statement)? = summary[\.guaranteeStatement] { texts.append(statement) }
      if case .array(let outside)? = summary[\.outsideGuarantee] {
        texts.append("Outside the guarantee: \(outside.map(\.plain).joined(separator: ", ")).")
      }
      if case .string(let hardening)? = summary[\.hardening] { texts.append(hardening + ".") }
      for text in texts where seen.insert(text).inserted { add(paragraph: text) }
    }
  }

  static let boundNote =
    "F: no exact one-shot code has a lower mean length, for Gaussian updates with that I(X;Y) (Goc & Flamich 2024)."

  static let quantiles: [any KeyPath<RoundFields, RoundField> & Sendable] = [
    \.clientAccuracyP10, \.clientAccuracyP50, \.clientAccuracyP90,
  ]

  /// Clients of one example are right or wrong: percentiles of that say nothing.
  static func spreads(_ rounds: RoundTable) -> Bool {
    (rounds.values(\.clientAccuracyP10) + rounds.values(\.clientAccuracyP90)).contains { $0 > 0 && $0 < 1 }
  }

  static func distributionHeader(spreads: Bool) -> [String] {
    ["bits: least", "bits: median", "bits: most"]
      + (spreads ? ["accuracy, %: 10th percentile", "accuracy, %: median", "accuracy, %: 90th percentile"] : [])
  }

  /// Over clients, of repeats of one point: bits over all rounds, accuracy in the last round that has it. Nil where no round has bits.
  static func distribution(_ tables: [RoundTable], spreads: Bool) -> [String]? {
    let all = { (figure: KeyPath<RoundFields, RoundField>) in tables.flatMap { $0.values(figure) } }
    guard let least = all(\.payloadBitsMin).min(), let most = all(\.payloadBitsMax).max(),
      let median = SweepTable.Estimate(all(\.payloadBitsP50))
    else { return nil }
    let accuracy = (spreads ? quantiles : []).map { figure in
      let last = tables.compactMap { $0.values(figure).last }
      return SweepTable.Estimate(last).map { Text.fixed(100 * $0.mean, 1) } ?? "-"
    }
    return [Text.fixed(least, 0), Text.fixed(median.mean, 0), Text.fixed(most, 0)] + accuracy
  }
}
