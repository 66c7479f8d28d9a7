import ChannelCoding
import JSONText
import Settings

/// The code of the uplink.
public struct ChannelSection: Sendable, Equatable {
  /// Nil for the exact codec with the fewest predicted bits.
  public var codec: CodecName?
  /// The codecs that both ends have.
  public var codecs: CodecRegistry
  /// Settings of single codecs.
  public var options: CodecOptions
  /// Whether uploads are encrypted and authenticated.
  public var seal: Bool
  /// What lengths of uploads may tell.
  public var padding: Padding
  /// The probability that an upload is written and decoded; nil for all of them. The models' distribution does not depend on it.
  public var coded: Double?
  /// Microseconds that an upload may take to encode, for `auto`; nil for any time.
  public var timeBudget: Double?

  public enum Padding: String, CaseIterable, SettingValue {
    case none
    case fixedLength = "fixed-length"
  }

  /// - Parameter codecs: the codecs that both ends have, and where the name is looked up.
  public init(
    codec: CodecName? = nil, from codecs: CodecRegistry = .standard, options: CodecOptions = .standard,
    seal: Bool = false, padding: Padding = .none, coded: Double? = nil,
    timeBudget: Double? = nil
  ) {
    self.codec = codec
    self.codecs = codecs
    self.options = options
    self.seal = seal
    self.padding = padding
    self.coded = coded
    self.timeBudget = timeBudget
  }

  public static let section = "channel"
  static let automatic = "auto"
  package static let codecPath = "\(section).codec"
  package static let paddingPath = "\(section).padding"
  package static let codedPath = "\(section).coded"
  package static let timeBudgetPath = "\(section).timeBudget"

  /// The keys: those of every channel, and an option for each that a codec declares.
  static func keys(_ codecs: CodecRegistry) -> SettingList<ChannelSection> {
    let codec: Setting<ChannelSection> = Setting(
      "codec", \.codecChoice, .choice([automatic] + codecs.names.map(\.rawValue), later: []),
      "the code of the uplink (`fedsim channel list`); `auto` takes the exact codec with the fewest predicted bits")
    let options: [Setting<ChannelSection>] = codecs.options.map {
      Setting($0.name, \ChannelSection.[option: $0.name], $0.range, $0.meaning)
    }
    let others: [Setting<ChannelSection>] = [
      Setting(
        "seal", \.seal, .flag,
        "encrypt and authenticate uploads (ChaCha20-Poly1305 of libsodium, 16 bytes each) with a key of client and server"
      ),
      Setting(
        "padding", \.padding, .choice(Padding.self),
        "`fixed-length`: only codecs whose payloads have one length, whatever the update (`layered-shifted`, `float32`), so that "
          + "lengths tell nothing; `auto` takes the shorter of them. No cut, no overflow"),
      Setting(
        "timeBudget", \.timeBudget, .positive, .absent("any time"),
        "`auto`: only codecs that are predicted to encode an update within so many microseconds on one thread (`fedsim channel bench` measures)"
      ),
      Setting(
        "coded", \.coded, .number(0...1), .absent("all of them"),
        "the share of uploads that are written as bytes and decoded, each drawn by a coin of its own. The others are simulated: their clipped update "
          + "is added up, and their noise drawn with the server's, so that models and guarantees have the same distribution and are cheaper "
          + "to compute; bits are measured on the share and predicted for the rest (docs/privacy.md). Exact codecs with noise only"
      ),
    ]
    return SettingList(ChannelSection(from: codecs), [codec] + options + others)
  }

  static func table(_ components: Components) -> SectionTable {
    SectionTable(section, .defaulted, "the code of the uplink", keys(components.codecs).descriptions)
  }

  init(_ values: JSONObject, _ components: Components) {
    self = Self.keys(components.codecs).read(values)
  }

  var values: JSONObject { Self.keys(codecs).write(self) }

  private var codecChoice: CodecChoice {
    get { CodecChoice(codec: codec) }
    set { codec = newValue.codec }
  }

  private subscript(option name: String) -> OptionValue {
    get { OptionValue(setting: codecs.options.first { $0.name == name }.map { options[$0] } ?? .null) }
    set {
      guard let option = codecs.options.first(where: { $0.name == name }) else { return }
      options[option] = newValue.setting
    }
  }
}

/// A codec's name, or `auto` for nil.
private struct CodecChoice: SettingValue {
  let codec: CodecName?

  init(codec: CodecName?) { self.codec = codec }

  init?(setting: JSON) {
    guard case .string(let name) = setting else { return nil }
    codec = name == ChannelSection.automatic ? nil : CodecName(rawValue: name)
  }

  var setting: JSON { .string(codec?.rawValue ?? ChannelSection.automatic) }
}

/// The value of an option, of whatever kind.
private struct OptionValue: SettingValue {
  let setting: JSON
}
