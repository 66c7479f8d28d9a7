import Settings

/// The option of `layered-shifted`.
public struct ShiftedOptions: CodecOptionValues {
  /// Whether every payload has one length, which needs no range coder's model, or is entropy-coded.
  public var fixedLength: Bool

  public init() { self.init(fixedLength: true) }

  public init(fixedLength: Bool) { self.fixedLength = fixedLength }

  public static let keys = SettingList(
    ShiftedOptions(),
    [
      Setting(
        "fixedLength", \.fixedLength, .flag,
        "`layered-shifted`: payloads of one length, whatever the update, or entropy-coded ones")
    ])
}
