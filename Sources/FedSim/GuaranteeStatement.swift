/// What a run may claim, in words: printed once a run and kept in its summary.
public struct GuaranteeStatement: Sendable {
  /// "epsilon-delta", or "none".
  public let kind: String
  public let sentence: String
  public let theorem: String?
  /// Fields of rounds.jsonl and summary.json, and other things, that the guarantee does not cover.
  public let outsideGuarantee: [String]

  public static let hardening =
    "simulation, not a hardened release: noise is exact in real arithmetic and computed in floating point, keys come from a "
    + "seed in a file"

  public init(_ setup: RunSetup) {
    guard let plan = setup.guaranteedPlan else {
      kind = "none"
      sentence =
        setup.plan == nil
        ? "No guarantee: the scenario has no privacy section, so updates were neither clipped nor noised."
        : "No guarantee: the noise of codec \"\(setup.channel.codec.rawValue)\" is not exactly Gaussian, and epsilon is "
          + "proved for Gaussian noise only."
      theorem = nil
      outsideGuarantee = ["everything"]
      return
    }
    kind = "epsilon-delta"
    sentence =
      "Epsilon covers the model sequence and what is computed from it and public data, for an observer who takes no part and "
      + "knows neither the seed nor cohort sizes. Population size, sampling rate, noise shares and delta count as public "
      + "constants. Outside it: seed and keys, cohort and dropout counts, clipped fraction, loss and accuracy on clients' "
      + "data, message lengths, timings, choices made from them, other runs. The server, which decodes each update, is "
      + "trusted." + (setup.numericsSentence.map { " " + $0 } ?? "")
    theorem = plan.accountant.theorem
    // Where a neighbour has one client more or less, figures that follow from the number of clients are told apart.
    let constants =
      plan.relation == .addOrRemove
      ? ["population", "samplingRate", "largestCohort", "noiseScalePerClient", "countNoise"] : []
    outsideGuarantee =
      constants + [
        "drawn", "arrived", "refused", "nonFinite", "nonFiniteUpdates", "clippedFraction", "loss", "accuracy",
        "clientAccuracy", "uplink",
        "downlinkBytes", "idealBits", "finalAccuracy", "bestAccuracy", "finalLoss", "payloadBitsPerClientRound",
        "wireBytesPerClientRound", "idealBitsPerClientRound", "views of cohort sizes and traffic",
        "timings.json", "state.bin", "seed", "other runs",
      ]
  }
}
