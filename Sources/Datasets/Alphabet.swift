import Files
import Settings

/// The symbols of texts, numbered: a symbol is a Unicode scalar, such as a letter, a mark or a line feed, and what reads as one letter may
/// be several (e and an accent). Nothing is normalised.
struct Alphabet: Sendable {
  /// In the order of their numbers.
  let scalars: [Unicode.Scalar]
  /// By code point up to the largest one: the number, or -1.
  private let numbers: [Int32]

  /// The symbols of a text in the order in which they first stand there.
  init(_ text: String) {
    var seen = ScalarSet()
    self.init(scalars: text.unicodeScalars.filter { seen.insert($0.value) })
  }

  /// The symbols of a set by code point.
  init(_ set: ScalarSet) { self.init(scalars: set.sorted) }

  private init(scalars: [Unicode.Scalar]) {
    self.scalars = scalars
    var numbers = [Int32](repeating: -1, count: Int(scalars.map(\.value).max() ?? 0) + 1)
    for (number, scalar) in zip(Int32(0)..., scalars) { numbers[Int(scalar.value)] = number }
    self.numbers = numbers
  }

  /// The number of a code point; nil where the alphabet does not have it.
  func number(of value: UInt32) -> Int32? {
    guard Int(value) < numbers.count, case let number = numbers[Int(value)], number >= 0 else { return nil }
    return number
  }

  /// The symbols as texts.
  var names: [String] { scalars.map { String($0) } }

  /// What is wrong with symbols that somebody gives; nil where nothing is.
  static func problem(_ symbols: String) -> KeyProblem? {
    var seen = ScalarSet()
    guard let twice = symbols.unicodeScalars.first(where: { !seen.insert($0.value) }) else { return nil }
    return KeyProblem(
      "alphabet", "found \(shown(twice)) twice", allowed: "different characters, at least two")
  }

  /// A symbol as messages show it.
  static func shown(_ scalar: Unicode.Scalar) -> String {
    let code = String(scalar.value, radix: 16, uppercase: true)
    return "\(ShownText.quoted(String(scalar))) (U+\(String(repeating: "0", count: max(4 - code.count, 0)) + code))"
  }

  /// The range of the key `alphabet`.
  static let range = KeyRange.text(2...65_536)
  static let meaning =
    "the characters that there are, in the order of their numbers: a constant, so that nothing of it is computed from the data"
  static let fallback = KeyFallback.absent("the characters of training and test examples by code point")
}

/// A set of Unicode scalars, without search: a bit for each code point up to the largest one.
struct ScalarSet: Sendable {
  private var words: [UInt64] = []

  /// Whether the code point was not there.
  @discardableResult
  mutating func insert(_ value: UInt32) -> Bool {
    let (word, bit) = (Int(value >> 6), UInt64(1) << UInt64(value & 63))
    reach(word + 1)
    defer { words[word] |= bit }
    return words[word] & bit == 0
  }

  private mutating func reach(_ count: Int) {
    if words.count < count { words += repeatElement(0, count: count - words.count) }
  }

  mutating func formUnion(_ other: ScalarSet) {
    reach(other.words.count)
    for i in other.words.indices { words[i] |= other.words[i] }
  }

  /// By code point.
  var sorted: [Unicode.Scalar] {
    words.indices.flatMap { i in
      (0..<64).compactMap { words[i] >> UInt64($0) & 1 == 1 ? Unicode.Scalar(UInt32(64 * i + $0)) : nil }
    }
  }
}
