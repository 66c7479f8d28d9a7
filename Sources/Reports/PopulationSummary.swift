import Datasets
import FedSim
import Files
import JSONText

/// How examples and labels lie among clients, as numbers and as a small picture for terminals.
public struct PopulationSummary: Sendable {
  public let sizes: Spread
  /// Different labels of a client.
  public let classesPerClient: Spread
  /// Mean over clients with examples of the total variation distance between a client's labels and those of all: 0 where all have
  /// the same mix, towards 1 where each has a class of its own. Small clients are far from the mix by chance alone.
  public let labelSkew: Double
  /// Clients by size, from small to large.
  let sample: [Row]
  private let bins: [(range: ClosedRange<Int>, clients: Int)]
  private let clientCount: Int
  private let classNames: [String]?

  public struct Spread: Sendable, Equatable {
    public let min: Int
    public let median: Int
    public let max: Int

    /// - Parameter sorted: not empty.
    init(sorted: [Int32]) {
      min = Int(sorted[0])
      median = Int(sorted[sorted.count / 2])
      max = Int(sorted[sorted.count - 1])
    }

    var json: JSON { ["min": .integer(min), "median": .integer(median), "max": .integer(max)] }
  }

  struct Row: Sendable {
    let client: Int
    /// Examples by class.
    let counts: [Int]
  }

  private static let rows = 10
  private static let widestRow = 52

  /// Cost: a pass over all examples.
  public init(_ population: Population) {
    let data = population.data
    let count = population.clientCount
    clientCount = count
    classNames = data.classNames
    var totals = [Int](repeating: 0, count: data.classCount)
    for label in data.labels { totals[Int(label)] += 1 }
    let shares = totals.map { Double($0) / Double(max(data.count, 1)) }

    var sizeOf = [Int32](repeating: 0, count: count)
    var classesOf = sizeOf
    var counts = [Int](repeating: 0, count: data.classCount)
    var skew = 0.0
    for client in 0..<count {
      let examples = population.examples(of: client)
      sizeOf[client] = Int32(examples.count)
      var seen: [Int] = []
      for i in examples {
        let label = Int(data.labels[i])
        if counts[label] == 0 { seen.append(label) }
        counts[label] += 1
      }
      classesOf[client] = Int32(seen.count)
      for label in seen {
        skew += max(0, Double(counts[label]) / Double(examples.count) - shares[label])
        counts[label] = 0
      }
    }
    labelSkew = skew / Double(max(sizeOf.count { $0 > 0 }, 1))
    let bySize = (0..<count).sorted { (sizeOf[$0], $0) < (sizeOf[$1], $1) }
    let rows = min(Self.rows, count)
    sample = (0..<rows).map { row in
      let client = bySize[rows == 1 ? 0 : row * (count - 1) / (rows - 1)]
      return Row(
        client: client,
        counts: population.examples(of: client).reduce(into: [Int](repeating: 0, count: data.classCount)) {
          $0[Int(data.labels[$1])] += 1
        })
    }
    let sortedSizes = sizeOf.sorted()
    sizes = Spread(sorted: sortedSizes)
    classesPerClient = Spread(sorted: classesOf.sorted())
    bins = Self.bins(sortedSizes)
  }

  /// At most eight of equal width, or powers of two (or of four, ...) where sizes are far apart.
  private static func bins(_ sorted: [Int32]) -> [(range: ClosedRange<Int>, clients: Int)] {
    let (low, high) = (Int(sorted[0]), Int(sorted[sorted.count - 1]))
    guard high > low else { return [] }
    var edges: [Int] = []
    if high >= 32 * max(low, 1) {
      var exponent = 1
      while high.bitWidth - high.leadingZeroBitCount > 10 * exponent { exponent += 1 }
      edges = stride(from: 0, through: 62, by: exponent).map { 1 << $0 }.filter { $0 <= high }
      edges = (low == 0 ? [0] : []) + edges.filter { $0 << exponent > low }
    } else {
      let width = (high - low + 8) / 8
      edges = Array(stride(from: low, through: high, by: width))
    }
    edges.append(high + 1)
    var start = 0
    return zip(edges, edges.dropFirst()).map { first, next in
      let end = sorted[start...].firstIndex { Int($0) >= next } ?? sorted.count
      defer { start = end }
      return (first...(next - 1), end - start)
    }
  }

  var sizesInWords: String {
    sizes.min == sizes.max
      ? "\(Text.grouped(sizes.min)) each"
      : "\(Text.grouped(sizes.min)) to \(Text.grouped(sizes.max)), median \(Text.grouped(sizes.median))"
  }

  var skewInWords: String {
    let classes = classesPerClient
    let range =
      classes.min == classes.max ? "\(classes.min)" : "\(classes.min) to \(classes.max), median \(classes.median)"
    return
      "\(range) \(classes.max == 1 ? "class" : "classes") a client; a client's labels are \(Text.short(labelSkew)) from all (total variation, mean)"
  }

  /// Lines of at most 80 columns: clients by label, and a histogram of sizes. Nil where every client has one example.
  var picture: String? {
    guard sizes.max > 1 else { return nil }
    // Quantities have no classes to show.
    let parts = ((sample.first?.counts.count ?? 0) > 1 ? [labels] : []) + (bins.isEmpty ? [] : [histogram])
    return parts.isEmpty ? nil : parts.joined(separator: "\n\n")
  }

  private var labels: String {
    let classes = sample[0].counts.count
    // Neighboring classes share a column where there are too many.
    let perColumn = (classes + Self.widestRow - 1) / Self.widestRow
    let columns = (classes + perColumn - 1) / perColumn
    let barWidth = columns <= Self.widestRow / 2 ? 2 : 1
    let named = columnNames(barWidth)
    let width = named.map { $0.width } ?? barWidth
    var lines = [
      "Labels of \(sample.count == clientCount ? "all" : "\(sample.count) of \(Text.grouped(clientCount))") clients by "
        + "size, \(perColumn == 1 ? "a class" : "\(perColumn) classes") a column",
      Self.padded("client", 12) + Self.padded("size", 12) + "  "
        + (named?.heading ?? heading(columns, perColumn, width)),
    ]
    for row in sample {
      let size = row.counts.reduce(0, +)
      var bars = ""
      for column in 0..<columns {
        let part = row.counts[(column * perColumn)..<min((column + 1) * perColumn, classes)].reduce(0, +)
        bars += String(repeating: Self.bar(Double(part) / Double(max(size, 1))), count: barWidth)
        // Behind the last column there is nothing to keep apart.
        if column + 1 < columns { bars += String(repeating: " ", count: width - barWidth) }
      }
      lines.append(Self.padded("\(row.client)", 12) + Self.padded(Text.grouped(size), 12) + "  " + bars)
    }
    lines.append(String(repeating: " ", count: 26) + "height: square root of a class's share")
    return lines.joined(separator: "\n")
  }

  /// A column for each class under its name; nil where classes have no names, or no room for all of them.
  private func columnNames(_ barWidth: Int) -> (heading: String, width: Int)? {
    guard let names = shownNames else { return nil }
    let width = max(names.map(\.count).max() ?? 0, barWidth) + 1
    guard width * names.count <= Self.widestRow else { return nil }
    let cells = names.dropLast().map { $0 + String(repeating: " ", count: width - $0.count) }
    return (cells.joined() + (names.last ?? ""), width)
  }

  private var shownNames: [String]? { classNames?.map { ShownText.printable($0, keepsLines: false) } }

  /// The first and the last column: by the names of their classes where these have some and there is room for both, else by number.
  private func heading(_ columns: Int, _ perColumn: Int, _ width: Int) -> String {
    let ends = [0, (columns - 1) * perColumn]
    let room = { (words: [String]) in columns * width - words[0].count - words[1].count }
    let numbers = ends.map { "\($0)" }
    let names = shownNames.map { names in ends.map { names[$0] } } ?? numbers
    let words = room(names) < 1 ? numbers : names
    return room(words) < 1 ? words[0] : words[0] + String(repeating: " ", count: room(words)) + words[1]
  }

  /// The square root lets a tenth be seen.
  private static func bar(_ share: Double) -> Character {
    guard share > 0 else { return "\u{B7}" }
    let heights = Array("\u{2581}\u{2582}\u{2583}\u{2584}\u{2585}\u{2586}\u{2587}\u{2588}")
    return heights[min(max(Int((8 * share.squareRoot()).rounded(.up)) - 1, 0), 7)]
  }

  private var histogram: String {
    let most = max(bins.map(\.clients).max() ?? 1, 1)
    let longest = 40
    let names = bins.map {
      $0.range.count == 1
        ? Text.grouped($0.range.lowerBound)
        : "\(Text.grouped($0.range.lowerBound)) - \(Text.grouped($0.range.upperBound))"
    }
    let width = max(names.map(\.count).max() ?? 0, 8)
    var lines = ["Clients by number of examples"]
    for (name, bin) in zip(names, bins) {
      let eighths = bin.clients == 0 ? 0 : max(bin.clients * longest * 8 / most, 1)
      let rest = ["", "\u{258F}", "\u{258E}", "\u{258D}", "\u{258C}", "\u{258B}", "\u{258A}", "\u{2589}"][eighths % 8]
      let bar = String(repeating: "\u{2588}", count: eighths / 8) + rest
      lines.append(Self.padded(name, width) + "  " + bar + (bar.isEmpty ? "" : " ") + Text.grouped(bin.clients))
    }
    return lines.joined(separator: "\n")
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(width - text.count, 0)) + text
  }
}
