import ChannelCoding
import Datasets
import Settings

/// A model that FedSim knows by the number of its parameters alone: a program trains it and hands in the updates.
public struct ExternalModel: ModelArchitecture, Equatable {
  /// d
  public var parameters: Int

  /// More than this no machine here trains: a slip of the keyboard, found before memory is asked for.
  public static let mostParameters = 100_000_000

  public init(parameters: Int) { self.parameters = parameters }

  public func makeModel(for data: Dataset) -> any Model { ExternalParameters(count: parameters) }
}

extension ExternalModel {
  public static let keys = SettingList(
    ExternalModel(parameters: 1),
    [
      Setting(
        "parameters", \.parameters, .integer(1...mostParameters), .needed("the number of parameters"),
        "d, the number of parameters")
    ])
}

/// Parameters of a model that is elsewhere, with the names and shapes that a program gives their parts. Nothing is computed with them: a gradient of
/// theirs is zero, and no example is predicted.
public struct ExternalParameters: Model {
  public typealias Workspace = Void

  public let parameterCount: Int
  public let tensors: [ModelTensor]

  public var shape: String { "the program's own" }

  /// One tensor, "parameters".
  init(count: Int) { (parameterCount, tensors) = (count, [ModelTensor(name: "parameters", shape: [count])]) }

  /// - Parameters:
  ///   - count: the number of parameters.
  ///   - tensors: the parts of the flat parameters, one behind the other; each name once.
  /// - Throws: `KeyProblem` with the key "tensors" where the parts are not such, or do not come to `count` values.
  public init(count: Int, tensors: [ModelTensor]) throws(KeyProblem) {
    var names: Set<String> = []
    var sum = 0
    for (i, tensor) in tensors.enumerated() {
      let problem = { (found: String, allowed: String) in
        KeyProblem("tensors[\(i)]", "found \(found)", allowed: allowed)
      }
      guard (1...200).contains(tensor.name.utf8.count), !tensor.name.unicodeScalars.contains(where: { $0.value < 32 })
      else {
        throw problem("a name of \(tensor.name.utf8.count) bytes", "1 to 200 bytes without control characters")
      }
      guard tensor.name != "__metadata__", names.insert(tensor.name).inserted else {
        throw problem("the name \"\(tensor.name)\"", "each name once, and not \"__metadata__\"")
      }
      var size = 1
      for side in tensor.shape {
        let (product, isTooLarge) = size.multipliedReportingOverflow(by: side)
        guard side >= 0, !isTooLarge, product <= count else {
          throw problem("the shape \(tensor.shape)", "sides from 0 on, of at most \(count) values in all")
        }
        size = product
      }
      sum += size
      guard sum <= count else { break }
    }
    guard sum == count else {
      throw KeyProblem(
        "tensors", "found tensors of \(sum)\(sum > count ? " values and more" : " values")",
        allowed: "\(count) values in all, as the parameters have")
    }
    (parameterCount, self.tensors) = (count, tensors)
  }

  public func initialParameters(_ random: inout RandomStream) -> [Float] {
    [Float](repeating: 0, count: parameterCount)
  }

  public func makeWorkspace(capacity: Int) {}

  public func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: Void, _ prepare: (Range<Int>) -> Void
  ) {
    prepare(0..<parameterCount)
  }

  public func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: Void
  ) -> [Prediction] {
    examples.map { _ in Prediction(loss: .nan, isCorrect: false) }
  }
}
