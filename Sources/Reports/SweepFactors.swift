import Files
import JSONText

/// Finds what varied in a sweep, from its axes and the words of its points; from the settings that differ where the axes are not known.
struct SweepFactors {
  private let points: [SweepPoint]
  private let axes: [String]
  /// Whether the axes are those of the sweep, and not what differs between its scenarios.
  private let isKnown: Bool

  /// Keys and sections that epsilon follows from.
  private static let privacy = ["privacy", "privacy.targetEpsilon", "privacy.noiseMultiplier", "privacy.budget"]
  private static let codecs = ["channel.codec", "channel"]
  /// What rows call the axis of named points.
  private static let name = "name"

  init(_ points: [SweepPoint], axes: [String]) {
    self.points = points
    isKnown = !axes.isEmpty || points.contains { $0.labels[Self.name] != nil }
    let labels = points.first?.labels.keys ?? []
    // Named points are no axis of sweep.json.
    let named = labels.filter { $0 == Self.name }
    self.axes = isKnown ? named + axes : labels + Self.differences(points, but: labels)
  }

  /// Settings that differ, in the order of the scenario.
  private static func differences(_ points: [SweepPoint], but labels: [String]) -> [String] {
    var order: [String] = []
    for point in points { for path in point.paths where !order.contains(path) { order.append(path) } }
    return order.filter { path in
      !["seed", "name"].contains(path) && !labels.contains { path == $0 || path.hasPrefix($0 + ".") }
        && Set(points.map { $0.settings[path] ?? "null" }).count > 1
    }
  }

  /// What varied, in the order of the sweep; what goes with something else is named there.
  var all: [SweepFactor] {
    guard points.count > 1 else { return [] }
    if axes == [Self.name], let parts = partsOfNamed { return parts }
    var found: [SweepFactor] = []
    var hasEpsilon = false
    for path in axes {
      if Self.privacy.contains(path), !hasEpsilon, let parts = epsilon(path) {
        hasEpsilon = true
        found += parts
      } else {
        found.append(factor(path))
      }
    }
    found = merged(found.filter { $0.words.count > 1 })
    return hasEpsilon || isKnown || tellsApart(found) ? found : measured + found
  }

  /// The axes as tables have them: as they are, but for the codec and epsilon, which tables have of every sweep.
  var columns: [SweepFactor] {
    axes.filter { !["channel.codec", "privacy.targetEpsilon"].contains($0) }.map(factor).filter { $0.words.count > 1 }
  }

  private func factor(_ path: String) -> SweepFactor {
    let isLabelled = points.contains { $0.labels[path] != nil }
    let kind: SweepFactor.Kind =
      path == Self.name && isLabelled
      ? .named : Self.codecs.contains(path) ? .codec : isLabelled ? .section : .key
    return SweepFactor(kind, path, points.map { $0.value(path) })
  }

  /// Epsilon where an axis of privacy changes it, and what else its sections differ in.
  private func epsilon(_ path: String) -> [SweepFactor]? {
    let whole = factor(path)
    let measured = points.map { $0.mean(\.epsilon) }
    // At the first point of each value: other axes may change epsilon too.
    let values = whole.words.indices.map { i in whole.choices.firstIndex(of: i).flatMap { measured[$0] } }
    guard Set(values.compactMap { $0.map(Chart.label) }).count > 1 else { return nil }
    let found = SweepFactor(epsilon: measured, path, whole.choices.map { whole.words[$0] })
    guard whole.kind == .section else { return [found] }
    var rest = whole.words.map(Self.withoutEpsilon)
    let keys = zip(values, rest).map { "\($0.map(Chart.label) ?? "none") \($1)" }
    if Set(keys).count < keys.count { rest = whole.words }
    // A run without privacy has none of the section's keys.
    let without = whole.words.indices.filter { values[$0] == nil && whole.words[$0] == "none" }
    guard Set(rest.indices.filter { !without.contains($0) }.map { rest[$0] }).count > 1 else { return [found] }
    for i in without { rest[i] = "no privacy" }
    return [found, SweepFactor(.section, path, whole.choices.map { (rest[$0], nil) })]
  }

  /// The words of a section without those keys that epsilon follows from.
  private static func withoutEpsilon(_ words: String) -> String {
    let keys = privacy.dropFirst().compactMap { $0.split(separator: ".").last }
    let parts = words.split(separator: ", ").filter { part in !keys.contains { part.hasPrefix($0 + " ") } }
    return parts.isEmpty ? "defaults" : parts.joined(separator: ", ")
  }

  /// Epsilon and codec of named points that differ in nothing else and make lines of both: their names would say the same again.
  private var partsOfNamed: [SweepFactor]? {
    let codecs = points.map { $0.value("channel.codec").words }
    let epsilon = points.map { $0.mean(\.epsilon) }
    let keys = zip(codecs, epsilon).map { "\($0) \($1.map(Chart.label) ?? "none")" }
    let others = Self.differences(points, but: ["privacy", "channel.codec"])
    guard Set(keys).count == points.count, others.isEmpty else { return nil }
    let lengths = Set(codecs).map { codec in
      Set(zip(codecs, epsilon).filter { $0.0 == codec }.compactMap { $0.1.map(Chart.label) }).count
    }
    guard lengths.contains(where: { $0 > 2 }) || lengths.count(where: { $0 > 1 }) > 1 else { return nil }
    let words = points.map { $0.mean(\.epsilon).map(Chart.label) ?? "none" }
    return [
      SweepFactor(epsilon: epsilon, "privacy", words), SweepFactor(.codec, "channel.codec", codecs.map { ($0, nil) }),
    ].filter { $0.words.count > 1 }
  }

  /// Epsilon and codec that differ for reasons that the settings do not have.
  private var measured: [SweepFactor] {
    let epsilon = points.map { $0.mean(\.epsilon) }
    let isNamed = axes.contains { Self.codecs.contains($0) }
    return [
      SweepFactor(epsilon: epsilon, "privacy", epsilon.map { $0.map(Chart.label) ?? "none" }),
      SweepFactor(.codec, "channel.codec", isNamed ? [] : points.map { ($0.codec, nil) }),
    ].filter { $0.words.count > 1 }
  }

  private func tellsApart(_ factors: [SweepFactor]) -> Bool {
    Set(points.indices.map { i in factors.map { $0.choices[i] } }).count == points.count
  }

  /// Axes that are taken side by side are one; the codec makes lines all the same.
  private func merged(_ factors: [SweepFactor]) -> [SweepFactor] {
    var found: [SweepFactor] = []
    for factor in factors {
      let i = found.firstIndex { other in
        guard factor.kind != .codec, other.kind != .codec else { return false }
        // What differs between scenarios follows from their axes in many keys.
        return isKnown ? other.isBeside(factor) : other.decides(factor)
      }
      guard let i else {
        found.append(factor)
        continue
      }
      if isKnown { found[i].companions.append(factor.path) }
    }
    return found
  }
}
