import Files

extension Picture {
  /// One page of the picture's size, in PDF 1.4: vectors, and text as text in a font that every reader has. All bytes are ASCII, and
  /// follow from the marks alone.
  var pdf: String {
    var opacities: [String] = []
    let content = content(&opacities)
    let states = opacities.map { "/\(Self.stateName($0)) << /CA \($0) /ca \($0) >>" }.joined(separator: " ")
    let size = "\(Self.points(width)) \(Self.points(height))"
    let objects = [
      "<< /Type /Catalog /Pages 2 0 R >>",
      "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 \(size)] /Contents 4 0 R /Resources << /Font << /F1 5 0 R /F2 6 0 R >> "
        + "/ExtGState << \(states) >> >> >>",
      "<< /Length \(content.utf8.count) >>\nstream\n\(content)\nendstream",
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
      "<< /Title \(Self.literal(title)) /Subject \(Self.literal(note)) /Creator (fedsim) >>",
    ]
    var out = "%PDF-1.4\n"
    var offsets: [Int] = []
    for (i, object) in objects.enumerated() {
      offsets.append(out.utf8.count)
      out += "\(i + 1) 0 obj\n\(object)\nendobj\n"
    }
    let start = out.utf8.count
    out += "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
    for offset in offsets { out += String(repeating: "0", count: 10 - "\(offset)".count) + "\(offset) 00000 n \n" }
    return out + "trailer\n<< /Size \(objects.count + 1) /Root 1 0 R /Info 7 0 R >>\nstartxref\n\(start)\n%%EOF\n"
  }

  private static let pointsPerPixel = 0.75

  private static func points(_ pixels: Double) -> String { number(pixels * pointsPerPixel) }

  private static func stateName(_ opacity: String) -> String { "A" + opacity.filter { $0 != "." } }

  /// A string in brackets: what is not plain ASCII by its code.
  private static func literal(_ text: String) -> String {
    var out = "("
    for code in Helvetica.codes(text) {
      switch code {
      case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\\"): out += "\\" + String(UnicodeScalar(code))
      case 0x20...0x7E: out += String(UnicodeScalar(code))
      default: out += "\\" + String(code, radix: 8)
      }
    }
    return out + ")"
  }

  /// The operators that draw the marks, and the opacities that they name.
  private func content(_ opacities: inout [String]) -> String {
    var pen = Pen(height: height)
    for mark in marks {
      switch mark {
      case .line(let places, let stroke): pen.draw(places, stroke)
      case .area(let places, let colour, let opacity): pen.fill(places, colour, opacity)
      case .dot(let dot): pen.draw(dot)
      case .text(let label): pen.draw(label)
      }
    }
    opacities = pen.opacities
    return pen.lines.joined(separator: "\n")
  }

  /// Writes operators, and those of the state only where it changes.
  private struct Pen {
    let height: Double
    // Lines are joined roundly, as sharp corners would be longer than their points.
    var lines = ["1 j"]
    var opacities: [String] = []
    private var state: [String: String] = [:]

    init(height: Double) { self.height = height }

    private mutating func set(_ key: String, _ text: String) {
      guard state[key] != text else { return }
      state[key] = text
      lines.append(text)
    }

    private mutating func set(opacity: Double) {
      let text = Picture.number(opacity)
      if !opacities.contains(text) { opacities.append(text) }
      set("gs", "/\(Picture.stateName(text)) gs")
    }

    private mutating func set(_ colour: Colour, isFill: Bool) {
      // A third of a percent is nothing that an eye sees.
      let parts = Picture.tone(colour).map { Picture.number(Double($0) / 255) }
      set(isFill ? "rg" : "RG", parts.joined(separator: " ") + (isFill ? " rg" : " RG"))
    }

    private func place(_ place: Place) -> String { "\(Picture.points(place.x)) \(Picture.points(height - place.y))" }

    private func path(_ places: [Place]) -> String {
      places.enumerated().map { "\(place($1)) \($0 == 0 ? "m" : "l")" }.joined(separator: " ")
    }

    mutating func draw(_ places: [Place], _ stroke: Stroke) {
      set(opacity: stroke.opacity)
      set(stroke.colour, isFill: false)
      set("w", Picture.points(stroke.width) + " w")
      set("d", "[\(stroke.dash.map { Picture.points($0) }.joined(separator: " "))] 0 d")
      lines.append(path(places) + " S")
    }

    mutating func fill(_ places: [Place], _ colour: Colour, _ opacity: Double) {
      set(opacity: opacity)
      set(colour, isFill: true)
      lines.append(path(places) + " h f")
    }

    mutating func draw(_ dot: Dot) {
      set(opacity: 1)
      let isOpen = dot.marker.isOpen
      set(isOpen ? .ground : dot.colour, isFill: true)
      if isOpen {
        set(dot.colour, isFill: false)
        set("w", Picture.points(Picture.openStroke) + " w")
        set("d", "[] 0 d")
      }
      let outline =
        dot.marker.corners.map { corners in
          path(corners.map { Place(dot.at.x + dot.radius * $0.x, dot.at.y + dot.radius * $0.y) }) + " h"
        } ?? circle(dot.at, dot.radius)
      lines.append(outline + (isOpen ? " B" : " f"))
    }

    /// Four cubic curves, nowhere further from the circle than a 3000th of its radius.
    private func circle(_ at: Place, _ r: Double) -> String {
      let k = 0.5523 * r
      let p = { (x: Double, y: Double) in place(Place(at.x + x, at.y + y)) }
      return [
        "\(p(r, 0)) m", "\(p(r, k)) \(p(k, r)) \(p(0, r)) c", "\(p(-k, r)) \(p(-r, k)) \(p(-r, 0)) c",
        "\(p(-r, -k)) \(p(-k, -r)) \(p(0, -r)) c", "\(p(k, -r)) \(p(r, -k)) \(p(r, 0)) c",
      ].joined(separator: " ")
    }

    mutating func draw(_ label: Label) {
      set(opacity: 1)
      set(.ink, isFill: true)
      let share = label.anchor == .start ? 0.0 : label.anchor == .middle ? 0.5 : 1
      let back = share * Helvetica.width(label.text, size: label.size, isBold: label.isBold)
      // Angles of a picture turn clockwise, as its y grows downwards; those of a page of PDF do not.
      let (c, s) = (label.turn.cosine, label.turn.sine)
      let start = Place(label.at.x - back * c, label.at.y - back * s)
      let turned = label.turn == .none ? "1 0 0 1" : [c, -s, s, c].map { Text.fixed($0, 5) }.joined(separator: " ")
      lines.append(
        "BT /F\(label.isBold ? 2 : 1) \(Picture.points(label.size)) Tf \(turned) \(place(start)) Tm \(Picture.literal(label.text)) Tj ET"
      )
    }
  }
}
