/// A file of a sweep's folder, beside the folders of its runs.
public struct SweepFile: Sendable {
  public let name: String
  public let meaning: String

  public static let scenario = SweepFile(
    name: "scenario.json", meaning: "the scenario with its `sweep`, as it was given: what makes the sweep again")
  public static let sweep = SweepFile(
    name: "sweep.json",
    meaning:
      "the axes with all their values, and the scenario of every run with every default: what `--resume` compares")
  public static let rows = SweepFile(
    name: "runs.jsonl",
    meaning:
      "an object for each run: `run`, `point`, `repetition`, `folder`, `setting` (its scenario.json) and `result` (its summary.json)"
  )
  public static let table = SweepFile(
    name: "runs.csv",
    meaning: "the same, with a column for each key: `setting.privacy.targetEpsilon`, `result.finalAccuracy`")
  public static let points = SweepFile(
    name: "points.csv",
    meaning:
      "a row for each point: `point`, a column for each axis, `repeats`, and the mean and the standard error over repeats of results"
  )

  public static let all = [scenario, sweep, rows, table, points]
}
