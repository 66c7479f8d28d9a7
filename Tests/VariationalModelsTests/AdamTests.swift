import ChannelCoding
import Clients
import Testing

@Suite("Adam")
struct AdamTests {
  /// Against the paper's own formulas in double; after a reset the state is as new.
  @Test func stepsAreThePapers() {
    let adam = Adam(learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-3)
    let targets: [Float] = [1, -2, 0.001]
    let (parameters, start) = (FloatBuffer([0, 0, 0]), FloatBuffer([0, 0, 0]))
    var state = adam.makeState(parameters: 3)
    for _ in 0..<2 {
      parameters.fill()
      adam.reset(&state)
      var (w, m, v) = ([0.0, 0, 0], [0.0, 0, 0], [0.0, 0, 0])
      var (power1, power2) = (1.0, 1.0)
      for _ in 0..<40 {
        adam.step(parameters, from: start, &state) { scale, target, prepare in
          prepare(0..<3)
          for i in 0..<3 { target.start[i] += scale * Float(i + 1) * (parameters.start[i] - targets[i]) }
        }
        (power1, power2) = (power1 * 0.8, power2 * 0.95)
        for i in 0..<3 {
          let g = Double(i + 1) * (w[i] - Double(targets[i]))
          m[i] = 0.8 * m[i] + 0.2 * g
          v[i] = 0.95 * v[i] + 0.05 * g * g
          w[i] -= 0.05 * (m[i] / (1 - power1)) / ((v[i] / (1 - power2)).squareRoot() + 1e-3)
          #expect(abs(Double(parameters.start[i]) - w[i]) < 1e-5)
        }
      }
    }
  }

  /// torch.optim's formulas with weight_decay 0.3, in NumPy's float64 on the quadratic sum of a (w - t)^2 / 2: SGD adds it to the gradient,
  /// AdamW takes it off the parameters.
  @Test func weightDecayIsTorchs() {
    let (targets, scales): ([Float], [Float]) = ([1, -2, 0.25], [1, 2, 3])
    func end<Rule: ClientOptimizing>(_ rule: Rule) -> [Float] {
      let (parameters, start) = (FloatBuffer([0.5, 1, -1]), FloatBuffer([0.5, 1, -1]))
      var state = rule.makeState(parameters: 3)
      for _ in 0..<5 {
        rule.step(parameters, from: start, &state) { scale, target, prepare in
          let slopes = (0..<3).map { scales[$0] * (parameters.start[$0] - targets[$0]) }
          prepare(0..<3)
          for i in 0..<3 { target.start[i] += scale * slopes[i] }
        }
      }
      return parameters.values
    }
    func isNear(_ a: [Float], _ b: [Float]) -> Bool { zip(a, b).allSatisfy { abs($0 - $1) < 2e-6 } }
    #expect(
      isNear(end(SGD(learningRate: 0.1, momentum: 0.9, weightDecay: 0.3)), [0.83349279, -3.57902661, 1.19076448]))
    #expect(isNear(end(SGD(learningRate: 0.1, weightDecay: 0.3)), [0.63504052, -0.99770695, 0.06157556]))
    #expect(isNear(end(Adam(learningRate: 0.1, weightDecay: 0.3)), [0.88184516, 0.39015169, -0.39572813]))
    // Both pulls together are the sum of both, and none is the bits of no key.
    #expect(end(SGD(learningRate: 0.1, weightDecay: 0)) == end(SGD(learningRate: 0.1)))
    let both = end(SGD(learningRate: 0.1, proximal: 0.5, weightDecay: 0.3))
    let start: [Float] = [0.5, 1, -1]
    var w = start
    for _ in 0..<5 {
      for i in 0..<3 {
        let slope: Float = scales[i] * (w[i] - targets[i])
        let pulls: Float = 0.5 * (w[i] - start[i]) + 0.3 * w[i]
        w[i] -= 0.1 * (slope + pulls)
      }
    }
    #expect(isNear(both, w))
  }
}
