import FedSim
import Files
import JSONText

/// The figures of the rounds of a run, as columns of numbers that charts ask for.
public struct RoundTable: Sendable {
  /// By the name of the figure; nil where a round has none.
  private var columns: [String: [Double?]] = [:]
  /// Names of figures that the file does not have at all: as a rule it is damaged, or of another version.
  let missing: Set<String>

  /// Reads rounds.jsonl.
  init(_ rows: [JSONObject]) {
    for field in RoundField.all { columns[field.name] = rows.map { $0.number(field.name) } }
    // A key is missing where no row has it; null is a value.
    missing = Set(RoundField.ofAllRuns.map(\.name).filter { name in !rows.contains { $0.has(name) } })
  }

  /// Reads rounds.csv: for sweeps of many long runs, where it is several times as fast as rounds.jsonl.
  init(csv bytes: [UInt8], _ place: String) throws(ToolError) {
    var lines = bytes.split(separator: UInt8(ascii: "\n")).makeIterator()
    guard let head = lines.next() else { throw .input(place: place, problem: "the file is empty") }
    let comma = UInt8(ascii: ",")
    let header = head.split(separator: comma, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard header.contains(RoundFields.table.round.name) else {
      throw .input(place: "\(place):1", problem: "found no column \"round\"; allowed: the header of rounds.csv")
    }
    missing = Set(RoundField.ofAllRuns.map(\.name)).subtracting(header)
    let known = Set(RoundField.all.map(\.name))
    let wanted = header.map { known.contains($0) ? $0 : nil }
    var found = [[Double?]](repeating: [], count: header.count)
    var number = 1
    while let line = lines.next() {
      number += 1
      let cells = line.split(separator: comma, omittingEmptySubsequences: false)
      guard cells.count == header.count else {
        throw .input(
          place: "\(place):\(number)", problem: "found \(cells.count) cells; allowed: \(header.count), as in the header"
        )
      }
      for (i, cell) in cells.enumerated() {
        guard let column = wanted[i] else { continue }
        let text = String(decoding: cell, as: UTF8.self)
        let value = Double(text)
        guard cell.isEmpty || value?.isFinite == true else {
          throw .input(
            place: "\(place):\(number)",
            problem: "\(column): found \(JSON.string(text).summary); allowed: a number, or nothing")
        }
        found[i].append(value)
      }
    }
    for case (let column?, let values) in zip(wanted, found) { columns[column] = values }
  }

  /// What a page says of figures that its charts want and the file does not have.
  func problems(_ charts: ReportCharts, _ place: String) -> [String] {
    let names = charts.figures.filter { missing.contains($0) }
    return names.isEmpty ? [] : ["\(place): found no \(names.joined(separator: ", ")); charts of them are left out"]
  }

  func values(named name: String) -> [Double] { (columns[name] ?? []).compactMap { $0 } }

  private func column(_ figure: KeyPath<RoundFields, RoundField>) -> [Double?] {
    columns[RoundFields.table[keyPath: figure].name] ?? []
  }

  /// The values of the rounds that have the figure.
  public func values(_ figure: KeyPath<RoundFields, RoundField>) -> [Double] { column(figure).compactMap { $0 } }

  /// Points of the rounds that have both figures.
  ///
  /// - Parameters:
  ///   - scale: what y is multiplied by.
  ///   - range: figures between which y lies.
  public func points(
    _ figure: KeyPath<RoundFields, RoundField>, scale: Double = 1, over x: KeyPath<RoundFields, RoundField> = \.round,
    range: (low: KeyPath<RoundFields, RoundField>, high: KeyPath<RoundFields, RoundField>)? = nil
  ) -> [Chart.Point] {
    let (xs, ys) = (column(x), column(figure))
    guard xs.count == ys.count else { return [] }
    let (low, high) = (range.map { column($0.low) } ?? [], range.map { column($0.high) } ?? [])
    return xs.indices.compactMap { i in
      guard let x = xs[i], let y = ys[i] else { return nil }
      var span: ClosedRange<Double>?
      if i < low.count, i < high.count, let a = low[i], let b = high[i], a <= b { span = (scale * a)...(scale * b) }
      return Chart.Point(x: x, y: scale * y, range: span)
    }
  }

  /// The same rounds with some figures alone: what a chart must get by with.
  func only(_ names: Set<String>) -> RoundTable {
    var table = self
    table.columns = columns.filter { names.contains($0.key) }
    return table
  }
}

/// Keys of summary.json by their value: one that summaries do not have does not compile.
extension JSONObject {
  public func number(_ key: KeyPath<SummaryFields, SummaryField>) -> Double? { self[key]?.double }

  /// A string, or another value as a person would write it.
  public func plain(_ key: KeyPath<SummaryFields, SummaryField>) -> String { self[key]?.plain ?? "-" }

  public subscript(key: KeyPath<SummaryFields, SummaryField>) -> JSON? { self[SummaryFields.table[keyPath: key].name] }
}

extension JSONObject {
  /// The number at a dotted path.
  func number(_ path: String) -> Double? { self[path: path]?.double }

  /// Whether there is a value at a dotted path, or null at it or above.
  func has(_ path: String) -> Bool {
    var value = JSON.object(self)
    for part in path.split(separator: ".") {
      guard case .object(let inner) = value else { return value == .null }
      guard let next = inner[String(part)] else { return false }
      value = next
    }
    return true
  }

  /// A string, or another value as a person would write it.
  func plain(_ key: String) -> String { self[key]?.plain ?? "-" }
}
