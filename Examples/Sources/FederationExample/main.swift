// A private federated run on the caller's own arrays and update function: no data set, no model and no JSON of FedSim's.
//
// Each of 500 clients has ten rows of a linear regression. What a client computes is `update` below; clipping, coding, the noise,
// its account and the server are the federation's.
import FedSim

let truth: [Float] = [1, -2, 0.5]
var random = RandomStream(key: Key(seed: 1, label: "regression"))
let clients = (0..<500).map { _ in
  (0..<10).map { _ in
    let x = truth.map { _ in Float(random.normal()) }
    return (x: x, y: zip(x, truth).reduce(Float(random.normal() / 10)) { $0 + $1.0 * $1.1 })
  }
}

func update(_ rows: [(x: [Float], y: Float)], from model: [Float]) -> [Float] {
  model.indices.map { i in
    rows.reduce(0) { $0 + 0.05 * $1.x[i] * ($1.y - zip($1.x, model).reduce(0) { $0 + $1.0 * $1.1 }) }
  }
}

var federation = try Federation(
  parameters: [0, 0, 0], clients: clients.count, rounds: 10, cohort: .poisson(expectedSize: 100),
  privacy: Privacy(clippingNorm: 1, targetEpsilon: 4))
while var round = try federation.nextRound() {
  for client in round.cohort { try round.send(update(clients[client], from: round.parameters), from: client) }
  let record = try federation.close(round)
  print("round \(record.round): \(record.arrived) clients, \(Int(record.payloadBits?.mean ?? 0)) bits each")
}
print("the model: \(federation.parameters); epsilon \(federation.privacySpent?.epsilon ?? .infinity)")
