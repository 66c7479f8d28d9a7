/// What is wrong with a scenario: where, what was found, what is allowed.
public enum ScenarioError: Error, Equatable, CustomStringConvertible {
  case syntax(place: String, message: String)
  case key(place: String, path: String, problem: String, allowed: String)
  /// The keys are fine one by one; no guarantee or no run follows from them together.
  case refused(place: String, path: String, reason: String)

  public var description: String {
    switch self {
    case .syntax(let place, let message): "\(place): not valid JSON: \(message)"
    case .key(let place, let path, let problem, let allowed):
      path.isEmpty ? "\(place): \(problem); allowed: \(allowed)" : "\(place): \(path): \(problem); allowed: \(allowed)"
    case .refused(let place, let path, let reason): "\(place): \(path): refused: \(reason)"
    }
  }
}
