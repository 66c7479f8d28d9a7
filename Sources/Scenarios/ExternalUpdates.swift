import Clients
import Datasets
import JSONText
import Settings

/// Scenarios whose updates come from a program: data and model are "external", and nothing is said of what the program does with them.
///
///     {"rounds": 30, "data": {"source": "external", "clients": 500}, "model": {"kind": "external", "parameters": 7850},
///      "cohort": {...}, "privacy": {...}}
enum ExternalUpdates {
  /// Sections that are the program's own, with what they are about.
  static let sections: [(name: String, about: String)] = [
    (PartitionSection.section, "who has which example"), (Training.section, "what clients do in a round"),
    (EvaluationSection.section, "when and how the model is measured"),
    (PosteriorSection.section, "how posterior samples are sent"),
  ]

  static let sourcePath = "\(DataSection.section).\(DataSection.selector)"
  static let modelPath = "\(ModelSection.section).\(ModelSection.selector)"

  /// Whether a scenario as it was written says so.
  ///
  /// - Throws: `ScenarioError` where only one of data and model says so, or there is a section that is the program's own.
  static func areWritten(
    _ root: JSONObject, _ source: ScenarioFile.Source, _ components: Components
  ) throws(ScenarioError) -> Bool {
    let data = name(root, DataSection.section, DataSection.selector)
    let model = name(root, ModelSection.section, ModelSection.selector)
    let isSource = isKind(data, components.sources, of: ExternalData.self)
    let isModel = isKind(model, components.models, of: ExternalModel.self)
    guard isSource || isModel else { return false }
    for section in sections {
      guard let found = root[section.name], found != .null else { continue }
      throw error(
        KeyProblem(
          section.name,
          "found a section about \(section.about), which is the program's own where \(isSource ? sourcePath : modelPath) is \"external\"",
          allowed: "no such section"), source)
    }
    // A selector that is missing or no text is said by its section's table.
    if isSource != isModel, let other = isSource ? model : data {
      throw error(
        KeyProblem(
          isSource ? modelPath : sourcePath,
          "found \"\(other)\" with \(isSource ? sourcePath : modelPath) \"external\"",
          allowed: "\"external\" for both or for neither: a program that computes updates has data and model"), source)
    }
    return isSource && isModel
  }

  private static func error(_ problem: KeyProblem, _ source: ScenarioFile.Source) -> ScenarioError {
    source.error(problem, in: "")
  }

  private static func name(_ root: JSONObject, _ section: String, _ selector: String) -> String? {
    guard case .object(let values)? = root[section], case .string(let name)? = values[selector] else { return nil }
    return name
  }

  private static func isKind<Value, Kind: Configurable>(
    _ name: String?, _ choices: Choices<Value>, of kind: Kind.Type
  ) -> Bool {
    choices.all.first { $0.name == name }?.type is Kind.Type
  }

  /// What stands for the sections that are the program's own, of which nothing follows.
  static func partition(clients: Int) -> any PartitionScheme { IIDPartition(clients: clients) }
  static var training: Training { Training(learningRate: 1) }

  /// A scenario's sections without what is the program's own.
  static func written(_ values: JSONObject) -> JSONObject {
    var root = values
    for name in [Heading.keys.name(of: \.seed), Heading.keys.name(of: \.task)] + sections.map(\.name) {
      root[name] = nil
    }
    for name in [DataSection.section, ModelSection.section] {
      guard case .object(let section)? = root[name] else { continue }
      root[name] = .object(section.reduce(into: JSONObject()) { if $1.value != .null { $0[$1.key] = $1.value } })
    }
    return root
  }
}

extension Scenario {
  /// Whether the updates come from a program, which has the data and the model.
  public var isExternal: Bool { data is ExternalData && model is ExternalModel }

  /// Why no process of ours can make the rounds of such a scenario.
  package var externalRefusal: ScenarioError {
    refusal(
      at: ExternalUpdates.sourcePath,
      "the updates of this scenario come from a program, and there is nothing here that trains; its rounds are made by fedsim.Federation in Python, or by "
        + "Federation and FederationExecution in Swift (docs/resume.md)")
  }

  /// What means nothing where updates come from a program; nil where all is well.
  var externalProblem: KeyProblem? {
    let (isSource, isModel) = (data is ExternalData, model is ExternalModel)
    guard isSource || isModel else { return nil }
    guard isSource && isModel else {
      return KeyProblem(
        isSource ? ExternalUpdates.modelPath : ExternalUpdates.sourcePath,
        "found data or a model that are not \"external\" beside the other one, which is",
        allowed: "\"external\" for both or for neither: a program that computes updates has data and model")
    }
    if task != .classification {
      return KeyProblem(
        Heading.path(\.task), "found \"\(task.rawValue)\", but what updates are for is the program's own",
        allowed: "no such key")
    }
    let own: [(path: String, isThere: Bool, reason: String)] = [
      (DataSection.path(\.testFraction), testFraction != nil, "the program keeps its own test examples"),
      (DataSection.path(\.testOf), testOf != nil, "the program keeps its own test examples"),
      (DataSection.path(\.targetOffset), targetOffset != nil, "the program has the targets"),
      (DataSection.path(\.targetScale), targetScale != nil, "the program has the targets"),
      (
        ModelSection.initialPath, initialModel != nil,
        "the program gives the parameters that the first round starts from"
      ),
      (
        Cohort.path(\.writtenCommon), cohort.isCommon,
        "a federation's cohorts follow from its run key, which no other run has"
      ),
      (Cohort.path(\.byzantine), cohort.byzantine != nil, "the program says what its clients send"),
    ]
    return own.first(where: \.isThere).map { key in
      KeyProblem(key.path, "found it where updates come from outside: \(key.reason)", allowed: "no such key")
    }
  }
}
