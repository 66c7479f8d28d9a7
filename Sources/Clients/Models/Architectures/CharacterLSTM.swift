import Datasets
import Settings

/// Layers of long short-term memory over embedded symbols, which say what follows the last one: the kind of model that LEAF has for Shakespeare.
public struct CharacterLSTM: ModelArchitecture, Equatable {
  /// Values that stand for a symbol.
  public var embedding: Int
  /// Width of each recurrent layer.
  public var hidden: Int
  /// How many recurrent layers there are.
  public var layers: Int

  /// The defaults are those of LEAF's model.
  public init(embedding: Int = 8, hidden: Int = 256, layers: Int = 2) {
    self.embedding = embedding
    self.hidden = hidden
    self.layers = layers
  }

  public static let readsSymbols = true

  public static let keys = SettingList(
    CharacterLSTM(),
    [
      Setting("embedding", \.embedding, .integer(1...1024), "values that stand for a symbol"),
      Setting("hidden", \.hidden, .integer(1...4096), "width of each recurrent layer"),
      Setting("layers", \.layers, .integer(1...8), "number of recurrent layers"),
    ])

  public func makeModel(for data: Dataset) throws(KeyProblem) -> any Model {
    guard let symbols = data.symbolNames else {
      throw KeyProblem(
        "kind", "\"character-lstm\" reads rows of symbols, and the data's features are quantities",
        allowed: "a model of quantities, such as \"perceptron\"")
    }
    return RecurrentNetwork(
      symbols: symbols.count, length: data.featureCount, classes: data.classCount, embedding: embedding, hidden: hidden,
      layers: layers)
  }
}
