import Files
import JSONText
import Scenarios
import Settings

/// A JSON object that a caller hands in: its keys are checked by the same tables, and with the same words, as those of a scenario.
struct Request {
  /// What messages call it: the argument's name, or a path below it.
  let place: String
  let values: JSONObject

  /// - Throws: with the line and the column where the text is not JSON.
  init(_ bytes: [UInt8], _ place: String) throws(ScenarioError) {
    let parsed: ParsedJSON
    do throws(JSONSyntaxError) {
      parsed = try JSONParser.parse(bytes)
    } catch {
      throw .syntax(place: "\(place):\(error.position.line):\(error.position.column)", message: error.message)
    }
    try self.init(parsed.value, place)
  }

  init(_ value: JSON, _ place: String) throws(ScenarioError) {
    guard case .object(let object) = value else {
      throw .key(place: place, path: "", problem: "found \(value.kindName), \(value.summary)", allowed: "an object")
    }
    self.place = place
    values = object
  }

  /// Refuses keys that nobody reads.
  func check(only known: [String]) throws(ScenarioError) {
    for (key, _) in values where !known.contains(key) {
      let hint = Spelling.nearest(key, among: known)
      throw .key(
        place: place, path: JSONParser.childPath("", key: key),
        problem: hint.map { "no such key; did you mean \"\($0)\"?" } ?? "no such key",
        allowed: known.isEmpty ? "no keys" : known.joined(separator: ", "))
    }
  }

  /// The values of some keys: every default filled in.
  ///
  /// - Parameter others: keys that somebody else reads.
  func resolved(_ keys: [KeyDescription], others: [String] = []) throws(ScenarioError) -> JSONObject {
    try check(only: keys.map(\.name) + others)
    var own = JSONObject()
    for key in keys { own[key.name] = values[key.name] }
    do throws(KeyProblem) {
      return try SectionTable("", .defaulted, "", keys).resolve(own)
    } catch {
      throw self.error(error)
    }
  }

  /// The value that the keys say.
  ///
  /// - Parameter others: keys that somebody else reads.
  func read<Value: Configurable>(_: Value.Type = Value.self, others: [String] = []) throws(ScenarioError) -> Value {
    let value = Value.keys.read(try resolved(Value.keys.descriptions, others: others))
    if let problem = Value.keys.objection(value) ?? value.problem { throw error(problem) }
    return value
  }

  func error(_ problem: KeyProblem) -> ScenarioError {
    .key(place: place, path: problem.key, problem: problem.problem, allowed: problem.allowed)
  }

  /// The object at a key; nil where there is none, or null.
  func object(_ key: String) throws(ScenarioError) -> Request? {
    guard let value = values[key], value != .null else { return nil }
    return try Request(value, "\(place): \(JSONParser.childPath("", key: key))")
  }

  /// The list at a key; nil where there is none, or null.
  func list(_ key: String) throws(ScenarioError) -> [JSON]? {
    guard let value = values[key], value != .null else { return nil }
    guard case .array(let items) = value else {
      throw .key(
        place: place, path: key, problem: "found \(value.kindName), \(value.summary)", allowed: "an array")
    }
    return items
  }
}
