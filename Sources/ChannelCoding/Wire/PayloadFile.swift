import JSONText

/// One payload in a file, with the settings that it was made with: for two processes that pass it on by hand.
///
/// Bytes: `FEDSIMPL`, the format (1 byte), codec (LEB128 length and name), options (`OptionBytes`; the standard ones where the
/// codec reads none), dimension (LEB128), clipping norm and noise scale (float64, little-endian), the payload,
/// 16 bytes of BLAKE2b of all before under a key that is derived from the shared one, and 16 bytes of BLAKE2b of all before.
///
/// The last 16 bytes find damage, those before them another key: the shared randomness comes from the key, so that bytes
/// that are decoded with another one are a vector of no use. Payloads in runs have no such frame: there the broadcast has the settings.
public struct PayloadFile: Sendable, Equatable {
  /// What the payload was made with.
  public let settings: ChannelSettings
  /// What the encoder wrote.
  public let payload: Payload
  /// All bytes before the tag.
  private let framed: [UInt8]
  private let tag: [UInt8]

  private static let magic = Array("FEDSIMPL".utf8)
  private static let format: UInt8 = 1
  private static let digestLength = 16

  /// - Parameters:
  ///   - payload: the coded update.
  ///   - settings: the channel that it was coded for.
  ///   - key: what both ends share.
  public init(_ payload: Payload, of settings: ChannelSettings, key: Key) {
    self.settings = Self.relevant(settings)
    self.payload = payload
    var writer = ByteWriter()
    writer.put(Self.magic)
    writer.put(Self.format)
    let name = Array(settings.codec.rawValue.utf8)
    writer.put(varint: name.count)
    writer.put(name)
    OptionBytes.write(self.settings.options, of: settings.family, to: &writer)
    writer.put(varint: settings.dimension)
    writer.put(settings.clippingNorm)
    writer.put(settings.noiseScale)
    writer.put(payload.bytes)
    framed = writer.bytes
    tag = Self.tag(framed, key)
  }

  /// The whole file.
  public var bytes: [UInt8] {
    let checked = framed + tag
    return checked + Self.digest(checked)
  }

  /// Reads a file without the key: whether it is whole, and what it was made with.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - codecs: the codecs that this end has; the name of any other is an error.
  public init(bytes: [UInt8], codecs: CodecRegistry = .standard) throws(PayloadFileError) {
    guard bytes.starts(with: Self.magic) else { throw .notAPayloadFile }
    guard bytes.count > Self.magic.count else { throw .damaged("it ends after its first \(bytes.count) bytes") }
    guard bytes[Self.magic.count] == Self.format else { throw .unknownFormat(bytes[Self.magic.count]) }
    let end = bytes.count - Self.digestLength
    let framedEnd = end - Self.digestLength
    guard framedEnd > Self.magic.count, Self.digest(Array(bytes[..<end])) == Array(bytes[end...]) else {
      throw .damaged("its last \(Self.digestLength) bytes are not the checksum of those before them")
    }
    framed = Array(bytes[..<framedEnd])
    tag = Array(bytes[framedEnd..<end])
    do throws(WireError) {
      (settings, payload) = try Self.read(framed, codecs)
    } catch {
      throw .damaged("\(error)")
    }
  }

  private static func read(
    _ framed: [UInt8], _ codecs: CodecRegistry
  ) throws(WireError) -> (ChannelSettings, Payload) {
    var reader = ByteReader(framed)
    _ = try reader.bytes(magic.count + 1)
    let family = try reader.family(in: codecs)
    let options = try OptionBytes.read(of: family, from: &reader)
    let dimension = try reader.varint()
    let (norm, scale) = (try reader.double(), try reader.double())
    let settings = ChannelSettings(
      codec: family.descriptor.name, from: codecs, options: options, dimension: dimension, clippingNorm: norm,
      noiseScale: scale)
    return (settings, Payload(bytes: Array(try reader.bytes(reader.remaining))))
  }

  /// The payload, for a channel with these settings and this key.
  ///
  /// - Throws: `PayloadFileError.settings` with all that differs, `.otherKey` where nothing does.
  public func payload(for wanted: ChannelSettings, key: Key) throws(PayloadFileError) -> Payload {
    let differences = settings.differences(from: Self.relevant(wanted))
    guard differences.isEmpty else { throw .settings(differences) }
    guard Self.tag(framed, key) == tag else { throw .otherKey }
    return payload
  }

  /// Options that a codec does not read are not compared.
  private static func relevant(_ settings: ChannelSettings) -> ChannelSettings {
    var relevant = settings
    relevant.options = settings.options.only(settings.family?.options ?? [])
    return relevant
  }

  private static func tag(_ framed: [UInt8], _ key: Key) -> [UInt8] {
    Array(Sodium.hash(framed, key: key.derived(.payloadFile)).bytes.prefix(digestLength))
  }

  private static func digest(_ bytes: [UInt8]) -> [UInt8] { Array(Sodium.hash(bytes).bytes.prefix(digestLength)) }
}

extension ChannelSettings {
  /// A setting that has another value.
  public struct Difference: Sendable, Equatable {
    public enum Name: Sendable, Equatable {
      case codec, dimension, noiseScale, clippingNorm
      /// An option of the codec.
      case option(String)
    }

    public let name: Name
    /// The value in `self`, and the one that was compared with it.
    public let found: String
    public let wanted: String
  }

  /// What differs, the codec first; values are compared bit by bit.
  func differences(from wanted: ChannelSettings) -> [Difference] {
    var list: [Difference] = []
    let compare = { (name: Difference.Name, found: String, other: String) in
      if found != other { list.append(Difference(name: name, found: found, wanted: other)) }
    }
    compare(.codec, codec.rawValue, wanted.codec.rawValue)
    compare(.dimension, "\(dimension)", "\(wanted.dimension)")
    // Two numbers have the same description only where they are the same.
    compare(.noiseScale, "\(noiseScale)", "\(wanted.noiseScale)")
    compare(.clippingNorm, "\(clippingNorm)", "\(wanted.clippingNorm)")
    var options = family?.options ?? []
    for option in wanted.family?.options ?? [] where !options.contains(where: { $0.name == option.name }) {
      options.append(option)
    }
    for option in options {
      compare(.option(option.name), self.options[option].summary, wanted.options[option].summary)
    }
    return list
  }
}

/// Why a file is not the payload that was expected.
public enum PayloadFileError: Error, Equatable {
  case notAPayloadFile
  case unknownFormat(UInt8)
  case damaged(String)
  /// It was made with other settings.
  case settings([ChannelSettings.Difference])
  /// Its settings are the ones that were expected, and its tag is of another key.
  case otherKey
}
