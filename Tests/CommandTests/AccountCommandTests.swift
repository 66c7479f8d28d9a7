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

  @Test func rowsOpenElsewhere() throws {
    let run = try fedsim(["account"] + base + ["--delta", "1e-3,1e-5,1e-7", "--format", "csv", "--accountant", "rdp"])
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 4 && lines[0] == "delta,deltaLowerBound,epsilon,epsilonLowerBound")
    let epsilons = lines.dropFirst().compactMap {
      Double($0.split(separator: ",", omittingEmptySubsequences: false)[2])
    }
    #expect(epsilons.count == 3 && epsilons == epsilons.sorted())
  }

  @Test func curvesOpenElsewhere() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try fedsim(
      ["account"] + base + ["--curve", "--delta", "1e-8", "--svg", "c.svg", "--pdf", "c.pdf"], in: folder)
    #expect(run.status == 0, "\(run.errors)")
    let rows = run.output.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(rows[0].joined(separator: ",") == "curve,bound,epsilon,delta,typeIError,typeIIError,mu,rho")
    let kinds = Set(rows.dropFirst().map { "\($0[0]) \($0[1])" })
    #expect(
      kinds == [
        "profile upper", "profile lower", "tradeoff upper", "tradeoff lower", "gaussian upper", "gaussian lower",
        "gaussian-but-for-delta upper", "gaussian-but-for-delta lower", "zcdp upper", "zcdp lower",
      ])
    #expect(rows.allSatisfy { $0.count == 8 })
    let picture = try String(contentsOf: folder.appendingPathComponent("c.svg"), encoding: .utf8)
    #expect(picture.contains("Delta over epsilon") && picture.contains("type II error"))
    let page = try String(contentsOf: folder.appendingPathComponent("c.pdf"), encoding: .utf8)
    #expect(
      page.hasPrefix("%PDF-1.4") && page.contains("(Delta over epsilon) Tj") && page.contains("(type II error) Tj"))
    // A calibrated mechanism has the same curves.
    let calibrated = try fedsim(
      "calibrate", "--epsilon", "2", "--delta", "1e-5", "--clients", "100", "--cohort", "5", "--rounds", "20",
      "--curve",
      "--format", "json")
    let answer = try json(calibrated.output)
    #expect(answer["cohort"] as? Int == 5 && answer["samplingRate"] as? Double == 0.05)
    #expect((answer["profile"] as? [Any])?.count ?? 0 > 100 && answer["mu"] as? Double ?? 0 > 0)
  }

  @Test func listsAreCombined() throws {
    let run = try fedsim(
      "calibrate", "--epsilon", "1,2", "--delta", "1e-5", "--clients", "1000", "--cohort", "10,100", "--rounds", "20",
      "--format", "csv")
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 5 && lines[0].hasPrefix("targetEpsilon,delta,sampling"))
    let single = try json(
      fedsim(
        "calibrate", "--epsilon", "2", "--delta", "1e-5", "--sampling-rate", "0.1", "--rounds", "20", "--format", "json"
      ).output)
    let cells = lines[4].split(separator: ",", omittingEmptySubsequences: false)
    #expect(Double(cells[9]) == single["noiseMultiplier"] as? Double && cells[6] == "100")
    let rate = try fedsim(
      ["account", "--noise-multiplier", "1", "--clients", "1e3", "--cohort", "100"] + [
        "--rounds", "100", "--delta", "1e-5", "--format", "json",
      ])
    #expect(rate.output == (try fedsim(["account"] + base + ["--delta", "1e-5", "--format", "json"]).output))
  }

  @Test func plansNeedNoData() throws {
    let plan = [
      "plan", "--clients", "1000", "--cohort", "50", "--rounds", "20", "--parameters", "1000", "--codec",
      "layered,float32",
    ]
    let run = try fedsim(plan + ["--epsilon", "2,4", "--format", "json", "--uplink", "1e6"])
    let results = try #require(json(run.output)["results"] as? [[String: Any]])
    #expect(results.count == 2 && (results[0]["codecs"] as? [Any])?.count == 2)
    #expect(try #require(results[0]["epsilon"] as? Double) <= 2)
    let text = try fedsim(plan + ["--noise-multiplier", "1"])
    #expect(text.output.contains("released-model") && text.output.contains("bits up"))
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
      (["calibrate", "--epsilon", "2,x", "--delta", "1e-5", "--rounds", "3"], "--epsilon: found \"x\""),
      (["account"] + base + ["--clients", "9", "--delta", "1e-5"], "--clients: found with --sampling-rate"),
      (["account"] + base + ["--curve", "--epsilon", "1"], "--epsilon: found with curves"),
      (["account"] + base + ["--delta", "1e-5", "--svg", "-"], "--svg: found \"-\""),
      (
        ["calibrate", "--epsilon", "2", "--delta", "1e-5", "--rounds", "3", "--clients", "10"],
        "--cohort: not given with --clients"
      ),
      (
        ["calibrate", "--epsilon", "2", "--delta", "1e-5", "--rounds", "3", "--clients", "10", "--cohort", "11"],
        "--cohort: found \"11\" of 10 clients; allowed: a whole number from 1 to 10"
      ),
      (
        ["calibrate", "--epsilon", "2", "--delta", "1e-5", "--rounds", "3,4", "--sampling-rate", "0.1", "--curve"],
        "--curve: found with 2 combinations"
      ),
      (
        ["plan", "--clients", "0", "--cohort", "1", "--rounds", "1", "--parameters", "9", "--epsilon", "1"],
        "--clients:"
      ),
      (
        ["plan", "--clients", "9", "--cohort", "10", "--rounds", "1", "--parameters", "9", "--epsilon", "1"],
        "--cohort: found \"10\" of 9 clients"
      ),
      (["plan", "--clients", "9", "--cohort", "3", "--rounds", "1", "--parameters", "9"], "plan: found neither"),
      (
        ["plan", "--clients", "9", "--cohort", "3", "--rounds", "1", "--parameters", "9", "--epsilon", "0"],
        "--epsilon: found \"0\""
      ),
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
