/// What short texts of a table's columns are, as far as a part of the table has had them lately: columns of texts repeat few of them.
///
/// A text that is not found is looked up where all are (`ByteNumbers`), whose hash has a secret. So a file whose texts all meet in one place
/// here costs a comparison more for each field, and no result depends on what is kept.
///
/// Memory: 64 kB.
final class CSVTextCache {
  /// A field of at most 15 bytes without quotes, and without blanks at its ends.
  struct Key {
    /// Its bytes, the first one lowest, and 0 behind them.
    let low: UInt64
    let high: UInt64
    let length: Int
  }

  private struct Entry {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var column: Int32 = -1
    var length: Int32 = 0
    var value: UInt32 = 0
  }

  private static let bits: UInt64 = 11
  private let entries: UnsafeMutablePointer<Entry>
  private let delimiters: UInt64

  init(delimiter: UInt8) {
    delimiters = Self.each * UInt64(delimiter)
    entries = .allocate(capacity: 1 << Self.bits)
    entries.initialize(repeating: Entry(), count: 1 << Self.bits)
  }

  deinit { entries.deallocate() }

  private static let each: UInt64 = 0x0101_0101_0101_0101

  /// The high bits of bytes that are 0. Those above the lowest one that is set may be wrong.
  @inline(__always)
  private static func zeros(_ word: UInt64) -> UInt64 { (word &- each) & ~word & (each << 7) }

  /// The high bits of bytes that end a field, or are quotes; true up to the lowest one.
  @inline(__always)
  private func ends(_ word: UInt64) -> UInt64 {
    Self.zeros(word ^ delimiters) | Self.zeros(word ^ (Self.each * 0x0A)) | Self.zeros(word ^ (Self.each * 0x0D))
      | Self.zeros(word ^ (Self.each * 0x22))
  }

  /// The field at a place; nil where it is none of the short and plain ones, or the text ends soon.
  @inline(__always)
  func key(_ text: UnsafeBufferPointer<UInt8>, at place: Int) -> Key? {
    guard place + 16 <= text.count, let base = text.baseAddress else { return nil }
    let bytes = UnsafeRawPointer(base + place)
    var low = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    var high: UInt64 = 0
    var length: Int
    let first = ends(low)
    if first != 0 {
      length = first.trailingZeroBitCount >> 3
      low &= (1 << UInt64(8 * length)) &- 1
    } else {
      high = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      let second = ends(high)
      guard second != 0 else { return nil }
      length = second.trailingZeroBitCount >> 3
      high &= (1 << UInt64(8 * length)) &- 1
      length += 8
    }
    guard text[place + length] != 0x22 else { return nil }
    if length > 0 {
      let (start, end) = (text[place], text[place + length - 1])
      guard start != 0x20, start != 0x09, end != 0x20, end != 0x09 else { return nil }
    }
    return Key(low: low, high: high, length: length)
  }

  @inline(__always)
  private static func place(_ column: Int, _ key: Key) -> Int {
    let mixed =
      (key.low &* 0x9E37_79B9_7F4A_7C15)
      ^ ((key.high &+ UInt64(key.length) &+ (UInt64(column) << 8)) &* 0xC2B2_AE3D_27D4_EB4F)
    return Int(truncatingIfNeeded: ((mixed ^ (mixed >> 32)) &* 0xD6E8_FEB8_6659_FD93) >> (64 - bits))
  }

  @inline(__always)
  private func has(_ place: Int, _ column: Int, _ key: Key) -> Bool {
    entries[place].low == key.low && entries[place].high == key.high && entries[place].column == column
      && entries[place].length == key.length
  }

  /// What was kept of a text of a column.
  @inline(__always)
  func value(_ column: Int, _ key: Key) -> UInt32? {
    let place = Self.place(column, key)
    if has(place, column, key) { return entries[place].value }
    return has(place ^ 1, column, key) ? entries[place ^ 1].value : nil
  }

  /// Keeps a text that was not found, in the place of the older one of two.
  func keep(_ value: UInt32, _ column: Int, _ key: Key) {
    let place = Self.place(column, key)
    entries[place ^ 1] = entries[place]
    entries[place] = Entry(
      low: key.low, high: key.high, column: Int32(column), length: Int32(key.length), value: value)
  }
}
