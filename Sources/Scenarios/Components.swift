import Aggregator
import ChannelCoding
import Clients
import Datasets
import Settings
import VariationalModels

/// What scenarios can name: what is built in, and whatever a program adds.
///
///     var components = Components.standard
///     components.models = components.models.adding(Choice("my-model", "one line", MyModel.self) { $0 })
///     let scenario = try Scenario(ScenarioFile(bytes, name: "s.json", components: components))
public struct Components: Sendable {
  /// Values of `data.source`.
  public var sources = Choices<any ExampleSource>.standard
  /// Values of `partition.kind`.
  public var partitions = Choices<any PartitionScheme>.standard
  /// Values of `model.kind`.
  public var models = Choices<any ModelArchitecture>.ofAllTasks
  /// Values of `training.algorithm`.
  public var clientOptimizers = Choices<any ClientOptimizing>.standard
  /// Values of `server.optimizer`.
  public var serverOptimizers = Choices<any ServerOptimizing>.standard
  /// Values of `channel.codec`.
  public var codecs = CodecRegistry.standard

  /// What is built in.
  public static let standard = Components()

  public init() {}
}
