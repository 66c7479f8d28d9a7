import Clients
import Datasets
import JSONText
import Scenarios

/// All metrics of a run's last model on the test examples: evaluation.json. None of them is covered by a guarantee.
public struct EvaluationMetrics: Sendable {
  /// Test examples.
  public let examples: Int
  public let evaluation: Evaluation
  /// Class by class; nil for regression, and for a model that does not say its classes.
  public let classification: ClassificationMetrics?
  /// Of a quantity; nil for classes.
  public let quantity: Quantity?
  private let task: LearningTask
  private let classNames: [String]?

  /// Errors of a quantity in the unit of the data.
  public struct Quantity: Sendable, Equatable {
    /// Nil where the model has diverged.
    public let meanSquaredError: Double?
    public let meanAbsoluteError: Double?
    /// Mean and standard deviation of the test examples' targets.
    public let targetMean: Double
    public let targetDeviation: Double
  }

  public var macroF1: Double? { classification?.macroF1 }
  public var auc: Double? { classification?.auc }

  /// The metrics of flat parameters.
  ///
  /// - Returns: nil for a run that does not ask for them.
  init?(_ setup: RunSetup, parameters: [Float]) {
    let test = setup.test
    guard setup.scenario.evaluation.metrics == true else { return nil }
    let predictions = setup.model.predictions(of: parameters, onAll: test, setup.parallel)
    evaluation = setup.evaluate(parameters)
    examples = test.count
    task = setup.scenario.task
    classNames = test.classNames
    guard let spread = test.targetSpread else {
      classification = ClassificationMetrics(labels: test.labels, predictions: predictions, classCount: test.classCount)
      quantity = nil
      return
    }
    classification = nil
    let units = setup.scenario.targetUnits
    // The root of a square is the error itself.
    let absolute = predictions.reduce(0) { $0 + $1.loss.squareRoot() } / Double(test.count)
    let finite = { (value: Double) in value.isFinite ? value : nil }
    quantity = Quantity(
      meanSquaredError: finite(evaluation.loss * units.scale * units.scale),
      meanAbsoluteError: finite(absolute * units.scale), targetMean: units.offset + units.scale * spread.mean,
      targetDeviation: units.scale * spread.deviation)
  }

  /// evaluation.json
  public var json: JSON {
    var root = JSONObject()
    root["task"] = .string(task.rawValue)
    root["guarantee"] = "none"
    root["examples"] = .integer(examples)
    root["loss"] = .optional(evaluation.loss.isFinite ? evaluation.loss : nil)
    if let quantity {
      root["meanSquaredError"] = .optional(quantity.meanSquaredError)
      root["rootMeanSquaredError"] = .optional(quantity.meanSquaredError?.squareRoot())
      root["meanAbsoluteError"] = .optional(quantity.meanAbsoluteError)
      root["r2"] = .optional(evaluation.r2)
      root["targetMean"] = .optional(quantity.targetMean)
      root["targetDeviation"] = .optional(quantity.targetDeviation)
      return .object(root)
    }
    root["accuracy"] = .optional(evaluation.accuracy)
    guard let classification else { return .object(root) }
    root["macroF1"] = .optional(classification.macroF1)
    root["auc"] = .optional(classification.auc)
    root["withoutPrediction"] = .integer(classification.withoutPrediction)
    root["classes"] = .array(
      classification.classes.enumerated().map { index, figures in
        [
          "class": .integer(index), "name": classNames.map { .string($0[index]) } ?? .null,
          "examples": .integer(figures.examples), "predicted": .integer(figures.predicted),
          "correct": .integer(figures.correct), "precision": .optional(figures.precision),
          "recall": .optional(figures.recall), "f1": .optional(figures.f1),
        ]
      })
    let count = classification.classes.count
    root["confusion"] =
      classification.confusion.map { cells in
        .array((0..<count).map { row in .array(cells[(row * count)..<((row + 1) * count)].map { .integer($0) }) })
      } ?? .null
    return .object(root)
  }
}
