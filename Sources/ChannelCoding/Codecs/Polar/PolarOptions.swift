import Settings

/// The option of `polar`.
public struct PolarOptions: CodecOptionValues {
  /// How much time the encoder may take to save bits. Each step more lets 1.8 times the time buy the same saving. Decoding takes no longer.
  public var effort: Int

  public init() { self.init(effort: 0) }

  public init(effort: Int) { self.effort = effort }

  public static let keys = SettingList(
    PolarOptions(),
    [
      Setting(
        "effort", \.effort, .integer(0...6),
        "`polar`: how much time the encoder may take to save bits; 3 saves 2 % or so for 1.5 to 4 times the time, 6 saves 3 to 7 % for 2 to 10 times"
      )
    ])
}
