extension RunChart {
  public static let uploadBits = RunChart("bits", figures: [\.round, \.payloadBitsMean, \.idealBits, \.predictedBits]) {
    run in
    let ideal = run.rounds.points(\.idealBits)
    let ends = run.rounds.values(\.round)
    let parameters = run.summary.number(\.parameters).flatMap { Int(exactly: $0) } ?? 0
    // Of a run that sends floats the line itself says it.
    let isFloats = run.summary.plain(\.codec) == "float32"
    let floats = (isFloats ? nil : run.summary.number(\.float32BitsPerClientRound)).map { bits in
      [ends.min(), ends.max()].compactMap { $0 }.map { Chart.Point(x: $0, y: bits) }
    }
    return Chart(
      title: "Bits of an upload",
      note: ideal.isEmpty ? "Means over clients." : "Means over clients. \(Report.boundNote)", x: .round,
      y: .init("bits a client", isLog: true),
      series: [
        .init(run.summary.plain(\.codec), run.rounds.points(\.payloadBitsMean)),
        .init("predicted of all uploads", run.rounds.points(\.predictedBits), isReference: true),
        .init("Gaussian I(X;Y)", ideal, isReference: true),
        .init(
          "lower bound F", Report.lowerBounds(information: ideal, parameters: parameters), isReference: true),
        .init("float32", floats ?? [], isReference: true),
      ])
  }
}
