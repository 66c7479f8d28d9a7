import JSONText
import Numerics

extension Chart {
  /// Where a point stands on the axis of x: a number, or the index of a category.
  public enum Place: Sendable, Equatable {
    case number(Double)
    case slot(Int)
  }
}

/// Something that differs between the points of a sweep: a key, a section, the codec, epsilon, or which named point it is.
struct SweepFactor: Sendable {
  enum Kind: Sendable {
    case epsilon, codec, key, section, named
  }

  let kind: Kind
  /// The key or the section; `name` for named points.
  let path: String
  /// The values in the order of the sweep, as a person would write them.
  let words: [String]
  /// Which of them each point has.
  let choices: [Int]
  /// Where each point stands.
  let places: [Chart.Place]
  /// Places behind the numbers, or all places where there are no numbers.
  let slots: [String]
  /// What a line of each point is called: "polar", "learning rate 0.1".
  let names: [String]
  /// Keys that have other values wherever this has: axes that are taken side by side.
  var companions: [String] = []

  /// Whether it is an axis of numbers.
  var isNumeric: Bool { numbers.count > 1 }

  /// The different numbers, ascending.
  var numbers: [Double] {
    Set(places.compactMap { if case .number(let x) = $0 { x } else { nil } }).sorted()
  }

  /// The key in words, "learning rate".
  var short: String { Self.short(path) }

  /// What a panel of a point is called: "partition iid".
  func title(_ point: Int) -> String {
    switch kind {
    case .section, .key, .codec: names[point].hasPrefix(short) ? names[point] : "\(short) \(names[point])"
    case .epsilon, .named: names[point]
    }
  }

  /// The axis of x, with the path that a scenario has beside the word that a reader knows.
  var axis: Chart.Axis {
    let with = companions.isEmpty ? "" : ", with " + companions.joined(separator: ", ")
    switch kind {
    case .epsilon: return Chart.Axis("epsilon" + with, isLog: true, slots: slots)
    case .named: return Chart.Axis("point" + with, slots: slots)
    case .codec, .key, .section:
      let label = (short == path ? path : "\(short) (\(path))") + with
      guard isNumeric else { return Chart.Axis(label, slots: slots) }
      let isLog = Self.isLog(numbers)
      return Chart.Axis(
        label, isLog: isLog, isInteger: !isLog && numbers.allSatisfy { $0 == $0.rounded() }, slots: slots)
    }
  }

  /// Whether ratios of neighbours are nearer to equal than their differences, over a range that shows it.
  static func isLog(_ ascending: [Double]) -> Bool {
    guard let low = ascending.first, let high = ascending.last, low > 0 else { return false }
    if ascending.count < 3 { return high >= 8 * low }
    guard high >= 4 * low else { return false }
    let pairs = zip(ascending, ascending.dropFirst())
    return spread(pairs.map { Elementary.log($1 / $0) }) < spread(pairs.map { $1 - $0 })
  }

  /// Variance over the square of the mean.
  private static func spread(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (mean * mean)
  }

  /// Words for keys whose last part says too little or says it otherwise than readers do.
  private static let known = [
    "cohort.size": "cohort size", "partition.clients": "clients", "privacy.clippingNorm": "clipping norm C",
    "privacy.noiseMultiplier": "noise multiplier z", "server.learningRate": "server learning rate",
    "server.optimizer": "server optimizer", "server.momentum": "server momentum",
    "training.momentum": "client momentum",
    "training.epochs": "local epochs", "training.steps": "local steps", "training.algorithm": "client optimizer",
    "model.kind": "model", "partition.kind": "partition", "data.source": "data", "channel.codec": "codec",
    "partition.alpha": "Dirichlet alpha", "privacy.noise": "noise source", "cohort.sampling": "sampling",
    "privacy.targetEpsilon": "target epsilon", "privacy.budget": "budget of epsilon", "channel.effort": "codec effort",
    "channel.draws": "codec draws",
  ]

  /// `training.learningRate` as "learning rate".
  static func short(_ path: String) -> String {
    if let word = known[path] { return word }
    let last = path.split(separator: ".").last.map(String.init) ?? path
    return last.reduce(into: "") { $0 += $1.isUppercase ? " " + $1.lowercased() : String($1) }
  }
}

extension SweepFactor {
  /// A key, a section or the names of points, by the values that the points have.
  init(_ kind: Kind, _ path: String, _ values: [(words: String, number: Double?)]) {
    var words: [String] = []
    let choices = values.map { value -> Int in
      if let i = words.firstIndex(of: value.words) { return i }
      words.append(value.words)
      return words.count - 1
    }
    let isNumeric = kind == .key && Set(values.compactMap(\.number)).count > 1
    var slots: [String] = []
    let places = values.map { value -> Chart.Place in
      if isNumeric, let number = value.number { return .number(number) }
      if !slots.contains(value.words) { slots.append(value.words) }
      return .slot(slots.firstIndex(of: value.words) ?? 0)
    }
    // Numbers, flags and keys that are not set say nothing without their key.
    let short = Self.short(path)
    let name = { (value: (words: String, number: Double?), isShort: Bool) in
      let isBare = value.number != nil || ["true", "false", SweepPoint.unset].contains(value.words)
      let shown = isShort ? value.number.map(Chart.label) ?? value.words : value.words
      return kind == .key && isBare ? "\(short) \(shown)" : value.words
    }
    // With every digit where three do not tell values apart.
    let few = values.map { name($0, true) }
    let names = Set(few).count == words.count ? few : values.map { name($0, false) }
    (self.kind, self.path, self.words, self.choices) = (kind, path, words, choices)
    (self.places, self.slots, self.names) = (places, slots, names)
  }

  /// Epsilon as it was measured.
  ///
  /// - Parameters:
  ///   - words: of the axis that it follows from.
  ///   - epsilon: of each point; nil without a guarantee.
  init(epsilon: [Double?], _ path: String, _ words: [String]) {
    var known: [String] = []
    choices = words.map { word in
      if let i = known.firstIndex(of: word) { return i }
      known.append(word)
      return known.count - 1
    }
    // Several values without a guarantee have places of their own.
    let without = Set(zip(epsilon, words).filter { $0.0 == nil }.map(\.1))
    var slots: [String] = []
    let slot = { (name: String) -> Chart.Place in
      if !slots.contains(name) { slots.append(name) }
      return .slot(slots.firstIndex(of: name) ?? 0)
    }
    places = zip(epsilon, words).map { value, word in
      guard let value else { return slot(without.count > 1 ? "none (\(word))" : "none") }
      // A logarithmic axis has no place for 0.
      return value > 0 ? .number(value) : slot("0")
    }
    names = zip(epsilon, words).map { value, word in
      value.map { "epsilon " + Chart.label($0) } ?? (without.count > 1 ? "no guarantee (\(word))" : "no guarantee")
    }
    (kind, self.path, self.words, self.slots) = (.epsilon, path, known, slots)
  }

  /// Whether each value of one goes with one value of the other, and the other way round.
  func isBeside(_ other: SweepFactor) -> Bool { decides(other) && other.decides(self) }

  /// Whether each value of this goes with one value of the other.
  func decides(_ other: SweepFactor) -> Bool {
    var found: [Int: Int] = [:]
    return zip(choices, other.choices).allSatisfy { a, b in
      if let known = found[a] { return known == b }
      found[a] = b
      return true
    }
  }
}
