import Clients
import Files
import JSONText
import Settings

/// A scenario as text: parsed, overridden, checked against the table of keys, every default filled in.
public struct ScenarioFile: Sendable {
  /// All keys of the sections that are there, in the order of the table. `privacy` is null where there is none.
  public let resolved: JSON
  /// The `sweep` section, where one is allowed.
  package let sweep: JSONObject?
  /// As it was written, with what was overridden.
  package let written: JSON
  /// What names in the file stand for.
  public let components: Components
  /// Where the files are sought that it names.
  let paths: ScenarioPaths
  /// Whether `written` is no more what the bytes say: something was overridden, or a file was found beside the scenario.
  package let isChanged: Bool
  private let source: Source

  struct Source: Sendable {
    let name: String
    let positions: [String: JSONPosition]
    let overridden: Set<String>

    /// Where a path was written: "file:line:column", "--set", or the file alone.
    func place(of path: String) -> String {
      if isOverridden(path) { return "--set" }
      if let position = positions[path] { return "\(name):\(position.line):\(position.column)" }
      if let dot = path.lastIndex(of: "."), let position = positions[String(path[..<dot])] {
        return "\(name):\(position.line):\(position.column)"
      }
      return name
    }

    func isOverridden(_ path: String) -> Bool {
      overridden.contains { path == $0 || path.hasPrefix($0 + ".") || $0.hasPrefix(path + ".") }
    }

    /// - Parameter section: the section that the problem's key is in; empty where the key is a whole path.
    func error(_ problem: KeyProblem, in section: String) -> ScenarioError {
      let path = section.isEmpty || problem.key.isEmpty ? section + problem.key : "\(section).\(problem.key)"
      return .key(place: place(of: path), path: path, problem: problem.problem, allowed: problem.allowed)
    }
  }

  /// - Parameters:
  ///   - name: how messages call the source, such as its file name.
  ///   - overrides: `path=value` pairs; a value that is not JSON is a string.
  ///   - allowsSweep: whether a `sweep` section may be there; a single run has none.
  ///   - components: what names in the file stand for.
  ///   - folder: where files are sought that are not in the working directory, such as the folder that the scenario is in
  ///     (`FilePath.folder(of:)`); nil for nowhere else.
  public init(
    _ bytes: [UInt8], name: String, overrides: [String] = [], allowsSweep: Bool = false,
    components: Components = .standard, folder: String? = nil
  ) throws(ScenarioError) {
    try self.init(
      bytes, name: name, overrides: overrides, allowsSweep: allowsSweep, components, folder: folder, isBase: false)
  }

  /// - Parameter isBase: whether single keys are not looked at, but for those outside every section: the axes of a sweep have their say
  ///   first.
  package init(
    _ bytes: [UInt8], name: String, overrides: [String], allowsSweep: Bool, _ components: Components, folder: String?,
    isBase: Bool
  ) throws(ScenarioError) {
    self.components = components
    paths = ScenarioPaths(folder: folder)
    let table = ScenarioTable(components)
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
    for text in overrides { overridden.insert(try Self.apply(text, to: &root, table)) }
    source = Source(name: name, positions: parsed.positions, overridden: overridden)
    let located = paths.located(root, table)
    isChanged = !overrides.isEmpty || located != root
    root = located
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
    resolved = try Self.resolve(root, source, table, components, isBase: isBase)
  }

  /// The values of a program, checked as those of a file are.
  init(values: JSON, name: String, components: Components) throws(ScenarioError) {
    guard case .object(let root) = values else { preconditionFailure("a scenario is an object") }
    self.components = components
    paths = ScenarioPaths(folder: nil)
    isChanged = false
    sweep = nil
    written = values
    source = Source(name: name, positions: [:], overridden: [])
    resolved = try Self.resolve(root, source, ScenarioTable(components), components)
  }

  /// How messages call the source.
  var name: String { source.name }

  /// An error at `path`, with the place where it was written.
  public func error(at path: String, _ problem: String, allowed: String) -> ScenarioError {
    .key(place: source.place(of: path), path: path, problem: problem, allowed: allowed)
  }

  /// "file:line:column" of what was written there, "--set" of what was overridden; nil where nothing was.
  package func position(of path: String) -> String? {
    if source.isOverridden(path) { return "--set" }
    return source.positions[path].map { "\(source.name):\($0.line):\($0.column)" }
  }

  /// A scenario whose keys are fine one by one, and from which no run or no guarantee follows.
  public func refusal(at path: String, _ reason: String) -> ScenarioError {
    .refused(place: source.place(of: path), path: path, reason: reason)
  }

  private static func apply(
    _ text: String, to root: inout JSONObject, _ table: ScenarioTable
  ) throws(ScenarioError) -> String {
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
      throw unknown(path, place: "--set", among: table.keys.map(\.path))
    }
    return path
  }

  private static func resolve(
    _ root: JSONObject, _ source: Source, _ table: ScenarioTable, _ components: Components, isBase: Bool = false
  ) throws(ScenarioError) -> JSON {
    var root = root
    let topNames = (table.sections.first?.all.map(\.name) ?? []) + table.sectionNames
    for (key, _) in root where !topNames.contains(key) {
      let path = JSONParser.childPath("", key: key)
      throw unknown(path, place: source.place(of: path), among: topNames + ["sweep"])
    }
    // Of a sweep's base the axes have their say first.
    let isExternal =
      isBase
      ? (try? ExternalUpdates.areWritten(root, source, components)) ?? false
      : try ExternalUpdates.areWritten(root, source, components)
    let task = Heading.keys.name(of: \.task)
    if isExternal, root[task] ?? .null == .null { root[task] = .string(LearningTask.classification.rawValue) }
    var resolved = JSONObject()
    for section in table.sections
    where !isExternal || !ExternalUpdates.sections.contains(where: { $0.name == section.name }) {
      if section.name.isEmpty {
        for (key, value) in try resolve(section, root, source) { resolved[key] = value }
        continue
      }
      if isBase { continue }
      guard let written = try object(section, root[section.name], source) else {
        if section.presence != .absent { resolved[section.name] = .null }
        continue
      }
      for (key, _) in written where !section.all.contains(where: { $0.name == key }) {
        let path = JSONParser.childPath(section.name, key: key)
        throw unknown(
          path, place: source.place(of: path), among: section.keys(with: written).map { section.path($0.name) },
          others: section.all.map { section.path($0.name) })
      }
      resolved[section.name] = .object(try resolve(section, written, source))
    }
    return .object(resolved)
  }

  /// A section as it is written; empty where all of it has defaults, nil where it means that something is not done.
  private static func object(
    _ section: SectionTable, _ written: JSON?, _ source: Source
  ) throws(ScenarioError) -> JSONObject? {
    switch (written, section.presence) {
    case (.object(let found)?, _): return found
    case (nil, .optional), (.null?, .optional), (nil, .absent), (.null?, .absent): return nil
    case (nil, .defaulted), (.null?, .defaulted): return JSONObject()
    case (nil, .required), (.null?, .required):
      throw .key(
        place: source.place(of: section.name), path: section.name, problem: "the section is missing",
        allowed: "an object with \(section.all.map(\.name).joined(separator: ", "))")
    case (.some(let other), _):
      throw .key(
        place: source.place(of: section.name), path: section.name,
        problem: "found \(other.kindName), \(other.summary)", allowed: "an object")
    }
  }

  private static func resolve(
    _ section: SectionTable, _ written: JSONObject, _ source: Source
  ) throws(ScenarioError) -> JSONObject {
    do throws(KeyProblem) {
      return try section.resolve(written)
    } catch {
      throw source.error(error, in: section.name)
    }
  }

  /// What a section says, read from its checked values.
  func read<Value>(
    _ section: String, _ read: (JSONObject) throws(KeyProblem) -> Value
  ) throws(ScenarioError) -> Value {
    guard let value = try readIfThere(section, read) else { preconditionFailure("\(section) is always resolved") }
    return value
  }

  /// Nil where the section is null.
  func readIfThere<Value>(
    _ section: String, _ read: (JSONObject) throws(KeyProblem) -> Value
  ) throws(ScenarioError) -> Value? {
    guard case .object(let root) = resolved else { return nil }
    let values: JSONObject
    if section.isEmpty {
      values = root
    } else {
      guard case .object(let found)? = root[section] else { return nil }
      values = found
    }
    do throws(KeyProblem) { return try read(values) } catch { throw source.error(error, in: section) }
  }

  /// What stands outside every section.
  package var heading: (name: String, seed: UInt64) {
    get throws(ScenarioError) {
      let heading = try read(Heading.section) { values throws(KeyProblem) in try Heading.read(values) }
      return (heading.name, heading.seed)
    }
  }

  /// A problem whose key is a whole path.
  func error(_ problem: KeyProblem) -> ScenarioError { source.error(problem, in: "") }

  /// - Parameters:
  ///   - known: what the key may be.
  ///   - others: what it might have meant where none of these is near, such as keys of another kind.
  static func unknown(_ path: String, place: String, among known: [String], others: [String] = []) -> ScenarioError {
    let hint = nearest(path, among: known) ?? nearest(path, among: others)
    let list = known.map { $0.split(separator: ".").last.map(String.init) ?? $0 }.joined(separator: ", ")
    return .key(
      place: place, path: path, problem: hint.map { "no such key; did you mean \"\($0)\"?" } ?? "no such key",
      allowed: list)
  }

  /// The nearest key of the same section; else the nearest path.
  private static func nearest(_ path: String, among known: [String]) -> String? {
    let section = path.lastIndex(of: ".").map { String(path[...$0]) } ?? ""
    let mates = known.filter { $0.hasPrefix(section) }.map { String($0.dropFirst(section.count)) }
    return Spelling.nearest(String(path.dropFirst(section.count)), among: mates).map { section + $0 }
      ?? Spelling.nearest(path, among: known.filter { !$0.hasPrefix(section) })
  }
}
