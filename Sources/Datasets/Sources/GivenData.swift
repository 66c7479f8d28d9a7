import Files
import Settings

/// A library caller's own examples.
public struct GivenData: ExampleSource {
  /// Nil in a scenario that was read from a file: the program that uses FedSim hands them in.
  public var training: Dataset?
  /// Nil where the test is a part of what is given, to be split off.
  public var test: Dataset?

  /// Both parts.
  public init(_ split: Split? = nil) { (training, test) = (split?.training, split?.test) }

  /// - Parameters:
  ///   - training: the examples of the clients, and of the test where there are no others.
  ///   - test: test examples of their own; nil for a split.
  public init(training: Dataset, test: Dataset?) { (self.training, self.test) = (training, test) }

  public var readsTargets: Bool { true }
  /// Whoever gives texts says which symbols they have.
  public var areSymbolsGiven: Bool { true }
  public var description: String { "given by the caller" }

  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    guard let training else {
      throw .shape(
        "\"given\" examples come from a program that uses FedSim as a library; none were given")
    }
    return LoadedData(training: training, test: test, labelPlace: "the given examples")
  }
}

extension GivenData: Configurable {
  public static let keys = SettingList(GivenData(), [])
}
