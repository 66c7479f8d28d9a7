/// What is wrong with data.
public enum DataError: Error, Equatable, CustomStringConvertible {
  case shape(String)
  case label(example: Int, found: Int, classes: Int)
  case feature(example: Int, feature: Int)
  case tooFewExamples(String)
  /// Bytes from outside. The place is a file, with line and column where it is text.
  case file(place: String, problem: String)
  /// A partition that the examples do not allow.
  case partition(String)

  public var description: String {
    switch self {
    case .shape(let reason), .tooFewExamples(let reason), .partition(let reason): reason
    case .label(let example, let found, let classes):
      "example \(example): found label \(found); allowed: 0 to \(classes - 1)"
    case .feature(let example, let feature): "example \(example): feature \(feature) is not finite"
    case .file(let place, let problem): "\(place): \(problem)"
    }
  }
}
