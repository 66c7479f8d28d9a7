import ChannelCoding
import Clients
import Datasets
import JSONText
import Numerics
import Platform
import PrivacyAccounting
import Scenarios

// Federations whose updates come from a program, as a scenario describes them: data and model are "external".
extension RunSetup {
  /// What is known of such a federation before its first round: a population without examples, and a model that has names and shapes alone.
  ///
  /// - Parameters:
  ///   - scenario: one whose data and model are "external".
  ///   - parameters: what the first round starts from, as many as the scenario says, finite. They count as public.
  ///   - tensors: names and shapes of their parts, one behind the other; nil for one, "parameters".
  ///   - nonce: names the run's keys, at least 16 bytes that follow from all that decides the updates (`Federation.nonce(seed:data:)`); nil for
  ///     fresh ones from the system, and never a seed: see `Federation`.
  ///   - threads: how many work at once; no result depends on it.
  ///   - accounting: what several setups share; no result depends on it.
  /// - Throws: `ScenarioError` where scenario, parameters and tensors do not fit, or no guarantee follows.
  public init(
    federation scenario: Scenario, parameters: [Float], tensors: [ModelTensor]? = nil, nonce: [UInt8]? = nil,
    threads: Int, accounting: SharedAccounting = SharedAccounting()
  ) throws {
    if let problem = nonce.flatMap(FederationName.problem) {
      throw ScenarioError.key(
        place: "the program", path: "run key", problem: "found " + problem.found, allowed: problem.allowed)
    }
    try self.init(
      external: scenario, start: parameters, tensors, nonce: nonce ?? Federation.freshNonce(), threads: threads,
      accounting)
  }

  /// - Parameters:
  ///   - start: nil to explain or to check a scenario alone.
  ///   - nonce: nil where no run is made.
  init(
    external scenario: Scenario, start: [Float]? = nil, _ tensors: [ModelTensor]? = nil, nonce: [UInt8]? = nil,
    threads: Int, _ accounting: SharedAccounting
  ) throws {
    let began = ResourceUsage.processorSeconds
    try scenario.check()
    guard let data = scenario.data as? ExternalData, let architecture = scenario.model as? ExternalModel else {
      throw scenario.refusal(
        at: "data.source",
        "a federation whose updates come from a program has \"external\" data and an \"external\" model; scenarios with examples are run by fedsim run, "
          + "RunExecution or Simulation")
    }
    if let start {
      guard start.count == architecture.parameters else {
        throw scenario.error(
          at: "model.parameters", "found \(architecture.parameters), and the program starts from \(start.count)",
          allowed: "the same number")
      }
      if let problem = FederationSettings.problem(start) {
        throw ScenarioError.key(
          place: "the program", path: "parameters", problem: problem.found, allowed: problem.allowed)
      }
    }
    self.scenario = scenario
    do throws(KeyProblem) {
      model =
        if let tensors { try ExternalParameters(count: architecture.parameters, tensors: tensors) } else {
          architecture.makeModel(for: .none)
        }
    } catch {
      throw ScenarioError.key(
        place: "the program", path: error.key, problem: error.problem, allowed: error.allowed)
    }
    population = Population(withoutExamples: data.clients)
    (test, testClients, testOwners) = (.none, nil, nil)
    (isDataGiven, columns, unmade, loadedStart) = (false, nil, nil, start)
    // Nothing follows from it: no key, no start, no cohort.
    dataWarnings =
      scenario.seed == 1
      ? [] : ["seed = \(scenario.seed) is not used: the keys of a federation come from its run key, never from a seed."]
    let frame = try RunFrame(
      FederationSettings(scenario), algorithm: scenario.algorithm, parameters: architecture.parameters,
      clients: data.clients, arrivalRate: scenario.faults.arrivalRate, parallel: Parallel(threads: max(threads, 1)),
      accounting: accounting, refusal: { scenario.refusal(at: $0, $1) })
    self.frame = frame
    resolved = Self.filling(scenario, frame, isDataGiven: false).json
    name =
      if let start, let nonce {
        FederationName(frame, parameters: start, nonce: nonce, scenario.components)
      } else { nil }
    fingerprint = name?.identity ?? []
    preparationSeconds = ResourceUsage.processorSeconds - began
  }

  /// The same federation under another nonce.
  package func named(by nonce: [UInt8]) -> RunSetup {
    var setup = self
    let name = FederationName(frame, parameters: initialParameters, nonce: nonce, scenario.components)
    (setup.name, setup.fingerprint) = (name, name.identity)
    return setup
  }

  /// The bytes that a nonce may have.
  package static var nonceCounts: ClosedRange<Int> { FederationName.allowedCounts }

  /// Whether the updates come from a program.
  public var isExternal: Bool { scenario.isExternal }

  /// The secret bytes by which a federation differs from all others; nil for a run with data of its own, and where no run is made.
  public var nonce: [UInt8]? { name?.nonce }
}

extension Federation {
  /// The federation that a setup describes.
  ///
  /// That of a scenario with "external" data has the keys of its nonce. That of a run with examples is there to check that rounds made from outside
  /// are the run's own: it has the settings, the first parameters and **the keys of the run**, so that with the updates of
  /// `RunSetup.update(of:round:from:)` its rounds are those of `Simulation`, byte for byte. Send no other updates, and keep no model of it:
  /// another update under the keys of a run that is or will be made releases the difference, which has no noise.
  ///
  /// - Throws: `ScenarioError` where the setup was made to be explained, or its run has more than updates can say: clients that drop out, do only a
  ///   part of their work or are hostile, control variates, a rule that ends the run, posteriors.
  public init(of setup: RunSetup) throws {
    if let name = setup.name {
      self.init(setup.frame, parameters: setup.initialParameters, name)
      return
    }
    try setup.checkOutside()
    self.init(
      setup.frame, parameters: setup.initialParameters, keys: setup.keys, nonce: nil, isCallers: true)
  }
}

extension RunSetup {
  /// What the built-in trainer makes of a model for a client in a round, with the run's own randomness: the update that the client of a
  /// `Simulation` clips and sends. It is a function of its arguments and of the run.
  ///
  /// - Parameters:
  ///   - client: from 0 on.
  ///   - round: from 1 on.
  ///   - parameters: the model that the round starts from, flat.
  /// - Throws: `FederationError.value` for arguments out of range, `ScenarioError` as `Federation.init(of:)`.
  public func update(of client: Int, round: Int, from parameters: [Float]) throws -> LocalUpdate {
    try checkOutside()
    guard (0..<population.clientCount).contains(client) else {
      throw FederationError.value(
        name: "client", found: "\(client)", allowed: "0 to \(population.clientCount - 1)")
    }
    guard lastRound >= 1, (1...lastRound).contains(round) else {
      throw FederationError.value(
        name: "round", found: "\(round)", allowed: lastRound >= 1 ? "1 to \(lastRound)" : "none: no round is made")
    }
    guard parameters.count == model.parameterCount else {
      throw FederationError.value(
        name: "parameters", found: "\(parameters.count) values", allowed: "\(model.parameterCount), as the model has")
    }
    return makeClients().update(of: client, round: round, from: parameters, keys: keys.client(client))
  }

  /// Refuses runs whose rounds updates from outside cannot be.
  fileprivate func checkOutside() throws(ScenarioError) {
    if isExternal { throw scenario.externalRefusal }
    guard !fingerprint.isEmpty else {
      throw scenario.refusal(at: "data.source", "this setup was made to be explained or checked, and has no keys")
    }
    let faults = scenario.faults
    let unfit: [(path: String, isThere: Bool)] = [
      (Cohort.path(\.dropout), faults.dropout > 0), ("training.stragglers", faults.stragglers > 0),
      (Cohort.path(\.byzantine), faults.byzantine > 0), ("training.algorithm", scenario.algorithm == .scaffold),
      ("evaluation", scenario.evaluation.stopsEarly), ("task", scenario.task.isAboutPosteriors),
    ]
    if let key = unfit.first(where: \.isThere) {
      throw scenario.refusal(
        at: key.path, "the rounds of this run are more than updates: made from outside they would be others")
    }
  }
}
