import FedSim
import Files

extension RunSummary {
  /// What `fedsim run` ends with: some rounds, then the headline.
  public var closingTable: String {
    let evaluated = records.filter(\.isEvaluated)
    let shown = 10
    let chosen =
      evaluated.indices.filter { i in
        // About ten, evenly spread, the last among them.
        let step = max((evaluated.count + shown - 1) / shown, 1)
        return (evaluated.count - 1 - i) % step == 0
      }.map { evaluated[$0] } + (records.last.map { $0.isEvaluated ? [] : [$0] } ?? [])
    let isQuantity = setup.scenario.task == .regression
    let rows = chosen.map { record in
      [
        "\(record.round)", "\(record.arrived)",
        isQuantity
          ? record.r2.map { Text.fixed($0, 4) } ?? "-" : record.accuracy.map { Text.fixed(100 * $0, 1) + " %" } ?? "-",
        record.loss.map(Text.loss) ?? (record.accuracy == nil || setup.isExternal ? "-" : "not finite"),
        record.spending.map { Text.fixedUp($0.epsilon, 2) } ?? "none",
        record.shownBits, record.idealBits.map { Text.fixed($0, 0) } ?? "-",
      ]
    }
    var lines = [
      Text.table(
        [
          "round", "clients", isQuantity ? "R^2" : "accuracy", isQuantity ? "squared error" : "loss, nats", "epsilon",
          "bits/client", "I(X;Y), bits",
        ], rows), "",
    ]
    lines.append(contentsOf: headline)
    if let posterior { lines += ["", posterior.closingTable] }
    return lines.joined(separator: "\n")
  }

  private var headline: [String] {
    var lines: [String] = []
    if setup.isExternal, let finalAccuracy {
      lines.append("accuracy   \(Text.fixed(100 * finalAccuracy, 1)) %, as the program says")
    } else if let finalAccuracy, let bestAccuracy {
      lines.append(
        "accuracy   \(Text.fixed(100 * finalAccuracy, 1)) % on \(setup.test.count) test examples "
          + "(best \(Text.fixed(100 * bestAccuracy, 1)) %)\(Self.baseline(setup))")
    }
    if let finalRMSE {
      lines.append(
        "error      \(Text.short(finalRMSE)) (root of the mean square) on \(setup.test.count) test examples"
          + (finalR2.map { ", R^2 = \(Text.fixed($0, 4))" } ?? "") + Self.spread(setup))
    }
    if let metrics = metrics?.classification {
      let auc = metrics.auc.map { ", AUC \(Text.fixed($0, 4))" } ?? ""
      if let macro = metrics.macroF1 {
        lines.append("classes    macro F1 \(Text.fixed(100 * macro, 1)) %\(auc) (evaluation.json)")
      }
    }
    if let stopRule {
      lines.append("stopped    after round \(records.count) of \(setup.lastRound), by evaluation.\(stopRule)")
    }
    if setup.scenario.evaluation.keepBest, let bestRound {
      lines.append("best       the model of round \(bestRound): \(GuaranteeStatement.fileOfBestModel)")
    }
    if let clientTests { lines += Self.clients(clientTests) }
    if let rule = setup.scenario.server.rule {
      let still = records.count { $0.arrived < rule.leastUpdates }
      if still > 0 {
        lines.append(
          "NOT MOVED  \(Text.grouped(still)) of \(Text.grouped(records.count)) rounds had fewer than the \(rule.leastUpdates) updates that "
            + "\"\(setup.scenario.server.aggregation.rawValue)\" needs, and moved nothing")
      }
    }
    if let divergence = Divergence(self) {
      lines.append("DIVERGED   \(divergence.sign):")
      lines.append(Text.wrapped(divergence.advice, indent: "           "))
    }
    if let plan = setup.plan, let spending {
      let lower = spending.lowerBound.map { ", at least \(Text.fixedDown($0, 3))" } ?? ""
      lines.append(
        "privacy    epsilon \(Text.fixedUp(spending.epsilon, 3))\(lower) at delta \(plan.delta) "
          + "(N delta = \(Text.short(plan.delta * Double(setup.population.clientCount))); \(plan.accountant.rawValue), \(plan.relation.rawValue), \(plan.sampling.name) q = "
          + "\(Text.short(plan.sampling.rate)), z = \(Text.short(plan.noiseMultiplier)))")
      let more = views.rows.filter { ["participant", "model-and-cohort-sizes"].contains($0.adversary) }.compactMap {
        row in
        row.epsilon.map {
          "\(row.adversary == "participant" ? "who takes part" : "who sees the clients column") \(Text.fixedUp($0, 2))"
        }
      }
      if !more.isEmpty {
        lines.append("           for whoever sees the models; \(more.joined(separator: ", ")) (summary.json, views)")
      }
      if stoppedBy == .budget, let budget = setup.scenario.privacy?.budget {
        lines.append(
          "           stopped before round \(plan.affordedRounds + 1), which would have cost more than the budget of \(budget)"
        )
      }
      if stoppedBy == .evaluation {
        lines.append(
          "           claimed for all \(plan.affordedRounds) planned rounds: the test examples chose where the run ended"
        )
      }
      if stoppedBy == .interrupted, let done = records.last?.spending {
        lines.append(
          "           claimed for all \(plan.affordedRounds) planned rounds; the \(records.count) done would be "
            + "\(Text.fixedUp(done.epsilon, 3)) if that number had been fixed in advance")
      }
    } else {
      lines.append(
        setup.plan == nil
          ? "privacy    NONE: neither clipping nor noise"
          : "privacy    NONE: the noise of \"\(setup.channel.codec.rawValue)\" is not exactly Gaussian")
    }
    lines += uplink
    return lines
  }

  /// What accuracy is to be compared with.
  private static func baseline(_ setup: RunSetup) -> String {
    setup.majorityClassAccuracy.map { "; always saying their most frequent class: \(Text.fixed(100 * $0, 1)) %" } ?? ""
  }

  /// What an error is to be compared with.
  private static func spread(_ setup: RunSetup) -> String {
    setup.test.targetSpread.map { spread in
      "; always saying their mean: \(Text.short(spread.deviation * setup.scenario.targetUnits.scale))"
    } ?? ""
  }

  /// Clients' own tests, and what fine-tuning makes of them.
  private static func clients(_ tests: ClientTests) -> [String] {
    let shown = { (figures: ClientTests.Figures, isShare: Bool) -> String in
      let show = { (value: Double) in isShare ? Text.fixed(100 * value, 1) + " %" : Text.loss(value) }
      return
        "mean \(show(figures.mean)), 10th percentile \(show(figures.p10)), 90th \(show(figures.p90)), worst \(show(figures.worst))"
    }
    let isShare = tests.accuracyBefore != nil
    guard let before = tests.accuracyBefore ?? tests.lossBefore else { return [] }
    var lines = [
      "clients    \(isShare ? "accuracy" : "loss") on their own tests (\(Text.grouped(tests.rows.count)) clients): \(shown(before, isShare))"
    ]
    if let after = isShare ? tests.accuracyAfter : tests.lossAfter {
      lines.append("           after fine-tuning: \(shown(after, isShare))")
    }
    return lines
  }

  /// Bits that were measured and, where only a share of the uploads was written, what the rest is predicted to take.
  private var uplink: [String] {
    var lines: [String] = []
    if let bits = payloadBitsPerClientRound ?? predictedBitsPerClientRound {
      let share = Text.short(100 * bits / Double(float32Bits))
      let ideal = idealBitsPerClientRound.map { "; Gaussian I(X;Y) = \(Text.fixed($0, 0)) bits" } ?? ""
      let isMeasured = payloadBitsPerClientRound != nil
      lines.append(
        "uplink     \(isMeasured ? "" : "predicted: ")\(Text.fixed(bits, 0)) bits a client and round by \"\(setup.channel.codec.rawValue)\": \(share) % of "
          + "float32's \(Text.grouped(float32Bits))\(ideal)")
    }
    if setup.frame.codedShare < 1, let predicted = predictedBitsPerClientRound {
      let arrived = records.reduce(0) { $0 + $1.arrived }
      let error = payloadBitsError.map { ", standard error \(Text.short($0)) bits" } ?? ""
      let check = measuredOverPredicted.map { "; measured over predicted \(Text.fixed($0, 3))" } ?? ""
      lines.append(
        "           measured on \(Text.grouped(coded)) of \(Text.grouped(arrived)) uploads\(error); the others simulated "
          + "(channel.coded); predicted of all \(Text.fixed(predicted, 0))\(check)")
    }
    return lines
  }
}

extension RoundRecord {
  /// Whether the model was measured after the round.
  var isEvaluated: Bool { accuracy != nil || loss != nil }

  /// Mean bits of the uploads that were written, or what is predicted of those that were not.
  public var shownBits: String {
    payloadBits.map { Text.fixed($0.mean, 0) } ?? predictedBits.map { Text.fixed($0, 0) + " predicted" } ?? "-"
  }
}
