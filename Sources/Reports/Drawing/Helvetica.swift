/// The standard fonts of every PDF reader, Helvetica and its bold, in the encoding WinAnsi: which text they have, and how wide it is.
enum Helvetica {
  /// Widths of the codes 32 to 255, in thousandths of the size.
  private static let regular = widths(
    """
    278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278
    584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944
    667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500
    278 556 500 722 500 500 500 334 260 334 584 350 556 350 222 556 333 1000 556 556 333 1000 667 333 1000 350 611 350
    350 222 222 333 333 350 556 1000 333 1000 500 333 944 350 500 667 278 333 556 556 556 556 260 556 333 737 370 556
    584 333 737 333 400 584 333 333 333 556 537 278 333 333 365 556 834 834 834 611 667 667 667 667 667 667 1000 722
    667 667 667 667 278 278 278 278 722 722 778 778 778 778 778 584 778 722 722 722 722 667 667 611 556 556 556 556
    556 556 889 500 556 556 556 556 278 278 278 278 556 556 556 556 556 556 556 584 611 556 556 556 556 500 556 500
    """)
  private static let bold = widths(
    """
    278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333
    584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944
    667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556
    333 611 556 778 556 556 500 389 280 389 584 350 556 350 278 556 500 1000 556 556 333 1000 667 333 1000 350 611 350
    350 278 278 500 500 350 556 1000 333 1000 556 333 944 350 500 667 278 333 556 556 556 556 280 556 333 737 370 556
    584 333 737 333 400 584 333 333 333 611 556 278 333 333 365 556 834 834 834 611 722 722 722 722 722 722 1000 722
    667 667 667 667 278 278 278 278 722 722 778 778 778 778 778 584 778 722 722 722 722 667 667 611 556 556 556 556
    556 556 889 556 556 556 556 556 278 278 278 278 611 611 611 611 611 611 611 584 611 611 611 611 611 556 611 556
    """)

  private static func widths(_ text: String) -> [Double] {
    text.split { $0 == " " || $0 == "\n" }.compactMap { Double($0) }
  }

  /// Codes 128 to 159, as Unicode has them; 0 for none.
  private static let high: [UInt32] = [
    0x20AC, 0, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039, 0x152, 0, 0x17D, 0, 0,
    0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0, 0x17E, 0x178,
  ]

  /// What stands for characters that the fonts have not.
  private static let replacements: [Unicode.Scalar: String] = [
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "µ", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta",
    "Λ": "Lambda", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega", "≤": "<=", "≥": ">=", "≠": "!=",
    "≈": "~", "−": "-", "‐": "-", "‑": "-", "→": "->", "←": "<-", "∞": "inf", "√": "sqrt", "⋅": "·", "′": "'",
    "\u{2009}": " ", "\u{202F}": " ", "\n": " ", "\t": " ",
  ]

  /// The codes of a text; a question mark for a character that neither fonts nor replacements have.
  static func codes(_ text: String) -> [UInt8] {
    text.unicodeScalars.flatMap { scalar -> [UInt8] in
      if let code = code(scalar) { return [code] }
      if let other = replacements[scalar] { return other.unicodeScalars.compactMap(code) }
      // A mark on the letter before: the letter alone says more than a question mark.
      return scalar.properties.generalCategory == .nonspacingMark ? [] : [UInt8(ascii: "?")]
    }
  }

  private static func code(_ scalar: Unicode.Scalar) -> UInt8? {
    switch scalar.value {
    case 0x20...0x7E, 0xA0...0xFF: UInt8(scalar.value)
    case let value: high.firstIndex(of: value).flatMap { value == 0 ? nil : UInt8(128 + $0) }
    }
  }

  /// How wide a text is in a PDF.
  static func width(_ text: String, size: Double, isBold: Bool = false) -> Double {
    let widths = isBold ? bold : regular
    return codes(text).reduce(0) { $0 + widths[Int($1) - 32] } * size / 1000
  }

  /// The room that a text takes at most: no common sans-serif is wider, and an SVG is drawn with the one that there is.
  static func room(_ text: String, size: Double = Picture.fontSize, isBold: Bool = false) -> Double {
    // Characters that Helvetica has not are as wide as high at most, and their replacements may be wider.
    let others = text.unicodeScalars.count { code($0) == nil }
    return max(1.22 * width(text, size: size, isBold: isBold), Double(others) * size)
  }

  /// A text that fits the room: what is left out is in its middle, as names often differ at their ends.
  static func fitted(_ text: String, _ most: Double, size: Double = Picture.fontSize, isBold: Bool = false) -> String {
    guard room(text, size: size, isBold: isBold) > most else { return text }
    let characters = Array(text)
    for kept in stride(from: characters.count - 1, to: 0, by: -1) {
      let front = (kept + 1) / 2
      let short = String(characters.prefix(front)) + "…" + String(characters.suffix(kept - front))
      if room(short, size: size, isBold: isBold) <= most { return short }
    }
    return "…"
  }

  /// Lines that fit the room, broken at spaces; nil where a word does not fit, or more lines would be needed.
  static func lines(
    _ text: String, _ most: Double, count: Int, size: Double = Picture.fontSize, isBold: Bool = false
  ) -> [String]? {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, room(last + " " + word, size: size, isBold: isBold) <= most {
        lines[lines.count - 1] = last + " " + word
      } else {
        guard room(String(word), size: size, isBold: isBold) <= most, lines.count < count else { return nil }
        lines.append(String(word))
      }
    }
    return lines.isEmpty ? [""] : lines
  }

  /// Lines that fit the room, shortened where they have to be.
  static func wrapped(
    _ text: String, _ most: Double, count: Int, size: Double = Picture.fontSize, isBold: Bool = false
  ) -> [String] {
    lines(text, most, count: count, size: size, isBold: isBold) ?? [
      fitted(text, most, size: size, isBold: isBold)
    ]
  }
}
