/// What is wrong with the input of a tool, or what went wrong: one line.
public enum ToolError: Error, Equatable, CustomStringConvertible {
  /// A flag, a file or a byte: where, what was found and what is allowed.
  case input(place: String, problem: String)
  /// Right input, no result: what could not be done and why.
  case failed(place: String, reason: String)

  public var description: String {
    switch self {
    case .input(let place, let problem): "\(place): \(problem)"
    case .failed(let place, let reason): "\(place): \(reason)"
    }
  }
}
