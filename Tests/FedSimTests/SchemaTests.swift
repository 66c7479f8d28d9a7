import Foundation
import Testing

@testable import FedSim
@testable import Files
@testable import JSONText
@testable import RunFiles
@testable import Scenarios

/// The keywords of JSON Schema that ours uses; any other one is a failure of the test.
private struct SchemaValidator {
  let root: JSON

  struct UnknownKeyword: Error { let keyword: String }

  /// Paths that are at fault.
  func faults(_ value: JSON) throws -> [String] { try faults(value, root, "") }

  private func faults(_ value: JSON, _ schema: JSON, _ path: String) throws -> [String] {
    guard case .object(let rules) = schema else { return [path] }
    var found: [String] = []
    let check = { (isRight: Bool) in if !isRight { found.append(path) } }
    for (keyword, rule) in rules {
      switch keyword {
      case "$schema", "title", "description", "default", "$defs": break
      case "$ref":
        guard case .string(let reference) = rule else { throw UnknownKeyword(keyword: keyword) }
        var target = root
        for part in reference.split(separator: "/").dropFirst() {
          guard case .object(let object) = target, let next = object[String(part)] else {
            throw UnknownKeyword(keyword: reference)
          }
          target = next
        }
        found += try faults(value, target, path)
      case "anyOf":
        guard case .array(let schemas) = rule else { throw UnknownKeyword(keyword: keyword) }
        check(try schemas.contains { try faults(value, $0, path).isEmpty })
      case "allOf":
        guard case .array(let schemas) = rule else { throw UnknownKeyword(keyword: keyword) }
        for schema in schemas { found += try faults(value, schema, path) }
      case "if":
        if try faults(value, rule, path).isEmpty, let then = rules["then"] { found += try faults(value, then, path) }
      case "then": break
      case "type":
        let names = if case .array(let list) = rule { list } else { [rule] }
        check(names.contains { isOf($0, value) })
      case "enum":
        guard case .array(let values) = rule else { throw UnknownKeyword(keyword: keyword) }
        check(values.contains { $0 == value || ($0.double != nil && $0.double == value.double) })
      case "minimum": check(value.double.map { $0 >= rule.double ?? .nan } ?? true)
      case "maximum": check(value.double.map { $0 <= rule.double ?? .nan } ?? true)
      case "exclusiveMinimum": check(value.double.map { $0 > rule.double ?? .nan } ?? true)
      case "exclusiveMaximum": check(value.double.map { $0 < rule.double ?? .nan } ?? true)
      case "pattern":
        guard case .string(let pattern) = rule, case .string(let text) = value else { break }
        check(text.range(of: pattern, options: .regularExpression) != nil)
      case "maxLength": if case .string(let text) = value { check(text.unicodeScalars.count <= Int(rule.double ?? -1)) }
      case "minLength": if case .string(let text) = value { check(text.utf8.count >= Int(rule.double ?? -1)) }
      case "minItems": if case .array(let items) = value { check(items.count >= Int(rule.double ?? -1)) }
      case "maxItems": if case .array(let items) = value { check(items.count <= Int(rule.double ?? -1)) }
      case "uniqueItems":
        guard case .array(let items) = value else { break }
        check(Set(items.map { $0.text(pretty: false) }).count == items.count)
      case "minProperties": if case .object(let object) = value { check(object.count >= Int(rule.double ?? -1)) }
      case "prefixItems":
        guard case .array(let items) = value, case .array(let rules) = rule else { break }
        for (item, rule) in zip(items, rules) { found += try faults(item, rule, path) }
      case "items":
        guard case .array(let items) = value else { break }
        for (i, item) in items.enumerated() { found += try faults(item, rule, "\(path)[\(i)]") }
      case "required":
        guard case .array(let names) = rule, case .object(let object) = value else { break }
        for case .string(let name) in names where object[name] == nil { found.append("\(path).\(name)") }
      case "properties":
        guard case .object(let schemas) = rule, case .object(let object) = value else { break }
        for (key, item) in object {
          if let schema = schemas[key] { found += try faults(item, schema, "\(path).\(key)") }
        }
      case "additionalProperties":
        if case .object = rule, case .object(let object) = value {
          for (key, item) in object { found += try faults(item, rule, "\(path).\(key)") }
        }
        if case .object = rule { break }
        guard rule == false, case .object(let known)? = rules["properties"] else {
          throw UnknownKeyword(keyword: keyword)
        }
        if case .object(let object) = value { found += object.keys.filter { known[$0] == nil }.map { "\(path).\($0)" } }
      default: throw UnknownKeyword(keyword: keyword)
      }
    }
    return found
  }

  private func isOf(_ type: JSON, _ value: JSON) -> Bool {
    switch (type, value) {
    case ("null", .null), ("string", .string), ("array", .array), ("object", .object), ("boolean", .bool),
      ("integer", .integer), ("number", .integer), ("number", .number):
      true
    case ("integer", .number(let number)): number == number.rounded()
    default: false
    }
  }
}

@Suite struct SchemaTests {
  private let validator = SchemaValidator(root: ScenarioSchema.json)

  private func value(_ text: String) throws -> JSON { try JSONParser.parse(text.utf8).value }

  @Test func scenariosAreValid() throws {
    let folder = repositoryFile("scenarios")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
    #expect(names.count >= 2)
    for name in names {
      let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      #expect(try validator.faults(value(text)) == [], "\(name)")
    }
    #expect(try validator.faults(value(smallScenario)) == [])
    #expect(try validator.faults(scenario().json) == [], "with every default")
  }

  /// Updates of a program's own: what is the program's is not there, and everything else is as ever.
  @Test func externalScenariosAreValid() throws {
    #expect(try validator.faults(value(externalScenario)) == [])
    #expect(try validator.faults(scenario([], text: externalScenario).json) == [])
    let cases: [(old: String, new: String)] = [
      ("\"rounds\": 4", "\"rounds\": 4, \"training\": {\"learningRate\": 1}"),
      ("\"rounds\": 4", "\"rounds\": 4, \"partition\": {\"kind\": \"iid\", \"clients\": 2}"),
      ("\"rounds\": 4", "\"rounds\": 4, \"evaluation\": {}"), ("\"clients\": 40", "\"clients\": 0"),
      ("\"kind\": \"external\", \"parameters\": 5", "\"kind\": \"softmax-regression\""),
      ("\"source\": \"external\", \"clients\": 40", "\"source\": \"digits\""),
    ]
    for (old, new) in cases {
      #expect(try !validator.faults(value(externalScenario.replacing(old, with: new))).isEmpty, "\(new)")
    }
    for needed in ["task", "partition", "training"] {
      guard case .object(var root) = try value(smallScenario) else { return }
      root[needed] = nil
      #expect(try !validator.faults(.object(root)).isEmpty, "\(needed)")
    }
  }

  /// Each key with values inside, at the ends and outside of what is allowed: the schema and the program agree.
  @Test func schemaAndProgramAgreeKeyByKey() throws {
    var refused = 0
    for entry in ScenarioTable.standard.keys {
      let key = entry.key
      var values: [JSON] = [.null, true, "x", [], [1], [:], -1, 0, 1, 2, 0.5, -0.5, 1e300, 1e-307, [0], ["x"]]
      switch key.range {
      case .integer(let range):
        values += [.integer(range.lowerBound), .integer(range.upperBound), .number(Double(range.lowerBound))]
        if range.upperBound < Int.max { values.append(.integer(range.upperBound + 1)) }
      case .number(let low, _, let high, _):
        values += [low, high, low.nextDown, high.nextUp, low.nextUp, high.nextDown].filter(\.isFinite).map {
          .number($0)
        }
      case .choice(let names, let later): values += (names + later).map { .string($0) }
      case .columns, .scales, .categories:
        values += [
          ["x", 1], ["x", "x"], ["x", -1], [["x"]], ["x": [1, 2]], ["x": [1, 0]], ["x": [1, 2, 3]], ["x": []],
        ]
        values += [["x": ["a", "b"]], ["x": ["a", "a"]], ["x": [1, "a"]], ["x": "a"]]
      case .path, .paths, .either, .column:
        values += [["x": [1, 2]], ["x": [1, -1]], ["x": [1, 2, 3]], ["x": [1]], "standard"]
        values += [
          "", "a/b.gz", "a\u{1}b", .string(String(repeating: "a", count: 4097)), ["images": "a", "labels": "b"],
          ["images": "a"], ["images": "a", "labels": ""], ["images": "a", "labels": "b", "more": "c"],
        ]
      case .name: values += ["a", ".a", "a b", "a/b", "é", .string(String(repeating: "a", count: 101)), "a.b-c_d9"]
      case .integers(let each, let count):
        values += [
          .array(Array(repeating: .integer(each.upperBound), count: count.upperBound)),
          .array(Array(repeating: 1, count: count.upperBound + 1)), [.integer(each.upperBound + 1)],
        ]
      default: break
      }
      for value in values {
        guard case .object(var root) = try self.value(smallScenario) else { return }
        let parts = entry.path.split(separator: ".").map(String.init)
        if parts.count == 1 {
          root[entry.path] = value
        } else {
          var section = JSONObject()
          if case .object(let existing)? = root[parts[0]] { section = existing }
          section[parts[1]] = value
          root[parts[0]] = .object(section)
        }
        let json = JSON.object(root)
        let isTaken = (try? ScenarioFile(Array(json.text(pretty: false).utf8), name: "s")) != nil
        let faults = try validator.faults(json)
        #expect(
          isTaken == faults.isEmpty, "\(entry.path) = \(value.summary): the program \(isTaken), the schema \(faults)")
        refused += isTaken ? 0 : 1
      }
    }
    #expect(refused > 200)
  }

  @Test(arguments: [
    "roundz", "privacy.clipingNorm", "sweep.axis", "data.source.x",
  ])
  func unknownKeysAreFaults(path: String) throws {
    guard case .object(var root) = try value(smallScenario) else { return }
    let parts = path.split(separator: ".").map(String.init)
    root[parts[0]] =
      parts.count == 1
      ? 1
      : [parts[1]: 1].reduce(into: JSON.object([:])) {
        $0 = .object(JSONObject(dictionaryLiteral: ($1.key, .integer($1.value))))
      }
    #expect(try !validator.faults(.object(root)).isEmpty)
  }

  @Test func whatIsMissingIsAFault() throws {
    guard case .object(let whole) = try value(smallScenario) else { return }
    for key in ["task", "rounds", "data", "partition", "model", "training", "cohort"] {
      var root = whole
      root[key] = nil
      #expect(try validator.faults(.object(root)) == [".\(key)"])
    }
    for (key, isFault) in [("privacy", false), ("channel", false), ("server", false), ("data", true)] {
      var root = whole
      root[key] = .null
      #expect(try validator.faults(.object(root)).isEmpty != isFault)
    }
  }

  @Test(arguments: [
    (#"{"axes": {"privacy.targetEpsilon": [1, 2]}}"#, true),
    (#"{"axes": {"privacy.targetEpsilon": {"from": 1, "to": 8, "count": 3, "scale": "log"}}, "repeats": 3}"#, true),
    (#"{"axes": {"channel.codec": ["float32", "polar"]}, "mode": "grid"}"#, true),
    (#"{"axes": {}}"#, false), (#"{}"#, false), (#"{"axes": {"x.y": [1]}}"#, false),
    (#"{"axes": {"channel.codec": ["none"]}}"#, false), (#"{"axes": {"rounds": []}}"#, false),
    (#"{"axes": {"rounds": {"from": 1, "to": 2, "count": 1}}}"#, false),
    (#"{"axes": {"rounds": [1]}, "mode": "all"}"#, false), (#"{"axes": {"rounds": [1]}, "repeats": 0}"#, false),
    (
      #"{"axes": {"privacy": [{"clippingNorm": 1, "noiseMultiplier": 1}, {"clippingNorm": 1, "targetEpsilon": 2}]}}"#,
      true
    ),
    (#"{"axes": {"privacy": [null]}}"#, true), (#"{"axes": {"cohort": [null]}}"#, false),
    (#"{"axes": {"privacy": [{"clippingNorm": -1, "noiseMultiplier": 1}]}}"#, false),
    (#"{"points": [{"name": "a", "rounds": 2}, {"name": "b", "privacy": null}], "common": true}"#, true),
    (#"{"points": [{"channel.codec": "polar"}], "axes": {"rounds": [1, 2]}, "mode": "zip"}"#, true),
    (#"{"points": []}"#, false), (#"{"points": [{"name": ""}]}"#, false), (#"{"points": [{"rounds": 0}]}"#, false),
    (#"{"points": [{"sweep": 0}]}"#, false), (#"{"axes": {"rounds": [1]}, "common": 1}"#, false),
    (#"{"points": [{"rounds": 2}], "axes": null}"#, true), (#"{"axes": null}"#, false),
    (#"{"axes": {"rounds": [1]}, "more": 0}"#, false), (#"{"axes": {"name": ["a"]}}"#, false),
  ])
  func sweepsAreChecked(section: String, isTaken: Bool) throws {
    guard case .object(var root) = try value(smallScenario) else { return }
    root["privacy"] = ["clippingNorm": 0.5, "targetEpsilon": 4]
    root["channel"] = ["codec": "auto"]
    root["sweep"] = try value(section)
    let json = JSON.object(root)
    #expect(try validator.faults(json).isEmpty == isTaken)
    #expect(((try? Sweep(Array(json.text(pretty: false).utf8), name: "s")) != nil) == isTaken)
  }

  @Test func everyKeyHasWordsAndUnknownOnesAHint() throws {
    for entry in ScenarioTable.standard.keys {
      let key = entry.key
      let text = try ScenarioSchema.text(of: entry.path)
      #expect(text.hasPrefix(entry.path + "\n") && text.contains("allowed: ") && text.contains("default: "))
      guard case .object(let schema) = try ScenarioSchema.json(of: entry.path) else {
        Issue.record("\(entry.path) has no schema")
        continue
      }
      #expect(schema["description"] != nil && (key.isRequired || schema["default"] != nil))
    }
    #expect(try ScenarioSchema.text(of: "privacy").contains("privacy.budget"))
    #expect(try ScenarioSchema.text(of: "sweep").contains("sweep.repeats"))
    for path in ["privacy.delt", "rouns", "privac", "sweep.axe", "", "priv"] {
      let error = #expect(throws: ScenarioError.self) { try ScenarioSchema.text(of: path) }
      #expect(throws: ScenarioError.self) { try ScenarioSchema.json(of: path) }
      #expect(error?.description.contains("no such key") == true)
    }
    let error = #expect(throws: ScenarioError.self) { try ScenarioSchema.text(of: "privacy.delt") }
    #expect(error?.description.contains("did you mean \"privacy.delta\"?") == true)
  }

  @Test func templatesAreScenarios() throws {
    #expect(Set(ScenarioTemplate.all.map(\.name)).count == ScenarioTemplate.all.count)
    for template in ScenarioTemplate.all {
      for isFull in [false, true] {
        let text = try template.text(scenarioName: "mine", isFull: isFull)
        #expect(try validator.faults(value(text)) == [])
        let bytes = Array(text.utf8)
        if template.isSweep {
          #expect(try Sweep(bytes, name: "t").runs.count > 1)
        } else {
          let setup = try RunSetup(scenario: Scenario(ScenarioFile(bytes, name: "t")), split: nil, threads: 1)
          #expect(setup.scenario.name == "mine" && (setup.plan == nil) == (template.name == "no-privacy"))
        }
      }
      #expect(
        try ScenarioFile(Array(template.text().utf8), name: "a", allowsSweep: true).resolved
          == ScenarioFile(Array(template.text(isFull: true).utf8), name: "b", allowsSweep: true).resolved,
        "every key with its default is the same scenario")
      #expect(try template.text(scenarioName: "../x").contains("\"name\": \"\(template.name)\""))
    }
  }
}
