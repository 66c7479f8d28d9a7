import JSONText
import Platform

/// Standard output as a run goes on: a line of JSON at a time, each handed to the system at once.
///
/// Nobody waits for a reader that is gone: the first line that could not be written is the last, and the run is stopped.
final class LiveOutput {
  private let isOn: Bool
  /// Why a line could not be written; nil where all were.
  private(set) var error: OutputError?

  /// - Parameter isOn: false for a run that is not followed, of which nothing is printed.
  init(isOn: Bool) { self.isOn = isOn }

  /// Whether nobody reads on. A pipe that was closed is seen before the next line is written to it.
  var isCut: Bool { isOn && (error != nil || Console.isReaderGone) }

  func put(_ line: JSON) {
    guard isOn, error == nil else { return }
    do {
      try Console.result(line.text(pretty: false))
    } catch {
      self.error = error as? OutputError ?? OutputError(isReaderGone: false)
    }
  }

  /// The exit code of a run that was stopped since a line could not be written: for a closed pipe that of SIGPIPE, as a shell says it.
  var exitCode: Int32 { error?.isReaderGone ?? true ? 128 + SIGPIPE : 1 }
}
