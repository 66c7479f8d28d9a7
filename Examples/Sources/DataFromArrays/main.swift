// Training on data that a program has in memory: what the tutorial "Your own data and codec" does with a file.
import FedSim

/// Sixty people with ten rows each: three numbers, and whether the person walked (0) or ran (1).
var random = RandomStream(key: Key(seed: 1, label: "walks"))
var features: [Float] = []
var labels: [Int32] = []
var people: [Int32] = []
for i in 0..<600 {
  let ran = random.bernoulli(0.5)
  let center = ran ? 0.4 : -0.4
  features += [center, center, 0].map { Float($0 + 0.6 * random.normal()) }
  labels.append(ran ? 1 : 0)
  people.append(Int32(i / 10))
}

let data = try Dataset(
  features: features, labels: labels, featureCount: 3, classCount: 2, owners: people, classNames: ["walk", "run"])
let split = try Split(stratified: data, testFraction: 0.25, random: &random)
let scenario = Scenario(
  name: "walks", rounds: 20, data: GivenData(split), partition: NaturalPartition(), model: SoftmaxRegression(),
  training: Training(learningRate: 0.5, batchSize: 5), cohort: .everyone,
  privacy: Privacy(clippingNorm: 0.2, targetEpsilon: 4, delta: 1e-3), evaluation: EvaluationSection(every: 10))

var simulation = try Simulation(scenario: scenario, threads: 2)
while let record = try simulation.nextRound() {
  guard let accuracy = record.accuracy, let epsilon = record.epsilon else { continue }
  print("round \(record.round): accuracy \(accuracy), epsilon \(epsilon), \(Int(record.payloadBits?.mean ?? 0)) bits")
}
