/// Fitted constants: see `CodingTime`.
enum Float32Times {
  private static let normalAndCopy = 12.0
  private static let copy = 2.0

  static func time(_ settings: ChannelSettings) -> CodingTime {
    CodingTime(encodeNanoseconds: settings.noiseScale > 0 ? normalAndCopy : copy, decodeNanoseconds: copy)
  }
}
