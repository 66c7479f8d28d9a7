import Foundation
import Testing

private func json(_ text: String) throws -> [String: Any] {
  try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
}

@Suite struct AccountCommandTests {
  private let base = ["--noise-multiplier", "1", "--sampling-rate", "0.1", "--rounds", "100"]

  @Test func epsilonAndDeltaAreInverse() throws {
    let run = try fedsim(["account"] + base + ["--delta", "1e-5", "--format", "json"])
    #expect(run.status == 0, "\(run.errors)")
    let answer = try json(run.output)
    let epsilon = try #require(answer["epsilon"] as? Double)
    let lower = try #require(answer["epsilonLowerBound"] as? Double)
    #expect(abs(epsilon - 7.0466) < 1e-4 && lower < epsilon && lower > epsilon - 1e-4)
    #expect(answer["accountant"] as? String == "pld" && answer["relation"] as? String == "zero-out")
    #expect(answer["sampling"] as? String == "poisson" && answer["delta"] as? Double == 1e-5)
    let back = try json(fedsim(["account"] + base + ["--epsilon", "\(epsilon)", "--format", "json"]).output)
    #expect(abs(try #require(back["delta"] as? Double) / 1e-5 - 1) < 1e-4)
  }

  @Test func curvesOpenElsewhere() throws {
    let run = try fedsim(["account"] + base + ["--curve", "--accountant", "rdp"])
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 30 && lines[0] == "delta,deltaLowerBound,epsilon,epsilonLowerBound")
    let epsilons = lines.dropFirst().compactMap {
      Double($0.split(separator: ",", omittingEmptySubsequences: false)[2])
    }
    #expect(epsilons.count == 29 && epsilons == epsilons.sorted())
  }

  @Test func ledgersAndNoNoise() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try #"{"rounds": [{"noiseMultiplier": 1, "samplingRate": 0.1, "rounds": 100}]}"#
      .write(to: folder.appendingPathComponent("l.json"), atomically: true, encoding: .utf8)
    let ledger = try fedsim("account", "--ledger", "l.json", "--delta", "1e-5", "--format", "json", in: folder)
    let flags = try fedsim(["account"] + base + ["--delta", "1e-5", "--format", "json"])
    #expect(ledger.output == flags.output)
    let none = try fedsim(
      "account", "--noise-multiplier", "0", "--sampling", "everyone", "--rounds", "1", "--delta", "1e-5", "--format",
      "json")
    #expect(try json(none.output)["epsilon"] as? String == "inf")
    // Drawn with probability 0.1 once: at delta 0.2 nothing is known from below.
    let rarely = try fedsim(
      "account", "--noise-multiplier", "0", "--sampling-rate", "0.1", "--rounds", "1", "--delta", "0.2,0.05",
      "--format", "json")
    let curve = try #require(json(rarely.output)["curve"] as? [[String: Any]])
    #expect(curve[0]["epsilonLowerBound"] as? Double == 0 && curve[1]["epsilonLowerBound"] as? String == "inf")
    let nothing = try fedsim(
      "account", "--noise-multiplier", "0", "--sampling-rate", "0", "--rounds", "1", "--delta", "1e-5", "--format",
      "json")
    #expect(try json(nothing.output)["epsilon"] as? Double == 0)
  }

  @Test func calibrationAnswersWhatIsLeftOut() throws {
    let budget = ["calibrate", "--epsilon", "2", "--delta", "1e-5", "--format", "json"]
    let noise = try json(fedsim(budget + ["--sampling-rate", "0.05", "--rounds", "20"]).output)
    let z = try #require(noise["noiseMultiplier"] as? Double)
    #expect(try #require(noise["epsilon"] as? Double) <= 2)
    #expect(try #require(noise["noiseMultiplierLowerBound"] as? Double) < z)
    let rounds = try json(fedsim(budget + ["--sampling-rate", "0.05", "--noise-multiplier", "\(z)"]).output)
    #expect(rounds["rounds"] as? Int == 20)
    let rate = try json(fedsim(budget + ["--rounds", "20", "--noise-multiplier", "\(z)"]).output)
    #expect(abs(try #require(rate["samplingRate"] as? Double) / 0.05 - 1) < 1e-5)
  }

  @Test func mistakesExitWith2() throws {
    let cases: [([String], String)] = [
      (["account"], "no rounds are given; allowed: one of"),
      (["account"] + base, "--delta: not given"),
      (["account"] + base + ["--delta", "2"], "--delta: found \"2\""),
      (["account"] + base + ["--delta", "1e-5", "--epsilon", "1"], "found with --delta"),
      (
        ["account"] + base + ["--delta", "1e-5", "--relation", "swap"], "--relation: found \"swap\"; allowed: zero-out"
      ),
      (["account"] + base + ["--delta", "1e-5", "--accountant", "gaussian"], "--accountant gaussian: refused: the"),
      (["account", "--noise-multiplier", "1e-3", "--rounds", "1", "--delta", "1e-5"], "--noise-multiplier: found"),
      (["account", "--ledger", "none.json", "--delta", "1e-5"], "none.json: there is no such file"),
      (["calibrate", "--epsilon", "2", "--delta", "1e-5", "--rounds", "3"], "allowed: all but one"),
      (["calibrate", "--epsilon", "-2", "--delta", "1e-5", "--rounds", "3"], "--epsilon: found \"-2\""),
    ]
    for (arguments, expected) in cases {
      let process = try fedsim(arguments)
      #expect(process.status == 2, "\(arguments): \(process.status)")
      #expect(process.errors.contains(expected), "\(arguments): \(process.errors)")
      #expect(process.output.isEmpty)
    }
  }
}
