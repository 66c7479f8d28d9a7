import Testing

@testable import Aggregator
@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import FedSim
@testable import JSONText
@testable import RunFiles
@testable import Scenarios

/// A federation of 40 clients with five parameters, whose updates follow from the client and the model.
private struct Setting {
  var nonce: [UInt8]? = [UInt8](repeating: 7, count: 16)
  var threads = 1
  var parameters: [Float] = [0.5, -0.5, 0, 1, 2]
  var rounds = 4
  var privacy: Privacy? = Privacy(clippingNorm: 0.5, noiseMultiplier: 1.1, delta: 1e-4, accountant: .rdp)
  var server = ServerSection()
  var channel = ChannelSection(codec: .layered)

  func make() throws -> Federation {
    try Federation(
      parameters: parameters, clients: 40, rounds: rounds, cohort: .poisson(expectedSize: 20), server: server,
      privacy: privacy, channel: channel, nonce: nonce, threads: threads)
  }
}

private func update(_ client: Int, _ model: [Float]) -> [Float] {
  model.indices.map { Float((client + 3 * $0) % 7 - 3) / 10 - model[$0] / 20 }
}

/// The next round of a federation that has one; `#require` takes no value that cannot be copied.
private func open(_ federation: inout Federation) throws -> OpenRound {
  struct NoRound: Error {}
  guard let round = try federation.nextRound() else { throw NoRound() }
  return round
}

/// All that a run shows of its rounds.
private struct Course: Equatable {
  var records: [RoundRecord] = []
  var models: [[Float]] = []

  /// The rounds that are left, one update after another.
  init(_ federation: inout Federation, rounds: Int = .max) throws {
    while records.count < rounds, var round = try federation.nextRound() {
      for client in round.cohort { try round.send(update(client, round.parameters), from: client) }
      records.append(try federation.close(round))
      models.append(federation.parameters)
    }
  }

  init(_ setting: Setting) throws {
    var federation = try setting.make()
    try self.init(&federation)
  }

  /// The rounds of a federation whose updates are sent by `send`.
  init(_ setting: Setting, send: (inout OpenRound) throws -> Void) throws {
    var federation = try setting.make()
    while var round = try federation.nextRound() {
      try send(&round)
      records.append(try federation.close(round))
      models.append(federation.parameters)
    }
  }
}

@Suite struct FederationTests {
  // MARK: Keys

  @Test func aNonceNamesTheRun() throws {
    let course = try Course(Setting())
    #expect(course.records.count == 4 && course.records.contains { $0.arrived > 0 })
    #expect(try Course(Setting()) == course)
    #expect(try Course(Setting(nonce: [UInt8](repeating: 8, count: 16))).models != course.models)
    #expect(try Course(Setting(nonce: nil)).models != Course(Setting(nonce: nil)).models, "a fresh one each time")
  }

  /// The difference of two runs' first releases would be noise alone, had they any in common.
  @Test func otherStartsAndOtherPrivacyHaveOtherNoise() throws {
    let first = { (setting: Setting) in
      var federation = try setting.make()
      let round = try open(&federation)
      let cohort = round.cohort
      _ = try federation.close(round)
      return (cohort, zip(federation.parameters, setting.parameters).map { $0 - $1 })
    }
    let base = try first(Setting())
    let start = try first(Setting(parameters: [0.5, -0.5, 0, 1, 3]))
    let privacy = try first(
      Setting(privacy: Privacy(clippingNorm: 0.5, noiseMultiplier: 1.1, delta: 2e-4, accountant: .rdp)))
    #expect(base.0 != start.0 && base.0 != privacy.0, "cohorts")
    for (a, b) in [(base.1, start.1), (base.1, privacy.1)] { #expect(zip(a, b).allSatisfy { abs($0 - $1) > 1e-4 }) }
  }

  @Test func nonceOfDataIsAFunctionOfAllOfIt() {
    let nonce = Federation.nonce(seed: 1, data: [[1, 2], [3]])
    #expect(nonce == Federation.nonce(seed: 1, data: [[1, 2], [3]]) && nonce.count == 32)
    let others: [(UInt64, [[UInt8]])] = [
      (2, [[1, 2], [3]]), (1, [[1], [2, 3]]), (1, [[1, 2, 3]]), (1, [[1, 2], [4]]),
    ]
    for other in others {
      #expect(Federation.nonce(seed: other.0, data: other.1) != nonce)
    }
  }

  // MARK: Updates

  @Test func oneByOneIsManyAtOnceIsAMatrixOnAnyThreads() throws {
    let course = try Course(Setting())
    for threads in [1, 3] {
      let many = try Course(Setting(threads: threads)) { round in
        let model = round.parameters
        try round.send(round.cohort.map { update($0, model) }, from: round.cohort)
      }
      #expect(many == course)
      let rows = try Course(Setting(threads: threads)) { round in
        let matrix = round.cohort.flatMap { [model = round.parameters] in update($0, model) }
        let cohort = round.cohort
        try matrix.withUnsafeBufferPointer { try round.send(rows: $0, from: cohort) }
      }
      #expect(rows == course)
      let parts = try Course(Setting(threads: threads)) { round in
        // The order of arrival does not matter either.
        let model = round.parameters
        let half = round.cohort.count / 2
        try round.send(round.cohort[half...].map { update($0, model) }, from: Array(round.cohort[half...]))
        try round.send(
          round.cohort[..<half].reversed().map { update($0, model) }, from: round.cohort[..<half].reversed())
      }
      #expect(parts.models == course.models)
    }
  }

  @Test func weightsAreThoseOfTheExamples() throws {
    let weighted = Setting(
      privacy: nil, server: ServerSection(weighting: .examples), channel: ChannelSection(codec: .float32))
    let plain = try Course(weighted) { round in
      for client in round.cohort { try round.send([1, 0, 0, 0, 0], from: client, examples: 1 + client % 2) }
    }
    let rows = try Course(weighted) { round in
      let cohort = round.cohort
      let matrix = cohort.flatMap { _ in [1, 0, 0, 0, 0] as [Float] }
      try matrix.withUnsafeBufferPointer { try round.send(rows: $0, from: cohort, examples: cohort.map { 1 + $0 % 2 }) }
    }
    #expect(plain == rows)
    // A mean of ones is one, whatever the weights; a mean of what odd clients alone send is their share.
    #expect(plain.models.last == [4.5, -0.5, 0, 1, 2])
    let odd = try Course(weighted) { round in
      for client in round.cohort {
        try round.send([Float(client % 2), 0, 0, 0, 0], from: client, examples: 1 + 2 * (client % 2))
      }
    }
    var federation = try weighted.make()
    let cohort = try open(&federation).cohort
    let ones = cohort.count { $0 % 2 == 1 }
    let share = Double(3 * ones) / Double(2 * ones + cohort.count)
    #expect(abs(Double(odd.models[0][0]) - 0.5 - share) < 1e-6)
  }

  // MARK: A round is closed once

  @Test func anOpenRoundIsNotDrawnAgain() throws {
    var federation = try Setting().make()
    do {
      let round = try open(&federation)
      #expect(round.round == 1)
    }
    #expect(throws: FederationError.roundIsOpen(1)) { _ = try federation.nextRound()?.round }
    #expect(federation.round == 0)
  }

  @Test func aRoundOfAnotherFederationIsRefused() throws {
    var (federation, other) = (try Setting().make(), try Setting(nonce: [UInt8](repeating: 8, count: 16)).make())
    let round = try open(&federation)
    let foreign = try open(&other)
    do {
      _ = try federation.close(foreign)
      Issue.record("no error")
    } catch { #expect(error as? FederationError == .foreignRound(1)) }
    let record = try federation.close(round)
    #expect(record.round == 1 && federation.round == 1)
  }

  @Test func allPlannedRoundsAndNoMore() throws {
    var federation = try Setting(rounds: 2).make()
    #expect(try Course(&federation).records.map(\.round) == [1, 2])
    let isOver = try federation.nextRound() == nil
    #expect(isOver)
  }

  // MARK: Refused updates

  /// What is refused changes nothing: the round goes on as if it had not been tried.
  @Test func refusedUpdatesLeaveNoTrace() throws {
    let course = try Course(Setting())
    let tried = try Course(Setting()) { round in
      let cohort = round.cohort
      let model = round.parameters
      let first = cohort[0]
      let absent = try #require((0..<40).first { !cohort.contains($0) })
      let good = cohort.map { update($0, model) }
      let number = round.round
      let refuse = { (round: inout OpenRound, updates: [[Float]], clients: [Int]) -> (any Error)? in
        do {
          try round.send(updates, from: clients)
          return nil
        } catch { return error }
      }
      let notDrawn = FederationError.notDrawn(client: absent, round: number)
      #expect(refuse(&round, [good[0]], [absent]) as? FederationError == notDrawn)
      #expect(refuse(&round, good + [good[0]], cohort + [absent]) as? FederationError == notDrawn)
      #expect(refuse(&round, good + [good[0]], cohort + [999]) is FederationError)
      let second = ClientEndError.secondUpload(client: first, round: number)
      #expect(refuse(&round, good + [good[0]], cohort + [first]) as? ClientEndError == second)
      let short = ClientEndError.updateLength(client: first, found: 4, allowed: 5)
      #expect(
        refuse(&round, good.dropFirst() + [[1, 2, 3, 4]], cohort.dropFirst() + [first]) as? ClientEndError == short)
      let flat = Array(good.joined())
      for clients in [Array(cohort.dropLast()), cohort + [first]] {
        flat.withUnsafeBufferPointer { rows -> Void in
          #expect(throws: ClientEndError.self) { try round.send(rows: rows, from: clients) }
        }
      }
      let twice = Array((good + [good[0]]).joined())
      twice.withUnsafeBufferPointer { rows -> Void in
        #expect(throws: second) { try round.send(rows: rows, from: cohort + [first]) }
      }
      #expect(throws: ClientEndError.exampleCount(client: first, found: -1)) {
        try round.send(good[0], from: first, examples: -1)
      }
      try round.send(good, from: cohort)
      #expect(refuse(&round, [good[0]], [first]) as? ClientEndError == second)
    }
    #expect(tried == course)
  }

  @Test func valuesThatAreNotFiniteCountAsZero() throws {
    let run = { (value: Float) in
      try Course(Setting(rounds: 1)) { round in
        for client in round.cohort { try round.send([value, 0, 0, 0, 0], from: client) }
      }
    }
    let (zero, none) = (try run(0), try run(.nan))
    #expect(none.models == zero.models && none.records[0].nonFinite == none.records[0].arrived)
    #expect(zero.records[0].nonFinite == 0)
  }

  /// Who sends nothing is missing from the record; the noise is what the account assumes all the same.
  @Test func dropoutsAreCountedAndTheNoiseIsCompleted() throws {
    let wide = Setting(parameters: [Float](repeating: 0, count: 4000), rounds: 1)
    let deviation = { (share: Int) in
      let course = try Course(wide) { round in
        let zero = [Float](repeating: 0, count: 4000)
        for client in round.cohort where client % share == 0 { try round.send(zero, from: client) }
      }
      let record = course.records[0]
      // 20 clients are expected: what is left of zero updates is noise of z C / 20.
      let square = course.models[0].reduce(0) { $0 + Double($1) * Double($1) } / 4000
      return (record, square.squareRoot() / (1.1 * 0.5 / 20))
    }
    let (all, third, none) = (try deviation(1), try deviation(3), try deviation(1000))
    #expect(all.0.arrived == all.0.drawn && third.0.arrived < third.0.drawn && none.0.arrived <= 1)
    // A chi of 4000 values: 6 standard deviations are 6 / sqrt(8000).
    for found in [all.1, third.1, none.1] { #expect(abs(found - 1) < 0.067, "\(found)") }
    #expect(all.0.epsilon == third.0.epsilon)
  }

  // MARK: State

  @Test func aRestoredFederationGoesOnWithTheSameRecords() throws {
    for server in [ServerSection(), ServerSection(optimizer: FedAdam(learningRate: 0.1))] {
      let setting = Setting(server: server)
      var whole = try setting.make()
      let course = try Course(&whole)
      for done in 0...4 {
        var first = try setting.make()
        _ = try Course(&first, rounds: done)
        var second = try setting.make()
        try second.restore(first.state)
        #expect(second.round == done && second.state == first.state && second.nonce == [UInt8](repeating: 7, count: 16))
        let rest = try Course(&second)
        #expect(rest.records == Array(course.records[done...]) && rest.models == Array(course.models[done...]))
        #expect(second.state == whole.state && second.mostTimesDrawn == whole.mostTimesDrawn)
      }
    }
  }

  @Test func theStateOfAnotherFederationIsRefused() throws {
    var first = try Setting().make()
    _ = try Course(&first, rounds: 2)
    var otherNonce = try Setting(nonce: [UInt8](repeating: 8, count: 16)).make()
    #expect(throws: StateError.self) { try otherNonce.restore(first.state) }
    var otherSize = try Setting(parameters: [1]).make()
    #expect(throws: StateError.self) { try otherSize.restore(first.state) }
    #expect(otherNonce.round == 0 && otherSize.parameters == [1])
  }

  // MARK: The same as a simulation

  /// A federation with a simulation's sizes and settings makes the same claim.
  @Test func epsilonIsASimulations() throws {
    let scenario = try scenario()
    var simulation = try Simulation(scenario: scenario, threads: 1)
    let record = try #require(try simulation.nextRound())
    var federation = try Federation(
      parameters: simulation.setup.initialParameters, clients: 50, rounds: scenario.rounds, cohort: scenario.cohort,
      privacy: scenario.privacy, channel: scenario.channel, nonce: [UInt8](repeating: 1, count: 16))
    let round = try open(&federation)
    let own = try federation.close(round)
    #expect(own.epsilon == record.epsilon && own.epsilonLowerBound == record.epsilonLowerBound)
    #expect(own.noiseMultiplier == record.noiseMultiplier && own.samplingRate == record.samplingRate)
    #expect(federation.privacySpent == simulation.setup.guaranteedPlan?.plannedSpending)
    #expect(federation.ledger?.rounds.map(\.count) == [1])
  }

  // MARK: Settings

  @Test func badSettingsAreNamed() {
    let message = { (setting: Setting) in
      do {
        _ = try setting.make()
        return "none"
      } catch { return "\(error)" }
    }
    #expect(message(Setting(parameters: [])) == "the federation: parameters: found none; allowed: at least one value")
    #expect(
      message(Setting(parameters: [1, .nan]))
        == "the federation: parameters: found nan at index 1; allowed: finite values")
    #expect(message(Setting(privacy: Privacy(clippingNorm: 1))).contains("neither \"noiseMultiplier\" nor"))
    #expect(message(Setting(privacy: nil, channel: ChannelSection(codec: .polar))).contains("without privacy"))
    #expect(throws: ScenarioError.self) {
      try Federation(parameters: [1], clients: 5, rounds: 1, cohort: .fixedSize(6), privacy: nil)
    }
  }
}

/// What a cold reading of the new seams found, each with the test that failed before.
@Suite struct FederationAttackTests {
  private func federation(
    _ privacy: Privacy = Privacy(clippingNorm: 1, noiseMultiplier: 3, accountant: .rdp), cohort: Cohort = .everyone,
    server: ServerSection = ServerSection(), nonce: [UInt8]? = [UInt8](repeating: 7, count: 16)
  ) throws -> Federation {
    try Federation(
      parameters: [0, 0], clients: 20, rounds: 4, cohort: cohort, server: server, privacy: privacy, nonce: nonce)
  }

  private func problem(_ make: () throws -> Federation) -> String {
    do {
      _ = try make()
      return "no error"
    } catch { return "\(error)" }
  }

  /// Two copies that send other updates in one round would release two sums under one noise.
  @Test func aRoundIsOpenedByOneCopy() throws {
    var first = try federation()
    var copy = first
    if let round = try first.nextRound() { _ = try first.close(round) }
    var error: (any Error)?
    do { _ = try copy.nextRound() == nil } catch let found { error = found }
    #expect(error as? FederationError == .roundIsOpen(1))
    if let round = try first.nextRound() { _ = try first.close(round) }
    #expect(first.round == 2)
  }

  /// The rounds of a state were released with the settings of their time: others must not claim them.
  @Test func theStateOfOtherSettingsIsRefused() throws {
    var weak = try federation(Privacy(clippingNorm: 1, noiseMultiplier: 0.5, accountant: .rdp))
    if let round = try weak.nextRound() { _ = try weak.close(round) }
    var strong = try federation()
    #expect(throws: StateError.self) { try strong.restore(weak.state) }
    var again = try federation(Privacy(clippingNorm: 1, noiseMultiplier: 0.5, accountant: .rdp))
    try again.restore(weak.state)
    #expect(again.round == 1)
    #expect(throws: StateError.self) { try again.restore(weak.state) }
  }

  @Test func valuesOutsideTheirRangesAreErrors() {
    let cases: [(String, () throws -> Federation)] = [
      ("privacy.clippingNorm: found", { try federation(Privacy(clippingNorm: .infinity, noiseMultiplier: 1)) }),
      ("privacy.noiseMultiplier: found", { try federation(Privacy(clippingNorm: 1, noiseMultiplier: .nan)) }),
      ("privacy: found neither", { try federation(Privacy(clippingNorm: 1)) }),
      ("cohort.dropout: found", { try federation(cohort: .poisson(expectedSize: 5, dropout: .nan)) }),
      ("cohort.size: ", { try federation(cohort: Cohort(sampling: .poisson)) }),
      (
        "server.learningRate: found",
        { try federation(server: ServerSection(optimizer: FedAvg(learningRate: .infinity))) }
      ),
      ("nonce: found 3 bytes", { try federation(nonce: [1, 2, 3]) }),
    ]
    for (expected, make) in cases {
      let found = problem(make)
      #expect(found.hasPrefix("the federation: ") && found.contains(expected), "\(found)")
    }
  }

  /// A scenario that a program changes after it was read from a file is checked as any other.
  @Test func aChangedScenarioIsChecked() throws {
    var changed = try scenario()
    changed.privacy?.noiseMultiplier = nil
    #expect(throws: ScenarioError.self) { try Simulation(scenario: changed, threads: 1) }
    changed = try scenario()
    changed.server.weighting = .examples
    #expect(throws: ScenarioError.self) { try Simulation(scenario: changed, threads: 1) }
    changed = try scenario()
    changed.privacy?.delta = 1.5
    #expect(throws: ScenarioError.self) { try RunSetup(scenario: changed, split: nil, threads: 1) }
  }

  /// An axis may give what its scenario lacks.
  @Test func anAxisGivesARequiredKey() throws {
    let text = """
      {"task": "classification", "rounds": 1, "data": {"source": "digits"}, "partition": {"kind": "iid"},
       "model": {"kind": "softmax-regression"}, "training": {"learningRate": 1}, "cohort": {"sampling": "everyone"},
       "sweep": {"axes": {"partition.clients": [10, 100]}}}
      """
    #expect(try Sweep(Array(text.utf8), name: "s").runs.count == 2)
    let seeded = text.replacing("\"rounds\": 1", with: "\"rounds\": 1, \"seed\": 9223372036854775807")
      .replacing("[10, 100]}", with: "[10, 100]}, \"repeats\": 2")
    #expect(throws: ScenarioError.self) { try Sweep(Array(seeded.utf8), name: "s") }
  }
}
