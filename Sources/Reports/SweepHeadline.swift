import Files
import RunFiles

/// What a sweep found, in a few sentences whose figures are those of its table.
struct SweepHeadline {
  private let page: SweepPage

  init(_ page: SweepPage) { self.page = page }

  var text: String {
    let count = "\(Text.counted(page.runs, "run")) of \(Text.counted(page.points.count, "point"))"
    let names = page.factors.map { $0.kind == .named ? "named points" : $0.kind == .epsilon ? "epsilon" : $0.short }
    let varied = names.isEmpty ? count : "\(count): \(names.joined(separator: " by "))"
    var parts = [varied + "."]
    if let range = overEpsilon { parts.append(range) } else { parts += best }
    if parts.contains(where: { $0.contains(Contrast.notClear) || $0.contains(Contrast.clear) }) {
      parts.append("A difference of more than two standard errors is clear.")
    }
    if !page.autoWords.isEmpty { parts.append("The codec \(page.autoWords).") }
    return parts.joined(separator: " ")
  }

  // MARK: Epsilon and codec alone

  /// The tightest and the loosest point of the codec with the fewest bits; nil where more varies.
  private var overEpsilon: String? {
    guard page.isOverEpsilon, page.factors.allSatisfy({ $0.kind == .epsilon || $0.kind == .codec }) else { return nil }
    let best = cheapest
    let epsilon = { (point: SweepPoint) in point.mean(\.epsilon) ?? 0 }
    guard let low = best.min(by: { epsilon($0) < epsilon($1) }), let high = best.max(by: { epsilon($0) < epsilon($1) }),
      Chart.label(epsilon(high)) != Chart.label(epsilon(low)), let few = low.mean(\.bits), let many = high.mean(\.bits)
    else { return nil }
    let codec = low.askedCodec
    var sentence =
      "With \(codec), epsilon \(Chart.label(epsilon(low))) gives \(Self.measured(low)) at \(Self.bits(few)) bits a client and "
      + "round, epsilon \(Chart.label(epsilon(high))) gives \(Self.score(high)) at \(Self.bits(many))"
    sentence += Self.comparison(few, many) + "."
    if let floats = low.float32, codec != "float32" { sentence += " Plain floats take \(Self.bits(floats))." }
    if let contrast = Contrast(high, low) {
      sentence += " The difference in \(high.isQuantity ? "R^2" : "accuracy") of \(contrast.words)."
    }
    return sentence
  }

  /// The points of the line with the fewest bits over all, among those with a guarantee and a score.
  private var cheapest: [SweepPoint] {
    let lines = page.lines.map { line in
      line.points.filter { $0.mean(\.epsilon) != nil && $0.mean(\.bits) != nil && $0.mean(\.scores) != nil }
    }.filter { $0.count > 1 }
    let mean = { (points: [SweepPoint]) in
      points.reduce(0) { $0 + ($1.mean(\.bits) ?? 0) } / Double(points.count)
    }
    return lines.min { mean($0) < mean($1) } ?? []
  }

  /// What less noise does to bits, by the figures that are shown: bits are whole bytes, and one byte is the least.
  private static func comparison(_ few: Double, _ many: Double) -> String {
    let atFloor = { (bits: Double) in bits < 9.5 }
    let floor = "the floor of whole bytes, as no upload is shorter than 8 bits"
    if bits(few) == bits(many) { return atFloor(few) ? ": both are near \(floor)" : "" }
    guard many > few else { return "" }
    return ": less noise costs more bits" + (atFloor(few) ? " (\(bits(few)) is near \(floor))" : "")
  }

  private static func bits(_ value: Double) -> String {
    abs(value) < 1e15 ? Text.grouped(Int(value.rounded())) : Text.short(value)
  }

  /// Accuracy, or R^2, with its standard error where there are repeats.
  private static func score(_ point: SweepPoint) -> String {
    guard let found = SweepTable.Estimate(point.scores) else { return "an unknown" }
    let digits = point.isQuantity ? 4 : 1
    return Text.fixed(found.mean, digits) + (found.error.map { " +- " + Text.fixed($0, digits) } ?? "")
      + (point.isQuantity ? "" : " %")
  }

  /// The same with the word for what it is.
  private static func measured(_ point: SweepPoint) -> String {
    point.isQuantity ? "R^2 = \(score(point))" : "\(score(point)) accuracy"
  }

  // MARK: Any sweep

  /// The best point and whether it is better than the next and the first; among points with a guarantee where only some have one.
  private var best: [String] {
    let all = page.points.filter { $0.mean(\.scores) != nil }
    let guaranteed = all.filter { !$0.epsilon.isEmpty }
    let isSplit = !guaranteed.isEmpty && guaranteed.count < all.count
    let ranked = Self.ranked(isSplit ? guaranteed : all)
    guard ranked.count > 1 || (isSplit && !ranked.isEmpty), let best = ranked.first else { return [] }
    var figures: [String] = []
    // Its name says it where epsilon was varied.
    if !page.isOverEpsilon {
      figures.append(best.mean(\.epsilon).map { "epsilon \(Text.fixedUp($0, 3))" } ?? "no guarantee")
    }
    if let bits = best.mean(\.bits) { figures.append("\(Self.bits(bits)) bits a client and round") }
    var parts = [
      "The best\(isSplit ? " with a guarantee" : "") is \(best.name): \(Self.measured(best))"
        + figures.map { ", \($0)" }.joined() + "."
    ]
    if ranked.count > 1 { parts.append(Self.beside(best, ranked[1], "The next")) }
    if let first = page.points.first, ranked.count > 1, first.index != best.index, first.index != ranked[1].index,
      first.mean(\.scores) != nil
    {
      parts.append(Self.beside(best, first, "The first"))
    }
    let free = Self.ranked(all.filter(\.epsilon.isEmpty))
    if isSplit, let most = free.first, most.index != page.points.first?.index {
      parts.append(Self.beside(best, most, "Without a guarantee the best"))
    }
    return parts
  }

  private static func ranked(_ points: [SweepPoint]) -> [SweepPoint] {
    points.sorted { a, b in
      let (x, y) = (a.mean(\.scores) ?? 0, b.mean(\.scores) ?? 0)
      return x == y ? a.index < b.index : x > y
    }
  }

  private static func beside(_ best: SweepPoint, _ other: SweepPoint, _ what: String) -> String {
    let words = Contrast(best, other).map { "a difference of " + $0.words }
    return
      "\(what), \(other.name), has \(score(other)): \(words ?? "with one run a point it is not known whether that is chance")."
  }
}

extension SweepHeadline {
  /// The difference in accuracy, or in R^2, between two points, as `fedsim compare` tells it from chance.
  struct Contrast {
    let difference: Double
    let error: Double
    let isPaired: Bool
    private let isQuantity: Bool

    /// - Returns: nil where repeats are missing.
    init?(_ a: SweepPoint, _ b: SweepPoint) {
      guard let x = SweepTable.Estimate(a.scores), let y = SweepTable.Estimate(b.scores) else { return nil }
      isQuantity = a.isQuantity
      let isCommon = [a, b].allSatisfy { $0.settings["cohort.common"] == "true" }
      // Seeds that are there twice are no pairs.
      let isWhole = [a, b].allSatisfy { $0.scoreBySeed.count == $0.scores.count }
      let pairs = a.scoreBySeed.sorted { $0.key < $1.key }.compactMap { seed, value in
        b.scoreBySeed[seed].map { value - $0 }
      }
      if isCommon, isWhole, !pairs.isEmpty {
        guard let paired = SweepTable.Estimate(pairs), let error = paired.error else { return nil }
        (difference, self.error, isPaired) = (paired.mean, error, true)
      } else {
        guard let p = x.error, let q = y.error else { return nil }
        (difference, error, isPaired) = (x.mean - y.mean, (p * p + q * q).squareRoot(), false)
      }
    }

    static let (clear, notClear) = ("is clear", "is not clear")

    var isClear: Bool { abs(difference) > 2 * error && abs(difference) > (isQuantity ? 1e-5 : 1e-3) }

    var words: String {
      "\(Text.fixed(difference, isQuantity ? 4 : 1)) +- \(Text.fixed(error, isQuantity ? 4 : 1))\(isQuantity ? "" : " points")\(isPaired ? " (in pairs of one seed)" : "") "
        + (isClear ? Self.clear : Self.notClear)
    }
  }
}
