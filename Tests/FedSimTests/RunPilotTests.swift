import ChannelCoding
import Foundation
import JSONText
import Testing

@testable import FedSim
@testable import Reports
@testable import Scenarios

/// `fedsim explain --pilot`: bits at the norms that updates have.
@Suite struct RunPilotTests {
  private func setup(_ overrides: [String] = [], text: String = smallScenario, threads: Int = 1) throws -> RunSetup {
    try RunSetup(scenario: scenario(overrides, text: text), split: nil, threads: threads)
  }

  private func records(_ overrides: [String], text: String = smallScenario) throws -> [RoundRecord] {
    var simulation = try Simulation(scenario: scenario(overrides, text: text), threads: 1)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    return records
  }

  /// Bits that a run measured, where C is far larger than norms, and where all is clipped; with codecs of all kinds, and adaptive clipping.
  @Test(arguments: [
    ["privacy.clippingNorm=20", "channel.codec=layered"], ["privacy.clippingNorm=6", "channel.codec=polar"],
    ["privacy.clippingNorm=6", "channel.codec=auto"], ["channel.codec=polar"],
    ["privacy.clippingNorm=20", "channel.codec=universal"], ["channel.codec=float32"],
    ["privacy.clippingNorm=3", "privacy.clippingQuantile=0.5", "privacy.countNoise=2"],
    ["privacy.clippingNorm=6", "channel.seal=true", "cohort.dropout=0.2"],
    ["privacy.clippingNorm=6", "channel.coded=0.3"],
  ])
  func aPilotPredictsWhatARunMeasures(overrides: [String]) throws {
    let overrides = overrides + ["rounds=6", "cohort.size=40"]
    let setup = try setup(overrides)
    let pilot = try RunPilot(setup, rounds: 6)
    let records = try records(overrides)
    let coded = Double(records.reduce(0) { $0 + $1.coded })
    let bits = Double(records.reduce(0) { $0 + $1.totalPayloadBits }) / coded
    let wire = 8 * Double(records.reduce(0) { $0 + $1.wireBytes }) / coded
    let (predicted, onWire) = (try #require(pilot.payloadBits), try #require(pilot.wireBits))
    #expect(abs(predicted / bits - 1) < 0.1, "\(overrides): predicted \(predicted), measured \(bits)")
    #expect(abs(onWire / wire - 1) < 0.1 && abs((onWire - predicted) - (wire - bits)) < 0.5, "\(onWire), \(wire)")
    #expect(pilot.isNoiseStandIn == (setup.channel.codec == "universal"))
    #expect(pilot.rounds.count == 6 && pilot.rounds.allSatisfy { $0.uploads > 15 && $0.norms != nil })
    #expect(pilot.rounds[0].clippingNorm == setup.plan?.clippingNorm)
    let norms = Set(pilot.rounds.map(\.clippingNorm))
    #expect((norms.count > 1) == overrides.contains("privacy.clippingQuantile=0.5"))
    let clipped = try #require(pilot.clippedFraction)
    let measured = records.compactMap(\.clippedFraction).reduce(0, +) / 6
    #expect(abs(clipped - measured) < 0.1, "\(clipped), \(measured)")
  }

  /// A prediction for the mean norm, or for C, would be another one.
  @Test func bitsAreOfEachNorm() throws {
    let setup = try setup(["privacy.clippingNorm=0.65", "rounds=1", "cohort.size=50"])
    let pilot = try RunPilot(setup, rounds: 1)
    var lengths = PredictedLengths(setup.channel)
    for round in pilot.rounds {
      let (norms, bits) = (try #require(round.norms), try #require(round.payloadBits))
      let share = try #require(round.clippedFraction)
      #expect(share > 0 && share < 1, "\(share)")
      // Bits grow with the norm.
      for (norm, found) in [(norms.p10, bits.p10), (norms.p50, bits.p50), (norms.p90, bits.p90)] {
        let expected = lengths.bits(norm: min(norm, 0.65), bound: 0.65)
        #expect(try abs(#require(expected) - found) < 0.01)
      }
      #expect(bits.mean < setup.channel.predictedBits && bits.p10 < bits.mean && bits.mean < bits.p90)
      #expect(try #require(round.largestNorm) >= norms.p90)
    }
  }

  @Test func aPilotIsDeterministicAndNotTheRun() throws {
    let text = { (threads: Int) in
      try RunPilot(setup(["rounds=3"], threads: threads), rounds: 3).json.text(pretty: false)
    }
    let one = try text(1)
    #expect(try one == text(2))
    // Keys of its own: other cohorts.
    #expect(try RunPilot(setup(["rounds=3"]), rounds: 3).rounds.map(\.uploads) != records(["rounds=3"]).map(\.arrived))
    // What a longer pilot shows of the first rounds is what a shorter one shows.
    let (two, three) = (
      try RunPilot(setup(["rounds=3"]), rounds: 2).rounds, try RunPilot(setup(["rounds=3"]), rounds: 3).rounds
    )
    #expect(two.count == 2 && two.map(\.payloadBits) == three[..<2].map(\.payloadBits))
    #expect(one.contains("\"covered\": false") && one.contains("outside the guarantee"))
  }

  /// Where messages have no noise, they are written and measured; norms are there all the same.
  @Test(arguments: [
    ["privacy=null", "channel.codec=float32"], ["privacy.noise=central", "channel.codec=float32"],
    ["privacy=null", "channel.codec=float32", "server.weighting=examples"],
    ["privacy=null", "channel.codec=float32", "training.algorithm=scaffold"],
  ])
  func withoutNoiseBitsAreThoseOfMessages(overrides: [String]) throws {
    let setup = try setup(overrides)
    let pilot = try RunPilot(setup, rounds: 2)
    let record = try records(overrides)[0]
    let bits = try #require(pilot.rounds[0].payloadBits)
    #expect(bits.mean == record.payloadBits?.mean && bits.mean == setup.channel.predictedBits && bits.p10 == bits.p90)
    #expect(pilot.idealBits == nil && pilot.rounds.allSatisfy { $0.norms?.p50 ?? 0 > 0 })
    let wire = 8 * Double(record.wireBytes) / Double(record.coded)
    let onWire = try #require(pilot.wireBits)
    #expect(abs(onWire - wire) < 1, "\(wire)")
    let explained = Explanation(setup, pilot: pilot).text
    #expect(explained.contains("bits do not depend on norms"))
  }

  /// A task about posteriors, whose model has a trainer of its own.
  @Test func aTaskAboutPosteriorsHasAPilot() throws {
    let text = try String(contentsOf: repositoryFile("scenarios/bayesian-digits.json"), encoding: .utf8)
    let setup = try setup(["rounds=2"], text: text)
    let pilot = try RunPilot(setup, rounds: 1)
    let bits = try #require(pilot.payloadBits)
    #expect(bits > 0 && bits <= setup.channel.predictedBits * 1.02 + 11, "\(bits)")
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    for rounds in [0, -3, 5] {
      #expect(
        throws: ScenarioError.key(
          place: "--pilot", path: "", problem: "found \(rounds) rounds", allowed: "1 to 4, the rounds of the scenario")
      ) { try RunPilot(setup(), rounds: rounds) }
    }
    let few = try setup(["privacy.budget=1", "rounds=50", "privacy.noiseMultiplier=2"])
    #expect(few.lastRound > 0 && few.lastRound < 50)
    #expect(throws: ScenarioError.self) { try RunPilot(few, rounds: few.lastRound + 1) }
    let silent = try setup(["training.stragglers=1", "training.stragglerUpdates=drop"])
    #expect(throws: ScenarioError.self) { try RunPilot(silent, rounds: 1) }
  }

  @Test func explanationsSayWhatIsKnownBeforeAndWhatAPilotSaw() throws {
    let setup = try setup(["privacy.clippingNorm=20"])
    let plain = Explanation(setup)
    #expect(plain.text.contains("at |x| = C") && plain.text.contains("--pilot 5"))
    guard case .object(let before) = plain.json, before["pilot"] == .null else {
      Issue.record("a pilot that nobody asked for")
      return
    }
    let pilot = try RunPilot(setup, rounds: 2)
    let explained = Explanation(setup, pilot: pilot)
    #expect(explained.text.contains("Pilot: rounds 1 to 2 of 4, outside the guarantee"))
    #expect(explained.text.contains("--pilot 4 trains as many"))
    guard case .object(let json) = explained.json, case .object(let seen)? = json["pilot"] else {
      Issue.record("no pilot")
      return
    }
    #expect(seen["payloadBits"]?.double == pilot.payloadBits && json["predictedBits"] == before["predictedBits"])
    #expect(try #require(pilot.payloadBits) < 0.5 * setup.channel.predictedBits)
  }
}
