import ChannelCoding
import FedSim
import JSONText
import Numerics

/// A figure of a sweep's points: a key of summary.json, or what follows from some; and what a point makes of its repeats.
///
/// What is measured differs from repeat to repeat, and a point has its mean and standard error. What follows from the plan is the same in all
/// repeats, and a point has one value.
public struct PointFigure: Sendable {
  /// What points make of the values of their repeats.
  public enum Repeats: Sendable {
    /// Repeats differ by chance: mean and standard error.
    case measured
    /// The repeats have one value; where their seeds give them other numbers of clients, the largest one, which holds for each.
    case plannedAtMost
    /// As `plannedAtMost`, with the smallest one.
    case plannedAtLeast
    /// The test examples decide it, and all repeats have one value unless these are made from their seeds: the mean.
    case ofTestData
  }

  /// Its column in points.csv.
  public let name: String
  public let unit: FigureUnit
  public let coverage: Coverage
  public let meaning: String
  public let repeats: Repeats
  let isLowerBound: Bool
  /// What runs must have for points to have the figure; nil for all.
  let onlyWith: String?

  private init(_ field: KeyPath<SummaryFields, SummaryField>, _ repeats: Repeats = .measured, _ meaning: String? = nil)
  {
    let field = SummaryFields.table[keyPath: field]
    onlyWith = field.onlyWith
    (name, unit, coverage, isLowerBound) = (field.name, field.unit, field.coverage, false)
    (self.repeats, self.meaning) = (repeats, meaning ?? "\(field.name) of summary.json")
  }

  private init(
    _ name: String, _ unit: FigureUnit, _ meaning: String, isLowerBound: Bool = false, onlyWith: String? = nil
  ) {
    self.onlyWith = onlyWith
    (self.name, self.unit, self.meaning, self.isLowerBound) = (name, unit, meaning, isLowerBound)
    (coverage, repeats) = (.outside, .measured)
  }

  /// A figure by its name; a key of summary.json that is none of the points' figures counts as measured.
  init(named name: String) {
    self = (Self.all + Self.ofSomeRuns).first { $0.name == name } ?? PointFigure(name, .ratio, name)
  }

  /// Ends the name of the column with a figure's standard error.
  static let standardError = ".standardError"
  /// Ends the name of the column with a figure's difference from the first point.
  static let difference = ".difference"

  /// Whether repeats differ by chance, so that there is a standard error.
  public var isMeasured: Bool { if case .measured = repeats { true } else { false } }

  /// What every sweep has, in the order of points.csv.
  public static let all: [PointFigure] = ofSummaries + [lowerBound]

  /// Those that are keys of summary.json.
  public static let ofSummaries: [PointFigure] = [
    PointFigure(\.finalAccuracy, .measured, "accuracy of the last model on the test examples"),
    PointFigure(
      \.majorityClassAccuracy, .ofTestData, "the accuracy of always saying the test examples' most frequent class"),
    PointFigure(\.finalLoss, .measured, "mean loss of the last model on the test examples"),
    PointFigure(\.epsilon, .plannedAtMost, "proved upper bound of epsilon of each single run"),
    PointFigure(\.noiseMultiplier, .plannedAtLeast, "z: standard deviation of the noise on the sum of updates"),
    PointFigure(
      \.payloadBitsPerClientRound, .measured,
      "length of a payload that counted and was written: mean over a run's uploads"),
    PointFigure(
      \.predictedBitsPerClientRound, .measured,
      "what the codec predicts of a payload from its update's norm: mean over a run's uploads"),
    PointFigure(
      \.idealBitsPerClientRound, .measured,
      "I(X;Y): what an update says about itself through Gaussian noise, mean over a run's uploads"),
    PointFigure(
      \.wireBytesPerClientRound, .measured,
      "length of an upload with its envelope, of those that were written: mean over a run's uploads"),
  ]

  /// All keys of summary.json that runs are compared by.
  package static let ofAllSummaries = ofSummaries + ofSomeRuns

  /// Those that points have where their runs have them.
  static let ofSomeRuns: [PointFigure] =
    [
      PointFigure(\.finalR2, .measured, "R^2 of the last model on the test examples"),
      PointFigure(
        \.finalRMSE, .measured,
        "root of the mean squared error of the last model on the test examples, in the data's unit"),
      PointFigure(\.finalMacroF1, .measured, "macro F1 of the last model on the test examples"),
      PointFigure(\.finalAUC, .measured, "area under the ROC curve of the last model on the test examples"),
    ] + ofPosteriors

  /// Of a task about posteriors alone.
  static let ofPosteriors: [PointFigure] = [
    PointFigure("\(posterior).klBits", .bits, "mean KL(posterior, prior) of a datum", onlyWith: aboutPosteriors),
    PointFigure(
      "\(posterior).payloadBits", .bits, "mean length of a payload of the first code", onlyWith: aboutPosteriors),
    PointFigure(
      "\(posterior).psnr", .decibels, "peak signal-to-noise ratio of decoded pictures", onlyWith: aboutPosteriors),
    PointFigure(
      "\(posterior).accuracy", .share, "accuracy of decoded classifiers on their clients' own test examples",
      onlyWith: aboutPosteriors),
  ]

  private static let aboutPosteriors = "a task about posteriors"
  private static let posterior = SummaryFields.table.posterior.name

  static let lowerBound = PointFigure(
    "lowerBoundBitsPerClientRound", .bits,
    "F: no exact one-shot code has a lower mean length, for Gaussian updates which all have the run's mean I(X;Y) (Goc & Flamich 2024)",
    isLowerBound: true)

  func value(in summary: JSON) -> Double? {
    if case .object(let summary) = summary { summary[path: name]?.double } else { nil }
  }

  /// What a point makes of its repeats; nil where none has the figure.
  package func estimate(_ values: [Double]) -> Estimate? {
    switch repeats {
    case .measured: Estimate(values)
    case .plannedAtMost: values.max().map { Estimate(mean: $0, error: nil) }
    case .plannedAtLeast: values.min().map { Estimate(mean: $0, error: nil) }
    case .ofTestData:
      // A mean of equal numbers may be rounded.
      Set(values).count == 1
        ? Estimate(mean: values[0], error: nil) : Estimate(values).map { Estimate(mean: $0.mean, error: nil) }
    }
  }

  /// F of each run, by the mean I(X;Y) and the number of parameters that its summary says; nil without noise.
  static func lowerBounds(of summaries: [JSON]) -> [Double?] {
    struct Case: Hashable {
      let parameters: Int
      let bits: Double
    }
    let fields = SummaryFields.table
    let cases = summaries.map { summary -> Case? in
      guard case .object(let object) = summary, case .integer(let parameters)? = object[fields.parameters.name],
        let bits = object[fields.idealBitsPerClientRound.name]?.double, bits >= 0, bits.isFinite,
        (1...RunSetup.largestModel).contains(parameters)
      else { return nil }
      return Case(parameters: parameters, bits: bits)
    }
    // Points with copied runs, and codecs with the same updates, ask for the same bound.
    var seen = Set<Case>()
    let distinct = cases.compactMap { $0 }.filter { seen.insert($0).inserted }
    let bounds = Parallel(threads: CostPrediction.cores).map(distinct.count) { i in
      ChannelBounds.lowerBoundBits(dimension: distinct[i].parameters, informationBits: distinct[i].bits)
    }
    let known = Dictionary(zip(distinct, bounds), uniquingKeysWith: { first, _ in first })
    return cases.map { found in found.flatMap { known[$0] }.flatMap { $0.isFinite ? $0 : nil } }
  }
}
