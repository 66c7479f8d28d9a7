import Testing

@testable import Aggregator
@testable import Numerics
@testable import PrivacyAccounting
@testable import Settings
@testable import Verification

@Suite struct ServerOptimizerTests {
  private func run(_ optimizer: ServerOptimizer, _ means: [[Double]]) -> [Float] {
    var parameters = [Float](repeating: 1, count: means[0].count)
    var state = optimizer.initialState(parameters: parameters.count)
    for mean in means { optimizer.step(&parameters, mean: mean, &state) }
    return parameters
  }

  private func close(_ found: [Float], _ expected: [Double]) -> Bool {
    zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 }
  }

  /// By hand, two rounds of updates 1 and -0.5, rate 0.1.
  @Test func everyOptimizerIsAsDefined() {
    let means = [[1.0], [-0.5]]
    #expect(close(run(.fedavg(learningRate: 0.1), means), [1.05]))
    // v = 1, then 0.9 - 0.5 = 0.4
    #expect(close(run(ServerOptimizer(FedAvgM(learningRate: 0.1)), means), [1 + 0.1 + 0.04]))
    let tau = 0.1
    // m = 1, -0.5; v = 0.01 + 1, 1.26
    let adagrad = 1 + 0.1 / (1.01.squareRoot() + tau) - 0.05 / (1.26.squareRoot() + tau)
    #expect(close(run(ServerOptimizer(FedAdagrad(learningRate: 0.1, adaptivity: tau)), means), [adagrad]))
    // m = 0.1, 0.04; v = 0.9 0.01 + 0.1 = 0.109, 0.9 0.109 + 0.025 = 0.1231
    let adam = 1 + 0.01 / (0.109.squareRoot() + tau) + 0.004 / (0.1231.squareRoot() + tau)
    #expect(close(run(ServerOptimizer(FedAdam(learningRate: 0.1, beta2: 0.9, adaptivity: tau)), means), [adam]))
    // v < D^2: 0.01 + 0.1 = 0.11, then 0.11 + 0.025 = 0.135
    let yogi = 1 + 0.01 / (0.11.squareRoot() + tau) + 0.004 / (0.135.squareRoot() + tau)
    #expect(close(run(ServerOptimizer(FedYogi(learningRate: 0.1, beta2: 0.9, adaptivity: tau)), means), [yogi]))
    // And v > D^2: it falls.
    let small = run(ServerOptimizer(FedYogi(learningRate: 0.1, momentum: 0, beta2: 0.9, adaptivity: 1)), [[0.5]])
    #expect(close(small, [1 + 0.05 / ((1 - 0.1 * 0.25).squareRoot() + 1)]))
  }

  private static let standard: [any ServerOptimizing] = [
    FedAvg(learningRate: 0.7), FedAvgM(learningRate: 0.1), FedAdagrad(learningRate: 0.1, momentum: 0.5),
    FedAdam(learningRate: 0.1), FedYogi(learningRate: 0.1),
  ]

  @Test func standardOptimizersKeepTheLaws() {
    let names = Choices<any ServerOptimizing>.standard.all.map(\.name)
    #expect(Self.standard.map { type(of: $0).name } == names, "all of them")
    for optimizer in Self.standard { #expect(ServerOptimizerLaws.violations(of: optimizer) == []) }
  }

  /// FedAvg alone is linear: twice the update, twice the move.
  @Test func plainAveragingScalesWithTheUpdate() {
    let optimizer = ServerOptimizer.fedavg(learningRate: 0.5)
    #expect(run(optimizer, [[0.25, -1]]) == [1.125, 0.5] && run(optimizer, [[0.5, -2]]) == [1.25, 0])
  }

  /// Each breaks one promise.
  private struct Broken: ServerOptimizing {
    enum Fault: CaseIterable {
      case weightDecay, position, forgetsState, readsBeyond, grows
    }

    static let name = "broken"
    let learningRate = 0.1
    let fault: Fault

    struct State: ServerOptimizerState {
      static let names = ["moves", "rounds"]
      var moves: [Double]
      var rounds: [Double]
      /// Not among the arrays.
      var hidden = 0.0

      init(arrays: [[Double]]) { (moves, rounds) = (arrays[0], arrays[1]) }

      var arrays: [[Double]] { [moves, rounds] }
    }

    func initialState(parameters: Int) -> State { State(arrays: [[Double](repeating: 0, count: parameters), [0]]) }

    func step(_ parameters: inout [Float], mean: [Double], _ state: inout State) {
      state.rounds[0] += 1
      state.hidden += 1
      if fault == .grows { state.rounds.append(0) }
      for i in parameters.indices {
        state.moves[i] += mean[i]
        var move = state.moves[i]
        switch fault {
        case .weightDecay: move -= 0.01 * Double(parameters[i])
        case .position: move *= i == 0 ? 2 : 1
        case .forgetsState: move *= state.hidden
        case .readsBeyond: move += mean[mean.count - 1]
        case .grows: break
        }
        parameters[i] += Float(learningRate * move)
      }
    }
  }

  @Test func brokenOptimizersBreakTheLawThatTheyBreak() {
    let laws: [Broken.Fault: String] = [
      .weightDecay: "a mean update of zero moves nothing at first",
      .position: "permuting coordinates before a step or after it is the same",
      .forgetsState: "a state made of its arrays goes on as it would have",
      .readsBeyond: "values of a mean beyond the parameters are not looked at",
      .grows: "arrays keep their lengths",
    ]
    for fault in Broken.Fault.allCases {
      let found = ServerOptimizerLaws.violations(of: Broken(fault: fault)).map(\.law)
      #expect(found.contains(laws[fault] ?? ""), "\(fault): \(found)")
    }
  }
}

@Suite struct AdaptiveClippingTests {
  private func plan(countNoise: Double, z: Double = 1, source: NoiseSource = .channel) throws -> PrivacyPlan {
    try PrivacyPlan(
      population: 1000, clippingNorm: 0.5, noise: .multiplier(z), sampling: .poisson(rate: 0.1), relation: .zeroOut,
      accountant: .pld, delta: 1e-5, rounds: 20, noiseSource: source,
      adaptiveClipping: AdaptiveClipping(quantile: 0.5, learningRate: 0.2, countNoise: countNoise))
  }

  /// Update and count are one event that costs z, and what is sent has a norm of at most z_u C / z.
  @Test(arguments: [0.6, 5, 300])
  func theStackedVectorCostsZ(countNoise: Double) throws {
    let plan = try plan(countNoise: countNoise)
    #expect(plan.updateNoiseMultiplier > 1)
    #expect(abs(plan.event.effectiveNoiseMultiplier * PrivacyEvent.sensitivityMargin - 1) < 1e-12)
    for norm in [0.5, 3e-7, 2.0] {
      let (contents, bound) = plan.contents(clippingNorm: norm)
      guard case .counted(norm, let unit) = contents else {
        Issue.record("\(contents)")
        return
      }
      #expect((norm * norm + unit * unit / 4).squareRoot() <= bound)
      let noise = plan.noiseScale(clippingNorm: norm) * Double(plan.largestCohort).squareRoot()
      #expect(abs(noise / bound - 1) < 1e-12, "the channel's noise over its bound is z")
      #expect(abs(noise / unit / countNoise - 1) < 1e-12, "and over the unit the count's noise")
    }
    let fixed = try PrivacyPlan(
      population: 1000, clippingNorm: 0.5, noise: .multiplier(1), sampling: .poisson(rate: 0.1), relation: .zeroOut,
      accountant: .pld, delta: 1e-5, rounds: 20)
    #expect(abs(plan.plannedSpending.epsilon - fixed.plannedSpending.epsilon) < 1e-6)
  }

  @Test func aCountThatTellsMoreThanZIsRefused() {
    #expect(throws: PrivacyRefusal.self) { try plan(countNoise: 0.5) }
  }

  @Test func theNormMovesTowardsTheQuantile() {
    let clipping = AdaptiveClipping(quantile: 0.5, learningRate: 0.2, countNoise: 1)
    let next = { clipping.next(after: 1, centredCount: $0, divisor: 100) }
    #expect(abs(next(0) - 1) < 1e-15, "half of the updates are not clipped")
    #expect(abs(next(50) - Elementary.exp(-0.1)) < 1e-15 && abs(next(-50) - Elementary.exp(0.1)) < 1e-15)
    #expect(next(1e9) == next(50) && next(-1e9) == next(-50), "noise alone cannot throw it far")
    #expect(
      AdaptiveClipping(quantile: 0.5, learningRate: 10, countNoise: 1).next(after: 1e9, centredCount: -50, divisor: 100)
        == 1e9)
  }

  /// Half of the drawn clients send nothing: three quarters of those that do are not clipped.
  @Test func missingClientsAreNoHalves() {
    let clipping = AdaptiveClipping(quantile: 0.75, learningRate: 0.2, countNoise: 1, arrivalRate: 0.5)
    #expect(abs(clipping.next(after: 1, centredCount: 50 * 0.25, divisor: 100) - 1) < 1e-15)
  }

  @Test func centralNoiseIsTheServersAlone() throws {
    let plan = try plan(countNoise: 5, source: .central)
    #expect(plan.noiseScale == 0 && plan.largestCohort == 1000 && plan.truncationDelta == 0)
    for arrived in [0, 100, 1000] {
      #expect(plan.completionScale(arrived: arrived, clippingNorm: 0.5) == plan.updateNoiseMultiplier * 0.5)
    }
  }
}
