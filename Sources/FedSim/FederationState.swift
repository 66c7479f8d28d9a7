import Aggregator

extension Federation {
  /// All that later rounds depend on beside what the federation was made with, by name, and the nonce. Sessions are not there: both
  /// sides agree again when a client is next drawn. The nonce is a secret: see `nonce`.
  public var state: StateSections {
    state { state in
      if let nonce { state.put("nonce", nonce.map(Int.init)) }
      // Settings, sizes and the first parameters: the state of another federation is not this one's.
      if let identity { state.put("identity", identity.map(Int.init)) }
    }
  }

  /// - Parameter more: puts what belongs to a simulation's clients, in its place.
  func state(_ more: (inout StateSections) -> Void) -> StateSections {
    let isOver = round == frame.lastRound
    var state = StateSections()
    state.put("round", [round])
    state.put("parameters", server.state.parameters)
    state.put("clippingNorm", [server.state.clippingNorm])
    let optimizer = server.state.optimizer
    for name in optimizer.storedNames {
      state.put(ServerOptimizer.State.section(of: name), isOver ? [] : optimizer[name])
    }
    state.put("control", isOver ? [] : server.state.control)
    more(&state)
    state.put("participations", timesDrawn.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
    return state
  }

  /// Goes on after the round that `state` is of.
  ///
  /// The rounds after an older state have the same cohorts, noise and agreements as those that were made of it before: whoever sends
  /// other updates in them releases two sums under one noise. Go back only to make the same rounds again.
  ///
  /// - Precondition: the federation is new, made with what the other one was made with: its nonce too.
  /// - Throws: `StateError` where the sections are not those of such a federation.
  public mutating func restore(_ state: StateSections) throws(StateError) {
    var restored = self
    try restored.restoreFields(state)
    guard restored.state == state else {
      throw StateError(
        byte: 0, problem: "its sections are not those of a federation made with this nonce and these settings")
    }
    self = restored
  }

  mutating func restoreFields(_ state: StateSections) throws(StateError) {
    guard round == 0, !isOpen else {
      throw StateError(byte: 0, problem: "a federation that has opened a round goes on from no state")
    }
    let done = try state.integer("round", in: 0...frame.lastRound)
    let fresh = server.state
    let isOver = done == frame.lastRound
    let optimizer = try fresh.optimizer.names.map { name throws(StateError) in
      try state.doubles(ServerOptimizer.State.section(of: name), count: isOver ? 0 : fresh.optimizer[name].count)
    }
    let counts = try state.integers("participations")
    restore(
      round: done,
      Server.State(
        parameters: try state.floats("parameters", count: fresh.parameters.count),
        clippingNorm: try state.doubles("clippingNorm", count: 1)[0],
        optimizer: ServerOptimizer.State(names: fresh.optimizer.names, arrays: optimizer),
        control: try state.floats("control", count: isOver ? 0 : fresh.control.count)),
      timesDrawn: Dictionary(
        stride(from: 0, to: counts.count - 1, by: 2).map { (counts[$0], counts[$0 + 1]) }, uniquingKeysWith: { $1 }))
  }
}

extension ServerOptimizer.State {
  /// The arrays that a checkpoint has: the two of the standard optimizers, empty where there are none, then all others.
  fileprivate var storedNames: [String] { AdaptiveMoments.names + names.filter { !AdaptiveMoments.names.contains($0) } }

  fileprivate static func section(of name: String) -> String {
    AdaptiveMoments.names.contains(name) ? name : "optimizer." + name
  }
}
