import Clients

/// What only a simulation can see of a round's clients, added up in client order.
struct CohortDiagnostics {
  private(set) var sent = 0
  private(set) var clipped = 0.0
  private(set) var nonFinite = 0
  private(set) var idealBits = 0.0
  private(set) var accuracies: [Double] = []
  private(set) var trainingTime = Duration.zero
  private(set) var codingTime = Duration.zero

  mutating func add(_ participations: [Participation]) {
    for client in participations.compactMap(\.sent) {
      sent += 1
      clipped += client.wasClipped ? 1 : 0
      nonFinite += client.wasReplaced ? 1 : 0
      idealBits += client.idealBits
      if let accuracy = client.accuracy { accuracies.append(accuracy) }
      trainingTime += client.trainingTime
      codingTime += client.codingTime
    }
  }

  /// `total` over the clients that sent; nil where none did.
  func share(_ total: Double) -> Double? { sent == 0 ? nil : total / Double(sent) }
}
