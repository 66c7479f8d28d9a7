import ChannelCoding

/// Named byte strings in order: what a checkpoint is made of.
///
/// As a file: 8 bytes of magic, the format as 4 bytes, the length of the whole file as 8, the sections (name and value, each
/// after its length as 8 bytes), 32 bytes of BLAKE2b over all before. Integers are little-endian.
public struct StateSections: Sendable, Equatable {
  private struct Section: Sendable {
    let name: String
    let value: [UInt8]
    /// Where the value starts in the file that it was read from.
    let offset: Int
  }

  private var sections: [Section] = []

  public init() {}

  /// By names, values and order; not by where they were read.
  public static func == (a: Self, b: Self) -> Bool {
    a.sections.count == b.sections.count
      && zip(a.sections, b.sections).allSatisfy { $0.name == $1.name && $0.value == $1.value }
  }

  // MARK: Values

  public mutating func put(_ name: String, _ bytes: [UInt8]) {
    precondition(!sections.contains { $0.name == name }, "a section has one value")
    sections.append(Section(name: name, value: bytes, offset: 0))
  }

  public mutating func put(_ name: String, _ text: String) { put(name, Array(text.utf8)) }
  public mutating func put(_ name: String, _ values: [Int]) {
    put(name, words: values.map { UInt64(bitPattern: Int64($0)) })
  }
  public mutating func put(_ name: String, _ values: [Double]) { put(name, words: values.map(\.bitPattern)) }
  public mutating func put(_ name: String, _ values: [Float]) { put(name, words: values.map(\.bitPattern)) }
  public mutating func put(_ name: String, _ inner: StateSections) { put(name, inner.body) }

  private mutating func put<Word: FixedWidthInteger>(_ name: String, words: [Word]) {
    let size = MemoryLayout<Word>.size
    let bytes = [UInt8](unsafeUninitializedCapacity: size * words.count) { buffer, count in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      for i in words.indices { raw.storeBytes(of: words[i].littleEndian, toByteOffset: size * i, as: Word.self) }
      count = size * words.count
    }
    put(name, bytes)
  }

  private func section(_ name: String) throws(StateError) -> Section {
    guard let section = sections.first(where: { $0.name == name }) else {
      let names = sections.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw StateError(byte: sections.first?.offset ?? 0, problem: "found no section \"\(name)\" among \(names)")
    }
    return section
  }

  public func bytes(_ name: String) throws(StateError) -> [UInt8] { try section(name).value }
  public func text(_ name: String) throws(StateError) -> String { String(decoding: try bytes(name), as: UTF8.self) }

  /// - Parameter count: how many there must be; nil for any number.
  public func integers(_ name: String, count: Int? = nil) throws(StateError) -> [Int] {
    try words(name, count).map { (word: UInt64) in Int(truncatingIfNeeded: Int64(bitPattern: word)) }
  }

  public func doubles(_ name: String, count: Int? = nil) throws(StateError) -> [Double] {
    try words(name, count).map(Double.init(bitPattern:))
  }

  public func floats(_ name: String, count: Int? = nil) throws(StateError) -> [Float] {
    try words(name, count).map(Float.init(bitPattern:))
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
    return try StateSections(body: section.value[...], at: section.offset)
  }

  private func words<Word: FixedWidthInteger>(_ name: String, _ count: Int?) throws(StateError) -> [Word] {
    let section = try section(name)
    let size = MemoryLayout<Word>.size
    let found = section.value.count / size
    guard section.value.count % size == 0, count ?? found == found else {
      throw StateError(
        byte: section.offset,
        problem: "\"\(name)\": found \(section.value.count) bytes; allowed: "
          + (count.map { "\(size * $0)" } ?? "a multiple of \(size)"))
    }
    return section.value.withUnsafeBytes { bytes in
      (0..<found).map { Word(littleEndian: bytes.loadUnaligned(fromByteOffset: size * $0, as: Word.self)) }
    }
  }

  // MARK: As a file

  private static let magic = Array("FEDSIMST".utf8)
  private static let format: UInt32 = 1
  private static let headLength = 20
  private static let checksumLength = Key.byteCount

  public var fileBytes: [UInt8] {
    let body = body
    let length = Self.headLength + body.count + Self.checksumLength
    var bytes = Self.magic
    bytes.reserveCapacity(length)
    withUnsafeBytes(of: Self.format.littleEndian) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: UInt64(length).littleEndian) { bytes.append(contentsOf: $0) }
    bytes += body
    return bytes + Self.checksum(bytes)
  }

  /// - Throws: `StateError` for anything but what `fileBytes` wrote, whole and unchanged.
  public init(fileBytes bytes: [UInt8]) throws(StateError) {
    if let i = Self.magic.indices.first(where: { $0 >= bytes.count || bytes[$0] != Self.magic[$0] }) {
      throw StateError(
        byte: i,
        problem: i < bytes.count ? "this is no checkpoint of fedsim" : "the file ends after \(bytes.count) bytes")
    }
    guard bytes.count >= Self.headLength + Self.checksumLength else {
      throw StateError(byte: bytes.count, problem: "the file ends after \(bytes.count) bytes")
    }
    let (format, length) = bytes.withUnsafeBytes {
      (
        UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self)),
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
      )
    }
    guard format == Self.format else {
      throw StateError(byte: 8, problem: "found format \(format); this build of fedsim reads \(Self.format)")
    }
    guard length == UInt64(bytes.count) else {
      throw StateError(
        byte: length > UInt64(bytes.count) ? bytes.count : 12,
        problem: "the file has \(bytes.count) bytes, and \(length) by its head")
    }
    let end = bytes.count - Self.checksumLength
    guard Self.checksum(Array(bytes[..<end])) == Array(bytes[end...]) else {
      throw StateError(byte: end, problem: "the checksum that starts here is not that of the \(end) bytes before it")
    }
    self = try StateSections(body: bytes[Self.headLength..<end], at: Self.headLength)
  }

  private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    var fingerprint = Fingerprint()
    fingerprint.add(bytes)
    return fingerprint.bytes
  }

  private var body: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(sections.reduce(0) { $0 + 16 + $1.name.utf8.count + $1.value.count })
    for section in sections {
      for part in [Array(section.name.utf8), section.value] {
        withUnsafeBytes(of: UInt64(part.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes += part
      }
    }
    return bytes
  }

  /// - Parameter start: where the body is in the file, for errors.
  private init(body: ArraySlice<UInt8>, at start: Int) throws(StateError) {
    var rest = body
    let place = { (rest: ArraySlice<UInt8>) in start + rest.startIndex - body.startIndex }
    let next = { () throws(StateError) -> (ArraySlice<UInt8>, offset: Int) in
      guard rest.count >= 8 else { throw StateError(byte: place(rest), problem: "found half of a length") }
      let length = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard length <= UInt64(rest.count - 8) else {
        throw StateError(byte: place(rest), problem: "found a part of \(length) bytes where \(rest.count - 8) are left")
      }
      let part = rest.dropFirst(8).prefix(Int(length))
      rest = rest.dropFirst(8 + Int(length))
      return (part, place(part))
    }
    var names = Set<String>()
    while !rest.isEmpty {
      let (name, offset) = try next()
      let text = String(decoding: name, as: UTF8.self)
      guard names.insert(text).inserted else {
        throw StateError(byte: offset, problem: "found a second section \"\(text)\"")
      }
      let value = try next()
      sections.append(Section(name: text, value: Array(value.0), offset: value.offset))
    }
  }
}

/// What is wrong with a checkpoint, and at which byte of it.
public struct StateError: Error, Equatable, CustomStringConvertible {
  public let byte: Int
  public let problem: String

  public var description: String { "byte \(byte): \(problem)" }
}
