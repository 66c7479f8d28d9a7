import Files
import Settings

/// A library caller's own examples.
public struct GivenData: ExampleSource {
  /// Nil in a scenario that was read from a file: the program that uses FedSim hands them in.
  public var split: Split?

  public init(_ split: Split? = nil) { self.split = split }

  public var readsTargets: Bool { true }
  public var description: String { "given by the caller" }

  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    guard let split else {
      throw .shape(
        "\"given\" examples come from a program that uses FedSim as a library; none were given")
    }
    return LoadedData(training: split.training, test: split.test, labelPlace: "the given examples")
  }
}

extension GivenData: Configurable {
  public static let keys = SettingList(GivenData(), [])
}
