import Numerics
import Testing

@testable import ChannelCoding
@testable import Datasets
@testable import Files

/// A split within each client, and whose the test examples of a source are.
@Suite struct ClientSplitTests {
  /// One feature, the example's number.
  private func numbered(_ owners: [Int32], named: Bool = false) throws -> Dataset {
    try Dataset(
      features: owners.indices.map { Float($0) }, labels: owners.indices.map { Int32($0 % 3) }, featureCount: 1,
      classCount: 3, owners: named ? owners.map { _ in 7 } : nil)
  }

  private func split(_ owners: [Int32], _ fraction: Double, stream: UInt64 = 1, named: Bool = false) throws -> Split {
    var random = random(stream)
    return try Split(
      withinClients: numbered(owners, named: named), owners: owners, testFraction: fraction, random: &random)
  }

  @Test(arguments: [0.1, 0.2, 0.5, 0.75, 0.99])
  func everyClientGivesItsShare(fraction: Double) throws {
    // Clients 0 to 39 of 1 to 40 examples, in an order that mixes them.
    var owners = (0..<40).flatMap { [Int32](repeating: $0, count: Int($0) + 1) }
    var order = random(9)
    order.shuffle(&owners)
    let parts = try split(owners, fraction)
    let test = try #require(parts.test.owners)
    let training = try #require(parts.training.owners)
    for client in 0..<40 as Range<Int32> {
      let n = Int(client) + 1
      let expected = min(Int(Double(n) * fraction + 0.5), n - 1)
      #expect(test.count { $0 == client } == expected)
      #expect(training.count { $0 == client } == n - expected, "who trains keeps an example")
    }
    for part in [parts.training, parts.test] {
      #expect(part.features == part.features.sorted(), "in the order of the whole")
      for (i, feature) in part.features.enumerated() {
        #expect(part.owners?[i] == owners[Int(feature)] && part.labels[i] == Int32(Int(feature) % 3))
      }
    }
    #expect(Set(parts.training.features + parts.test.features).count == owners.count)
  }

  @Test func isSeeded() throws {
    let owners = (0..<200).map { Int32($0 % 10) }
    #expect(try split(owners, 0.3).test.bytes == split(owners, 0.3).test.bytes)
    #expect(try split(owners, 0.3).test.bytes != split(owners, 0.3, stream: 2).test.bytes)
  }

  /// Numbers far apart are no reason to ask for memory, and give the same choice as numbers in a row.
  @Test func ownersMayBeAnyNumbers() throws {
    let dense = (0..<100).map { Int32($0 % 4) }
    let apart = dense.map { [0, 5, 9_999, Int32.max][Int($0)] }
    let (a, b) = (try split(dense, 0.25), try split(apart, 0.25, named: true))
    #expect(a.test.features == b.test.features)
    #expect(Set(try #require(b.test.owners)) == [0, 5, 9_999, .max], "those that are given, not those of the whole")
  }

  @Test func whatCannotBeSplitIsRefused() throws {
    #expect(throws: DataError.self) { try split([0, 1, 2], 0.9) }
    #expect(throws: DataError.self) { try split([0, 0, 0, 1], 0.1) }
    #expect(throws: DataError.shape("found 2 owners of 3 examples")) {
      var random = random(1)
      _ = try Split(
        withinClients: numbered([0, 0, 0]), owners: [0, 0], testFraction: 0.5, random: &random)
    }
    #expect(throws: DataError.shape("example 1: found owner -1; owners are numbered from 0")) {
      try split([0, -1, 0], 0.5)
    }
  }

  @Test func quantitiesStayWithTheirExamples() throws {
    let data = try Dataset(features: [0, 1, 2, 3, 4, 5], targets: [10, 11, 12, 13, 14, 15], featureCount: 1)
    var random = random(3)
    let parts = try Split(withinClients: data, owners: [0, 0, 0, 1, 1, 1], testFraction: 0.4, random: &random)
    for part in [parts.training, parts.test] { #expect(part.targets == part.features.map { $0 + 10 }) }
    #expect(parts.test.count == 2)
  }

  /// Features are held once: the training part stays where the whole was.
  @Test func movesInPlace() throws {
    let owners = (0..<100_000).map { Int32($0 / 100) }
    let data = try numbered(owners)
    let place = data.features.withUnsafeBufferPointer { $0.baseAddress }
    var random = random(8)
    let parts = try Split(withinClients: consume data, owners: owners, testFraction: 0.2, random: &random)
    #expect(parts.training.features.withUnsafeBufferPointer { $0.baseAddress } == place)
  }

  /// `synthetic` keeps the last examples of each client, and says whose they are.
  @Test func testExamplesOfSyntheticDevicesAreTheirs() throws {
    let data = try SyntheticData(clients: 5, seed: 3).load(
      LoadRequest(seed: 1, testFraction: 0.25, parallel: Parallel(threads: 2)))
    let (training, test) = (try #require(data.training.owners), try #require(data.test?.owners))
    for client in 0..<5 as Range<Int32> {
      let counts = (training.count { $0 == client }, test.count { $0 == client })
      #expect(counts.0 == Int(0.75 * Double(counts.0 + counts.1)))
    }
  }
}
