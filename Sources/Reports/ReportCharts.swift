import FedSim

/// A chart of a run's page. Each is a file in `Charts`, and a place in `ReportCharts.standard`.
public struct RunChart: Sendable {
  /// Names the chart's file: letters and hyphens.
  public let name: String
  /// What the chart draws of rounds. A file of rounds that lacks one of them is named on the page.
  public let figures: [any KeyPath<RoundFields, RoundField> & Sendable]
  /// Nil where the run has nothing of that kind.
  public let draw: @Sendable (Report.Source.RunFiles) -> Chart?

  public init(
    _ name: String, figures: [any KeyPath<RoundFields, RoundField> & Sendable],
    draw: @escaping @Sendable (Report.Source.RunFiles) -> Chart?
  ) {
    (self.name, self.figures, self.draw) = (name, figures, draw)
  }
}

/// A chart of a sweep's page. Each is a file in `Charts`, and a place in `ReportCharts.standard`.
public struct SweepChart: Sendable {
  /// Names the chart's file: letters and hyphens.
  public let name: String
  /// What the chart draws of rounds. A file of rounds that lacks one of them is named on the page.
  public let figures: [any KeyPath<RoundFields, RoundField> & Sendable]
  /// Nil where the sweep has nothing of that kind.
  public let draw: @Sendable (SweepPage) -> Chart?

  public init(
    _ name: String, figures: [any KeyPath<RoundFields, RoundField> & Sendable] = [],
    draw: @escaping @Sendable (SweepPage) -> Chart?
  ) {
    (self.name, self.figures, self.draw) = (name, figures, draw)
  }
}

/// The charts of a page, in their order. `Report` and `Report.Source` take another list than the standard one.
public struct ReportCharts: Sendable {
  public var run: [RunChart]
  public var sweep: [SweepChart]

  public init(run: [RunChart], sweep: [SweepChart]) { (self.run, self.sweep) = (run, sweep) }

  public static let standard = ReportCharts(
    run: [
      .posteriorBits, .accuracy, .r2, .loss, .accuracyOverEpsilon, .epsilon, .clippingNorm, .uploadBits,
      .uploadBitsOverClients,
      .accuracyOverClients, .clientTests, .learningRates,
    ],
    sweep: [
      .accuracy, .r2, .bits, .bitsAndAccuracy, .loss, .epsilon, .privacyAndAccuracy, .accuracyOverRounds,
      .accuracyOverPrivacySpent, .uploadBitsOverClients, .accuracyOverClients,
    ])

  /// These charts and another one, behind them.
  public func adding(_ chart: RunChart) -> ReportCharts { ReportCharts(run: run + [chart], sweep: sweep) }
  public func adding(_ chart: SweepChart) -> ReportCharts { ReportCharts(run: run, sweep: sweep + [chart]) }

  /// Names of the figures that any of them draws, in the order of the table.
  var figures: [String] {
    let wanted = Set((run.flatMap(\.figures) + sweep.flatMap(\.figures)).map { RoundFields.table[keyPath: $0].name })
    return RoundField.all.map(\.name).filter { wanted.contains($0) }
  }
}

extension Chart.Axis {
  static let round = Chart.Axis("round", isInteger: true)
  static let accuracy = Chart.Axis("accuracy, %")
  static let epsilon = Chart.Axis("epsilon")
  static let logarithmicEpsilon = Chart.Axis("epsilon", isLog: true)
  static let clientBits = Chart.Axis("bits a client and round", isLog: true)
}
