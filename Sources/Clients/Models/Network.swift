import ChannelCoding

/// A fully connected network with ReLU between layers and softmax cross-entropy at the end, in float32. Without
/// hidden layers it is softmax regression.
///
/// Parameters are one flat vector: for each layer the weights, input by input (inputs x outputs, row-major), then the
/// biases. All arithmetic is in a fixed order, so results do not depend on threads.
public struct Network: Sendable, Equatable {
  /// Widths from the features to the classes, at least two.
  public let widths: [Int]
  public let parameterCount: Int

  public init(features: Int, hidden: [Int], classes: Int) {
    widths = [features] + hidden + [classes]
    precondition(widths.allSatisfy { $0 > 0 })
    parameterCount = zip(widths, widths.dropFirst()).map { ($0 + 1) * $1 }.reduce(0, +)
  }

  private var layerCount: Int { widths.count - 1 }

  /// Hidden weights are normal with variance 2 / inputs [He et al. 2015], everything in the last layer is 0.
  ///
  /// A zero last layer starts at the uniform prediction, loss ln(classes), and the first updates of all clients agree
  /// in scale: useful where they are clipped.
  public func initialParameters(_ random: inout RandomStream) -> [Float] {
    var parameters = [Float](repeating: 0, count: parameterCount)
    var offset = 0
    for layer in 0..<(layerCount - 1) {
      let weights = widths[layer] * widths[layer + 1]
      let scale = (2 / Double(widths[layer])).squareRoot()
      for i in 0..<weights { parameters[offset + i] = Float(scale * random.normal()) }
      offset += weights + widths[layer + 1]
    }
    return parameters
  }

  /// Activations and deltas of one example: made once, reused for all.
  public struct Workspace {
    fileprivate var activations: [[Float]]
    fileprivate var deltas: [[Float]]
    fileprivate var probabilities: [Double]
  }

  public func makeWorkspace() -> Workspace {
    Workspace(
      activations: widths.map { [Float](repeating: 0, count: $0) },
      deltas: widths.map { [Float](repeating: 0, count: $0) },
      probabilities: [Double](repeating: 0, count: widths[widths.count - 1]))
  }

  /// Loss and whether the label has the largest score (the lowest class number among equals wins).
  public struct Prediction: Sendable, Equatable {
    public let loss: Double
    public let isCorrect: Bool
  }

  public func predict(
    _ parameters: [Float], features: UnsafeBufferPointer<Float>, label: Int, _ workspace: inout Workspace
  ) -> Prediction {
    forward(parameters, features, &workspace)
    return softmax(label, &workspace)
  }

  /// Adds `weight` times the gradient of the example's loss to `gradient`.
  public func addGradient(
    _ parameters: [Float], features: UnsafeBufferPointer<Float>, label: Int, weight: Float,
    to gradient: inout [Float], _ workspace: inout Workspace
  ) -> Prediction {
    let prediction = predict(parameters, features: features, label: label, &workspace)
    for k in workspace.probabilities.indices {
      let target = k == label ? 1.0 : 0.0
      workspace.deltas[layerCount][k] = Float(workspace.probabilities[k] - target) * weight
    }
    backward(parameters, &gradient, &workspace)
    return prediction
  }

  private func forward(
    _ parameters: [Float], _ features: UnsafeBufferPointer<Float>, _ workspace: inout Workspace
  ) {
    precondition(features.count == widths[0] && parameters.count == parameterCount)
    for (i, value) in features.enumerated() { workspace.activations[0][i] = value }
    parameters.withUnsafeBufferPointer { all in
      guard var weights = all.baseAddress else { return }
      for layer in 0..<layerCount {
        let (inputs, outputs) = (widths[layer], widths[layer + 1])
        workspace.activations[layer].withUnsafeBufferPointer { input in
          workspace.activations[layer + 1].withUnsafeMutableBufferPointer { output in
            guard let to = output.baseAddress else { return }
            to.update(from: weights + inputs * outputs, count: outputs)
            for i in 0..<inputs where input[i] != 0 {
              Kernels.best.axpy(input[i], weights + i * outputs, to, count: outputs)
            }
            if layer < layerCount - 1 { for k in 0..<outputs where to[k] < 0 { to[k] = 0 } }
          }
        }
        weights += (inputs + 1) * outputs
      }
    }
  }

  /// Probabilities from the last activations, shifted by their maximum so that nothing overflows.
  private func softmax(_ label: Int, _ workspace: inout Workspace) -> Prediction {
    let scores = workspace.activations[layerCount]
    var best = 0
    for k in scores.indices where scores[k] > scores[best] { best = k }
    let top = Double(scores[best])
    var total = 0.0
    for k in scores.indices {
      let e = Elementary.exp(Double(scores[k]) - top)
      workspace.probabilities[k] = e
      total += e
    }
    for k in scores.indices { workspace.probabilities[k] /= total }
    let isFinite = total.isFinite && total > 0
    let loss = isFinite ? Elementary.log(total) - (Double(scores[label]) - top) : .nan
    return Prediction(loss: loss, isCorrect: isFinite && best == label)
  }

  private func backward(_ parameters: [Float], _ gradient: inout [Float], _ workspace: inout Workspace) {
    parameters.withUnsafeBufferPointer { all in
      gradient.withUnsafeMutableBufferPointer { out in
        guard let from = all.baseAddress, let to = out.baseAddress else { return }
        var offset = parameterCount
        for layer in stride(from: layerCount - 1, through: 0, by: -1) {
          let (inputs, outputs) = (widths[layer], widths[layer + 1])
          offset -= (inputs + 1) * outputs
          workspace.deltas[layer + 1].withUnsafeBufferPointer { delta in
            guard let delta = delta.baseAddress else { return }
            let activations = workspace.activations[layer]
            for i in 0..<inputs where activations[i] != 0 {
              Kernels.best.axpy(activations[i], delta, to + offset + i * outputs, count: outputs)
            }
            Kernels.best.axpy(1, delta, to + offset + inputs * outputs, count: outputs)
          }
          guard layer > 0 else { continue }
          let next = workspace.deltas[layer + 1]
          next.withUnsafeBufferPointer { delta in
            guard let delta = delta.baseAddress else { return }
            for i in 0..<inputs {
              workspace.deltas[layer][i] =
                workspace.activations[layer][i] > 0
                ? Kernels.best.dot(from + offset + i * outputs, delta, count: outputs) : 0
            }
          }
        }
      }
    }
  }
}
