extension RunChart {
  public static let uploadBitsOverClients = RunChart(
    "bits-clients", figures: [\.round, \.payloadBitsMin, \.payloadBitsP50, \.payloadBitsMax, \.idealBits]
  ) { run in
    let ideal = run.rounds.points(\.idealBits)
    let parameters = run.summary.number(\.parameters).flatMap { Int(exactly: $0) } ?? 0
    let note = "Median; the band is from the shortest to the longest upload of a round."
    return Chart(
      title: "Bits of an upload, over clients", note: ideal.isEmpty ? note : "\(note) \(Report.boundNote)", x: .round,
      y: .init("bits a client"),
      series: [
        .init(
          run.summary.plain(\.codec),
          run.rounds.points(\.payloadBitsP50, range: (\.payloadBitsMin, \.payloadBitsMax))),
        .init("Gaussian I(X;Y)", ideal, isReference: true),
        .init(
          "lower bound F", Report.lowerBounds(information: ideal, parameters: parameters), isReference: true),
      ])
  }
}
