import Files
import JSONText

/// One pass over the text of a file: numbers go straight to where they stay.
struct LEAFReader {
  /// What is asked of the examples.
  struct Options: Sendable {
    var aim = LearningAim.classes
    /// The characters that texts may have; nil for any.
    var alphabet: Alphabet?
  }

  private var json: JSONCursor
  private let options: Options
  private var file: LEAFFile

  private static let mostNesting = 16
  /// Of the row that is read, by depth: how many members its first array there has, and whether they are arrays; -1 before it ended.
  private var shape = [Int](repeating: -1, count: LEAFReader.mostNesting)
  /// As for CSV: more are no classes.
  private static let mostClasses = CSVData.mostClasses

  init(_ text: UnsafeBufferPointer<UInt8>, name: String, _ options: Options) {
    json = JSONCursor(text)
    self.options = options
    file = LEAFFile(name: name)
  }

  private var text: UnsafeBufferPointer<UInt8> { json.bytes }
  private var next: Int {
    get { json.next }
    set { json.next = newValue }
  }

  mutating func read() throws(DataError) -> LEAFFile {
    var users: [String]?
    var counts: [Int]?
    var hasData = false
    try members { (reader, key, start) throws(DataError) in
      switch key {
      case "users":
        guard users == nil else { throw reader.failure("found \"users\" a second time", at: start) }
        var list: [String] = []
        try reader.elements { (reader) throws(DataError) in list.append(try reader.user()) }
        users = list
      case "num_samples":
        guard counts == nil else { throw reader.failure("found \"num_samples\" a second time", at: start) }
        var list: [Int] = []
        try reader.elements { (reader) throws(DataError) in list.append(try reader.integer(most: Int(Int32.max))) }
        counts = list
      case "user_data":
        guard !hasData else { throw reader.failure("found \"user_data\" a second time", at: start) }
        hasData = true
        try reader.userData()
      default: try reader.skipValue(depth: 0)
      }
    }
    skipSpace()
    guard next == text.count else { throw failure("found bytes after the end of the object", at: next) }
    guard let users, hasData else {
      throw failure("found no \"\(users == nil ? "users" : "user_data")\"", at: text.count)
    }
    try check(users, counts)
    try checkTexts()
    return file
  }

  /// Whether the three lists of users agree.
  private func check(_ users: [String], _ counts: [Int]?) throws(DataError) {
    var listed = Set<String>()
    if let twice = users.first(where: { !listed.insert($0).inserted }) {
      throw failure("\"users\" has \(ShownText.quoted(twice)) twice", at: text.count)
    }
    let found = Dictionary(file.users.map { ($0.name, $0.count) }, uniquingKeysWith: { first, _ in first })
    guard Set(users) == Set(found.keys), users.count == found.count else {
      let odd = Set(users).symmetricDifference(found.keys).sorted().first ?? users.first ?? ""
      throw failure("\"users\" and \"user_data\" differ, for example in \(ShownText.quoted(odd))", at: text.count)
    }
    guard let counts else { return }
    guard counts.count == users.count else {
      throw failure("found \(counts.count) \"num_samples\" of \(users.count) users", at: text.count)
    }
    for (user, count) in zip(users, counts) where found[user] != count {
      throw failure(
        "\"num_samples\" says \(count) for user \(ShownText.quoted(user)), who has \(found[user] ?? 0)", at: text.count)
    }
  }

  /// Where rows are texts, a label is the next character.
  private mutating func checkTexts() throws(DataError) {
    guard file.form.isText else { return }
    if options.aim == .quantities {
      throw failure("found a text where quantities are predicted, from numbers", at: file.firstRow)
    }
    guard file.form.label == .text else {
      throw failure(
        "found a label that is no text; where \"x\" are texts, it is the next character", at: file.firstLabel)
    }
    for (label, place) in zip(file.labelTexts.texts, file.labelPlaces) {
      guard let scalar = label.unicodeScalars.first, label.unicodeScalars.count == 1 else {
        throw failure(
          "found the label \(ShownText.quoted(label)); where \"x\" are texts, it is the next character, and one alone",
          at: place)
      }
      try insert(scalar.value, at: place)
    }
  }

  private mutating func insert(_ scalar: UInt32, at start: Int) throws(DataError) {
    file.scalars.insert(scalar)
    guard let alphabet = options.alphabet, alphabet.number(of: scalar) == nil else { return }
    throw failure(
      "found the character \(Unicode.Scalar(scalar).map(Alphabet.shown) ?? ""), which the alphabet does not have",
      at: start)
  }

  /// A name, or an integer, which stands for its digits: names of members are always texts.
  private mutating func user() throws(DataError) -> String {
    if peek == UInt8(ascii: "\"") { return try string() }
    let start = next
    _ = take(UInt8(ascii: "-"))
    let digits = next
    while next < text.count, text[next] &- 0x30 < 10 { next += 1 }
    let isNumber = next > digits && (text[digits] != 0x30 || next == digits + 1)
    guard isNumber, ![UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(peek ?? 0) else {
      next = start
      throw unexpected("a string or an integer")
    }
    return String(decoding: text[start..<next], as: UTF8.self)
  }

  private mutating func userData() throws(DataError) {
    var known = Set<String>()
    try members { (reader, user, start) throws(DataError) in
      guard known.insert(user).inserted else {
        throw reader.failure("found user \(ShownText.quoted(user)) a second time", at: start)
      }
      reader.file.users.append(.init(name: user, place: start))
      let first = reader.labelCount
      var rows: Int?
      var hasLabels = false
      try reader.members { (reader, key, start) throws(DataError) in
        switch key {
        case "x":
          guard rows == nil else { throw reader.failure("found \"x\" a second time", at: start) }
          rows = try reader.rows(of: user)
        case "y":
          guard !hasLabels else { throw reader.failure("found \"y\" a second time", at: start) }
          hasLabels = true
          try reader.elements { (reader) throws(DataError) in try reader.label() }
        default: try reader.skipValue(depth: 0)
        }
      }
      let count = reader.labelCount - first
      guard let rows, rows == count else {
        throw reader.failure(
          "user \(ShownText.quoted(user)): found \(rows ?? 0) examples in \"x\" and \(count) labels in \"y\"", at: start
        )
      }
      guard reader.labelCount <= Int(Int32.max) else {
        throw reader.failure("found more than \(Int32.max) examples", at: start)
      }
      reader.file.users[reader.file.users.count - 1].count = count
    }
  }

  // MARK: Examples

  private var labelCount: Int { options.aim == .quantities ? file.quantities.count : file.labels.count }

  /// The rows of a user.
  private mutating func rows(of user: String) throws(DataError) -> Int {
    var count = 0
    try elements { (reader) throws(DataError) in
      let start = reader.next
      let before = reader.file.features.count
      let isText = reader.peek == UInt8(ascii: "\"")
      if reader.file.form.row == nil {
        reader.reserve(isText: isText)
        reader.file.firstRow = start
      }
      if isText {
        try reader.characters()
      } else {
        for depth in reader.shape.indices { reader.shape[depth] = -1 }
        try reader.values(depth: 0)
      }
      let width = reader.file.features.count - before
      let row = isText ? LEAFForm.Row.text(width) : .numbers(width)
      guard width > 0 else {
        throw reader.failure("user \(ShownText.quoted(user)): found an example of 0 features", at: start)
      }
      if row != reader.file.form.row {
        if let problem = LEAFForm.problem(row, reader.file.form.row) {
          throw reader.failure("user \(ShownText.quoted(user)): \(problem)", at: start)
        }
        reader.file.form.row = row
      }
      count += 1
    }
    return count
  }

  /// Commas bound the number of values, and bytes that of characters: at most one growth of the array, and no more is asked for than the
  /// text that is there can hold.
  private mutating func reserve(isText: Bool) {
    let rest = text[next...]
    file.features.reserveCapacity(isText ? rest.count : rest.count { $0 == UInt8(ascii: ",") } + 1)
  }

  /// A text as the code points of its characters.
  private mutating func characters() throws(DataError) {
    let start = next
    // Most characters are bytes.
    var i = next + 1
    while i < text.count, case let byte = text[i], byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"),
      (0x20..<0x80).contains(byte)
    {
      i += 1
    }
    if i < text.count, text[i] == UInt8(ascii: "\"") {
      for byte in text[(next + 1)..<i] { file.features.append(Float(byte)) }
      if options.alphabet == nil {
        for byte in text[(next + 1)..<i] { file.scalars.insert(UInt32(byte)) }
      } else {
        for byte in text[(next + 1)..<i] { try insert(UInt32(byte), at: start) }
      }
      next = i + 1
      return
    }
    for scalar in try validText().unicodeScalars {
      try insert(scalar.value, at: start)
      file.features.append(Float(scalar.value))
    }
  }

  /// A string whose bytes are UTF-8: others would become one and the same character.
  private mutating func validText() throws(DataError) -> String {
    let start = next
    let found = try string()
    guard String(validating: text[start..<next], as: UTF8.self) != nil else {
      throw failure("found bytes that are not UTF-8", at: start)
    }
    return found
  }

  private mutating func label() throws(DataError) {
    let start = next
    let kind: LEAFForm.Label
    if options.aim == .quantities {
      if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "[") {
        throw unexpected("a number (quantities are predicted)")
      }
      file.quantities.append(try number())
      kind = .number
    } else {
      switch peek {
      case UInt8(ascii: "\"")?:
        file.labels.append(try textNumber())
        kind = .text
      case UInt8(ascii: "[")?:
        let (place, width) = try oneOf()
        file.labels.append(Int32(place))
        kind = .oneOf(width)
      default:
        file.labels.append(Int32(try integer(most: Self.mostClasses - 1)))
        kind = .number
      }
    }
    if kind == file.form.label { return }
    if let problem = LEAFForm.problem(kind, file.form.label) { throw failure(problem, at: start) }
    (file.form.label, file.firstLabel) = (kind, start)
  }

  /// The number of a label that is a text.
  private mutating func textNumber() throws(DataError) -> Int32 {
    let start = next
    var end = next + 1
    while end < text.count, text[end] != UInt8(ascii: "\""), text[end] != UInt8(ascii: "\\"), text[end] >= 0x20 {
      end += 1
    }
    // A text that repeats the one before it needs no string.
    if end < text.count, text[end] == UInt8(ascii: "\""),
      let number = file.labelTexts.repeated(UnsafeBufferPointer(rebasing: text[(start + 1)..<end]))
    {
      next = end + 1
      return number
    }
    let label = try validText()
    guard !label.isEmpty else { throw failure("found an empty text as a label", at: start) }
    let number = file.labelTexts.number(of: label, from: UnsafeBufferPointer(rebasing: text[(start + 1)..<(next - 1)]))
    if Int(number) == file.labelPlaces.count { file.labelPlaces.append(start) }
    return number
  }

  /// An array of zeros and one 1: where the 1 is, and how many there are.
  private mutating func oneOf() throws(DataError) -> (place: Int, width: Int) {
    let start = next
    var (place, width, isOne) = (0, 0, true)
    var ones = 0
    try elements { (reader) throws(DataError) in
      switch try reader.number() {
      case 0: break
      case 1: (place, ones) = (width, ones + 1)
      default: isOne = false
      }
      width += 1
    }
    guard isOne, ones == 1, (2...Self.mostClasses).contains(width) else {
      throw failure(
        "found an array as a label that is not 2 to \(Self.mostClasses) zeros, with one 1 in the place of one",
        at: start)
    }
    return (place, width)
  }

  /// Numbers, nested or not, in the order of the text.
  private mutating func values(depth: Int) throws(DataError) {
    guard depth < Self.mostNesting else { throw failure("found arrays nested too deep", at: next) }
    guard take(UInt8(ascii: "[")) else {
      file.features.append(try number())
      return
    }
    let start = next
    skipSpace()
    if take(UInt8(ascii: "]")) { return try end(count: 0, isNested: false, depth: depth, at: start) }
    let isNested = peek == UInt8(ascii: "[")
    var count = 0
    while true {
      if peek == UInt8(ascii: "[") {
        guard isNested else { throw failure("found an array beside numbers in a row", at: next) }
        try values(depth: depth + 1)
      } else {
        guard !isNested else { throw unexpected("\"[\", as its neighbors are arrays,") }
        file.features.append(try number())
      }
      count += 1
      skipSpace()
      if take(UInt8(ascii: ",")) {
        skipSpace()
        continue
      }
      guard take(UInt8(ascii: "]")) else { throw unexpected("\",\" or \"]\"") }
      return try end(count: count, isNested: isNested, depth: depth, at: start)
    }
  }

  /// The end of an array within a row, which must be like the first at its depth: features of other places would stand in one column.
  private mutating func end(count: Int, isNested: Bool, depth: Int, at start: Int) throws(DataError) {
    let found = 2 * count + (isNested ? 1 : 0)
    if shape[depth] < 0 { shape[depth] = found }
    guard shape[depth] == found else {
      throw failure(
        "found \(count) \(isNested ? "arrays" : "numbers") in an array within a row, whose first one at that depth has \(shape[depth] / 2) "
          + (shape[depth] % 2 == 1 ? "arrays" : "numbers"), at: start)
    }
  }

  private mutating func number() throws(DataError) -> Float {
    let start = next
    guard let value = DecimalNumber.read(json.bytes, &json.next, isStrict: true) else {
      throw unexpected(
        peek == UInt8(ascii: "\"")
          ? "a number (a list of texts is no row of features: words have to be numbers first)" : "a number")
    }
    guard value.isFinite else { throw failure("found a number beyond the range of single precision", at: start) }
    return value
  }

  private mutating func integer(most: Int) throws(DataError) -> Int {
    let start = next
    var value = 0
    while next < text.count, case let digit = text[next] &- 0x30, digit < 10, next < start + 10 {
      value = value * 10 + Int(digit)
      next += 1
    }
    // NumPy writes class numbers as 3.0 where labels were floats.
    if next > start, take(UInt8(ascii: ".")) {
      let fraction = next
      while take(UInt8(ascii: "0")) {}
      if next == fraction { next = start }
    }
    guard next > start, value <= most, !(0x30...0x39).contains(peek ?? 0), (peek ?? 0) | 0x20 != UInt8(ascii: "e")
    else {
      next = start
      throw unexpected("an integer from 0 to \(most)")
    }
    return value
  }

  // MARK: JSON

  private mutating func members(
    _ body: (inout LEAFReader, String, Int) throws(DataError) -> Void
  ) throws(DataError) {
    skipSpace()
    guard take(UInt8(ascii: "{")) else { throw unexpected("\"{\"") }
    skipSpace()
    if take(UInt8(ascii: "}")) { return }
    while true {
      skipSpace()
      let start = next
      let key = try string()
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw unexpected("\":\"") }
      skipSpace()
      try body(&self, key, start)
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "}")) else { throw unexpected("\",\" or \"}\"") }
      return
    }
  }

  private mutating func elements(_ body: (inout LEAFReader) throws(DataError) -> Void) throws(DataError) {
    guard take(UInt8(ascii: "[")) else { throw unexpected("\"[\"") }
    skipSpace()
    if take(UInt8(ascii: "]")) { return }
    while true {
      skipSpace()
      try body(&self)
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "]")) else { throw unexpected("\",\" or \"]\"") }
      return
    }
  }

  private mutating func string() throws(DataError) -> String {
    guard peek == UInt8(ascii: "\"") else { throw unexpected("a string") }
    do throws(JSONStringFault) { return try json.string() } catch { throw failure(error) }
  }

  private func failure(_ fault: JSONStringFault) -> DataError {
    let place = fault.backslash ?? fault.offset
    switch fault.kind {
    case .endOfText: return failure("the string that starts here never ends", at: fault.opening)
    case .controlCharacter: return failure("found a control character in a string", at: place)
    case .unknownEscape:
      return failure(
        fault.offset == text.count ? "the string ends in an escape" : "found an unknown escape", at: place)
    case .digit: return failure("found an escape without four hexadecimal digits", at: place)
    case .halfOfPair: return failure("found half of a surrogate pair", at: place)
    }
  }

  private mutating func skipValue(depth: Int) throws(DataError) {
    guard depth < Self.mostNesting else { throw failure("found values nested too deep", at: next) }
    switch peek {
    case UInt8(ascii: "{")?:
      try members { (reader, _, _) throws(DataError) in try reader.skipValue(depth: depth + 1) }
    case UInt8(ascii: "[")?: try elements { (reader) throws(DataError) in try reader.skipValue(depth: depth + 1) }
    case UInt8(ascii: "\"")?: _ = try string()
    default:
      for word in ["null", "true", "false"] where text[next...].starts(with: word.utf8) {
        next += word.utf8.count
        return
      }
      guard DecimalNumber.read(json.bytes, &json.next, isStrict: true) != nil else { throw unexpected("a value") }
    }
  }

  private var peek: UInt8? { json.peek }

  private mutating func take(_ byte: UInt8) -> Bool { json.take(byte) }

  private mutating func skipSpace() { json.skipSpace() }

  private func unexpected(_ expected: String) -> DataError {
    let found =
      switch peek {
      case nil: "the end of the file"
      case (0x21...0x7E)? where next < text.count: "\"\(Character(Unicode.Scalar(text[next])))\""
      case let byte?: "the byte \(byte)"
      }
    return failure("found \(found) where \(expected) was expected", at: next)
  }

  private func failure(_ problem: String, at offset: Int) -> DataError {
    .file(place: TextPlace.name(file.name, offset: offset, in: text), problem: problem)
  }
}
