import FedSim
import Files
import Platform

/// A file that TensorBoard reads: the figures of each round as scalars, appended as they come.
///
/// Each record is an `Event` of TensorFlow's `event.proto` in the framing of a TFRecord file, written by hand: eight bytes of length, a
/// checksum of them, the event, a checksum of it. Scalars are `simple_value`s of 32 bits, named as in rounds.jsonl with a slash for a dot
/// (`uplink/payloadBits/mean`), and their step is the round. Every process has a file of its own, which begins with a `SessionLog.START` at
/// its first step: TensorBoard then drops what earlier files have of that step and later ones.
///
/// Events have wall times, and names have that of the start: these files are not the same for two runs of one scenario.
public struct EventFile: Sendable {
  public let path: String

  private static let prefix = "events.out.tfevents."
  private static let suffix = ".fedsim"

  /// Whether a file of this name is one of ours.
  static func isName(_ name: String) -> Bool { name.hasPrefix(prefix) && name.hasSuffix(suffix) }

  /// Begins a file.
  ///
  /// - Parameters:
  ///   - folder: the folder of the run.
  ///   - round: the last round that was made before.
  ///   - time: seconds since 1970.
  /// - Throws: `FileFailure` where the file could not be written.
  public init(in folder: String, after round: Int, time: Double = Self.now) throws(FileFailure) {
    // Files are read in the order of their names: one that begins in the second of another comes after it.
    var second = Int(max(time, 0))
    while FilePath.exists(Self.path(in: folder, second)) { second += 1 }
    path = Self.path(in: folder, second)
    let file = try OpenFile(path, for: .creating)
    try file.write(
      EventRecord.framed(EventRecord.version(time: time))
        + EventRecord.framed(EventRecord.start(step: round + 1, time: time)))
    try file.close()
  }

  private static func path(in folder: String, _ second: Int) -> String {
    let digits = String(second)
    return folder + "/" + prefix + String(repeating: "0", count: max(10 - digits.count, 0)) + digits + suffix
  }

  /// Adds the figures of a round that it has, and hands them to the system before it returns.
  public func append(_ record: RoundRecord, time: Double = Self.now) throws(FileFailure) {
    let scalars = RoundField.all.compactMap { field -> (String, Float)? in
      guard field.name != RoundFields.table.round.name, let value = field.number(of: record) else { return nil }
      return (field.name.split(separator: ".").joined(separator: "/"), Float(value))
    }
    let file = try OpenFile(path, for: .appending)
    try file.write(EventRecord.framed(EventRecord.scalars(scalars, step: record.round, time: time)))
    try file.close()
  }

  /// Seconds since 1970.
  public static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Events as bytes: the few messages of `event.proto` and `summary.proto` that there are, and the framing of TFRecord files.
enum EventRecord {
  /// An event as a record of a file: its length, the masked checksum of that, the event, its masked checksum.
  static func framed(_ event: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(event.count))
    return length + littleEndian(masked(checksum(length))) + event + littleEndian(masked(checksum(event)))
  }

  /// The first event of every file.
  static func version(time: Double) -> [UInt8] {
    head(time: time, step: 0) + bytes(field: 3, Array("brain.Event:2".utf8))
  }

  /// Says that a process begins at a step.
  static func start(step: Int, time: Double) -> [UInt8] {
    head(time: time, step: step) + bytes(field: 7, varint(field: 1, 1))
  }

  static func scalars(_ scalars: [(tag: String, value: Float)], step: Int, time: Double) -> [UInt8] {
    let values = scalars.flatMap { scalar in
      bytes(
        field: 1, bytes(field: 1, Array(scalar.tag.utf8)) + key(2, .fixed32) + littleEndian(scalar.value.bitPattern))
    }
    return head(time: time, step: step) + bytes(field: 5, values)
  }

  private static func head(time: Double, step: Int) -> [UInt8] {
    key(1, .fixed64) + littleEndian(time.bitPattern) + (step == 0 ? [] : varint(field: 2, UInt64(step)))
  }

  // MARK: Protocol buffers

  private enum WireType: UInt64 {
    case varint = 0
    case fixed64 = 1
    case bytes = 2
    case fixed32 = 5
  }

  private static func key(_ field: UInt64, _ type: WireType) -> [UInt8] { varint(field << 3 | type.rawValue) }

  private static func varint(field: UInt64, _ value: UInt64) -> [UInt8] { key(field, .varint) + varint(value) }

  private static func bytes(field: UInt64, _ content: [UInt8]) -> [UInt8] {
    key(field, .bytes) + varint(UInt64(content.count)) + content
  }

  static func varint(_ value: UInt64) -> [UInt8] {
    var (rest, bytes) = (value, [UInt8]())
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }

  // MARK: Checksums

  /// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { crc, byte in table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8 }
  }

  /// As TFRecord files have checksums: so that one of a text that has checksums in it is not a special one.
  static func masked(_ checksum: UInt32) -> UInt32 { (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8 }

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
  }
}
