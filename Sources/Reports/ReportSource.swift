import Files
import JSONText

extension Report {
  /// The folder of a run or of a sweep, as read.
  public struct Source: Sendable {
    public enum Content: Sendable {
      case run(RunFiles)
      case sweep(SweepFiles)
    }

    public struct RunFiles: Sendable {
      let summary: JSONObject
      let scenario: JSON
      let rounds: RoundTable
    }

    public struct SweepFiles: Sendable {
      /// Of runs.jsonl.
      let rows: [JSONObject]
      /// Keys that vary, in the order of the sweep; none where sweep.json is not there.
      let axes: [String]
      /// The scenario with its sweep, as it was written.
      let scenario: String?
      /// Of each row; nil where it could not be read.
      let rounds: [RoundTable?]
      /// Of the first run of each point.
      let summaries: [Int: JSONObject]
    }

    public let path: String
    public let content: Content
    /// What is damaged or missing in a folder that can be shown without it.
    public let problems: [String]

    /// Of the scenario; the path where it has none.
    var name: String {
      var name: JSON?
      switch content {
      case .run(let files): name = files.summary["name"]
      case .sweep(let files): if case .object(let setting)? = files.rows.first?["setting"] { name = setting["name"] }
      }
      if case .string(let name)? = name { return name }
      return path
    }

    /// - Parameters:
    ///   - readsRuns: whether the folders of a sweep's runs are looked into: rounds and views.
    ///   - read: the bytes of a file of the folder; nil where there is none.
    /// - Throws: `ToolError.input` that names the file and the line that is damaged, where nothing can be shown.
    public init(path: String, readsRuns: Bool = true, read: (String) throws(ToolError) -> [UInt8]?) throws(ToolError) {
      self.path = path
      if let bytes = try read("runs.jsonl") {
        let (files, problems) = try Self.sweep(bytes, path, readsRuns, read)
        (content, self.problems) = (.sweep(files), problems)
        return
      }
      guard let bytes = try read("summary.json") else {
        throw .input(
          place: path,
          problem: try read("sweep.json") != nil
            ? "found a sweep that has not ended; fedsim sweep --resume goes on with it"
            : "found neither summary.json nor runs.jsonl; allowed: the folder of a run or of a sweep that ended")
      }
      let summary = try Self.object(bytes, "\(path)/summary.json")
      guard let text = try read("scenario.json") else {
        throw .input(place: "\(path)/scenario.json", problem: "the file is missing")
      }
      let scenario = JSON.object(try Self.object(text, "\(path)/scenario.json"))
      guard let rows = try read("rounds.jsonl") else {
        throw .input(place: "\(path)/rounds.jsonl", problem: "the file is missing")
      }
      let rounds = RoundTable(try Self.lines(rows, "\(path)/rounds.jsonl"))
      content = .run(RunFiles(summary: summary, scenario: scenario, rounds: rounds))
      problems = Self.problems(of: summary, "\(path)/summary.json") + rounds.problems("\(path)/rounds.jsonl")
    }

    private static func sweep(
      _ bytes: [UInt8], _ path: String, _ readsRuns: Bool, _ read: (String) throws(ToolError) -> [UInt8]?
    ) throws(ToolError) -> (SweepFiles, [String]) {
      let rows = try lines(bytes, "\(path)/runs.jsonl")
      for (i, row) in rows.enumerated() {
        guard case .integer? = row["point"], case .object? = row["result"], case .object? = row["setting"] else {
          throw .input(
            place: "\(path)/runs.jsonl:\(i + 1)",
            problem: "found no row of a sweep; allowed: point, setting and result")
        }
      }
      var problems: [String] = []
      var axes: [String] = []
      var scenario: String?
      do throws(ToolError) {
        if let text = try read("sweep.json"), case .object(let found)? = try object(text, "\(path)/sweep.json")["axes"]
        {
          axes = found.keys
        }
        scenario = try read("scenario.json").map { String(decoding: $0, as: UTF8.self) }
      } catch {
        problems.append("\(error)")
      }
      var rounds = [RoundTable?](repeating: nil, count: rows.count)
      var summaries: [Int: JSONObject] = [:]
      for (i, row) in rows.enumerated() where readsRuns {
        // No other folder than one of the sweep's own is looked into.
        guard case .string(let folder)? = row["folder"], folder.hasPrefix("runs/"), !folder.contains("..") else {
          continue
        }
        do throws(ToolError) {
          guard let text = try read("\(folder)/rounds.csv") else {
            throw ToolError.input(place: "\(path)/\(folder)/rounds.csv", problem: "the file is missing")
          }
          let table = try RoundTable(csv: text, "\(path)/\(folder)/rounds.csv")
          problems += table.problems("\(path)/\(folder)/rounds.csv")
          rounds[i] = table
          guard case .integer(let point)? = row["point"], summaries[point] == nil else { continue }
          guard let text = try read("\(folder)/summary.json") else {
            throw ToolError.input(place: "\(path)/\(folder)/summary.json", problem: "the file is missing")
          }
          let summary = try object(text, "\(path)/\(folder)/summary.json")
          summaries[point] = summary
          problems += Self.problems(of: summary, "\(path)/\(folder)/summary.json")
        } catch {
          problems.append("\(error)")
        }
      }
      if problems.count > 20 {
        problems = problems.prefix(20) + ["\(path): and \(problems.count - 20) more such files"]
      }
      return (
        SweepFiles(rows: rows, axes: axes, scenario: scenario, rounds: rounds, summaries: summaries), problems
      )
    }

    /// Keys of a summary that the page needs, and what they may be.
    private static func problems(of summary: JSONObject, _ place: String) -> [String] {
      let isNumber = { (value: JSON) in value.double != nil }
      let isString = { (value: JSON) in if case .string = value { true } else { false } }
      let needed: [(key: String, allowed: String, isRight: (JSON) -> Bool)] = [
        ("rounds", "an integer", { if case .integer = $0 { true } else { false } }),
        ("finalAccuracy", "a number or null", { isNumber($0) || $0 == .null }),
        ("epsilon", "a number or null", { isNumber($0) || $0 == .null }),
        ("codec", "a string", isString),
        ("payloadBitsPerClientRound", "a number or null", { isNumber($0) || $0 == .null }),
        ("float32BitsPerClientRound", "a number", isNumber),
        ("views", "an array", { if case .array = $0 { true } else { false } }),
        ("guaranteeStatement", "a string", isString),
      ]
      return needed.compactMap { key, allowed, isRight in
        if let value = summary[key], isRight(value) { return nil }
        return
          "\(ToolError.input(place: place, problem: "\(key): found \(summary[key]?.summary ?? "nothing"); allowed: \(allowed)"))"
      }
    }

    private static func object(_ bytes: [UInt8], _ place: String, line: Int = 0) throws(ToolError) -> JSONObject {
      do throws(JSONSyntaxError) {
        if case .object(let object) = try JSONParser.parse(bytes).value { return object }
      } catch {
        throw .input(
          place: "\(place):\(max(line, error.position.line)):\(error.position.column)",
          problem: "not valid JSON: \(error.message)")
      }
      throw .input(place: place + (line > 0 ? ":\(line)" : ""), problem: "found no object")
    }

    private static func lines(_ bytes: [UInt8], _ place: String) throws(ToolError) -> [JSONObject] {
      var rows: [JSONObject] = []
      for (i, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
        rows.append(try object(Array(line), place, line: i + 1))
      }
      guard !rows.isEmpty else { throw .input(place: place, problem: "the file is empty") }
      return rows
    }
  }
}

/// What charts need of the rounds of a run: columns of numbers.
public struct RoundTable: Sendable {
  /// The columns that there are to ask for: a chart cannot name another.
  enum Column: String, CaseIterable, Sendable {
    case round, accuracy, epsilon, epsilonLowerBound, clippingNorm
    case clientAccuracyMean = "clientAccuracy.mean"
    case clientAccuracyP10 = "clientAccuracy.p10"
    case clientAccuracyP50 = "clientAccuracy.p50"
    case clientAccuracyP90 = "clientAccuracy.p90"
    case bitsMean = "uplink.payloadBits.mean"
    case bitsMin = "uplink.payloadBits.min"
    case bitsP50 = "uplink.payloadBits.p50"
    case bitsMax = "uplink.payloadBits.max"
    case idealBitsMean = "idealBits.mean"
  }

  /// Nil where a round has none.
  private var columns: [Column: [Double?]] = [:]
  /// Columns that the file does not have at all: as a rule it is damaged, or of another version.
  let missing: [Column]

  /// Reads rounds.jsonl.
  init(_ rows: [JSONObject]) {
    for column in Column.allCases { columns[column] = rows.map { $0.number(column.rawValue) } }
    // A key is missing where no row has it; null is a value.
    missing = Column.allCases.filter { column in !rows.contains { $0.has(column.rawValue) } }
  }

  /// Reads rounds.csv: for sweeps of many long runs, where it is several times as fast as rounds.jsonl.
  init(csv bytes: [UInt8], _ place: String) throws(ToolError) {
    var lines = bytes.split(separator: UInt8(ascii: "\n")).makeIterator()
    guard let head = lines.next() else { throw .input(place: place, problem: "the file is empty") }
    let comma = UInt8(ascii: ",")
    let header = head.split(separator: comma, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard header.contains(Column.round.rawValue) else {
      throw .input(place: "\(place):1", problem: "found no column \"round\"; allowed: the header of rounds.csv")
    }
    missing = Column.allCases.filter { !header.contains($0.rawValue) }
    let wanted = header.map(Column.init)
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
            problem: "\(column.rawValue): found \(JSON.string(text).summary); allowed: a number, or nothing")
        }
        found[i].append(value)
      }
    }
    for case (let column?, let values) in zip(wanted, found) { columns[column] = values }
  }

  /// What a page says of columns that are missing.
  func problems(_ place: String) -> [String] {
    missing.isEmpty
      ? [] : ["\(place): found no \(missing.map(\.rawValue).joined(separator: ", ")); charts of them are left out"]
  }

  func values(_ column: Column) -> [Double] { (columns[column] ?? []).compactMap { $0 } }

  /// Points of the rounds that have both.
  func points(
    _ column: Column, scale: Double = 1, over x: Column = .round, range: (low: Column, high: Column)? = nil
  ) -> [Chart.Point] {
    guard let xs = columns[x], let ys = columns[column] else { return [] }
    let low = range.flatMap { columns[$0.low] }
    let high = range.flatMap { columns[$0.high] }
    return xs.indices.compactMap { i in
      guard let x = xs[i], let y = ys[i] else { return nil }
      var span: ClosedRange<Double>?
      if let a = low?[i], let b = high?[i], a <= b { span = (scale * a)...(scale * b) }
      return Chart.Point(x: x, y: scale * y, range: span)
    }
  }
}

extension JSONObject {
  /// The number at a dotted path.
  func number(_ path: String) -> Double? {
    var value = JSON.object(self)
    for part in path.split(separator: ".") {
      guard case .object(let inner) = value, let next = inner[String(part)] else { return nil }
      value = next
    }
    return value.double
  }

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
