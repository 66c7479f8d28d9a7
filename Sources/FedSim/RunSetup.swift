import Aggregator
import ChannelCoding
import Clients
import Datasets
import Files
import JSONText
import Numerics
import Platform
import Scenarios
import Settings

/// What is known of a simulation before its first round: data, model, and the frame of the federation. Nothing here changes later.
public struct RunSetup: Sendable {
  public let scenario: Scenario
  /// The scenario with every default filled in, those that depend on the data too.
  public let resolved: JSON
  public let population: Population
  public let test: Dataset
  /// The test examples among clients, where a posterior is a client's; nil for other tasks.
  public let testClients: Population?
  /// The client of each test example, -1 where it belongs to none; nil where clients' own tests are not measured.
  let testOwners: [Int32]?
  /// Whether a library caller brought the examples.
  public let isDataGiven: Bool
  public let model: any Model
  /// The parameters that a file has of the model, from which the run starts; nil for the model's own start.
  let loadedStart: [Float]?
  /// Privacy, channel, cohorts.
  public let frame: RunFrame
  /// The columns of a table that features were made of; nil for other sources.
  public let columns: FeatureColumns?
  /// Those of the warnings that are about the examples.
  public let dataWarnings: [String]
  /// What names the run: its keys come from this and the seed. Empty where examples have no features or the scenario was only to be validated, and
  /// no run can be made.
  package internal(set) var fingerprint: [UInt8]
  /// The keys of a federation whose updates come from a program; nil for a run with data of its own.
  var name: FederationName?
  /// What stands for examples whose features were not made; nil where all are there.
  let unmade: UnmadeExamples?
  /// Processor time that this set-up took, in seconds, and that making the rest of the examples would.
  package let preparationSeconds: Double

  public var plan: PrivacyPlan? { frame.plan }
  public var guaranteedPlan: PrivacyPlan? { frame.guaranteedPlan }
  public var channel: ChannelSettings { frame.channel }
  public var sampler: CohortSampler { frame.sampler }
  public var lastRound: Int { frame.lastRound }
  public var numericalDeviation: Double? { frame.numericalDeviation }
  public var numericsSentence: String? { frame.numericsSentence }
  package var parallel: Parallel { frame.parallel }
  var keys: RunKeys {
    RunKeys(seed: scenario.seed, fingerprint: fingerprint, isCommon: scenario.cohort.isCommon)
  }

  /// - Parameters:
  ///   - scenario: one that was checked.
  ///   - split: training and test examples; nil loads what the scenario names.
  ///   - threads: how many work at once; no result depends on it.
  ///   - accounting: what runs of a sweep share; no result depends on it.
  ///   - data: the examples that they share.
  public init(
    scenario: Scenario, split: Split?, threads: Int, accounting: SharedAccounting = SharedAccounting(),
    data: SharedData = SharedData()
  ) throws {
    if scenario.isExternal { throw scenario.externalRefusal }
    try self.init(scenario, split, isOutlined: false, isNamed: true, threads: threads, accounting, data)
  }

  /// What a scenario means, without a run: the same, but generated examples have labels and no features, which takes neither their time
  /// nor their memory.
  public init(
    explaining scenario: Scenario, threads: Int, accounting: SharedAccounting = SharedAccounting(),
    data: SharedData = SharedData()
  ) throws {
    if scenario.isExternal {
      try self.init(external: scenario, threads: threads, accounting)
    } else {
      try self.init(scenario, nil, isOutlined: true, isNamed: true, threads: threads, accounting, data)
    }
  }

  /// Whether a scenario can be run, without a run: all that setting one up checks, and no name of the run, which takes a hash of all the examples.
  package init(validating scenario: Scenario, threads: Int, data: SharedData = SharedData()) throws {
    if scenario.isExternal {
      try self.init(external: scenario, threads: threads, SharedAccounting())
    } else {
      try self.init(scenario, nil, isOutlined: false, isNamed: false, threads: threads, SharedAccounting(), data)
    }
  }

  private init(
    _ scenario: Scenario, _ split: Split?, isOutlined: Bool, isNamed: Bool, threads: Int,
    _ accounting: SharedAccounting,
    _ shared: SharedData
  ) throws {
    let began = ResourceUsage.processorSeconds
    // A program may have changed what a file said.
    try scenario.check()
    self.scenario = scenario
    let parallel = Parallel(threads: max(threads, 1))
    isDataGiven = split != nil
    unmade = isOutlined ? try UnmadeExamples(scenario, parallel) : nil
    let data =
      try unmade.map { ReviewedData(split: $0.outline, warnings: []) } ?? Self.reviewed(split)
      ?? scenario.loadData(parallel, shared)
    let split = try Self.inUnits(data.split, scenario)
    // A split that was made here, of a caller's examples, is reviewed as one that a caller made.
    let givenWarnings = scenario.data is GivenData && !isDataGiven ? Self.reviewed(data.split)?.warnings ?? [] : []
    dataWarnings = data.warnings + givenWarnings + Self.targetWarnings(split, scenario)
    columns = data.columns
    let population = try scenario.population(of: split, isGiven: isDataGiven)
    self.population = population
    if let share = scenario.cohort.byzantine, scenario.faults.byzantineCount(of: population.clientCount) == 0 {
      throw scenario.refusal(
        at: Cohort.path(\.byzantine),
        "found \(share), which is none of \(population.clientCount) clients; allowed: a share that makes one, or no such key"
      )
    }
    testClients = try scenario.testClients(of: split.test, like: population)
    test = testClients?.data ?? split.test
    testOwners = try Self.testOwners(scenario, test, population)
    let model = try Self.model(scenario, unmade?.sample.test ?? test)
    self.model = model
    let loadedStart = try Self.loadedStart(scenario, model)
    self.loadedStart = loadedStart
    if !scenario.training.schedule.isConstant, !Self.trainer(scenario, model).hasRates {
      throw scenario.refusal(
        at: "\(Training.section).schedule",
        "this model's clients do not train by steps of a rate; allowed: \"constant\"")
    }
    try PosteriorStage.check(scenario, model, test: test, clients: testClients)
    frame = try RunFrame(
      FederationSettings(scenario), algorithm: scenario.algorithm, parameters: model.parameterCount,
      clients: population.clientCount, arrivalRate: scenario.faults.arrivalRate, parallel: parallel,
      accounting: accounting, refusal: { scenario.refusal(at: $0, $1) })
    let resolved = Self.filling(scenario, frame, isDataGiven: isDataGiven)
    self.resolved = resolved.json
    name = nil
    fingerprint =
      unmade == nil && isNamed ? Self.fingerprint(resolved, split, population, model, loadedStart, frame) : []
    preparationSeconds = ResourceUsage.processorSeconds - began + (unmade?.seconds ?? 0)
  }

  /// What names a run. Two that share it share their keys.
  private static func fingerprint(
    _ resolved: Scenario, _ split: Split, _ population: Population, _ model: any Model, _ loadedStart: [Float]?,
    _ frame: RunFrame
  ) -> [UInt8] {
    var fingerprint = Fingerprint()
    fingerprint.add(Array(FedSimVersion.current.utf8))
    fingerprint.add(Array(resolved.jsonWithoutLabels.text(pretty: false).utf8))
    // The data too: with one seed, neighboring data sets must not share their noise.
    add(split.training, of: resolved.data, to: &fingerprint)
    // And what this build makes of them, which another one may do otherwise: who has which example, what training does, the
    // account's z. Two runs that share their keys would have other sums under the same noise.
    fingerprint.add(population.assignmentBytes)
    addReferenceUpdate(resolved, model, loadedStart, population.data, to: &fingerprint)
    // The built-in ones are their keys.
    if Choices.standard.write(resolved.server.optimizer) == nil {
      fingerprint.add(ServerOptimizer(resolved.server.optimizer).referenceBytes)
    }
    for schedule in [resolved.training.schedule, resolved.server.schedule] where !schedule.isConstant {
      fingerprint.add(schedule.referenceBytes(rounds: resolved.rounds))
    }
    if let reference = frame.channel.referenceBytes { fingerprint.add(reference) }
    if let coins = frame.referenceCoins { fingerprint.add(coins) }
    fingerprint.add(ExactSum.referenceBytes)
    for value in [frame.plan?.noiseMultiplier ?? 0, frame.channel.clippingNorm, frame.channel.noiseScale] {
      fingerprint.add(withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init))
    }
    return fingerprint.bytes
  }

  /// A library caller's examples. They are the caller's responsibility: nothing is refused.
  private static func reviewed(_ split: Split?) -> ReviewedData? {
    split.map { split in
      let review = LabelReview(
        training: split.training, test: split.test, place: "the given examples", areClassesGiven: true)
      return ReviewedData(split: split, warnings: [review.problem].compactMap { $0 } + review.warnings)
    }
  }

  /// The examples with targets as they are learned.
  ///
  /// - Throws: `ScenarioError` where the task needs quantities and there are none, or classes.
  private static func inUnits(_ split: Split, _ scenario: Scenario) throws(ScenarioError) -> Split {
    let source = "data.source"
    switch (scenario.task == .regression, split.training.targets == nil) {
    case (false, true): return split
    case (false, false):
      throw scenario.refusal(at: source, "found quantities to predict, which are for task \"regression\"")
    case (true, true):
      throw scenario.refusal(
        at: source, "found examples with classes and no quantities to predict (task \"regression\")")
    case (true, false):
      do throws(DataError) {
        return try Split(
          training: split.training.inUnits(scenario.targetUnits), test: split.test.inUnits(scenario.targetUnits))
      } catch {
        throw scenario.refusal(at: "data.targetScale", error.description)
      }
    }
  }

  /// Targets so far from 1 that step sizes of other runs are too long for them.
  private static func targetWarnings(_ split: Split, _ scenario: Scenario) -> [String] {
    guard let (mean, deviation) = split.training.targetSpread, max(abs(mean), deviation) > 100 else { return [] }
    return [
      "targets are learned as numbers of mean \(Text.short(mean)) and deviation \(Text.short(deviation)): gradients of a squared error grow with "
        + "them, and clients may diverge. data.targetOffset and data.targetScale bring them near 1; constants known beforehand cost no privacy, "
        + "those computed from the data are outside the guarantee."
    ]
  }

  /// What the source calls each class: classes.json. Nil where labels are no more than numbers.
  public var classes: JSON? {
    population.data.classNames.map { ["classes": .array($0.map { .string($0) })] }
  }

  /// The initial model, and two steps of a client from it on at most 20 examples: whatever decides an update leaves its trace.
  private static func addReferenceUpdate(
    _ scenario: Scenario, _ model: any Model, _ loadedStart: [Float]?, _ data: Dataset,
    to fingerprint: inout Fingerprint
  ) {
    var random = RunKeys.experimentStream(seed: scenario.seed, .initialisation)
    let start = loadedStart ?? model.initialParameters(&random)
    let trainer = trainer(scenario, model)
    let count = min(2 * trainer.batchSize, data.count, 20)
    let task = LocalTask(
      start: trainer.prepare(start), examples: Array(0..<count)[...], data: data, work: .steps(2))
    let update = trainer.train(task, random: &random, largestClient: count).values
    fingerprint.add(byteCount: 8 * start.count) { part in
      // Memory is little-endian wherever the kernels are (CKernels).
      for values in [start, update] { values.withUnsafeBytes(part) }
    }
  }

  package static func trainer(_ scenario: Scenario, _ model: any Model) -> any LocalTraining {
    func make(_ model: some Model, _ optimizer: some ClientOptimizing) -> any LocalTraining {
      LocalTrainer(
        model: model, work: scenario.training.work, batchSize: scenario.training.batchSize, optimizer: optimizer)
    }
    if let own = model.trainer(
      work: scenario.training.work, batchSize: scenario.training.batchSize, optimizer: scenario.training.optimizer)
    {
      return own
    }
    // With their types known here, the compiler makes one piece of code of the two.
    if let network = model as? Network, let sgd = scenario.training.optimizer as? SGD { return make(network, sgd) }
    return make(model, scenario.training.optimizer)
  }

  /// The scenario with every default filled in, as the file that it is in a run's folder.
  public var scenarioFile: String { resolved.text(pretty: true) + "\n" }

  /// What may surprise a user; printed before the run.
  public var warnings: [String] {
    (numericsSentence.map { ["ROUNDING: " + $0] } ?? [])
      + (plan == nil ? frame.warnings + faultWarnings : faultWarnings + frame.warnings) + startWarnings + dataWarnings
      + computedWarnings + alphabetWarnings
  }

  /// What of the features was computed from the clients' data, which epsilon does not cover.
  private var computedWarnings: [String] {
    guard guaranteedPlan != nil, let computed = columns?.computed, !computed.isEmpty else { return [] }
    return [
      "computed from the training data without noise, and outside the guarantee: \(computed.joined(separator: "; ")). Constants in the scenario "
        + "would tell nothing of the data (docs/privacy.md)."
    ]
  }

  /// A guarantee speaks of what the rounds release, and not of what they begin with.
  private var startWarnings: [String] {
    guard guaranteedPlan != nil, scenario.initialModel != nil else { return [] }
    return [
      "\(Scenario.initialModelPath) counts as public: where that model was trained on these clients' data, epsilon does not cover what it tells "
        + "of them."
    ]
  }

  /// What of features and model was computed from the clients' data, by name.
  var computed: [String] {
    (columns?.computed ?? []) + (isAlphabetComputed ? ["data.alphabet: the characters of the clients' texts"] : [])
  }

  private var isAlphabetComputed: Bool {
    !isDataGiven && test.symbolNames != nil && !scenario.data.areSymbolsGiven
  }

  /// What the examples themselves said of the model under privacy.
  private var alphabetWarnings: [String] {
    guard plan != nil, isAlphabetComputed, let symbols = test.symbolNames else { return [] }
    return [
      "OUTSIDE THE GUARANTEE: the \(symbols.count) characters of the model are those that clients' texts have, so that a character which one "
        + "client alone has shows in the model's size; data.alphabet gives them as a constant."
    ]
  }

  /// The accuracy of always saying the most frequent class of the test examples; nil for a task without accuracy.
  public var majorityClassAccuracy: Double? { scenario.task.hasAccuracy ? test.mostFrequentClass?.share : nil }

  /// Figures that not all runs have (`onlyWith`), and this one has: by their names in rounds.jsonl and summary.json.
  var ownFigures: Set<String> {
    let summary = SummaryFields.table
    var names: Set<String> = scenario.task.isAboutPosteriors ? [summary.posterior.name] : []
    names.formUnion(RoundField.columns(of: self).filter { $0.condition != nil }.map(\.name))
    if scenario.task == .regression { names.formUnion([summary.finalR2.name, summary.finalRMSE.name]) }
    if scenario.evaluation.watches { names.insert(summary.bestRound.name) }
    if scenario.evaluation.stopsEarly { names.insert(summary.stopRule.name) }
    if scenario.evaluation.metrics == true, scenario.task == .classification {
      names.formUnion([summary.finalMacroF1.name, summary.finalAUC.name])
    }
    if scenario.measuresClients { names.insert(summary.clientTest.name) }
    if !isExternal { names.insert(summary.seed.name) }
    return names
  }

  /// Files that not all runs have, and this one has, and that no guarantee covers.
  var ownFilesOutside: [String] {
    (scenario.task.isAboutPosteriors ? GuaranteeStatement.filesOfPosteriors : [])
      + (scenario.evaluation.metrics == true ? [GuaranteeStatement.fileOfMetrics] : [])
      + (testOwners != nil ? [GuaranteeStatement.fileOfClients] : [])
      + (columns?.computed.isEmpty ?? true ? [] : ["columns.json"])
  }

  /// Whose own test each test example is in.
  ///
  /// - Throws: `ScenarioError` where clients are to be measured and nobody knows.
  private static func testOwners(
    _ scenario: Scenario, _ test: Dataset, _ population: Population
  ) throws(ScenarioError) -> [Int32]? {
    guard scenario.measuresClients else { return nil }
    if let found = ClientTests.owners(of: test, population, areOwnersClients: scenario.testOf == .eachClient) {
      return found
    }
    throw scenario.refusal(
      at: EvaluationSection.path(\.clients),
      test.owners == nil
        ? "the test examples belong to no client; data.testOf \"each-client\" keeps a test for each, and some sources name the clients of theirs"
        : "the test examples name owners, and the partition gives each owner's training examples to several clients or to none; allowed: partition \"natural\""
    )
  }

  /// Where the run starts from.
  package var initialParameters: [Float] {
    if let loadedStart { return loadedStart }
    var random = RunKeys.experimentStream(seed: scenario.seed, .initialisation)
    return model.initialParameters(&random)
  }

  func makeClients() -> ClientPool {
    let (schedule, rounds) = (scenario.training.schedule, scenario.rounds)
    return ClientPool(
      population: population, trainer: Self.trainer(scenario, model), faults: scenario.faults,
      rateFactor: { schedule.factor(round: $0, of: rounds) })
  }

  package func evaluate(_ parameters: [Float]) -> Evaluation {
    model.evaluation(of: parameters, on: Array(0..<test.count)[...], of: test, parallel)
  }

  /// What decides a release beside the scenario. Generated examples follow from that alone, and belong to nobody.
  private static func add(_ training: Dataset, of source: any ExampleSource, to fingerprint: inout Fingerprint) {
    if source.isGenerated { return }
    fingerprint.add(byteCount: training.byteCount, forEachPart: training.forEachPart)
    if let owners = training.owners {
      fingerprint.add(Array("owners".utf8))
      fingerprint.add(byteCount: 4 * owners.count) { part in
        for owner in owners { withUnsafeBytes(of: owner.littleEndian, part) }
      }
    }
    if !(source is Digits), let shape = training.imageShape {
      fingerprint.add(Array("image \(shape.height) \(shape.width) \(shape.channels)".utf8))
    }
  }

  /// As large as a model may be.
  package static let largestModel = ExternalModel.mostParameters

  private static func model(_ scenario: Scenario, _ data: Dataset) throws(ScenarioError) -> any Model {
    let model: any Model
    do throws(KeyProblem) {
      model = try scenario.model.model(for: data)
    } catch {
      throw scenario.refusal(at: "model.\(error.key)", error.problem)
    }
    guard model.parameterCount <= largestModel else {
      let hasHidden = Choices.standard.write(scenario.model)?.values["hidden"] != nil
      throw scenario.refusal(
        at: hasHidden ? "model.hidden" : "model",
        "found a model of \(model.parameterCount) parameters; at most \(largestModel)")
    }
    return model
  }

  private static func loadedStart(_ scenario: Scenario, _ model: any Model) throws(ScenarioError) -> [Float]? {
    guard let path = scenario.initialModel else { return nil }
    do throws(DataError) {
      return try InitialModel.parameters(of: model, from: path)
    } catch {
      throw scenario.refusal(at: Scenario.initialModelPath, scenario.words(of: error))
    }
  }

  /// The scenario with its defaults, those that follow from the data too.
  static func filling(_ scenario: Scenario, _ frame: RunFrame, isDataGiven: Bool) -> Scenario {
    var filled = scenario
    if let plan = frame.plan, var privacy = filled.privacy {
      privacy.delta = plan.delta
      privacy.countNoise = plan.adaptiveClipping?.countNoise
      filled.privacy = privacy
    }
    if filled.training.epochs == nil, filled.training.steps == nil { filled.training.epochs = 1 }
    filled.channel.codec = frame.channel.codec
    // It chose the codec, which is named now.
    filled.channel.timeBudget = nil
    if isDataGiven || !scenario.data.hasTest && !scenario.isExternal { filled.testFraction = scenario.testShare }
    filled.data = filled.data.seeded(scenario.seed)
    if isDataGiven { filled.data = GivenData() }
    return filled
  }

  /// What may surprise a user about clients that send nothing.
  private var faultWarnings: [String] {
    let faults = scenario.faults
    var warnings: [String] = []
    if faults.dropsStragglers, faults.stragglers > 0, case .unweighted = scenario.algorithm {
      warnings.append(
        "dropped stragglers count as updates of zero: the sum is divided by the expected cohort. A mean over those who send, as FedAvg's, is "
          + "server.weighting \"examples\", without privacy.")
    }
    if faults.arrivalRate == 0 {
      warnings.append("nobody ever sends anything: every straggler is dropped, and all are stragglers.")
    }
    return warnings
  }
}

/// What stands for generated examples that nobody has made.
struct UnmadeExamples: Sendable {
  /// All of them, with labels and no features.
  let outline: Split
  /// A few of them, whole.
  let sample: Split
  /// Processor time that making all of them would take, in seconds.
  let seconds: Double
  /// The memory that they would take, in bytes.
  let bytes: Int

  /// Nil where the source has no outline.
  init?(_ scenario: Scenario, _ parallel: Parallel) throws {
    guard let outline = try scenario.outlineData(parallel) else { return nil }
    self.outline = outline.split
    bytes = outline.featureBytes
    var smaller = scenario
    smaller.data = outline.sample
    let began = ResourceUsage.threadSeconds
    sample = try smaller.loadData(Parallel(threads: 1)).split
    seconds = (ResourceUsage.threadSeconds - began) * outline.samples
  }
}

extension Scenario {
  /// What goes wrong with clients.
  package var faults: ClientPool.Faults {
    var faults = training.faults(dropout: cohort.dropout)
    faults.byzantine = cohort.byzantine ?? 0
    faults.byzantineFactor = cohort.byzantineFactor ?? -10
    return faults
  }
}

extension LocalTraining {
  /// One client's work with memory of its own.
  fileprivate func train(_ task: LocalTask, random: inout RandomStream, largestClient: Int) -> LocalUpdate {
    train(task, random: &random, makeWorkspace(largestClient: largestClient))
  }
}
