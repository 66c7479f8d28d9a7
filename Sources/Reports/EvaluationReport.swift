import FedSim
import Files
import JSONText

extension Report {
  /// What the last model does on test examples: figures of each class, which class is taken for which, and clients' own tests.
  mutating func addEvaluation(_ prefix: String, _ files: Source.RunFiles) {
    if let file = files.evaluation {
      addQuantity(prefix, file)
      addClasses(prefix, file)
    }
    addClientTests(prefix, files.summary)
  }

  private static func percent(_ value: JSON?) -> Table.Cell {
    Table.Cell(value?.double.map { Text.fixed(100 * $0, 1) } ?? "-", value: value?.double.map { 100 * $0 })
  }

  private mutating func addQuantity(_ prefix: String, _ file: JSONObject) {
    let figures = [
      ("root of the mean squared error", "rootMeanSquaredError"), ("mean absolute error", "meanAbsoluteError"),
      ("R^2", "r2"), ("mean of the targets", "targetMean"), ("their standard deviation", "targetDeviation"),
    ]
    guard file["targetMean"] != nil else { return }
    add(
      Table(
        name: prefix + "errors", title: "Errors on the test examples, in the unit of the data",
        header: ["figure", "value"],
        cells: figures.map { words, key in
          [.init(words), .init(file.number(key).map(Text.short) ?? "-", value: file.number(key))]
        }))
  }

  /// More classes than this nobody reads in a square.
  private static let mostClasses = 30

  private mutating func addClasses(_ prefix: String, _ file: JSONObject) {
    guard case .array(let classes)? = file["classes"] else { return }
    let rows = classes.compactMap { item -> JSONObject? in if case .object(let row) = item { row } else { nil } }
    let names = rows.map { row in
      if case .string(let name)? = row["name"] { name } else { row.plain("class") }
    }
    let macro = file.number("macroF1").map { "; macro F1 \(Text.fixed(100 * $0, 1)) %" } ?? ""
    let auc = file.number("auc").map { "; AUC \(Text.fixed($0, 4))" } ?? ""
    add(
      Table(
        name: prefix + "classes", title: "Classes of the test examples, last model\(macro)\(auc)",
        header: ["class", "examples", "accuracy (recall), %", "precision, %", "F1, %"],
        cells: zip(names, rows).map { name, row in
          [
            .init(name), .init(row.plain("examples"), value: row.number("examples")), Self.percent(row["recall"]),
            Self.percent(row["precision"]), Self.percent(row["f1"]),
          ]
        }))
    guard rows.count <= Self.mostClasses, case .array(let lines)? = file["confusion"], lines.count == rows.count else {
      return
    }
    let counts = lines.map { line -> [Double] in
      if case .array(let cells) = line { cells.map { $0.double ?? 0 } } else { [] }
    }
    guard counts.allSatisfy({ $0.count == names.count }) else { return }
    add(
      shaded: Table(
        name: prefix + "confusion", title: "Which class is taken for which: a row for each class that examples have",
        header: ["class"] + names,
        cells: zip(names, counts).map { name, row in [.init(name)] + row.map { .init(Text.fixed($0, 0), value: $0) } }))
  }

  private mutating func addClientTests(_ prefix: String, _ summary: JSONObject) {
    guard case .object(let tests)? = summary[\.clientTest], let clients = tests.number("clients") else { return }
    let figures: [(words: String, path: String, isShare: Bool)] = [
      ("before", "the last model"), ("after", "fine-tuned"),
    ]
    .flatMap { part, words in
      [("accuracy, %: " + words, part + ".accuracy", true), ("loss: " + words, part + ".loss", false)]
    }
    let cells = figures.compactMap { figure -> [Table.Cell]? in
      guard case .object(let found)? = tests[path: figure.path] else { return nil }
      return [.init(figure.words)]
        + ["mean", "p10", "p50", "p90", "worst"].map { key in
          let value = found.number(key).map { figure.isShare ? 100 * $0 : $0 }
          return .init(value.map { Text.fixed($0, figure.isShare ? 1 : 3) } ?? "-", value: value)
        }
    }
    let without = tests.number("clientsWithoutTest") ?? 0
    add(
      Table(
        name: prefix + "client-tests",
        title: "Clients' own tests: \(Text.fixed(clients, 0)) clients"
          + (without > 0 ? " (\(Text.fixed(without, 0)) more have no test example)" : ""),
        header: ["figure", "mean", "10th percentile", "median", "90th percentile", "worst"], cells: cells))
  }
}
