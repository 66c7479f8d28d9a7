import ChannelCoding
import Files
import Settings

/// A few classes for each client, as in FedProx's MNIST (Li et al. 2020) and in NIID-Bench (Li et al. 2022, "#C = k"), dealt evenly.
///
/// Client by client, the `perClient` classes that the fewest clients have so far, ties by lot: a client's classes differ, and the numbers of
/// clients that two classes have differ by at most one. The shuffled examples of a class are cut among its clients, in equal parts (up to one)
/// or in proportion to the weights of `ClientSizes`, so that a class goes wholly to those that have it. Sizes of clients then follow the law
/// as far as classes allow: a client of weight w has about w times what the weight of its classes' clients leaves.
///
/// Only classes that have examples are dealt. Every client gets an example of each of its classes at least, and ceil(`minimumSize` /
/// `perClient`) under a law.
public struct ClassPartition: SizedPartition, Equatable {
  public var clients: Int
  public var perClient: Int
  public var sizes: ClientSizes

  public init(clients: Int, perClient: Int = 2, sizes: ClientSizes = ClientSizes()) {
    self.clients = clients
    self.perClient = perClient
    self.sizes = sizes
  }

  public var clientCount: Int? { clients }
  public var usesClasses: Bool { true }

  public func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment {
    try DataError.checkClients(clients, examplesEach: perClient, data)
    var members = [Int](repeating: 0, count: data.classCount)
    for label in data.labels { members[Int(label)] += 1 }
    let classes = members.indices.filter { members[$0] > 0 }
    guard perClient <= classes.count else {
      throw .partition("each client gets \(perClient) classes, and \(classes.count) have training examples")
    }
    guard clients * perClient >= classes.count else {
      throw .partition(
        "\(clients) clients of \(perClient) classes each leave some of the \(classes.count) classes to nobody")
    }
    let weights = sizes.isDrawn ? sizes.weights(clients: clients, &random) : nil
    let holders = holders(of: classes.count, &random)
    var queues = ClassQueues(data, &random)
    var owners = [Int32](repeating: 0, count: data.count)
    let least = (sizes.least + perClient - 1) / perClient
    for (c, holders) in zip(classes, holders) {
      let (needed, isTooLarge) = holders.count.multipliedReportingOverflow(by: least)
      guard !isTooLarge, needed <= members[c] else {
        let error = DataError.tooFewExamples(
          "class \(data.classNames.map { ShownText.quoted($0[c]) } ?? "\(c)") has \(members[c]) training examples for "
            + "\(holders.count) clients, which need at least \(least) each")
        throw sizes.isDrawn ? error.about(.minimumSize) : error
      }
      let shares =
        weights.map { weights in
          ClientSizes.apportioned(members[c] - needed, by: holders.map { weights[Int($0)] }).map { $0 + least }
        }
        ?? holders.indices.map { ($0 + 1) * members[c] / holders.count - $0 * members[c] / holders.count }
      for (client, share) in zip(holders, shares) { for _ in 0..<share { owners[queues.take(c)] = client } }
    }
    return .owners(owners, clients: clients)
  }

  /// The clients that have each class, in their order.
  private func holders(of classes: Int, _ random: inout RandomStream) -> [[Int32]] {
    var holders = [[Int32]](repeating: [], count: classes)
    // Classes that the fewest clients have, and those that one client more has.
    var fewest = Array(0..<classes)
    var others: [Int] = []
    for client in 0..<Int32(clients) {
      var left = perClient
      var taken: [Int] = []
      if fewest.count < left {
        // All of them; the client's other classes are of those that then have as few.
        left -= fewest.count
        for c in fewest { holders[c].append(client) }
        (taken, fewest, others) = (fewest, others, [])
      }
      for _ in 0..<left {
        let c = fewest.remove(drawn: random.integer(below: fewest.count))
        holders[c].append(client)
        others.append(c)
      }
      fewest += taken
      if fewest.isEmpty { swap(&fewest, &others) }
    }
    return holders
  }
}

extension [Int] {
  /// Takes an element out; the last one takes its place.
  fileprivate mutating func remove(drawn i: Int) -> Int {
    swapAt(i, count - 1)
    return removeLast()
  }
}

extension ClassPartition: Configurable {
  public static let keys = SettingList(
    ClassPartition(clients: 1),
    [
      Setting("clients", \.clients, clientRange, .needed("the number of clients"), "number of clients"),
      Setting("classesPerClient", \.perClient, .integer(1...65_536), "different classes that a client gets"),
    ] + sizeSettings(canBeGiven: false))
}

extension PartitionScheme where Self == ClassPartition {
  public static func classes(clients: Int, perClient: Int = 2, sizes: ClientSizes = ClientSizes()) -> Self {
    ClassPartition(clients: clients, perClient: perClient, sizes: sizes)
  }
}
