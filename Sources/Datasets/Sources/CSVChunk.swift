import Files
import Numerics

/// What the reader does with the fields of a column.
enum CSVRole: Sendable {
  case skip
  case label
  /// A quantity to predict.
  case target
  case client
  /// A feature that is tried as a number first.
  case number(slot: Int)
  /// A feature whose texts are numbered.
  case text(slot: Int)
}

/// A cell of a table that is no number is a quiet NaN that carries what it is.
enum CSVCell {
  private static let quiet: UInt32 = 0x7FC0_0000
  private static let rest: UInt32 = 0x003F_FFFF

  static let missing = Float(bitPattern: quiet)
  /// One of more different texts than are numbered.
  static let other = Float(bitPattern: quiet | rest)

  static func text(_ number: Int32) -> Float { Float(bitPattern: quiet | (UInt32(number) + 1)) }

  /// The number of its text: -1 where it is missing, nil for one of too many texts. The cell must be no number.
  static func number(_ cell: Float) -> Int? {
    let payload = cell.bitPattern & rest
    return payload == rest ? nil : Int(payload) - 1
  }
}

/// The records of a part of a text.
struct CSVChunk: Sendable {
  /// What one column of features has.
  struct Column: Sendable {
    var texts = 0
    var missing = 0
    /// By their numbers in cells.
    var names: [String] = []
    /// The place and the text of the first one that is no number, and of the first that is missing.
    var firstText: Int?
    var firstMissing: Int?
  }

  /// Its first row in the table's cells.
  var first = 0
  var rows = 0
  var columns: [Column]
  var labels: [Int32] = []
  var labelNames: [String] = []
  var targets: [Float] = []
  var owners: [Int32] = []
  var ownerNames: [String] = []
}

/// Reads the records of a part of a text: one pass.
struct CSVChunkReader {
  private var scanner: CSVScanner
  private let plan: CSVPlan
  /// Room for a row of each record.
  private let cells: UnsafeMutablePointer<Float>
  private var chunk: CSVChunk
  private var names: [ByteNumbers]
  /// Which of the names stand for values that are missing.
  private var areMissing: [[Bool]]
  private var labels = ByteNumbers()
  private var clients = ByteNumbers()
  private let cache: CSVTextCache

  /// More different texts of a column are not numbered: no column may have so many.
  static let mostTexts = CSVLayout.mostCategories + 2

  init(_ scanner: CSVScanner, _ plan: CSVPlan, cells: UnsafeMutablePointer<Float>) {
    (self.scanner, self.plan, self.cells) = (scanner, plan, cells)
    cache = CSVTextCache(delimiter: scanner.delimiter)
    chunk = CSVChunk(columns: [CSVChunk.Column](repeating: .init(), count: plan.slots.count))
    names = [ByteNumbers](repeating: ByteNumbers(), count: plan.slots.count)
    areMissing = [[Bool]](repeating: [], count: plan.slots.count)
    for (slot, given) in plan.slots.enumerated() {
      for name in given.categories ?? [] {
        Array(name.utf8).withUnsafeBufferPointer { bytes in
          // Lists have no name twice.
          _ = names[slot].add(bytes)
        }
        areMissing[slot].append(false)
      }
    }
  }

  mutating func read() throws(DataError) -> CSVChunk {
    let width = plan.slots.count
    let roles = plan.roles
    let delimiter = scanner.delimiter
    let point = plan.point
    let text = scanner.text
    let cache = cache
    // Of the texts that the cache knew.
    let counts = UnsafeMutablePointer<(texts: Int, missing: Int)>.allocate(capacity: width)
    counts.initialize(repeating: (0, 0), count: width)
    defer { counts.deallocate() }
    while scanner.next < scanner.end {
      if scanner.endsLine {  // An empty line.
        scanner.endLine()
        continue
      }
      let row = cells + chunk.rows * width
      for column in 0..<roles.count {
        if column > 0, !scanner.takeDelimiter() {
          throw scanner.failure(
            scanner.next < scanner.end && !scanner.endsLine
              ? "found \(scanner.nameAhead) after a field; \(plan.delimiter.words) or the end of the line has to follow"
              : "the line ends after \(column) of \(roles.count) fields", at: scanner.next)
        }
        switch roles[column] {
        case .number(let slot):
          let start = scanner.next
          // What most fields are: a number, then a delimiter or the end of the line.
          if let value = DecimalNumber.read(text, &scanner.next, isStrict: false, point: point), value.isFinite,
            scanner.next >= scanner.end || text[scanner.next] == delimiter || text[scanner.next] == 0x0A
              || text[scanner.next] == 0x0D
          {
            row[slot] = value
          } else {
            scanner.next = start
            row[slot] = try repeated(slot, column, triesNumber: true, counts)
          }
        case .text(let slot): row[slot] = try repeated(slot, column, triesNumber: false, counts)
        case .label:
          let start = scanner.next
          let key = cache.key(text, at: start)
          if let key, let known = cache.value(column, key) {
            scanner.next += key.length
            chunk.labels.append(Int32(bitPattern: known))
          } else {
            let number = try scanner.number(try named(column), at: start, in: &labels).number
            if let key { cache.keep(UInt32(bitPattern: number), column, key) }
            chunk.labels.append(number)
          }
        case .client:
          let start = scanner.next
          let key = cache.key(text, at: start)
          if let key, let known = cache.value(column, key) {
            scanner.next += key.length
            chunk.owners.append(Int32(bitPattern: known))
          } else {
            let number = try scanner.number(try named(column), at: start, in: &clients).number
            if let key { cache.keep(UInt32(bitPattern: number), column, key) }
            chunk.owners.append(number)
          }
        case .target: chunk.targets.append(try quantity(column))
        case .skip: _ = try scanner.field()
        }
      }
      if scanner.next < scanner.end, text[scanner.next] == delimiter {
        throw scanner.failure(
          "found more than the \(plan.hasHeader ? "header's" : "first line's") \(roles.count) fields", at: scanner.next)
      }
      if scanner.next < scanner.end {
        guard scanner.endsLine else {
          throw scanner.failure("found \(scanner.nameAhead) where the line had to end", at: scanner.next)
        }
        scanner.endLine()
      }
      chunk.rows += 1
    }
    chunk.labelNames = labels.texts
    chunk.ownerNames = clients.texts
    for slot in 0..<width {
      chunk.columns[slot].names = names[slot].texts
      chunk.columns[slot].texts += counts[slot].texts
      chunk.columns[slot].missing += counts[slot].missing
    }
    return chunk
  }

  /// A text of label or client.
  private mutating func named(_ column: Int) throws(DataError) -> CSVScanner.Field {
    let start = scanner.next
    let field = try scanner.field()
    guard !field.range.isEmpty else {
      throw scanner.failure("column \(ShownText.quoted(plan.names[column])): the value is missing", at: start)
    }
    return field
  }

  /// A field that is no plain number: most are texts that the column had before.
  @inline(__always)
  private mutating func repeated(
    _ slot: Int, _ column: Int, triesNumber: Bool, _ counts: UnsafeMutablePointer<(texts: Int, missing: Int)>
  ) throws(DataError) -> Float {
    guard let key = cache.key(scanner.text, at: scanner.next) else {
      return try unusual(slot, triesNumber: triesNumber)
    }
    if let known = cache.value(column, key) {
      scanner.next += key.length
      let cell = Float(bitPattern: known)
      if known == CSVCell.missing.bitPattern { counts[slot].missing += 1 } else { counts[slot].texts += 1 }
      return cell
    }
    let cell = try unusual(slot, triesNumber: triesNumber)
    // The first of its kind has left its place. Texts beyond those that are numbered are not told apart.
    if cell.isNaN, cell.bitPattern != CSVCell.other.bitPattern { cache.keep(cell.bitPattern, column, key) }
    return cell
  }

  /// A number with blanks, in quotes, or none.
  private mutating func unusual(_ slot: Int, triesNumber: Bool) throws(DataError) -> Float {
    let start = scanner.next
    let field = try scanner.field()
    if triesNumber, let value = decimal(field), value.isFinite { return value }
    let isFull = names[slot].count >= Self.mostTexts + (plan.slots[slot].categories?.count ?? 0)
    if isFull {
      let bytes = field.hasQuotes ? scanner.unquoted(field) : Array(scanner.text[field.range])
      guard let known = bytes.withUnsafeBufferPointer({ names[slot].known($0) }) else {
        if MissingMarks.isValue(try scanner.string(field, at: start)) { return missing(slot, at: start) }
        chunk.columns[slot].texts += 1
        return CSVCell.other
      }
      if areMissing[slot][Int(known)] { return missing(slot, at: start) }
      chunk.columns[slot].texts += 1
      return CSVCell.text(known)
    }
    let (number, isNew) = try scanner.number(field, at: start, in: &names[slot])
    if isNew { areMissing[slot].append(MissingMarks.isValue(try scanner.string(field, at: start))) }
    if areMissing[slot][Int(number)] { return missing(slot, at: start) }
    chunk.columns[slot].texts += 1
    if chunk.columns[slot].firstText == nil { chunk.columns[slot].firstText = start }
    return CSVCell.text(number)
  }

  private mutating func missing(_ slot: Int, at start: Int) -> Float {
    chunk.columns[slot].missing += 1
    if chunk.columns[slot].firstMissing == nil { chunk.columns[slot].firstMissing = start }
    return CSVCell.missing
  }

  /// The number that a field is, with blanks around it also within its quotes; nil where it is none.
  private func decimal(_ field: CSVScanner.Field) -> Float? {
    let text = scanner.text
    var (first, last) = (field.range.lowerBound, field.range.upperBound)
    while first < last, text[first] == 0x20 || text[first] == 0x09 { first += 1 }
    while last > first, text[last - 1] == 0x20 || text[last - 1] == 0x09 { last -= 1 }
    let bytes = UnsafeBufferPointer(rebasing: text[first..<last])
    var end = 0
    guard let value = DecimalNumber.read(bytes, &end, isStrict: false, point: plan.point), end == bytes.count else {
      return nil
    }
    return value
  }

  private mutating func quantity(_ column: Int) throws(DataError) -> Float {
    let start = scanner.next
    let field = try scanner.field()
    let place = "column \(ShownText.quoted(plan.names[column]))"
    if let value = decimal(field) {
      guard value.isFinite else {
        throw scanner.failure("\(place): found a number beyond the range of single precision", at: start)
      }
      return value
    }
    let found = try scanner.string(field, at: start)
    throw scanner.failure(
      MissingMarks.isValue(found)
        ? "\(place): the value is missing"
        : "\(place): found \(ShownText.quoted(found)); allowed: a number, as it is predicted",
      at: start)
  }
}

/// Parts of a text that begin with a record each, so that they can be read side by side.
///
/// Quotes tell whether a line ends a record: before a byte there is an odd number of them where it is within quotes, doubled ones and all. In a text
/// whose quotes are wrong, what is behind the first wrong one may be cut anywhere; but the part that has it is read up to it, and fails.
enum CSVParts {
  /// - Returns: where each part begins, in order, and how many lines it has; a record has one at least.
  static func parts(
    of text: UnsafeBufferPointer<UInt8>, from start: Int, bytes: Int, _ parallel: Parallel
  ) -> [(range: Range<Int>, lines: Int)] {
    let count = max((text.count - start) / max(bytes, 1), 1)
    let nominal = (0...count).map { $0 == count ? text.count : start + $0 * bytes }
    nonisolated(unsafe) let text = text
    let odd = parallel.map(count) { part in
      var quotes = 0
      for byte in UnsafeBufferPointer(rebasing: text[nominal[part]..<nominal[part + 1]]) where byte == 0x22 {
        quotes &+= 1
      }
      return quotes & 1 == 1
    }
    var starts = [start]
    var isQuoted = false
    for part in 1..<max(count, 1) {
      if odd[part - 1] { isQuoted.toggle() }
      starts.append(max(firstRecord(text, from: nominal[part], isQuoted: isQuoted), starts[part - 1]))
    }
    starts.append(text.count)
    let ends = starts
    let lines = parallel.map(count) { part in
      let bytes = UnsafeBufferPointer(rebasing: text[ends[part]..<ends[part + 1]])
      guard let last = bytes.last else { return 0 }
      var lines = last == 0x0A || last == 0x0D ? 1 : 0
      // Line feeds, and carriage returns before anything else: neither depends on what came before.
      var i = 0
      let raw = UnsafeRawBufferPointer(bytes)
      while i + 9 <= bytes.count {
        let word = raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
        var ends = places(of: 0x0A, in: word)
        let returns = places(of: 0x0D, in: word)
        if returns != 0 {
          ends |= returns & ~places(of: 0x0A, in: raw.loadUnaligned(fromByteOffset: i + 1, as: UInt64.self))
        }
        lines &+= ends.nonzeroBitCount
        i += 8
      }
      while i + 1 < bytes.count {
        let (byte, next) = (bytes[i], bytes[i + 1])
        lines &+= (byte == 0x0A) != (byte == 0x0D && next != 0x0A) ? 1 : 0
        i += 1
      }
      return lines + (last == 0x0A || last == 0x0D ? 0 : 1)
    }
    return (0..<count).map { (starts[$0]..<starts[$0 + 1], lines[$0]) }
  }

  /// The high bit of each byte of eight that is this one.
  @inline(__always)
  private static func places(of byte: UInt8, in word: UInt64) -> UInt64 {
    let low: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
    let other = word ^ (0x0101_0101_0101_0101 * UInt64(byte))
    return ~(((other & low) &+ low) | other | low)
  }

  private static func firstRecord(_ text: UnsafeBufferPointer<UInt8>, from start: Int, isQuoted: Bool) -> Int {
    var isQuoted = isQuoted
    var i = start
    while i < text.count {
      let byte = text[i]
      i += 1
      if byte == 0x22 {
        isQuoted.toggle()
      } else if !isQuoted, byte == 0x0A {
        return i
      } else if !isQuoted, byte == 0x0D {
        return i < text.count && text[i] == 0x0A ? i + 1 : i
      }
    }
    return text.count
  }
}
