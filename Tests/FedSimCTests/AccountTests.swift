import CFedSim
import JSONText
import PrivacyAccounting
import Testing

@testable import FedSimC

@Suite("The C interface: accountant")
struct AccountTests {
  private static let rounds = #""rounds": [{"noiseMultiplier": 1, "samplingRate": 0.01, "count": 1000}]"#

  @Test("Epsilon at a delta, delta at an epsilon, from both sides, as the Swift accountant has them")
  func both() throws {
    let event = PrivacyEvent(noiseMultiplier: 1, sampling: .poisson(rate: 0.01), relation: .zeroOut)
    let ledger = PrivacyLedger(event, rounds: 1000)
    let (_, epsilon) = Interface.json("{\(Self.rounds), \"deltas\": [1e-6]}", fs_account)
    let spent = try Accountant.pld.spending(ledger, delta: 1e-6)
    #expect(epsilon["epsilon"]?.double == spent.epsilon && epsilon["epsilonLowerBound"]?.double == spent.lowerBound)
    #expect(epsilon["relation"] == "zero-out" && epsilon["rounds"] == 1000 && epsilon["theorem"] != nil)
    // Where integrals are as quick nothing is coarse: these rounds need a grid.
    let fixed = #""rounds": [{"noiseMultiplier": 1, "samplingRate": 0.01, "sampling": "fixed-size", "count": 100}]"#
    let (_, fine) = Interface.json("{\(fixed), \"deltas\": [1e-6]}", fs_account)
    let (_, coarse) = Interface.json("{\(fixed), \"deltas\": [1e-6], \"coarse\": true}", fs_account)
    let (best, upper) = (try #require(fine["epsilon"]?.double), try #require(coarse["epsilon"]?.double))
    #expect(upper > best && upper < best * 1.01)
    let (_, delta) = Interface.json("{\(Self.rounds), \"epsilons\": [2]}", fs_account)
    let (value, lower) = try Accountant.pld.delta(ledger, epsilon: 2)
    #expect(delta["delta"]?.double == value && delta["deltaLowerBound"]?.double == lower)
    let (_, several) = Interface.json("{\(Self.rounds), \"deltas\": [1e-6, 1e-4], \"coarse\": true}", fs_account)
    guard case .array(let rows)? = several["curve"] else {
      Issue.record("a row for each delta")
      return
    }
    #expect(rows.count == 2)
  }

  @Test("Curves, and a run's ledger, which claims what was planned")
  func ledgers() throws {
    let round = #"{"noiseMultiplier": 2, "samplingRate": 0.1, "sampling": "poisson""#
    let ledger = """
      {"format": "fedsim-ledger-1", "relation": "add-or-remove", "delta": 1e-5, "truncationDelta": 1e-7,
       "planned": \(round), "rounds": 10}, "rounds": [\(round), "round": 1}, \(round), "round": 2}]}
      """
    let (answer, json) = Interface.json("{\"ledger\": \(ledger), \"coarse\": true}", fs_account)
    #expect(answer.result > 0, "\(answer.reason)")
    #expect(json["roundsDone"] == 2 && json["rounds"] == 10 && json["relation"] == "add-or-remove")
    #expect((json["epsilonOfRoundsDone"]?.double ?? 9) < (json["epsilon"]?.double ?? 0))
    let (_, curves) = Interface.json(
      #"{"rounds": [{"noiseMultiplier": 3}], "deltas": [1e-5], "curve": true, "coarse": true}"#, fs_account)
    #expect(curves["profile"] != nil && curves["mu"] != nil && curves["sampling"] == "everyone")
  }

  @Test("Calibration: noise, rounds or rate, whichever is left out")
  func calibration() {
    let (_, noise) = Interface.json(
      #"{"epsilon": 2, "delta": 1e-5, "rounds": 10, "samplingRate": 0.1}"#, fs_calibrate)
    #expect((noise["epsilon"]?.double ?? 9) <= 2 && (noise["epsilon"]?.double ?? 0) > 1.999)
    let z = noise["noiseMultiplier"]?.double ?? 0
    let (_, rounds) = Interface.json(
      #"{"epsilon": 2, "delta": 1e-5, "noiseMultiplier": \#(z), "samplingRate": 0.1}"#, fs_calibrate)
    #expect(rounds["rounds"] == 10)
    let (few, _) = Interface.json(#"{"epsilon": 2, "delta": 1e-5, "rounds": 10}"#, fs_calibrate)
    #expect(few.result == FS_INVALID && few.reason.contains("found 1 of"))
  }

  @Test("A plan has noise, cohort and codecs")
  func plan() {
    let (answer, json) = Interface.json(
      """
      {"parameters": 1000, "clients": 10000, "cohort": 100, "rounds": 20, "epsilon": 4, "codecs": ["polar", "float32"]}
      """, fs_plan)
    #expect(answer.result > 0, "\(answer.reason)")
    guard case .array(let codecs)? = json["codecs"] else {
      Issue.record("codecs")
      return
    }
    #expect(codecs.count == 2 && (json["largestCohort"]?.double ?? 0) > 100 && json["truncationDelta"] != nil)
    #expect((json["epsilon"]?.double ?? 9) <= 4)
  }

  @Test(
    "Questions that are wrong are refused with their place",
    arguments: [
      ("", "request:1:1"), ("{}", "rounds: the key is missing"), (#"{"rounds": 3}"#, "rounds: found an integer"),
      (#"{"rounds": [], "ledger": {}}"#, "one of both"), (#"{"rounds": [3], "deltas": [0.1]}"#, "rounds[0]"),
      (#"{"rounds": [{"noiseMultiplier": -1}], "deltas": [0.1]}"#, "noiseMultiplier"),
      (#"{"rounds": [{"noiseMultiplier": 0.001}], "deltas": [0.1]}"#, "noiseMultiplier"),
      (#"{"rounds": [{"noiseMultiplier": 1, "samplingRate": 1.1}], "deltas": [0.1]}"#, "samplingRate"),
      (#"{"rounds": [{"noiseMultiplier": 1, "sampling": "poisson"}], "deltas": [0.1]}"#, "samplingRate"),
      (
        #"{"rounds": [{"noiseMultiplier": 1, "sampling": "everyone", "samplingRate": 0.5}], "deltas": [0.1]}"#,
        "found 0.5"
      ),
      (#"{"rounds": [{"noiseMultiplier": 1, "count": -1}], "deltas": [0.1]}"#, "count"),
      (#"{"rounds": [{"noiseMultiplier": 1, "count": 10000001}], "deltas": [0.1]}"#, "count"),
      (#"{"rounds": [{"noiseMultiplier": 1, "count": 1e30}], "deltas": [0.1]}"#, "count"),
      (#"{"rounds": [{"noiseMultiplier": 1}], "deltas": [0]}"#, "deltas[0]"),
      (#"{"rounds": [{"noiseMultiplier": 1}], "deltas": [1]}"#, "deltas[0]"),
      (#"{"rounds": [{"noiseMultiplier": 1}], "deltas": []}"#, "found 0 numbers"),
      (#"{"rounds": [{"noiseMultiplier": 1}], "epsilons": [-1]}"#, "epsilons[0]"),
      (#"{"rounds": [{"noiseMultiplier": 1}]}"#, "deltas: the key is missing"),
      (#"{"rounds": [{"noiseMultiplier": 1}], "deltas": [0.1], "epsilons": [1]}"#, "one of both"),
      (#"{"rounds": [{"noiseMultiplier": 1}], "deltas": [0.1], "acountant": "pld"}"#, "did you mean \"accountant\""),
      (#"{"rounds": [{"noiseMultiplier": 1}], "deltas": [0.1], "relation": "other"}"#, "relation"),
      (#"{"ledger": {"rounds": [{"noiseMultiplier": "x"}]}, "deltas": [0.1]}"#, "noiseMultiplier"),
      (#"{"ledger": {"rounds": []}}"#, "no delta"),
    ])
  func wrong(request: String, reason: String) {
    let (answer, _) = Interface.json(request, fs_account)
    #expect(answer.result == FS_INVALID && answer.reason.contains(reason), "\(answer.reason)")
  }

  @Test("What is not proved is refused, and no noise has no finite epsilon")
  func refused() {
    let (answer, _) = Interface.json(
      #"{"rounds": [{"noiseMultiplier": 1, "samplingRate": 0.1}], "deltas": [0.1], "accountant": "gaussian"}"#,
      fs_account)
    #expect(answer.result == FS_REFUSED && answer.reason.hasPrefix("refused: "), "\(answer.reason)")
    let (_, none) = Interface.json(#"{"rounds": [{"noiseMultiplier": 0}], "deltas": [0.1]}"#, fs_account)
    #expect(none["epsilon"] == "inf")
    for function in [fs_account, fs_calibrate, fs_plan] {
      #expect(Interface.bytes { function(nil, 5, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.bytes { function(nil, -5, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.bytes { function(nil, .max, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.bytes { function(nil, 0, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(function("{}", 2, nil, nil, 0) == FS_INVALID)
    }
  }
}
