import Files

extension Picture {
  /// Where an SVG is shown.
  enum Surface {
    /// Dark on white, a file of its own.
    case paper
    /// In the colours of a page's text and ground, light and dark.
    case page
  }

  static func escaped(_ text: String) -> String {
    Text.replacing(in: text) { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      case "\n", "\t": nil
      // Control characters are not allowed in XML at all.
      default: scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF ? "?" : nil
      }
    }
  }

  func svg(_ surface: Surface) -> String {
    let size = "\(Self.number(width)) \(Self.number(height))"
    var out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size)\" role=\"img\" "
      + "aria-label=\"\(Self.escaped(summary))\" font-family=\"\(surface == .page ? "system-ui, sans-serif" : "Helvetica, Arial, sans-serif")\" "
      + "font-size=\"\(Self.number(Self.fontSize))\" fill=\"currentColor\""
    if surface == .paper {
      // A size of its own, in pixels, for programs that have no other.
      out +=
        " color=\"\(Self.css(.ink, .paper))\" width=\"\(Self.number(width))\" height=\"\(Self.number(height))\">\n"
      if !title.isEmpty { out += "<title>\(Self.escaped(title))</title>\n" }
      if !note.isEmpty { out += "<desc>\(Self.escaped(note))</desc>\n" }
      out += "<rect width=\"100%\" height=\"100%\" fill=\"\(Self.css(.ground, .paper))\"/>\n"
    } else {
      out += " class=\"chart\">\n"
    }
    for mark in marks { out += Self.svg(mark, surface) + "\n" }
    return out + "</svg>\n"
  }

  private static func css(_ colour: Colour, _ surface: Surface) -> String {
    switch colour {
    case .ink where surface == .page: "currentColor"
    case .ground where surface == .page: "var(--ground)"
    default:
      "#" + tone(colour).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  private static func path(_ places: [Place], isClosed: Bool = false) -> String {
    "M" + places.map { "\(number($0.x)) \(number($0.y))" }.joined(separator: "L") + (isClosed ? "Z" : "")
  }

  private static func svg(_ mark: Mark, _ surface: Surface) -> String {
    switch mark {
    case .line(let places, let stroke):
      var out = "<path d=\"\(path(places))\" fill=\"none\" stroke=\"\(css(stroke.colour, surface))\""
      if stroke.width != 1 { out += " stroke-width=\"\(number(stroke.width))\"" }
      if stroke.opacity != 1 { out += " stroke-opacity=\"\(number(stroke.opacity))\"" }
      if !stroke.dash.isEmpty { out += " stroke-dasharray=\"\(stroke.dash.map(number).joined(separator: " "))\"" }
      return out + "/>"
    case .area(let places, let colour, let opacity):
      return
        "<path d=\"\(path(places, isClosed: true))\" fill=\"\(css(colour, surface))\" fill-opacity=\"\(number(opacity))\"/>"
    case .dot(let dot): return svg(dot, surface)
    case .text(let label): return svg(label)
    }
  }

  private static func svg(_ dot: Dot, _ surface: Surface) -> String {
    let colour = css(dot.colour, surface)
    let paint =
      dot.marker.isOpen
      ? "fill=\"\(css(.ground, surface))\" stroke=\"\(colour)\" stroke-width=\"\(number(openStroke))\""
      : "fill=\"\(colour)\""
    // Dots of the data and those of the legend are told apart by their class.
    let kind = dot.title.isEmpty ? "" : " class=\"dot\""
    let (shape, name): (String, String)
    if let corners = dot.marker.corners {
      name = "path"
      shape =
        "d=\"\(path(corners.map { Place(dot.at.x + dot.radius * $0.x, dot.at.y + dot.radius * $0.y) }, isClosed: true))\""
    } else {
      name = "circle"
      shape = "cx=\"\(number(dot.at.x))\" cy=\"\(number(dot.at.y))\" r=\"\(number(dot.radius))\""
    }
    let start = "<\(name)\(kind) \(shape) \(paint)"
    return dot.title.isEmpty ? start + "/>" : start + "><title>\(escaped(dot.title))</title></\(name)>"
  }

  static let openStroke = 1.5

  private static func svg(_ label: Label) -> String {
    var out = "<text x=\"\(number(label.at.x))\" y=\"\(number(label.at.y))\""
    if label.size != fontSize { out += " font-size=\"\(number(label.size))\"" }
    if label.isBold { out += " font-weight=\"600\"" }
    if label.role != .plain { out += " class=\"\(label.role.rawValue)\"" }
    if label.turn != .none {
      out += " transform=\"rotate(\(number(label.turn.degrees)) \(number(label.at.x)) \(number(label.at.y)))\""
    }
    if label.anchor != .start { out += " text-anchor=\"\(label.anchor.rawValue)\"" }
    let full = label.full.map { "<title>\(escaped($0))</title>" } ?? ""
    return out + ">\(full)\(escaped(label.text))</text>"
  }
}
