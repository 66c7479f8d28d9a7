/// One client's message of one round: the payload in its envelope.
///
/// Bytes: version, client and round as LEB128, then the payload to the end.
public struct Upload: Sendable, Equatable {
  static let version: UInt8 = 1

  public let client: Int
  public let round: Int
  public let payload: Payload

  public init(client: Int, round: Int, payload: Payload) {
    self.client = client
    self.round = round
    self.payload = payload
  }

  public var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.put(Self.version)
    writer.put(varint: client)
    writer.put(varint: round)
    writer.put(payload.bytes)
    return writer.bytes
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
