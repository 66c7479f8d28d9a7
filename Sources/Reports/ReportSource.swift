import FedSim
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
      /// summary.json.
      public let summary: JSONObject
      /// scenario.json: with every default.
      public let scenario: JSON
      public let rounds: RoundTable
      /// posterior.json; nil for a task without posteriors.
      public var posterior: JSONObject?
      /// pictures.png; nil where there is none.
      public var pictures: [UInt8]?
      /// evaluation.json; nil for a run that does not ask for it.
      public var evaluation: JSONObject?
      /// Columns of clients.csv by their names; nil for a run that does not measure its clients.
      public var clients: [String: [Double]]?
    }

    public struct SweepFiles: Sendable {
      /// Of runs.jsonl.
      let rows: [JSONObject]
      /// Keys that vary, in the order of the sweep; none where sweep.json is not there.
      let axes: [String]
      /// Of each row the scenario as it was understood, before what it leaves open was decided (`auto`); nil where sweep.json has none.
      let asked: [JSON?]
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
      case .run(let files): name = files.summary[\.name]
      case .sweep(let files): if case .object(let setting)? = files.rows.first?["setting"] { name = setting["name"] }
      }
      if case .string(let name)? = name { return name }
      return path
    }

    /// - Parameters:
    ///   - charts: those that the page will have: a figure of theirs that the files lack is a problem.
    ///   - readsRuns: whether the folders of a sweep's runs are looked into: rounds and views.
    ///   - read: the bytes of a file of the folder; nil where there is none.
    /// - Throws: `ToolError.input` that names the file and the line that is damaged, where nothing can be shown.
    public init(
      path: String, charts: ReportCharts = .standard, readsRuns: Bool = true,
      read: (String) throws(ToolError) -> [UInt8]?
    ) throws(ToolError) {
      self.path = path
      if let bytes = try read("runs.jsonl") {
        let (files, problems) = try Self.sweep(bytes, path, charts, readsRuns, read)
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
        if summary["rounds"] == 0 {
          throw .input(
            place: path,
            problem: "the run was stopped before its first round was made; fedsim run --resume goes on with it")
        }
        throw .input(place: "\(path)/rounds.jsonl", problem: "the file is missing")
      }
      let rounds = RoundTable(try Self.lines(rows, "\(path)/rounds.jsonl"))
      let posterior: JSONObject? =
        if let bytes = try read("posterior.json") { try Self.object(bytes, "\(path)/posterior.json") } else { nil }
      let evaluation: JSONObject? =
        if let bytes = try read("evaluation.json") { try Self.object(bytes, "\(path)/evaluation.json") } else { nil }
      let clients: [String: [Double]]? =
        if let bytes = try read("clients.csv") { try Self.columns(bytes, "\(path)/clients.csv") } else { nil }
      content = .run(
        RunFiles(
          summary: summary, scenario: scenario, rounds: rounds, posterior: posterior,
          pictures: try read("pictures.png"),
          evaluation: evaluation, clients: clients))
      problems = Self.problems(of: summary, "\(path)/summary.json") + rounds.problems(charts, "\(path)/rounds.jsonl")
    }

    private static func sweep(
      _ bytes: [UInt8], _ path: String, _ charts: ReportCharts, _ readsRuns: Bool,
      _ read: (String) throws(ToolError) -> [UInt8]?
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
      var asked = [JSON?](repeating: nil, count: rows.count)
      var scenario: String?
      do throws(ToolError) {
        if let text = try read("sweep.json") {
          let sweep = try object(text, "\(path)/sweep.json")
          if case .object(let found)? = sweep["axes"] { axes = found.keys }
          asked = Self.asked(rows, sweep)
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
          problems += table.problems(charts, "\(path)/\(folder)/rounds.csv")
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
        SweepFiles(
          rows: rows, axes: axes, asked: asked, scenario: scenario, rounds: rounds, summaries: summaries), problems
      )
    }

    /// The scenarios of the rows in sweep.json.
    private static func asked(_ rows: [JSONObject], _ sweep: JSONObject) -> [JSON?] {
      guard case .array(let runs)? = sweep["runs"] else { return rows.map { _ in nil } }
      return rows.map { row in
        guard case .integer(let run)? = row["run"], runs.indices.contains(run), case .object = runs[run] else {
          return nil
        }
        return runs[run]
      }
    }

    /// Keys of a summary that the page needs, and what they may be.
    private static func problems(of summary: JSONObject, _ place: String) -> [String] {
      let isNumber = { (value: JSON) in value.double != nil }
      let isString = { (value: JSON) in if case .string = value { true } else { false } }
      let needed: [(key: KeyPath<SummaryFields, SummaryField>, allowed: String, isRight: (JSON) -> Bool)] = [
        (\.rounds, "an integer", { if case .integer = $0 { true } else { false } }),
        (\.finalAccuracy, "a number or null", { isNumber($0) || $0 == .null }),
        (\.epsilon, "a number or null", { isNumber($0) || $0 == .null }),
        (\.codec, "a string", isString),
        (\.payloadBitsPerClientRound, "a number or null", { isNumber($0) || $0 == .null }),
        (\.float32BitsPerClientRound, "a number", isNumber),
        (\.views, "an array", { if case .array = $0 { true } else { false } }),
        (\.guaranteeStatement, "a string", isString),
      ]
      return needed.compactMap { key, allowed, isRight in
        if let value = summary[key], isRight(value) { return nil }
        return
          "\(ToolError.input(place: place, problem: "\(SummaryFields.table[keyPath: key].name): found \(summary[key]?.summary ?? "nothing"); allowed: \(allowed)"))"
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

    /// The numbers of a table of numbers by column; empty cells are left out.
    private static func columns(_ bytes: [UInt8], _ place: String) throws(ToolError) -> [String: [Double]] {
      let lines = bytes.split(separator: UInt8(ascii: "\n")).map { line in
        line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
          String(decoding: $0, as: UTF8.self)
        }
      }
      guard let header = lines.first else { throw .input(place: place, problem: "the file is empty") }
      var columns: [String: [Double]] = [:]
      for (i, cells) in lines.enumerated().dropFirst() {
        guard cells.count == header.count else {
          throw .input(
            place: "\(place):\(i + 1)",
            problem: "found \(cells.count) cells; allowed: \(header.count), as in the header")
        }
        for (name, cell) in zip(header, cells) where !cell.isEmpty {
          guard let value = Double(cell), value.isFinite else {
            throw .input(
              place: "\(place):\(i + 1)",
              problem: "\(name): found \(JSON.string(cell).summary); allowed: a number, or nothing")
          }
          columns[name, default: []].append(value)
        }
      }
      return columns
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
