import Settings

/// The option of `polar`.
public struct PolarOptions: CodecOptionValues {
  /// How much time the encoder may take to save bits. Each step more lets twice the time buy the same saving. Decoding takes no longer.
  public var effort: Int

  public init() { self.init(effort: 0) }

  public init(effort: Int) { self.effort = effort }

  public static let keys = SettingList(
    PolarOptions(),
    [
      Setting(
        "effort", \.effort, .integer(0...6),
        "`polar`: how much time the encoder may take to save bits; below an snr of 0.03, 3 saves up to 6 % for up to 1.5 times the time, 6 up to 12 % for up to ten times"
      )
    ])
}
