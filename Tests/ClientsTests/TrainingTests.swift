import ChannelCoding
import Testing

@testable import Clients

@Suite struct NetworkTests {
  private func loss(_ network: Network, _ parameters: [Float], _ features: [Float], _ label: Int) -> Double {
    var workspace = network.makeWorkspace()
    return features.withUnsafeBufferPointer {
      network.predict(parameters, features: $0, label: label, &workspace).loss
    }
  }

  @Test func parametersAreCounted() {
    #expect(Network(features: 64, hidden: [], classes: 10).parameterCount == 650)
    #expect(Network(features: 64, hidden: [64], classes: 10).parameterCount == 4810)
    #expect(Network(features: 64, hidden: [64, 128], classes: 10).parameterCount == 64 * 65 + 65 * 128 + 129 * 10)
  }

  @Test(arguments: [[], [7], [33, 16]])
  func gradientsMatchFiniteDifferences(hidden: [Int]) {
    let network = Network(features: 20, hidden: hidden, classes: 5)
    var stream = random(3)
    var parameters = (0..<network.parameterCount).map { _ in Float(stream.normal() * 0.4) }
    let features = (0..<20).map { _ in Float(stream.normal()) }
    var gradient = [Float](repeating: 0, count: parameters.count)
    var workspace = network.makeWorkspace()
    _ = features.withUnsafeBufferPointer {
      network.addGradient(parameters, features: $0, label: 3, weight: 1, to: &gradient, &workspace)
    }
    var checked = 0
    for i in stride(from: 0, to: parameters.count, by: 3) {
      let kept = parameters[i]
      let h: Float = 1e-2
      parameters[i] = kept + h
      let up = loss(network, parameters, features, 3)
      parameters[i] = kept - h
      let down = loss(network, parameters, features, 3)
      parameters[i] = kept
      let slope = (up - down) / (2 * Double(h))
      // A ReLU that switches within the step spoils a difference; few do.
      if abs(slope - Double(gradient[i])) < 2e-3 + 0.01 * abs(slope) { checked += 1 }
    }
    #expect(Double(checked) > 0.95 * Double((parameters.count + 2) / 3), "\(checked) of \((parameters.count + 2) / 3)")
  }

  @Test func startsAtTheUniformPrediction() {
    let network = Network(features: 64, hidden: [64], classes: 10)
    var stream = random(4)
    let parameters = network.initialParameters(&stream)
    #expect(abs(loss(network, parameters, [Float](repeating: 0.5, count: 64), 2) - 2.302585092994046) < 1e-6)
    let hidden = parameters.prefix(64 * 64).map(Double.init)
    let variance = hidden.reduce(0) { $0 + $1 * $1 } / Double(hidden.count)
    #expect(abs(variance * 32 - 1) < 0.1, "2 / inputs")
  }

  @Test func divergedModelsAreNotFiniteAndNotCorrect() {
    let network = Network(features: 2, hidden: [], classes: 2)
    var workspace = network.makeWorkspace()
    let prediction = [Float(1), 1].withUnsafeBufferPointer {
      network.predict([.nan, 0, 0, 0, 0, 0], features: $0, label: 0, &workspace)
    }
    #expect(prediction.loss.isNaN && !prediction.isCorrect)
  }
}

@Suite struct LocalTrainerTests {
  @Test func oneStepIsTheNegativeGradient() throws {
    let data = try Digits.load()
    let network = Network(features: 64, hidden: [8], classes: 10)
    var stream = random(5)
    let start = (0..<network.parameterCount).map { _ in Float(stream.normal() * 0.3) }
    let trainer = LocalTrainer(network: network, epochs: 1, batchSize: 10, learningRate: 0.25)
    var order = PrivateRandomness(key: Key(Array(0..<32))!)
    let update = trainer.train(from: start, on: [4, 9], of: data, random: &order)
    var gradient = [Float](repeating: 0, count: start.count)
    var workspace = network.makeWorkspace()
    data.features.withUnsafeBufferPointer { features in
      for example in [4, 9] {
        _ = network.addGradient(
          start, features: data.row(example, of: features), label: Int(data.labels[example]), weight: 0.5,
          to: &gradient, &workspace)
      }
    }
    for i in update.indices { #expect(abs(update[i] + 0.25 * gradient[i]) < 1e-6) }
    #expect(update.contains { $0 != 0 })
  }

  @Test func trainingLearns() throws {
    let data = try Digits.load()
    let network = Network(features: 64, hidden: [], classes: 10)
    let trainer = LocalTrainer(network: network, epochs: 3, batchSize: 10, learningRate: 0.3)
    var order = PrivateRandomness(key: Key(Array(0..<32))!)
    let all = Array(0..<data.count)
    let start = [Float](repeating: 0, count: network.parameterCount)
    let update = trainer.train(from: start, on: all[...], of: data, random: &order)
    let parallel = Parallel(threads: 2)
    #expect(Evaluation(network, start, on: all[...], of: data, parallel).accuracy < 0.2)
    let after = Evaluation(network, update, on: all[...], of: data, parallel)
    #expect(after.accuracy > 0.95, "\(after)")
    #expect(Evaluation(network, update, on: all[...], of: data, Parallel(threads: 1)) == after)
  }
}

@Suite struct ClientPoolTests {
  private func pool(dropout: Double, learningRate: Double = 0.1) throws -> ClientPool {
    var stream = random(6)
    let population = try Population(Digits.load(), partition: .oneExample, random: &stream)
    return ClientPool(
      population: population,
      trainer: LocalTrainer(
        network: Network(features: 64, hidden: [], classes: 10), epochs: 1, batchSize: 1, learningRate: learningRate),
      keys: RunKeys(seed: 1, fingerprint: []), dropout: dropout)
  }

  private func participate(
    _ clients: inout ClientPool, _ cohort: [Int], _ broadcast: [UInt8], evaluates: Bool = false, threads: Int = 1
  ) throws -> [Participation] {
    try clients.participate(
      cohort, in: clients.receive(broadcast), evaluates: evaluates, Parallel(threads: threads))
  }

  private func broadcast(_ parameters: [Float], round: Int = 1) -> [UInt8] {
    let server = RunKeys(seed: 1, fingerprint: []).server
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
      let upload = try Upload(bytes: try #require(participation.sent).bytes)
      #expect(upload.client == id && upload.round == 1)
      #expect(participation.sent?.accuracy != nil)
    }
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
    #expect(sent.wasReplaced && !sent.wasClipped && sent.idealBits == 0)
    #expect(try Upload(bytes: sent.bytes).payload.bytes.count == 1, "the code of the zero update")
  }
}
