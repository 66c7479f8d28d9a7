import JSONText
import Numerics

extension SearchTrace {
  /// All steps. Numbers have nine significant digits: what a platform's own functions differ in is far below.
  public var json: JSON {
    var object: JSONObject = [
      "algorithm": .string(algorithm.rawValue), "target": .string(target.spelling),
      "klBits": .nine(target.entropyBits), "dInfBits": .nine(target.supremumBits), "sample": .nine(sample),
    ]
    if let seed { object["seed"] = seed <= UInt64(Int.max) ? .integer(Int(seed)) : .string("\(seed)") }
    switch course {
    case .process(let trace):
      if algorithm != .gprs {
        object["fastGPRS"] = [
          "steps": .array(trace.steps.enumerated().map { $1.json(depth: $0) }), "pathBits": .nine(trace.pathBits),
        ]
      }
      if algorithm != .fastGPRS {
        object["gprs"] = ["arrivals": .array(trace.arrivals.enumerated().map { $1.json(number: $0 + 1) })]
      }
    case .bounds(let trace):
      object["start"] = .array(trace.start.map(\.json))
      object["steps"] = .array(trace.steps.map(\.json))
      if algorithm != .pfr { object["pathBits"] = .nine(trace.pathBits) }
    case .lids(let trace):
      object["steps"] = .array(trace.steps.enumerated().map { $1.json(depth: $0) })
      object["pathBits"] = .nine(trace.pathBits)
    }
    return .object(object)
  }
}

extension JSON {
  /// A number of nine significant digits; null where it is not finite.
  fileprivate static func nine(_ value: Double) -> JSON {
    guard value.isFinite else { return .null }
    guard value != 0 else { return .number(0) }
    var scale = 1.0
    // By products and quotients of ten alone: the same on every machine.
    while abs(value) * scale < 1e8, scale < 1e290 { scale *= 10 }
    var divisor = 1.0
    while abs(value) / divisor >= 1e9 { divisor *= 10 }
    return .number(divisor > 1 ? (value / divisor).rounded() * divisor : (value * scale).rounded() / scale)
  }

  fileprivate static func side(_ side: TracedSide?) -> JSON { side.map { .string($0.rawValue) } ?? .null }
}

extension TracedInterval {
  /// Its keys in an object of a step.
  fileprivate var members: [(String, JSON)] { [("lo", .nine(low)), ("hi", .nine(high)), ("mass", .nine(mass))] }
}

extension JSONObject {
  fileprivate mutating func add(_ interval: TracedInterval) {
    for (key, value) in interval.members { self[key] = value }
  }
}

extension ProcessTrace.Arrival {
  fileprivate func json(number: Int) -> JSON {
    [
      "k": .integer(number), "t": .nine(time), "x": .nine(x), "r": .nine(ratio), "stretch": .nine(stretch),
      "accepted": .bool(isAccepted), "fastDepth": depth.map { .integer($0) } ?? .null,
    ]
  }
}

extension ProcessTrace.Step {
  fileprivate func json(depth: Int) -> JSON {
    var object: JSONObject = ["depth": .integer(depth)]
    object.add(interval)
    for (key, value) in [("u", uniform), ("x", x), ("t", time), ("r", ratio), ("stretch", stretch)] {
      object[key] = .nine(value)
    }
    object["accepted"] = .bool(side == nil)
    object["side"] = .side(side)
    object["bits"] = .nine(bits)
    return .object(object)
  }
}

extension BoundTrace.Waiting {
  fileprivate var json: JSON {
    var object: JSONObject = ["node": .string("\(node)")]
    object.add(interval)
    object["bound"] = .nine(bound)
    return .object(object)
  }
}

extension BoundTrace.Step {
  fileprivate var json: JSON {
    var object: JSONObject = ["node": .string("\(node)"), "depth": .integer(depth)]
    object.add(interval)
    for (key, number) in [
      ("t", time), ("x", x), ("r", ratio), ("bound", bound), ("value", value), ("best", best),
    ] { object[key] = .nine(number) }
    object["isBest"] = .bool(isBest)
    object["waiting"] = .array(queue.map(\.json))
    return .object(object)
  }
}

extension LidTrace.Step {
  fileprivate func json(depth: Int) -> JSON {
    var object: JSONObject = ["depth": .integer(depth)]
    object.add(interval)
    for (key, number) in [
      ("lid", lid), ("rest", rest), ("nextLid", nextLid), ("coin", coin), ("height", height), ("x", x), ("r", ratio),
    ] { object[key] = .nine(number) }
    object["accepted"] = .bool(isAccepted)
    object["side"] = .side(side)
    object["split"] = split.map { .nine($0) } ?? .null
    object["bits"] = .nine(bits)
    return .object(object)
  }
}
