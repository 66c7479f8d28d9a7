import Settings

/// The option of `polar`.
public struct PolarOptions: CodecOptionValues {
  /// How much time the encoder may take to save bits. 0: no searches beyond a dozen candidates. Each step more lets four
  /// times the time buy the same saving. Decoding takes no longer.
  public var effort: Int

  public init() { self.init(effort: 0) }

  public init(effort: Int) { self.effort = effort }

  public static let keys = SettingList(
    PolarOptions(),
    [
      Setting(
        "effort", \.effort, .integer(0...6),
        "`polar`: how much time the encoder may take to save bits; 3 saves up to 20 % below an snr of 0.01, a few per cent above, for up to twice the time"
      )
    ])
}
