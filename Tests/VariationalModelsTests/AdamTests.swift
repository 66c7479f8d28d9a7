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
}
