import Foundation
import Testing

/// `fedsim channel target` as a user runs it.
@Suite struct TargetCommandTests {
  private let target = ["channel", "target", "--repetitions", "200", "--target"]

  private func json(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func theTableHasAllAlgorithmsAndBothTheorems() throws {
    let outcome = try fedsim(target + ["gaussian:1,0.25"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    for name in [
      "naive", "sort", "ers", "greedy", "gprs", "pfr", "a-star", "ring-toss", "fast-gprs", "grc-split", "grc-dyadic",
      "as-star", "ad-star",
    ] { #expect(outcome.output.contains("\(name) "), "\(name)") }
    #expect(outcome.output.contains("KL 2.045   Dinf 2.769   D_CS 2.568"), "\(outcome.output)")
    #expect(outcome.output.contains("E[K] >= 2^Dinf = 6.82") && outcome.output.contains("KL <= D_CS <= H(K)"))
  }

  @Test func rowsHaveTheKeysOfTheIssue() throws {
    let run = target + ["mixture:0.5,-1.5,0.2+0.5,1,0.1", "--format"]
    let object = try json(fedsim(run + ["json"]).output)
    let rows = try #require(object["results"] as? [[String: Any]])
    let omitted = try #require(object["omitted"] as? [[String: Any]])
    #expect(rows.count == 11 && object["passed"] as? Bool == true)
    #expect(omitted.map { $0["algorithm"] as? String } == ["fast-gprs", "grc-split"])
    for key in [
      "algorithm", "target", "klBits", "dInfBits", "dcsBits", "boundBits", "meanSteps", "meanLog2Index", "codeBits",
      "meanBits",
    ] { #expect(rows.allSatisfy { $0[key] != nil }, "\(key)") }
    let csv = try fedsim(run + ["csv"]).output.split(separator: "\n")
    #expect(csv.count == 12 && csv[0].hasPrefix("algorithm,target,klBits,dInfBits,dcsBits,boundBits,"), "\(csv)")
  }

  @Test func samplesAreTheSameForAnyThreads() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    for threads in ["1", "2"] {
      let run = target + ["laplace:1,0.25", "--algorithm", "pfr,as-star,pfr", "--threads", threads, "--out", threads]
      #expect(try fedsim(run, in: folder).status == 0)
    }
    for name in ["pfr", "as-star"] {
      let files = try ["1", "2"].map { try Data(contentsOf: folder.appendingPathComponent("\($0)/\(name).npy")) }
      #expect(files[0] == files[1] && files[0].count == 128 + 8 * 200)
    }
  }

  @Test func tablesComeFromFiles() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ["good": "mass\n1\n3\n", "negative": "1,-1", "zero": "0\n0\n", "infinite": "1\ninf\n", "word": "1\nx"]
    for (name, text) in files { try Data(text.utf8).write(to: folder.appendingPathComponent("\(name).csv")) }
    let good = try fedsim(target + ["table:good.csv"], in: folder)
    #expect(good.status == 0 && good.output.contains("sum to 4.0: scaled"), "\(good.output) \(good.errors)")
    for (name, expected) in [
      ("negative", "negative.csv: cell 2: found the mass -1"), ("zero", "all 2 masses are 0"),
      ("infinite", "infinite.csv: cell 2: found the mass inf"), ("word", "word.csv:2:1: found \"x\""),
      ("missing", "there is no such file"),
    ] {
      let outcome = try fedsim(target + ["table:\(name).csv"], in: folder)
      #expect(outcome.status == 2 && outcome.errors.contains(expected), "\(name): \(outcome.errors)")
    }
  }

  @Test func mistakesAreNamed() throws {
    for (arguments, expected) in [
      (["gaussian:1,1"], "not bounded"), (["gaussian:0,2"], "allowed: s below 1"), (["gausian:1,0.5"], "laplace:m,b"),
      (["gaussian:1000,0.5"], "underflow"), (["gaussian:1"], "gaussian:m,s with numbers"),
      (["gaussian:1,0.25", "--algorithm", "naiv"], "found \"naiv\"; allowed: all, or of these"),
      (["gaussian:1,0.25", "--repetitions", "0"], "--repetitions: found \"0\""),
      (["gaussian:1,0.25", "--seed", "-1"], "--seed"), (["gaussian:1,0.25", "--out", ""], "--out"),
      (["mixture:0.5,-1.5,0.2+0.5,1,0.1", "--algorithm", "fast-gprs"], "These can: naive, sort"),
      (["gaussian:9,0.5", "--algorithm", "naive"], "allowed: Dinf up to 24 bits"),
    ] {
      let outcome = try fedsim(target + arguments)
      #expect(
        outcome.status == 2 && outcome.errors.contains(expected) && outcome.output.isEmpty,
        "\(arguments): \(outcome.errors)")
    }
  }
}
