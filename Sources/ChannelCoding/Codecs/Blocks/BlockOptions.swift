import Settings

/// The option of block codecs.
public struct BlockOptions: CodecOptionValues {
  /// Candidates that the encoder draws for a block, on average. More candidates, longer blocks, fewer bits, more time.
  public var draws: Int

  public init() { self.init(draws: 100) }

  public init(draws: Int) { self.draws = draws }

  public static let keys = SettingList(
    BlockOptions(),
    [
      Setting(
        "draws", \.draws, .integer(2...1_000_000),
        "candidates that block codecs draw for a block, on average: more of them, longer blocks, fewer bits, more time")
    ])
}
