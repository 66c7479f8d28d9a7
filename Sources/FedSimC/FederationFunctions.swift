import Clients
import FedSim
import JSONText
import RunFiles
import Scenarios
import Settings

// Federations of fedsim.h.

@_cdecl("fs_federation_new")
public func federationNew(
  _ scenario: UnsafePointer<CChar>?, _ count: Int64, _ options: UnsafePointer<CChar>?, _ optionsCount: Int64,
  _ parameters: UnsafePointer<Float>?, _ dimension: Int64, _ runKey: UnsafePointer<UInt8>?, _ keyCount: Int64,
  _ out: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForObject(out, error, capacity) {
    let began = ContinuousClock.now
    let bytes = try Argument.bytes(scenario, count, "scenario")
    let request = try RunRequest.request(Argument.bytes(options, optionsCount, "options"))
    let own = try request.read(RunRequest.self, others: ["set", "tensors"])
    let start = try Argument.parameters(parameters, dimension)
    var nonce: [UInt8]?
    if let runKey {
      let bytes = UnsafeBufferPointer(
        start: runKey, count: try Argument.integer(keyCount, "key_count", in: Limits.runKey))
      nonce = Array(bytes)
    } else if keyCount != 0 {
      throw Failure.invalid(
        "run_key", found: "NULL with a key_count of \(keyCount)", allowed: "16 bytes or more, or NULL and 0")
    }
    var execution = try FederationExecution(
      own.scenario(bytes, request), parameters: start, tensors: try tensors(request), nonce: nonce, in: own.folder,
      start: own.start.start, threads: own.threadCount, began: began)
    execution.writesEvents = own.tensorboard && own.folder != nil
    // Handed over once, through a closure that may not own what cannot be copied.
    let made = Handover(execution)
    return { FederationObject(made.take(), folder: own.folder, number: $0) }
  }
}

/// Names and shapes of the parts of the parameters; nil where none are given.
private func tensors(_ request: Request) throws(ScenarioError) -> [ModelTensor]? {
  guard let items = try request.list("tensors") else { return nil }
  var tensors: [ModelTensor] = []
  for (i, item) in items.enumerated() {
    let part = try Request(item, "\(request.place): \(JSONParser.childPath("tensors", index: i))")
    try part.check(only: ["name", "shape"])
    guard case .string(let name)? = part.values["name"] else {
      throw part.error(KeyProblem("name", "found \((part.values["name"] ?? .null).summary)", allowed: "a text"))
    }
    var shape: [Int] = []
    for (j, side) in (try part.list("shape") ?? []).enumerated() {
      guard case .integer(let size) = side, (0...Int(Int32.max)).contains(size) else {
        throw part.error(
          KeyProblem(
            JSONParser.childPath("shape", index: j), "found \(side.summary)", allowed: "an integer from 0 on"))
      }
      shape.append(size)
    }
    tensors.append(ModelTensor(name: name, shape: shape))
  }
  return tensors
}

@_cdecl("fs_federation_of")
public func federationOf(
  _ run: Int64, _ out: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForObject(out, error, capacity) {
    let object: RunObject = try Objects.shared.find(run, "run")
    let round = object.round
    guard round == 0 else {
      throw Failure.state("run: it has made \(round) rounds; allowed: a run that has made none")
    }
    let made = Handover(try FederationExecution(of: object.setup))
    return { FederationObject(made.take(), folder: nil, number: $0) }
  }
}

private func find(_ federation: Int64) throws(Failure) -> FederationObject {
  try Objects.shared.find(federation, "federation")
}

@_cdecl("fs_federation_about")
public func federationAbout(
  _ federation: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForJSON(json, error, capacity) { try find(federation).about }
}

@_cdecl("fs_federation_open")
public func federationOpen(
  _ federation: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  // What cannot be handed out must not be drawn.
  guard json != nil else { return callForJSON(json, error, capacity) { nil } }
  return callForJSON(json, error, capacity) { try find(federation).open() }
}

@_cdecl("fs_federation_parameters")
public func federationParameters(
  _ federation: Int64, _ out: UnsafeMutablePointer<Float>?, _ dimension: Int64,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  call(error, capacity) { try write(try find(federation).parameters, to: out, dimension) }
}

@_cdecl("fs_federation_send")
public func federationSend(
  _ federation: Int64, _ clients: UnsafePointer<Int64>?, _ updates: UnsafePointer<Float>?,
  _ examples: UnsafePointer<Int64>?, _ n: Int64, _ dimension: Int64, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    let object = try find(federation)
    let n = try Argument.integer(n, "n", in: Limits.rows)
    guard dimension == object.parameterCount else {
      throw Failure.invalid(
        "dimension", found: "\(dimension)", allowed: "\(object.parameterCount), as the model has parameters")
    }
    let rows = try Argument.buffer(updates, Argument.values(rows: n, of: Int(dimension)), "updates")
    let senders = try Argument.buffer(clients, n, "clients").map { Int($0) }
    let counts = examples.map { UnsafeBufferPointer(start: $0, count: n).map { Int($0) } }
    try object.send(rows, from: senders, examples: counts)
    return Int64(n)
  }
}

@_cdecl("fs_federation_step")
public func federationStep(
  _ federation: Int64, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    try find(federation).step()
    return 0
  }
}

@_cdecl("fs_federation_close")
public func federationClose(
  _ federation: Int64, _ evaluation: UnsafePointer<CChar>?, _ count: Int64,
  _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  guard json != nil else { return callForJSON(json, error, capacity) { nil } }
  return callForJSON(json, error, capacity) {
    let object = try find(federation)
    return try object.close(EvaluationRequest.read(Argument.bytes(evaluation, count, "evaluation")))
  }
}

@_cdecl("fs_federation_finish")
public func federationFinish(
  _ federation: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForJSON(json, error, capacity) { try find(federation).finish() }
}

@_cdecl("fs_federation_state")
public func federationState(
  _ federation: Int64, _ bytes: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForBytes(bytes, "bytes", error, capacity) {
    var out = OutputBytes()
    try out.append(try find(federation).state())
    return out
  }
}

@_cdecl("fs_federation_restore")
public func federationRestore(
  _ federation: Int64, _ bytes: UnsafePointer<UInt8>?, _ count: Int64, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    let object = try find(federation)
    let state = try Argument.buffer(bytes, Argument.integer(count, "count", in: Limits.bytes), "bytes")
    try object.restore(Array(state))
    return 0
  }
}

@_cdecl("fs_federation_ledger")
public func federationLedger(
  _ federation: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForJSON(json, error, capacity) { try find(federation).ledger() }
}
