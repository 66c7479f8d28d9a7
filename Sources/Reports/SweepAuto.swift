import Files

extension SweepPage {
  /// Where `auto` took which codec, as a sentence; empty where it took one alone, which the headline says.
  var autoNote: String {
    let codecs = Set(points.filter { $0.askedCodec != $0.codec }.map(\.codec))
    return codecs.count > 1 ? "The codec \(autoWords)." : ""
  }

  /// Which codecs `auto` took, and where: "auto took layered at epsilon 0.3 to 1, polar at 2 to 10". Empty where no point has it.
  var autoWords: String {
    let auto = points.filter { $0.askedCodec != $0.codec }
    guard let first = auto.first else { return "" }
    var counts: [(codec: String, count: Int)] = []
    for point in auto {
      if let i = counts.firstIndex(where: { $0.codec == point.codec }) {
        counts[i].count += 1
      } else {
        counts.append((point.codec, 1))
      }
    }
    let what = "\(first.askedCodec) took "
    if counts.count == 1 { return what + first.codec }
    let places = auto.reduce(into: [(place: Chart.Place, codec: String)]()) { found, point in
      if !found.contains(where: { $0 == (point.place, point.codec) }) { found.append((point.place, point.codec)) }
    }
    let isOfPlace = places.allSatisfy { a in places.count { $0.place == a.place } == 1 }
    guard isOfPlace, let x = layout.x, x.isNumeric else {
      return what + counts.map { "\($0.codec) at \(Text.counted($0.count, "point"))" }.joined(separator: ", ")
        + ": the table has which"
    }
    return what + Self.stretches(places, x).joined(separator: ", ")
  }

  /// Neighbours on the axis of x with one codec: "layered at epsilon 0.3 to 1".
  private static func stretches(_ places: [(place: Chart.Place, codec: String)], _ x: SweepFactor) -> [String] {
    let numbers = places.compactMap { found -> (x: Double, codec: String)? in
      if case .number(let x) = found.place { (x, found.codec) } else { nil }
    }.sorted { $0.x < $1.x }
    var stretches: [(codec: String, low: Double, high: Double)] = []
    for (value, codec) in numbers {
      if stretches.last?.codec == codec {
        stretches[stretches.count - 1].high = value
      } else {
        stretches.append((codec, value, value))
      }
    }
    let word = x.kind == .epsilon ? "epsilon" : x.short
    let slots = places.compactMap { found -> String? in
      guard case .slot(let slot) = found.place, x.slots.indices.contains(slot) else { return nil }
      return x.kind == .epsilon && x.slots[slot] == "none"
        ? "\(found.codec) without a guarantee" : "\(found.codec) at \(x.slots[slot])"
    }
    return stretches.enumerated().map { i, found in
      let (low, high) = (Chart.label(found.low), Chart.label(found.high))
      return "\(found.codec) at \(i == 0 ? word + " " : "")\(low == high ? low : "\(low) to \(high)")"
    } + slots
  }
}
