import JSONText

/// A scenario as text: parsed, overridden, checked against the table of keys, every default filled in.
public struct ScenarioFile: Sendable {
  /// All keys of the sections that are there, in the order of the table. `privacy` is null where there is none.
  public let resolved: JSON
  /// The `sweep` section, where one is allowed.
  package let sweep: JSONObject?
  /// As it was written, with what was overridden.
  package let written: JSON
  private let source: Source

  struct Source: Sendable {
    let name: String
    let positions: [String: JSONPosition]
    let overridden: Set<String>

    /// Where a path was written: "file:line:column", "--set", or the file alone.
    func place(of path: String) -> String {
      let isOverridden = overridden.contains {
        path == $0 || path.hasPrefix($0 + ".") || $0.hasPrefix(path + ".")
      }
      if isOverridden { return "--set" }
      if let position = positions[path] { return "\(name):\(position.line):\(position.column)" }
      if let dot = path.lastIndex(of: "."), let position = positions[String(path[..<dot])] {
        return "\(name):\(position.line):\(position.column)"
      }
      return name
    }
  }

  /// - Parameters:
  ///   - name: how messages call the source, such as its file name.
  ///   - overrides: `path=value` pairs; a value that is not JSON is a string.
  ///   - allowsSweep: whether a `sweep` section may be there; a single run has none.
  public init(
    _ bytes: [UInt8], name: String, overrides: [String] = [], allowsSweep: Bool = false
  ) throws(ScenarioError) {
    let parsed: ParsedJSON
    do throws(JSONSyntaxError) {
      parsed = try JSONParser.parse(bytes)
    } catch {
      throw .syntax(
        place: "\(name):\(error.position.line):\(error.position.column)", message: error.message)
    }
    guard case .object(var root) = parsed.value else {
      throw .key(place: name, path: "", problem: "found \(parsed.value.kindName)", allowed: "an object with sections")
    }
    var overridden = Set<String>()
    for text in overrides { overridden.insert(try Self.apply(text, to: &root)) }
    source = Source(name: name, positions: parsed.positions, overridden: overridden)
    switch root["sweep"] {
    case nil: sweep = nil
    case .object(let section)? where allowsSweep: sweep = section
    case .some(let found):
      throw .key(
        place: source.place(of: "sweep"), path: "sweep",
        problem: allowsSweep ? "found \(found.kindName)" : "found a sweep, which is many runs",
        allowed: allowsSweep ? "an object" : "none here; use fedsim sweep (--dry-run explains its runs)")
    }
    written = .object(root)
    root["sweep"] = nil
    resolved = try Self.resolve(root, source)
  }

  /// An error at `path`, with the place where it was written.
  public func error(at path: String, _ problem: String, allowed: String) -> ScenarioError {
    .key(place: source.place(of: path), path: path, problem: problem, allowed: allowed)
  }

  /// "file:line:column" of what was written there; nil where nothing was.
  package func position(of path: String) -> String? {
    source.positions[path].map { "\(source.name):\($0.line):\($0.column)" }
  }

  /// A scenario whose keys are fine one by one, and from which no run or no guarantee follows.
  public func refusal(at path: String, _ reason: String) -> ScenarioError {
    .refused(place: source.place(of: path), path: path, reason: reason)
  }

  private static func apply(_ text: String, to root: inout JSONObject) throws(ScenarioError) -> String {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      throw .key(place: "--set", path: "", problem: "found \"\(text)\"", allowed: "key=value, such as rounds=10")
    }
    let path = String(text[..<equals])
    let written = String(text[text.index(after: equals)...])
    let value = (try? JSONParser.parse(Array(written.utf8)))?.value ?? .string(written)
    let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 1 {
      root[path] = value == .null ? nil : value
    } else if parts.count == 2, !parts.contains("") {
      var section = JSONObject()
      if case .object(let existing)? = root[parts[0]] { section = existing }
      section[parts[1]] = value
      root[parts[0]] = .object(section)
    } else {
      throw unknown(path, place: "--set", among: ScenarioKey.all.map(\.path))
    }
    return path
  }

  private static func resolve(_ root: JSONObject, _ source: Source) throws(ScenarioError) -> JSON {
    let top = ScenarioKey.all.filter { !$0.path.contains(".") }
    let topNames = top.map(\.path) + ScenarioKey.sections
    for (key, _) in root where !topNames.contains(key) {
      let path = JSONParser.childPath("", key: key)
      throw unknown(path, place: source.place(of: path), among: topNames)
    }
    var resolved = JSONObject()
    for key in top { resolved[key.path] = try value(of: key, root[key.path], source) }
    for section in ScenarioKey.sections {
      resolved[section] = try resolve(section: section, root[section], source)
    }
    return .object(resolved)
  }

  private static func resolve(
    section name: String, _ written: JSON?, _ source: Source
  ) throws(ScenarioError) -> JSON {
    let keys = ScenarioKey.all.filter { $0.path.hasPrefix(name + ".") }
    var object = JSONObject()
    switch written {
    case nil, .null:
      if name == "privacy" { return .null }
      if ScenarioKey.requiredSections.contains(name) {
        throw .key(
          place: source.place(of: name), path: name, problem: "the section is missing",
          allowed: "an object with \(keys.map { $0.path.dropFirst(name.count + 1) }.joined(separator: ", "))")
      }
    case .object(let found): object = found
    case .some(let other):
      throw .key(
        place: source.place(of: name), path: name, problem: "found \(other.kindName), \(other.summary)",
        allowed: "an object")
    }
    let names = keys.map { String($0.path.dropFirst(name.count + 1)) }
    for (key, _) in object where !names.contains(key) {
      let path = JSONParser.childPath(name, key: key)
      throw unknown(path, place: source.place(of: path), among: keys.map(\.path))
    }
    var resolved = JSONObject()
    for (key, short) in zip(keys, names) {
      let value = try value(of: key, object[short], source)
      if case .absent = key.fallback, value == .null { continue }
      resolved[short] = value
    }
    return .object(resolved)
  }

  private static func value(
    of key: ScenarioKey, _ written: JSON?, _ source: Source
  ) throws(ScenarioError) -> JSON {
    let place = source.place(of: key.path)
    switch (written, key.fallback) {
    case (nil, .required), (.null, .required):
      throw .key(place: place, path: key.path, problem: "the key is missing", allowed: key.allowed)
    case (nil, .value(let value)), (.null, .value(let value)): return value
    case (nil, .unset), (.null, .unset), (nil, .absent), (.null, .absent): return .null
    case (.some(let found), _):
      // 100.0 and 1e2 are integers to people.
      var value = found
      if case .integer = key.kind, case .number(let number) = found, let integer = Int(exactly: number) {
        value = .integer(integer)
      }
      if let problem = key.problem(value) {
        let allowed = key.allowed + (key.isNullable ? ", or null" : "")
        throw .key(place: place, path: key.path, problem: problem, allowed: allowed)
      }
      return value
    }
  }

  static func unknown(_ path: String, place: String, among known: [String]) -> ScenarioError {
    let nearest = known.min { editDistance($0, path) < editDistance($1, path) }
    let hint = nearest.flatMap { editDistance($0, path) <= 3 ? $0 : nil }
    let list = known.map { $0.split(separator: ".").last.map(String.init) ?? $0 }.joined(separator: ", ")
    return .key(
      place: place, path: path, problem: hint.map { "no such key; did you mean \"\($0)\"?" } ?? "no such key",
      allowed: list)
  }

  private static func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }
}
