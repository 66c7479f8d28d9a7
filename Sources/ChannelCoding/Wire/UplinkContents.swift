/// What the vector of an upload consists of: the model update, and what some algorithms send beside it through the same
/// channel.
public enum UplinkContents: Sendable, Equatable {
  case update
  /// And, for adaptive clipping, one coordinate (b - 1/2) unit, b = 1 where the update was no longer than `clippingNorm`. It
  /// carries the channel's noise as every coordinate does: noise of deviation s on their sum is noise s / unit on the count.
  case counted(clippingNorm: Double, unit: Double)
  /// The update times the client's number of examples, and that number.
  case weighted
  /// And the change of the client's control variate (SCAFFOLD), as many values again.
  case controlled

  /// Coordinates for a model of `parameters`.
  public func dimension(parameters: Int) -> Int {
    switch self {
    case .update: parameters
    case .counted, .weighted: parameters + 1
    case .controlled: 2 * parameters
    }
  }
}
