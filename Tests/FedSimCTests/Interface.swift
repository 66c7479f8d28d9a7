import CFedSim
import JSONText
import Testing

@testable import FedSimC

/// What a function answers: its number, and the reason where it fails.
struct Answer {
  let result: Int64
  let reason: String
}

/// Calls the C interface as C does: by its symbols, with room for a reason.
enum Interface {
  static func call(
    room: Int = 1000, _ body: (UnsafeMutablePointer<CChar>?, Int64) -> Int64
  ) -> Answer {
    var error = [CChar](repeating: 0, count: room + 1)
    error[room] = 0x55
    let result = error.withUnsafeMutableBufferPointer { body($0.baseAddress, Int64(room)) }
    #expect(error[room] == 0x55, "nothing is written behind the room that there is")
    let end = error.firstIndex(of: 0) ?? 0
    return Answer(result: result, reason: String(decoding: error[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// A function that hands bytes out: what it handed out, nil where it failed.
  static func bytes(
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, UnsafeMutablePointer<CChar>?, Int64) -> Int64
  ) -> (Answer, [UInt8]?) {
    var out: UnsafeMutablePointer<UInt8>?
    let answer = call { body(&out, $0, $1) }
    guard answer.result >= 0 else {
      #expect(out == nil, "a function that fails hands nothing out")
      return (answer, nil)
    }
    guard let out else {
      Issue.record("bytes, or a NUL")
      return (answer, nil)
    }
    defer { fs_free(out) }
    #expect(out[Int(answer.result)] == 0, "a NUL follows the last byte")
    return (answer, Array(UnsafeBufferPointer(start: out, count: Int(answer.result))))
  }

  /// A function that answers with JSON, given a request.
  static func json(
    _ request: String,
    _ function: (
      UnsafePointer<CChar>?, Int64, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
      UnsafeMutablePointer<CChar>?, Int64
    ) -> Int64
  ) -> (Answer, JSONObject) {
    let text = request.utf8.map { CChar(bitPattern: $0) }
    let (answer, bytes) = text.withUnsafeBufferPointer { text in
      Self.bytes { function(text.baseAddress, Int64(text.count), $0, $1, $2) }
    }
    return (answer, object(bytes))
  }

  static func object(_ bytes: [UInt8]?) -> JSONObject {
    guard let bytes, case .object(let object)? = (try? JSONParser.parse(bytes))?.value else { return [:] }
    return object
  }

  /// A channel, and 0 where there is none.
  static func channel(
    _ settings: String, rotation: [UInt8] = [UInt8](repeating: 7, count: 32)
  ) -> (Answer, fs_handle) {
    var handle: fs_handle = -1
    let text = settings.utf8.map { CChar(bitPattern: $0) }
    let answer = call { fs_channel_new(text, Int64(text.count), rotation, &handle, $0, $1) }
    return (answer, handle)
  }
}
