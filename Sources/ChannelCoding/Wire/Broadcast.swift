/// What the server sends to every drawn client of a round: the model, the channel's settings (once, not in each
/// payload), the key of the round's public rotation and the server's public key. Nothing in it depends on how many
/// clients were drawn.
///
/// Bytes: version, round, codec (LEB128 length and name), its options (`OptionBytes`), whether uploads are sealed (LEB128), dimension, clipping norm and noise scale as
/// float64, rotation key, public key, the upload's contents (LEB128: 0 to 3 in the order of `UplinkContents`; clipping norm and
/// unit of the count as float64 where there is one), the number of parameters (LEB128), then the parameters as float32, and as many
/// control variates where the contents have them, all little-endian.
public struct Broadcast: Sendable, Equatable {
  static let version: UInt8 = 5

  public let round: Int
  public let channel: ChannelSettings
  /// Whether uploads are sealed.
  public let sealsUploads: Bool
  public let rotationKey: Key
  public let serverPublicKey: Key
  public let contents: UplinkContents
  public let parameters: [Float]
  /// SCAFFOLD's control variate of the server; empty without.
  public let control: [Float]

  public init(
    round: Int, channel: ChannelSettings, sealsUploads: Bool = false, rotationKey: Key, serverPublicKey: Key,
    contents: UplinkContents = .update, parameters: [Float], control: [Float] = []
  ) {
    precondition(channel.dimension == contents.dimension(parameters: parameters.count))
    precondition(control.count == (contents == .controlled ? parameters.count : 0))
    self.contents = contents
    self.control = control
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
    OptionBytes.write(channel.options, of: channel.family, to: &writer)
    writer.put(varint: sealsUploads ? 1 : 0)
    writer.put(varint: channel.dimension)
    writer.put(channel.clippingNorm)
    writer.put(channel.noiseScale)
    writer.put(rotationKey.bytes)
    writer.put(serverPublicKey.bytes)
    switch contents {
    case .update: writer.put(varint: 0)
    case .counted(let norm, let unit):
      writer.put(varint: 1)
      writer.put(norm)
      writer.put(unit)
    case .weighted: writer.put(varint: 2)
    case .controlled: writer.put(varint: 3)
    }
    writer.put(varint: parameters.count)
    writer.put(parameters)
    writer.put(control)
    return writer.bytes
  }

  /// Reads a broadcast.
  ///
  /// - Parameters:
  ///   - bytes: what the server wrote.
  ///   - codecs: the codecs that this end has; the name of any other is an error.
  public init(bytes: [UInt8], codecs: CodecRegistry = .standard) throws(WireError) {
    var reader = ByteReader(bytes)
    let version = try reader.byte()
    guard version == Self.version else { throw .unknownVersion(version) }
    round = try reader.varint()
    let family = try reader.family(in: codecs)
    let options = try OptionBytes.read(of: family, from: &reader)
    sealsUploads = try reader.flag()
    let dimension = try reader.varint()
    let clippingNorm = try reader.double()
    let noiseScale = try reader.double()
    channel = ChannelSettings(
      codec: family.descriptor.name, from: codecs, options: options, dimension: dimension, clippingNorm: clippingNorm,
      noiseScale: noiseScale)
    if let problem = channel.problem { throw .malformed(at: reader.position, problem) }
    guard let rotationKey = Key(try reader.bytes(Key.byteCount)),
      let serverPublicKey = Key(try reader.bytes(Key.byteCount))
    else { throw .truncated(at: reader.position) }
    self.rotationKey = rotationKey
    self.serverPublicKey = serverPublicKey
    let contentsPosition = reader.position
    switch try reader.varint() {
    case 0: contents = .update
    case 1:
      let (norm, unit) = (try reader.double(), try reader.double())
      guard norm > 0, unit > 0, norm.isFinite, unit.isFinite else {
        throw .malformed(at: contentsPosition, "a count for norm \(norm) in units of \(unit)")
      }
      contents = .counted(clippingNorm: norm, unit: unit)
    case 2: contents = .weighted
    case 3: contents = .controlled
    case let other: throw .malformed(at: contentsPosition, "no contents \(other)")
    }
    let countPosition = reader.position
    let count = try reader.varint()
    // First what bounds the number: twice a count from outside may not be one.
    guard count <= reader.remaining / 4 else { throw .truncated(at: bytes.count) }
    guard contents.dimension(parameters: count) == dimension else {
      throw .malformed(at: countPosition, "\(count) parameters for an upload of \(dimension) coordinates")
    }
    parameters = try reader.floats(count)
    control = contents == .controlled ? try reader.floats(count) : []
    try reader.finish()
  }
}
