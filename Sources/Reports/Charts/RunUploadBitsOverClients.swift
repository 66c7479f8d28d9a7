extension RunChart {
  public static let uploadBitsOverClients = RunChart(
    "bits-clients", figures: [\.round, \.payloadBitsMin, \.payloadBitsP50, \.payloadBitsMax]
  ) { run in
    Chart(
      title: "Bits of an upload, over clients",
      note: "Median; the band is from the shortest to the longest upload of a round.", x: .round,
      y: .init("bits a client"),
      series: [
        .init(
          run.summary.plain(\.codec),
          run.rounds.points(\.payloadBitsP50, range: (\.payloadBitsMin, \.payloadBitsMax)))
      ])
  }
}
