import FedSim
import RunFiles

extension SweepChart {
  public static let uploadBitsOverClients = SweepChart(
    "bits-clients", figures: [\.payloadBitsMin, \.payloadBitsP50, \.payloadBitsMax]
  ) { page in
    let all = { (point: SweepPoint, figure: KeyPath<RoundFields, RoundField>) in
      point.rounds.flatMap { $0.values(figure) }
    }
    return Chart(
      title: "Bits of an upload, over clients",
      note: "Mean of the rounds' medians; bars from the shortest to the longest upload of all rounds.",
      x: .logarithmicEpsilon, y: .clientBits,
      series: page.lines.map { line in
        page.spread(line) { point in
          guard let low = all(point, \.payloadBitsMin).min(), let high = all(point, \.payloadBitsMax).max(),
            low <= high, let middle = SweepTable.Estimate(all(point, \.payloadBitsP50))
          else { return nil }
          return (middle.mean, low...high)
        }
      })
  }
}
