import Foundation
import Testing

@testable import FedSim
@testable import Files
@testable import JSONText
@testable import RunFiles
@testable import Scenarios

/// Early stopping, and the best model beside the last.
@Suite struct EvaluationRuleTests {
  private static let base = [
    "rounds=8", "evaluation.every=1", "privacy=null", "channel.codec=float32", "training.learningRate=0.3",
  ]

  private func run(_ overrides: [String]) throws -> (records: [RoundRecord], simulation: Simulation, models: [[Float]])
  {
    var simulation = try Simulation(scenario: scenario(Self.base + overrides), threads: 2)
    var (records, models): ([RoundRecord], [[Float]]) = ([], [])
    while let record = try simulation.nextRound() {
      records.append(record)
      models.append(simulation.server.parameters)
    }
    return (records, simulation, models)
  }

  private func watch(
    _ section: EvaluationSection, _ scores: [Double?], byLoss: Bool = false, lastRound: Int = 100
  ) -> (best: Int?, stop: Int?) {
    var watch = EvaluationWatch(section, lastRound: lastRound)
    for (i, score) in scores.enumerated() {
      var record = RoundRecord()
      record.round = i + 1
      if byLoss { record.loss = score } else { record.accuracy = score }
      _ = watch.add(record, isEvaluated: true)
      if watch.stopped != nil { return (watch.bestRound, i + 1) }
    }
    return (watch.bestRound, nil)
  }

  @Test func theRuleIsAsStated() {
    let patient = EvaluationSection(stopAfter: 2)
    #expect(watch(patient, [0.1, 0.2, 0.2, 0.3, 0.3, 0.3]) == (4, 6))
    #expect(watch(patient, [0.1, 0.2, 0.1, 0.3, 0.2, 0.4]) == (6, nil))
    // Small steps are no improvements, and the last improvement is what they are compared with: 0.45 is one.
    let coarse = EvaluationSection(stopAfter: 3, minimumChange: 0.1)
    #expect(watch(coarse, [0.30, 0.35, 0.39, 0.45, 0.5, 0.52, 0.54]) == (7, 7))
    // A loss falls; what is not finite is never better.
    let loss = EvaluationSection(bestBy: .loss, stopAfter: 2)
    #expect(watch(loss, [3, 2, nil, 2.5], byLoss: true) == (2, 4))
    #expect(
      watch(EvaluationSection(stopAfter: 2), [3, 2, 1, 0.5], byLoss: true) == (4, nil), "a task without accuracy")
    #expect(watch(EvaluationSection(stopAfter: 2), [nil, nil, nil]) == (nil, 2))
    #expect(watch(EvaluationSection(targetAccuracy: 0.5), [0.1, 0.5, 0.2]) == (2, 2))
    // In the last round nothing is left to stop.
    #expect(watch(EvaluationSection(targetAccuracy: 0.5), [0.1, 0.5], lastRound: 2) == (2, nil))
    // The first of equals is the best.
    #expect(watch(EvaluationSection(keepBest: true), [0.1, 0.4, 0.4, 0.3]) == (2, nil))
  }

  /// The rows of a run that stops are the first ones of a run that does not, and its model is that round's.
  @Test func aRunThatStopsIsTheBeginningOfTheWholeRun() throws {
    let whole = try run([])
    let accuracies = whole.records.compactMap(\.accuracy)
    let target = accuracies[3]
    let first = try #require(accuracies.firstIndex { $0 >= target }) + 1
    let stopped = try run(["evaluation.targetAccuracy=\(target)"])
    #expect(stopped.records == Array(whole.records[..<first]) && stopped.models.last == whole.models[first - 1])
    #expect(stopped.simulation.isOver && stopped.simulation.isStoppedEarly && !whole.simulation.isStoppedEarly)
    let patient = try run(["evaluation.stopAfter=1", "evaluation.minimumChange=0.5"])
    #expect(patient.records == Array(whole.records[..<2]))
    let best = try run(["evaluation.keepBest=true"])
    let index = try #require(accuracies.firstIndex(of: accuracies.max() ?? 0))
    let model = try #require(best.simulation.bestModel)
    #expect(model.round == index + 1 && model.parameters == whole.models[index] && best.records == whole.records)
  }

  private func files(_ folder: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FilePath.names(in: folder) where !["timings.json", "state.bin"].contains(name) {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    return files
  }

  @Test func stopsAndBestModelsSurviveAResume() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let keys =
      Self.base + [
        "evaluation.keepBest=true", "evaluation.stopAfter=2", "evaluation.minimumChange=0.1",
        "training.learningRate=0.6",
      ]
    let execution = { (path: String, start: RunExecution.Start) in
      try RunExecution(Simulation(scenario: scenario(keys), threads: 1), in: path, start: start)
    }
    var whole = try execution("\(folder)/a", .new)
    let outcome = try whole.run()
    let made = outcome.summary.records.count
    #expect(outcome.isWhole && outcome.summary.stoppedBy == .evaluation && made > 2 && made < 8)
    let summary = outcome.summary.json
    guard case .object(let object) = summary else { throw CancellationError() }
    #expect(object["stopRule"] == "stopAfter" && object["stoppedBy"] == "evaluation")
    #expect(object["bestRound"] == outcome.summary.bestRound.map { .integer($0) })
    for stop in 1..<made {
      var done = 0
      var first = try execution("\(folder)/\(stop)", .new)
      #expect(try !first.run(stop: { done == stop }, update: { _ in done += 1 }).isWhole)
      _ = consume first
      var second = try execution("\(folder)/\(stop)", .resuming)
      #expect(try second.run().isWhole)
      #expect(try files("\(folder)/\(stop)") == files("\(folder)/a"), "\(stop)")
      _ = consume second
    }
    // There is nothing more to do for whoever resumes it.
    let before = try files("\(folder)/1")
    var again = try execution("\(folder)/1", .resuming)
    #expect(again.simulation.isOver && again.simulation.bestModel?.round == outcome.summary.bestRound)
    #expect(try again.run(update: { _ in Issue.record("a round") }).isWhole)
    #expect(try files("\(folder)/1") == before && before["model-best.safetensors"] != nil)
  }

  /// A checkpoint of a run without rules has the sections that it always had.
  @Test func nothingIsKeptWithoutAKey() throws {
    let simulation = try Simulation(scenario: scenario(Self.base), threads: 1)
    var state = StateSections()
    EvaluationWatch(simulation.setup).put(into: &state)
    #expect(state == StateSections() && simulation.bestModel == nil)
    let text = simulation.setup.scenarioFile
    #expect(text.contains("\"evaluation\": {\n    \"every\": 1\n  }"))
    let summary = RunSummary(simulation.setup, records: [], stoppedBy: .interrupted)
    guard case .object(let object) = summary.json else { throw CancellationError() }
    #expect(object["bestRound"] == nil && object["stopRule"] == nil)
  }

  /// What the test examples choose is outside, and said so; epsilon is that of the plan.
  @Test func theStatementNamesTheChoice() throws {
    let setup = { try RunSetup(scenario: scenario($0), split: nil, threads: 1) }
    let plain = GuaranteeStatement(try setup([]))
    let stops = GuaranteeStatement(try setup(["evaluation.stopAfter=2"]))
    let keeps = GuaranteeStatement(try setup(["evaluation.keepBest=true"]))
    #expect(
      stops.sentence.contains("the round at which the run ends") && !plain.sentence.contains("test examples choose"))
    #expect(keeps.sentence.contains("which model is kept as the best"))
    #expect(Set(stops.outsideGuarantee).isSuperset(of: ["rounds", "stoppedBy", "bestRound", "stopRule"]))
    #expect(Set(keeps.outsideGuarantee).isSuperset(of: ["bestRound", "model-best.safetensors"]))
    #expect(!plain.outsideGuarantee.contains("bestRound") && !plain.outsideGuarantee.contains("rounds"))
    // A look at the model is no other run.
    #expect(try setup(["evaluation.stopAfter=2"]).fingerprint == setup([]).fingerprint)
  }

  @Test func keysThatDoNotGoTogetherAreNamed() throws {
    let message = { (overrides: [String]) -> String in
      do {
        _ = try scenario(overrides)
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(message(["evaluation.minimumChange=0.1"]).contains("`stopAfter`, which is not set"))
    #expect(message(["evaluation.stopAfter=0"]).contains("found 0"))
    #expect(message(["evaluation.targetAccuracy=1.5"]).contains("found 1.5"))
    #expect(message(["evaluation.bestBy=f1"]).contains("\"accuracy\", \"loss\""))
    let pictures = ["task=representation", "model={\"kind\":\"linear-decoder\",\"latents\":4}"]
    #expect(message(pictures + ["evaluation.targetAccuracy=0.5"]).contains("which has none"))
    #expect(message(pictures + ["evaluation.bestBy=accuracy", "evaluation.stopAfter=2"]).contains("which has none"))
    #expect(message(["evaluation.bestBy=loss"]).contains("neither is set"))
    #expect(message(["evaluation.bestBy=loss", "evaluation.keepBest=true"]) == "no error")
    #expect(message(pictures + ["evaluation.stopAfter=2"]) == "no error")
  }
}
