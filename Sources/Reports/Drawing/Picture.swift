import Files

/// A picture as a list of marks, in the order in which they are drawn.
///
/// Every layout ends in one, and SVG and PDF are written from it alone: a mark is in both at the same place. Lengths are CSS pixels (0.75
/// points), y grows downwards.
struct Picture: Sendable, Equatable {
  struct Place: Sendable, Equatable {
    var x: Double
    var y: Double

    init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
  }

  /// What a colour is for: a page draws ink in its own colour of text.
  enum Colour: Sendable, Equatable {
    case ink
    /// The paper, inside of open markers.
    case ground
    case line(Int)
  }

  struct Stroke: Sendable, Equatable {
    var colour: Colour
    var width: Double
    var opacity = 1.0
    var dash: [Double] = []

    static let axis = Stroke(colour: .ink, width: 1)
    static let rule = Stroke(colour: .ink, width: 1, opacity: 0.2)
  }

  /// The shapes of dots: they tell lines apart in grey too.
  enum Marker: Int, Sendable, CaseIterable {
    case circle, square, triangle, diamond, ring, box, wedge, kite

    var isOpen: Bool { self == .ring || self == .box || self == .kite }

    /// The corners about the origin, for a circle of radius 1; nil for a circle.
    var corners: [Place]? {
      switch self {
      case .circle, .ring: nil
      case .square, .box: [Place(-0.9, -0.9), Place(0.9, -0.9), Place(0.9, 0.9), Place(-0.9, 0.9)]
      case .triangle: [Place(0, -1.25), Place(1.15, 0.85), Place(-1.15, 0.85)]
      case .wedge: [Place(0, 1.25), Place(1.15, -0.85), Place(-1.15, -0.85)]
      case .diamond, .kite: [Place(0, -1.35), Place(1.35, 0), Place(0, 1.35), Place(-1.35, 0)]
      }
    }
  }

  /// A point of the data, with what is said of it when it is pointed at.
  struct Dot: Sendable, Equatable {
    var at: Place
    var radius: Double
    var marker: Marker
    var colour: Colour
    /// Empty for a dot that is no datum: the legend's.
    var title: String
  }

  enum Anchor: String, Sendable { case start, middle, end }

  /// The direction in which a text runs, about its place.
  enum Turn: Sendable {
    case none
    /// Upwards to the right.
    case slanted
    case up

    /// Clockwise, as y grows downwards.
    var degrees: Double { self == .none ? 0 : self == .slanted ? -40 : -90 }
    var cosine: Double { self == .none ? 1 : self == .slanted ? 0.766044443 : 0 }
    var sine: Double { self == .none ? 0 : self == .slanted ? -0.642787610 : -1 }
  }

  struct Label: Sendable, Equatable {
    /// What a page may leave out beside another picture that has it too.
    enum Role: String, Sendable {
      case plain = ""
      case nameOfX = "name-x"
      case nameOfY = "name-y"
    }

    var text: String
    var at: Place
    var size = Picture.fontSize
    var anchor = Anchor.start
    var isBold = false
    var turn = Turn.none
    /// The text as it was before it was shortened.
    var full: String?
    var role = Role.plain
  }

  enum Mark: Sendable, Equatable {
    case line([Place], Stroke)
    case area([Place], Colour, opacity: Double)
    case dot(Dot)
    case text(Label)
  }

  static let fontSize = 13.0

  let width: Double
  let height: Double
  /// What the picture shows, for those who do not see it.
  var summary: String
  var title = ""
  var note = ""
  var marks: [Mark] = []

  init(width: Double, height: Double, summary: String = "") {
    (self.width, self.height, self.summary) = (width.rounded(.up), height.rounded(.up), summary)
  }

  /// Draws another picture here.
  mutating func add(_ other: Picture, x: Double = 0, y: Double = 0) {
    let move = { (place: Place) in Place(place.x + x, place.y + y) }
    for mark in other.marks {
      switch mark {
      case .line(let places, let stroke): marks.append(.line(places.map(move), stroke))
      case .area(let places, let colour, let opacity):
        marks.append(.area(places.map(move), colour, opacity: opacity))
      case .dot(var dot):
        dot.at = move(dot.at)
        marks.append(.dot(dot))
      case .text(var label):
        label.at = move(label.at)
        marks.append(.text(label))
      }
    }
  }

  /// Pictures one above the other.
  static func stacked(_ pictures: [Picture]) -> Picture {
    var whole = Picture(
      width: pictures.map(\.width).max() ?? 0, height: pictures.reduce(0) { $0 + $1.height },
      summary: pictures.map(\.summary).filter { !$0.isEmpty }.joined(separator: " "))
    whole.title = pictures.map(\.title).filter { !$0.isEmpty }.joined(separator: "; ")
    whole.note = pictures.map(\.note).filter { !$0.isEmpty }.joined(separator: " ")
    var top = 0.0
    for picture in pictures {
      whole.add(picture, y: top)
      top += picture.height
    }
    return whole
  }

  /// A length as both formats write it: two digits, none that say nothing.
  static func number(_ value: Double) -> String {
    var text = Text.fixed(value.isFinite ? value : 0, 2).filter { $0 != "," }
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text == "-0" ? "0" : text
  }

  /// Mid tones, told apart by people who see colours differently too (Okabe & Ito), as red, green and blue from 0 to 255.
  private static let tones: [[Int]] = [
    [0x00, 0x72, 0xb2], [0xd5, 0x5e, 0x00], [0x00, 0x9e, 0x73], [0xcc, 0x79, 0xa7], [0x8a, 0x6d, 0x00],
    [0x56, 0xb4, 0xe9], [0x7a, 0x7a, 0x7a], [0x94, 0x67, 0xbd],
  ]

  /// Colours on paper.
  static func tone(_ colour: Colour) -> [Int] {
    switch colour {
    case .ink: [0x22, 0x22, 0x22]
    case .ground: [255, 255, 255]
    case .line(let i): tones[i % tones.count]
    }
  }
}
