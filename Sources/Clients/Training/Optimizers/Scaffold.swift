import Settings

/// Plain SGD whose steps are corrected by control variates [Karimireddy et al. 2020], which doubles both messages.
///
/// Its clients keep a state from round to round, and send a second message of the same data: no account of privacy has that, so it is
/// for runs without privacy.
public struct Scaffold: ClientOptimizing, Configurable {
  private var sgd: SGD

  public var learningRate: Double {
    get { sgd.learningRate }
    set { sgd.learningRate = newValue }
  }

  public init(learningRate: Double) { sgd = SGD(learningRate: learningRate) }

  public static let keys = SettingList(
    Scaffold(learningRate: 1),
    [
      Setting("learningRate", \.learningRate, .positive, .required, SGD.learningRateMeaning),
      Setting("momentum", \.sgd.momentum, SGD.momentumRange, SGD.momentumMeaning),
      Setting("proximal", \.sgd.proximal, SGD.proximalRange, SGD.proximalMeaning),
      Setting(
        "weightDecay", \.sgd.writtenWeightDecay, SGD.weightDecayRange, SGD.weightDecayFallback, SGD.weightDecayMeaning),
    ])

  public var problem: KeyProblem? {
    if sgd.momentum > 0 {
      return KeyProblem(
        "momentum", "found a momentum with \"scaffold\", whose control variates are means of plain steps", allowed: "0")
    }
    if sgd.proximal > 0 {
      return KeyProblem(
        "proximal", "found a proximal term with \"scaffold\", whose control variates are means of plain steps",
        allowed: "0")
    }
    return nil
  }

  public var options: [(name: String, value: Double)] { sgd.options }

  public var usesControlVariates: Bool { true }

  public func scaled(by factor: Double) -> Scaffold? {
    var scaled = self
    scaled.learningRate *= factor
    return scaled
  }

  public func makeState(parameters: Int) -> SGD.State { sgd.makeState(parameters: parameters) }

  public func reset(_ state: inout SGD.State) { sgd.reset(&state) }

  public func step(
    _ parameters: FloatBuffer, from start: FloatBuffer, _ state: inout SGD.State,
    addGradient: (_ scale: Float, _ target: FloatBuffer, _ prepare: (Range<Int>) -> Void) -> Void
  ) {
    sgd.step(parameters, from: start, &state, addGradient: addGradient)
  }
}
