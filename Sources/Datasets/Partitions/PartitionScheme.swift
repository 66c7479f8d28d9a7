import ChannelCoding
import Files
import Settings

/// How training examples are partitioned among clients. Every example goes to exactly one client.
///
/// One file beside this one for each of ours; one of another package conforms and is given to `Population` as ours are.
public protocol PartitionScheme: Sendable {
  /// The number of clients that the scheme names; nil where the data decide.
  var clientCount: Int? { get }

  /// Whether the scheme looks at the classes of examples, so that it says nothing of quantities. The default is false.
  var usesClasses: Bool { get }

  /// Who has which example.
  ///
  /// - Parameter random: all that the choice may depend on beside the data: the same stream, the same assignment.
  /// - Throws: `DataError` where the examples are too few or lack what the scheme needs.
  func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment
}

extension PartitionScheme {
  public var clientCount: Int? { nil }
  public var usesClasses: Bool { false }
}

/// Who has which example, as a scheme says it.
public enum ClientAssignment: Sendable {
  /// Client i has example i alone.
  case oneExampleEach
  /// An order of all examples, cut into as many parts as there are clients; their sizes differ by at most one.
  case equalParts(order: [Int32], clients: Int)
  /// The client of each example, from 0 on.
  case owners([Int32], clients: Int)
}

extension DataError {
  /// Refuses more clients than there are examples for.
  ///
  /// - Parameter subject: what asks for so many examples each; nil where that is the scheme itself.
  static func checkClients(
    _ clients: Int, examplesEach: Int, _ data: Dataset, about subject: DataSubject? = nil
  ) throws(DataError) {
    guard clients >= 1, clients <= data.count else {
      throw .tooFewExamples("\(data.count) training examples cannot be partitioned among \(clients) clients")
    }
    let (needed, isTooLarge) = clients.multipliedReportingOverflow(by: examplesEach)
    guard !isTooLarge, needed <= data.count else {
      let error = DataError.tooFewExamples(
        "\(clients) clients need at least \(examplesEach) each, and there are \(data.count) training examples")
      throw subject.map(error.about) ?? error
    }
  }
}

/// The range of a number of clients.
let clientRange = KeyRange.integer(1...10_000_000)
/// The range of a concentration.
let alphaRange = KeyRange.number(1e-6...1e9)

extension Choices where Value == any PartitionScheme {
  /// Our schemes, as a scenario's `partition.kind` names them.
  public static let standard = Choices(
    [
      Choice("one-example", "a client for each example", OneExamplePartition.self) { $0 },
      Choice("iid", "a shuffle cut into equal parts", IIDPartition.self) { $0 },
      Choice("dirichlet-client", "a class mix for each client", DirichletClientPartition.self) { $0 },
      Choice("dirichlet-class", "a client mix for each class", DirichletClassPartition.self) { $0 },
      Choice("classes", "a few classes for each client", ClassPartition.self) { $0 },
      Choice("shards", "parts of the examples sorted by label", ShardPartition.self) { $0 },
      Choice("natural", "the owners that the data name", NaturalPartition.self) { $0 },
    ], alwaysWritten: ["clients"])
}
