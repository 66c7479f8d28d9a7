import Datasets
import FedSim
import JSONText
import Platform
import RunFiles
import Scenarios

// Runs of fedsim.h.

@_cdecl("fs_run_new")
public func runNew(
  _ scenario: UnsafePointer<CChar>?, _ count: Int64, _ options: UnsafePointer<CChar>?, _ optionsCount: Int64,
  _ training: Int64, _ test: Int64, _ out: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  callForObject(out, error, capacity) {
    let began = ContinuousClock.now
    let bytes = try Argument.bytes(scenario, count, "scenario")
    let request = try RunRequest.request(Argument.bytes(options, optionsCount, "options"))
    let own = try request.read(RunRequest.self, others: ["set"])
    var scenario = try own.scenario(bytes, request)
    if training != 0 || test != 0 {
      let data: DataObject = try Objects.shared.find(training, "training")
      let others: DataObject? = test == 0 ? nil : try Objects.shared.find(test, "test")
      scenario = try scenario.giving(data.data, test: others?.data)
    }
    let simulation = try Simulation(scenario: scenario, threads: own.threadCount)
    var execution: RunExecution
    if let folder = own.folder {
      execution = try RunExecution(simulation, in: folder, start: own.start.start, began: began)
    } else {
      execution = RunExecution(simulation)
    }
    execution.writesEvents = own.tensorboard && own.folder != nil
    execution.patience = .zero
    let made = execution
    return { RunObject(made, folder: own.folder, number: $0) }
  }
}

@_cdecl("fs_run_about")
public func runAbout(
  _ run: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  callForJSON(json, error, capacity) { try Objects.shared.find(run, "run", as: RunObject.self).about }
}

@_cdecl("fs_run_next")
public func runNext(
  _ run: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  callForJSON(json, error, capacity) { try Objects.shared.find(run, "run", as: RunObject.self).next() }
}

@_cdecl("fs_run_finish")
public func runFinish(
  _ run: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  callForJSON(json, error, capacity) { try Objects.shared.find(run, "run", as: RunObject.self).finish() }
}

@_cdecl("fs_run_progress")
public func runProgress(_ run: Int64, _ out: UnsafeMutablePointer<Double>?) -> Int64 {
  call(nil, 0) {
    let object: RunObject = try Objects.shared.find(run, "run")
    let out = try Argument.pointer(out, "out")
    guard let state = object.state else { return 0 }
    out[0] = Double(state.round)
    out[1] = Double(state.done)
    out[2] = Double(state.drawn)
    out[3] = state.timeLeft?.seconds ?? -1
    return 4
  }
}

@_cdecl("fs_run_parameters")
public func runParameters(
  _ run: Int64, _ out: UnsafeMutablePointer<Float>?, _ dimension: Int64, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    try write(try Objects.shared.find(run, "run", as: RunObject.self).parameters, to: out, dimension)
  }
}

@_cdecl("fs_run_update")
public func runUpdate(
  _ run: Int64, _ round: Int64, _ client: Int64, _ parameters: UnsafePointer<Float>?, _ dimension: Int64,
  _ out: UnsafeMutablePointer<Float>?, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    let object: RunObject = try Objects.shared.find(run, "run")
    let values = try Argument.parameters(parameters, dimension, of: object.setup.model.parameterCount)
    let place = try Argument.buffer(out, values.count, "out")
    let update = try object.setup.update(of: Int(client), round: Int(round), from: values)
    _ = place.update(fromContentsOf: update.values)
    return Int64(update.exampleCount)
  }
}

/// Writes parameters.
///
/// - Parameter out: nil where their number alone is asked for.
/// - Returns: how many there are.
func write(
  _ parameters: [Float], to out: UnsafeMutablePointer<Float>?, _ dimension: Int64
) throws(Failure) -> Int64 {
  guard let out else { return Int64(parameters.count) }
  guard dimension == parameters.count else {
    throw .invalid("dimension", found: "\(dimension)", allowed: "\(parameters.count), as the model has parameters")
  }
  _ = UnsafeMutableBufferPointer(start: out, count: parameters.count).update(fromContentsOf: parameters)
  return dimension
}
