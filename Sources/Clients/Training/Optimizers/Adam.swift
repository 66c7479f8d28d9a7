import Settings

/// Adam, from zero moments in every round [Kingma & Ba 2015].
///
/// A step k = 1, 2, ... with the minibatch's mean gradient g: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w = w - rate m' /
/// (sqrt(v') + epsilon) with m' = m / (1 - beta1^k) and v' = v / (1 - beta2^k). It is for models whose parameters differ in scale; a client
/// keeps nothing from round to round. A weight decay is decoupled: before the step w = (1 - rate decay) w [AdamW: Loshchilov & Hutter 2019].
public struct Adam: ClientOptimizing, Configurable, Equatable {
  public var learningRate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  /// The share of each parameter, times the rate, that a step takes off it.
  public var weightDecay: Double

  public init(
    learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0
  ) {
    self.weightDecay = weightDecay
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  public static let keys = SettingList(
    Adam(learningRate: 1),
    [
      Setting("learningRate", \.learningRate, .positive, .required, SGD.learningRateMeaning),
      Setting("beta1", \.beta1, .number(0..<1), "decay of the clients' mean gradient"),
      Setting("beta2", \.beta2, .number(0..<1), "decay of the clients' squared gradient"),
      Setting("epsilon", \.epsilon, .positive, "added to the root of the clients' squared gradient"),
      Setting(
        "weightDecay", \.writtenWeightDecay, SGD.weightDecayRange, SGD.weightDecayFallback, SGD.weightDecayMeaning),
    ])

  /// Absent where it is 0, however that was said: a run has one scenario.json.
  var writtenWeightDecay: Double? {
    get { weightDecay == 0 ? nil : weightDecay }
    set { weightDecay = newValue ?? 0 }
  }

  public var options: [(name: String, value: Double)] {
    [("beta1", beta1), ("beta2", beta2)] + (weightDecay > 0 ? [("weight decay", weightDecay)] : [])
  }

  public func scaled(by factor: Double) -> Adam? {
    var scaled = self
    scaled.learningRate *= factor
    return scaled
  }

  /// The moments m and v, the gradient's own place, and the powers of the decays.
  public struct State {
    fileprivate let gradient: FloatBuffer
    fileprivate let mean: FloatBuffer
    fileprivate let square: FloatBuffer
    fileprivate var power1 = 1.0
    fileprivate var power2 = 1.0
  }

  public func makeState(parameters: Int) -> State {
    State(
      gradient: FloatBuffer(count: parameters), mean: FloatBuffer(count: parameters),
      square: FloatBuffer(count: parameters))
  }

  public func reset(_ state: inout State) {
    state.mean.fill()
    state.square.fill()
    (state.power1, state.power2) = (1, 1)
  }

  public func step(
    _ parameters: FloatBuffer, from start: FloatBuffer, _ state: inout State,
    addGradient: (_ scale: Float, _ target: FloatBuffer, _ prepare: (Range<Int>) -> Void) -> Void
  ) {
    state.gradient.fill()
    addGradient(1, state.gradient) { _ in }
    state.power1 *= beta1
    state.power2 *= beta2
    // rate m' / (sqrt v' + epsilon) with both corrections taken out of the loop.
    let correction = (1 - state.power2).squareRoot()
    let rate = Float(learningRate * correction / (1 - state.power1))
    let small = Float(epsilon * correction)
    let (kept1, kept2) = (Float(beta1), Float(beta2))
    let (new1, new2) = (Float(1 - beta1), Float(1 - beta2))
    let (w, g, m, v) = (parameters.start, state.gradient.start, state.mean.start, state.square.start)
    if weightDecay > 0 {
      let left = Float(1 - learningRate * weightDecay)
      for i in 0..<parameters.count { w[i] *= left }
    }
    for i in 0..<parameters.count {
      m[i] = kept1 * m[i] + new1 * g[i]
      v[i] = kept2 * v[i] + new2 * (g[i] * g[i])
      w[i] -= rate * m[i] / (v[i].squareRoot() + small)
    }
  }
}
