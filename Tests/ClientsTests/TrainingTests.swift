import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import Numerics
@testable import Verification

/// Examples of normal features with labels 0, 1, 2, ... in turn.
private func examples(_ count: Int, features: Int, classes: Int, seed: UInt64 = 3) throws -> Dataset {
  var stream = random(seed)
  return try Dataset(
    features: (0..<(count * features)).map { _ in Float(stream.normal()) },
    labels: (0..<count).map { Int32($0 % classes) }, featureCount: features, classCount: classes)
}

private func meanLoss(_ network: Network, _ parameters: [Float], _ data: Dataset, _ batch: [Int]) -> Double {
  Evaluation(network, parameters, on: batch[...], of: data, Parallel(threads: 1)).loss
}

/// The gradient of the mean loss of a batch, flat.
private func gradient(_ network: Network, _ parameters: [Float], _ data: Dataset, _ batch: [Int]) -> [Float] {
  let zero = network.padding([Float](repeating: 0, count: parameters.count))
  let sum = network.padding([Float](repeating: 0, count: parameters.count))
  network.addGradient(
    of: batch[...], in: data, at: network.padding(parameters), scale: 1 / Float(batch.count), to: sum,
    network.makeWorkspace(capacity: batch.count)
  ) { _ in
  }
  return network.difference(sum, zero)
}

@Suite struct NetworkTests {
  static let networks: [Network] = [
    Network(features: 20, hidden: [], classes: 5), Network(features: 20, hidden: [7], classes: 5),
    Network(features: 20, hidden: [33, 16], classes: 5),
    Network(image: .init(height: 4, width: 5, channels: 1), channels: [3], kernel: 3, hidden: [], classes: 5)!,
    Network(image: .init(height: 7, width: 6, channels: 2), channels: [3, 18], kernel: 3, hidden: [9], classes: 4)!,
    Network(image: .init(height: 5, width: 9, channels: 3), channels: [17], kernel: 5, hidden: [4], classes: 3)!,
  ]

  @Test func parametersAreCounted() {
    #expect(Network(features: 64, hidden: [], classes: 10).parameterCount == 650)
    #expect(Network(features: 64, hidden: [64], classes: 10).parameterCount == 4810)
    #expect(Network(features: 64, hidden: [64, 128], classes: 10).parameterCount == 64 * 65 + 65 * 128 + 129 * 10)
    // The network of McMahan et al. 2017 for MNIST.
    let network = Network(
      image: .init(height: 28, width: 28, channels: 1), channels: [32, 64], kernel: 5, hidden: [512], classes: 10)
    #expect(network?.parameterCount == 1_663_370 && network?.shape == "28x28x1-32c5-64c5-512-10")
    #expect(
      Network(image: .init(height: 3, width: 8, channels: 1), channels: [2, 2], kernel: 3, hidden: [], classes: 2)
        == nil,
      "a row of pixels cannot be pooled")
  }

  @Test(arguments: networks)
  func networksKeepTheLawsOfModels(network: Network) throws {
    let data = try examples(8, features: network.featureCount, classes: network.classCount)
    #expect(ModelLaws.violations(of: network, on: data) == [], "\(network.shape)")
    var stream = random(7)
    let parameters = (0..<network.parameterCount).map { _ in Float(stream.normal() * 0.4) }
    let slopes = gradient(network, parameters, data, [3, 0, 4, 1, 2, 6, 5])
    #expect(slopes.count { $0 != 0 } > slopes.count / 2, "most parameters matter")
  }

  /// What no kernel does: four loops, in double.
  @Test func convolutionsAreConvolutions() throws {
    let network = try #require(
      Network(image: .init(height: 5, width: 7, channels: 2), channels: [3], kernel: 3, hidden: [], classes: 2))
    let data = try examples(1, features: 70, classes: 2)
    var stream = random(8)
    let parameters = (0..<network.parameterCount).map { _ in Float(stream.normal()) }
    func pixel(_ y: Int, _ x: Int, _ c: Int) -> Double {
      (0..<5).contains(y) && (0..<7).contains(x) ? Double(data.features[(y * 7 + x) * 2 + c]) : 0
    }
    func convolved(_ y: Int, _ x: Int, _ k: Int) -> Double {
      var sum = Double(parameters[3 * 3 * 2 * 3 + k])
      for i in 0..<3 {
        for j in 0..<3 {
          for c in 0..<2 { sum += pixel(y + i - 1, x + j - 1, c) * Double(parameters[((i * 3 + j) * 2 + c) * 3 + k]) }
        }
      }
      return sum
    }
    var scores = [Double](repeating: 0, count: 2)
    let dense = (3 * 3 * 2 + 1) * 3
    for y in 0..<2 {
      for x in 0..<3 {
        for k in 0..<3 {
          let pooled = max(
            convolved(2 * y, 2 * x, k), convolved(2 * y, 2 * x + 1, k), convolved(2 * y + 1, 2 * x, k),
            convolved(2 * y + 1, 2 * x + 1, k), 0)
          for label in 0..<2 { scores[label] += pooled * Double(parameters[dense + ((y * 3 + x) * 3 + k) * 2 + label]) }
        }
      }
    }
    for label in 0..<2 { scores[label] += Double(parameters[dense + 36 + label]) }
    let expected = Elementary.log(1 + Elementary.exp(scores[1] - scores[0]))
    #expect(abs(meanLoss(network, parameters, data, [0]) - expected) < 1e-4 * (1 + expected))
  }

  @Test func startsAtTheUniformPrediction() throws {
    let network = Network(features: 64, hidden: [64], classes: 10)
    var stream = random(4)
    let parameters = network.initialParameters(&stream)
    let data = try examples(1, features: 64, classes: 10)
    #expect(abs(meanLoss(network, parameters, data, [0]) - 2.302585092994046) < 1e-6)
    let hidden = parameters.prefix(64 * 64).map(Double.init)
    let variance = hidden.reduce(0) { $0 + $1 * $1 } / Double(hidden.count)
    #expect(abs(variance * 32 - 1) < 0.1, "2 / inputs")
  }

  @Test(arguments: networks)
  func divergedModelsAreNotFiniteAndNotCorrect(network: Network) throws {
    let data = try examples(3, features: network.featureCount, classes: network.classCount)
    var parameters = [Float](repeating: 0, count: network.parameterCount)
    parameters[0] = .nan
    parameters[network.parameterCount - 1] = .nan
    let evaluation = Evaluation(network, parameters, on: [0, 1, 2], of: data, Parallel(threads: 1))
    #expect(evaluation.loss.isNaN && evaluation.accuracy == 0)
    #expect(gradient(network, parameters, data, [0, 1]).contains { $0.isNaN })
  }
}

@Suite struct LocalTrainerTests {
  private func train(
    _ trainer: LocalTrainer<Network, SGD>, from start: [Float], on examples: [Int], of data: Dataset,
    work: LocalWork? = nil
  ) -> (update: [Float], steps: Int) {
    var order = random(9)
    let task = LocalTask(start: trainer.prepare(start), examples: examples[...], data: data, work: work)
    let update = trainer.train(task, random: &order, trainer.makeWorkspace(largestClient: examples.count))
    return (update.values, update.steps)
  }

  private func largest(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max() ?? 0 }

  @Test(arguments: NetworkTests.networks)
  func oneStepIsTheNegativeGradient(network: Network) throws {
    let data = try examples(8, features: network.featureCount, classes: network.classCount)
    var stream = random(5)
    let start = (0..<network.parameterCount).map { _ in Float(stream.normal() * 0.3) }
    let trainer = LocalTrainer(network: network, work: .epochs(1), batchSize: 10, learningRate: 0.25)
    let (update, steps) = train(trainer, from: start, on: [4, 7], of: data)
    let slopes = gradient(network, start, data, [4, 7])
    #expect(largest(update, slopes.map { -0.25 * $0 }) < 1e-6 && steps == 1 && update.contains { $0 != 0 })
  }

  /// Momentum and FedProx's term against steps made one by one from gradients.
  @Test(arguments: [(0.0, 0.5), (0.9, 0), (0.9, 0.5)])
  func momentumAndTheProximalTermAreAsDefined(momentum: Double, proximal: Double) throws {
    let network = Network(features: 20, hidden: [7], classes: 5)
    let data = try examples(4, features: 20, classes: 5)
    var stream = random(6)
    let start = (0..<network.parameterCount).map { _ in Float(stream.normal() * 0.3) }
    let trainer = LocalTrainer(
      network: network, work: .steps(3), batchSize: 4, learningRate: 0.3, momentum: momentum, proximal: proximal)
    let (update, steps) = train(trainer, from: start, on: [0, 1, 2, 3], of: data)
    var model = start
    var velocity = [Float](repeating: 0, count: start.count)
    for _ in 0..<3 {
      let slopes = gradient(network, model, data, [0, 1, 2, 3])
      for i in model.indices {
        velocity[i] = Float(momentum) * velocity[i] + slopes[i] + Float(proximal) * (model[i] - start[i])
      }
      for i in model.indices { model[i] -= 0.3 * velocity[i] }
    }
    #expect(largest(update, zip(model, start).map { $0 - $1 }) < 1e-5 && steps == 3)
    let plain = LocalTrainer(network: network, work: .steps(3), batchSize: 4, learningRate: 0.3)
    #expect(largest(train(plain, from: start, on: [0, 1, 2, 3], of: data).update, update) > 1e-3)
  }

  @Test func stepsGoOverSeveralEpochsAndStragglersDoAPart() throws {
    let network = Network(features: 20, hidden: [], classes: 5)
    let data = try examples(5, features: 20, classes: 5)
    let start = [Float](repeating: 0, count: network.parameterCount)
    let trainer = { LocalTrainer(network: network, work: $0, batchSize: 2, learningRate: 0.1) }
    let epochs = train(trainer(.epochs(2)), from: start, on: [0, 1, 2, 3, 4], of: data)
    let steps = train(trainer(.steps(6)), from: start, on: [0, 1, 2, 3, 4], of: data)
    #expect(epochs.update == steps.update && epochs.steps == 6 && steps.steps == 6)
    #expect(train(trainer(.steps(4)), from: start, on: [0, 1, 2, 3, 4], of: data).update != steps.update)
    #expect(train(trainer(.epochs(3)), from: start, on: [], of: data).update.allSatisfy { $0 == 0 })
    var stream = random(10)
    let parts = (0..<2000).map { _ in LocalWork.epochs(5).part(examples: 5, batchSize: 2, &stream) }
    // Each of four values 500 +- 19.4; six deviations.
    for n in 1...4 { #expect(abs(parts.count { $0 == .epochs(Double(n)) } - 500) < 117) }
    #expect(!parts.contains(.epochs(5)))
    #expect(LocalWork.epochs(1).part(examples: 4, batchSize: 2, &stream) == .steps(1))
    #expect(LocalWork.steps(1).part(examples: 4, batchSize: 2, &stream) == .steps(1))
  }

  @Test func trainingLearns() throws {
    let data = try Digits.load()
    let all = Array(0..<data.count)
    let parallel = Parallel(threads: 2)
    let image = Network(
      image: .init(height: 8, width: 8, channels: 1), channels: [8], kernel: 3, hidden: [], classes: 10)
    for (network, rate) in [(Network(features: 64, hidden: [], classes: 10), 0.3), (try #require(image), 0.1)] {
      let trainer = LocalTrainer(network: network, work: .epochs(3), batchSize: 10, learningRate: rate)
      var stream = random(11)
      let start = network.initialParameters(&stream)
      let (update, _) = train(trainer, from: start, on: all, of: data)
      #expect(try #require(Evaluation(network, start, on: all[...], of: data, parallel).accuracy) < 0.2)
      let model = zip(start, update).map { $0 + $1 }
      let after = Evaluation(network, model, on: all[...], of: data, parallel)
      #expect(try #require(after.accuracy) > 0.95, "\(network.shape) \(after)")
      #expect(Evaluation(network, model, on: all[...], of: data, Parallel(threads: 1)) == after)
    }
  }
}

private let runKeys = RunKeys(seed: 1, fingerprint: [])

@Suite struct ClientPoolTests {
  private func pool(dropout: Double, learningRate: Double = 0.1) throws -> ClientPool {
    var stream = random(6)
    let population = try Population(Digits.load(), partition: OneExamplePartition(), random: &stream)
    return ClientPool(
      population: population,
      trainer: LocalTrainer(
        network: Network(features: 64, hidden: [], classes: 10), work: .epochs(1), batchSize: 1,
        learningRate: learningRate), faults: .init(dropout: dropout))
  }

  private func participate(
    _ clients: inout ClientPool, _ cohort: [Int], _ broadcast: [UInt8], evaluates: Bool = false, threads: Int = 1
  ) throws -> [Participation<SentUpload>] {
    var ends = ClientEnds()
    _ = ends.enrol(cohort, keys: cohort.map(runKeys.client), Parallel(threads: threads))
    return try clients.participate(
      cohort, in: clients.receive(ReceivedBroadcast(broadcast)), through: &ends, evaluates: evaluates,
      Parallel(threads: threads))
  }

  private func broadcast(_ parameters: [Float], round: Int = 1) -> [UInt8] {
    let server = runKeys.server
    return Broadcast(
      round: round, channel: ChannelSettings(codec: .layered, dimension: 650, clippingNorm: 1, noiseScale: 0.1),
      rotationKey: server.rotation(round: round), serverPublicKey: server.keyPair.publicKey, parameters: parameters
    ).bytes
  }

  private let zeros = [Float](repeating: 0, count: 650)

  @Test func uploadsComeInClientOrderForAnyNumberOfThreads() throws {
    let cohort = [3, 500, 44, 1796]
    var first = try pool(dropout: 0)
    var second = try pool(dropout: 0)
    let one = try participate(&first, cohort, broadcast(zeros), evaluates: true)
    let two = try participate(&second, cohort, broadcast(zeros), evaluates: true, threads: 3)
    #expect(one.map(\.client) == cohort)
    #expect(one.map { $0.sent?.bytes } == two.map { $0.sent?.bytes })
    for (id, participation) in zip(cohort, one) {
      let upload = try Upload(bytes: try #require(participation.sent?.bytes))
      #expect(upload.client == id && upload.round == 1)
      #expect(participation.accuracy != nil)
    }
  }

  /// A client that has nothing sends noise on zero, and has no accuracy: 0 would pull the mean down.
  @Test func clientsWithoutExamplesSendAndHaveNoAccuracy() throws {
    let data = try Dataset(
      features: Digits.load().features, labels: Digits.load().labels, featureCount: 64, classCount: 10)
    var stream = random(6)
    let population = try Population(
      data, partition: DirichletClassPartition(clients: 200, alpha: 0.01, minimumSize: 0, isBalanced: false),
      random: &stream)
    let empty = try #require((0..<200).first { population.exampleCount(of: $0) == 0 })
    let full = try #require((0..<200).first { population.exampleCount(of: $0) > 0 })
    var clients = ClientPool(
      population: population,
      trainer: LocalTrainer(
        network: Network(features: 64, hidden: [], classes: 10), work: .epochs(1), batchSize: 5, learningRate: 0.1),
      faults: .init(stragglers: 1))
    let both = try participate(&clients, [empty, full], broadcast(zeros), evaluates: true)
    let sent = try both.map { try #require($0.sent) }
    #expect(
      both[0].accuracy == nil && both[1].accuracy != nil && sent[0].figures.idealBits == 0
        && sent[1].figures.idealBits > 0)
  }

  @Test func dropoutsSendNothingAndDependOnTheRound() throws {
    var clients = try pool(dropout: 0.5)
    let cohort = Array(0..<400)
    let rounds = try (1...2).map { round in
      try participate(&clients, cohort, broadcast(zeros, round: round), threads: 2)
        .map { $0.sent == nil }
    }
    let dropped = rounds[0].count { $0 }
    #expect(dropped > 140 && dropped < 260, "\(dropped) of 400; 6 standard deviations")
    #expect(rounds[0] != rounds[1])
  }

  @Test func anUpdateThatIsNotFiniteBecomesZeroAndIsStillSent() throws {
    var clients = try pool(dropout: 0, learningRate: 1e38)
    var parameters = zeros
    parameters[0] = .greatestFiniteMagnitude
    parameters[640] = .infinity
    let sent = try #require(
      try participate(&clients, [7], broadcast(parameters))[0].sent)
    #expect(sent.figures.wasReplaced && !sent.figures.wasClipped && sent.figures.idealBits == 0)
    #expect(try Upload(bytes: try #require(sent.bytes)).payload.bytes.count == 1, "the code of the zero update")
  }
}
