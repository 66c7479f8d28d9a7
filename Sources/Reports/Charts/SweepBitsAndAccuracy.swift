extension SweepChart {
  public static let bitsAndAccuracy = SweepChart("bits-accuracy") { page in
    Chart(
      title: "Communication and accuracy", note: page.barNote, x: .clientBits, y: .accuracy,
      series: page.lines.map { page.curve($0, \.bits, \.accuracy) })
  }
}
