import ChannelCoding

/// The clients and what each of them has.
public struct Population: Sendable {
  public let data: Dataset
  /// Indices of examples, client after client.
  private let order: [Int]
  /// Client i has order[offsets[i] ..< offsets[i + 1]].
  private let offsets: [Int]

  public var clientCount: Int { offsets.count - 1 }

  public init(_ data: Dataset, partition: Partition, random: inout RandomStream) throws(DataError) {
    self.data = data
    switch partition {
    case .oneExample:
      order = Array(0..<data.count)
      offsets = Array(0...data.count)
    case .iid(let clients):
      guard clients >= 1, clients <= data.count else {
        throw .tooFewExamples("\(data.count) training examples cannot be dealt to \(clients) clients")
      }
      var shuffled = Array(0..<data.count)
      random.shuffle(&shuffled)
      order = shuffled
      offsets = (0...clients).map { $0 * data.count / clients }
    }
  }

  public func examples(of client: Int) -> ArraySlice<Int> { order[offsets[client]..<offsets[client + 1]] }
}
