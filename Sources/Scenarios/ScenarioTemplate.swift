import JSONText

/// A scenario to start from.
public struct ScenarioTemplate: Sendable {
  public let name: String
  public let summary: String
  /// Keys that it sets, in the order of the table; `sweep` apart.
  private let keys: [(path: String, value: JSON)]
  private let sweep: JSON?

  /// The first is the one that nobody asks for.
  public static let all: [ScenarioTemplate] = [
    ScenarioTemplate(
      name: "digits", summary: "handwritten digits, one image a client, epsilon 8",
      keys: digits + privacy, sweep: nil),
    ScenarioTemplate(
      name: "no-privacy", summary: "the same without privacy: what to compare with",
      keys: digits, sweep: nil),
    ScenarioTemplate(
      name: "few-clients", summary: "100 clients, all of them in every round, given noise",
      keys: [
        ("rounds", 30), ("partition.kind", "iid"), ("partition.clients", 100), ("training.batchSize", 5),
        ("training.learningRate", 0.3), ("cohort.sampling", "everyone"), ("privacy.clippingNorm", 1),
        ("privacy.noiseMultiplier", 5), ("privacy.delta", 1e-3),
      ], sweep: nil),
    ScenarioTemplate(
      name: "sweep", summary: "digits at four epsilons, three repeats: for fedsim sweep",
      keys: digits + privacy,
      sweep: [
        "axes": ["privacy.targetEpsilon": ["from": 1, "to": 8, "count": 4, "scale": "log"]], "mode": "grid",
        "repeats": 3,
      ]),
    ScenarioTemplate(
      name: "csv", summary: "a table of yours, data.csv: epsilon 1, 4, 16 and none, with and without coding",
      keys: [
        ("data.source", "csv"), ("data.path", "data.csv"), ("data.labelColumn", "label"), ("rounds", 60),
        ("partition.kind", "one-example"), ("training.batchSize", 1), ("training.learningRate", 0.3),
        ("cohort.sampling", "poisson"), ("cohort.size", 100), ("privacy.clippingNorm", 0.5),
        ("privacy.targetEpsilon", 4), ("channel.codec", "auto"),
      ],
      sweep: [
        "axes": [
          "privacy": .array([1, 4, 16].map(epsilon) + [.null]), "channel.codec": ["float32", "auto"],
        ], "repeats": 5, "common": true,
      ]),
  ]

  private static func epsilon(_ value: Double) -> JSON { ["clippingNorm": 0.5, "targetEpsilon": .number(value)] }

  private static let digits: [(path: String, value: JSON)] = [
    ("rounds", 50), ("partition.kind", "one-example"), ("model.kind", "perceptron"), ("model.hidden", [64]),
    ("training.batchSize", 1), ("training.learningRate", 1), ("cohort.sampling", "poisson"), ("cohort.size", 144),
  ]
  private static let privacy: [(path: String, value: JSON)] = [
    ("privacy.clippingNorm", 2), ("privacy.targetEpsilon", 8), ("privacy.delta", 1e-5), ("channel.codec", "auto"),
  ]
  /// What every scenario says, unless it says otherwise.
  private static let common: [(path: String, value: JSON)] = [
    ("version", 1), ("seed", 1), ("task", "classification"), ("data.source", "digits"),
    ("model.kind", "softmax-regression"), ("evaluation.every", 5),
  ]

  /// A scenario as a file: a line a section, in the order of the table.
  ///
  /// - Parameters:
  ///   - scenarioName: its `name`, which names output folders too; nil or one that is not allowed: the template's.
  ///   - isFull: with every key and its default, a line a key; null is "not set".
  /// - Throws: `ScenarioError` where the template does not fit the table of keys.
  public func text(scenarioName: String? = nil, isFull: Bool = false) throws(ScenarioError) -> String {
    let table = ScenarioTable.standard
    let naming = table.key("name")?.range
    let name = scenarioName.flatMap { naming?.problem(.string($0)) == nil ? $0 : nil } ?? self.name
    var values = Dictionary(uniqueKeysWithValues: Self.common.map { ($0.path, $0.value) })
    values["name"] = .string(name)
    for (path, value) in keys { values[path] = value }
    var root = JSONObject()
    for section in table.sections {
      var object = JSONObject()
      for key in section.all { object[key.name] = values[section.path(key.name)] }
      if section.name.isEmpty {
        root = object
      } else if !object.isEmpty || section.presence == .required {
        root[section.name] = .object(object)
      }
    }
    root["sweep"] = sweep
    let file = try ScenarioFile(
      Array(JSON.object(root).text(pretty: false).utf8), name: "template \(self.name)", allowsSweep: true)
    if isFull {
      guard case .object(var resolved) = file.resolved else { return "" }
      resolved["sweep"] = sweep
      return JSON.object(resolved).text(pretty: true) + "\n"
    }
    let lines = root.map { "  \(JSON.string($0.key).text(pretty: false)): \($0.value.text(pretty: false))" }
    return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
  }

  public var isSweep: Bool { sweep != nil }
}
