import FedSim
import JSONText
import Scenarios

/// The lines that `fedsim run --format jsonl` prints as a run goes on: JSON objects whose `type` says what they are.
public enum LiveLine {
  /// The first line, before the first round: what is run, and what may be claimed of it.
  ///
  /// - Parameters:
  ///   - setup: the run.
  ///   - folder: where its files are; nil for a run that leaves none.
  ///   - round: the last round that an earlier process made; 0 for none.
  public static func run(_ setup: RunSetup, folder: String?, after round: Int) -> JSON {
    let statement = GuaranteeStatement(setup)
    let spending = setup.guaranteedPlan?.plannedSpending
    return [
      "type": "run", "version": 1, "name": .string(setup.scenario.name), "folder": folder.map { .string($0) } ?? .null,
      "rounds": .integer(setup.lastRound), "roundsDone": .integer(round),
      "fedsimVersion": .string(FedSimVersion.current), "guarantee": .string(statement.kind),
      "epsilon": .optional(spending?.epsilon), "delta": .optional(setup.plan?.delta),
      "guaranteeStatement": .string(statement.sentence),
      "outsideGuarantee": .array(statement.outsideGuarantee.map { .string($0) }),
      "warnings": .array(setup.warnings.map { .string($0) }), "scenario": setup.resolved,
    ]
  }

  /// A round that is on the disk: the object of rounds.jsonl.
  public static func round(_ record: RoundRecord) -> JSON { typed("round", record.json) }

  /// The last line: the object of summary.json, also of a run that was stopped.
  public static func summary(_ summary: RunSummary) -> JSON { typed("summary", summary.json) }

  private static func typed(_ type: String, _ value: JSON) -> JSON {
    var line = JSONObject()
    line["type"] = .string(type)
    if case .object(let members) = value { for (key, value) in members { line[key] = value } }
    return .object(line)
  }
}
