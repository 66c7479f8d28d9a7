import ChannelCoding

/// Named values in order: what a checkpoint is made of.
///
/// As a file: 8 bytes of magic, the format as 4 bytes, the length of the whole file as 8, the sections (name and value, each
/// after its length as 8 bytes), 32 bytes of BLAKE2b over all before. Integers are little-endian.
///
/// Arrays are kept as they were put and turned into bytes while the file is written; sections of a file stay there until they are
/// asked for. So neither way takes memory beside the values themselves.
public struct StateSections: Sendable, Equatable {
  fileprivate enum Value: Sendable {
    case bytes([UInt8])
    case integers([Int])
    case doubles([Double])
    /// Arrays one after another.
    case floats([[Float]])
    case sections(StateSections)
    /// Not read yet.
    case stored(StoredBytes, Range<Int>)
  }

  private struct Section: Sendable {
    let name: String
    let value: Value
    /// Where the value starts in the file that it was read from.
    let offset: Int
  }

  private var sections: [Section] = []

  public init() {}

  /// By names, values and order; not by where they were read.
  public static func == (a: Self, b: Self) -> Bool {
    a.sections.count == b.sections.count
      && zip(a.sections, b.sections).allSatisfy { $0.name == $1.name && $0.value.byteCount == $1.value.byteCount }
      && zip(a.sections, b.sections).allSatisfy { $0.value.digest == $1.value.digest }
  }

  // MARK: Values

  private mutating func put(_ name: String, _ value: Value) {
    precondition(!sections.contains { $0.name == name }, "a section has one value")
    sections.append(Section(name: name, value: value, offset: 0))
  }

  public mutating func put(_ name: String, _ bytes: [UInt8]) { put(name, .bytes(bytes)) }
  public mutating func put(_ name: String, _ text: String) { put(name, .bytes(Array(text.utf8))) }
  public mutating func put(_ name: String, _ values: [Int]) { put(name, .integers(values)) }
  public mutating func put(_ name: String, _ values: [Double]) { put(name, .doubles(values)) }
  public mutating func put(_ name: String, _ values: [Float]) { put(name, .floats([values])) }
  /// All values of all rows, one after another.
  public mutating func put(_ name: String, rows: [[Float]]) { put(name, .floats(rows)) }
  public mutating func put(_ name: String, _ inner: StateSections) { put(name, .sections(inner)) }

  /// Whether there is a section of this name.
  public func has(_ name: String) -> Bool { sections.contains { $0.name == name } }

  private func section(_ name: String) throws(StateError) -> Section {
    guard let section = sections.first(where: { $0.name == name }) else {
      let names = sections.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw StateError(byte: sections.first?.offset ?? 0, problem: "found no section \"\(name)\" among \(names)")
    }
    return section
  }

  public func bytes(_ name: String) throws(StateError) -> [UInt8] {
    switch try section(name).value {
    case .bytes(let bytes): return bytes
    case .stored(let source, let range): return try source.read(range)
    case let value:
      var bytes: [UInt8] = []
      bytes.reserveCapacity(value.byteCount)
      value.forEachPart { bytes.append(contentsOf: $0) }
      return bytes
    }
  }

  public func text(_ name: String) throws(StateError) -> String { String(decoding: try bytes(name), as: UTF8.self) }

  /// - Parameters:
  ///   - name: the name of the section.
  ///   - count: how many there must be; nil for any number.
  public func integers(_ name: String, count: Int? = nil) throws(StateError) -> [Int] {
    try words(name, count).map { (word: UInt64) in Int(truncatingIfNeeded: Int64(bitPattern: word)) }
  }

  public func doubles(_ name: String, count: Int? = nil) throws(StateError) -> [Double] {
    try words(name, count).map(Double.init(bitPattern:))
  }

  public func floats(_ name: String, count: Int? = nil) throws(StateError) -> [Float] {
    try words(name, count).map(Float.init(bitPattern:))
  }

  /// What `put(_:rows:)` put: rows of one width, each an array of its own. No more than a row is held beside them.
  public func floatRows(_ name: String, count: Int, width: Int) throws(StateError) -> [[Float]] {
    let section = try section(name)
    guard case .stored(let source, let range) = section.value else {
      let values = try floats(name, count: count * width)
      return (0..<count).map { Array(values[($0 * width)..<(($0 + 1) * width)]) }
    }
    try checkLength(section, count * width, size: 4)
    var rows: [[Float]] = []
    rows.reserveCapacity(count)
    for i in 0..<count {
      let first = range.lowerBound + 4 * i * width
      rows.append(try source.words(first..<(first + 4 * width)).map { (word: UInt32) in Float(bitPattern: word) })
    }
    return rows
  }

  /// One integer, and which are allowed.
  public func integer(_ name: String, in allowed: ClosedRange<Int>) throws(StateError) -> Int {
    let value = try integers(name, count: 1)[0]
    guard allowed.contains(value) else {
      throw StateError(
        byte: try section(name).offset,
        problem: "\"\(name)\": found \(value); allowed: \(allowed.lowerBound) to \(allowed.upperBound)")
    }
    return value
  }

  public func sections(_ name: String) throws(StateError) -> StateSections {
    let section = try section(name)
    switch section.value {
    case .sections(let inner): return inner
    case .stored(let source, let range): return try StateSections(body: source, range)
    default: return try StateSections(body: StoredBytes(try bytes(name)), nil)
    }
  }

  private func words<Word: FixedWidthInteger>(_ name: String, _ count: Int?) throws(StateError) -> [Word] {
    let section = try section(name)
    try checkLength(section, count, size: MemoryLayout<Word>.size)
    switch section.value {
    case .stored(let source, let range): return try source.words(range)
    default:
      let bytes = try bytes(name)
      return try StoredBytes(bytes).words(0..<bytes.count)
    }
  }

  private func checkLength(_ section: Section, _ count: Int?, size: Int) throws(StateError) {
    let found = section.value.byteCount
    // Divided, because a number of values from a file may be any.
    guard found % size == 0, count.map({ $0 == found / size }) ?? true else {
      throw StateError(
        byte: section.offset,
        problem: "\"\(section.name)\": found \(found) bytes; allowed: "
          + (count.map { "\($0) values of \(size)" } ?? "a multiple of \(size)"))
    }
  }

  // MARK: As a file

  private static let magic = Array("FEDSIMST".utf8)
  private static let format: UInt32 = 2
  private static let headLength = 20
  private static let checksumLength = Key.byteCount

  /// The whole file, in one array: for small ones.
  public var fileBytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(fileByteCount)
    forEachFilePart { bytes.append(contentsOf: $0) }
    return bytes
  }

  public var fileByteCount: Int { Self.headLength + byteCount + Self.checksumLength }

  /// The bytes of the file, in parts and in order: no part but a whole array of values is longer than a megabyte.
  public func forEachFilePart(_ body: (UnsafeRawBufferPointer) -> Void) {
    var head = Self.magic
    withUnsafeBytes(of: Self.format.littleEndian) { head.append(contentsOf: $0) }
    withUnsafeBytes(of: UInt64(fileByteCount).littleEndian) { head.append(contentsOf: $0) }
    let checksum = Self.checksum(byteCount: head.count + byteCount) { part in
      head.withUnsafeBytes(part)
      forEachPart(part)
    } alsoTo: {
      body($0)
    }
    checksum.withUnsafeBytes(body)
  }

  /// - Throws: `StateError` for anything but what `fileBytes` wrote, whole and unchanged.
  public init(fileBytes bytes: [UInt8]) throws(StateError) { self = try StateSections(file: StoredBytes(bytes)) }

  /// Opens a file: what it has is checked now, and read when it is asked for.
  ///
  /// - Returns: nil where there is no file of that name.
  /// - Throws: `StateError` for anything but what `forEachFilePart` gave, whole and unchanged.
  public init?(contentsOf path: String) throws(StateError) {
    guard let file = try StoredBytes(path: path) else { return nil }
    self = try StateSections(file: file)
  }

  private init(file: StoredBytes) throws(StateError) {
    let head = try file.read(0..<min(Self.headLength, file.count))
    if let i = Self.magic.indices.first(where: { $0 >= head.count || head[$0] != Self.magic[$0] }) {
      throw StateError(
        byte: i,
        problem: i < head.count ? "this is no checkpoint of fedsim" : "the file ends after \(head.count) bytes")
    }
    guard file.count >= Self.headLength + Self.checksumLength else {
      throw StateError(byte: file.count, problem: "the file ends after \(file.count) bytes")
    }
    let (format, length) = head.withUnsafeBytes {
      (
        UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self)),
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
      )
    }
    guard format == Self.format else {
      throw StateError(byte: 8, problem: "found format \(format); this build of fedsim reads \(Self.format)")
    }
    guard length == UInt64(file.count) else {
      throw StateError(
        byte: length > UInt64(file.count) ? file.count : 12,
        problem: "the file has \(file.count) bytes, and \(length) by its head")
    }
    let end = file.count - Self.checksumLength
    var problem: StateError?
    let checksum = Self.checksum(byteCount: end) { part in
      problem = file.forEachPart(0..<end, part)
    } alsoTo: { _ in
    }
    if let problem { throw problem }
    let stored = try file.read(end..<file.count)
    guard checksum == stored else {
      throw StateError(byte: end, problem: "the checksum that starts here is not that of the \(end) bytes before it")
    }
    self = try StateSections(body: file, Self.headLength..<end)
  }

  /// Of the bytes that `forEachPart` gives, each part handed on as well.
  private static func checksum(
    byteCount: Int, _ forEachPart: ((UnsafeRawBufferPointer) -> Void) -> Void,
    alsoTo body: (UnsafeRawBufferPointer) -> Void
  ) -> [UInt8] {
    withoutActuallyEscaping(body) { body in
      var fingerprint = Fingerprint()
      fingerprint.add(byteCount: byteCount) { hash in
        withoutActuallyEscaping(hash) { hash in
          forEachPart { part in
            hash(part)
            body(part)
          }
        }
      }
      return fingerprint.bytes
    }
  }

  /// Bytes of all sections with their names and lengths.
  fileprivate var byteCount: Int { sections.reduce(0) { $0 + 16 + $1.name.utf8.count + $1.value.byteCount } }

  fileprivate func forEachPart(_ body: (UnsafeRawBufferPointer) -> Void) {
    for section in sections {
      withUnsafeBytes(of: UInt64(section.name.utf8.count).littleEndian, body)
      Array(section.name.utf8).withUnsafeBytes(body)
      withUnsafeBytes(of: UInt64(section.value.byteCount).littleEndian, body)
      section.value.forEachPart(body)
    }
  }

  /// - Parameter range: of the body in its file; nil for all of it.
  private init(body source: StoredBytes, _ range: Range<Int>?) throws(StateError) {
    let range = range ?? 0..<source.count
    var position = range.lowerBound
    let next = { () throws(StateError) -> Range<Int> in
      let left = range.upperBound - position
      guard left >= 8 else { throw StateError(byte: position, problem: "found half of a length") }
      let length: UInt64 = try source.words(position..<(position + 8))[0]
      guard length <= UInt64(left - 8) else {
        throw StateError(byte: position, problem: "found a part of \(length) bytes where \(left - 8) are left")
      }
      let part = (position + 8)..<(position + 8 + Int(length))
      position = part.upperBound
      return part
    }
    var names = Set<String>()
    while position < range.upperBound {
      let name = try next()
      let text = String(decoding: try source.read(name), as: UTF8.self)
      guard names.insert(text).inserted else {
        throw StateError(byte: name.lowerBound, problem: "found a second section \"\(text)\"")
      }
      let value = try next()
      sections.append(Section(name: text, value: .stored(source, value), offset: value.lowerBound))
    }
  }
}

extension StateSections.Value {
  fileprivate var byteCount: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .integers(let values): 8 * values.count
    case .doubles(let values): 8 * values.count
    case .floats(let rows): rows.reduce(0) { $0 + 4 * $1.count }
    case .sections(let inner): inner.byteCount
    case .stored(_, let range): range.count
    }
  }

  /// What a file that cannot be read any more has is no value: it equals nothing that was put.
  fileprivate var digest: [UInt8] {
    var fingerprint = Fingerprint()
    var isRead = true
    fingerprint.add(byteCount: byteCount) { hash in isRead = forEachPart(hash) }
    return isRead ? fingerprint.bytes : []
  }

  /// - Returns: false where a file could not be read; zeros stand for what is not known.
  @discardableResult
  fileprivate func forEachPart(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    switch self {
    case .bytes(let bytes): bytes.withUnsafeBytes(body)
    case .integers(let values): Self.words(values.lazy.map { UInt64(bitPattern: Int64($0)) }, values, body)
    case .doubles(let values): Self.words(values.lazy.map(\.bitPattern), values, body)
    case .floats(let rows): for row in rows { Self.words(row.lazy.map(\.bitPattern), row, body) }
    case .sections(let inner): inner.forEachPart(body)
    case .stored(let source, let range): return source.forEachPart(range, body) == nil
    }
    return true
  }

  /// Memory as it is, where that is little-endian.
  private static func words<T>(
    _ words: some Sequence<some FixedWidthInteger>, _ values: [T], _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    #if _endian(little)
      values.withUnsafeBytes(body)
    #else
      for word in words { withUnsafeBytes(of: word.littleEndian, body) }
    #endif
  }
}

/// What is wrong with a checkpoint, and at which byte of it.
public struct StateError: Error, Equatable, CustomStringConvertible {
  public let byte: Int
  public let problem: String

  package init(byte: Int, problem: String) { (self.byte, self.problem) = (byte, problem) }

  public var description: String { "byte \(byte): \(problem)" }
}
