import Foundation
import JSONText
import Testing

@testable import FedSim
@testable import Reports
@testable import RunFiles
@testable import Scenarios

/// Rounds in which nothing, or everything, was clipped.
@Suite struct ClippingWatchTests {
  private func record(_ round: Int, _ share: Double?) -> RoundRecord {
    var record = RoundRecord()
    (record.round, record.clippedFraction, record.clippingNorm) = (round, share, 2)
    return record
  }

  private func notices(_ shares: [Double?], _ watch: ClippingWatch = ClippingWatch(hasClipping: true, adapts: false))
    -> [ClippingNotice]
  {
    var watch = watch
    return shares.enumerated().compactMap { i, share in watch.add(record(i + 1, share)) }
  }

  @Test func tenRoundsInARowAreSaidOnce() {
    let (zeros, ones) = ([Double?](repeating: 0, count: 9), [Double?](repeating: 1, count: 25))
    #expect(notices(zeros).isEmpty)
    // Rounds in which nobody sent anything neither count nor end a row; others end it.
    let found = notices(zeros + [nil, 0.01] + zeros + [nil, 0, 0] + ones + zeros + [0])
    #expect(found.map(\.finding) == [.nothingClipped, .everythingClipped])
    #expect(found.map(\.rounds) == [12...22, 24...33], "\(found.map(\.rounds))")
    #expect(notices(ones, ClippingWatch(hasClipping: true, adapts: true)).isEmpty)
    #expect(notices(ones, ClippingWatch(hasClipping: false, adapts: false)).isEmpty)
  }

  private func said(_ overrides: [String]) throws -> (texts: [String], records: [RoundRecord]) {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let simulation = try Simulation(scenario: scenario(["rounds=12"] + overrides), threads: 1)
    var execution = try RunExecution(simulation, in: folder, start: .new)
    var texts: [String] = []
    _ = try execution.run(notice: { texts.append($0.text) })
    return (texts, execution.records)
  }

  @Test func runsSayIt() throws {
    let large = try said(["privacy.clippingNorm=50"]).texts
    #expect(large.count == 1 && large[0].hasPrefix("no update was clipped in rounds 1 to 10: C = 50.0 is too large"))
    #expect(large[0].contains("The longest update had norm") && large[0].contains("outside the guarantee"), "\(large)")
    let small = try said(["privacy.clippingNorm=0.001"]).texts
    #expect(small.count == 1)
    #expect(small[0].hasPrefix("every update was clipped in rounds 1 to 10: C = 0.0010 is too small"), "\(small)")
    #expect(small[0].contains("The shortest update had norm"), "\(small)")
    #expect(try said(["privacy.clippingNorm=50", "privacy.clippingQuantile=0.5", "privacy.countNoise=2"]).texts == [])
    #expect(try said(["privacy=null", "channel.codec=float32"]).texts == [])
  }

  /// The longest update is the longest of all, before it was clipped.
  @Test func theNormThatIsNamedIsTheRight() throws {
    var simulation = try Simulation(scenario: scenario(["rounds=10", "privacy.clippingNorm=50"]), threads: 1)
    var watch = ClippingWatch(simulation.setup)
    var (longest, notice) = (0.0, ClippingNotice?.none)
    while let record = try simulation.nextRound() {
      longest = max(longest, simulation.norms.unclipped.max() ?? 0)
      #expect(simulation.norms.unclipped == simulation.norms.coded && simulation.norms.coded.count == record.arrived)
      notice = watch.add(record, norms: simulation.norms) ?? notice
    }
    let found = try #require(notice)
    #expect(found.limit == longest && longest > 0.1 && longest < 50)
    // Rounds of an earlier process have no norms: nothing is said of the longest.
    var (resumed, later) = (ClippingWatch(hasClipping: true, adapts: false), ClippingNotice?.none)
    for round in 1...10 { later = resumed.add(record(round, 0)) ?? later }
    #expect(try !#require(later).text.contains("longest"))
  }

  /// The page says it from the rows, with the root mean square that I(X;Y) tells.
  @Test func thePageSaysIt() throws {
    let texts = { (overrides: [String]) throws -> (html: String, norm: Double) in
      var simulation = try Simulation(scenario: scenario(["rounds=12"] + overrides), threads: 1)
      var (records, squares, count) = ([RoundRecord](), 0.0, 0)
      while let record = try simulation.nextRound() {
        records.append(record)
        squares += simulation.norms.coded.reduce(0) { $0 + $1 * $1 }
        count += simulation.norms.coded.count
      }
      let files = [
        "summary.json": RunSummary(simulation.setup, records: records, stoppedBy: .rounds).json.text(pretty: true),
        "scenario.json": simulation.setup.resolved.text(pretty: true),
        "rounds.jsonl": records.map { $0.json.text(pretty: false) + "\n" }.joined(),
      ]
      let source = try Report.Source(path: "d") { files[$0].map { Array($0.utf8) } }
      return (Report([source]).html, (squares / Double(count)).squareRoot())
    }
    let large = try texts(["privacy.clippingNorm=50"])
    #expect(large.html.contains("no update was clipped in rounds 1 to 12"))
    let parts = large.html.components(separatedBy: "The root mean square of norms was ")
    let named = try #require(parts.count == 2 ? parts[1].split(separator: ",").first.flatMap { Double($0) } : nil)
    #expect(abs(named / large.norm - 1) < 0.03, "\(named), \(large.norm)")
    #expect(try texts(["privacy.clippingNorm=0.001"]).html.contains("every update was clipped in rounds 1 to 12"))
    // Nine rounds are too few to say anything.
    #expect(try !texts(["privacy.clippingNorm=50", "rounds=9"]).html.contains("update was clipped in"))
    let adaptive = try texts(["privacy.clippingNorm=1e6", "privacy.clippingQuantile=0.5", "privacy.countNoise=2"])
    #expect(!adaptive.html.contains("update was clipped in"))
  }
}
