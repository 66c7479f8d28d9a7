import Testing

@testable import Clients
@testable import FedSim
@testable import JSONText
@testable import RunFiles
@testable import Scenarios

/// Rounds whose updates come from outside are the rounds of a simulation, byte for byte, where the updates are its own.
@Suite struct OutsideRoundsTests {
  @Test(arguments: [
    ["channel.codec=polar"], ["channel.codec=layered", "cohort.sampling=fixed-size"],
    ["privacy.clippingQuantile=0.5", "channel.codec=layered"],
    ["server.optimizer=fedadam", "server.learningRate=0.05", "channel.codec=layered"],
    ["cohort.sampling=poisson", "cohort.size=7", "training.schedule=cosine", "server.schedule=cosine"],
    [
      "privacy=null", "channel.codec=float32", "server.weighting=examples", "partition.kind=dirichlet-client",
      "partition.alpha=1",
    ],
    ["channel.coded=0.5", "channel.codec=layered"], ["privacy.noise=central", "channel.codec=float32"],
  ])
  func roundsFromOutsideAreASimulations(overrides: [String]) throws {
    var simulation = try Simulation(scenario: scenario(["rounds=3", "evaluation.every=1"] + overrides), threads: 2)
    let setup = simulation.setup
    var federation = try FederationExecution(of: setup)
    while let wanted = try simulation.nextRound() {
      let round = try #require(try federation.open())
      let updates = try round.cohort.map { try setup.update(of: $0, round: round.round, from: federation.parameters) }
      try updates.flatMap(\.values).withUnsafeBufferPointer { rows in
        try federation.send(rows: rows, from: round.cohort, examples: updates.map(\.exampleCount))
      }
      let found = try federation.close()
      #expect(federation.parameters == simulation.server.parameters)
      #expect(try json(found) == json(wanted), "round \(wanted.round)")
    }
    #expect(try federation.open() == nil && federation.round == 3)
  }

  /// It goes on from a state, and from none of another run.
  @Test func roundsFromOutsideGoOn() throws {
    let setup = try RunSetup(scenario: scenario(["rounds=2"]), split: nil, threads: 1)
    let next = { (federation: inout FederationExecution) in
      let round = try #require(try federation.open())
      for client in round.cohort {
        try federation.send(
          setup.update(of: client, round: round.round, from: federation.parameters).values, from: client)
      }
      return try federation.close()
    }
    var whole = try FederationExecution(of: setup)
    _ = try next(&whole)
    let state = try whole.state()
    let last = try next(&whole)
    var rest = try FederationExecution(of: setup)
    try rest.restore(state)
    #expect(try next(&rest) == last && rest.parameters == whole.parameters)
    var other = try FederationExecution(of: RunSetup(scenario: scenario(["rounds=3"]), split: nil, threads: 1))
    #expect(throws: StateError.self) { try other.restore(state) }
  }

  /// A line of rounds.jsonl without what only training and tests give.
  private func json(_ record: RoundRecord) throws -> JSONObject {
    guard case .object(var line) = record.json else { return JSONObject() }
    for name in ["accuracy", "loss", "clientAccuracy", "clientLearningRate"] { line[name] = nil }
    return line
  }

  /// Another update is another model: what is compared is not the noise alone.
  @Test func otherUpdatesAreOtherRounds() throws {
    var simulation = try Simulation(scenario: scenario(["rounds=1"]), threads: 1)
    var federation = try FederationExecution(of: simulation.setup)
    let setup = simulation.setup
    _ = try simulation.nextRound()
    let round = try #require(try federation.open())
    for (i, client) in round.cohort.enumerated() {
      var update = try setup.update(of: client, round: 1, from: federation.parameters).values
      if i == 0 { update = update.map { -$0 } }
      try federation.send(update, from: client)
    }
    _ = try federation.close()
    #expect(federation.parameters != simulation.server.parameters)
  }

  @Test(arguments: [
    ["cohort.dropout=0.1"], ["training.stragglers=0.1"], ["evaluation.stopAfter=2"],
    ["training.algorithm=scaffold", "privacy=null", "channel.codec=float32"],
    ["cohort.byzantine=0.1", "privacy=null", "channel.codec=float32"],
  ])
  func runsThatAreMoreThanUpdatesAreRefused(overrides: [String]) throws {
    let setup = try RunSetup(scenario: scenario(overrides), split: nil, threads: 1)
    #expect(throws: ScenarioError.self) { _ = try Federation(of: setup) }
    #expect(throws: ScenarioError.self) { _ = try setup.update(of: 0, round: 1, from: setup.initialParameters) }
  }

  @Test func argumentsAreChecked() throws {
    let setup = try RunSetup(scenario: scenario(), split: nil, threads: 1)
    let model = setup.initialParameters
    for (client, round, parameters) in [
      (-1, 1, model), (setup.population.clientCount, 1, model), (0, 0, model), (0, 5, model), (0, -1, model),
      (0, 1, [0]), (0, Int.max, model),
    ] {
      #expect(throws: FederationError.self) { _ = try setup.update(of: client, round: round, from: parameters) }
    }
    #expect(throws: ScenarioError.self) { _ = try Federation(of: RunSetup(validating: scenario(), threads: 1)) }
  }
}
