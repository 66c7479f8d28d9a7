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

  /// - Parameters:
  ///   - accuracy: of the broadcast model on the client's own examples; nil where it is not known.
  ///   - trainingTime: of the client's local work.
  mutating func add(_ upload: SentUpload, accuracy: Double? = nil, trainingTime: Duration = .zero) {
    sent += 1
    clipped += upload.wasClipped ? 1 : 0
    nonFinite += upload.wasReplaced ? 1 : 0
    idealBits += upload.idealBits
    if let accuracy { accuracies.append(accuracy) }
    self.trainingTime += trainingTime
    codingTime += upload.codingTime
  }

  /// `total` over the clients that sent; nil where none did.
  func share(_ total: Double) -> Double? { sent == 0 ? nil : total / Double(sent) }
}
