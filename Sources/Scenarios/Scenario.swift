import Aggregator
import ChannelCoding
import Clients
import Datasets
import JSONText
import Settings

/// What a run does, before data are looked at: values that a program sets or a file describes.
///
///     var scenario = Scenario(
///       rounds: 100, data: Digits(), partition: .iid(clients: 100), model: Perceptron(hidden: [64]),
///       training: Training(learningRate: 0.3), cohort: .poisson(expectedSize: 20),
///       privacy: Privacy(clippingNorm: 1, targetEpsilon: 8))
///
/// A file's scenario has been checked; a program's is checked by `check()`, which `Simulation` calls.
public struct Scenario: Sendable {
  /// The name of the run, and of its output folder.
  public var name: String
  /// The one seed of everything that is random.
  public var seed: UInt64
  public var task: Task
  /// T
  public var rounds: Int
  public var data: any ExampleSource
  /// The share of the examples that a split keeps for the test; nil for the source's standard, or where the test has its own.
  public var testFraction: Double?
  /// Whose examples a split keeps for the test; nil for `all`.
  public var testOf: TestOf?
  /// What is taken from a target before it is learned, and what the rest is divided by: for regression; nil for 0 and 1.
  public var targetOffset: Double?
  public var targetScale: Double?
  public var partition: any PartitionScheme
  public var model: any ModelArchitecture
  /// A safetensors file with the parameters that the run starts from, which count as public; nil for the model's own start.
  public var initialModel: String?
  public var training: Training
  public var cohort: Cohort
  public var server: ServerSection
  /// Nil: no clipping, no noise, no guarantee.
  public var privacy: Privacy?
  public var channel: ChannelSection
  public var evaluation: EvaluationSection
  /// How posterior samples are sent; nil for the defaults, and for a task that has none.
  public var posterior: PosteriorSection?
  /// What the names in files stand for.
  public var components: Components
  /// The text that the scenario was read from, for places in messages; nil for a program's.
  package let file: ScenarioFile?

  /// Whose examples a split keeps for the test.
  public enum TestOf: String, CaseIterable, Sendable, SettingValue {
    /// All examples together, before the partition.
    case all
    /// Each client's, after it.
    case eachClient = "each-client"
  }

  public init(
    name: String = "scenario", seed: UInt64 = 1, task: Task = .classification, rounds: Int, data: any ExampleSource,
    testFraction: Double? = nil, testOf: TestOf? = nil, targetOffset: Double? = nil, targetScale: Double? = nil,
    partition: any PartitionScheme, model: any ModelArchitecture, initialModel: String? = nil, training: Training,
    cohort: Cohort, server: ServerSection = ServerSection(), privacy: Privacy? = nil,
    channel: ChannelSection = ChannelSection(), evaluation: EvaluationSection = EvaluationSection(),
    posterior: PosteriorSection? = nil, components: Components = .standard
  ) {
    self.name = name
    self.seed = seed
    self.task = task
    self.rounds = rounds
    self.data = data
    self.testFraction = testFraction
    self.testOf = testOf
    (self.targetOffset, self.targetScale) = (targetOffset, targetScale)
    self.partition = partition
    self.model = model
    self.initialModel = initialModel
    self.training = training
    self.cohort = cohort
    self.server = server
    self.privacy = privacy
    self.channel = channel
    self.evaluation = evaluation
    self.posterior = posterior
    self.components = components
    file = nil
  }

  /// The scenario that a file describes.
  ///
  /// - Throws: `ScenarioError` where two keys do not go together.
  public init(_ file: ScenarioFile) throws(ScenarioError) {
    let components = file.components
    let heading = try file.read(Heading.section) { values throws(KeyProblem) in try Heading.read(values) }
    (name, seed, task, rounds) = (heading.name, heading.seed, heading.task, heading.rounds)
    let examples = try file.read(DataSection.section) { values throws(KeyProblem) in
      try DataSection(values, components)
    }
    (data, testFraction, testOf) = (examples.source, examples.testFraction, examples.testOf)
    (targetOffset, targetScale) = (examples.targetOffset, examples.targetScale)
    // What is a program's own is not in the file.
    let external = data as? ExternalData
    let partition = try file.readIfThere(PartitionSection.section) { values throws(KeyProblem) in
      try components.partitions.read(values, by: PartitionSection.selector)
    }
    self.partition = partition ?? ExternalUpdates.partition(clients: external?.clients ?? 1)
    (model, initialModel) = try file.read(ModelSection.section) { values throws(KeyProblem) in
      (try components.models.read(values, by: ModelSection.selector), ModelSection.last.read(values).initial)
    }
    let training = try file.readIfThere(Training.section) { values throws(KeyProblem) in
      try Training(values, components)
    }
    self.training = training ?? ExternalUpdates.training
    cohort = try file.read(Cohort.section) { values throws(KeyProblem) in try Cohort.read(values) }
    server = try file.read(ServerSection.section) { values throws(KeyProblem) in
      try ServerSection(values, components)
    }
    privacy = try file.readIfThere(Privacy.section) { values throws(KeyProblem) in try Privacy.read(values) }
    channel = try file.read(ChannelSection.section) { values throws(KeyProblem) in ChannelSection(values, components) }
    let evaluation = try file.readIfThere(EvaluationSection.section) { values throws(KeyProblem) in
      try EvaluationSection.read(values)
    }
    self.evaluation = evaluation ?? EvaluationSection()
    posterior = try file.readIfThere(PosteriorSection.section) { values throws(KeyProblem) in
      try PosteriorSection.read(values)
    }
    self.components = components
    self.file = file
    if let problem { throw file.error(problem) }
  }

  /// Checks what a program has put together as a file is checked.
  ///
  /// - Parameter name: how messages call what was put together.
  /// - Throws: `ScenarioError` with the first key that is wrong by itself or beside another, or whose value has no name.
  public func check(as name: String = "the scenario") throws(ScenarioError) {
    var components = components
    components.codecs = channel.codecs
    func isNamed<Value>(_ value: Value, _ choices: Choices<Value>, _ path: String) throws(ScenarioError) {
      guard choices.write(value) == nil else { return }
      throw .key(
        place: name, path: path, problem: "found a \(type(of: value as Any)), which no component has",
        allowed: "a value of what is in the scenario's components: "
          + choices.all.map { "\"\($0.name)\"" }.joined(separator: ", "))
    }
    try isNamed(data, components.sources, "\(DataSection.section).\(DataSection.selector)")
    try isNamed(partition, components.partitions, "\(PartitionSection.section).\(PartitionSection.selector)")
    try isNamed(model, components.models, "\(ModelSection.section).\(ModelSection.selector)")
    try isNamed(training.optimizer, components.clientOptimizers, "\(Training.section).\(Training.selector)")
    try isNamed(server.optimizer, components.serverOptimizers, "\(ServerSection.section).\(ServerSection.selector)")
    _ = try Scenario(ScenarioFile(values: json, name: file?.name ?? name, components: components))
  }

  /// Every key with its value, as a file has them. Defaults that depend on the data are null.
  package var json: JSON {
    var root = Heading(name: name, seed: seed, task: task, rounds: rounds).values
    root[DataSection.section] = .object(
      DataSection(
        source: data, testFraction: testFraction, testOf: testOf, targetOffset: targetOffset, targetScale: targetScale
      ).values(components))
    root[PartitionSection.section] = .object(components.partitions.write(partition, by: PartitionSection.selector))
    root[ModelSection.section] = .object(
      components.models.write(
        model, by: ModelSection.selector, last: ModelSection.last.write(ModelSection.Start(initial: initialModel))))
    root[Training.section] = .object(training.values(components))
    root[Cohort.section] = .object(cohort.values)
    root[ServerSection.section] = .object(server.values(components))
    root[Privacy.section] = privacy.map { .object($0.values) } ?? .null
    root[ChannelSection.section] = .object(channel.values)
    root[EvaluationSection.section] = .object(evaluation.values)
    if let posterior { root[PosteriorSection.section] = .object(posterior.values) }
    return .object(isExternal ? ExternalUpdates.written(root) : root)
  }

  /// The files that are read: of the data, and of the model that the run starts from.
  package var inputPaths: [String] { data.paths + (initialModel.map { [$0] } ?? []) }

  /// "model.initial", for messages.
  package static var initialModelPath: String { ModelSection.initialPath }

  /// What uploads have beside updates, apart from what a plan asks for.
  package var algorithm: Server.Algorithm {
    if training.optimizer.usesControlVariates { return .scaffold }
    return server.weighting == .examples ? .weighted : .unweighted
  }

  /// The codec that the scenario names; nil where the one with the fewest bits is taken.
  package var codec: CodecName? { channel.codec }

  /// What no section can say by itself; nil where everything goes together.
  private var problem: KeyProblem? {
    if let problem =
      externalProblem ?? taskProblem ?? quantityProblem ?? clientTestProblem ?? robustProblem ?? algorithmProblem
      ?? rateProblem
    {
      return problem
    }
    let able = channel.codecs.families.map(\.descriptor).filter(\.worksWithoutNoise).map(\.name)
    guard let codec, !able.contains(codec) else { return nil }
    let path = ChannelSection.codecPath
    let allowed = (able.map { "\"\($0)\"" } + ["\"auto\""]).joined(separator: " or ")
    if privacy == nil {
      return KeyProblem(
        path, "found \"\(codec.rawValue)\" in a run without privacy: its noise is the channel's own",
        allowed: "\(allowed), or a privacy section")
    }
    if privacy?.noise == .central {
      return KeyProblem(
        path, "found \"\(codec.rawValue)\" with central noise: its noise is the channel's own",
        allowed: "\(allowed), or \"channel\" as privacy.noise")
    }
    return nil
  }

  /// Model, posterior section and task are of one kind.
  private var taskProblem: KeyProblem? {
    let modelTasks = type(of: model).tasks
    if !modelTasks.contains(task) {
      let able = components.models.all.filter { ($0.type as? any ModelArchitecture.Type)?.tasks.contains(task) == true }
        .map { "\"\($0.name)\"" }
      let name = components.models.write(model)?.name ?? "\(type(of: model as Any))"
      return KeyProblem(
        "\(ModelSection.section).\(ModelSection.selector)",
        "found \"\(name)\", a model of task \(modelTasks.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")), with task \"\(task.rawValue)\"",
        allowed: able.isEmpty ? "a model of that task" : able.joined(separator: ", "))
    }
    if !task.hasAccuracy, evaluation.targetAccuracy != nil || evaluation.bestBy == .accuracy {
      let key = evaluation.targetAccuracy != nil ? "targetAccuracy" : "bestBy"
      return KeyProblem(
        "\(EvaluationSection.section).\(key)",
        "found an accuracy with task \"\(task.rawValue)\", which has none", allowed: "null, or \"loss\" as bestBy")
    }
    if !task.isAboutPosteriors, posterior != nil {
      return KeyProblem(
        PosteriorSection.section, "found a section about posteriors with task \"\(task.rawValue)\", which has none",
        allowed: "no such section, or task \"representation\" or \"bayesian-classification\"")
    }
    return nil
  }

  /// Every round of a schedule moves the model.
  private var rateProblem: KeyProblem? {
    let (client, server) = (training.optimizer, server.optimizer)
    return training.schedule.problem(
      in: Training.section, learningRate: client.learningRate, rounds: rounds, hasRates: client.scaled(by: 1) != nil)
      ?? self.server.schedule.problem(
        in: ServerSection.section, learningRate: server.learningRate, rounds: rounds,
        hasRates: server.scaled(by: 1) != nil)
  }

  /// Quantities need a source that has them, and a partition that does not ask for classes; nothing else has a scale of targets.
  private var quantityProblem: KeyProblem? {
    guard task == .regression else {
      for (property, value) in [(\DataSection.targetOffset, targetOffset), (\.targetScale, targetScale)] {
        if let value {
          return KeyProblem(
            DataSection.path(property), "found \(value) with task \"\(task.rawValue)\", which learns no quantity",
            allowed: "no such key, or task \"regression\"")
        }
      }
      return nil
    }
    if !data.readsTargets {
      let name = components.sources.write(data)?.name ?? "\(type(of: data as Any))"
      return KeyProblem(
        "\(DataSection.section).\(DataSection.selector)",
        "found \"\(name)\", whose examples have classes and no quantities, with task \"regression\"",
        allowed: "a source whose labels may be quantities (docs/data.md), or task \"classification\"")
    }
    if partition.usesClasses {
      let name = components.partitions.write(partition)?.name ?? "\(type(of: partition as Any))"
      return KeyProblem(
        "\(PartitionSection.section).\(PartitionSection.selector)",
        "found \"\(name)\", which goes by classes, with task \"regression\", which has none",
        allowed: "a partition that does not look at labels, such as \"iid\" or \"natural\"")
    }
    return nil
  }

  /// Posteriors of clients have test clients of their own.
  private var clientTestProblem: KeyProblem? {
    guard task.isAboutPosteriors else {
      if evaluation.fineTuneEpochs != nil, !measuresClients {
        return KeyProblem(
          EvaluationSection.path(\.fineTuneEpochs), "found it in a run that does not measure its clients' own tests",
          allowed: "evaluation.clients true as well")
      }
      return nil
    }
    let unfit: [(path: String, isThere: Bool)] = [
      (DataSection.path(\.testOf), testOf == .eachClient),
      (EvaluationSection.path(\.clients), evaluation.clients == true),
      (EvaluationSection.path(\.fineTuneEpochs), evaluation.fineTuneEpochs != nil),
      (EvaluationSection.path(\.metrics), evaluation.metrics == true),
    ]
    guard let path = unfit.first(where: \.isThere)?.path else { return nil }
    return KeyProblem(
      path, "found it with task \"\(task.rawValue)\", whose test data are measured by what is sent of them",
      allowed: "no such key, or task \"classification\" or \"regression\"")
  }

  /// Whether the last model is measured on each client's own test examples.
  package var measuresClients: Bool { evaluation.clients ?? (testOf == .eachClient) }

  /// What targets are learned in.
  package var targetUnits: TargetUnits { TargetUnits(offset: targetOffset ?? 0, scale: targetScale ?? 1) }

  /// What robust rules and hostile clients do not go with.
  private var robustProblem: KeyProblem? {
    if privacy != nil, cohort.byzantine != nil {
      return KeyProblem(
        Cohort.path(\.byzantine),
        "found hostile clients in a run with privacy: they are for trying server.aggregation, which has no account",
        allowed: "no such key, or no privacy section")
    }
    guard server.aggregation != .mean else { return nil }
    let path = "\(ServerSection.section).\(ServerSection.last.name(of: \.writtenAggregation))"
    let name = server.aggregation.rawValue
    let reason =
      if privacy != nil {
        "in a run with privacy: noise and account are for a sum of clipped updates, and what one client can change of \"\(name)\" is not proved"
      } else if training.optimizer.usesControlVariates {
        "with control variates, whose means are over all clients"
      } else if server.weighting == .examples {
        "with weights by examples, which hostile clients would choose"
      } else {
        ""
      }
    return reason.isEmpty ? nil : KeyProblem(path, "found \"\(name)\" \(reason)", allowed: "\"mean\"")
  }

  private var algorithmProblem: KeyProblem? {
    let isWeighted = server.weighting == .examples
    let weighting = "\(ServerSection.section).\(ServerSection.last.name(of: \.weighting))"
    let algorithm = "\(Training.section).\(Training.selector)"
    if training.optimizer.usesControlVariates {
      if privacy != nil {
        return KeyProblem(
          algorithm,
          "found \"scaffold\" in a run with privacy: its control variates are a second message of the same data, and its clients keep a "
            + "state from round to round, which no account has",
          allowed: "\"sgd\"")
      }
      return isWeighted
        ? KeyProblem(
          weighting, "found \"examples\" with \"scaffold\", whose means are over clients", allowed: "\"uniform\"") : nil
    }
    guard isWeighted, privacy != nil else { return nil }
    return KeyProblem(
      weighting,
      "found \"examples\" in a run with privacy: a weight by the number of examples would tell "
        + "of them, and no account has it", allowed: "\"uniform\"")
  }
}

extension ScenarioSection {
  /// The section as a file has it.
  var values: JSONObject { Self.keys.write(self) }
}

extension Scenario {
  /// A scenario whose keys are fine one by one, and from which no run or no guarantee follows.
  package func refusal(at path: String, _ reason: String) -> ScenarioError {
    file?.refusal(at: path, reason) ?? .refused(place: "the scenario", path: path, reason: reason)
  }

  /// An error at a key.
  package func error(at path: String, _ problem: String, allowed: String) -> ScenarioError {
    file?.error(at: path, problem, allowed: allowed)
      ?? .key(place: "the scenario", path: path, problem: problem, allowed: allowed)
  }
}
