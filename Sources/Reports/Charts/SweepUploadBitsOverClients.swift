import FedSim
import RunFiles

extension SweepChart {
  public static let uploadBitsOverClients = SweepChart(
    "bits-clients", figures: [\.payloadBitsMin, \.payloadBitsP50, \.payloadBitsMax]
  ) { page in
    let all = { (point: SweepPoint, figure: KeyPath<RoundFields, RoundField>) in
      point.rounds.flatMap { $0.values(figure) }
    }
    let bounds = SweepBounds(page)
    return page.chart(
      "Bits of an upload, over clients",
      note: [
        "Mean of the rounds' medians; bars from the shortest to the longest upload of all rounds.", bounds.note,
      ].filter { !$0.isEmpty }.joined(separator: " "),
      y: .clientBits, panels: bounds.panels, references: bounds.informationAndBound
    ) { point in
      guard let low = all(point, \.payloadBitsMin).min(), let high = all(point, \.payloadBitsMax).max(),
        low <= high, let middle = SweepTable.Estimate(all(point, \.payloadBitsP50))
      else { return nil }
      return SweepPage.Figure(middle.mean, range: low...high)
    }
  }
}
