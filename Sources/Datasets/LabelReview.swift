import Files

/// Whether labels can be what was meant: what people's files commonly have that trains without an error and means nothing.
public struct LabelReview: Sendable {
  /// Why nothing sensible can follow; nil where it can.
  public let problem: String?
  /// A sentence each.
  public let warnings: [String]

  /// Fewer examples than this say nothing of what labels are.
  static let fewest = 20

  /// Labels of all examples together, before any are kept for a test.
  ///
  /// - Parameters:
  ///   - place: what messages call the labels, such as `column "y"`; empty where examples have none.
  ///   - needsClasses: whether labels are what is learned.
  public init(ofWhole training: Dataset, _ test: Dataset?, place: String, needsClasses: Bool = true) {
    if needsClasses, !place.isEmpty, training.targets == nil, training.symbolNames == nil,
      let only = training.labels.first,
      training.labels.allSatisfy({ $0 == only }), test?.labels.allSatisfy({ $0 == only }) ?? true
    {
      problem =
        "\(place): every label is \(ShownText.quoted(training.classNames?[Int(only)] ?? "\(only)")); a model needs two classes at least"
      warnings = []
      return
    }
    // Characters are what they are: none is an ID, a quantity, a mark or another one written otherwise.
    guard let names = training.classNames, training.symbolNames == nil else {
      (problem, warnings) = (nil, [])
      return
    }
    let count = training.count + (test?.count ?? 0)
    let classes = names.count
    let isOwn = 2 * classes > count
    let numbers = names.filter { !MissingMarks.contains($0) }.map(ExactNumber.init)
    let share = "\(classes) different ones in \(count) examples"
    if let broken = zip(names.filter { !MissingMarks.contains($0) }, numbers).first(where: { $1?.isWhole == false })?.0,
      numbers.allSatisfy({ $0 != nil }), isOwn || classes > Self.fewest || 10 * classes > count
    {
      let text =
        "\(place): labels are numbers such as \(ShownText.quoted(broken)), \(share), and each is a class: a quantity is for task \"regression\""
      problem = isOwn ? text + ", or put them into a few classes" : nil
      warnings = isOwn ? [] : [text + "."]
    } else if isOwn, count >= Self.fewest {
      let text =
        "\(place): labels are \(share), such as \(ShownText.list(names, most: 2)): is it a column of IDs or quantities? (quantities: task \"regression\")"
      problem = classes == count ? text : nil
      warnings = classes == count ? [] : [text]
    } else {
      (problem, warnings) = (nil, [])
    }
  }

  /// What training examples have to do with test examples.
  ///
  /// - Parameter areClassesGiven: whether someone said how many classes there are.
  public init(training: Dataset, test: Dataset, place: String, areClassesGiven: Bool) {
    let trained = Self.counts(training)
    let tested = Self.counts(test)
    let name = { (c: Int) in training.classNames?[c] ?? "\(c)" }
    var warnings: [String] = []
    let strangers = trained.indices.filter { trained[$0] == 0 && tested[$0] > 0 }
    let missed = strangers.reduce(0) { $0 + tested[$1] }
    let isText = training.symbolNames != nil
    let alike = isText ? [] : training.classNames.map { Self.lookalikes($0, trained, tested) } ?? []
    let pair = alike.first.map { group in
      group.prefix(2).map { ShownText.quoted(name($0)) }.joined(separator: " and ")
        + (alike.count > 1 ? " (and \(alike.count - 1) more such)" : "")
        + " count as different classes, and differ only in case, blanks, hyphens, punctuation at an end or how a number is written"
    }
    var problem: String?
    if missed == test.count {
      let known = trained.indices.filter { trained[$0] > 0 }
      problem =
        "\(place): no test example has a label that a training example has: "
        + "\(ShownText.list(strangers.map(name))) against \(ShownText.list(known.map(name)))"
        + (pair.map { "; \($0)" } ?? "")
    } else if missed > 0 {
      warnings.append(
        "\(place): \(missed) of \(test.count) test examples have labels that no training example has (\(ShownText.list(strangers.map(name)))), "
          + "and count as wrong: accuracy cannot be above \(Self.percent(test.count - missed, test.count)) %"
          + (pair.map { "; \($0)." } ?? "."))
    } else if let pair {
      warnings.append("\(place): \(pair).")
    }
    let marks = isText ? [] : trained.indices.filter { training.classNames != nil && MissingMarks.contains(name($0)) }
    if !marks.isEmpty {
      let count = marks.reduce(0) { $0 + trained[$1] + tested[$1] }
      warnings.append(
        "\(place): \(count) of \(training.count + test.count) labels \(count == 1 ? "is" : "are") \(ShownText.list(marks.map(name))), which commonly stands "
          + "for a value that is missing; here it is a class like any other.")
    }
    let empty = trained.indices.filter { trained[$0] == 0 && tested[$0] == 0 }
    if !empty.isEmpty, !areClassesGiven, !isText, let last = trained.indices.last {
      warnings.append(
        "\(place): labels are 0 to \(last), and no example has \(Self.some(empty.map(String.init))): each is a class of the model all the same."
      )
    }
    // What was named above is not named again.
    let named = Set(alike.joined()).union(marks)
    let untested = isText ? [] : trained.indices.filter { trained[$0] > 0 && tested[$0] == 0 && !named.contains($0) }
    if !untested.isEmpty {
      warnings.append(
        "\(place): no test example has \(Self.some(untested.map { ShownText.quoted(name($0)) })): accuracy says nothing of "
          + "\(untested.count == 1 ? "this class" : "these classes").")
    }
    let single = isText ? [] : trained.indices.filter { trained[$0] == 1 && tested[$0] > 0 && !named.contains($0) }
    if !single.isEmpty {
      warnings.append(
        "\(place): one training example alone has \(Self.some(single.map { ShownText.quoted(name($0)) })).")
    }
    (self.problem, self.warnings) = (problem, problem == nil ? warnings : [])
  }

  private static func counts(_ data: Dataset) -> [Int] {
    var counts = [Int](repeating: 0, count: data.classCount)
    for label in data.labels { counts[Int(label)] += 1 }
    return counts
  }

  /// Rounded up, with one digit: "at most" stays true.
  private static func percent(_ part: Int, _ whole: Int) -> String {
    let tenths = (1000 * part + whole - 1) / whole
    return "\(tenths / 10).\(tenths % 10)"
  }

  /// "the label 0", "any of 12 labels (3, 4, 5, 6, ...)"
  private static func some(_ labels: [String]) -> String {
    labels.count == 1
      ? "the label \(labels[0])"
      : "any of \(labels.count) labels (\(labels.prefix(4).joined(separator: ", "))\(labels.count > 4 ? ", ..." : ""))"
  }

  /// Labels of which several are probably meant to be one.
  private static func lookalikes(_ names: [String], _ trained: [Int], _ tested: [Int]) -> [[Int]] {
    var groups: [String: [Int]] = [:]
    for c in names.indices where trained[c] + tested[c] > 0 { groups[plain(names[c]), default: []].append(c) }
    return groups.values.filter { group in
      guard group.count > 1 else { return false }
      // "a" and "A" are different letters where clients have both.
      return !group.allSatisfy { trained[$0] > 0 && names[$0].unicodeScalars.count == 1 }
    }.sorted { $0[0] < $1[0] }
  }

  /// What is left of a text without what people do not mean: its case, blanks and punctuation at its ends, kinds of blanks within it. Numbers
  /// as they are shortest.
  static func plain(_ text: String) -> String {
    let isEdge = { (c: Character) in c.isWhitespace || ".,;:!?'\"`".contains(c) }
    var middle = text[...]
    while let c = middle.first, isEdge(c) { middle = middle.dropFirst() }
    while let c = middle.last, isEdge(c) { middle = middle.dropLast() }
    // ".5" is a number with its point.
    if let number = ExactNumber(text) ?? ExactNumber(String(middle)) { return number.shortest }
    guard !middle.isEmpty else { return text }
    var plain = ""
    for c in middle.lowercased() {
      let isGap = c.isWhitespace || c == "_" || c == "-"
      if isGap && plain.last == " " { continue }
      plain.append(isGap ? " " : c)
    }
    return plain
  }
}

/// What programs write where a value is missing: what pandas reads so, and a few more.
enum MissingMarks {
  /// What stands for a missing value of a feature: nothing, and what pandas reads so with `?`, `na` and `NAN`.
  private static let values: Set<String> = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL",
    "NaN", "None", "n/a", "nan", "null", "NAN", "na", "?",
  ]

  static func isValue(_ text: String) -> Bool { values.contains(text) }

  private static let all: Set<String> = [
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN",
    "None", "n/a", "nan", "null", "NAN", "na", "NaT", "nil", "?", "inf", "-inf", "Inf", "-Inf", "Infinity", "-Infinity",
    "missing",
  ]

  static func contains(_ text: String) -> Bool { all.contains(text) }
}
