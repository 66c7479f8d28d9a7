import Aggregator
import Clients
import JSONText

/// The scenario's sections `model`, `training` and `server`: which keys go together.
extension Scenario {
  private static func integers(_ value: JSON?) -> [Int]? {
    guard case .array(let items)? = value else { return nil }
    return items.compactMap { if case .integer(let item) = $0 { item } else { nil } }
  }

  /// A key that only some choices have a use for.
  static func refuse(
    _ path: String, _ keys: ResolvedKeys, _ file: ScenarioFile, because reason: String
  ) throws(ScenarioError) {
    if let found = keys.optional(path) {
      throw file.error(at: path, "found \(found.summary), but \(reason)", allowed: "null")
    }
  }

  static func model(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) -> Model {
    let kind = keys.string("model.kind")
    let hidden = integers(keys.optional("model.hidden"))
    let channels = integers(keys.optional("model.channels"))
    if kind == "perceptron", hidden == nil {
      throw file.error(
        at: "model.hidden", "\"perceptron\" needs the widths of its hidden layers", allowed: "such as [64]")
    }
    if kind == "softmax-regression" {
      try refuse("model.hidden", keys, file, because: "\"softmax-regression\" has no hidden layer")
    }
    guard kind == "convolutional" else {
      for path in ["model.channels", "model.kernel"] {
        try refuse(path, keys, file, because: "\"\(kind)\" has no convolution")
      }
      return Model(hidden: hidden ?? [], channels: [], kernel: 1)
    }
    guard let channels else {
      throw file.error(
        at: "model.channels", "\"convolutional\" needs the outputs of its convolutions", allowed: "such as [16, 32]")
    }
    let kernel = keys.optional("model.kernel") == nil ? 5 : keys.integer("model.kernel")
    guard kernel % 2 == 1 else {
      throw file.error(at: "model.kernel", "found \(kernel)", allowed: "an odd number from 1 to 31")
    }
    return Model(hidden: hidden ?? [], channels: channels, kernel: kernel)
  }

  static func training(
    _ keys: ResolvedKeys, _ file: ScenarioFile, dropout: Double
  ) throws(ScenarioError) -> Training {
    let work: LocalWork
    switch (keys.optional("training.epochs"), keys.optional("training.steps")) {
    case (.some, .some(let steps)):
      throw file.error(
        at: "training.steps", "found \(steps.summary) beside \"epochs\"", allowed: "one of the two")
    case (nil, .some): work = .steps(keys.integer("training.steps"))
    case (let epochs, nil): work = .epochs(epochs == nil ? 1 : keys.integer("training.epochs"))
    }
    return Training(
      work: work, batchSize: keys.integer("training.batchSize"), learningRate: keys.number("training.learningRate"),
      momentum: keys.number("training.momentum"), proximal: keys.number("training.proximal"),
      faults: ClientPool.Faults(
        dropout: dropout, stragglers: keys.number("training.stragglers"),
        dropsStragglers: keys.string("training.stragglerUpdates") == "drop"))
  }

  static func optimizer(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) -> ServerOptimizer {
    let name = keys.string("server.optimizer")
    let reason = "\"\(name)\" has none"
    // A momentum of 0 is none, whoever has it.
    if name == FedAvg.name, keys.optional("server.momentum")?.double != 0 {
      try refuse("server.momentum", keys, file, because: reason)
    }
    if name != FedAdam.name && name != FedYogi.name { try refuse("server.beta2", keys, file, because: reason) }
    if name == FedAvg.name || name == FedAvgM.name { try refuse("server.adaptivity", keys, file, because: reason) }
    let rate = keys.number("server.learningRate")
    let momentum = keys.optional("server.momentum")?.double
    let beta2 = keys.optional("server.beta2")?.double ?? 0.99
    let adaptivity = keys.optional("server.adaptivity")?.double ?? 1e-3
    switch name {
    case FedAvgM.name: return ServerOptimizer(FedAvgM(learningRate: rate, momentum: momentum ?? 0.9))
    case FedAdagrad.name:
      return ServerOptimizer(FedAdagrad(learningRate: rate, momentum: momentum ?? 0, adaptivity: adaptivity))
    case FedAdam.name:
      return ServerOptimizer(
        FedAdam(learningRate: rate, momentum: momentum ?? 0.9, beta2: beta2, adaptivity: adaptivity))
    case FedYogi.name:
      return ServerOptimizer(
        FedYogi(learningRate: rate, momentum: momentum ?? 0.9, beta2: beta2, adaptivity: adaptivity))
    default: return ServerOptimizer(FedAvg(learningRate: rate))
    }
  }

  static func algorithm(
    _ keys: ResolvedKeys, _ file: ScenarioFile, hasPrivacy: Bool
  ) throws(ScenarioError) -> Server.Algorithm {
    let isWeighted = keys.string("server.weighting") == "examples"
    guard keys.string("training.algorithm") == "scaffold" else {
      if isWeighted && hasPrivacy {
        throw file.error(
          at: "server.weighting",
          "found \"examples\" in a run with privacy: a weight by the number of examples would tell "
            + "of them, and no account has it", allowed: "\"uniform\"")
      }
      return isWeighted ? .weighted : .unweighted
    }
    if hasPrivacy {
      throw file.error(
        at: "training.algorithm",
        "found \"scaffold\" in a run with privacy: its control variates are a second message of the same data, and its clients keep a "
          + "state from round to round, which no account has",
        allowed: "\"sgd\"")
    }
    if isWeighted {
      throw file.error(
        at: "server.weighting", "found \"examples\" with \"scaffold\", whose means are over clients",
        allowed: "\"uniform\"")
    }
    if keys.number("training.momentum") > 0 {
      throw file.error(
        at: "training.momentum", "found a momentum with \"scaffold\", whose control variates are means of plain steps",
        allowed: "0")
    }
    if keys.number("training.proximal") > 0 {
      throw file.error(
        at: "training.proximal",
        "found a proximal term with \"scaffold\", whose control variates are means of plain steps",
        allowed: "0")
    }
    return .scaffold
  }
}
