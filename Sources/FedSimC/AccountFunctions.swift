import JSONText

// The accountant of fedsim.h: JSON in, JSON out.

private typealias Answer = (Request) throws -> JSON

private func answer(
  _ request: UnsafePointer<CChar>?, _ count: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64, _ answer: Answer
) -> Int64 {
  callForJSON(json, error, capacity) {
    try answer(try Request(Argument.bytes(request, count, "request"), "request"))
  }
}

@_cdecl("fs_account")
public func account(
  _ request: UnsafePointer<CChar>?, _ count: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  answer(request, count, json, error, capacity, AccountRequest.answer)
}

@_cdecl("fs_calibrate")
public func calibrate(
  _ request: UnsafePointer<CChar>?, _ count: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  answer(request, count, json, error, capacity, CalibrationRequest.answer)
}

@_cdecl("fs_plan")
public func plan(
  _ request: UnsafePointer<CChar>?, _ count: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  answer(request, count, json, error, capacity, PlanRequest.answer)
}
