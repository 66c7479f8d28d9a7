import FedSim

/// What evaluation.json, clients.csv and `clientTest` of summary.json have.
enum EvaluationRecords {
  private static let classes = "classes"
  private static let quantity = "task `regression`"

  /// evaluation.json
  static let metrics: [RecordColumn] = {
    let number = { (name: String, unit: FigureUnit, meaning: String, only: String?) in
      RecordColumn(name, .number, unit, .outside, meaning, mayBeNull: true, onlyWith: only)
    }
    let count = { (name: String, meaning: String, only: String?) in
      RecordColumn(name, .integer, .count, .outside, meaning, onlyWith: only)
    }
    return [
      RecordColumn("task", .text, .outside, "the run's task"),
      RecordColumn("guarantee", .text, .outside, "`none`: no figure has a guarantee"),
      count("examples", "test examples", nil),
      number("loss", .nats, "mean loss, as `finalLoss` of summary.json; null where it is not finite", nil),
      number("meanSquaredError", .ratio, "in squares of the data's unit; null where it is not finite", quantity),
      number("rootMeanSquaredError", .ratio, "its root, in the data's unit", quantity),
      number("meanAbsoluteError", .ratio, "mean of absolute errors, in the data's unit", quantity),
      number(
        "r2", .ratio, "1 less the mean squared error over the variance of the targets; null where all are one number",
        quantity),
      number("targetMean", .ratio, "mean of the test examples' targets, in the data's unit", quantity),
      number("targetDeviation", .ratio, "their standard deviation (over n)", quantity),
      number("accuracy", .share, "test examples that the model is right on", classes),
      number(
        "macroF1", .share, "mean of `f1` over classes that an example has or is taken for", classes),
      number(
        "auc", .share,
        "probability that an example of class 1 has larger odds of it than one of class 0, ties half; null for more than two classes, and "
          + "where one is missing", classes),
      count("withoutPrediction", "examples with a score that is not finite: taken for no class, and wrong", classes),
      count("classes[].class", "number of the class", classes),
      RecordColumn(
        "classes[].name", .text, nil, .outside, "the data's name of it; null where there is none", mayBeNull: true,
        onlyWith: classes),
      count("classes[].examples", "examples that have the class", classes),
      count("classes[].predicted", "examples that are taken for it", classes),
      count("classes[].correct", "examples that have it and are taken for it", classes),
      number("classes[].precision", .share, "`correct` over `predicted`; null where that is 0", classes),
      number(
        "classes[].recall", .share, "`correct` over `examples`: the accuracy of the class; null where that is 0",
        classes),
      number(
        "classes[].f1", .share, "2 `correct` over `examples` + `predicted`; null where that is 0", classes),
      RecordColumn(
        "confusion", .list, nil, .outside,
        "a list for each class, of how many of its examples are taken for each class; null for more than 1000 classes",
        mayBeNull: true, onlyWith: classes),
    ]
  }()

  private static let tuned = "`evaluation.fineTuneEpochs`"

  /// clients.csv
  static let clients: [RecordColumn] = {
    let measured = { (name: String, unit: FigureUnit, meaning: String, only: String?) in
      RecordColumn(name, .number, unit, .outside, meaning, mayBeNull: true, onlyWith: only)
    }
    return [
      RecordColumn("client", .integer, .count, .outside, "number of the client, from 0; only those with test examples"),
      RecordColumn("trainingExamples", .integer, .count, .outside, "its training examples"),
      RecordColumn("testExamples", .integer, .count, .outside, "its test examples"),
      measured("loss", .nats, "mean loss of the last model on them; for regression the mean squared error", nil),
      measured("accuracy", .share, "those that it is right on", classes),
      measured("tunedLoss", .nats, "mean loss of the client's own model, fine-tuned on its training examples", tuned),
      measured("tunedAccuracy", .share, "test examples that it is right on", "\(tuned) and classes"),
    ]
  }()

  /// `clientTest` of summary.json.
  static let clientTest: [RecordColumn] = {
    let parts = [("before", "of the last model", "clients' own tests"), ("after", "after fine-tuning", tuned)]
    let figures = [
      ("mean", "mean"), ("p10", "10th percentile"), ("p50", "median"), ("p90", "90th percentile"),
      ("worst", "worst"),
    ]
    return [
      RecordColumn(
        "clientTest.clients", .integer, .count, .outside, "clients with test examples", onlyWith: "clients' own tests"),
      RecordColumn(
        "clientTest.clientsWithoutTest", .integer, .count, .outside, "clients without any, which no figure has",
        onlyWith: "clients' own tests"),
    ]
      + parts.flatMap { part, whose, only in
        [("accuracy", FigureUnit.share, only + " and classes"), ("loss", .nats, only)].flatMap { name, unit, only in
          [
            RecordColumn(
              "clientTest.\(part).\(name)", .object, unit, .outside,
              "\(name) \(whose), over clients, each counted once; null where one is not finite", mayBeNull: true,
              onlyWith: only)
          ]
            + figures.map { key, words in
              RecordColumn(
                "clientTest.\(part).\(name).\(key)", .number, unit, .outside, "its \(words) over clients",
                onlyWith: only)
            }
        }
      }
  }()
}
