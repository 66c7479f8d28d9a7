import ChannelCoding
import Files
import Settings

/// A channel whose two ends share 32 bytes and the settings, and nothing else.
///
/// Everything that both ends draw comes from the key, so the key is for one message: with the same shared randomness
/// twice, the two noises would not be independent. Tools that send many messages number them.
public struct KeyedChannel: Sendable {
  public let channel: Channel
  private let key: Key

  public init(_ settings: ChannelSettings, key: Key) throws(ToolError) {
    self.key = key
    do throws(ChannelError) {
      channel = try Channel(settings, rotationKey: key.derived(.rotation))
    } catch {
      throw settings.wrong(error)
    }
  }

  /// Key of the public rotation.
  public var rotationKey: Key { key.derived(.rotation) }

  public func shared(message: Int = 0) -> SharedRandomness {
    SharedRandomness(key: key.derived(.shared, index: UInt64(message)))
  }

  /// The sending end.
  public func encode(
    _ update: ClippedUpdate, message: Int = 0, private noise: inout PrivateRandomness, tally: inout CodingTally
  ) -> Payload {
    channel.encode(update, shared: shared(message: message), private: &noise, tally: &tally)
  }

  /// The receiving end: the sample in the coordinates of the update.
  public func decode(_ payload: Payload, message: Int = 0) throws(PayloadError) -> [Double] {
    var sample = try channel.decode(payload, shared: shared(message: message))
    channel.unrotate(&sample)
    return sample
  }

  /// What `encode` wrote, as a file that says what it was made with.
  public func fileBytes(of payload: Payload) -> [UInt8] { PayloadFile(payload, of: channel.settings, key: key).bytes }

  /// The payload in a file.
  ///
  /// - Throws: `ToolError.input` with the file's name where it is none, or was made with other settings or another key.
  public func payload(fileBytes: [UInt8], name: String) throws(ToolError) -> Payload {
    do throws(PayloadFileError) {
      return try PayloadFile(bytes: fileBytes, codecs: channel.settings.codecs).payload(for: channel.settings, key: key)
    } catch {
      throw .input(place: name, problem: error.text)
    }
  }

  /// The receiving end, for bytes from a file.
  ///
  /// - Throws: `ToolError.input` with the file's name where no encoder writes these bytes.
  public func decode(_ payload: Payload, name: String) throws(ToolError) -> [Double] {
    do throws(PayloadError) { return try decode(payload) } catch {
      throw .input(
        place: name, problem: "not a payload of \"\(channel.settings.codec.rawValue)\" with this key: \(error.text)")
    }
  }
}

extension ChannelSettings {
  /// - Throws: `ToolError.input` where no codec can be made of these settings.
  public func check() throws(ToolError) {
    if problem != nil { throw refusal }
  }

  /// Why no codec can be made of these settings.
  var refusal: ToolError { wrong(.settings(problem ?? "no codec")) }

  fileprivate func wrong(_ error: ChannelError) -> ToolError {
    switch error {
    case .settings(let problem): .input(place: "channel \"\(codec.rawValue)\"", problem: problem)
    }
  }

  /// A channel with noise of variance 1 for updates of the signal-to-noise ratio R = |x|^2 / d; R = 0 has a clipping
  /// norm of 1, for x = 0.
  public static func unitNoise(
    _ codec: CodecName, from codecs: CodecRegistry = .standard, options: CodecOptions, dimension: Int, snr: Double
  ) -> ChannelSettings {
    ChannelSettings(
      codec: codec, from: codecs, options: options, dimension: dimension,
      clippingNorm: snr > 0 ? (snr * Double(dimension)).squareRoot() : 1, noiseScale: 1)
  }
}

extension PayloadFileError {
  /// For people, with the flags of `fedsim channel`.
  var text: String {
    switch self {
    case .notAPayloadFile:
      return
        "this is no file of fedsim channel encode, which begins with FEDSIMPL; the bytes of a payload alone are read with --raw"
    case .unknownFormat(let format): return "found format \(format) of payload files; this build of fedsim reads 1"
    case .damaged(let problem): return "damaged, or not whole: \(problem)"
    case .settings(let differences):
      return "made with other settings: "
        + differences.map { "\($0.name.flag) \($0.found) there and \($0.wanted) here" }.joined(separator: ", ")
    case .otherKey: return "made with another key: its tag does not hold with this one"
    }
  }
}

extension ChannelSettings.Difference.Name {
  /// Of `fedsim channel encode` and `decode`; the dimension is that of the encoder's vector.
  fileprivate var flag: String {
    switch self {
    case .codec: "--codec"
    case .dimension: "--dimension"
    case .noiseScale: "--sigma"
    case .clippingNorm: "--clip"
    case .option(let name): "--\(KeyDescription.flag(name))"
    }
  }
}
