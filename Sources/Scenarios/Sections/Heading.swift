import Clients
import Settings

/// The keys outside every section.
struct Heading: ScenarioSection {
  var version = 1
  var name = "scenario"
  var seed: UInt64 = 1
  var task = Scenario.Task.classification
  var rounds: Int

  static let section = ""

  static let keys = SettingList(
    Heading(rounds: 1),
    [
      Setting("version", \.version, .integer(1...1), "version of this contract"),
      Setting("name", \.name, .name, "names the run and its output folder"),
      Setting(
        "seed", \.seed, .integer(0...Int.max),
        "the one seed: data split, partition and initial model come from it alone; cohorts, noise and keys from it and "
          + "a hash of the resolved scenario (but for `name` and `evaluation`), the data and the version"),
      Setting(
        "task", \.task, .choice(LearningTask.allCases.map(\.rawValue), later: ["mean-estimation"]), .required,
        "what the clients' data are for"),
      Setting("rounds", \.rounds, .integer(1...1_000_000), .required, "rounds of training, T"),
    ])
}

extension Scenario {
  /// What the clients' data are for.
  public typealias Task = LearningTask
}

extension LearningTask: SettingValue {}
