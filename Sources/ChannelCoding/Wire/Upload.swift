/// One client's message of one round: the payload in its envelope.
///
/// Bytes: version, client and round as LEB128, then the payload to the end; version 2 has it sealed (ChaCha20-Poly1305 under a
/// key that client and server derive for this round, the bytes before it authenticated): 16 bytes more.
public struct Upload: Sendable, Equatable {
  static let version: UInt8 = 1
  static let sealedVersion: UInt8 = 2

  public let client: Int
  public let round: Int
  public let payload: Payload

  public init(client: Int, round: Int, payload: Payload) {
    self.client = client
    self.round = round
    self.payload = payload
  }

  public var bytes: [UInt8] { header(Self.version) + payload.bytes }

  /// The message that only the holder of the session key can read, and nobody can change. At most one a session and round.
  public func sealed(session: SessionKey) -> [UInt8] {
    let header = header(Self.sealedVersion)
    return header
      + Sodium.seal(payload.bytes, header: header, key: session.key.derived(.seal, index: UInt64(round)))
  }

  /// Bytes of an upload around its payload.
  package static func envelopeBytes(client: Int, round: Int, isSealed: Bool) -> Int {
    let upload = Upload(client: client, round: round, payload: Payload(bytes: []))
    return upload.bytes.count + (isSealed ? Sodium.sealBytes : 0)
  }

  private func header(_ version: UInt8) -> [UInt8] {
    var writer = ByteWriter()
    writer.put(version)
    writer.put(varint: client)
    writer.put(varint: round)
    return writer.bytes
  }

  /// Reads a sealed message.
  ///
  /// - Parameters:
  ///   - bytes: the sealed message.
  ///   - session: the key that is shared with a client; nil for a stranger.
  /// - Throws: `WireError` also where the seal does not hold.
  public init(
    sealed bytes: [UInt8], session: (Int) -> SessionKey?
  ) throws(WireError) {
    var reader = ByteReader(bytes)
    let version = try reader.byte()
    guard version == Self.sealedVersion else { throw .unknownVersion(version) }
    client = try reader.varint()
    round = try reader.varint()
    let start = reader.position
    guard
      let key = session(client)?.key.derived(.seal, index: UInt64(round)),
      let message = Sodium.open(
        Array(try reader.bytes(reader.remaining)), header: Array(bytes[..<start]), key: key)
    else { throw .malformed(at: start, "a seal that does not hold") }
    payload = Payload(bytes: message)
  }

  public init(bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    let version = try reader.byte()
    guard version == Self.version else { throw .unknownVersion(version) }
    client = try reader.varint()
    round = try reader.varint()
    payload = Payload(bytes: Array(try reader.bytes(reader.remaining)))
  }
}
