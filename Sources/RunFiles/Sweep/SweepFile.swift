/// A file of a sweep's folder, beside the folders of its runs.
public struct SweepFile: Sendable {
  public let name: String
  public let meaning: String

  public static let scenario = SweepFile(
    name: "scenario.json", meaning: "the scenario with its `sweep`, as it was given: what makes the sweep again")
  public static let sweep = SweepFile(
    name: "sweep.json",
    meaning:
      "the axes with all their values, named points, and the scenario of every run with every default; in `data` a hash of each file that "
      + "examples are read from (outside every guarantee): what `--resume` compares")
  public static let rows = SweepFile(
    name: "runs.jsonl",
    meaning:
      "an object for each run: `run`, `point`, `repetition`, `folder`, `label` (what tables call a section that varies, and a named point, as "
      + "`name`; where there are such), `setting` (its scenario.json) and `result` (its summary.json)"
  )
  public static let table = SweepFile(
    name: "runs.csv",
    meaning: "the same, with a column for each key: `setting.privacy.targetEpsilon`, `result.finalAccuracy`")
  public static let points = SweepFile(
    name: "points.csv",
    meaning:
      "a row for each point: its number, a column for each axis (`name` for named points), one for each key that sections and named points "
      + "differ in, `repeats`, and figures: what is measured as its mean over repeats and `X.standardError`, what follows from the plan as one "
      + "value; with `sweep.common` also mean and standard error of the difference from the first point, repeat by repeat, as "
      + "`finalAccuracy.difference`, `finalAccuracy.difference.standardError`"
  )

  public static let all = [scenario, sweep, rows, table, points]
}
