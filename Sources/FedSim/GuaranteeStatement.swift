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

  public init(_ setup: RunSetup) { self.init(setup.frame) }

  init(_ frame: RunFrame) {
    guard let plan = frame.guaranteedPlan else {
      kind = "none"
      sentence =
        frame.plan == nil
        ? "No guarantee: the scenario has no privacy section, so updates were neither clipped nor noised."
        : "No guarantee: the noise of codec \"\(frame.channel.codec.rawValue)\" is not exactly Gaussian, and epsilon is "
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
      + "trusted."
      + [frame.codedSentence, frame.foreignCodecSentence, frame.numericsSentence].compactMap {
        $0.map { " " + $0 }
      }.joined()
    theorem = plan.accountant.theorem
    outsideGuarantee = Self.outside(isClientCountPublic: plan.relation != .addOrRemove)
  }

  /// Files of a run that differ from one machine to another, or hold more than what is released.
  package static let filesOutside = ["timings.json", "state.bin"]

  /// Files that follow from the number of clients: settings in numbers of clients, rates, deltas and noise that come of them.
  package static let filesOfClientCount = ["scenario.json", "ledger.json"]

  /// What the tables of figures declare, a name once.
  static func outside(isClientCountPublic: Bool) -> [String] {
    let summary = SummaryField.all
    var constants: [(rank: Int, name: String)] = []
    for (coverage, name) in RoundField.all.map({ ($0.coverage, $0.name) }) + summary.map({ ($0.coverage, $0.name) }) {
      if let rank = coverage.clientCountRank, !constants.contains(where: { $0.name == name }) {
        constants.append((rank, name))
      }
    }
    var names = isClientCountPublic ? [] : constants.sorted { $0.rank < $1.rank }.map(\.name) + filesOfClientCount
    for field in RoundField.all {
      switch field.coverage {
      case .covered, .clientCount: continue
      case .outside, .outsideInPart, .secret: names.append(field.outerName)
      }
      names += summary.filter { $0.roundField == field.name && $0.coverage == .outside }.map(\.name)
    }
    names += summary.filter { $0.coverage == .outside && $0.roundField == nil }.map(\.name)
    // Where the whole is outside, its part is.
    names += summary.compactMap { field in
      if case .outsideInPart(let part, _) = field.coverage, !names.contains(field.name) { part } else { nil }
    }
    names += filesOutside + summary.filter { $0.coverage == .secret }.map(\.name) + ["other runs"]
    var seen = Set<String>()
    return names.filter { seen.insert($0).inserted }
  }
}
