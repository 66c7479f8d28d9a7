import Datasets
import Settings

/// One linear layer with the squared error: a weight for each feature, and a bias.
public struct LinearRegression: ModelArchitecture, Equatable {
  public static let task = LearningTask.regression

  public init() {}

  public static let keys = SettingList(LinearRegression(), [])

  public func makeModel(for data: Dataset) -> any Model {
    Network(features: data.featureCount, hidden: [], classes: 1, output: .quantity)
  }
}
