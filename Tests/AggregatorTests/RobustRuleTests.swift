import ChannelCoding
import Numerics
import Testing

@testable import Aggregator

/// Robust rules against their definitions, written out.
@Suite struct RobustRuleTests {
  private func updates(_ count: Int, _ length: Int, seed: UInt64 = 1) -> [[Float]] {
    var random = RandomStream(key: Key(seed: seed, label: "robust"))
    return (0..<count).map { _ in (0..<length).map { _ in Float(random.normal()) } }
  }

  private let parallel = Parallel(threads: 1)

  @Test func mediansAreInTheMiddle() {
    let odd: [[Float]] = [[3, -1], [1, 5], [2, 100]]
    #expect(CoordinateMedian().aggregate(odd, parallel) == [2, 5])
    let even: [[Float]] = [[3, -1], [1, 5], [2, 100], [-1e30, 7]]
    #expect(CoordinateMedian().aggregate(even, parallel) == [1.5, 6])
    #expect(CoordinateMedian().aggregate([[4, -4]], parallel) == [4, -4])
    // The mean of two floats, without the rounding of floats.
    #expect(CoordinateMedian().aggregate([[1], [1 + 0x1p-23]], parallel) == [1 + 0x1p-24])
  }

  @Test func trimmedMeansLeaveOutBothEnds() {
    let values: [[Float]] = [[1], [2], [3], [4], [1000]]
    #expect(TrimmedMean(share: 0.2).aggregate(values, parallel) == [3])
    #expect(TrimmedMean(share: 0).aggregate(values, parallel) == [202])
    #expect(TrimmedMean(share: 0.19).aggregate(values, parallel) == [202], "rounded down")
    #expect(TrimmedMean(share: 0.49).aggregate(values, parallel) == [3])
    // 0.1 of 30 is 3.
    let thirty = (0..<30).map { [Float($0 * $0 * $0)] }
    let kept = (3..<27).reduce(0.0) { $0 + Double($1 * $1 * $1) } / 24
    #expect(TrimmedMean(share: 0.1).aggregate(thirty, parallel) == [kept])
  }

  /// Scores of Blanchard et al. by their definition, in another order of loops.
  @Test(arguments: [(9, 2), (7, 2), (11, 0), (13, 5)])
  func krumIsThePapers(count: Int, byzantine: Int) {
    let all = updates(count, 10)
    let scores = all.map { x in
      all.map { y in zip(x, y).reduce(0.0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) } }
        .sorted()[1...(count - byzantine - 2)].reduce(0, +)
    }
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    #expect(Krum(byzantine: byzantine).aggregate(all, parallel) == all[order[0]].map { Double($0) })
    let chosen = order.prefix(count - byzantine - 2)
    let mean = (0..<10).map { i in chosen.reduce(0.0) { $0 + Double(all[$1][i]) } / Double(chosen.count) }
    let multi = Krum(byzantine: byzantine, isMulti: true).aggregate(all, parallel)
    #expect(zip(multi, mean).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(Krum(byzantine: byzantine).leastUpdates == 2 * byzantine + 3)
  }

  /// Of equal scores the first client's is taken: all points of a square have the same.
  @Test func tiesGoToTheLowerClient() {
    let square: [[Float]] = [[0, 0], [0, 1], [1, 0], [1, 1]]
    #expect(Krum(byzantine: 0).aggregate(square, parallel) == [0, 0])
    #expect(Krum(byzantine: 0).aggregate(square.reversed(), parallel) == [1, 1])
    #expect(Krum(byzantine: 0, isMulti: true).aggregate(square, parallel) == [0, 0.5])
  }

  /// A third of the updates are reversed and huge: the mean goes where they want, and the rules stay among the honest ones.
  @Test func hostileUpdatesDoNotDecide() {
    var all = updates(21, 50).map { update in update.map { 1 + 0.1 * $0 } }
    for i in stride(from: 0, to: 21, by: 3) { all[i] = all[i].map { -1000 * $0 } }
    let mean = (0..<50).map { i in all.reduce(0.0) { $0 + Double($1[i]) } / 21 }
    #expect(mean.allSatisfy { $0 < -100 })
    let rules: [any RobustRule] = [
      CoordinateMedian(), TrimmedMean(share: 0.34), Krum(byzantine: 7), Krum(byzantine: 7, isMulti: true),
    ]
    for rule in rules {
      #expect(rule.aggregate(all, parallel).allSatisfy { $0 > 0.5 && $0 < 1.5 }, "\(rule)")
    }
    // One that cuts too little does not hold.
    #expect(TrimmedMean(share: 0.3).aggregate(all, parallel).contains { $0 < 0.5 })
  }

  @Test func threadsChangeNothing() {
    let all = updates(15, 1300)
    let rules: [any RobustRule] = [
      CoordinateMedian(), TrimmedMean(share: 0.2), Krum(byzantine: 3), Krum(byzantine: 3, isMulti: true),
    ]
    for rule in rules {
      let one = rule.aggregate(all, parallel)
      #expect(one.count == 1300 && rule.aggregate(all, Parallel(threads: 4)) == one)
    }
  }
}
