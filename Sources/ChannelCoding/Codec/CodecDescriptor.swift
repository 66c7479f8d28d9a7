public struct CodecDescriptor: Sendable, Equatable {
  public let name: CodecName
  /// Whether the law of the noise is exactly Gaussian. A run with an inexact codec reports no guarantee.
  public let isExact: Bool
  /// Whether updates are rotated before they are coded, and so added up in rotated coordinates.
  public let isRotated: Bool
  /// One line for lists and help.
  public let summary: String
}

/// The codecs that a scenario can name.
public enum CodecName: String, Sendable, CaseIterable {
  case float32
  case layered
}
