import Files
import JSONText
import Numerics
import Scenarios

/// A scenario with a `sweep` section: axes over keys, as a grid or side by side, and repeats with other seeds.
///
///     "sweep": {"axes": {"privacy.targetEpsilon": {"from": 0.5, "to": 16, "count": 6, "scale": "log"},
///                        "channel.codec": ["float32", "polar"]}, "mode": "grid", "repeats": 3}
public struct Sweep: Sendable {
  public struct Axis: Sendable, Equatable {
    /// A key of the scenario, such as `privacy.targetEpsilon`.
    public let path: String
    public let values: [JSON]
  }

  /// One run: a point of the sweep and a repeat of it.
  public struct Run: Sendable {
    /// From 0, in the order of the table: the last axis first, repeats innermost.
    public let index: Int
    public let point: Int
    public let repetition: Int
    /// Values of the axes, in their order.
    public let values: [JSON]
    /// Which of each axis they are, from 0.
    let choices: [Int]
    public let scenario: Scenario

    /// The folder of the run in the sweep's.
    public var folder: String {
      let digits = "\(index)"
      return "runs/" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
  }

  public let name: String
  public let axes: [Axis]
  public let repeats: Int
  public let runs: [Run]
  /// The points of the sweep as they were understood: what `--resume` compares.
  public let json: JSON
  /// The scenario as it was written, with what was overridden: what makes the sweep again.
  public let source: [UInt8]
  private let base: ScenarioFile

  /// More runs than this are a slip of the keyboard.
  static let mostRuns = 100_000

  /// - Parameters:
  ///   - name: how messages call the file.
  ///   - overrides: as for a single run, but of no key that an axis varies.
  ///   - components: what names in the file stand for.
  /// - Throws: `ScenarioError` for the first mistake, of the sweep or of any of its scenarios.
  public init(
    _ bytes: [UInt8], name fileName: String, overrides: [String] = [], components: Components = .standard
  ) throws(ScenarioError) {
    let base = try ScenarioFile(
      bytes, name: fileName, overrides: overrides, allowsSweep: true, components, isBase: true)
    guard let section = base.sweep else {
      throw base.error(at: "", "found no \"sweep\"", allowed: "a section with \"axes\"")
    }
    let reader = SweepReader(file: base)
    let (axes, repeats) = try (reader.axes(section), reader.repeats(section))
    self.base = base
    try Self.check(overrides, against: axes)
    let isZip = try reader.isZip(section, axes)
    try Self.check(axes, repeats: repeats, isZip: isZip, base)
    let heading = try base.heading
    guard heading.seed <= UInt64(Int.max - (repeats - 1)) else {
      throw base.error(
        at: "sweep.repeats", "found \(repeats) from the seed \(heading.seed) on",
        allowed: "seeds up to \(Int.max)")
    }
    var runs: [Run] = []
    for (p, choices) in Self.points(of: axes, isZip: isZip).enumerated() {
      let values = zip(axes, choices).map { $0.values[$1] }
      for repetition in 0..<repeats {
        var set = overrides
        if !axes.contains(where: { $0.path == "seed" }) { set.append("seed=\(Int(heading.seed) + repetition)") }
        for (axis, value) in zip(axes, values) { set.append("\(axis.path)=\(value.text(pretty: false))") }
        do {
          let file = try ScenarioFile(
            bytes, name: fileName, overrides: set, allowsSweep: true, components: components)
          runs.append(
            Run(
              index: runs.count, point: p, repetition: repetition, values: values, choices: choices,
              scenario: try Scenario(file)))
        } catch {
          throw Self.placed(error, axes, choices, base)
        }
      }
    }
    let name = heading.name
    (self.name, self.axes, self.repeats, self.runs) = (name, axes, repeats, runs)
    json = [
      "format": "fedsim-sweep-1", "name": .string(name), "repeats": .integer(repeats),
      "axes": .object(
        axes.reduce(into: JSONObject()) { $0[$1.path] = .array($1.values) }),
      "runs": .array(runs.map(\.scenario.json)),
    ]
    source = overrides.isEmpty ? bytes : Array((base.written.text(pretty: true) + "\n").utf8)
  }

  /// Refuses to set what an axis varies.
  private static func check(_ overrides: [String], against axes: [Axis]) throws(ScenarioError) {
    for text in overrides {
      let path = text.prefix { $0 != "=" }
      if let axis = axes.first(where: { $0.path == path || $0.path.hasPrefix(path + ".") }) {
        throw .key(
          place: "--set", path: String(path), problem: "the sweep varies \(axis.path)",
          allowed: "keys that no axis has; the axis is in the file's sweep.axes")
      }
    }
  }

  /// Refuses too many runs, and runs that would be the same.
  private static func check(
    _ axes: [Axis], repeats: Int, isZip: Bool, _ base: ScenarioFile
  ) throws(ScenarioError) {
    let size = axes.reduce(1.0) { isZip ? Double($1.values.count) : $0 * Double($1.values.count) } * Double(repeats)
    guard size <= Double(mostRuns) else {
      throw base.error(at: "sweep", "found \(Text.short(size)) runs", allowed: "at most \(mostRuns)")
    }
    if repeats > 1, axes.contains(where: { $0.path == "seed" }) {
      throw base.error(
        at: "sweep.repeats", "found \(repeats) with an axis of seeds: repeats have seeds of their own",
        allowed: "one of both")
    }
    guard !isZip else { return }
    for axis in axes {
      for (i, value) in axis.values.enumerated()
      where axis.values[..<i].contains(where: { $0 == value || ($0.double != nil && $0.double == value.double) }) {
        throw base.error(
          at: JSONParser.childPath("sweep.axes", key: axis.path), "found \(value.summary) twice",
          allowed: "each value once")
      }
    }
  }

  /// Which value of each axis the points have: every combination, the last axis first, or the axes side by side.
  private static func points(of axes: [Axis], isZip: Bool) -> [[Int]] {
    if isZip { return (axes.first?.values ?? []).indices.map { i in axes.map { _ in i } } }
    return axes.reduce([[]]) { points, axis in
      points.flatMap { point in axis.values.indices.map { point + [$0] } }
    }
  }

  /// The same mistake, with the place in the axis: values of axes are written there, not in a flag.
  public func placed(_ error: ScenarioError, in run: Run) -> ScenarioError {
    Self.placed(error, axes, run.choices, base)
  }

  private static func placed(
    _ error: ScenarioError, _ axes: [Axis], _ choices: [Int], _ base: ScenarioFile
  ) -> ScenarioError {
    func place(_ path: String) -> (axis: String, place: String)? {
      guard let i = axes.firstIndex(where: { $0.path == path || $0.path.hasPrefix(path + ".") }) else { return nil }
      let axis = JSONParser.childPath("sweep.axes", key: axes[i].path)
      let value = JSONParser.childPath(axis, index: choices[i])
      // A range has no place for each value.
      return base.position(of: value).map { (value, $0) } ?? (axis, base.position(of: axis) ?? "--set")
    }
    switch error {
    case .key("--set", let path, let problem, let allowed):
      guard let found = place(path) else { return error }
      let key = axes.contains { $0.path == path } ? "" : "\(path): "
      return .key(place: found.place, path: found.axis, problem: key + problem, allowed: allowed)
    case .refused("--set", let path, let reason):
      guard let found = place(path) else { return error }
      let point = zip(axes, choices).map { "\($0.path) = \($0.values[$1].plain)" }.joined(separator: ", ")
      return .refused(place: found.place, path: found.axis, reason: "\(reason) (at \(point))")
    default: return error
    }
  }
}

/// Reads the `sweep` section; every mistake has a place.
private struct SweepReader {
  let file: ScenarioFile

  func axes(_ section: JSONObject) throws(ScenarioError) -> [Sweep.Axis] {
    for (key, _) in section where !["axes", "mode", "repeats"].contains(key) {
      throw file.error(
        at: JSONParser.childPath("sweep", key: key), "no such key", allowed: "axes, mode, repeats")
    }
    guard case .object(let object)? = section["axes"], !object.isEmpty else {
      throw file.error(
        at: "sweep.axes", "found \(section["axes"]?.summary ?? "nothing")",
        allowed: "an object of keys with their values")
    }
    var axes: [Sweep.Axis] = []
    for (path, value) in object {
      let place = JSONParser.childPath("sweep.axes", key: path)
      guard ScenarioTable(file.components).isAxis(path) else {
        throw file.error(
          at: place, "no such key to vary", allowed: "a key of the scenario, such as privacy.targetEpsilon")
      }
      axes.append(Sweep.Axis(path: path, values: try values(value, at: place)))
    }
    return axes
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

  func repeats(_ section: JSONObject) throws(ScenarioError) -> Int {
    switch section["repeats"] {
    case nil, .null: return 1
    case .integer(let count) where (1...10_000).contains(count): return count
    case .some(let found):
      throw file.error(at: "sweep.repeats", "found \(found.summary)", allowed: "an integer from 1 to 10000")
    }
  }

  func isZip(_ section: JSONObject, _ axes: [Sweep.Axis]) throws(ScenarioError) -> Bool {
    switch section["mode"] {
    case nil, .null, "grid": return false
    case "zip":
      guard Set(axes.map(\.values.count)).count == 1 else {
        throw file.error(
          at: "sweep.axes", "found axes of \(axes.map { "\($0.values.count)" }.joined(separator: ", ")) values",
          allowed: "as many for each in mode \"zip\"")
      }
      return true
    case .some(let found):
      throw file.error(at: "sweep.mode", "found \(found.summary)", allowed: "\"grid\", \"zip\"")
    }
  }
}
