import ChannelCoding
import Clients
import Datasets
import Numerics
import Testing

@testable import VariationalModels

/// FedAvg at rate 1 with everyone and equal weights.
func federated<M: VariationalModel, T: LocalTraining>(
  _ model: M, _ trainer: T, _ clients: [[Int]], of data: Dataset, rounds: Int, from start: [Float]? = nil
) -> [Float] {
  var random = RandomStream(key: Key(seed: 1, label: "start"))
  var parameters = start ?? model.initialParameters(&random)
  for round in 0..<rounds {
    let broadcast = trainer.prepare(parameters)
    var sums = [Double](repeating: 0, count: parameters.count)
    for (c, examples) in clients.enumerated() {
      var random = RandomStream(key: Key(seed: UInt64(round), label: "client"), stream: UInt64(c))
      let update = trainer.train(
        LocalTask(start: broadcast, examples: examples[...], data: data), random: &random,
        trainer.makeWorkspace(largestClient: examples.count))
      for i in sums.indices { sums[i] += Double(update.values[i]) }
    }
    for i in sums.indices { parameters[i] += Float(sums[i] / Double(clients.count)) }
  }
  return parameters
}

func parts(_ examples: [Int], of size: Int) -> [[Int]] {
  stride(from: 0, to: examples.count, by: size).map { Array(examples[$0..<min($0 + size, examples.count)]) }
}

func fit<D: LatentDecoder>(
  _ decoder: D, _ example: Int, _ data: Dataset, _ form: PosteriorForm = .tied, sent: [Double?]? = nil,
  start: LatentPosterior? = nil, steps: Int? = nil
) -> LatentPosterior {
  var random = RandomStream(key: Key(seed: UInt64(example), label: "fit"))
  return decoder.posterior(
    of: [example][...], in: data, form: form, sent: sent, start: start, steps: steps, random: &random)
}

/// Mean bits, and the mean squared error a value of samples clipped to [0, 1].
func scores<D: PictureDecoder>(
  _ decoder: D, _ examples: [Int], of data: Dataset, _ form: PosteriorForm, samples: Int
) -> (bits: Double, error: Double) {
  var (bits, error) = (0.0, 0.0)
  var random = RandomStream(key: Key(seed: 5, label: "samples"))
  for example in examples {
    let posterior = fit(decoder, example, data, form)
    bits += decoder.prior.divergence(of: posterior) / Elementary.log(2)
    for _ in 0..<samples {
      let values = posterior.means.indices.map { posterior.means[$0] + posterior.scales[$0] * random.normal() }
      for (v, value) in decoder.picture(values).enumerated() {
        let difference = Double(min(max(value, 0), 1) - data.features[example * data.featureCount + v])
        error += difference * difference
      }
    }
  }
  let count = Double(examples.count)
  return (bits / count, error / count / Double(samples * data.featureCount))
}

@Suite("Linear decoder")
struct LinearDecoderTests {
  /// KL and objective in NumPy, from the closed form with NumPy's eigenvalues, at the split of samplers.json; its own `bits` and `PSNR`
  /// there: 38.31 and 20.34, 70.82 and 24.64, 114.07 and 29.84, with one sample a picture and directions beyond beta/2 iterated.
  @Test(arguments: [
    (0.03, 38.19087, 1.4682675, 20.246), (0.01, 70.740149, 0.7513540, 24.583), (0.003, 114.059673, 0.3186967, 29.808),
  ])
  func digitsAsTheClosedFormSays(beta: Double, bits: Double, objective: Double, decibels: Double) throws {
    let data = try Digits.load()
    let (learned, held) = (ReferenceSplit.examples("a"), ReferenceSplit.examples("b"))
    let model = LinearPictureModel(features: 64, latents: 64, beta: beta)
    let trainer = MomentTrainer(model: model, work: .epochs(1), batchSize: 1)
    let parameters = federated(model, trainer, parts(learned, of: 20), of: data, rounds: 1)
    let found = scores(model.decoder(parameters), held, of: data, .tied, samples: 20)
    #expect(abs(found.bits - bits) < 2e-4 * bits)
    #expect(abs(-10 * Elementary.log(found.error) / Elementary.log(10) - decibels) < 0.05)
    let loss = model.evaluation(of: parameters, on: held[...], of: data, Parallel(threads: 2)).loss
    #expect(abs(loss - objective) < 2e-4 * objective)
    // A second round changes nothing but roundings.
    let again = federated(model, trainer, parts(learned, of: 20), of: data, rounds: 1, from: parameters)
    #expect(zip(parameters, again).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func closedFormIsTheFixedPointOfTheIteration() {
    for (lambda, beta) in [(0.3, 0.01), (0.02, 0.03), (0.0151, 0.03), (2.0, 1.0)] {
      var variance = lambda
      var own = 0.0
      for _ in 0..<100_000 {
        own = 1 / (2 / beta + 1 / variance)
        variance = own + (2 / beta * own) * (2 / beta * own) * lambda
      }
      let decoder = LinearPictureDecoder([0, Float(lambda)], features: 1, latents: 1, beta: beta)
      #expect(abs(decoder.prior.scales[0] * decoder.prior.scales[0] - variance) < 1e-4 * lambda)
      #expect(abs(decoder.prior.posteriorScales[0] * decoder.prior.posteriorScales[0] - own) < 1e-4 * lambda)
    }
  }

  @Test func eigensystemMakesTheMatrixAgain() {
    var random = RandomStream(key: Key(seed: 2, label: "matrix"))
    for n in [1, 2, 3, 17, 40] {
      var matrix = [Double](repeating: 0, count: n * n)
      for i in 0..<n {
        for j in 0...i {
          // Blocks of zeros and equal entries are the method's special cases.
          let value = n == 17 && (i - j) > 3 ? 0 : random.normal()
          (matrix[i * n + j], matrix[j * n + i]) = (value, value)
        }
      }
      let system = SymmetricEigensystem(matrix, count: n)
      for i in 0..<n {
        for j in 0..<n {
          var (sum, product) = (0.0, 0.0)
          for k in 0..<n {
            sum += system.values[k] * system.vectors[k * n + i] * system.vectors[k * n + j]
            product += system.vectors[i * n + k] * system.vectors[j * n + k]
          }
          #expect(abs(sum - matrix[i * n + j]) < 1e-11)
          #expect(abs(product - (i == j ? 1 : 0)) < 1e-11)
        }
      }
      #expect(zip(system.values, system.values.dropFirst()).allSatisfy { $0 >= $1 })
    }
    #expect(SymmetricEigensystem([1, 0, 0, 0, 1, 0, 0, 0, 1], count: 3).values == [1, 1, 1])
    #expect(SymmetricEigensystem([.nan, 1, 1, .infinity], count: 2).values.allSatisfy { $0.isFinite })
  }

  @Test func gradientIsThatOfItsLossAndPlainDescentTakesTheMoments() throws {
    let data = try smoothPictures(7, height: 2, width: 3)
    let model = LinearPictureModel(features: 6, latents: 6, beta: 0.01)
    let start = (0..<model.parameterCount).map { Float($0) / 50 }
    let examples = Array(0..<7)[...]
    let trainer = LocalTrainer(model: model, work: .epochs(1), batchSize: 7, optimizer: SGD(learningRate: 1))
    let descended = federated(model, trainer, [Array(examples)], of: data, rounds: 1, from: start)
    let averaged = federated(
      model, MomentTrainer(model: model, work: .epochs(1), batchSize: 1), [Array(examples)], of: data, rounds: 1,
      from: start)
    #expect(zip(descended, averaged).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func constantPicturesOnePixelAndDivergedParametersDoNoHarm() throws {
    let constant = try Dataset(
      features: [Float](repeating: 0.5, count: 12), labels: [0, 0, 0], featureCount: 4, classCount: 2)
    let model = LinearPictureModel(features: 4, latents: 3, beta: 0.01)
    let trainer = MomentTrainer(model: model, work: .epochs(1), batchSize: 1)
    let decoder = model.decoder(federated(model, trainer, [[0, 1], [2]], of: constant, rounds: 1))
    let posterior = fit(decoder, 0, constant)
    #expect(decoder.activeCount == 0 && decoder.prior.divergence(of: posterior) == 0)
    #expect(decoder.picture(posterior.means).allSatisfy { abs($0 - 0.5) < 1e-6 })
    for broken in [Float.nan, .infinity, -1e30, 1e30] {
      let decoder = model.decoder([Float](repeating: broken, count: model.parameterCount))
      #expect(decoder.prior.scales.allSatisfy { $0 > 0 && $0.isFinite })
      #expect(decoder.prior.posteriorScales.allSatisfy { $0 > 0 && $0.isFinite })
    }
    let one = try Dataset(features: [0, 1, 0.25], labels: [0, 1, 0], featureCount: 1, classCount: 2)
    let small = LinearPictureModel(features: 1, latents: 1, beta: 0.01)
    let learned = federated(
      small, MomentTrainer(model: small, work: .epochs(1), batchSize: 1), [[0, 1, 2]], of: one, rounds: 1)
    #expect(small.decoder(learned).activeCount == 1)
  }

  @Test func sentLatentsStayAndChangeNothingAboutTheOthers() throws {
    let data = try Digits.load()
    let model = LinearPictureModel(features: 64, latents: 10, beta: 0.01)
    let trainer = MomentTrainer(model: model, work: .epochs(1), batchSize: 1)
    let decoder = model.decoder(federated(model, trainer, [Array(0..<300)], of: data, rounds: 1))
    let free = fit(decoder, 400, data)
    let rest = fit(decoder, 400, data, sent: [0.7] + [Double?](repeating: nil, count: 9))
    #expect(rest.means[0] == 0.7 && rest.means[1...] == free.means[1...] && rest.scales == free.scales)
  }
}

@Suite("Second-moment realism")
struct RealismTests {
  @Test func variantsHaveTheErrorsAndSpectraThatTheirFormulasSay() throws {
    let data = try Digits.load()
    let all = Array(0..<data.count)
    let beta = 0.1
    let model = LinearPictureModel(features: 64, latents: 64, beta: beta)
    let decoder = model.decoder(
      federated(model, MomentTrainer(model: model, work: .epochs(1), batchSize: 1), [all], of: data, rounds: 1))
    let figures = RealismVariant.allCases.map {
      decoder.realism(of: $0, on: all[...], of: data, key: Key(seed: 1, label: "realism"))
    }
    let spectrum = decoder.spectrum.map { max($0, 0) }
    let (active, idle) = (spectrum.prefix(decoder.activeCount), spectrum.dropFirst(decoder.activeCount).reduce(0, +))
    let distortion = beta / 2
    let errors = [
      Double(active.count) * distortion + idle,
      active.reduce(0) { $0 + 2 * $1 * (1 - (1 - distortion / $1).squareRoot()) } + 2 * idle,
      2 * Double(active.count) * distortion + 2 * idle,
    ]
    for (found, error) in zip(figures, errors) {
      #expect(abs(found.meanSquaredError * 64 - error) < 0.02 * error)
    }
    // What the mean lacks: roots of lambda and of lambda - D, and all of the idle directions.
    let blurred =
      (active.reduce(0) { sum, lambda in
        let difference = lambda.squareRoot() - (lambda - distortion).squareRoot()
        return sum + difference * difference
      } + idle) / spectrum.reduce(0, +)
    #expect(abs(figures[0].spectrumDistance - blurred) < 0.1 * blurred)
    #expect(figures[1].spectrumDistance < 0.02 * blurred && figures[2].spectrumDistance < 0.02 * blurred)
    #expect(figures[1].featureDistance < 0.5 * figures[0].featureDistance)
    #expect(figures[2].featureDistance < 0.5 * figures[0].featureDistance)
    print("realism", figures)
  }
}
