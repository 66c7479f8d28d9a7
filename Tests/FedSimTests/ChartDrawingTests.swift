import Foundation
import Testing

@testable import Files
@testable import Numerics
@testable import Reports

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Charts as pictures: nothing overlaps, nothing is cut, nothing is left out, in SVG and PDF alike.
@Suite struct ChartDrawingTests {
  // MARK: Charts that are hard to draw

  private static let longName = "dirichlet-client with concentration 0.1"

  private static func line(
    _ name: String, _ count: Int, _ y: (Int) -> Double, x: (Int) -> Double = { Double($0 + 1) },
    error: Double? = nil
  ) -> Chart.Series {
    .init(name, (0..<count).map { Chart.Point(x: x($0), y: y($0), error: error) })
  }

  private static func chart(_ title: String, x: Chart.Axis, y: Chart.Axis, _ series: [Chart.Series]) -> Chart {
    Chart(name: "c", title: title, note: "a note", x: x, y: y, series: series)
  }

  static let slotted = Chart(
    name: "c", title: "Accuracy over partitions", x: .init("partition", slots: ["iid", "shards 2", longName]),
    y: .init("accuracy, %"),
    series: ["layered", "polar", "float32"].enumerated().map { i, name in
      .init(name, (0..<3).map { Chart.Point(slot: $0, y: 80 + Double(i), error: 0.5) })
    })

  static let mixed = Chart(
    name: "c", title: "Accuracy over epsilon", x: .init("epsilon", isLog: true, slots: ["none", "unused"]),
    y: .init("accuracy, %"),
    series: ["layered", "polar"].enumerated().map { i, name in
      .init(
        name,
        [1, 4, 16].map { Chart.Point(x: $0 * 0.999, y: 70 + $0 + Double(i), error: 1) }
          + [Chart.Point(slot: 0, y: 91, error: 0.2)])
    } + [
      .init(
        "bound", [Chart.Point(x: 1, y: 95), Chart.Point(x: 16, y: 95), Chart.Point(slot: 0, y: 95)], isReference: true)
    ])

  static func panels(_ count: Int) -> Chart {
    Chart(
      name: "c", title: "Accuracy over the learning rate", note: "Bars: standard error.",
      x: .init("training.learningRate", isLog: true), y: .init("accuracy, %"),
      panels: (0..<count).map { panel in
        .init(
          "partition \(longName) \(panel)",
          ["layered", "polar"].dropFirst(panel == 1 ? 1 : 0).map { name in
            line(name, 4, { 80 + Double($0 * panel) }, x: { [0.01, 0.1, 0.3, 1][$0] }, error: 0.3)
          })
      })
  }

  static let adversarial: [Chart] = [
    chart("nothing", x: .init("x"), y: .init("y"), []),
    chart("nothing on logarithms", x: .init("x", isLog: true), y: .init("y", isLog: true), []),
    chart("one point", x: .init("round", isInteger: true), y: .init("accuracy, %"), [line("a", 1, { _ in 90 })]),
    chart("one reference", x: .init("x"), y: .init("y"), [.init("r", [.init(x: 1, y: 2)], isReference: true)]),
    chart(
      String(repeating: "eight lines with a long title ", count: 5), x: .init(longName + " " + longName),
      y: .init(longName + " " + longName),
      (0..<8).map { i in line("\(i) " + longName, 4, { Double($0 * i) }, error: 0.3 * Double(i)) }),
    chart(
      "linear extremes", x: .init("x"), y: .init("y"),
      [line("a", 5, { -1e9 + 5e8 * Double($0) }, x: { 1e12 * Double($0) })]),
    chart(
      "logarithmic extremes", x: .init("x", isLog: true), y: .init("y", isLog: true),
      [line("a", 5, { [1e-9, 1, 1e3, 1e12, 1e100][$0] }, x: { [1e-12, 1e-3, 1, 2, 1e30][$0] })]),
    chart(
      "small steps", x: .init("x"), y: .init("y"), [line("a", 5, { 1e9 + Double($0) }, x: { 1 + 1e-7 * Double($0) })]),
    chart("errors of nothing", x: .init("x"), y: .init("y"), [line("a", 3, { Double($0) }, error: 0)]),
    chart("huge errors", x: .init("x"), y: .init("y"), [line("a", 3, { Double($0) }, error: 1e300)]),
    chart("no errors", x: .init("x"), y: .init("y"), [line("a", 3, { Double($0) }, error: .nan)]),
    chart("negative", x: .init("x"), y: .init("loss"), [line("a", 3, { -Double($0) - 0.5 }, x: { -Double($0) })]),
    chart(
      "errors below a logarithm", x: .init("x", isLog: true), y: .init("bits", isLog: true),
      [line("a", 3, { 100 + Double($0) }, error: 500), line("b", 3, { 90 + Double($0) }, error: 20)]),
    chart(
      "a band", x: .init("round"), y: .init("y"),
      [line("a", 30, { Double($0) }, error: 2), line("b", 30, { -Double($0) }, error: 1e3)]),
    chart(
      "many categories", x: .init("names", slots: (0..<30).map { "\($0) " + longName }), y: .init("y"),
      (0..<8).map { i in .init("l\(i)", (0..<30).map { Chart.Point(slot: $0, y: Double(i), error: 1) }) }),
    chart(
      "nine categories", x: .init("names", slots: (0..<9).map { "\($0) " + longName }), y: .init("y"),
      [.init("l", (0..<9).map { Chart.Point(slot: $0, y: Double($0), range: -1...20) })]),
    chart(
      "numbers and names", x: .init("epsilon", slots: ["none", longName, "a b c"]), y: .init("y"),
      [.init("l", (0..<3).map { Chart.Point(slot: $0, y: 1) } + (0..<20).map { Chart.Point(x: Double($0), y: 1) })]),
    slotted, mixed, panels(2), panels(3), panels(12),
  ]

  // MARK: Geometry

  /// The four corners of a text's box.
  private func box(_ label: Picture.Label, shrunk: Double = 0) -> [Picture.Place] {
    let width = Helvetica.room(label.text, size: label.size, isBold: label.isBold)
    let share = label.anchor == .start ? 0 : label.anchor == .middle ? 0.5 : 1
    let (left, top, bottom) = (-share * width + shrunk, -0.75 * label.size + shrunk, 0.22 * label.size - shrunk)
    let (c, s) = (label.turn.cosine, label.turn.sine)
    let (right) = left + width - 2 * shrunk
    return [(left, top), (right, top), (right, bottom), (left, bottom)].map { x, y in
      .init(label.at.x + x * c - y * s, label.at.y + x * s + y * c)
    }
  }

  /// Whether a line separates two convex shapes.
  private func areApart(_ a: [Picture.Place], _ b: [Picture.Place]) -> Bool {
    [a, b].contains { shape in
      shape.indices.contains { i in
        let (p, q) = (shape[i], shape[(i + 1) % shape.count])
        let along = { (r: Picture.Place) in (r.x - p.x) * (q.y - p.y) - (r.y - p.y) * (q.x - p.x) }
        return (a.map(along).min() ?? 0) >= (b.map(along).max() ?? 0)
          || (b.map(along).min() ?? 0) >= (a.map(along).max() ?? 0)
      }
    }
  }

  private func labels(_ picture: Picture) -> [Picture.Label] {
    picture.marks.compactMap { if case .text(let label) = $0 { label } else { nil } }
  }

  private func problems(of picture: Picture) -> [String] {
    var problems: [String] = []
    let labels = labels(picture)
    for (i, label) in labels.enumerated() {
      let corners = box(label)
      if corners.contains(where: { $0.x < 0 || $0.y < 0 || $0.x > picture.width || $0.y > picture.height }) {
        problems.append("cut: \(label.text)")
      }
      for other in labels[..<i] where !areApart(box(label, shrunk: 0.5), box(other, shrunk: 0.5)) {
        problems.append("\(other.text) | \(label.text)")
      }
    }
    return problems
  }

  @Test func textIsWholeAndApart() {
    for chart in Self.adversarial {
      for picture in [chart.picture] + chart.pagePictures {
        #expect(problems(of: picture).isEmpty, "\(chart.title): \(problems(of: picture).prefix(5))")
      }
    }
  }

  @Test func whatIsDrawnIsXML() {
    for chart in Self.adversarial {
      for svg in [chart.svg] + chart.pagePictures.map({ $0.svg(.page) }) {
        #expect(XMLParser(data: Data(svg.utf8)).parse(), "\(chart.title)")
        #expect(!svg.contains("nan") && !svg.contains("inf"), "\(chart.title)")
      }
    }
  }

  /// A quote, a bracket or an ampersand with a combining mark behind it is one character, and none of the three.
  @Test func combiningMarksHideNothing() throws {
    let name = "\u{22}\u{301} onmouseover=alert(1) x=\u{3c}\u{301}\u{26}\u{301}|\r\n"
    let chart = Self.chart("t", x: .init("x"), y: .init("y"), [.init(name, [.init(x: 1, y: 2)])])
    #expect(chart.svg.contains("&quot;\u{301} onmouseover") && chart.svg.contains("&lt;\u{301}&amp;\u{301}"))
    #expect(!chart.svg.unicodeScalars.split(separator: "\u{22}").contains { String($0).hasPrefix("\u{301}") })
    #expect(chart.csv.contains("\u{22}\u{22}\u{22}\u{301} onmouseover"))
    let table = Report.Table(name: "t", title: "t", header: ["a"], rows: [[name]])
    #expect(table.markdown.hasSuffix("\\|   |\n") && table.markdown.split(separator: "\n").count == 3)
  }

  /// What has no place in a picture is said, and ends nothing.
  @Test func valuesWithoutAPlaceAreCounted() {
    let points = [Double.leastNonzeroMagnitude, 1, 1e200, .infinity, 0].enumerated().map {
      Chart.Point(x: Double($0.offset), y: $0.element)
    }
    for isLog in [false, true] {
      let chart = Self.chart("t", x: .init("x"), y: .init("y", isLog: isLog), [.init("a", points)])
      #expect(chart.note.contains(isLog ? "4 values have no place" : "3 values have no place"), "\(chart.note)")
      #expect(chart.svg.contains("<svg") && chart.pdf.contains("%PDF"))
    }
    #expect(Chart.label(.infinity) == "inf" && Report.Table.Cell("x", value: .infinity).value == nil)
  }

  @Test func everyPointHasADotWithinTheFrame() {
    for chart in Self.adversarial {
      let count = chart.series.filter { !$0.isReference }.reduce(0) { $0 + $1.points.count }
      let dots = { (svg: String) in svg.components(separatedBy: " class=\"dot\"").count - 1 }
      #expect(dots(chart.svg) == count, "\(chart.title)")
      #expect(chart.pagePictures.reduce(0) { $0 + dots($1.svg(.page)) } == count, "\(chart.title)")
      let layout = Chart.Layout(chart, width: 480, plotHeight: 262)
      for i in chart.panels.indices {
        for case .dot(let dot) in layout.panel(i).marks {
          #expect(
            dot.at.x - dot.radius > layout.left && dot.at.x + dot.radius < 480 - Chart.Layout.right
              && dot.at.y - dot.radius > layout.top && dot.at.y + dot.radius < layout.base, "\(chart.title): \(dot)")
        }
        for case .line(let places, _) in layout.panel(i).marks {
          #expect(
            places.allSatisfy {
              $0.x >= layout.left && $0.x <= 480 - Chart.Layout.right + 0.01 && $0.y >= layout.top
                && $0.y <= layout.base + 5.01
            }, "\(chart.title)")
        }
      }
    }
  }

  // MARK: Categories and panels

  private func ticks(_ chart: Chart) -> [Chart.Across.Tick] {
    Chart.Layout(chart, width: 480, plotHeight: 262).across.ticks
  }

  @Test func categoriesStandAtEqualDistancesAndLinesSideBySide() throws {
    let ticks = ticks(Self.slotted)
    #expect(ticks.map { $0.lines.joined(separator: " ") } == ["iid", "shards 2", Self.longName])
    #expect(abs((ticks[2].at - ticks[1].at) - (ticks[1].at - ticks[0].at)) < 1e-9)
    let layout = Chart.Layout(Self.slotted, width: 480, plotHeight: 262)
    var places: [Double] = []
    for case .dot(let dot) in layout.panel(0).marks { places.append(dot.at.x) }
    for (i, a) in places.enumerated() { for b in places[..<i] { #expect(abs(a - b) >= 6) } }
    // No line joins categories: all that is drawn in a line's colour is as narrow as a cap.
    for case .line(let line, let stroke) in layout.panel(0).marks where stroke.colour != .ink {
      #expect((line.map(\.x).max() ?? 0) - (line.map(\.x).min() ?? 0) < 8)
    }
  }

  @Test func categoriesBehindNumbersAreSetApart() throws {
    let layout = Chart.Layout(Self.mixed, width: 480, plotHeight: 262)
    let divider = try #require(layout.across.divider)
    #expect(
      layout.across.ticks.map { $0.lines.joined() } == ["0.999", "4", "16", "none"],
      "an unused one has no place")
    #expect(layout.across.ticks[2].at < divider - 6 && layout.across.ticks[3].at > divider + 6)
    #expect(Chart.Layout(Self.slotted, width: 480, plotHeight: 262).across.divider == nil)
  }

  @Test func panelsShareScalesLegendAndLooks() throws {
    let chart = Self.panels(3)
    let texts = labels(chart.picture).map(\.text)
    #expect(texts.count { $0 == "polar" } == 1 && texts.count { $0 == "layered" } == 1)
    // The name of y at the left alone, that of x at the foot of each column.
    #expect(texts.count { $0 == "accuracy, %" } == 2 && texts.count { $0 == "training.learningRate" } == 2)
    let layout = Chart.Layout(chart, width: 372, plotHeight: 196)
    let colours = (0..<3).map { i -> Set<Int> in
      Set(
        layout.panel(i).marks.compactMap {
          if case .dot(let dot) = $0, case .line(let c) = dot.colour { c } else { nil }
        })
    }
    #expect(colours == [[0, 1], [1], [0, 1]], "by name, not by place in the panel")
    #expect(chart.pagePictures.count == 4 && chart.pagePictures[2].summary.contains(Self.longName + " 1"))
  }

  // MARK: Ticks, bars, references

  @Test func ticksAreAtTheDataWhereTheyAreFew() {
    let chart = { (values: [Double], isLog: Bool) in
      Self.chart(
        "t", x: .init("x", isLog: isLog), y: .init("y"),
        [Self.line("a", values.count, { Double($0) }, x: { values[$0] })])
    }
    let shown = { (chart: Chart) in ticks(chart).compactMap(\.lines.first) }
    #expect(shown(chart([0.0125, 0.1, 0.7], true)) == ["0.0125", "0.1", "0.7"])
    #expect(shown(chart([3, 5, 7, 11], false)) == ["3", "5", "7", "11"])
    #expect(shown(chart([2], false)) == ["2"])
    // Thirteen, and three of which two are nearly at one place: round numbers.
    #expect(shown(chart((1...13).map(Double.init), false)) == ["2", "4", "6", "8", "10", "12"])
    #expect(!shown(chart([0.001, 0.011, 1], false)).contains("0.011"))
    #expect(shown(chart([110, 120, 130, 140, 150, 160, 170], true)).count >= 3)
    // Lines that are within a pixel of one another have one tick.
    #expect(shown(chart([1, 1.0001, 4, 16], true)) == ["1", "4", "16"])
  }

  @Test func barsStandSideBySide() {
    let lines = (0..<3).map { i in Self.line("l\(i)", 3, { Double($0 + i) }, error: 2) }
    let chart = Self.chart("t", x: .init("x"), y: .init("y"), lines)
    let layout = Chart.Layout(chart, width: 480, plotHeight: 262)
    let places = chart.series.map { layout.place($0.points[0], of: $0.name) }
    #expect(places[1] - places[0] >= 3.9 && places[2] - places[1] >= 3.9)
    // Nothing to hide: at other numbers, and without bars.
    let apart = Self.chart(
      "t", x: .init("x"), y: .init("y"),
      (0..<3).map { i in Self.line("l\(i)", 3, { Double($0) }, x: { 3 * Double($0) + Double(i) }, error: 1) })
    let bare = Self.chart(
      "t", x: .init("x"), y: .init("y"), (0..<3).map { i in Self.line("l\(i)", 3, { Double($0 + i) }) })
    for chart in [apart, bare] { #expect(Chart.Layout(chart, width: 480, plotHeight: 262).numberReach == 0) }
    // 50 numbers: a band.
    let dense = Self.chart("t", x: .init("x"), y: .init("y"), [Self.line("a", 50, { Double($0) }, error: 1)])
    #expect(dense.picture.marks.contains { if case .area = $0 { true } else { false } })
  }

  /// Plain floats take the same bits at every point: a line through them would say nothing.
  @Test func pointsAtOneNumberAreNotJoined() {
    let chart = Self.chart(
      "t", x: .init("bits"), y: .init("y"),
      [
        Self.line("floats", 3, { Double($0) }, x: { _ in 32 }),
        Self.line("a", 4, { Double($0) }, x: { Double($0 / 2) }),
      ])
    let lengths = chart.picture.marks.compactMap { mark -> Int? in
      if case .line(let places, let stroke) = mark, case .line = stroke.colour { places.count } else { nil }
    }
    // The legend's sample of "a", and its two middle points.
    #expect(lengths == [2, 2] && chart.series.flatMap(\.points).count == 7)
  }

  @Test func markersDifferWithoutColour() {
    let layout = Chart.Layout(Self.adversarial[4], width: 480, plotHeight: 262)
    #expect(Set(layout.looks.values.map { "\($0.marker)" }).count == 8)
    #expect(Set(layout.looks.values.map { "\($0.dash)" }).count == 8)
  }

  @Test func thinningKeepsTheEndsAndTheExtremes() {
    var points = (0..<5000).map { Chart.Point(x: Double($0), y: Double($0 % 10)) }
    points[777] = Chart.Point(x: 777, y: 1000)
    let kept = Chart.Layout.thinned(points, to: 100)
    #expect(kept.count <= 100 && kept.first == points.first && kept.last == points.last && kept.contains(points[777]))
  }

  // MARK: Files

  /// What a reader of PDF would trip over: offsets, lengths, names of states.
  private func checkPDF(_ pdf: String) throws {
    let bytes = Array(pdf.utf8)
    #expect(pdf.hasPrefix("%PDF-1.4\n") && pdf.hasSuffix("%%EOF\n") && bytes.allSatisfy { $0 < 0x80 })
    let tail = pdf.components(separatedBy: "startxref\n")
    let start = try #require(Int(tail[tail.count - 1].prefix { $0 != "\n" }))
    let table = String(decoding: bytes[start...], as: UTF8.self).components(separatedBy: "\n")
    #expect(table[0] == "xref" && table[1] == "0 8" && table[2] == "0000000000 65535 f ")
    for i in 1...7 {
      #expect(table[2 + i].utf8.count == 19, "20 bytes with the end of the line")
      let offset = try #require(Int(table[2 + i].prefix(10)))
      #expect(String(decoding: bytes[offset...].prefix(8), as: UTF8.self).hasPrefix("\(i) 0 obj\n"))
    }
    let lengths = pdf.components(separatedBy: "/Length ")
    let length = try #require(Int(lengths[lengths.count - 1].prefix { $0 != " " }))
    let body = try #require(pdf.components(separatedBy: "stream\n").dropFirst().first)
    #expect(body.utf8.count - "\nend".utf8.count == length)
    for line in body.components(separatedBy: "\n") where line.hasSuffix(" gs") {
      #expect(pdf.contains(line.dropLast(3) + " << /CA"), "\(line)")
    }
  }

  @Test func pdfsAreWhole() throws { for chart in Self.adversarial { try checkPDF(chart.pdf) } }

  /// Coordinates of an SVG's texts and dots, from the marks, are those of the PDF.
  @Test func bothFormatsHaveTheSameMarks() throws {
    for chart in Self.adversarial {
      let (picture, pdf, svg) = (chart.picture, chart.pdf, chart.svg)
      for label in labels(picture) where label.anchor == .start {
        let at = Picture.number(0.75 * label.at.x) + " " + Picture.number(0.75 * (picture.height - label.at.y))
        #expect(pdf.contains("\(at) Tm ("), "\(chart.title): \(label.text)")
        #expect(svg.contains("<text x=\"\(Picture.number(label.at.x))\" y=\"\(Picture.number(label.at.y))\""))
      }
      #expect(pdf.components(separatedBy: " Tj ET").count == labels(picture).count + 1)
      #expect(svg.components(separatedBy: "<text ").count == labels(picture).count + 1)
      let dots = picture.marks.count { if case .dot = $0 { true } else { false } }
      let drawn = pdf.components(separatedBy: "\n").count {
        $0.hasSuffix(" h f") || $0.hasSuffix(" h B") || $0.hasSuffix(" c f") || $0.hasSuffix(" c B")
      }
      let areas = picture.marks.count { if case .area = $0 { true } else { false } }
      #expect(drawn == dots + areas, "\(chart.title)")
    }
  }

  @Test func textOfPDFsIsInTheirEncoding() {
    #expect(Helvetica.codes("a±ü€…") == [97, 0xB1, 0xFC, 0x80, 0x85])
    #expect(String(decoding: Helvetica.codes("ε ≤ 1, e\u{301}, 字"), as: UTF8.self) == "epsilon <= 1, e, ?")
    // Widths of Adobe's metrics.
    #expect(Helvetica.width("Wimi 1", size: 1000) == 944 + 222 + 833 + 222 + 278 + 556)
    #expect(Helvetica.width("Wimi 1", size: 1000, isBold: true) == 944 + 278 + 889 + 278 + 278 + 556)
    let chart = Self.chart("(a\\b) ±", x: .init("x"), y: .init("y"), [])
    #expect(chart.pdf.contains("(\\(a\\\\b\\) \\261) Tj"))
  }

  @Test func numbersOfChartsAreNumbers() {
    let chart = Chart(
      title: "t", x: .init("epsilon", slots: ["none, \"really\""]), y: .init("accuracy, %"),
      panels: [
        .init("p", [.init("a", [.init(x: 0.1, y: 1.0 / 3, error: 0.25), .init(slot: 0, y: 90, range: 80...95.5)])])
      ])
    #expect(
      chart.csv == #"""
        "panel","line","epsilon","accuracy, %","standardError","low","high"
        "p","a",0.1,0.3333333333333333,0.25,,
        "p","a","none, ""really""",90,,80,95.5

        """#)
    #expect(Self.slotted.csv.hasPrefix("\"line\",\"partition\","))
  }

  @Test func textIsDarkOnPaper() {
    #expect(Self.slotted.svg.contains("color=\"#222222\"") && !Self.slotted.svg.contains("767676"))
    #expect(Self.slotted.pdf.contains("0.13 0.13 0.13 rg"))
    let page = Self.adversarial[4].pagePictures[0].svg(.page)
    #expect(!page.contains("#222222") && page.contains("var(--ground)"))
  }

  // MARK: Bytes

  private static let small: Picture = {
    var picture = Picture(width: 100, height: 60, summary: "a < b")
    (picture.title, picture.note) = ("a (title)", "a note")
    picture.marks = [
      .line([.init(10, 50), .init(90, 50.125)], .rule),
      .line([.init(10, 40), .init(50, 20), .init(90, 40)], .init(colour: .line(1), width: 2, dash: [7, 3])),
      .area([.init(10, 40), .init(90, 30), .init(90, 45)], .line(0), opacity: 0.18),
      .dot(.init(at: .init(50, 20), radius: 4, marker: .ring, colour: .line(1), title: "a: 1")),
      .dot(.init(at: .init(90, 40), radius: 4, marker: .square, colour: .line(0), title: "")),
      .text(.init(text: "ε & σ", at: .init(50, 12), anchor: .middle, isBold: true, full: "long")),
      .text(.init(text: "up", at: .init(8, 30), anchor: .middle, turn: .up, role: .nameOfY)),
    ]
    return picture
  }()

  @Test func aSmallSVGHasTheseBytes() {
    #expect(
      Self.small.svg(.paper) == #"""
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 60" role="img" aria-label="a &lt; b" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="currentColor" color="#222222" width="100" height="60">
        <title>a (title)</title>
        <desc>a note</desc>
        <rect width="100%" height="100%" fill="#ffffff"/>
        <path d="M10 50L90 50.13" fill="none" stroke="#222222" stroke-opacity="0.2"/>
        <path d="M10 40L50 20L90 40" fill="none" stroke="#d55e00" stroke-width="2" stroke-dasharray="7 3"/>
        <path d="M10 40L90 30L90 45Z" fill="#0072b2" fill-opacity="0.18"/>
        <circle class="dot" cx="50" cy="20" r="4" fill="#ffffff" stroke="#d55e00" stroke-width="1.5"><title>a: 1</title></circle>
        <path d="M86.4 36.4L93.6 36.4L93.6 43.6L86.4 43.6Z" fill="#0072b2"/>
        <text x="50" y="12" font-weight="600" text-anchor="middle"><title>long</title>ε &amp; σ</text>
        <text x="8" y="30" class="name-y" transform="rotate(-90 8 30)" text-anchor="middle">up</text>
        </svg>

        """#)
  }

  @Test func aSmallPDFHasTheseBytes() throws {
    let pdf = Self.small.pdf
    try checkPDF(pdf)
    let body = try #require(pdf.components(separatedBy: "stream\n").dropFirst().first)
    #expect(
      body == #"""
        1 j
        /A02 gs
        0.13 0.13 0.13 RG
        0.75 w
        [] 0 d
        7.5 7.5 m 67.5 7.41 l S
        /A1 gs
        0.84 0.37 0 RG
        1.5 w
        [5.25 2.25] 0 d
        7.5 15 m 37.5 30 l 67.5 15 l S
        /A018 gs
        0 0.45 0.7 rg
        7.5 15 m 67.5 22.5 l 67.5 11.25 l h f
        /A1 gs
        1 1 1 rg
        1.13 w
        [] 0 d
        40.5 30 m 40.5 28.34 39.16 27 37.5 27 c 35.84 27 34.5 28.34 34.5 30 c 34.5 31.66 35.84 33 37.5 33 c 39.16 33 40.5 31.66 40.5 30 c B
        0 0.45 0.7 rg
        64.8 17.7 m 70.2 17.7 l 70.2 12.3 l 64.8 12.3 l h f
        0.13 0.13 0.13 rg
        BT /F2 9.75 Tf 1 0 0 1 0.11 36 Tm (epsilon & sigma) Tj ET
        BT /F1 9.75 Tf 0.00000 1.00000 -1.00000 0.00000 6 17.08 Tm (up) Tj ET
        end
        """#)
    #expect(pdf.hasPrefix("%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"))
    #expect(pdf.contains("/MediaBox [0 0 75 45] ") && pdf.contains("<< /Title (a \\(title\\)) /Subject (a note) "))
  }

  // MARK: Tables

  private func cell(_ text: String) -> Report.Table.Cell { .init(reading: text) }

  @Test func textsOfTablesAreReadAsNumbers() {
    let numbers: [(String, Double, Double?)] = [
      ("90.1 +- 0.4", 90.1, 0.4), ("20,800", 20800, nil), ("1,234.5 +- 1,000", 1234.5, 1000), ("-3", -3, nil),
      ("1e-05", 1e-5, nil), ("0", 0, nil), ("1234567", 1_234_567, nil),
    ]
    for (text, value, error) in numbers {
      #expect(cell(text) == .init(text, value: value, error: error), "\(text)")
    }
    for text in [
      "", "-", "none", "1,2", "1, 2", "12,34", "90.1 +- x", "x +- 0.4", "1 +- 2 +- 3", "nan", "inf", "3 %", "1-2",
      "--1", "0x1", "1.000 to 2", "²",
      ".5", "1e999",
    ] { #expect(cell(text).value == nil && cell(text).text == text, "\(text)") }
  }

  @Test func numbersOfTablesAreNumbersOfTheirFiles() {
    let estimate = Estimate(mean: 90.123456789, error: 0.25)
    let table = Report.Table(
      name: "t", title: "T", header: ["codec", "epsilon", "accuracy, %", "n|m"],
      cells: [
        [.init("a \"b\""), cell("1.5"), .init(estimate, digits: 1), cell("3")],
        [.init("c"), cell("none"), .init(Estimate(mean: 80, error: nil), digits: 1), cell("1,234")],
        [.init("7"), cell("2"), .init(nil, digits: 1), cell("x")],
      ])
    #expect(
      table.csv == #"""
        "codec","epsilon","accuracy, %","accuracy, %: standard error","n|m"
        "a ""b""",1.5,90.123456789,0.25,"3"
        "c",,80,,"1,234"
        "7",2,,,"x"

        """#)
    #expect(
      table.markdown == #"""
        | codec | epsilon | accuracy, % | n\|m |
        | --- | ---: | ---: | --- |
        | a "b" | 1.5 | 90.1 +- 0.3 | 3 |
        | c | none | 80.0 | 1,234 |
        | 7 | 2 | - | x |

        """#)
    #expect(table.html.contains("<td class=\"number\">90.1 +- 0.3</td>") && table.html.contains("<td>1,234</td>"))
    #expect(table.rows[1] == ["c", "none", "80.0", "1,234"])
  }

  @Test func filesOfChartsAndTablesHaveNamesOfTheirOwn() {
    var report = Report([])
    let chart = Self.slotted
    let table = Report.Table(name: "c", title: "t", header: ["a"], rows: [["1"]])
    for _ in 0..<3 {
      report.add(chart)
      report.add(table)
    }
    #expect(report.charts.map(\.name) == ["c", "c-chart", "c-chart-2"])
    #expect(report.tables.map(\.name) == ["c-table", "c-table-2", "c-table-3"])
  }

  @Test func panelsStandInAGridOfThePage() {
    var report = Report([])
    report.add(Self.panels(3))
    report.add(Self.slotted)
    #expect(report.html.components(separatedBy: "<svg ").count == 1 + 4 + 1)
    #expect(
      report.html.components(separatedBy: "<figure").count == 3 && report.html.contains("<figure class=\"panels\">"))
    #expect(
      report.charts.map { $0.svg.components(separatedBy: "<svg ").count } == [2, 2], "a file has all panels in one")
  }
}
