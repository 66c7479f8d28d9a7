import Files
import JSONText
import Scenarios

extension Sweep {
  /// What varies between the points of a sweep: a key of the scenario, a whole section, or the named points.
  public struct Axis: Sendable, Equatable {
    /// A key of the scenario, such as `privacy.targetEpsilon`, or a section, such as `privacy`; `point` for named points.
    public let path: String
    /// The values as they were written; the names of named points.
    public let values: [JSON]
    /// The values in a few words: of a section the keys in which its values differ, of a point its name.
    public let labels: [String]
    /// Whether a value stands for several keys: it is a section, or a named point.
    public let isCompound: Bool
    /// What each of the values sets.
    let settings: [[Setting]]
    /// The path of the axis in the file.
    let place: String

    /// The path of the axis of named points.
    static let points = "point"

    /// What a table calls the column: `name` for named points, as `point` has their numbers.
    var column: String { path == Self.points ? "name" : path }

    /// What a table has of a value.
    func cell(_ choice: Int) -> JSON { isCompound ? .string(labels[choice]) : values[choice] }
  }

  /// A key or a section of the scenario with the value that a point gives it.
  struct Setting: Sendable, Equatable {
    let path: String
    let value: JSON
    /// The path of the value in the file.
    let place: String

    /// What a single run is told by `--set`.
    var override: String { "\(path)=\(value.text(pretty: false))" }

    /// Whether a path and another one are of one key, or one is the section of the other.
    static func overlap(_ a: String, _ b: String) -> Bool {
      a == b || a.hasPrefix(b + ".") || b.hasPrefix(a + ".")
    }
  }
}

/// Values of axes in a few words.
enum SweepLabels {
  /// Of a key: the values as they are.
  static func ofKey(_ values: [JSON]) -> [String] { values.map(words) }

  /// Of a section: the keys in which its values differ, or all that is written of the only one.
  ///
  /// - Parameter selector: the key that chooses a kind, whose value says enough.
  static func ofSection(_ values: [JSON], selector: String?) -> [String] {
    let objects = values.compactMap { value -> JSONObject? in
      if case .object(let object) = value { object } else { nil }
    }
    return values.map { value in
      guard case .object(let object) = value else { return value == .null ? "none" : words(value) }
      let shown = object.filter { key, _ in
        objects.count < 2 || Set(objects.map { $0[key].map(words) }).count > 1
      }
      let parts = shown.map { key, value in key == selector ? words(value) : "\(key) \(words(value))" }
      return parts.isEmpty ? "defaults" : parts.joined(separator: ", ")
    }
  }

  /// Null unsets a key.
  static func words(_ value: JSON) -> String { value == .null ? "not set" : value.plain }

  /// Whether two values say the same: 1 and 1.0 do, and objects do whatever the order of their keys.
  static func isSame(_ a: JSON, _ b: JSON) -> Bool {
    switch (a, b) {
    case (.object(let x), .object(let y)):
      return x.count == y.count
        && x.allSatisfy { key, value in y[key].map { isSame(value, $0) } ?? false }
    case (.array(let x), .array(let y)):
      return x.count == y.count && zip(x, y).allSatisfy { isSame($0, $1) }
    default: return a == b || (a.double != nil && a.double == b.double)
    }
  }
}
