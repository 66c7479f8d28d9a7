import FedSim
import Files

extension SweepTable {
  /// What `fedsim sweep` ends with: a row a point with what matters most, and what the columns are, in words.
  public var closingTable: String {
    let columns =
      [accuracyColumn, sweep.isPaired ? differenceColumn : nil, lossColumn, epsilonColumn, bitsColumn]
      .compactMap { $0 } + boundColumns
    let rows = pointRuns.map { run in run.labels + columns.map { $0.cells[run.point] } }
    return Text.table(sweep.axes.map(\.path) + columns.map(\.header), rows) + posteriorTable
      + "\n\n" + notes.joined(separator: "\n")
  }

  private struct ShownColumn {
    let header: String
    let cells: [String]
  }

  /// A mean and its standard error, in one unit.
  private func shown(_ found: Estimate?, scale: Double = 1, _ digits: Int) -> String? {
    found.map { found in
      Text.fixed(scale * found.mean, digits) + (found.error.map { " +- " + Text.fixed(scale * $0, digits) } ?? "")
    }
  }

  /// Whether the runs learn a quantity, and have R^2 in place of an accuracy.
  private var isQuantity: Bool { estimates("finalR2").contains { $0 != nil } }

  private var accuracyColumn: ShownColumn {
    if isQuantity {
      return ShownColumn(header: "R^2", cells: estimates("finalR2").map { shown($0, 4) ?? "-" })
    }
    return ShownColumn(
      header: "accuracy",
      cells: estimates("finalAccuracy").map { shown($0, scale: 100, 1).map { $0 + " %" } ?? "-" })
  }

  private var differenceColumn: ShownColumn {
    if isQuantity {
      return ShownColumn(
        header: "less the first, paired", cells: differences("finalR2").map { shown($0, 4) ?? "-" })
    }
    return ShownColumn(
      header: "less the first, paired",
      cells: differences("finalAccuracy").map { shown($0, scale: 100, 2).map { $0 + " %" } ?? "-" })
  }

  /// Nil where no run has a loss that is a number.
  private var lossColumn: ShownColumn? {
    let found = estimates("finalLoss")
    guard found.contains(where: { $0 != nil }) else { return nil }
    return ShownColumn(
      header: isQuantity ? "squared error" : "loss, nats",
      cells: found.map { found in
        guard let found else { return "not finite" }
        return Text.loss(found.mean) + (found.error.map { " +- " + Text.loss($0) } ?? "")
      })
  }

  private var epsilonColumn: ShownColumn {
    ShownColumn(
      header: "epsilon", cells: estimates("epsilon").map { $0.map { Text.fixedUp($0.mean, 3) } ?? "none" })
  }

  private var bitsColumn: ShownColumn {
    let predicted = estimates("predictedBitsPerClientRound")
    return ShownColumn(
      header: "bits/client",
      cells: estimates("payloadBitsPerClientRound").enumerated().map { p, measured in
        guard let measured else { return predicted[p].map { Text.fixed($0.mean, 0) + " predicted" } ?? "-" }
        return Self.bits(measured)
      })
  }

  /// Where every payload has one length, repeats cannot differ: no error. A small one is shown as it is, and not as 0.
  private static func bits(_ found: Estimate) -> String {
    guard let error = found.error, error > 0 else { return Text.fixed(found.mean, 0) }
    let digits = found.mean < 1000 ? 1 : 0
    let isShown = error * (digits == 1 ? 10 : 1) >= 0.5
    return Text.fixed(found.mean, digits) + " +- " + (isShown ? Text.fixed(error, digits) : Text.short(error))
  }

  /// What no code can do better than; none where there is no noise.
  private var boundColumns: [ShownColumn] {
    [("I(X;Y), bits", "idealBitsPerClientRound"), ("F, bits", PointFigure.lowerBound.name)].compactMap { header, key in
      let found = estimates(key)
      guard found.contains(where: { $0 != nil }) else { return nil }
      return ShownColumn(header: header, cells: found.map { $0.map { Text.fixed($0.mean, 0) } ?? "-" })
    }
  }

  /// What the columns are.
  private var notes: [String] {
    var notes: [String] = []
    if sweep.repeats > 1 {
      notes.append("+- standard error over \(Text.counted(sweep.repeats, "repeat")), which differ in the seed alone")
    }
    if sweep.isPaired {
      notes.append(
        "less the first, paired: mean difference in \(isQuantity ? "R^2" : "accuracy") from the first point, repeat by repeat"
      )
    }
    if let baseline = majorityNote { notes.append(baseline) }
    notes.append("bits/client: mean payload of a client's upload in a round")
    if !boundColumns.isEmpty {
      notes.append(
        "I(X;Y): what an update says about itself through the noise; F: no exact one-shot code has a shorter mean (docs/terms.md)"
      )
    }
    return notes
  }

  /// The accuracy of always saying one class, at all points; nil for tasks without accuracy.
  private var majorityNote: String? {
    let found = estimates("majorityClassAccuracy").compactMap { $0.map { 100 * $0.mean } }
    guard let low = found.min(), let high = found.max() else { return nil }
    let range =
      Text.fixed(low, 1) == Text.fixed(high, 1) ? Text.fixed(low, 1) : "\(Text.fixed(low, 1)) to \(Text.fixed(high, 1))"
    return "always saying the test examples' most frequent class: \(range) % accuracy"
  }

  /// What posterior samples came to; empty for other tasks.
  private var posteriorTable: String {
    let figures = figures.filter { figure in PointFigure.ofPosteriors.contains { $0.name == figure.name } }
    guard !figures.isEmpty else { return "" }
    let columns = figures.map { figure in
      estimates(figure).map { shown($0, scale: figure.unit == .share ? 100 : 1, 2) ?? "-" }
    }
    let rows = pointRuns.map { run in run.labels + columns.map { $0[run.point] } }
    let names = [
      "klBits": "posterior: KL, bits", "payloadBits": "sent, bits", "psnr": "PSNR, dB", "accuracy": "accuracy, %",
    ]
    let header = figures.map { figure in names[String(figure.name.split(separator: ".").last ?? "")] ?? figure.name }
    return "\n\n" + Text.table(sweep.axes.map(\.path) + header, rows)
  }
}
