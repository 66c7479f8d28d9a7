import Scenarios

/// What a run may claim, in words: printed once a run and kept in its summary.
public struct GuaranteeStatement: Sendable {
  /// "epsilon-delta", or "none".
  public let kind: String
  public let sentence: String
  public let theorem: String?
  /// Fields of rounds.jsonl and summary.json, and other things, that the guarantee does not cover.
  public let outsideGuarantee: [String]

  public static let hardening =
    "simulation, not a hardened release: noise is exact in real arithmetic and computed in floating point, keys come from a "
    + "seed in a file"

  /// The same where keys come from a nonce.
  public static let hardeningOfFederation =
    "simulation, not a hardened release: noise is exact in real arithmetic and computed in floating point, keys come from a "
    + "run key in a file"

  public init(_ setup: RunSetup) {
    self.init(
      setup.frame, task: setup.scenario.task, scenario: setup.scenario, computed: setup.computed,
      figures: setup.ownFigures, files: setup.ownFilesOutside)
  }

  /// - Parameters:
  ///   - computed: what of the features was computed from the clients' data.
  ///   - task: what is trained: that of a plan, which has no task, is classification, the one without posteriors.
  ///   - scenario: what the run does; nil for a federation whose updates are somebody else's.
  ///   - figures: those that not all runs have, and this one has.
  ///   - files: such files that the guarantee does not cover.
  init(
    _ frame: RunFrame, task: LearningTask = .classification, scenario: Scenario? = nil, computed: [String] = [],
    figures: Set<String> = [], files: [String] = []
  ) {
    guard let plan = frame.guaranteedPlan else {
      kind = "none"
      sentence =
        frame.plan == nil
        ? "No guarantee: the scenario has no privacy section, so updates were neither clipped nor noised."
        : "No guarantee: the noise of codec \"\(frame.channel.codec.rawValue)\" is not exactly Gaussian, and epsilon is "
          + "proved for Gaussian noise only."
      theorem = nil
      outsideGuarantee = ["everything"]
      return
    }
    kind = "epsilon-delta"
    let isExternal = scenario?.isExternal ?? false
    let secret = isExternal ? "run key" : "seed"
    sentence =
      "Epsilon covers the model sequence and what is computed from it and public data, for an observer who takes no part and "
      + "knows neither the \(secret) nor cohort sizes. Population size, sampling rate, noise shares and delta count as public "
      + "constants. Outside it: \(secret) and keys, cohort and dropout counts, clipped fraction, loss and accuracy on clients' "
      + "data, message lengths, timings, choices made from them, other runs. The server, which decodes each update, is "
      + "trusted."
      + [
        isExternal ? Self.externalSentence : nil, Self.commonSentence(frame), Self.startSentence(scenario),
        Self.choiceSentence(scenario?.evaluation),
        Self.posteriorSentence(task), Self.computedSentence(computed), frame.codedSentence,
        frame.foreignCodecSentence,
        frame.numericsSentence,
      ].compactMap { $0.map { " " + $0 } }.joined()
    theorem = plan.accountant.theorem
    let evaluation = scenario?.evaluation ?? EvaluationSection()
    let others = Self.figuresOfSomeRuns.subtracting(figures)
    let names =
      Self.outside(isClientCountPublic: plan.relation != .addOrRemove).filter { !others.contains($0) } + files
    outsideGuarantee =
      names + Self.choices(evaluation).filter { !names.contains($0) } + computed
      + (scenario?.initialModel == nil ? [] : ["\(Scenario.initialModelPath): what that model tells of the clients"])
      + (isExternal ? Self.outsideOfPrograms : [])
  }

  /// What is taken at a program's word that computes the updates.
  private static let externalSentence =
    "The updates come from a program, which is taken at its word: each follows from the data of its own client, from models that were released and from "
    + "what is public, and nothing else that the program makes of the clients' data is covered. The parameters that the first round starts from count as "
    + "public."

  /// What a program may release beside the rounds.
  private static let outsideOfPrograms = [
    "the program's evaluations: accuracy and loss are what it says, of data that only it knows", "run key",
    "the first parameters: what they tell of the clients",
  ]

  /// What is said of features that depend on statistics of the data; nil where they do not.
  private static func computedSentence(_ computed: [String]) -> String? {
    computed.isEmpty
      ? nil
      : "Features were made with what was computed from the training data, without noise: they count as public constants, and what they tell of clients "
        + "is outside: \(computed.joined(separator: "; "))."
  }

  /// What is said of data whose posteriors are sent; nil for a task without them.
  private static func posteriorSentence(_ task: LearningTask) -> String? {
    !task.isAboutPosteriors
      ? nil
      : "It is for the training clients, whose data are in prior and decoder; nothing is claimed for the data whose posterior samples are "
        + "sent."
  }

  /// Names of the figures that not all runs have.
  private static let figuresOfSomeRuns = Set(
    RoundField.all.filter { $0.condition != nil }.map(\.name)
      + SummaryField.all.filter { $0.onlyWith != nil }.map(\.name))

  /// Files of what was sent behind the last round of a task about posteriors.
  package static let filesOfPosteriors = ["posterior.json", "posterior.csv", "pictures.png"]

  /// What is taken for granted of a model that the run starts from; nil for the model's own start.
  private static func startSentence(_ scenario: Scenario?) -> String? {
    guard scenario?.initialModel != nil else { return nil }
    return
      "The model that the run starts from was read from a file and counts as public: what it tells of these clients, where it was trained on "
      + "their data, is outside."
  }

  /// What it means that test examples choose among models; nil where they do not.
  private static func choiceSentence(_ evaluation: EvaluationSection?) -> String? {
    guard let evaluation, evaluation.watches else { return nil }
    let chosen = [
      evaluation.stopsEarly ? "the round at which the run ends" : nil,
      evaluation.keepBest ? "which model is kept as the best" : nil,
    ].compactMap { $0 }.joined(separator: " and ")
    return
      "The test examples choose \(chosen): that choice is outside, nothing is claimed for the test examples, and epsilon is that of all planned "
      + "rounds."
  }

  /// What the test examples choose: figures that follow from the number of rounds that were made, and the best model's file.
  private static func choices(_ evaluation: EvaluationSection) -> [String] {
    (evaluation.stopsEarly ? [SummaryFields.table.rounds.name, SummaryFields.table.stoppedBy.name] : [])
      + (evaluation.keepBest ? [fileOfBestModel] : [])
  }

  /// The best model of all evaluations.
  package static let fileOfBestModel = "model-best.safetensors"
  /// Files of what the last model does on test examples, in all and of each client.
  package static let fileOfMetrics = "evaluation.json"
  package static let fileOfClients = "clients.csv"

  /// What it means that cohorts are shared; nil where they are the run's own.
  private static func commonSentence(_ frame: RunFrame) -> String? {
    guard frame.settings.cohort.isCommon else { return nil }
    return
      "Cohorts and batches are those of every run with this seed and cohort.common: what is known of theirs is known of these, and the "
      + "epsilons of such runs do not add up to one of them all."
  }

  /// Files of a run that differ from one machine to another, or hold more than what is released.
  package static let filesOutside = ["timings.json", "state.bin"]

  /// Files that follow from the number of clients: settings in numbers of clients, rates, deltas and noise that come of them.
  package static let filesOfClientCount = ["scenario.json", "ledger.json"]

  /// What the tables of figures declare, a name once.
  static func outside(isClientCountPublic: Bool) -> [String] {
    let summary = SummaryField.all
    var constants: [(rank: Int, name: String)] = []
    for (coverage, name) in RoundField.all.map({ ($0.coverage, $0.name) }) + summary.map({ ($0.coverage, $0.name) }) {
      if let rank = coverage.clientCountRank, !constants.contains(where: { $0.name == name }) {
        constants.append((rank, name))
      }
    }
    var names = isClientCountPublic ? [] : constants.sorted { $0.rank < $1.rank }.map(\.name) + filesOfClientCount
    for field in RoundField.all {
      switch field.coverage {
      case .covered, .clientCount: continue
      case .outside, .outsideInPart, .secret: names.append(field.outerName)
      }
      names += summary.filter { $0.roundField == field.name && $0.coverage == .outside }.map(\.name)
    }
    names += summary.filter { $0.coverage == .outside && $0.roundField == nil }.map(\.name)
    // Where the whole is outside, its part is.
    names += summary.compactMap { field in
      if case .outsideInPart(let part, _) = field.coverage, !names.contains(field.name) { part } else { nil }
    }
    names += filesOutside + summary.filter { $0.coverage == .secret }.map(\.name) + ["other runs"]
    var seen = Set<String>()
    return names.filter { seen.insert($0).inserted }
  }
}
