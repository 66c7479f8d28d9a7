import Files
import JSONText
import Numerics

extension Report {
  /// A table of a page: people read its texts, and its file of CSV has the numbers behind them.
  public struct Table: Sendable {
    /// A cell as it is shown, with the number that it shows.
    public struct Cell: Sendable, Equatable {
      /// What is shown.
      public let text: String
      /// With every digit; nil where the cell is no number.
      public let value: Double?
      /// The standard error of the value, where it is an estimate.
      public let error: Double?

      public init(_ text: String, value: Double? = nil, error: Double? = nil) {
        (self.text, self.value, self.error) = (
          text, value.flatMap { $0.isFinite ? $0 : nil }, error.flatMap { $0.isFinite ? $0 : nil }
        )
      }

      /// A mean with its standard error: "90.1 +- 0.4"; "-" for nil.
      public init(_ estimate: Estimate?, digits: Int) {
        guard let estimate else {
          self.init("-")
          return
        }
        self.init(
          Text.fixed(estimate.mean, digits) + (estimate.error.map { " +- " + Text.fixed($0, digits) } ?? ""),
          value: estimate.mean, error: estimate.error)
      }

      /// A cell that is known by its text alone: "1,234", "90.1 +- 0.4" and "1e-05" are numbers, with the digits that are shown.
      public init(reading text: String) {
        let parts = text.components(" +- ")
        let value = Self.number(parts[0])
        let error = parts.count == 2 ? Self.number(parts[1]) : nil
        let isNumber = value != nil && (parts.count == 1 || (parts.count == 2 && error != nil))
        self.init(text, value: isNumber ? value : nil, error: isNumber ? error : nil)
      }

      /// Says that there is no number, in a column of numbers.
      var isBlank: Bool { value == nil && ["", "-", "none"].contains(text) }

      /// Nil for anything but a number as tables show it: "1,2" is a list.
      private static func number(_ text: String) -> Double? {
        guard let first = text.first(where: { $0 != "-" }), first.isASCII, first.isNumber else { return nil }
        let groups = text.split(separator: ",", omittingEmptySubsequences: false)
        let isGrouped = groups.dropFirst().allSatisfy { $0.prefix { $0.isNumber }.count == 3 }
        guard isGrouped, groups[0].count <= 4 || groups.count == 1,
          text.allSatisfy({ $0.isNumber || "+-.,e".contains($0) })
        else { return nil }
        return Double(groups.joined()).flatMap { $0.isFinite ? $0 : nil }
      }
    }

    public let name: String
    public let title: String
    public let header: [String]
    public let cells: [[Cell]]

    /// What is shown.
    public var rows: [[String]] { cells.map { $0.map(\.text) } }

    public init(name: String, title: String, header: [String], cells: [[Cell]]) {
      (self.name, self.title, self.header, self.cells) = (name, title, header, cells)
    }

    /// A table of texts; those that are numbers are read.
    public init(name: String, title: String, header: [String], rows: [[String]]) {
      self.init(name: name, title: title, header: header, cells: rows.map { $0.map { Cell(reading: $0) } })
    }

    func named(_ name: String) -> Table { Table(name: name, title: title, header: header, cells: cells) }

    /// Whether a column has numbers, and nothing else but cells that say that there is none.
    func isNumeric(_ column: Int) -> Bool {
      cells.contains { $0[column].value != nil } && cells.allSatisfy { $0[column].value != nil || $0[column].isBlank }
    }

    /// Numbers as numbers: a column of estimates has one with its standard errors beside it, and what is not known is empty.
    public var csv: String {
      var columns: [[JSON]] = []
      for (i, name) in header.enumerated() {
        let column = cells.map { $0[i] }
        guard isNumeric(i) else {
          columns.append([.string(name)] + column.map { .string($0.text) })
          continue
        }
        columns.append([.string(name)] + column.map { .optional($0.value) })
        if column.contains(where: { $0.error != nil }) {
          columns.append([.string(name + ": standard error")] + column.map { .optional($0.error) })
        }
      }
      let lines = (0...cells.count).map { row in columns.map { CSV.cell($0[row]) }.joined(separator: ",") }
      return lines.joined(separator: "\n") + "\n"
    }

    public var markdown: String {
      let cell = { (text: String) in
        Text.replacing(in: text) { $0 == "|" ? "\\|" : $0 == "\n" || $0 == "\r" ? " " : nil }
      }
      let line = { (cells: [String]) in "| " + cells.map(cell).joined(separator: " | ") + " |\n" }
      return line(header) + line(header.indices.map { isNumeric($0) ? "---:" : "---" }) + rows.map(line).joined()
    }

    /// As `html`, with each number's cell as dark as its share of its row's sum.
    var shadedHTML: String {
      let title = Chart.escaped(title)
      var html =
        "<h3>\(title)</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"\(title)\"><table>\n<tr>"
      html += header.map { "<th>\(Chart.escaped($0))</th>" }.joined() + "</tr>\n"
      for row in cells {
        let sum = row.reduce(0) { $0 + ($1.value ?? 0) }
        html += "<tr>"
        for cell in row {
          let share = sum > 0 ? (cell.value ?? 0) / sum : 0
          let shade = share > 0 ? " style=\"background:rgba(76,120,168,\(Text.fixed(0.05 + 0.6 * share, 2)))\"" : ""
          html += "<td\(cell.value == nil ? "" : " class=\"number\"")\(shade)>\(Chart.escaped(cell.text))</td>"
        }
        html += "</tr>\n"
      }
      return html + "</table></div>\n"
    }

    var html: String {
      // Sentences need room, phrases some; the others do not wrap. Numbers end below one another.
      let kinds = header.indices.map { i -> String in
        let longest = cells.map { $0[i].text.count }.max() ?? 0
        return isNumeric(i)
          ? " class=\"number\"" : longest > 70 ? " class=\"long\"" : longest > 24 ? " class=\"phrase\"" : ""
      }
      let title = Chart.escaped(title)
      // In reach of a keyboard, as it scrolls where the page is narrower.
      var html =
        "<h3>\(title)</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"\(title)\"><table>\n<tr>"
      html += zip(header, kinds).map { "<th\($1)>\(Chart.escaped($0))</th>" }.joined() + "</tr>\n"
      for row in cells {
        html += "<tr>" + zip(row, kinds).map { "<td\($1)>\(Chart.escaped($0.text))</td>" }.joined() + "</tr>\n"
      }
      return html + "</table></div>\n"
    }
  }
}

extension String {
  /// The parts between occurrences of a separator.
  fileprivate func components(_ separator: String) -> [String] {
    guard let range = self.firstRange(of: separator) else { return [self] }
    return [String(self[..<range.lowerBound])] + String(self[range.upperBound...]).components(separator)
  }
}
