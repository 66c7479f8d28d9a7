/// What the server sends to every drawn client of a round: the model, the channel's settings (once, not in each
/// payload), the key of the round's public rotation and the server's public key. Nothing in it depends on how many
/// clients were drawn.
///
/// Bytes: version, round, codec (LEB128 length and name), draws, fixed length and effort (LEB128), whether uploads are sealed (LEB128), dimension, clipping norm and noise scale as
/// float64, rotation key, public key, then the parameters as float32, all little-endian.
public struct Broadcast: Sendable, Equatable {
  static let version: UInt8 = 4

  public let round: Int
  public let channel: ChannelSettings
  /// Whether uploads are sealed.
  public let sealsUploads: Bool
  public let rotationKey: Key
  public let serverPublicKey: Key
  public let parameters: [Float]

  public init(
    round: Int, channel: ChannelSettings, sealsUploads: Bool = false, rotationKey: Key, serverPublicKey: Key,
    parameters: [Float]
  ) {
    precondition(parameters.count == channel.dimension)
    self.round = round
    self.channel = channel
    self.sealsUploads = sealsUploads
    self.rotationKey = rotationKey
    self.serverPublicKey = serverPublicKey
    self.parameters = parameters
  }

  public var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.put(Self.version)
    writer.put(varint: round)
    let name = Array(channel.codec.rawValue.utf8)
    writer.put(varint: name.count)
    writer.put(name)
    writer.put(varint: channel.options.draws)
    writer.put(varint: channel.options.fixedLength ? 1 : 0)
    writer.put(varint: channel.options.effort)
    writer.put(varint: sealsUploads ? 1 : 0)
    writer.put(varint: channel.dimension)
    writer.put(channel.clippingNorm)
    writer.put(channel.noiseScale)
    writer.put(rotationKey.bytes)
    writer.put(serverPublicKey.bytes)
    writer.put(parameters)
    return writer.bytes
  }

  public init(bytes: [UInt8]) throws(WireError) {
    var reader = ByteReader(bytes)
    let version = try reader.byte()
    guard version == Self.version else { throw .unknownVersion(version) }
    round = try reader.varint()
    let namePosition = reader.position
    let name = String(decoding: try reader.bytes(try reader.varint()), as: UTF8.self)
    guard let codec = CodecName(rawValue: name) else { throw .malformed(at: namePosition, "no codec \"\(name)\"") }
    let draws = try reader.varint()
    let lengthPosition = reader.position
    let fixedLength = try reader.varint()
    guard fixedLength <= 1 else { throw .malformed(at: lengthPosition, "a flag of \(fixedLength)") }
    let effort = try reader.varint()
    let sealPosition = reader.position
    let seal = try reader.varint()
    guard seal <= 1 else { throw .malformed(at: sealPosition, "a flag of \(seal)") }
    sealsUploads = seal == 1
    let dimension = try reader.varint()
    let clippingNorm = try reader.double()
    let noiseScale = try reader.double()
    channel = ChannelSettings(
      codec: codec, options: CodecOptions(draws: draws, fixedLength: fixedLength == 1, effort: effort),
      dimension: dimension,
      clippingNorm: clippingNorm, noiseScale: noiseScale)
    if let problem = channel.problem { throw .malformed(at: reader.position, problem) }
    guard let rotationKey = Key(try reader.bytes(Key.byteCount)),
      let serverPublicKey = Key(try reader.bytes(Key.byteCount))
    else { throw .truncated(at: reader.position) }
    self.rotationKey = rotationKey
    self.serverPublicKey = serverPublicKey
    parameters = try reader.floats(dimension)
    try reader.finish()
  }
}
