/// Where the noise of a round comes from.
public enum NoiseSource: String, Sendable, CaseIterable {
  /// From the clients, through the code; the server completes it.
  case channel
  /// From the server alone, which sees plain updates: a baseline.
  case central
}
