import Foundation
import Testing

/// Files that lie beside a scenario in another folder, from the first run to the copies in folders of runs and sweeps.
@Suite struct BesideScenarioTests {
  private func write(_ text: String, _ folder: URL, _ name: String) throws {
    try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
  }

  private func scenario(_ sweep: String = "") -> String {
    """
    {"name": "s", "seed": 1, "task": "classification", "rounds": 2,
     "data": {"source": "csv", "path": "people.csv", "labelColumn": "y"}, "partition": {"kind": "iid", "clients": 10},
     "model": {"kind": "perceptron", "hidden": [3]}, "training": {"epochs": 1, "batchSize": 1, "learningRate": 0.1},
     "server": {"optimizer": "fedavg", "learningRate": 1}, "cohort": {"sampling": "poisson", "size": 5},
     "channel": {"codec": "float32"}\(sweep)}
    """
  }

  @Test func copiesOfTheScenarioFindThemToo() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let inner = folder.appendingPathComponent("study")
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    try write("a,b,y\n" + (0..<60).map { "\($0 % 7),\($0 % 5),\($0 % 2)\n" }.joined(), inner, "people.csv")
    try write(scenario(), inner, "s.json")
    try write(scenario(#", "sweep": {"axes": {"training.learningRate": [0.1, 0.2]}}"#), inner, "w.json")
    let rows = { (run: String) in try Data(contentsOf: folder.appendingPathComponent("\(run)/rounds.jsonl")) }

    let first = try fedsim("run", "study/s.json", "--out", "r", "-q", in: folder)
    #expect(first.status == 0, "\(first.errors)")
    let again = try fedsim("run", "r/scenario.json", "--out", "r2", "-q", in: folder)
    #expect(again.status == 0, "\(again.errors)")
    #expect(try rows("r") == rows("r2"))
    // From the scenario's own folder it is the same run: paths are no part of its key.
    let within = try fedsim("run", "s.json", "--out", "../r3", "-q", in: inner)
    #expect(within.status == 0, "\(within.errors)")
    #expect(try rows("r") == rows("r3"))

    let sweep = try fedsim("sweep", "study/w.json", "--out", "w", "-q", in: folder)
    #expect(sweep.status == 0, "\(sweep.errors)")
    let resumed = try fedsim("sweep", "w/scenario.json", "--out", "w", "--resume", "-q", in: folder)
    #expect(resumed.status == 0 && resumed.errors.contains("2 of 2 runs are there already"), "\(resumed.errors)")
    let missing = try fedsim("validate", "study/s.json", "--set", "data.path=none.csv", in: folder)
    #expect(missing.status == 2 || missing.status == 1)
    #expect(missing.errors.contains("nor beside the scenario (study/none.csv)"), "\(missing.errors)")
  }
}
