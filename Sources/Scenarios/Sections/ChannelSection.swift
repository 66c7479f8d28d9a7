import ChannelCoding
import JSONText
import Settings

/// The code of the uplink.
public struct ChannelSection: ScenarioSection, Equatable {
  /// Nil for the exact codec with the fewest predicted bits.
  public var codec: CodecName?
  /// Settings of single codecs.
  public var options: CodecOptions
  /// Whether uploads are encrypted and authenticated.
  public var seal: Bool
  /// What lengths of uploads may tell.
  public var padding: Padding

  public enum Padding: String, CaseIterable, SettingValue {
    case none
    case fixedLength = "fixed-length"
  }

  public init(
    codec: CodecName? = nil, options: CodecOptions = .standard, seal: Bool = false, padding: Padding = .none
  ) {
    self.codec = codec
    self.options = options
    self.seal = seal
    self.padding = padding
  }

  public static let section = "channel"
  static let automatic = "auto"
  package static var codecPath: String { path(\.codecChoice) }

  public static let keys = SettingList(
    ChannelSection(),
    [
      Setting(
        "codec", \.codecChoice, .choice([automatic] + CodecName.allCases.map(\.rawValue), later: []),
        "the code of the uplink (`fedsim channel list`); `auto` takes the exact codec with the fewest predicted bits"),
      Setting(
        "draws", \.options.draws, .integer(CodecOptions.allowedDraws),
        "candidates that block codecs draw for a block, on average: more of them, longer blocks, fewer bits, more time"),
      Setting(
        "fixedLength", \.options.fixedLength, .flag,
        "`layered-shifted`: payloads of one length, whatever the update, or entropy-coded ones"),
      Setting(
        "effort", \.options.effort, .integer(CodecOptions.allowedEffort),
        "`polar`: how much time the encoder may take to save bits; 3 saves 5 to 20 % for up to twice the time"),
      Setting(
        "seal", \.seal, .flag,
        "encrypt and authenticate uploads (ChaCha20-Poly1305 of libsodium, 16 bytes each) with a key of client and server"
      ),
      Setting(
        "padding", \.padding, .choice(Padding.self),
        "`fixed-length`: only codecs whose payloads have one length, whatever the update (`layered-shifted`, `float32`), so that "
          + "lengths tell nothing; `auto` takes the shorter of them. No cut, no overflow"),
    ])

  private var codecChoice: CodecChoice {
    get { CodecChoice(codec: codec) }
    set { codec = newValue.codec }
  }
}

/// A codec's name, or `auto` for nil.
private struct CodecChoice: SettingValue {
  let codec: CodecName?

  init(codec: CodecName?) { self.codec = codec }

  init?(setting: JSON) {
    guard case .string(let name) = setting else { return nil }
    codec = CodecName(rawValue: name)
  }

  var setting: JSON { .string(codec?.rawValue ?? ChannelSection.automatic) }
}
