import Settings

/// Stochastic gradient descent, with momentum and FedProx's term where they are asked for.
///
/// A step: g = mean gradient of the batch + mu (w - w_0) + decay w; v = momentum v + g; w = w - rate v [Li et al. 2020 for mu]. The decay is
/// the gradient of decay |w|^2 / 2, in all parameters alike, as torch.optim.SGD has it.
public struct SGD: ClientOptimizing, Configurable, Equatable {
  public var learningRate: Double
  public var momentum: Double
  /// FedProx's mu.
  public var proximal: Double
  /// The share of each parameter that is added to its gradient.
  public var weightDecay: Double

  public init(learningRate: Double, momentum: Double = 0, proximal: Double = 0, weightDecay: Double = 0) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.proximal = proximal
    self.weightDecay = weightDecay
  }

  public static let keys = SettingList(
    SGD(learningRate: 1),
    [
      Setting("learningRate", \.learningRate, .positive, .required, learningRateMeaning),
      Setting("momentum", \.momentum, momentumRange, momentumMeaning),
      Setting("proximal", \.proximal, proximalRange, proximalMeaning),
      Setting("weightDecay", \.writtenWeightDecay, weightDecayRange, weightDecayFallback, weightDecayMeaning),
    ])

  /// Absent where it is 0, however that was said: a run has one scenario.json.
  var writtenWeightDecay: Double? {
    get { weightDecay == 0 ? nil : weightDecay }
    set { weightDecay = newValue ?? 0 }
  }

  static let learningRateMeaning = "step size of the clients' SGD"
  static let momentumRange = KeyRange.number(0..<1)
  static let momentumMeaning = "momentum of the clients' SGD, from zero in every round"
  static let proximalRange = KeyRange.number(0...1e6)
  static let proximalMeaning = "FedProx's mu: pulls each step towards the broadcast model"

  static let weightDecayRange = KeyRange.number(0...1e6)
  static let weightDecayFallback = KeyFallback.absent("0")
  static let weightDecayMeaning =
    "weight decay: the gradient has so many times the parameters added (`sgd`, `scaffold`: an L2 term), or each step takes rate times it "
    + "off them (`adam`: AdamW)"

  public var options: [(name: String, value: Double)] {
    (momentum > 0 ? [("momentum", momentum)] : []) + (proximal > 0 ? [("FedProx mu =", proximal)] : [])
      + (weightDecay > 0 ? [("weight decay", weightDecay)] : [])
  }

  public func scaled(by factor: Double) -> SGD? {
    var scaled = self
    scaled.learningRate *= factor
    return scaled
  }

  /// The velocity v; nil without momentum.
  public struct State {
    fileprivate let velocity: FloatBuffer?
  }

  public func makeState(parameters: Int) -> State {
    State(velocity: momentum > 0 ? FloatBuffer(count: parameters) : nil)
  }

  public func reset(_ state: inout State) { state.velocity?.fill() }

  public func step(
    _ parameters: FloatBuffer, from start: FloatBuffer, _ state: inout State,
    addGradient: (_ scale: Float, _ target: FloatBuffer, _ prepare: (Range<Int>) -> Void) -> Void
  ) {
    let rate = Float(learningRate)
    let (pull, decay) = (Float(proximal), Float(weightDecay))
    if let velocity = state.velocity {
      let kept = Float(momentum)
      addGradient(1, velocity) { range in
        let v = velocity.start
        if decay > 0 {
          let w = parameters.start
          for i in range { v[i] = kept * v[i] + (pull * (w[i] - start.start[i]) + decay * w[i]) }
        } else if proximal > 0 {
          for i in range { v[i] = kept * v[i] + pull * (parameters.start[i] - start.start[i]) }
        } else {
          for i in range { v[i] *= kept }
        }
      }
      for i in 0..<parameters.count { parameters.start[i] -= rate * velocity.start[i] }
    } else {
      // The gradient goes straight into the parameters.
      addGradient(-rate, parameters) { range in
        if decay > 0 {
          let w = parameters.start
          for i in range { w[i] -= rate * (pull * (w[i] - start.start[i]) + decay * w[i]) }
          return
        }
        guard proximal > 0 else { return }
        for i in range { parameters.start[i] -= rate * pull * (parameters.start[i] - start.start[i]) }
      }
    }
  }
}
