/// Seconds of one core that the parts of a run's work take on a machine. Nil is unknown.
struct UnitCosts: Sendable, Equatable {
  /// A part whose cost grows with how much of it there is.
  struct Line: Sendable, Equatable {
    var fixed = 0.0
    var each = 0.0

    func of(_ count: Double) -> Double { fixed + each * count }
  }

  /// Of local work; nil where the trainer is not known to do it.
  struct Training: Sendable, Equatable {
    /// What a worker makes once for a batch of clients.
    var workspace = 0.0
    /// The broadcast as training wants it, once a round.
    var preparation = 0.0
    /// A client without its steps.
    var client = 0.0
    /// A minibatch, by its examples.
    var step = Line()
    /// The broadcast model on the client's own examples, by their number.
    var ownEvaluation = Line()
  }

  /// Of what goes between clients and server.
  struct Channel: Sendable, Equatable {
    /// Once a run: plans for norms that are predicted.
    var plans = 0.0
    /// Keys of a client at both ends, and what they agree on.
    var agreement = 0.0
    /// Once a round: the broadcast at both ends.
    var opening = 0.0
    /// From an update to the bytes of its upload.
    var encoding = 0.0
    /// From these bytes to the sum.
    var decoding = 0.0
    /// Of an upload that is not written: clipping, and adding up.
    var simulation = 0.0
    /// Once a round: the noise, the next model, and the row of the table.
    var closing = 0.0
  }

  /// All before the first round.
  var setUp = 0.0
  /// Of all rounds.
  var accounting = 0.0
  /// Who takes part, once a round.
  var drawing = 0.0
  var training: Training?
  var channel: Channel?
  /// The model on the test examples, by their number.
  var evaluation = Line()
}
