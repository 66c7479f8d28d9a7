import Files
import JSONText

/// A JSON Schema (draft 2020-12) of scenarios, made from the table of keys: for editors, and for programs that write scenarios.
///
/// It has every rule about one key. What must go together, such as exactly one of `noiseMultiplier` and `targetEpsilon`, is
/// for `fedsim validate`.
public enum ScenarioSchema {
  public static var json: JSON {
    var properties = JSONObject()
    for key in ScenarioKey.all where !key.path.contains(".") { properties[key.path] = schema(of: key) }
    for section in ScenarioKey.sections { properties[section] = schema(ofSection: section) }
    properties["sweep"] = sweep
    let required =
      ScenarioKey.all.filter { $0.isRequired && !$0.path.contains(".") }.map(\.path) + ScenarioKey.requiredSections
    return [
      "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "FedSim scenario",
      "description": .string("fedsim \(FedSimVersion.current); made by fedsim schema from the table of keys"),
      "type": "object", "properties": .object(properties), "required": .array(required.map { .string($0) }),
      "additionalProperties": false, "$defs": ["range": range],
    ]
  }

  /// The part that is about one key or one section.
  ///
  /// - Throws: `ScenarioError` with the nearest key where there is none at `path`.
  public static func json(of path: String) throws(ScenarioError) -> JSON {
    if let key = ScenarioKey.all.first(where: { $0.path == path }) { return schema(of: key) }
    if ScenarioKey.sections.contains(path) { return schema(ofSection: path) }
    if path == "sweep" { return sweep }
    if let key = sweepKeys.first(where: { $0.path == path }), case .object(let object) = sweep,
      case .object(let properties)? = object["properties"]
    {
      return properties[String(key.path.dropFirst("sweep.".count))] ?? .null
    }
    throw unknown(path)
  }

  /// One key in words, or all keys of a section.
  ///
  /// - Throws: `ScenarioError` with the nearest key where there is none at `path`.
  public static func text(of path: String) throws(ScenarioError) -> String {
    let rows = ScenarioKey.all.map(row) + sweepKeys
    let chosen = rows.filter { $0.path == path || $0.path.hasPrefix(path + ".") }
    guard !chosen.isEmpty else { throw unknown(path) }
    return chosen.map { row in
      [
        row.path, Text.wrapped(row.meaning, indent: "  "), Text.wrapped("allowed: \(row.allowed)", indent: "  "),
        Text.wrapped("default: \(row.fallback)", indent: "  "),
      ].joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  private static func unknown(_ path: String) -> ScenarioError {
    let sections = ScenarioKey.sections + ["sweep"]
    let known = ScenarioKey.all.map(\.path) + sections + sweepKeys.map(\.path)
    guard case .key(let place, let path, let problem, _) = ScenarioFile.unknown(path, place: "schema", among: known)
    else { preconditionFailure("an unknown key is an error about a key") }
    return .key(
      place: place, path: path, problem: problem,
      allowed: "a key such as privacy.delta, or a section: \(sections.joined(separator: ", "))")
  }

  private struct Row {
    let path: String
    let allowed: String
    let fallback: String
    let meaning: String
  }

  private static func row(_ key: ScenarioKey) -> Row {
    let fallback =
      switch key.fallback {
      case .required: "none, it is required"
      case .value(let value): value.text(pretty: false)
      case .unset(let text), .absent(let text): "not set: \(plain(text))"
      }
    return Row(
      path: key.path, allowed: key.allowed + (key.isNullable ? ", or null" : ""), fallback: fallback,
      meaning: plain(key.meaning))
  }

  /// Without the marks of Markdown.
  private static func plain(_ text: String) -> String { text.split(separator: "`").joined() }

  // MARK: Keys

  private static func schema(ofSection name: String) -> JSON {
    let keys = ScenarioKey.all.filter { $0.path.hasPrefix(name + ".") }
    var properties = JSONObject()
    for key in keys { properties[short(key.path)] = schema(of: key) }
    let isRequired = ScenarioKey.requiredSections.contains(name)
    return [
      "type": isRequired ? "object" : ["object", "null"], "properties": .object(properties),
      "required": .array(keys.filter(\.isRequired).map { .string(short($0.path)) }), "additionalProperties": false,
    ]
  }

  /// No control characters.
  private static let pathPattern = "^[^\\u0000-\\u001f]{1,4096}$"

  private static func short(_ path: String) -> String { path.split(separator: ".").last.map(String.init) ?? path }

  /// Null stands for "not set" wherever a key may be left out.
  private static func schema(of key: ScenarioKey) -> JSON {
    var schema: JSONObject = ["description": .string(plain(key.meaning))]
    let type = { (name: String) -> JSON in key.isRequired ? .string(name) : [.string(name), "null"] }
    switch key.kind {
    case .integer(let range):
      schema["type"] = type("integer")
      schema["minimum"] = .integer(range.lowerBound)
      schema["maximum"] = .integer(range.upperBound)
    case .number(let low, let isLowIncluded, let high, let isHighIncluded):
      schema["type"] = type("number")
      if low.isFinite { schema[isLowIncluded ? "minimum" : "exclusiveMinimum"] = .number(low) }
      if high.isFinite { schema[isHighIncluded ? "maximum" : "exclusiveMaximum"] = .number(high) }
    case .name:
      schema["type"] = type("string")
      schema["pattern"] = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$"
    case .choice(let values, _):
      schema["enum"] = .array(values.map { .string($0) } + (key.isRequired ? [] : [.null]))
    case .flag: schema["type"] = type("boolean")
    case .integers(let each, let count):
      schema["type"] = type("array")
      schema["items"] = [
        "type": "integer", "minimum": .integer(each.lowerBound), "maximum": .integer(each.upperBound),
      ]
      schema["minItems"] = .integer(count.lowerBound)
      schema["maxItems"] = .integer(count.upperBound)
    case .path:
      schema["type"] = type("string")
      schema["pattern"] = .string(pathPattern)
    case .column:
      schema["type"] = key.isRequired ? ["string", "integer"] : ["string", "integer", "null"]
      schema["minimum"] = 0
      schema["maximum"] = .integer(ScenarioKey.lastColumn)
      schema["minLength"] = 1
    case .testFiles:
      let path: JSON = ["type": "string", "pattern": .string(pathPattern)]
      schema["anyOf"] = [
        path, ["type": "null"],
        [
          "type": "object", "properties": ["images": path, "labels": path], "required": ["images", "labels"],
          "additionalProperties": false,
        ],
      ]
    }
    switch key.fallback {
    case .required: break
    case .value(let value): schema["default"] = value
    case .unset(let text), .absent(let text):
      schema["default"] = .null
      schema["description"] = .string("\(plain(key.meaning)). Not set: \(plain(text))")
    }
    return .object(schema)
  }

  // MARK: Sweeps

  private static let sweepKeys = [
    Row(
      path: "sweep.axes",
      allowed:
        "keys of the scenario with an array of values, or with {\"from\": a, \"to\": b, \"count\": 2 to 10000, \"scale\": "
        + "\"linear\" or \"log\"}", fallback: "none, it is required",
      meaning: "what varies between the runs of fedsim sweep"),
    Row(
      path: "sweep.mode", allowed: "\"grid\", \"zip\"", fallback: "\"grid\"",
      meaning: "every combination, or the axes side by side"),
    Row(
      path: "sweep.repeats", allowed: "an integer from 1 to 10000", fallback: "1",
      meaning: "runs of a point, with seeds from seed on"),
  ]

  private static var sweep: JSON {
    var axes = JSONObject()
    for key in ScenarioKey.all where !["version", "name", "task"].contains(key.path) {
      let list: JSON = ["type": "array", "items": ["$ref": .string(reference(key.path))], "minItems": 1]
      axes[key.path] = key.isNumeric ? ["anyOf": [list, ["$ref": "#/$defs/range"]]] : list
    }
    let described = { (i: Int) -> JSON in .string(sweepKeys[i].meaning) }
    return [
      "type": "object", "description": "for fedsim sweep: many runs; fedsim run takes no scenario that has it",
      "properties": [
        "axes": [
          "description": described(0), "type": "object", "properties": .object(axes), "minProperties": 1,
          "additionalProperties": false,
        ],
        "mode": ["description": described(1), "enum": ["grid", "zip", .null], "default": "grid"],
        "repeats": [
          "description": described(2), "type": ["integer", "null"], "minimum": 1, "maximum": 10_000, "default": 1,
        ],
      ],
      "required": ["axes"], "additionalProperties": false,
    ]
  }

  private static func reference(_ path: String) -> String {
    "#/properties/" + path.split(separator: ".").joined(separator: "/properties/")
  }

  private static let range: JSON = [
    "type": "object",
    "properties": [
      "from": ["type": "number"], "to": ["type": "number"],
      "count": ["type": "integer", "minimum": 2, "maximum": 10_000], "scale": ["enum": ["linear", "log"]],
    ],
    "required": ["from", "to", "count"], "additionalProperties": false,
  ]
}

extension ScenarioKey {
  var isRequired: Bool { if case .required = fallback { true } else { false } }

  var isNumeric: Bool {
    switch kind {
    case .integer, .number: true
    default: false
    }
  }
}
