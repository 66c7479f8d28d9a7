import Files

/// Takes the fields of a text one by one (RFC 4180, with blanks around quotes).
struct CSVScanner {
  let text: UnsafeBufferPointer<UInt8>
  let name: String
  let end: Int
  let delimiter: UInt8
  /// The place of the next byte.
  var next: Int

  /// Where a field's content is: between its quotes, or without blanks around it.
  struct Field {
    var range: Range<Int>
    /// Whether quotes in it are doubled.
    var hasQuotes = false
  }

  init(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int, delimiter: UInt8, name: String) {
    (self.text, self.name, self.end, self.delimiter) = (text, name, end, delimiter)
    next = start
  }

  var endsLine: Bool { next < end && (text[next] == 0x0A || text[next] == 0x0D) }

  /// Whether a field may end here.
  var endsField: Bool {
    next >= end || text[next] == delimiter || text[next] == 0x0A || text[next] == 0x0D
  }

  mutating func takeDelimiter() -> Bool {
    guard next < end, text[next] == delimiter else { return false }
    next += 1
    return true
  }

  /// Takes a line's end, of one byte or two; nothing where the text ends.
  mutating func endLine() {
    guard next < end else { return }
    let byte = text[next]
    next += 1
    if byte == 0x0D, next < end, text[next] == 0x0A { next += 1 }
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte == 0x09 && delimiter != 0x09) }

  mutating func skipBlanks() {
    while next < end, isBlank(text[next]) { next += 1 }
  }

  /// Moves behind a field.
  mutating func field() throws(DataError) -> Field {
    skipBlanks()
    if next < end, text[next] == UInt8(ascii: "\"") { return try quotedField() }
    let first = next
    while next < end {
      let byte = text[next]
      if byte == delimiter || byte == 0x0A || byte == 0x0D { break }
      if byte == UInt8(ascii: "\"") { throw failure("found a quote inside a field without quotes", at: next) }
      next += 1
    }
    var last = next
    while last > first, isBlank(text[last - 1]) { last -= 1 }
    return Field(range: first..<last)
  }

  private mutating func quotedField() throws(DataError) -> Field {
    let start = next
    next += 1
    var field = Field(range: next..<next)
    while next < end {
      let byte = text[next]
      next += 1
      if byte != UInt8(ascii: "\"") { continue }
      if next < end, text[next] == byte {
        field.hasQuotes = true
        next += 1
        continue
      }
      field.range = (start + 1)..<(next - 1)
      skipBlanks()
      return field
    }
    throw failure("the quote that opens here is never closed", at: start)
  }

  /// The bytes of a field that has doubled quotes.
  func unquoted(_ field: Field) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(field.range.count)
    var i = field.range.lowerBound
    while i < field.range.upperBound {
      bytes.append(text[i])
      i += text[i] == UInt8(ascii: "\"") ? 2 : 1
    }
    return bytes
  }

  /// A field as text. Two names that differ in bytes that are no UTF-8 would become one.
  func string(_ field: Field, at start: Int) throws(DataError) -> String {
    let string =
      field.hasQuotes
      ? String(validating: unquoted(field), as: UTF8.self) : String(validating: text[field.range], as: UTF8.self)
    guard let string else { throw failure("found bytes that are not UTF-8; save the file as UTF-8", at: start) }
    return string
  }

  /// The number of a field's text.
  func number(
    _ field: Field, at start: Int, in numbers: inout ByteNumbers
  ) throws(DataError) -> (number: Int32, isNew: Bool) {
    if field.hasQuotes {
      _ = try string(field, at: start)
      return unquoted(field).withUnsafeBufferPointer { bytes in
        numbers.known(bytes).map { ($0, false) } ?? (numbers.add(bytes), true)
      }
    }
    let bytes = UnsafeBufferPointer(rebasing: text[field.range])
    if let known = numbers.known(bytes) { return (known, false) }
    _ = try string(field, at: start)
    return (numbers.add(bytes), true)
  }

  var nameAhead: String { next < end ? "the byte \(text[next])" : "the end of the file" }

  func failure(_ problem: String, at offset: Int) -> DataError {
    .file(place: TextPlace.name(name, offset: offset, in: text), problem: problem)
  }
}

/// Numbers texts, given as bytes, in the order in which they first appear. A text that was seen makes no string.
struct ByteNumbers {
  private var bytes: [UInt8] = []
  /// Where each text ends in `bytes`.
  private var ends: [Int] = []
  /// Open addressing: numbers of texts, -1 where a place is free. Never more than half full.
  private var places: [Int32] = []
  private var last: Int32 = -1

  var count: Int { ends.count }

  private func range(_ number: Int) -> Range<Int> { (number == 0 ? 0 : ends[number - 1])..<ends[number] }

  private func isText(_ number: Int32, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
    let range = range(Int(number))
    guard range.count == text.count else { return false }
    for i in 0..<text.count where bytes[range.lowerBound + i] != text[i] { return false }
    return true
  }

  /// The system's hash has a secret: nobody can write a file whose texts all collide. Numbers do not depend on it.
  private static func hash(_ text: UnsafeBufferPointer<UInt8>) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(text))
    return hasher.finalize()
  }

  /// The number of a text that was seen; nil for a new one.
  mutating func known(_ text: UnsafeBufferPointer<UInt8>) -> Int32? {
    guard !ends.isEmpty else { return nil }
    if last >= 0, isText(last, text) { return last }
    var place = Self.hash(text) & (places.count - 1)
    while places[place] >= 0 {
      if isText(places[place], text) {
        last = places[place]
        return last
      }
      place = (place + 1) & (places.count - 1)
    }
    return nil
  }

  /// Numbers a text that is new.
  mutating func add(_ text: UnsafeBufferPointer<UInt8>) -> Int32 {
    if 2 * (count + 1) > places.count { grow() }
    let number = Int32(count)
    bytes.append(contentsOf: text)
    ends.append(bytes.count)
    put(number, text)
    last = number
    return number
  }

  private mutating func put(_ number: Int32, _ text: UnsafeBufferPointer<UInt8>) {
    var place = Self.hash(text) & (places.count - 1)
    while places[place] >= 0 { place = (place + 1) & (places.count - 1) }
    places[place] = number
  }

  private mutating func grow() {
    places = [Int32](repeating: -1, count: max(2 * places.count, 16))
    let all = bytes
    all.withUnsafeBufferPointer { all in
      for number in 0..<count { put(Int32(number), UnsafeBufferPointer(rebasing: all[range(number)])) }
    }
  }

  /// All texts by their numbers; they were checked to be UTF-8.
  var texts: [String] { (0..<count).map { String(decoding: bytes[range($0)], as: UTF8.self) } }
}
