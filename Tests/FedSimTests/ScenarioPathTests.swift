import Foundation
import Testing

@testable import Datasets
@testable import Files
@testable import JSONText
@testable import Scenarios

/// Files are sought in the working directory, then beside the scenario.
@Suite struct ScenarioPathTests {
  private let table = "a,b,y\n" + (0..<40).map { "\($0),1.5,\($0 % 2)\n" }.joined()

  private func scratch() throws -> String {
    let path = NSTemporaryDirectory() + "fedsim-paths-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path + "/inner", withIntermediateDirectories: true)
    return path
  }

  private func file(
    _ data: String, folder: String?, overrides: [String] = [], sweep: String? = nil
  ) throws -> ScenarioFile {
    let text = """
      {"version": 1, "name": "paths", "seed": 1, "task": "classification", "rounds": 1, "data": \(data),
       "partition": {"kind": "iid", "clients": 4}, "model": {"kind": "perceptron", "hidden": [3]},
       "training": {"epochs": 1, "batchSize": 1, "learningRate": 0.1},
       "server": {"optimizer": "fedavg", "learningRate": 1}, "cohort": {"sampling": "poisson", "size": 2},
       "channel": {"codec": "float32"}\(sweep.map { ", \"sweep\": \($0)" } ?? "")}
      """
    return try ScenarioFile(
      Array(text.utf8), name: "s.json", overrides: overrides, allowsSweep: sweep != nil, folder: folder)
  }

  private func paths(_ file: ScenarioFile) throws -> [String] { try Scenario(file).data.paths }

  @Test func whatIsBesideTheScenarioIsFoundThere() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try table.write(toFile: folder + "/people.csv", atomically: true, encoding: .utf8)
    let data = #"{"source": "csv", "path": "people.csv", "labelColumn": "y"}"#
    #expect(try paths(file(data, folder: folder)) == [folder + "/people.csv"])
    #expect(try paths(file(data, folder: folder + "/")) == [folder + "/people.csv"])
    #expect(try paths(file(data, folder: nil)) == ["people.csv"], "a program says no folder")
    #expect(try paths(file(data, folder: folder + "/inner")) == ["people.csv"])
    // The resolved scenario, wherever it is copied to, names what was found.
    let resolved = try file(data, folder: folder).resolved
    let copy = try ScenarioFile(
      Array(resolved.text(pretty: true).utf8), name: "copy", folder: folder + "/inner")
    #expect(try paths(copy) == [folder + "/people.csv"] && copy.resolved == resolved)
    #expect(try !copy.isChanged && file(data, folder: folder).isChanged)
    // A flag's path is sought in the same places.
    let other = #"{"source": "csv", "path": "none.csv", "labelColumn": "y"}"#
    #expect(
      try paths(file(other, folder: folder, overrides: ["data.path=people.csv"])) == [folder + "/people.csv"])
  }

  /// The tests run in the package's folder, which has Package.swift.
  @Test func theWorkingDirectoryComesFirst() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let name = "fedsim-path-test-\(UUID().uuidString).csv"
    defer { try? FileManager.default.removeItem(atPath: name) }
    for path in [folder + "/" + name, name] { try table.write(toFile: path, atomically: true, encoding: .utf8) }
    let data = #"{"source": "csv", "path": "\#(name)", "labelColumn": "y"}"#
    #expect(try paths(file(data, folder: folder)) == [name])
    try FileManager.default.removeItem(atPath: name)
    #expect(try paths(file(data, folder: folder)) == [folder + "/" + name])
    // An absolute path is no other one's.
    let absolute = #"{"source": "csv", "path": "/people.csv", "labelColumn": "y"}"#
    try table.write(toFile: folder + "/people.csv", atomically: true, encoding: .utf8)
    #expect(try paths(file(absolute, folder: folder)) == ["/people.csv"])
  }

  @Test func everyKeyOfFilesIsSoughtAndNoOther() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["i", "l", "ti", "tl", "y", "x"] {
      try table.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }
    let idx = #"{"source": "idx", "images": "i", "labels": "l", "test": {"images": "ti", "labels": "tl"}}"#
    #expect(try paths(file(idx, folder: folder)) == ["i", "l", "ti", "tl"].map { folder + "/" + $0 })
    // A column that is called as a file is remains a column.
    let csv = #"{"source": "csv", "path": "x", "labelColumn": "y", "test": "none"}"#
    let found = try #require(try Scenario(file(csv, folder: folder)).data as? CSVData)
    #expect(found.path == folder + "/x" && found.columns.label == .name("y") && found.test == "none")
    let npy = #"{"source": "npy", "features": "x", "test": {"features": "ti"}}"#
    #expect(try paths(file(npy, folder: folder)) == [folder + "/x", folder + "/ti"])
  }

  @Test func aMissingFileSaysWhereItWasSought() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let problem = { (file: ScenarioFile) -> String in
      do throws(ScenarioError) {
        _ = try Scenario(file).loadData(.init(threads: 1))
        return "no error"
      } catch { return "\(error)" }
    }
    let data = #"{"source": "csv", "path": "people.csv", "labelColumn": "y"}"#
    let here = try #require(FilePath.workingDirectory)
    let both = try problem(file(data, folder: folder))
    #expect(both.contains("s.json:1:"), "\(both)")
    #expect(both.contains("data.path: refused: people.csv: there is no such file, neither in the working directory ("))
    #expect(both.hasSuffix("(\(here)) nor beside the scenario (\(folder)/people.csv)"), "\(both)")
    #expect(
      try problem(file(data, folder: nil)).hasSuffix("there is no such file in the working directory (\(here))"))
    let absolute = try problem(file(data, folder: folder, overrides: ["data.path=/no/such/file"]))
    #expect(absolute.hasSuffix("data.path: refused: /no/such/file: there is no such file"), "\(absolute)")
    let leaf = try problem(file(#"{"source": "leaf", "path": "users"}"#, folder: folder))
    #expect(leaf.hasSuffix("nor beside the scenario (\(folder)/users)"), "\(leaf)")
  }

  /// A sweep's folder has the scenario, and goes on with it: axes, sections and points name what was found.
  @Test func aSweepNamesWhatWasFound() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["a.csv", "b.csv"] { try table.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8) }
    let data = #"{"source": "csv", "path": "a.csv", "labelColumn": "y"}"#
    let sweep = """
      {"axes": {"data.path": ["a.csv", "b.csv", "none.csv"], "rounds": [1, 2]},
       "points": [{"name": "a", "data": {"source": "csv", "path": "b.csv", "labelColumn": "a.csv"}},
                  {"name": "a.csv", "data.source": "leaf", "data.path": "a.csv"}]}
      """
    let found = try #require(file(data, folder: folder, sweep: sweep).sweep)
    let text = JSON.object(found).text(pretty: false)
    #expect(text.contains(#"["\#(folder)/a.csv", "\#(folder)/b.csv", "none.csv"]"#), "\(text)")
    #expect(text.contains(#""path": "\#(folder)/b.csv", "labelColumn": "a.csv""#), "\(text)")
    #expect(text.contains(#""name": "a.csv", "data.source": "leaf", "data.path": "\#(folder)/a.csv""#), "\(text)")
  }

  @Test func foldersOfPaths() {
    #expect(FilePath.folder(of: "s.json") == nil && FilePath.folder(of: "-") == nil)
    #expect(FilePath.folder(of: "a/s.json") == "a" && FilePath.folder(of: "a//s.json") == "a")
    #expect(FilePath.folder(of: "/s.json") == "/" && FilePath.folder(of: "../x/s.json") == "../x")
  }
}
