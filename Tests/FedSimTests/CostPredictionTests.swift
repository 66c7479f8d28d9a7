import ChannelCoding
import Datasets
import Foundation
import JSONText
import Reports
import RunFiles
import Testing

@testable import FedSim
@testable import Scenarios

/// What a run's work adds up to: from costs that are given, never from times.
@Suite struct CostPredictionTests {
  /// Costs that are powers of two, so that sums are exact, and of one part each.
  private var costs: UnitCosts {
    var costs = UnitCosts(setUp: 4, accounting: 2, drawing: 0.25)
    costs.training = .init(
      workspace: 0, preparation: 0.5, client: 1, step: .init(fixed: 2, each: 0.5), ownEvaluation: .init())
    costs.channel = .init(
      plans: 0, agreement: 0, opening: 0.25, encoding: 64, decoding: 16, simulation: 0, closing: 8)
    costs.evaluation = .init(fixed: 1, each: 0.5)
    return costs
  }

  private func counts(_ overrides: String...) throws -> RunCounts {
    RunCounts(try RunSetup(scenario: scenario(overrides), split: nil, threads: 1))
  }

  private func prediction(_ counts: RunCounts, cores: Int = 1, _ costs: UnitCosts? = nil) -> CostPrediction {
    CostPrediction(counts, costs ?? self.costs, cores: cores, batch: 1000)
  }

  private func seconds(_ prediction: CostPrediction, _ part: CostPrediction.Part) throws -> Double {
    try #require(prediction.coreSeconds(of: part))
  }

  @Test func twiceTheRoundsAreTwiceTheWork() throws {
    let (few, many) = (prediction(try counts("rounds=10")), prediction(try counts("rounds=20")))
    for part in [CostPrediction.Part.enrolment, .training, .coding, .completion] {
      #expect(try abs(seconds(many, part) / seconds(few, part) - 2) < 1e-12, "\(part)")
    }
    #expect(try seconds(few, .setup) == seconds(many, .setup))
    let (core, wall) = (try #require(few.coreSeconds), try #require(few.wallSeconds))
    #expect(abs(core - wall) < 1e-9 * core, "one core: \(core) and \(wall)")
  }

  @Test func noRoundsAreSetUpAndOneEvaluation() throws {
    var counts = try counts()
    (counts.rounds, counts.evaluatedRounds, counts.evaluations, counts.newcomers) = (0, 0, 1, 0)
    let core = try #require(prediction(counts).coreSeconds)
    #expect(core == 4 + 2 + 1 + 0.5 * counts.testExamples)
  }

  @Test func aHundredthOfTheMessagesIsAHundredthOfTheirCoding() throws {
    let (all, some) = (prediction(try counts()), prediction(try counts("channel.coded=0.01")))
    #expect(try abs(seconds(some, .coding) / seconds(all, .coding) - 0.01) < 1e-12)
    #expect(try seconds(some, .training) == seconds(all, .training))
    #expect(try counts("channel.coded=0.01").newcomers < counts().newcomers / 10)
    #expect(try counts("channel.coded=0").newcomers == 0)
  }

  @Test func coresShareWhatClientsDo() throws {
    let counts = try counts()
    let (one, two) = (prediction(counts), prediction(counts, cores: 2))
    #expect(one.coreSeconds == two.coreSeconds && two.cores == 2)
    let (before, after) = (try #require(one.wallSeconds), try #require(two.wallSeconds))
    #expect(after < before && after > before / 2, "\(before) and \(after)")
    // A long upload among clients that are done at once: the other core waits.
    var rare = counts
    rare.coded = rare.drawn / 100
    rare.agreeing = rare.coded
    var long = costs
    long.channel?.encoding = 4096
    let waiting = try (
      #require(prediction(rare, cores: 2, long).wallSeconds), #require(prediction(rare, long).coreSeconds) / 2
    )
    #expect(waiting.0 > 1.1 * waiting.1, "\(waiting)")
  }

  /// Stragglers, dropouts, epochs, steps and evaluations count as they happen.
  @Test func countsFollowTheScenario() throws {
    let whole = try counts("training.epochs=20")
    let late = try counts("training.epochs=20", "training.stragglers=1")
    #expect(abs(late.steps / whole.steps - 0.5) < 1e-12 && abs(late.examples / whole.examples - 0.5) < 1e-12)
    #expect(late.sent == whole.sent)
    let dropped = try counts("training.epochs=20", "training.stragglers=0.25", "training.stragglerUpdates=drop")
    #expect(dropped.steps == whole.steps && abs(dropped.sent / whole.sent - 0.75) < 1e-12)
    let absent = try counts("cohort.dropout=0.5")
    #expect(absent.drawn == whole.drawn && absent.sent == whole.sent / 2 && absent.agreeing == whole.agreeing)
    #expect(try counts("training.steps=7", "training.epochs=null").steps == 7)
    #expect(abs(try counts("training.epochs=1").steps * 20 - whole.steps) < 1e-9)
    for (rounds, evaluations) in [(50, 5.0), (51, 6), (3, 1)] {
      let counts = try counts("rounds=\(rounds)", "evaluation.every=10")
      #expect(counts.evaluations == evaluations && counts.rounds == Double(rounds))
    }
    // Every client agrees once.
    let setup = try RunSetup(scenario: scenario("rounds=20000", "privacy.noiseMultiplier=1000"), split: nil, threads: 1)
    #expect(abs(RunCounts(setup).newcomers - Double(setup.population.clientCount)) < 1e-6)
  }

  @Test func whatIsUnknownIsNotZero() throws {
    var costs = costs
    costs.channel = nil
    let unknown = prediction(try counts(), costs)
    #expect(unknown.coreSeconds == nil && unknown.wallSeconds == nil && unknown.coreSeconds(of: .coding) == nil)
    #expect(unknown.coreSeconds(of: .training) != nil)
  }

  /// A codec of another package that does not take its own messages fails when a run is made, not when it is explained.
  @Test func codecsThatFailAreUnknown() throws {
    func explained(_ fault: ShortFloats.Fault?) throws -> (core: Double?, text: String) {
      var scenario = try scenario()
      scenario.channel = ChannelSection(
        codec: "short-floats", from: CodecRegistry.standard.adding(ShortFloats(fault: fault)), options: .standard)
      let explanation = Explanation(try RunSetup(explaining: scenario, threads: 1))
      guard case .object(let facts) = explanation.json else { throw CancellationError() }
      return (facts["coreSeconds"]?.double, explanation.text)
    }
    let (works, fails) = (try explained(nil), try explained(.addsCoordinate))
    #expect(try #require(works.core) > 0 && works.text.contains("of core time"))
    #expect(fails.core == nil && fails.text.contains("time            unknown: "), "\(fails)")
  }

  // MARK: What is timed

  /// Every part has a positive time, with every kind of run.
  @Test(arguments: [
    [], ["channel.codec=layered", "channel.coded=0.1"], ["privacy=null", "channel.codec=float32"],
    ["privacy=null", "channel.codec=float32", "training.algorithm=scaffold"],
    ["privacy=null", "channel.codec=float32", "server.weighting=examples"], ["privacy.clippingQuantile=0.5"],
    ["privacy.noise=central", "channel.codec=float32"], ["channel.codec=mrc"], ["channel.seal=true"],
  ])
  func allKindsOfRunsAreTimed(overrides: [String]) throws {
    let setup = try RunSetup(explaining: scenario(overrides), threads: 2)
    guard case .object(let facts) = Explanation(setup).json else { throw CancellationError() }
    let (core, wall) = (try #require(facts["coreSeconds"]?.double), try #require(facts["wallSeconds"]?.double))
    #expect(core > 0 && wall > 0 && wall <= core * 1.001, "\(core) and \(wall)")
    guard case .object(let parts)? = facts["coreSecondsByPart"] else { throw CancellationError() }
    #expect(parts.map(\.key) == CostPrediction.Part.allCases.map(\.rawValue))
    let sum = parts.reduce(0) { $0 + ($1.value.double ?? .nan) }
    #expect(abs(sum / core - 1) < 1e-9, "\(sum) of \(core)")
    for part in ["setup", "training", "coding", "evaluation"] {
      #expect(try #require(parts[part]?.double) > 0, "\(part)")
    }
    #expect(facts["memoryBytesPerRound"]?.double ?? 0 > 0 && facts["cores"]?.double ?? 0 >= 1)
  }

  /// There are fewer clients than are timed at once, and than stand for a cohort.
  @Test(arguments: [1, 2, 3, 9]) func fewClientsAreTimed(clients: Int) throws {
    let kinds = [
      [], ["channel.coded=0.5"], ["channel.codec=mrc"], ["privacy.clippingQuantile=0.5", "privacy.countNoise=2"],
    ]
    for options in kinds {
      let setup = try RunSetup(
        explaining: scenario([#"cohort={"sampling": "everyone"}"#, "partition.clients=\(clients)"] + options),
        threads: 2)
      #expect(try #require(CostPrediction(setup).coreSeconds) > 0, "\(options)")
    }
  }

  /// The likeness of a run that learns has shorter updates in the end, and never longer ones than C.
  @Test func lengthsOfUpdatesFollowTheRun() throws {
    let learning = try RunSetup(
      scenario: scenario(
        "privacy.noiseMultiplier=0.01", "privacy.clippingNorm=2", "rounds=60", "training.learningRate=0.5",
        "channel.codec=float32"),
      split: nil, threads: 1)
    let energies = NormPilot(learning, client: 0, seconds: 20).energies
    #expect(energies.count == 60 && energies.allSatisfy { $0 > 0 && $0 <= 1 })
    let (first, last) = (energies.prefix(10).reduce(0, +), energies.suffix(10).reduce(0, +))
    #expect(last < 0.7 * first, "\(first) and \(last)")
    let plain = try RunSetup(scenario: scenario("privacy=null", "channel.codec=float32"), split: nil, threads: 1)
    #expect(NormPilot(plain, client: 0, seconds: 1).energies == [1])
    // Clients that take long are not trained for it.
    #expect(NormPilot(learning, client: 2.6, seconds: 20).energies == [1])
  }

  // MARK: Without the data

  /// Generated examples need not be there: all that an explanation says of them is the same.
  @Test func explainedExamplesAreNotMade() throws {
    let mixture = try scenario(
      #"data={"source": "mixture", "examples": 3000, "features": 12, "seed": 5}"#, "partition.kind=dirichlet-class",
      "partition.alpha=0.5", "partition.minimumSize=0")
    let (whole, outlined) = (
      try RunSetup(scenario: mixture, split: nil, threads: 1), try RunSetup(explaining: mixture, threads: 1)
    )
    #expect(outlined.population.data.isOutline && outlined.test.isOutline && !whole.population.data.isOutline)
    #expect(outlined.population.data.labels == whole.population.data.labels)
    #expect(outlined.test.labels == whole.test.labels)
    #expect(outlined.population.assignmentBytes == whole.population.assignmentBytes)
    #expect(outlined.resolved == whole.resolved && outlined.model.parameterCount == whole.model.parameterCount)
    let unmade = try #require(outlined.unmade)
    #expect(unmade.bytes == 4 * 12 * (3000 + whole.test.count) && whole.unmade == nil)
    #expect(unmade.sample.training.featureCount == 12 && !unmade.sample.test.isOutline)
    let texts = [whole, outlined].map { setup in
      Explanation(setup).text.split(separator: "\n").filter { line in
        !["memory ", "time ", "  "].contains { line.hasPrefix($0) }
      }
    }
    #expect(texts[0] == texts[1])
    // What is read, or what another package may look at, is loaded.
    #expect(try RunSetup(explaining: scenario(), threads: 1).unmade == nil)
  }

  // MARK: Sweeps

  @Test func sweepsAddTheirRunsUp() throws {
    let text = smallScenario.replacing(
      #""name""#, with: #""sweep": {"axes": {"privacy.noiseMultiplier": [1, 2]}, "repeats": 3}, "name""#)
    let sweep = try Sweep(Array(text.utf8), name: "s.json", overrides: ["channel.codec=float32", "rounds=2"])
    let prediction = try SweepPrediction(sweep, jobs: 2)
    #expect(prediction.points.count == 2 && prediction.jobs == 2)
    let points = try prediction.points.map { try #require($0.cost.coreSeconds) }
    let (core, wall) = (try #require(prediction.coreSeconds), try #require(prediction.wallSeconds))
    #expect(core > points.reduce(0, +) && core < 3.5 * points.reduce(0, +), "\(core) of \(points)")
    #expect(wall <= core && wall >= core / 2.001)
    #expect(prediction.memoryBytes > prediction.points[0].memoryBytes)
    guard case .object(let json) = prediction.json, case .array(let rows)? = json["points"] else {
      throw CancellationError()
    }
    #expect(json.map(\.key) == ["runs", "jobs", "coreSeconds", "wallSeconds", "memoryBytes", "points"])
    guard case .object(let row) = rows[1] else { throw CancellationError() }
    #expect(
      row.map(\.key) == [
        "point", "epsilon", "noiseMultiplier", "codec", "predictedBits", "coreSeconds", "wallSeconds", "memoryBytes",
        "privacy.noiseMultiplier",
      ])
    #expect(prediction.text.contains("core time, s") && prediction.text.contains("2 runs at a time: about "))
  }
}
