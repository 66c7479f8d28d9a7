import Files
import JSONText
import Settings

/// A JSON Schema (draft 2020-12) of scenarios, made from the table of keys: for editors, and for programs that write scenarios.
///
/// It has every rule about one key, and which keys a chosen source, partition, model or optimizer has. What else must go together,
/// such as exactly one of `noiseMultiplier` and `targetEpsilon`, is for `fedsim validate`.
public enum ScenarioSchema {
  private static let table = ScenarioTable.standard

  public static var json: JSON {
    var properties = JSONObject()
    for section in table.sections {
      if section.name.isEmpty {
        for key in section.all { properties[key.name] = schema(of: key, in: section) }
      } else {
        properties[section.name] = schema(of: section)
      }
    }
    properties["sweep"] = sweep
    let required =
      table.keys.filter { $0.key.isRequired && !$0.path.contains(".") }.map(\.path) + table.requiredSectionNames
    // What is a program's own where updates come from one.
    let own = [Heading.keys.name(of: \.task)] + ExternalUpdates.sections.map(\.name)
    return [
      "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "FedSim scenario",
      "description": .string("fedsim \(FedSimVersion.current); made by fedsim schema from the table of keys"),
      "type": "object", "properties": .object(properties),
      "required": .array(required.filter { !own.contains($0) }.map { .string($0) }),
      "additionalProperties": false, "allOf": .array(externalRules(needed: required.filter(own.contains))),
      "$defs": ["range": range],
    ]
  }

  /// Scenarios whose updates come from a program have none of the sections that are its own; all others have those that are needed.
  private static func externalRules(needed: [String]) -> [JSON] {
    let selects = { (section: String, selector: String, rule: JSON) -> JSON in
      [
        "properties": [section: ["properties": [selector: rule], "required": [.string(selector)]]],
        "required": [.string(section)],
      ]
    }
    let names = table.sections.first { $0.name == DataSection.section }?.kinds?.kinds.map(\.name) ?? []
    let others = names.filter { $0 != "external" }
    let nothing: JSON = ["type": "null"]
    return [
      [
        "if": selects(DataSection.section, DataSection.selector, ["enum": ["external"]]),
        "then": [
          "properties": .object(
            ExternalUpdates.sections.reduce(
              into: [ModelSection.section: ["properties": [ModelSection.selector: ["enum": ["external"]]]]]
                as JSONObject
            ) { $0[$1.name] = nothing })
        ],
      ],
      [
        "if": selects(ModelSection.section, ModelSection.selector, ["enum": ["external"]]),
        "then": ["properties": [DataSection.section: ["properties": [DataSection.selector: ["enum": ["external"]]]]]],
      ],
      [
        "if": selects(DataSection.section, DataSection.selector, ["enum": .array(others.map { .string($0) })]),
        "then": ["required": .array(needed.map { .string($0) })],
      ],
    ]
  }

  /// The part that is about one key or one section.
  ///
  /// - Throws: `ScenarioError` with the nearest key where there is none at `path`.
  public static func json(of path: String) throws(ScenarioError) -> JSON {
    for section in table.sections {
      if !path.isEmpty, section.name == path { return schema(of: section) }
      if let key = section.all.first(where: { section.path($0.name) == path }) { return schema(of: key, in: section) }
    }
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
    let keys = table.sections.flatMap { section in
      section.all.map { (path: section.path($0.name), rows: section.variants(of: $0.name).map(row)) }
    }
    let chosen =
      (keys + sweepKeys.map { (path: $0.path, rows: [$0.row]) })
      .filter { $0.path == path || $0.path.hasPrefix(path + ".") }
    guard !chosen.isEmpty else { throw unknown(path) }
    return chosen.map { path, rows in
      ([path]
        + rows.flatMap { row in
          [
            Text.wrapped(row.meaning, indent: "  "), Text.wrapped("allowed: \(row.allowed)", indent: "  "),
            Text.wrapped("default: \(row.fallback)", indent: "  "),
          ]
        }).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  private static func unknown(_ path: String) -> ScenarioError {
    let sections = table.sectionNames + ["sweep"]
    let known = table.keys.map(\.path) + sections + sweepKeys.map(\.path)
    guard case .key(let place, let path, let problem, _) = ScenarioFile.unknown(path, place: "schema", among: known)
    else { preconditionFailure("an unknown key is an error about a key") }
    return .key(
      place: place, path: path, problem: problem,
      allowed: "a key such as privacy.delta, or a section: \(sections.joined(separator: ", "))")
  }

  private struct Row {
    let allowed: String
    let fallback: String
    let meaning: String
  }

  private static func row(_ variant: SectionTable.Variant) -> Row {
    let fallback =
      switch variant.key.fallback {
      case .required, .needed: "none, it is required"
      case .value(let value): value.text(pretty: false)
      case .unset(let text), .absent(let text): "not set: \(plain(text))"
      }
    return Row(allowed: variant.key.allowed, fallback: fallback, meaning: plain(variant.meaning))
  }

  /// Without the marks of Markdown.
  private static func plain(_ text: String) -> String { text.split(separator: "`").joined() }

  // MARK: Keys

  private static func schema(of section: SectionTable) -> JSON {
    var properties = JSONObject()
    for key in section.all { properties[key.name] = schema(of: key, in: section) }
    let required = section.all.filter { $0.isRequired && (section.kinds?.owners(of: $0.name).isEmpty ?? true) }
    var schema: JSONObject = [
      "type": section.presence == .required ? "object" : ["object", "null"], "properties": .object(properties),
      "required": .array(required.map { .string($0.name) }), "additionalProperties": false,
    ]
    if let kinds = section.kinds { schema["allOf"] = .array(kinds.kinds.map { rules(of: $0.name, kinds) }) }
    return .object(schema)
  }

  /// What holds of a section where a kind is chosen: its own keys by their own ranges, and none of other kinds.
  private static func rules(of name: String, _ kinds: ChoicesDescription) -> JSON {
    let isStandard = kinds.standard == name
    var condition: JSONObject = [
      "properties": [kinds.selector: ["enum": .array([.string(name)] + (isStandard ? [.null] : []))]]
    ]
    if !isStandard { condition["required"] = [.string(kinds.selector)] }
    let own = kinds.kinds.first { $0.name == name }?.keys ?? []
    var properties = JSONObject()
    for key in kinds.keys {
      if let mine = own.first(where: { $0.name == key.name }) {
        properties[key.name] = .object(rules(mine.range, isNullable: !mine.isRequired))
      } else {
        properties[key.name] = ["type": "null"]
      }
    }
    return [
      "if": .object(condition),
      "then": [
        "properties": .object(properties),
        "required": .array(own.filter(\.isRequired).map { .string($0.name) }),
      ],
    ]
  }

  /// No control characters.
  private static let pathPattern = "^[^\\u0000-\\u001f]{1,4096}$"

  /// Null stands for "not set" wherever a key may be left out.
  private static func schema(of key: KeyDescription, in section: SectionTable) -> JSON {
    let variants = section.variants(of: key.name)
    let isNullable = !key.isRequired || variants.contains { !$0.owners.isEmpty }
    var ranges: [KeyRange] = []
    for variant in variants where !ranges.contains(variant.key.range) { ranges.append(variant.key.range) }
    var schema: JSONObject = ["description": .string(variants.map(description).joined(separator: ". "))]
    for (name, rule) in rules(ranges.count > 1 ? .either(ranges) : key.range, isNullable: isNullable) {
      schema[name] = rule
    }
    switch key.fallback {
    case .required: break
    case .needed, .unset, .absent: schema["default"] = .null
    case .value(let value): schema["default"] = variants.count > 1 ? .null : value
    }
    return .object(schema)
  }

  private static func description(_ variant: SectionTable.Variant) -> String {
    switch variant.key.fallback {
    case .unset(let text), .absent(let text): "\(plain(variant.meaning)). Not set: \(plain(text))"
    case .required, .needed, .value: plain(variant.meaning)
    }
  }

  private static func rules(_ range: KeyRange, isNullable: Bool) -> JSONObject {
    let type = { (names: String...) -> JSON in
      let all = names + (isNullable ? ["null"] : [])
      return all.count == 1 ? .string(all[0]) : .array(all.map { .string($0) })
    }
    switch range {
    case .integer(let range):
      return ["type": type("integer"), "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
    case .number(let low, let isLowIncluded, let high, let isHighIncluded):
      var rules: JSONObject = ["type": type("number")]
      if low.isFinite { rules[isLowIncluded ? "minimum" : "exclusiveMinimum"] = .number(low) }
      if high.isFinite { rules[isHighIncluded ? "maximum" : "exclusiveMaximum"] = .number(high) }
      return rules
    case .name: return ["type": type("string"), "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$"]
    case .choice(let values, _): return ["enum": .array(values.map { .string($0) } + (isNullable ? [.null] : []))]
    case .flag: return ["type": type("boolean")]
    case .choices(let values):
      return [
        "type": type("array"), "items": ["enum": .array(values.map { .string($0) })], "minItems": 1,
        "uniqueItems": true,
      ]
    case .positives(let count):
      return [
        "type": type("array"), "items": ["type": "number", "exclusiveMinimum": 0],
        "minItems": .integer(count.lowerBound), "maxItems": .integer(count.upperBound),
      ]
    case .integers(let each, let count):
      return [
        "type": type("array"),
        "items": ["type": "integer", "minimum": .integer(each.lowerBound), "maximum": .integer(each.upperBound)],
        "minItems": .integer(count.lowerBound), "maxItems": .integer(count.upperBound),
      ]
    case .path: return ["type": type("string"), "pattern": .string(pathPattern)]
    case .text(let length):
      return [
        "type": type("string"), "minLength": .integer(length.lowerBound), "maxLength": .integer(length.upperBound),
      ]
    case .column:
      return [
        "type": type("string", "integer"), "minimum": 0, "maximum": .integer(KeyRange.largestColumn), "minLength": 1,
      ]
    case .columns:
      return [
        "type": type("array"), "items": .object(rules(.column, isNullable: false)), "minItems": 1, "uniqueItems": true,
      ]
    case .scales:
      return [
        "type": type("object"), "minProperties": 1,
        "additionalProperties": [
          "type": "array", "minItems": 2, "maxItems": 2,
          "prefixItems": [["type": "number"], ["type": "number", "exclusiveMinimum": 0]], "items": ["type": "number"],
        ],
      ]
    case .categories:
      return [
        "type": type("object"), "minProperties": 1,
        "additionalProperties": [
          "type": "array", "items": ["type": "string"], "minItems": 1, "maxItems": .integer(KeyRange.mostCategories),
          "uniqueItems": true,
        ],
      ]
    case .paths(let names):
      let path: JSON = ["type": "string", "pattern": .string(pathPattern)]
      return [
        "type": type("object"), "properties": .object(names.reduce(into: JSONObject()) { $0[$1] = path }),
        "required": .array(names.map { .string($0) }), "additionalProperties": false,
      ]
    case .either(let ranges):
      return [
        "anyOf": .array(
          ranges.map { .object(rules($0, isNullable: false)) } + (isNullable ? [["type": "null"]] : []))
      ]
    }
  }

  // MARK: Sweeps

  private static let sweepKeys: [(path: String, row: Row)] = [
    (
      "sweep.points",
      Row(
        allowed: "an array of objects of keys or sections with their values, each with a \"name\" where one is wanted",
        fallback: "not set: the axes alone",
        meaning: "named points; every one of them is combined with everything that the axes make")
    ),
    (
      "sweep.axes",
      Row(
        allowed:
          "keys of the scenario with an array of values, or with {\"from\": a, \"to\": b, \"count\": 2 to 10000, \"scale\": "
          + "\"linear\" or \"log\"}; sections with an array of objects; null unsets either",
        fallback: "none, it or sweep.points is required",
        meaning:
          "what varies between the runs of fedsim sweep; the value of a section takes the place of the whole section")
    ),
    (
      "sweep.mode",
      Row(
        allowed: "\"grid\", \"zip\"", fallback: "\"grid\"", meaning: "every combination, or the axes side by side")
    ),
    (
      "sweep.repeats",
      Row(
        allowed: "an integer from 1 to 10000", fallback: "1", meaning: "runs of a point, with seeds from seed on")
    ),
    (
      "sweep.common",
      Row(
        allowed: "true or false", fallback: "false",
        meaning:
          "the runs of a repeat have cohorts, batches and coins in common (cohort.common), and points are compared in pairs; noise "
          + "stays each run's own")
    ),
  ]

  private static var sweep: JSON {
    var axes = JSONObject()
    var point: JSONObject = ["name": ["type": "string", "pattern": "^[^\\u0000-\\u001f]{1,100}$"]]
    for path in table.sectionNames {
      axes[path] = ["type": "array", "items": ["$ref": .string(reference(path))], "minItems": 1]
      point[path] = ["$ref": .string(reference(path))]
    }
    for entry in table.keys where table.isAxis(entry.path) {
      let list: JSON = ["type": "array", "items": ["$ref": .string(reference(entry.path))], "minItems": 1]
      axes[entry.path] = entry.key.range.isNumeric ? ["anyOf": [list, ["$ref": "#/$defs/range"]]] : list
      point[entry.path] = ["$ref": .string(reference(entry.path))]
    }
    let described = { (key: String) -> JSON in
      .string(sweepKeys.first { $0.path == "sweep.\(key)" }?.row.meaning ?? "")
    }
    return [
      "type": "object", "description": "for fedsim sweep: many runs; fedsim run takes no scenario that has it",
      "properties": [
        "points": [
          "description": described("points"), "type": "array", "minItems": 1,
          "items": ["type": "object", "properties": .object(point), "additionalProperties": false],
        ],
        "axes": [
          "description": described("axes"), "type": ["object", "null"], "properties": .object(axes), "minProperties": 1,
          "additionalProperties": false,
        ],
        "mode": ["description": described("mode"), "enum": ["grid", "zip", .null], "default": "grid"],
        "common": ["description": described("common"), "type": ["boolean", "null"], "default": false],
        "repeats": [
          "description": described("repeats"), "type": ["integer", "null"], "minimum": 1, "maximum": 10_000,
          "default": 1,
        ],
      ],
      "anyOf": [["required": ["axes"], "properties": ["axes": ["type": "object"]]], ["required": ["points"]]],
      "additionalProperties": false,
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
