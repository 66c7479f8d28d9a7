import Aggregator
import Clients

/// One client's upload after the server has it.
struct DeliveredUpload: Sendable {
  let figures: UploadFigures
  /// Of the payload as it was written; nil where none was.
  let payloadBits: Int?
  let arrival: Arrival
  /// The time of decoding and adding.
  let decodingTime: Duration
}

/// What only a simulation can see of a round's clients, added up in client order.
struct CohortDiagnostics {
  private(set) var sent = 0
  private(set) var clipped = 0.0
  private(set) var nonFinite = 0
  private(set) var idealBits = 0.0
  private(set) var accuracies: [Double] = []
  private(set) var trainingTime = Duration.zero
  private(set) var codingTime = Duration.zero
  private(set) var decodingTime = Duration.zero
  /// What is expected of lengths, with the classes that occurred so far; nil where nothing can be.
  private(set) var lengths: PredictedLengths?
  /// Bits to expect of all uploads that were sent, written or not; of as many as something can be expected of.
  private var predictedBits = 0.0
  private var predicted = 0
  /// The same of those that were written, and the bits that their payloads have.
  private var predictedBitsOfCoded = 0.0
  private var measuredBits = 0.0
  private(set) var norms = UpdateNorms()

  init(_ lengths: PredictedLengths? = nil) { self.lengths = lengths }

  /// - Parameters:
  ///   - bound: the largest norm that an upload may have.
  ///   - accuracy: of the broadcast model on the client's own examples; nil where it is not known.
  ///   - trainingTime: of the client's local work.
  mutating func add(
    _ delivered: DeliveredUpload, bound: Double, accuracy: Double? = nil, trainingTime: Duration = .zero
  ) {
    let upload = delivered.figures
    sent += 1
    norms.add(upload)
    if let expected = lengths?.bits(norm: upload.norm, bound: bound) {
      predictedBits += expected
      predicted += 1
      if let bits = delivered.payloadBits {
        predictedBitsOfCoded += expected
        measuredBits += Double(bits)
      }
    }
    clipped += upload.wasClipped ? 1 : 0
    nonFinite += upload.wasReplaced ? 1 : 0
    idealBits += upload.idealBits
    if let accuracy { accuracies.append(accuracy) }
    self.trainingTime += trainingTime
    codingTime += upload.codingTime
    decodingTime += delivered.decodingTime
  }

  /// Mean bits to expect of an upload; nil where nothing can be expected, and where none was sent.
  var meanPredictedBits: Double? { predicted == 0 ? nil : predictedBits / Double(predicted) }

  /// Bits of the payloads that were written over those expected of them; nil where there are none.
  var measuredOverPredicted: Double? { predictedBitsOfCoded > 0 ? measuredBits / predictedBitsOfCoded : nil }

  /// `total` over the clients that sent; nil where none did.
  func share(_ total: Double) -> Double? { sent == 0 ? nil : total / Double(sent) }
}
