import Foundation
import Testing

/// Names and bytes that come from outside: what a terminal would obey never reaches it, and why a file cannot be read is said.
@Suite struct OutsideTextTests {
  private let scenario = #"""
    {"task": "classification", "rounds": 3, "data": {"source": "csv", "path": "a.csv", "labelColumn": "y"},
     "partition": {"kind": "iid", "clients": 4}, "model": {"kind": "softmax-regression"},
     "training": {"learningRate": 0.1, "batchSize": 4}, "cohort": {"sampling": "everyone"}}
    """#

  private func write(_ text: String, _ name: String, in folder: URL) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }

  private func isPlain(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy {
      ($0.value >= 0x20 && !(0x7F...0x9F).contains($0.value)) || $0 == "\n" || $0 == "\t"
    }
  }

  @Test func controlCharactersAreEscapedEverywhere() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(scenario, "s.json", in: folder)
    let evil = "\u{1B}[31mred\u{7}\u{9B}K\r"
    let rows = (0..<40).map { "\($0 * 7 % 5).5,\($0 % 2)\n" }.joined()
    // A header in an error, on one line even where a name has line breaks.
    try write("x,\"y\(evil)\nfedsim: fine\"\n" + rows, "a.csv", in: folder)
    for command in ["validate", "explain", "run"] {
      let outcome = try fedsim(command, "s.json", in: folder)
      #expect(outcome.status == 2 && isPlain(outcome.errors + outcome.output), "\(outcome.errors)")
      #expect(outcome.errors.contains("\\u001B[31mred\\u0007\\u009BK\\u000D\\u000Afedsim: fine\""), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1)
    }
    // Class names in warnings, and in what `explain` shows.
    try write("x,y\n" + rows + "0,\"a\(evil)\"\n1,\"A\(evil)\"\n", "a.csv", in: folder)
    for command in ["validate", "explain", "run"] {
      let outcome = try fedsim([command, "s.json"] + (command == "run" ? ["-q", "--out", "o"] : []), in: folder)
      #expect(outcome.status == 0 && isPlain(outcome.errors + outcome.output), "\(outcome.errors)")
      #expect((outcome.errors + outcome.output).contains("\\u001B[31mred"))
    }
    // JSON stays JSON, with the characters that it had.
    let explained = try fedsim("explain", "s.json", "--format", "json", in: folder)
    let json = try #require(JSONSerialization.jsonObject(with: Data(explained.output.utf8)) as? [String: Any])
    #expect(isPlain(explained.output) && (json["classes"] as? [String])?.contains("a" + evil) == true)
    // Keys of a scenario, arguments, names of files.
    try write(#"{"\u001b[2Jrounds": 1}"#, "k.json", in: folder)
    for arguments in [
      ["validate", "k.json"], ["validate", "\u{1B}[2J.json"],
      ["account", "--noise-multiplier", "1", "--rounds", "1", "--sampling-rate", "1", "--delta", "\u{1B}[2J"],
      ["\u{1B}[2J"],
      ["report", "\u{1B}[2J"], ["run", "s.json", "--\u{1B}[2J"], ["validate", "s.json", "--set", "rounds=\u{1B}[2J"],
    ] {
      let outcome = try fedsim(arguments, in: folder)
      #expect(outcome.status == 2 && isPlain(outcome.errors), "\(arguments) \(outcome.errors)")
      #expect(
        outcome.errors.contains("\\u001B") || outcome.errors.contains("\\u001b"), "\(arguments) \(outcome.errors)")
    }
  }

  /// Root may read everything, so permission is tested where a user runs this.
  @Test func whyAFileCannotBeReadIsSaid() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder.appendingPathComponent("d"), withIntermediateDirectories: true)
    try write(String(repeating: "a", count: 64), "key", in: folder)
    try write("secret", "locked", in: folder)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0], ofItemAtPath: folder.appendingPathComponent("locked").path)
    let message = ["--codec", "layered", "--sigma", "1", "--clip", "1"]
    let commands: [(String) -> [String]] = [
      { ["run", $0] }, { ["validate", $0] }, { ["explain", $0] }, { ["sweep", $0] },
      { ["account", "--ledger", $0, "--delta", "1e-5"] },
      { ["channel", "encode", "--input", $0, "--out", "o", "--key", "key"] + message },
      { ["channel", "encode", "--input", "x.npy", "--out", "o", "--key", $0] + message },
      { ["channel", "decode", "--input", $0, "--out", "o", "--key", "key", "--dimension", "2"] + message },
    ]
    var cases = [
      ("none", "there is no such file"), ("key/none", "there is no such file"),
      ("d", "found a folder where a file was expected"),
    ]
    if !FileManager.default.isReadableFile(atPath: folder.appendingPathComponent("locked").path) {
      cases.append(("locked", "there is no permission to read it"))
    }
    // A vector that is there: what is wrong is the key.
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"
    let padded = header + String(repeating: " ", count: 117 - header.utf8.count) + "\n"
    try Data([0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(padded.utf8) + [UInt8](repeating: 0, count: 8))
      .write(to: folder.appendingPathComponent("x.npy"))
    for (path, expected) in cases {
      for command in commands {
        let outcome = try fedsim(command(path), in: folder)
        #expect(outcome.status == 2, "\(command(path))")
        #expect(outcome.errors == "fedsim: \(path): \(expected)\n", "\(command(path)): \(outcome.errors)")
      }
    }
    // A folder in a run's place of a file is not a missing file.
    for name in ["summary.json", "sweep.json", "rounds.jsonl"] {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("r/\(name)"), withIntermediateDirectories: true)
    }
    let report = try fedsim("report", "r", in: folder)
    #expect(report.errors.contains("r/summary.json: found a folder"), "\(report.errors)")
  }

  /// Names of classes are part of the folder, and resuming gives the same bytes.
  @Test func namesOfClassesAreKeptAndResumed() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(scenario, "s.json", in: folder)
    try write(
      "x,y\n" + (0..<40).map { "\($0 * 7 % 5).5,\($0 % 2 == 0 ? ">50K" : "<=50K")\n" }.joined(), "a.csv", in: folder)
    #expect(try fedsim("run", "s.json", "--out", "a", "-q", in: folder).status == 0)
    let file = folder.appendingPathComponent("a/classes.json")
    let names = try Data(contentsOf: file)
    #expect(String(decoding: names, as: UTF8.self) == "{\n  \"classes\": [\"<=50K\", \">50K\"]\n}\n")
    // A run that was stopped before it was written.
    try FileManager.default.removeItem(at: file)
    #expect(try fedsim("run", "s.json", "--out", "a", "-q", "--resume", in: folder).status == 0)
    #expect(try Data(contentsOf: file) == names)
    // Of another run, which has no names, none is left.
    let digits = try fedsim(
      "run", "s.json", "--set", #"data={"source": "digits"}"#, "--out", "a", "-q", "--force", in: folder)
    #expect(digits.status == 0 && !FileManager.default.fileExists(atPath: file.path), "\(digits.errors)")
  }
}
