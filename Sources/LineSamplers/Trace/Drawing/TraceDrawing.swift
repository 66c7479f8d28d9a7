import Files

/// What shapes of a picture are drawn as: a class of its style sheet.
enum TraceStyle: String {
  case ground, ink, muted, grid, axis, graph, acceptance, rejected, accepted, beyond, sweep, drop, split, discarded,
    unseen
  case proposal, target, proposalLine, targetLine, lid, lidLine, layer, bar, barTop, best
}

/// SVG text that grows: shapes with one decimal, of which each has a class.
struct TraceDrawing {
  private(set) var text = ""

  /// A coordinate.
  static func number(_ value: Double) -> String { plain(Text.fixed(value, 1)) }

  /// Without the commas that group digits.
  static func plain(_ text: String) -> String { text.filter { $0 != "," } }

  static func escaped(_ text: String) -> String {
    Text.replacing(in: text) {
      $0 == "&" ? "&amp;" : $0 == "<" ? "&lt;" : $0 == ">" ? "&gt;" : $0 == "\"" ? "&quot;" : nil
    }
  }

  /// A minus sign in place of the hyphen before a digit, or before infinity.
  static func typeset(_ words: String) -> String {
    var out = ""
    let characters = Array(words)
    for (i, character) in characters.enumerated() {
      let next = i + 1 < characters.count ? characters[i + 1] : " "
      let isMinus = character == "-" && (next.isNumber || next == "∞") && (i == 0 || !characters[i - 1].isNumber)
      out += isMinus ? "−" : String(character)
    }
    return out
  }

  mutating func add(_ svg: String) { text += svg }

  mutating func path(_ data: String, _ style: TraceStyle) {
    text += "<path class=\"\(style.rawValue)\" d=\"\(data)\"/>\n"
  }

  mutating func line(_ points: [(x: Double, y: Double)], _ style: TraceStyle, isClosed: Bool = false) {
    guard points.count > 1 else { return }
    let points = Self.thinned(points)
    path(
      "M" + points.map { "\(Self.number($0.x)) \(Self.number($0.y))" }.joined(separator: "L") + (isClosed ? "Z" : ""),
      style)
  }

  /// The points without which a line would leave its place by more than a tenth (Douglas & Peucker).
  static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    guard points.count > 2 else { return points }
    var isKept = [Bool](repeating: false, count: points.count)
    (isKept[0], isKept[points.count - 1]) = (true, true)
    var parts = [(0, points.count - 1)]
    while let (first, last) = parts.popLast() {
      let (a, b) = (points[first], points[last])
      let (dx, dy) = (b.x - a.x, b.y - a.y)
      let length = (dx * dx + dy * dy).squareRoot()
      var (farthest, most) = (first, 0.1)
      for i in first..<last where i > first {
        let (x, y) = (points[i].x - a.x, points[i].y - a.y)
        let distance = length > 0 ? abs(x * dy - y * dx) / length : (x * x + y * y).squareRoot()
        if distance > most { (farthest, most) = (i, distance) }
      }
      guard farthest > first else { continue }
      isKept[farthest] = true
      parts += [(first, farthest), (farthest, last)]
    }
    return zip(points, isKept).filter(\.1).map(\.0)
  }

  mutating func box(_ x: ClosedRange<Double>, _ y: ClosedRange<Double>, _ style: TraceStyle) {
    let (width, height) = (x.upperBound - x.lowerBound, y.upperBound - y.lowerBound)
    guard width > 0, height > 0 else { return }
    text +=
      "<rect class=\"\(style.rawValue)\" x=\"\(Self.number(x.lowerBound))\" y=\"\(Self.number(y.lowerBound))\" "
      + "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\"/>\n"
  }

  mutating func cross(_ x: Double, _ y: Double, _ style: TraceStyle, size: Double = 4) {
    let (a, b) = (Self.number(x - size), Self.number(y - size))
    let whole = Self.number(2 * size)
    path("M\(a) \(b)l\(whole) \(whole)m0.0 -\(whole)l-\(whole) \(whole)", style)
  }

  mutating func disc(_ x: Double, _ y: Double, _ style: TraceStyle, radius: Double = 5) {
    text +=
      "<circle class=\"\(style.rawValue)\" cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\"/>\n"
  }

  mutating func label(
    _ words: String, _ x: Double, _ y: Double, size: Int = 13, anchor: String = "start", isBold: Bool = false,
    style: TraceStyle = .ink
  ) {
    text +=
      "<text class=\"\(style.rawValue)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(size)\""
      + (anchor == "start" ? "" : " text-anchor=\"\(anchor)\"") + (isBold ? " font-weight=\"bold\"" : "")
      + ">\(Self.escaped(Self.typeset(words)))</text>\n"
  }

  /// Wider than text of any common sans-serif: an SVG cannot measure.
  static func width(of text: String, size: Double = 13) -> Double {
    size
      * text.reduce(0) { sum, character in
        if "iljtfr.,:;()|/ ".contains(character) { return sum + 0.42 }
        return sum + (character.isUppercase || "mw=+".contains(character) ? 0.86 : 0.65)
      }
  }

  /// Colours for light and for dark surroundings, each on a ground of its own.
  static let sheet = """
    <style>
    .trace .ground{fill:#ffffff}.trace .ink{fill:#1a1a1a}.trace .muted{fill:#555555}
    .trace .grid{stroke:#e2e2e2;fill:none}.trace .axis{stroke:#555555;fill:none}
    .trace .graph{stroke:#1a1a1a;stroke-width:1.8;stroke-dasharray:5 3;fill:none}.trace .acceptance{fill:#e1f2e5}
    .trace .rejected{stroke:#c62828;stroke-width:2;fill:none}.trace .accepted{fill:#14803c}
    .trace .beyond{stroke:#14803c;stroke-width:2;fill:none}
    .trace .sweep{stroke:#c62828;stroke-width:1;fill:none}.trace .drop{stroke:#14803c;stroke-width:1.2;stroke-dasharray:2 2;fill:none}
    .trace .split{stroke:#1f5fbf;stroke-width:2;fill:none}.trace .discarded{fill:#cccccc}
    .trace .unseen{stroke:#5c5c5c;stroke-width:1.5;fill:none}
    .trace .proposal{fill:#d9d9d9}.trace .proposalLine{stroke:#6b6b6b;stroke-width:1.2;fill:none}
    .trace .target{fill:#f8e3cc}.trace .targetLine{stroke:#b35c00;stroke-width:1.5;fill:none}
    .trace .lid{fill:#cddbeb}.trace .lidLine{stroke:#1f5fbf;stroke-width:1.2;fill:none}
    .trace .layer{stroke:#1f5fbf;stroke-width:0.9;fill:none}
    .trace .bar{fill:#dbe7f6}.trace .barTop{stroke:#1f5fbf;stroke-width:2;fill:none}
    .trace .best{stroke:#14803c;stroke-width:1.5;stroke-dasharray:6 3;fill:none}
    @media (prefers-color-scheme:dark){
    .trace .ground{fill:#14171a}.trace .ink{fill:#f0f0f0}.trace .muted{fill:#b5b5b5}
    .trace .grid{stroke:#30353a}.trace .axis{stroke:#a0a0a0}.trace .graph{stroke:#f0f0f0}.trace .acceptance{fill:#16321f}
    .trace .rejected{stroke:#ff7b72}.trace .accepted{fill:#56d364}.trace .beyond{stroke:#56d364}.trace .sweep{stroke:#ff7b72}.trace .drop{stroke:#56d364}
    .trace .split{stroke:#79b8ff}.trace .discarded{fill:#454c53}.trace .unseen{stroke:#c9c9c9}
    .trace .proposal{fill:#3a4046}.trace .proposalLine{stroke:#a8a8a8}.trace .target{fill:#4a3520}.trace .targetLine{stroke:#ffb366}
    .trace .lid{fill:#22384f}.trace .lidLine{stroke:#79b8ff}.trace .layer{stroke:#79b8ff}
    .trace .bar{fill:#1d3045}.trace .barTop{stroke:#79b8ff}.trace .best{stroke:#56d364}
    }
    </style>

    """
}
