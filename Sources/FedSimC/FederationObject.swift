import CFedSim
import Clients
import FedSim
import JSONText
import RunFiles
import Settings
import Synchronization

/// A federation of a caller, who computes its updates.
final class FederationObject: NamedObject {
  static let kind = "a federation"

  private struct Content: ~Copyable, Sendable {
    var execution: FederationExecution
    /// The clients of the open round, and whether they have sent; empty where none is open.
    var drawn: [Int: Bool] = [:]
  }

  let number: Int64
  let parameterCount: Int
  private let folder: String?
  /// Whoever calls holds it until the call ends.
  private let content: Mutex<Content>

  init(_ execution: consuming sending FederationExecution, folder: String?, number: Int64) {
    (self.folder, self.number, parameterCount) = (folder, number, execution.setup.model.parameterCount)
    content = Mutex(Content(execution: execution))
  }

  var about: JSON {
    content.withLock { content in
      let setup = content.execution.setup
      guard case .object(var line) = LiveLine.run(setup, folder: folder, after: content.execution.round) else {
        return .null
      }
      let plan = setup.plan
      line["noiseMultiplier"] = .optional(plan?.noiseMultiplier)
      line["noiseScale"] = .number(setup.channel.noiseScale)
      line["clippingNorm"] = .optional(plan?.clippingNorm)
      line["largestCohort"] = plan.map { .integer($0.largestCohort) } ?? .null
      line["truncationDelta"] = .optional(plan?.truncationDelta)
      line["codec"] = .string(setup.channel.codec.rawValue)
      line["parameters"] = .integer(setup.model.parameterCount)
      line["clients"] = .integer(setup.population.clientCount)
      line["roundIsOpen"] = .bool(content.execution.isOpen)
      return .object(line)
    }
  }

  /// Draws the cohort of the next round; nil where there is none.
  func open() throws -> JSON? {
    try content.withLock { content in
      guard let opening = try content.execution.open() else { return nil }
      content.drawn = Dictionary(opening.cohort.map { ($0, false) }) { first, _ in first }
      return [
        "round": .integer(opening.round), "cohort": .array(opening.cohort.map { .integer($0) }),
        "epsilon": .optional(opening.spending?.epsilon), "clippingNorm": .optional(opening.clippingNorm),
      ]
    }
  }

  var parameters: [Float] { content.withLock { $0.execution.parameters } }

  /// - Parameters:
  ///   - rows: as many values of each client as the model has.
  ///   - examples: of each client; nil for one each.
  func send(
    _ rows: UnsafeBufferPointer<Float>, from clients: [Int], examples: [Int]?
  ) throws {
    nonisolated(unsafe) let rows = rows
    try content.withLock { content in
      fedsim_stop_enter(number)
      defer { fedsim_stop_leave(number) }
      try Self.check(clients, examples, content)
      let width = parameterCount
      // Parts of some tens of megabytes, between which a stop is seen.
      let part = max(1, (1 << 24) / width)
      var first = 0
      while first < clients.count {
        guard !isStopped(number) else {
          throw Failure(
            code: Failure.stopped.code,
            reason: "stopped by fs_stop; the first \(first) of \(clients.count) clients have sent, the others have not")
        }
        let range = first..<min(first + part, clients.count)
        try content.execution.send(
          rows: UnsafeBufferPointer(rebasing: rows[(range.lowerBound * width)..<(range.upperBound * width)]),
          from: Array(clients[range]), examples: examples.map { Array($0[range]) })
        for client in clients[range] { content.drawn[client] = true }
        first = range.upperBound
      }
    }
  }

  /// All that the sending would refuse, before the first part.
  private static func check(_ clients: [Int], _ examples: [Int]?, _ content: borrowing Content) throws {
    try content.execution.checkOpen()
    let round = content.execution.round + 1
    var senders = Set<Int>()
    for client in clients {
      guard let hasSent = content.drawn[client] else { throw FederationError.notDrawn(client: client, round: round) }
      guard !hasSent, senders.insert(client).inserted else {
        throw ClientEndError.secondUpload(client: client, round: round)
      }
    }
    if let examples, let i = examples.firstIndex(where: { !(0...LocalUpdate.mostExamples).contains($0) }) {
      throw ClientEndError.exampleCount(client: clients[i], found: examples[i])
    }
  }

  /// Moves the model; who was drawn can send no more.
  func step() throws {
    try content.withLock { content in
      try content.execution.step()
      content.drawn = [:]
    }
  }

  /// - Parameter evaluation: nil for nothing that was measured.
  func close(_ evaluation: EvaluationRequest?) throws -> JSON {
    try content.withLock { content in
      let record = try content.execution.close(accuracy: evaluation?.accuracy, loss: evaluation?.loss)
      content.drawn = [:]
      return record.json
    }
  }

  func finish() throws -> JSON { try content.withLock { try $0.execution.finish().summary.json } }

  func state() throws -> [UInt8] { try content.withLock { try $0.execution.state() } }

  func restore(_ bytes: [UInt8]) throws { try content.withLock { try $0.execution.restore(bytes) } }

  func ledger() throws -> JSON {
    guard let json = content.withLock({ $0.execution.ledgerJSON }) else {
      throw Failure.refused("refused: this federation has no guarantee, and so no ledger")
    }
    return json
  }
}

/// Gives an execution, which cannot be copied, to whoever takes it first.
final class Handover: Sendable {
  private let execution: Mutex<FederationExecution?>

  init(_ execution: consuming sending FederationExecution) { self.execution = Mutex(execution) }

  func take() -> FederationExecution {
    guard let taken = execution.withLock({ $0.take() }) else { preconditionFailure("it is taken once") }
    return taken
  }
}

/// What a caller has measured of a model.
struct EvaluationRequest: Configurable {
  var accuracy: Double?
  var loss: Double?

  static let keys = SettingList(
    EvaluationRequest(),
    [
      Setting("accuracy", \.accuracy, .number(0...1), .unset("it was not measured"), "share of right answers"),
      Setting(
        "loss", \.loss, .number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude),
        .unset("it was not measured"), "mean loss"),
    ])

  /// - Returns: nil where there are no bytes.
  static func read(_ bytes: [UInt8]) throws -> EvaluationRequest? {
    bytes.isEmpty ? nil : try Request(bytes, "evaluation").read()
  }
}
