import Files
import JSONText
import Scenarios

/// A scenario with a `sweep` section: axes over keys and sections, as a grid or side by side, named points, and repeats with other seeds.
///
///     "sweep": {"axes": {"privacy.targetEpsilon": {"from": 0.5, "to": 16, "count": 6, "scale": "log"},
///                        "channel.codec": ["float32", "polar"]}, "mode": "grid", "repeats": 3}
///     "sweep": {"points": [{"name": "none", "privacy": null}, {"name": "central", "privacy.noise": "central"}],
///               "repeats": 10, "common": true}
public struct Sweep: Sendable {
  /// One run: a point of the sweep and a repeat of it.
  public struct Run: Sendable {
    /// From 0, in the order of the table: the last axis first, repeats innermost.
    public let index: Int
    public let point: Int
    public let repetition: Int
    /// Values of the axes, in their order; of named points the name.
    public let values: [JSON]
    /// The same in a few words.
    public let labels: [String]
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
  /// Named points first, where there are some.
  public let axes: [Axis]
  public let repeats: Int
  public let runs: [Run]
  /// Whether the runs of a repeat have cohorts, batches and coins in common, so that points are compared repeat by repeat.
  public let isPaired: Bool
  /// The points of the sweep as they were understood: what `--resume` compares.
  public let json: JSON
  /// The scenario as it was written, with what was overridden: what makes the sweep again.
  public let source: [UInt8]
  /// Keys that differ between points and are no axis of their own: parts of sections and of named points.
  public let details: [String]
  private let base: ScenarioFile

  /// More runs than this are a slip of the keyboard.
  static let mostRuns = 100_000

  /// - Parameters:
  ///   - name: how messages call the file.
  ///   - overrides: as for a single run, but of no key that an axis varies.
  ///   - components: what names in the file stand for.
  ///   - folder: where files are sought that are not in the working directory; nil for nowhere else.
  /// - Throws: `ScenarioError` for the first mistake, of the sweep or of any of its scenarios.
  public init(
    _ bytes: [UInt8], name fileName: String, overrides: [String] = [], components: Components = .standard,
    folder: String? = nil
  ) throws(ScenarioError) {
    let base = try ScenarioFile(
      bytes, name: fileName, overrides: overrides, allowsSweep: true, components, folder: folder, isBase: true)
    let reader = try SweepReader(base)
    let (axes, repeats, isCommon) = try (reader.axes(), reader.repeats(), reader.isCommon())
    self.base = base
    try Self.check(overrides, against: axes)
    let isZip = try reader.isZip(axes)
    try Self.check(axes, repeats: repeats, isZip: isZip, isCommon: isCommon, base)
    let heading = try base.heading
    guard heading.seed <= UInt64(Int.max - (repeats - 1)) else {
      throw base.error(
        at: "sweep.repeats", "found \(repeats) from the seed \(heading.seed) on",
        allowed: "seeds up to \(Int.max)")
    }
    let maker = ScenarioMaker(
      bytes: bytes, name: fileName, overrides: overrides, axes: axes, isCommon: isCommon, folder: folder, base)
    let points = Self.points(of: axes, isZip: isZip)
    var runs: [Run] = []
    for (p, choices) in points.enumerated() {
      for repetition in 0..<repeats {
        let seed = axes.contains { $0.sets("seed") } ? nil : Int(heading.seed) + repetition
        let scenario: Scenario
        do throws(ScenarioError) {
          scenario = try maker.scenario(choices, seed: seed)
        } catch {
          throw maker.placed(error, choices, beside: points)
        }
        runs.append(
          Run(
            index: runs.count, point: p, repetition: repetition, values: zip(axes, choices).map { $0.values[$1] },
            labels: zip(axes, choices).map { $0.labels[$1] }, choices: choices, scenario: scenario))
      }
    }
    if let external = runs.first(where: \.scenario.isExternal) { throw external.scenario.externalRefusal }
    let name = heading.name
    (self.name, self.axes, self.repeats, self.runs) = (name, axes, repeats, runs)
    isPaired = runs.allSatisfy(\.scenario.cohort.isCommon) && !axes.contains { $0.sets("seed") }
    details = Self.details(of: runs, axes)
    json = Self.json(name: name, axes: axes, repeats: repeats, isCommon: isCommon, runs)
    source = !base.isChanged ? bytes : Array((base.written.text(pretty: true) + "\n").utf8)
  }

  private static func json(name: String, axes: [Axis], repeats: Int, isCommon: Bool, _ runs: [Run]) -> JSON {
    var object: JSONObject = [
      "format": "fedsim-sweep-1", "name": .string(name), "repeats": .integer(repeats),
    ]
    if isCommon { object["common"] = true }
    if let points = axes.first(where: { $0.path == Axis.points }) {
      object["points"] = .array(
        zip(points.labels, points.settings).map { label, settings in
          .object(settings.reduce(into: ["name": .string(label)] as JSONObject) { $0[$1.path] = $1.value })
        })
    }
    object["axes"] = .object(
      axes.filter { $0.path != Axis.points }.reduce(into: JSONObject()) { $0[$1.path] = .array($1.values) })
    object["runs"] = .array(runs.map(\.scenario.json))
    return .object(object)
  }

  /// Refuses to set what an axis varies.
  private static func check(_ overrides: [String], against axes: [Axis]) throws(ScenarioError) {
    for text in overrides {
      let path = String(text.prefix { $0 != "=" })
      if let found = axes.lazy.flatMap({ $0.settings.joined() }).first(where: { Setting.overlap($0.path, path) }) {
        throw .key(
          place: "--set", path: path, problem: "the sweep varies \(found.path)",
          allowed: "keys that no axis has; the axis is in the file's sweep.axes or sweep.points")
      }
    }
  }

  /// Refuses too many runs, and runs that would be the same.
  private static func check(
    _ axes: [Axis], repeats: Int, isZip: Bool, isCommon: Bool, _ base: ScenarioFile
  ) throws(ScenarioError) {
    let (named, keyed) = (axes.filter { $0.path == Axis.points }, axes.filter { $0.path != Axis.points })
    let count = { (axes: [Axis]) in axes.reduce(1.0) { $0 * Double($1.values.count) } }
    let size = count(named) * count(isZip ? Array(keyed.prefix(1)) : keyed) * Double(repeats)
    guard size <= Double(mostRuns) else {
      throw base.error(at: "sweep", "found \(Text.short(size)) runs", allowed: "at most \(mostRuns)")
    }
    if axes.contains(where: { $0.sets("seed") }) {
      if repeats > 1 {
        throw base.error(
          at: "sweep.repeats", "found \(repeats) with an axis of seeds: repeats have seeds of their own",
          allowed: "one of both")
      }
      if isCommon {
        throw base.error(
          at: "sweep.common", "found true with an axis of seeds: runs of other seeds have nothing in common",
          allowed: "one of both")
      }
    }
    guard !isZip else { return }
    for axis in keyed {
      for (i, value) in axis.values.enumerated()
      where axis.values[..<i].contains(where: { SweepLabels.isSame($0, value) }) {
        throw base.error(
          at: axis.place, "found \(axis.isCompound ? axis.labels[i] : value.summary) twice", allowed: "each value once")
      }
    }
  }

  /// Which value of each axis the points have: every combination, the last axis first, or the axes side by side; named points are
  /// combined with either.
  private static func points(of axes: [Axis], isZip: Bool) -> [[Int]] {
    guard isZip else {
      return axes.reduce([[]]) { points, axis in
        points.flatMap { point in axis.values.indices.map { point + [$0] } }
      }
    }
    let named = axes.filter { $0.path == Axis.points }
    let keyed = axes.count - named.count
    let beside = (axes.last?.values ?? []).indices.map { i in [Int](repeating: i, count: keyed) }
    return points(of: named, isZip: false).flatMap { point in keyed == 0 ? [point] : beside.map { point + $0 } }
  }

  /// The leaves of what compound axes set, where points differ in them; a default that only goes with its section is no difference.
  private static func details(of runs: [Run], _ axes: [Axis]) -> [String] {
    let settings = axes.filter(\.isCompound).flatMap { $0.settings.joined() }
    let roots = Set(settings.map(\.path))
    let written = Set(settings.flatMap { CSV.leaves($0.value, $0.path).map(\.path) })
    guard !roots.isEmpty else { return [] }
    var order: [String] = []
    var values: [String: [JSON?]] = [:]
    let points = runs.filter { $0.repetition == 0 }
    for (i, run) in points.enumerated() {
      for (path, value) in CSV.leaves(run.scenario.json, "")
      where roots.contains(where: { path == $0 || path.hasPrefix($0 + ".") }) {
        if values[path] == nil {
          order.append(path)
          values[path] = [JSON?](repeating: nil, count: points.count)
        }
        values[path]?[i] = value
      }
    }
    return order.filter { path in
      guard let found = values[path] else { return false }
      let there = found.compactMap { $0 }
      return there.contains { $0 != there.first }
        || (written.contains(path) && there.count < found.count && there.first != .null)
    }
  }

  /// The values of `details` in a run.
  func details(of run: Run) -> [JSON] {
    let leaves = Dictionary(
      CSV.leaves(run.scenario.json, "").map { ($0.path, $0.value) }, uniquingKeysWith: { first, _ in first })
    return details.map { leaves[$0] ?? .null }
  }

  /// The same mistake, with the place in the axis: values of axes are written there, not in a flag.
  public func placed(_ error: ScenarioError, in run: Run) -> ScenarioError {
    let places = SweepPlaces(axes: axes, base: base)
    let found = places.placed(error, run.choices)
    // What the first point goes without is no mistake of the whole scenario.
    return found == error && run.point > 0 ? places.named(error, run.choices) : found
  }
}

extension Sweep.Axis {
  /// Whether one of its values sets the key.
  func sets(_ path: String) -> Bool { settings.joined().contains { $0.path == path } }
}

/// Makes the scenarios of a sweep's points.
private struct ScenarioMaker {
  let bytes: [UInt8]
  let name: String
  let overrides: [String]
  let axes: [Sweep.Axis]
  let isCommon: Bool
  let folder: String?
  let base: ScenarioFile

  init(
    bytes: [UInt8], name: String, overrides: [String], axes: [Sweep.Axis], isCommon: Bool, folder: String?,
    _ base: ScenarioFile
  ) {
    (self.bytes, self.name, self.overrides, self.axes) = (bytes, name, overrides, axes)
    (self.isCommon, self.folder, self.base) = (isCommon, folder, base)
  }

  /// - Parameter seed: nil where an axis varies it.
  func scenario(_ choices: [Int], seed: Int?) throws(ScenarioError) -> Scenario {
    let settings = zip(axes, choices).flatMap { $0.settings[$1] }
    let file = try ScenarioFile(
      bytes, name: name, overrides: overrides + (seed.map { ["seed=\($0)"] } ?? []) + settings.map(\.override),
      allowsSweep: true, components: base.components, folder: folder)
    var scenario = try Scenario(file)
    if isCommon { scenario.cohort.isCommon = true }
    return scenario
  }

  /// - Parameter points: the others, to tell a mistake of this point from one of the whole scenario.
  func placed(_ error: ScenarioError, _ choices: [Int], beside points: [[Int]]) -> ScenarioError {
    let places = SweepPlaces(axes: axes, base: base)
    let found = places.placed(error, choices)
    guard found == error else { return found }
    // The points before it had no mistake.
    guard choices == points.first else { return places.named(error, choices) }
    // The last point differs from the first in every axis.
    guard let other = points.last, other != choices else { return error }
    do throws(ScenarioError) {
      _ = try scenario(other, seed: nil)
      return places.named(error, choices)
    } catch let second {
      return second == error ? error : places.named(error, choices)
    }
  }
}

/// Finds where a mistake in a point's scenario was written.
struct SweepPlaces {
  let axes: [Sweep.Axis]
  let base: ScenarioFile

  /// The same mistake with the place in the axis or the point; as it is where it is about something that the point does not set.
  func placed(_ error: ScenarioError, _ choices: [Int]) -> ScenarioError {
    switch error {
    case .key("--set", let path, let problem, let allowed):
      guard let found = find(path, choices) else { return error }
      return .key(
        place: found.place, path: found.path, problem: (found.isExact ? "" : "\(path): ") + problem, allowed: allowed)
    case .refused("--set", let path, let reason):
      guard let found = find(path, choices) else { return error }
      return .refused(place: found.place, path: found.path, reason: "\(reason) (at \(words(choices)))")
    default: return error
    }
  }

  /// The same mistake, which says at which point it was found.
  func named(_ error: ScenarioError, _ choices: [Int]) -> ScenarioError {
    switch error {
    case .key(let place, let path, let problem, let allowed):
      .key(place: place, path: path, problem: "\(problem) (at \(words(choices)))", allowed: allowed)
    case .refused(let place, let path, let reason):
      .refused(place: place, path: path, reason: "\(reason) (at \(words(choices)))")
    case .syntax: error
    }
  }

  private func words(_ choices: [Int]) -> String {
    zip(axes, choices).map { "\($0.path) = \($0.labels[$1])" }.joined(separator: ", ")
  }

  /// The place of a key's value.
  ///
  /// - Returns: nil where the point does not set it; whether the path is that of the key and not only of a section that it is in, or that
  ///   is in it.
  private func find(_ key: String, _ choices: [Int]) -> (path: String, place: String, isExact: Bool)? {
    for (axis, choice) in zip(axes, choices) {
      for setting in axis.settings[choice] where Sweep.Setting.overlap(setting.path, key) {
        if key.hasPrefix(setting.path + ".") {
          let inner = JSONParser.childPath(setting.place, key: String(key.dropFirst(setting.path.count + 1)))
          if let place = base.position(of: inner) { return (inner, place, true) }
        }
        let place = base.position(of: setting.place) ?? base.position(of: axis.place) ?? "--set"
        return (setting.place, place, setting.path == key)
      }
    }
    return nil
  }
}
