import Files
import JSONText

/// What a chart is written as.
extension Chart {
  /// A file of its own: dark on white, with all panels.
  public var svg: String { picture.svg(.paper) }

  /// The same picture as one page of vectors, of its own size.
  public var pdf: String { picture.pdf }

  /// The numbers behind the picture: a line for each point, with every digit.
  ///
  /// The header has the axes' names, with their units; low and high are the ends of what lies about y, quantiles or the least and the most.
  public var csv: String {
    let hasPanels = panels.contains { !$0.title.isEmpty }
    let header: [JSON] =
      (hasPanels ? ["panel"] : []) + [
        "line", .string(x.label), .string(y.label), .string("standardError"), .string("low"), .string("high"),
      ]
    var rows = [header]
    for panel in panels {
      for line in panel.series {
        for point in line.points {
          let place: JSON = point.slot.map { .string(x.slots[$0]) } ?? .number(point.x)
          rows.append(
            (hasPanels ? [.string(panel.title)] : []) + [
              .string(line.name), place, .number(point.y), .optional(point.error), .optional(point.range?.lowerBound),
              .optional(point.range?.upperBound),
            ])
        }
      }
    }
    return rows.map { $0.map(CSV.cell).joined(separator: ",") }.joined(separator: "\n") + "\n"
  }

  /// Charts one above the other, as a file of its own: as wide as one of them, so that a phone shows them too.
  static func stacked(_ charts: [Chart]) -> Picture { Picture.stacked(charts.map(\.picture)) }

  /// The size of a chart of one panel, and of a panel on a page, which shows one in a column.
  private var single: Layout { Layout(self, width: 480, plotHeight: 262) }

  /// The whole chart: panels in two columns, and names of axes only at the left and at the bottom.
  var picture: Picture {
    var picture = panels.count > 1 ? columns : pagePictures[0]
    (picture.summary, picture.title, picture.note) = (summary, title, note)
    return picture
  }

  /// What a page shows: one picture, or title and legend and then each panel.
  var pagePictures: [Picture] {
    let layout = single
    var head = layout.head(layout.width)
    guard panels.count > 1 else {
      head.summary = ""
      var whole = Picture.stacked([head, layout.panel(0)])
      whole.summary = summary
      return [whole]
    }
    head.summary = "\(title). Lines: \(layout.names.joined(separator: ", "))"
    return [head] + panels.indices.map { layout.panel($0) }
  }

  private var columns: Picture {
    let layout = Layout(self, width: 372, plotHeight: 196)
    let count = 2
    let head = layout.head(layout.width * Double(count))
    let rows = (panels.count + count - 1) / count
    // The last panel of a column has the name of x, and its row the room for it.
    let hasName = { (i: Int) in i + count >= panels.count }
    let heights = (0..<rows).map { row in layout.height(hasNameOfX: (0..<count).contains { hasName(row * count + $0) })
    }
    var whole = Picture(width: head.width, height: head.height + heights.reduce(0, +) + 8 * Double(rows - 1))
    whole.add(head)
    var top = head.height
    for row in 0..<rows {
      for column in 0..<count where row * count + column < panels.count {
        let i = row * count + column
        whole.add(
          layout.panel(i, hasNameOfX: hasName(i), hasNameOfY: column == 0), x: Double(column) * layout.width, y: top)
      }
      top += heights[row] + 8
    }
    return whole
  }

  static func escaped(_ text: String) -> String { Picture.escaped(text) }

  // MARK: In words

  /// A point's x, as a person would write it.
  func name(ofX point: Point) -> String { point.slot.map { x.slots[$0] } ?? Self.label(point.x) }

  /// For whoever does not see the chart.
  var summary: String {
    "\(title): \(y.label) over \(x.label). "
      + panels.map { ($0.title.isEmpty ? "" : $0.title + ": ") + words($0) }.joined(separator: ". ")
  }

  func summary(of panel: Panel) -> String { "\(title), \(panel.title): \(y.label) over \(x.label). \(words(panel))" }

  private func words(_ panel: Panel) -> String {
    panel.series.map { line in
      guard let first = line.points.first, let last = line.points.last else { return line.name }
      let show = { (p: Point) in "\(Self.label(p.y)) at \(name(ofX: p))" }
      // Categories have no order to go along: each is said.
      if line.points.contains(where: { $0.slot != nil }), line.points.count <= 8 {
        return "\(line.name): \(line.points.map(show).joined(separator: ", "))"
      }
      let ends = line.points.count == 1 ? show(first) : "\(show(first)) to \(show(last)), \(line.points.count) points"
      return "\(line.name): \(ends)"
    }.joined(separator: "; ")
  }
}
