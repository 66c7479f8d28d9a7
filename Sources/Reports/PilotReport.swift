import FedSim
import Files
import JSONText
import Numerics

/// What a pilot showed, for `fedsim explain --pilot`.
extension RunPilot {
  public var json: JSON {
    [
      "covered": false, "note": .string(warning), "roundsOfRun": .integer(lastRound),
      "payloadBits": .optional(payloadBits), "wireBits": .optional(wireBits), "idealBits": .optional(idealBits),
      "clippedFraction": .optional(clippedFraction), "rounds": .array(rounds.map(\.json)),
    ]
  }

  /// Why what is shown must not be used where privacy is real.
  var warning: String {
    "outside the guarantee: these figures come from the clients' data without noise; to change a setting by them costs privacy that no account "
      + "has"
  }

  /// - Parameter longest: the bits that are predicted at |x| = C.
  func text(longest: Double, codec: String) -> String {
    let made = rounds.count == 1 ? "round 1" : "rounds 1 to \(rounds.count)"
    var lines = ["", Text.wrapped("Pilot: \(made) of \(lastRound), \(warning)")]
    let bits = payloadBits.map { Text.fixed($0, 1) } ?? "unknown"
    var sentence = "bits            \(bits) a client and round by \"\(codec)\""
    if let wireBits { sentence += ", \(Text.fixed(wireBits, 1)) with the envelope" }
    if idealBits != nil { sentence += "; \(Text.fixed(longest, 0)) at |x| = C" }
    if let idealBits { sentence += "; Gaussian I(X;Y) = \(Text.fixed(idealBits, 1))" }
    if idealBits == nil { sentence += "; without noise, bits do not depend on norms" }
    lines.append(sentence)
    if let clippedFraction { lines.append("clipped         \(Text.short(100 * clippedFraction)) % of the updates") }
    lines += ["", Text.table(Self.header, shownRounds.map(\.cells))]
    lines += ["", Text.wrapped(notes.joined(separator: " "))]
    return lines.joined(separator: "\n")
  }

  private static let header = [
    "round", "uploads", "C", "clipped", "norm: median", "90th percentile", "longest", "bits: mean", "90th percentile",
    "with envelope", "Gaussian I(X;Y)",
  ]

  /// At most ten of the rounds, the first and the last among them.
  private var shownRounds: [Round] {
    let most = 10
    guard rounds.count > most else { return rounds }
    return (0..<most).map { rounds[$0 * (rounds.count - 1) / (most - 1)] }
  }

  private var notes: [String] {
    var notes = ["Norms are before clipping."]
    if rounds.count < lastRound {
      notes.append(
        "Updates change in length as a model learns: --pilot \(lastRound) trains as many rounds as the run, without its messages."
      )
    }
    notes.append(
      "A pilot is one trajectory: another seed's norms differ, the more the fewer uploads and the more noise there are."
    )
    if isNoiseStandIn {
      notes.append("The pilot drew Gaussian noise in place of the codec's own, which is not Gaussian.")
    }
    return notes
  }
}

extension RunPilot.Round {
  fileprivate var json: JSON {
    [
      "round": .integer(round), "uploads": .integer(uploads), "clippingNorm": .optional(clippingNorm),
      "clippedFraction": .optional(clippedFraction),
      "norm": norms.map {
        [
          "mean": .finite($0.mean), "p10": .finite($0.p10), "p50": .finite($0.p50), "p90": .finite($0.p90),
          "max": .finite(largestNorm ?? .nan),
        ]
      } ?? .null,
      "payloadBits": payloadBits.map {
        ["mean": .number($0.mean), "p10": .number($0.p10), "p50": .number($0.p50), "p90": .number($0.p90)]
      } ?? .null,
      "wireBits": .optional(wireBits), "idealBits": .optional(idealBits),
    ]
  }

  fileprivate var cells: [String] {
    let short = { (value: Double?) in value.map(Text.short) ?? "-" }
    let bits = { (value: Double?) in value.map { Text.fixed($0, 1) } ?? "-" }
    return [
      "\(round)", Text.grouped(uploads), short(clippingNorm),
      clippedFraction.map { "\(Text.short(100 * $0)) %" } ?? "-", short(norms?.p50), short(norms?.p90),
      short(largestNorm), bits(payloadBits?.mean), bits(payloadBits?.p90), bits(wireBits), bits(idealBits),
    ]
  }
}

extension JSON {
  /// Null for what is no number: the norm of an update may be beyond double.
  fileprivate static func finite(_ value: Double) -> JSON { value.isFinite ? .number(value) : .null }
}
