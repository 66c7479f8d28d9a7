import ChannelCoding
import Clients
import Datasets
import Numerics
import Testing

@testable import VariationalModels

@Suite("Sine networks")
struct SineTests {
  @Test func sinesAreThoseOfTheirSeries() {
    let angles = (0..<4096).map { Float($0 - 2048) * 0.037 }
    var (sines, cosines) = (angles, angles)
    SineKernel.evaluate(angles, &sines, &cosines, count: angles.count)
    for (i, x) in angles.enumerated() {
      let (sine, cosine) = series(Double(x))
      #expect(abs(Double(sines[i]) - sine) < 4e-7 && abs(Double(cosines[i]) - cosine) < 4e-7)
    }
  }

  /// Sine and cosine in double: 26 terms of each series after whole turns are taken off.
  private func series(_ x: Double) -> (sine: Double, cosine: Double) {
    let r = x.remainder(dividingBy: 2 * Double.pi)
    var (sine, cosine, term) = (0.0, 0.0, 1.0)
    for k in 0..<52 {
      if k & 1 == 0 { cosine += k & 2 == 0 ? term : -term } else { sine += k & 2 == 0 ? term : -term }
      term *= r / Double(k + 1)
    }
    return (sine, cosine)
  }

  @Test(arguments: [1, 3]) func gradientByWeightsIsTheDifferences(channels: Int) throws {
    let data = try smoothPictures(1, height: 3, width: 4, channels: channels)
    let geometry = SineGeometry(data, hidden: 5, frequencies: 2)
    let workspace = SineWorkspace(geometry)
    var random = RandomStream(key: Key(seed: 3, label: "weights"))
    let weights = geometry.initialWeights(&random)
    func error(_ weights: [Float]) -> Double {
      workspace.load(weights)
      workspace.forward()
      return withPicture(0, in: data) { workspace.compare($0) }
    }
    _ = error(weights)
    var gradient = [Float](repeating: 0, count: geometry.weightCount)
    workspace.backward(into: &gradient)
    for i in weights.indices {
      var (above, below) = (weights, weights)
      above[i] += 0.01
      below[i] -= 0.01
      let slope = (error(above) - error(below)) / Double(above[i] - below[i])
      #expect(abs(slope - Double(gradient[i])) < 2e-3 * (1 + abs(slope)), "weight \(i)")
    }
  }

  @Test func squaresAreThoseOfTheDerivatives() throws {
    let data = try smoothPictures(1, height: 2, width: 3, channels: 2)
    let geometry = SineGeometry(data, hidden: 3, frequencies: 1)
    let workspace = SineWorkspace(geometry)
    var random = RandomStream(key: Key(seed: 4, label: "weights"))
    let weights = geometry.initialWeights(&random)
    workspace.load(weights)
    workspace.forward()
    var squares = [Double](repeating: 0, count: geometry.weightCount)
    workspace.addSquares(scale: 1, into: &squares)
    var sums = [Double](repeating: 0, count: geometry.weightCount)
    for v in 0..<geometry.values {
      for u in 0..<geometry.values { workspace.residual.start[u] = u == v ? 1 : 0 }
      var row = [Float](repeating: 0, count: geometry.weightCount)
      workspace.backward(into: &row)
      for i in sums.indices { sums[i] += Double(row[i] * row[i]) }
    }
    for i in sums.indices { #expect(abs(sums[i] - squares[i]) < 1e-4 * (0.01 + sums[i])) }
  }

  @Test func derivativesByLatentsAreTheDifferences() throws {
    let data = try smoothPictures(1, height: 3, width: 3, channels: 2)
    let model = try learnedMap(for: data, latents: 5)
    var random = RandomStream(key: Key(seed: 5, label: "map"))
    let map = LatentMap(model.geometry, latents: 5)
    map.load(model.initialParameters(&random))
    let fit = LatentFit(map)
    let point = [0.3, -0.2, 0.9, 0, -1.1]
    let jacobian = FloatBuffer(count: map.geometry.values * map.stride)
    func picture(_ values: [Double]) -> [Float] {
      _ = withPicture(0, in: data) { fit.error(at: { values[$0] }, $0) }
      return fit.sine.picture.values
    }
    _ = picture(point)
    map.derivatives(fit.sine, products: FloatBuffer(count: 16), into: jacobian)
    for j in point.indices {
      var (above, below) = (point, point)
      above[j] += 0.01
      below[j] -= 0.01
      for (v, (high, low)) in zip(picture(above), picture(below)).enumerated() {
        #expect(abs((high - low) / 0.02 - jacobian.start[v * map.stride + j]) < 1e-3)
      }
    }
  }

  /// With no hidden unit's angle moved by latents the network is linear in them: the fit is exact, and independent of its start.
  @Test(arguments: PosteriorForm.allCases) func fitOfALinearMapIsTheClosedForm(form: PosteriorForm) throws {
    let data = try smoothPictures(3, height: 4, width: 4)
    let model = try learnedMap(for: data, latents: 4, beta: 0.02)
    var random = RandomStream(key: Key(seed: 6, label: "map"))
    var parameters = model.initialParameters(&random)
    for i in 0..<(model.geometry.firstCount * 4) { parameters[model.geometry.weightCount + i] = 0 }
    for j in 0..<4 { parameters[model.mapCount + j] = Float(j + 1) / 2 }
    let decoder = model.decoder(parameters)
    let base = decoder.picture([0, 0, 0, 0]).map(Double.init)
    let columns = (0..<4).map { j in
      zip(decoder.picture((0..<4).map { $0 == j ? 1 : 0 }), base).map { Double($0) - $1 }
    }
    func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    for example in 0..<3 {
      let target = (0..<16).map { Double(data.features[example * 16 + $0]) - base[$0] }
      var matrix = [Double](repeating: 0, count: 16)
      for i in 0..<4 {
        for j in 0..<4 { matrix[i * 4 + j] = 100 * product(columns[i], columns[j]) }
        matrix[i * 4 + i] += 2 / Double(i + 1)
      }
      var means = columns.map { 100 * product($0, target) }
      let diagonal = (0..<4).map { matrix[$0 * 5] }
      choleskySolve(&matrix, &means, 4)
      let found = fit(decoder, example, data, form)
      for j in 0..<4 {
        #expect(abs(found.means[j] - means[j]) < 2e-3)
        let scale = form == .free ? 1 / diagonal[j].squareRoot() : decoder.prior.posteriorScales[j]
        #expect(abs(found.scales[j] - scale) < 1e-3 * scale)
      }
    }
  }

  @Test func trainingLowersTheObjectiveAndRefinementDoesNotRaiseTheError() throws {
    let data = try smoothPictures(60, height: 5, width: 5)
    let model = try learnedMap(for: data, latents: 6, beta: 0.01)
    let trainer = LearnedMapTrainer(
      model: model, work: .epochs(3), batchSize: 10, optimizer: Adam(learningRate: 0.02))
    let clients = parts(Array(0..<40), of: 10)
    var random = RandomStream(key: Key(seed: 1, label: "start"))
    let first = model.initialParameters(&random)
    let last = federated(model, trainer, clients, of: data, rounds: 8)
    let held = Array(40..<60)
    func loss(_ parameters: [Float]) -> Double {
      model.evaluation(of: parameters, on: held[...], of: data, Parallel(threads: 1)).loss
    }
    #expect(loss(last) < 0.5 * loss(first))
    #expect(last == federated(model, trainer, clients, of: data, rounds: 8))
    let decoder = model.decoder(last)
    #expect(decoder.prior == model.decoder(last).prior)
    var (plain, refined) = (0.0, 0.0)
    for example in held {
      let posterior = fit(decoder, example, data)
      var random = RandomStream(key: Key(seed: UInt64(example), label: "sample"))
      let sample = posterior.means.indices.map { posterior.means[$0] + posterior.scales[$0] * random.normal() }
      // Half of the latents are sent first; then the rest at their new posterior with the same noise.
      let sent: [Double?] = sample.enumerated().map { $0.offset < 3 ? $0.element : nil }
      let rest = fit(decoder, example, data, sent: sent, start: posterior)
      #expect(rest.means[..<3] == sample[..<3])
      let second = sample.indices.map { j in j < 3 ? sample[j] : rest.means[j] + (sample[j] - posterior.means[j]) }
      plain += error(decoder.picture(sample), example, data)
      refined += error(decoder.picture(second), example, data)
    }
    #expect(refined < plain)
  }

  @Test func sineNetworkLearnsItsPriorAndFitsBothForms() throws {
    let data = try smoothPictures(30, height: 4, width: 4)
    for form in PosteriorForm.allCases {
      let model = SineNetworkModel(
        SineGeometry(data, hidden: 4, frequencies: 1), .init(beta: 0.01, steps: 150, rate: 0.1, form: form))
      let trainer = SineNetworkTrainer(model: model, work: .epochs(1), batchSize: 1)
      var random = RandomStream(key: Key(seed: 1, label: "start"))
      let first = model.initialParameters(&random)
      let last = federated(model, trainer, parts(Array(0..<20), of: 10), of: data, rounds: 8)
      func loss(_ parameters: [Float]) -> Double {
        model.evaluation(of: parameters, on: Array(20..<30)[...], of: data, Parallel(threads: 2)).loss
      }
      #expect(loss(last) < 0.6 * loss(first))
      let decoder = model.decoder(last)
      let posterior = fit(decoder, 25, data, form)
      #expect(zip(posterior.scales, decoder.prior.scales).allSatisfy { $0 > 0 && $0 <= $1 })
      let sent: [Double?] = posterior.means.indices.map { $0 == 2 ? 0.25 : nil }
      #expect(fit(decoder, 25, data, form, sent: sent).means[2] == 0.25)
      #expect(fit(decoder, 25, data, form) == posterior)
    }
  }

  @Test func oddShapesAndDivergedParametersDoNoHarm() throws {
    let pixel = try smoothPictures(2, height: 1, width: 1)
    let signal = try Dataset(features: [0, 1, 0, 1, 0, 1], labels: [0, 1], featureCount: 3, classCount: 2)
    for data in [pixel, signal] {
      let map = try learnedMap(for: data, latents: 2)
      let network = SineNetworkModel(
        SineGeometry(data, hidden: 3, frequencies: 0), .init(beta: 0.01, steps: 20, rate: 0.1, form: .free))
      var random = RandomStream(key: Key(seed: 1, label: "start"))
      #expect(fit(map.decoder(map.initialParameters(&random)), 0, data, .free).means.allSatisfy { $0.isFinite })
      for broken in [Float.nan, .infinity, 1e30, -1e30, 0] {
        let mapped = map.decoder([Float](repeating: broken, count: map.parameterCount))
        let sine = network.decoder([Float](repeating: broken, count: network.parameterCount))
        for prior in [mapped.prior, sine.prior] {
          #expect(prior.scales.allSatisfy { $0 > 0 && $0.isFinite } && prior.means.allSatisfy { $0.isFinite })
          #expect(zip(prior.posteriorScales, prior.scales).allSatisfy { $0 > 0 && $0 <= $1 })
        }
        for posterior in [fit(mapped, 1, data, .free), fit(sine, 1, data, .free)] {
          #expect(posterior.means.allSatisfy { $0.isFinite } && posterior.scales.allSatisfy { $0 > 0 && $0.isFinite })
        }
      }
    }
  }

  private func learnedMap(for data: Dataset, latents: Int, beta: Double = 0.01) throws -> LearnedMapModel {
    LearnedMapModel(SineGeometry(data, hidden: 5, frequencies: 2), latents: latents, beta: beta, form: .tied)
  }

  private func error(_ picture: [Float], _ example: Int, _ data: Dataset) -> Double {
    picture.enumerated().reduce(0) { sum, value in
      let difference = Double(value.element - data.features[example * data.featureCount + value.offset])
      return sum + difference * difference
    }
  }
}
