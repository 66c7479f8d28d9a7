/// The version of FedSim that this build is.
public enum FedSimVersion {
  /// The version as records and messages name it. It enters the keys of a run: two versions share no noise.
  public static let current = "0.1.0"
}
