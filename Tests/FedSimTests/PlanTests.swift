import Testing

@testable import Aggregator
@testable import ChannelCoding
@testable import FedSim
@testable import PrivacyAccounting
@testable import Reports
@testable import Scenarios

@Suite struct PlanTests {
  private let privacy = Privacy(clippingNorm: 0.5, targetEpsilon: 4, delta: 1e-4)
  private let exact: [CodecName] = [.float32, .layered, .polar, .gprs]

  private func settings(_ privacy: Privacy) -> FederationSettings {
    FederationSettings(rounds: 5, cohort: .poisson(expectedSize: 20), privacy: privacy)
  }

  private func plan(parameters: Int = 300, clients: Int = 400) throws -> FederationPlan {
    try FederationPlan(settings(privacy), parameters: parameters, clients: clients, codecs: exact)
  }

  /// What is planned is what a federation with these settings does.
  @Test func plansAreWhatFederationsDo() throws {
    let plan = try plan()
    for channel in plan.channels {
      let federation = try Federation(
        parameters: [Float](repeating: 0, count: 300), clients: 400, rounds: 5, cohort: .poisson(expectedSize: 20),
        privacy: privacy, channel: ChannelSection(codec: channel.codec))
      let frame = federation.frame
      #expect(channel.noiseMultiplier == frame.plan?.noiseMultiplier && channel.noiseScale == frame.channel.noiseScale)
      #expect(channel.uplinkBits == frame.channel.predictedBits)
      // The broadcast as the server writes it, in the last round.
      let key = Key(seed: 0, label: "any")
      let broadcast = Broadcast(
        round: 5, channel: frame.channel, rotationKey: key, serverPublicKey: key,
        parameters: [Float](repeating: 0, count: 300))
      #expect(channel.downlinkBits == 8 * broadcast.bytes.count, "\(channel.codec)")
      #expect(try #require(channel.encodeSeconds) > 0 && channel.problem == nil)
    }
    #expect(plan.frame.plan?.plannedSpending.epsilon ?? 9 <= 4)
    let bound = try #require(plan.lowerBoundBits)
    #expect(plan.channels.allSatisfy { ($0.uplinkBits ?? 0) > bound })
    #expect(try #require(plan.informationBits) < bound)
    // The codec that auto takes is the shortest.
    let least = plan.channels.compactMap(\.uplinkBits).min() ?? 0
    #expect(plan.frame.channel.predictedBits <= least)
  }

  @Test func viewsAreThoseOfTheThreatModel() throws {
    let rows = try plan().views.rows
    #expect(rows.map(\.adversary).contains("server") && rows.first?.adversary == "released-model")
    #expect(try #require(rows.first?.epsilon) <= 4)
    let participant = try #require(rows.first { $0.adversary == "participant" }?.epsilon)
    #expect(participant > 3.9)
  }

  @Test func memoryAndTimeGrowWithTheModel() throws {
    let (small, large) = (try plan(parameters: 1000), try plan(parameters: 10_000))
    for (a, b) in zip(small.channels, large.channels) {
      #expect(try #require(b.serverBytes) > (try #require(a.serverBytes)) + 9000 * 20)
      #expect(try #require(b.roundDecodeSeconds) > (try #require(a.roundDecodeSeconds)))
    }
  }

  @Test func rowsHaveAllColumns() throws {
    let report = PlanReport([try plan(), try plan(parameters: 30)], uplink: 1000)
    let lines = report.csv.split(separator: "\n")
    #expect(lines.count == 1 + 2 * exact.count)
    let columns = lines[0].split(separator: ",").map(String.init)
    for line in lines.dropFirst() {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false)
      #expect(cells.count == columns.count, "\(line)")
      let bits = Double(cells[try #require(columns.firstIndex(of: "uplinkBits"))])
      let seconds = Double(cells[try #require(columns.firstIndex(of: "uploadSeconds"))])
      #expect(try #require(bits) / 1000 == seconds)
    }
    #expect(report.text.contains("|x| = C"))
    #expect(PlanReport([try plan()], uplink: nil).text.contains("server"))
  }

  @Test func refusalsSayWhy() throws {
    #expect(throws: ScenarioError.self) { try plan(clients: 10) }
    var unproved = privacy
    unproved.accountant = .gaussian
    #expect(throws: ScenarioError.self) {
      try FederationPlan(settings(unproved), parameters: 10, clients: 400, codecs: exact)
    }
  }
}
