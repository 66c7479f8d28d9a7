import JSONText
import Numerics
import Scenarios

/// Reads the `sweep` section; every mistake has a place.
struct SweepReader {
  private let file: ScenarioFile
  private let table: ScenarioTable
  private let section: JSONObject

  init(_ file: ScenarioFile) throws(ScenarioError) {
    guard let section = file.sweep else {
      throw file.error(at: "", "found no \"sweep\"", allowed: "a section with \"axes\" or \"points\"")
    }
    self.file = file
    self.section = section
    table = ScenarioTable(file.components)
    for (key, _) in section where !Self.keys.contains(key) {
      throw file.error(
        at: JSONParser.childPath("sweep", key: key), "no such key", allowed: Self.keys.joined(separator: ", "))
    }
  }

  private static let keys = ["points", "axes", "mode", "repeats", "common"]

  /// The named points, where there are some, and then the axes of keys and sections.
  func axes() throws(ScenarioError) -> [Sweep.Axis] {
    let points = try points()
    if let points, section["axes"] ?? .null == .null { return [points] }
    guard case .object(let object)? = section["axes"], !object.isEmpty else {
      throw file.error(
        at: "sweep.axes", "found \(section["axes"]?.summary ?? "nothing")",
        allowed: "an object of keys with their values, or none beside \"points\"")
    }
    var axes = [points].compactMap { $0 }
    for (path, value) in object {
      let place = JSONParser.childPath("sweep.axes", key: path)
      let axis = try axis(path, value, at: place)
      // A key and its section, or one key twice: one of both would be lost.
      if let other = axes.lazy.flatMap({ $0.settings.joined() }).first(where: { Sweep.Setting.overlap($0.path, path) })
      {
        throw file.error(
          at: place, "found beside \(other.place), which varies \(other.path)", allowed: "each key in one place")
      }
      axes.append(axis)
    }
    return axes
  }

  private func axis(_ path: String, _ value: JSON, at place: String) throws(ScenarioError) -> Sweep.Axis {
    try checkVaries(path, at: place)
    let isSection = table.isSectionAxis(path)
    let values = isSection ? try sections(value, at: place) : try self.values(value, at: place)
    let isListed = if case .array = value { true } else { false }
    let settings = values.enumerated().map { i, value in
      // A range has no place for each value.
      [
        Sweep.Setting(
          path: path, value: value, place: isListed ? JSONParser.childPath(place, index: i) : place)
      ]
    }
    return Sweep.Axis(
      path: path, values: values, labels: labels(of: values, path), isCompound: isSection, settings: settings,
      place: place)
  }

  private func labels(of values: [JSON], _ path: String) -> [String] {
    guard table.isSectionAxis(path) else { return SweepLabels.ofKey(values) }
    return SweepLabels.ofSection(
      values, selector: table.sections.first { $0.name == path }?.kinds?.selector)
  }

  private func checkVaries(_ path: String, at place: String) throws(ScenarioError) {
    guard table.isAxis(path) else {
      throw file.error(
        at: place, "no such key to vary",
        allowed: "a key of the scenario, such as privacy.targetEpsilon, or a section, such as privacy")
    }
    if path == Self.common, section["common"] == true {
      throw file.error(at: place, "found beside sweep.common, which sets it", allowed: "one of both")
    }
  }

  private static let common = Cohort.path(\.writtenCommon)

  // MARK: Named points

  private func points() throws(ScenarioError) -> Sweep.Axis? {
    guard let written = section["points"] else { return nil }
    let allowed = "an array of objects such as {\"name\": \"central\", \"privacy.noise\": \"central\"}"
    guard case .array(let list) = written, !list.isEmpty else {
      throw file.error(at: "sweep.points", "found \(written.summary)", allowed: allowed)
    }
    var settings: [[Sweep.Setting]] = []
    var names: [String?] = []
    for (i, item) in list.enumerated() {
      let place = JSONParser.childPath("sweep.points", index: i)
      guard case .object(let object) = item else {
        throw file.error(at: place, "found \(item.summary)", allowed: "an object of keys with their values")
      }
      names.append(try name(of: object, at: place))
      settings.append(try self.settings(of: object, at: place))
    }
    let labels = zip(names, derivedNames(settings)).map { $0 ?? $1 }
    for (i, label) in labels.enumerated() where labels[..<i].contains(label) {
      throw file.error(
        at: JSONParser.childPath("sweep.points", index: i), "found a second point \"\(label)\"",
        allowed: "a name of its own for each point")
    }
    return Sweep.Axis(
      path: Sweep.Axis.points, values: labels.map { .string($0) }, labels: labels, isCompound: true,
      settings: settings, place: "sweep.points")
  }

  private func name(of point: JSONObject, at place: String) throws(ScenarioError) -> String? {
    guard let written = point["name"] else { return nil }
    guard case .string(let name) = written, (1...100).contains(name.unicodeScalars.count),
      name.utf8.allSatisfy({ $0 >= 0x20 })
    else {
      throw file.error(
        at: JSONParser.childPath(place, key: "name"), "found \(written.summary)",
        allowed: "the point's name, of 1 to 100 characters")
    }
    return name
  }

  private func settings(of point: JSONObject, at place: String) throws(ScenarioError) -> [Sweep.Setting] {
    var settings: [Sweep.Setting] = []
    for (path, value) in point where path != "name" {
      let here = JSONParser.childPath(place, key: path)
      try checkVaries(path, at: here)
      if let other = settings.first(where: { Sweep.Setting.overlap($0.path, path) }) {
        throw file.error(at: here, "found beside \(other.path)", allowed: "a section, or keys of it")
      }
      if table.isSectionAxis(path) { try checkSection(value, at: here) }
      settings.append(Sweep.Setting(path: path, value: value, place: here))
    }
    return settings
  }

  /// What points are called that have no name: by what they set, a section by the keys in which the points differ.
  private func derivedNames(_ settings: [[Sweep.Setting]]) -> [String] {
    var words: [String: [String]] = [:]
    for path in Set(settings.joined().map(\.path)) {
      words[path] = labels(of: settings.joined().filter { $0.path == path }.map(\.value), path)
    }
    var used: [String: Int] = [:]
    return settings.map { point in
      let parts = point.map { setting -> String in
        let i = used[setting.path, default: 0]
        used[setting.path] = i + 1
        let short = setting.path.split(separator: ".").last.map(String.init) ?? setting.path
        return "\(short) \(words[setting.path]?[i] ?? "")"
      }
      return parts.isEmpty ? "as the scenario is" : parts.joined(separator: ", ")
    }
  }

  // MARK: Values

  private func sections(_ value: JSON, at place: String) throws(ScenarioError) -> [JSON] {
    guard case .array(let list) = value, !list.isEmpty else {
      throw file.error(at: place, "found \(value.summary)", allowed: "an array of sections: objects, or null")
    }
    for (i, section) in list.enumerated() { try checkSection(section, at: JSONParser.childPath(place, index: i)) }
    return list
  }

  private func checkSection(_ value: JSON, at place: String) throws(ScenarioError) {
    switch value {
    case .object, .null: return
    default: throw file.error(at: place, "found \(value.summary)", allowed: "a section: an object, or null")
    }
  }

  private func values(_ value: JSON, at place: String) throws(ScenarioError) -> [JSON] {
    let allowed = "an array of values, or {\"from\": a, \"to\": b, \"count\": n, \"scale\": \"log\" or \"linear\"}"
    switch value {
    case .array(let list) where !list.isEmpty: return list
    case .object(let range):
      guard let from = range["from"]?.double, let to = range["to"]?.double, case .integer(let count)? = range["count"],
        (2...10_000).contains(count), range.count == (range["scale"] == nil ? 3 : 4)
      else { throw file.error(at: place, "found \(value.summary)", allowed: allowed) }
      let isLog = range["scale"] == "log"
      guard isLog || range["scale"] == nil || range["scale"] == "linear", !isLog || (from > 0 && to > 0) else {
        throw file.error(at: place, "found \(value.summary)", allowed: allowed + "; a log scale is above 0")
      }
      return (0..<count).map { i in
        let t = Double(i) / Double(count - 1)
        if i == 0 { return .number(from) }
        if i == count - 1 { return .number(to) }
        let value =
          isLog
          ? Elementary.exp(Elementary.log(from) + t * (Elementary.log(to) - Elementary.log(from)))
          : from + t * (to - from)
        // Twelve digits: no 1.0000000000000002 in a table.
        return .number(Self.rounded(value))
      }
    default: throw file.error(at: place, "found \(value.summary)", allowed: allowed)
    }
  }

  private static func rounded(_ value: Double) -> Double {
    guard value != 0, value.isFinite else { return value }
    let exponent = Int((Elementary.log(abs(value)) / Elementary.log(10)).rounded(.down)) - 11
    guard abs(exponent) < 300, let power = Double("1e\(abs(exponent))") else { return value }
    let digits = (exponent < 0 ? value * power : value / power).rounded()
    return abs(digits) < 1e15 ? Double("\(Int(digits))e\(exponent)") ?? value : value
  }

  // MARK: The rest

  func repeats() throws(ScenarioError) -> Int {
    switch section["repeats"] {
    case nil, .null: return 1
    case .integer(let count) where (1...10_000).contains(count): return count
    case .some(let found):
      throw file.error(at: "sweep.repeats", "found \(found.summary)", allowed: "an integer from 1 to 10000")
    }
  }

  func isCommon() throws(ScenarioError) -> Bool {
    switch section["common"] {
    case nil, .null: return false
    case .bool(let isCommon): return isCommon
    case .some(let found): throw file.error(at: "sweep.common", "found \(found.summary)", allowed: "true or false")
    }
  }

  /// Whether the axes go side by side; named points are combined with them in either mode.
  func isZip(_ axes: [Sweep.Axis]) throws(ScenarioError) -> Bool {
    switch section["mode"] {
    case nil, .null, "grid": return false
    case "zip":
      let counts = axes.filter { $0.path != Sweep.Axis.points }.map(\.values.count)
      guard Set(counts).count <= 1 else {
        throw file.error(
          at: "sweep.axes", "found axes of \(counts.map { "\($0)" }.joined(separator: ", ")) values",
          allowed: "as many for each in mode \"zip\"")
      }
      return true
    case .some(let found):
      throw file.error(at: "sweep.mode", "found \(found.summary)", allowed: "\"grid\", \"zip\"")
    }
  }
}
