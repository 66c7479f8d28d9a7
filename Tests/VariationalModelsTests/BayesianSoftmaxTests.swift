import ChannelCoding
import Clients
import Datasets
import Numerics
import Testing
import VariationalModels

private func divergence(_ q: LatentPosterior, _ p: LatentPrior) -> Double {
  var sum = 0.0
  for k in q.means.indices {
    let (r, d) = (q.scales[k] / p.scales[k], (q.means[k] - p.means[k]) / p.scales[k])
    sum += 0.5 * (r * r + d * d - 1) - Elementary.log(r)
  }
  return sum
}

private func stream(_ index: UInt64) -> RandomStream {
  RandomStream(key: RunKeys.experimentKey(seed: 7, .training), stream: index)
}

/// 60 clients of 29 digits, of which client i has its pictures turned by i mod 4 quarters.
private func turnedDigits() throws -> Population {
  let digits = try Digits.load()
  var random = stream(0)
  return try Population(
    digits.selecting(Array(0..<(60 * 29))), partition: DirichletClientPartition(clients: 60, alpha: 0.3),
    random: &random
  ).turningPictures()
}

/// FedAvg of rate 1 in this process.
private func round(
  _ model: BayesianSoftmaxModel, _ parameters: [Float], _ population: Population, clients: Range<Int>, steps: Int,
  _ random: inout RandomStream
) throws -> [Float] {
  let trainer = BayesianSoftmaxTrainer(model: model, work: .steps(steps), batchSize: 1)
  let workspace = trainer.makeWorkspace(largestClient: 100)
  let start = trainer.prepare(parameters)
  var sum = [Double](repeating: 0, count: parameters.count)
  for client in clients {
    let update = trainer.train(
      LocalTask(start: start, examples: population.examples(of: client), data: population.data), random: &random,
      workspace)
    for k in sum.indices { sum[k] += Double(update.values[k]) / Double(clients.count) }
  }
  return zip(parameters, sum).map { Float(Double($0) + $1) }
}

@Suite struct BayesianSoftmaxTests {
  private func tiny() throws -> Dataset {
    try Dataset(
      features: [1, 0.2, 0.1, 0.9, 0.5, 0.5, 0.9, 0.8, 0, 0.3, 0.7, 0.1], labels: [0, 1, 2, 0, 1, 2], featureCount: 2,
      classCount: 3)
  }

  /// Both conditions of a minimum, with expectations by many draws of all weights: an arithmetic of its own.
  @Test(arguments: PosteriorForm.allCases)
  func posteriorsAreStationary(form: PosteriorForm) throws {
    let data = try tiny()
    let beta = 0.05
    let scale = 0.4
    let prior = LatentPrior(
      means: (0..<9).map { (k: Int) -> Double in 0.1 * Double(k) - 0.4 }, scales: [Double](repeating: scale, count: 9),
      posteriorScales: [Double](repeating: 0.2, count: 9))
    let decoder = BayesianSoftmaxDecoder(prior: prior, beta: beta, featureCount: 2, classCount: 3)
    var random = stream(1)
    let q = decoder.posterior(
      of: [0, 1, 2, 3, 4, 5], in: data, form: form, sent: nil, start: nil, steps: nil, random: &random)
    var gradient = [Double](repeating: 0, count: 9)
    var curvature = gradient
    let draws = 20_000
    for _ in 0..<draws {
      let w = (0..<9).map { q.means[$0] + q.scales[$0] * random.normal() }
      for i in 0..<6 {
        let phi = [Double(data.features[2 * i]), Double(data.features[2 * i + 1]), 1]
        let e = (0..<3).map { (c: Int) -> Double in
          Elementary.exp(w[3 * c] * phi[0] + w[3 * c + 1] * phi[1] + w[3 * c + 2] * phi[2])
        }
        let total = e[0] + e[1] + e[2]
        for k in 0..<9 {
          let p = e[k / 3] / total
          let target = Int(data.labels[i]) == k / 3 ? 1.0 : 0
          gradient[k] += (p - target) * phi[k % 3] / Double(draws)
          curvature[k] += p * (1 - p) * phi[k % 3] * phi[k % 3] / Double(draws)
        }
      }
    }
    for k in 0..<9 {
      // In units of the prior's scale: the moves themselves are up to 2.
      let slope = scale * gradient[k] / beta + (q.means[k] - prior.means[k]) / scale
      #expect(abs(slope) < 0.12)
      let sigma = form == .free ? (1 / (1 / (scale * scale) + curvature[k] / beta)).squareRoot() : 0.2
      #expect(abs(q.scales[k] / sigma - 1) < 0.03)
    }
    #expect(q.means.indices.contains { abs(q.means[$0] - prior.means[$0]) > scale })
  }

  @Test func plainRoundsLowerTheClientsObjective() throws {
    let population = try turnedDigits()
    let model = BayesianSoftmax(beta: 2, momentum: 0).model(for: population.data)
    var random = stream(2)
    var parameters = model.initialParameters(&random)
    func objective() -> Double {
      let decoder = model.decoder(parameters)
      return (0..<8).reduce(0.0) { (sum: Double, client: Int) -> Double in
        let examples = population.examples(of: client)
        let q = decoder.posterior(
          of: examples, in: population.data, form: .tied, sent: nil, start: nil, steps: nil, random: &random)
        var law = [Float](repeating: 0, count: model.parameterCount)
        for k in q.means.indices {
          law[k] = Float(q.means[k])
          law[model.latentCount + k] = Float(q.scales[k] * q.scales[k])
        }
        let loss = model.evaluation(of: law, on: examples, of: population.data, Parallel(threads: 1)).loss
        return sum + loss * Double(examples.count) + model.beta * divergence(q, decoder.prior)
      }
    }
    var last = objective()
    let first = last
    for _ in 0..<6 {
      parameters = try round(model, parameters, population, clients: 0..<8, steps: 60, &random)
      let next = objective()
      #expect(next < last)
      last = next
    }
    #expect(last < 0.8 * first)
  }

  /// The document's table: 6.1 bits for 0.80, where the prior says 0.66 and a sample of it 0.57; (200 test images, so +-0.03).
  @Test func turnedDigitsAreLearnedFromFewBits() throws {
    let population = try turnedDigits()
    let model = BayesianSoftmax(beta: 2).model(for: population.data)
    var random = stream(3)
    var parameters = model.initialParameters(&random)
    for _ in 0..<20 {
      parameters = try round(model, parameters, population, clients: 0..<40, steps: 20, &random)
    }
    let decoder = model.decoder(parameters)
    let key = RunKeys.experimentKey(seed: 7, .data)
    var (bits, right, priorRight, count) = (0.0, 0, 0, 0)
    for client in 40..<60 {
      let parts = population.parts(of: client, testFraction: 10.0 / 29, key: key)
      let q = decoder.posterior(
        of: parts.fit[...], in: population.data, form: .tied, sent: nil, start: nil, steps: nil, random: &random)
      bits += divergence(q, decoder.prior) / Elementary.log(2) / 20
      for _ in 0..<10 {
        let sample = zip(q.means, q.scales).map { $0 + $1 * random.normal() }
        right += decoder.isRight(sample, on: parts.test[...], of: population.data).count { $0 }
        count += parts.test.count
      }
      priorRight += decoder.isRight(decoder.prior.means, on: parts.test[...], of: population.data).count { $0 }
    }
    let (accuracy, priorAccuracy) = (Double(right) / Double(count), Double(priorRight) / 200)
    #expect((4...8).contains(bits), "\(bits)")
    #expect(accuracy > 0.74, "\(accuracy)")
    #expect(priorAccuracy < accuracy - 0.1, "\(priorAccuracy)")
    // The public scales are where the derivative by a common variance is 0.
    for k in stride(from: 0, to: 650, by: 7) {
      let (s2, h) = (Double(parameters[650 + k]), Double(parameters[1300 + k]))
      let sigma = (1 / (1 / s2 + h / 2)).squareRoot()
      #expect(abs(decoder.prior.posteriorScales[k] / sigma - 1) < 1e-12)
      #expect(decoder.prior.posteriorScales[k] <= decoder.prior.scales[k])
    }
    #expect(model.decoder(parameters).prior == decoder.prior)
  }

  @Test func momentumIsTheHeavyBall() throws {
    let population = try turnedDigits()
    let (plain, ball) = (BayesianSoftmax(momentum: 0), BayesianSoftmax(momentum: 0.5))
    let (first, second) = (plain.model(for: population.data), ball.model(for: population.data))
    var random = stream(4)
    var start = first.initialParameters(&random)
    for k in 0..<650 { start[1950 + k] = 0.01 * Float(k % 7) }
    let one = try {
      var r = stream(5)
      return try round(first, start, population, clients: 0..<4, steps: 5, &r)
    }()
    let two = try {
      var r = stream(5)
      return try round(second, start, population, clients: 0..<4, steps: 5, &r)
    }()
    let weights = 0..<650
    #expect(weights.allSatisfy { abs(two[$0] - one[$0] - 0.5 * start[1950 + $0]) < 1e-5 })
    #expect(weights.allSatisfy { abs(two[1950 + $0] - (two[$0] - start[$0])) < 1e-5 })
    #expect(weights.allSatisfy { two[650 + $0] == one[650 + $0] && two[1300 + $0] == one[1300 + $0] })
  }

  @Test func foreignParametersMakeAPriorAllTheSame() throws {
    let model = BayesianSoftmax().model(for: try tiny())
    var parameters = [Float](repeating: -1, count: model.parameterCount)
    parameters[model.latentCount] = .nan
    let prior = model.decoder(parameters).prior
    #expect(prior.scales.allSatisfy { $0 > 0 } && prior.posteriorScales == prior.scales)
    let evaluation = model.evaluation(
      of: [Float](repeating: .nan, count: model.parameterCount), on: [0, 1], of: try tiny(), Parallel(threads: 1))
    #expect(evaluation.loss.isNaN && evaluation.accuracy == 0)
  }

  @Test func sentLatentsStayAndTheOthersFollow() throws {
    let data = try tiny()
    let prior = LatentPrior(
      means: [Double](repeating: 0, count: 9), scales: [Double](repeating: 0.5, count: 9),
      posteriorScales: [Double](repeating: 0.3, count: 9))
    let decoder = BayesianSoftmaxDecoder(prior: prior, beta: 0.1, featureCount: 2, classCount: 3)
    var random = stream(6)
    var sent = [Double?](repeating: nil, count: 9)
    (sent[0], sent[4]) = (1.5, -1)
    let all: ArraySlice = [0, 1, 2, 3, 4, 5]
    let free = decoder.posterior(of: all, in: data, form: .tied, sent: nil, start: nil, steps: nil, random: &random)
    let refitted = decoder.posterior(
      of: all, in: data, form: .tied, sent: sent, start: free, steps: nil, random: &random)
    #expect(refitted.means[0] == 1.5 && refitted.means[4] == -1)
    #expect(abs(refitted.means[3] - free.means[3]) > 0.01)
    #expect(refitted.scales.allSatisfy { $0 > 0 && $0 <= 0.5 })
  }

  @Test func gradientOfTheMeansIsThatOfTheirCrossEntropy() throws {
    let data = try tiny()
    let model = BayesianSoftmax().model(for: data)
    let values = (0..<model.parameterCount).map { (k: Int) -> Float in 0.1 * Float((k * 5) % 11) - 0.4 }
    let workspace = model.makeWorkspace(capacity: 6)
    let gradient = FloatBuffer(count: model.parameterCount)
    let all: ArraySlice = [0, 1, 2, 3, 4, 5]
    model.addGradient(
      of: all, in: data, at: FloatBuffer(values), scale: 1, to: gradient, workspace, { _ in })
    let loss = { (values: [Float]) in
      model.predictions(of: all, in: data, at: FloatBuffer(values), workspace).reduce(0.0) { $0 + $1.loss }
    }
    for k in 0..<model.parameterCount {
      var (up, down) = (values, values)
      up[k] += 0.01
      down[k] -= 0.01
      #expect(abs(Double(gradient.start[k]) - (loss(up) - loss(down)) / 0.02) < 2e-3)
    }
  }
}

@Suite struct TurnedPictureTests {
  @Test func quartersTurnAndFourAreNone() throws {
    let data = try Dataset(
      features: [1, 2, 3, 4], labels: [0], featureCount: 4, classCount: 2,
      imageShape: .init(height: 2, width: 2, channels: 1))
    #expect(try data.turningPictures([1]).features == [2, 4, 1, 3])
    #expect(try data.turningPictures([2]).features == [4, 3, 2, 1])
    #expect(try data.turningPictures([-1]).features == [3, 1, 4, 2])
    #expect(try data.turningPictures([4]).features == [1, 2, 3, 4])
    let digits = try Digits.load()
    var turned = digits
    for _ in 0..<4 { turned = try turned.turningPictures([Int](repeating: 1, count: turned.count)) }
    #expect(turned.features == digits.features && turned.labels == digits.labels)
  }

  @Test func whatIsNoSquareIsRefused() throws {
    let flat = try Dataset(features: [1, 2], labels: [0], featureCount: 2, classCount: 2)
    #expect(throws: (any Error).self) { try flat.turningPictures([1]) }
    let wide = try Dataset(
      features: [1, 2], labels: [0], featureCount: 2, classCount: 2, imageShape: .init(height: 1, width: 2, channels: 1)
    )
    #expect(throws: (any Error).self) { try wide.turningPictures([1]) }
  }

  @Test func clientsAreTurnedByTheirNumber() throws {
    let digits = try Digits.load()
    var (one, two) = (stream(8), stream(8))
    let plain = try Population(digits, partition: IIDPartition(clients: 20), random: &one)
    let turned = try Population(digits, partition: IIDPartition(clients: 20), random: &two).turningPictures()
    for client in [0, 5, 7] {
      #expect(turned.examples(of: client) == plain.examples(of: client))
      let mine = turned.data.selecting(Array(turned.examples(of: client)))
      let theirs = digits.selecting(Array(plain.examples(of: client)))
      let expected = try theirs.turningPictures([Int](repeating: client % 4, count: theirs.count))
      #expect(mine.features == expected.features)
    }
  }

  @Test func partsAreAClientsExamples() throws {
    var random = stream(9)
    let population = try Population(try Digits.load(), partition: IIDPartition(clients: 60), random: &random)
    let key = RunKeys.experimentKey(seed: 1, .data)
    for client in [0, 59] {
      let parts = population.parts(of: client, testFraction: 10.0 / 29, key: key)
      #expect(parts.test.count == 10)
      #expect((parts.fit + parts.test).sorted() == population.examples(of: client).sorted())
      let again = population.parts(of: client, testFraction: 10.0 / 29, key: key)
      #expect(parts.fit == again.fit && parts.test == again.test)
    }
    let other = population.parts(of: 0, testFraction: 0.3, key: RunKeys.experimentKey(seed: 2, .data))
    #expect(other.test != population.parts(of: 0, testFraction: 0.3, key: key).test)
  }
}
