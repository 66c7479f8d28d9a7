// A data source and a partition of one's own, registered under their names and used by a scenario's text.
import FedSim

/// Points on noisy rings round the origin; the class is the ring.
struct Rings: ExampleSource, Configurable {
  var examples = 600
  var rings = 3

  static let keys = SettingList(
    Rings(),
    [
      Setting("examples", \.examples, .integer(10...1_000_000), "number of points"),
      Setting("rings", \.rings, .integer(2...10), "number of rings, and of classes"),
    ])

  var description: String { "\(examples) points on \(rings) rings" }

  // The keys and the run's seed say all there is to know of the points.
  var isGenerated: Bool { true }

  func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    var random = RandomStream(key: Key(seed: request.seed, label: "rings"))
    var features: [Float] = []
    var labels: [Int32] = []
    for i in 0..<examples {
      let ring = i % rings
      let (a, b) = (random.normal(), random.normal())
      let radius = Double(ring + 1) + 0.1 * random.normal()
      let (x, y) = (radius * a / (a * a + b * b).squareRoot(), radius * b / (a * a + b * b).squareRoot())
      // With squares among the features a linear model can tell the rings apart.
      features += [x, y, x * x + y * y].map { Float($0) }
      labels.append(Int32(ring))
    }
    let data = try Dataset(features: features, labels: labels, featureCount: 3, classCount: rings)
    return LoadedData(training: data, test: nil, labelPlace: "the rings")
  }
}

/// Clients that have neighboring points: the examples in the order of their first feature, cut into equal parts.
struct SortedPartition: PartitionScheme, Configurable {
  var clients = 1

  static let keys = SettingList(
    SortedPartition(),
    [Setting("clients", \.clients, .integer(1...1_000_000), .needed("the number of clients"), "number of clients")])

  var clientCount: Int? { clients }

  func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment {
    guard clients <= data.count else {
      throw .tooFewExamples("\(data.count) training examples cannot be partitioned among \(clients) clients")
    }
    let order = (0..<data.count).sorted {
      data.features[$0 * data.featureCount] < data.features[$1 * data.featureCount]
    }
    return .equalParts(order: order.map { Int32($0) }, clients: clients)
  }
}

var components = Components.standard
components.sources = components.sources.adding(Choice("rings", "points on noisy rings", Rings.self) { $0 })
components.partitions = components.partitions.adding(
  Choice("sorted", "equal parts in the order of the first feature", SortedPartition.self) { $0 })
let text = """
  {
    "version": 1,
    "task": "classification",
    "rounds": 5,
    "data": {"source": "rings", "examples": 900},
    "partition": {"kind": "sorted", "clients": 30},
    "model": {"kind": "softmax-regression"},
    "training": {"learningRate": 0.1},
    "cohort": {"sampling": "poisson", "size": 10},
    "evaluation": {"every": 1}
  }
  """
let scenario = try Scenario(ScenarioFile(Array(text.utf8), name: "rings.json", components: components))
var simulation = try Simulation(scenario: scenario, threads: 2)
while let record = try simulation.nextRound() {
  print("round \(record.round): accuracy \(record.accuracy ?? .nan) on \(simulation.setup.test.count) points")
}
