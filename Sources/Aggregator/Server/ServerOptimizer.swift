/// How the mean update moves the model. Post-processing: no privacy is spent here.
///
/// With the mean update D, m <- beta_1 m + (1 - beta_1) D and the square v, parameters += rate m / (sqrt(v) + tau)
/// [Reddi et al. 2021, Algorithm 2; v starts at tau^2, no bias correction].
public struct ServerOptimizer: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    /// parameters += rate D [McMahan et al. 2017].
    case fedavg
    /// v <- momentum v + D, parameters += rate v [Hsu et al. 2019].
    case fedavgm
    /// v <- v + D^2
    case fedadagrad
    /// v <- beta_2 v + (1 - beta_2) D^2
    case fedadam
    /// v <- v - (1 - beta_2) D^2 sign(v - D^2)
    case fedyogi

    /// Of `momentum` where none is given.
    public var defaultMomentum: Double {
      switch self {
      case .fedavg, .fedadagrad: 0
      case .fedavgm, .fedadam, .fedyogi: 0.9
      }
    }
  }

  public let kind: Kind
  public let learningRate: Double
  /// beta_1
  public let momentum: Double
  public let beta2: Double
  /// tau
  public let adaptivity: Double

  public init(
    _ kind: Kind, learningRate: Double, momentum: Double? = nil, beta2: Double = 0.99, adaptivity: Double = 1e-3
  ) {
    self.kind = kind
    self.learningRate = learningRate
    self.momentum = momentum ?? kind.defaultMomentum
    self.beta2 = beta2
    self.adaptivity = adaptivity
  }

  public static func fedavg(learningRate: Double) -> ServerOptimizer {
    ServerOptimizer(.fedavg, learningRate: learningRate)
  }

  /// What is kept between rounds: nothing, or one or two values a parameter.
  public struct State: Sendable, Equatable {
    public var momentum: [Double]
    public var squares: [Double]

    public init(momentum: [Double], squares: [Double]) {
      self.momentum = momentum
      self.squares = squares
    }
  }

  func initialState(parameters: Int) -> State {
    let hasSquares = kind != .fedavg && kind != .fedavgm
    return State(
      momentum: [Double](repeating: 0, count: kind == .fedavg ? 0 : parameters),
      squares: [Double](repeating: adaptivity * adaptivity, count: hasSquares ? parameters : 0))
  }

  /// - Parameter mean: at least as many values as parameters.
  func step(_ parameters: inout [Float], mean: [Double], _ state: inout State) {
    for i in parameters.indices {
      let d = mean[i]
      var move = d
      switch kind {
      case .fedavg: break
      case .fedavgm:
        state.momentum[i] = momentum * state.momentum[i] + d
        move = state.momentum[i]
      case .fedadagrad, .fedadam, .fedyogi:
        state.momentum[i] = momentum * state.momentum[i] + (1 - momentum) * d
        let v = state.squares[i]
        let square = d * d
        switch kind {
        case .fedadagrad: state.squares[i] = v + square
        case .fedadam: state.squares[i] = beta2 * v + (1 - beta2) * square
        default: state.squares[i] = v - (1 - beta2) * (v > square ? square : v < square ? -square : 0)
        }
        move = state.momentum[i] / (state.squares[i].squareRoot() + adaptivity)
      }
      parameters[i] = Float(Double(parameters[i]) + learningRate * move)
    }
  }
}
