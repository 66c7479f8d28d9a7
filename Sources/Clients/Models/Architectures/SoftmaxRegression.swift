import Datasets
import Settings

/// One linear layer with softmax cross-entropy.
public struct SoftmaxRegression: ModelArchitecture, Equatable {
  public init() {}

  public static let keys = SettingList(SoftmaxRegression(), [])

  public func makeModel(for data: Dataset) -> any Model {
    Network(features: data.featureCount, hidden: [], classes: data.classCount)
  }
}
