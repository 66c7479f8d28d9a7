import ChannelCoding
import FedSim
import Files
import JSONText
import Numerics
import PrivacyAccounting

/// What `fedsim plan` answers: a federation's noise, bits, times and views, for each number of parameters and each budget.
public struct PlanReport: Sendable {
  public let plans: [FederationPlan]
  /// Bits a second of a client's uplink; nil where nobody said.
  public let uplink: Double?

  public init(_ plans: [FederationPlan], uplink: Double?) { (self.plans, self.uplink) = (plans, uplink) }

  private func uploadSeconds(_ channel: FederationPlan.Channel) -> Double? {
    uplink.flatMap { rate in channel.uplinkBits.map { $0 / rate } }
  }

  // MARK: Rows

  private static let columns = [
    "clients", "cohort", "samplingRate", "sampling", "relation", "rounds", "clippingNorm", "delta", "parameters",
    "epsilon", "epsilonLowerBound", "noiseMultiplier", "noiseScale", "largestCohort", "signalToNoiseRatio", "idealBits",
    "lowerBoundBits", "codec", "isChosen", "uplinkBits", "downlinkBits", "encodeSeconds", "uploadSeconds",
    "roundDecodeSeconds", "serverBytes", "problem",
  ]

  /// A line for each combination and codec.
  public var csv: String {
    var lines = [Self.columns.joined(separator: ",")]
    for plan in plans {
      let whole = Self.facts(plan)
      for channel in plan.channels {
        var cells = whole
        for (key, value) in facts(channel, of: plan) { cells[key] = value }
        lines.append(Self.columns.map { Self.cell(cells[$0] ?? .null) }.joined(separator: ","))
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func cell(_ value: JSON) -> String {
    switch value {
    case .null: ""
    case .string(let text):
      text.contains { ",\"\n".contains($0) } ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
    default: value.text(pretty: false)
    }
  }

  private static func facts(_ plan: FederationPlan) -> JSONObject {
    let (frame, privacy) = (plan.frame, plan.frame.guaranteedPlan)
    return [
      "clients": .integer(frame.clientCount), "cohort": .number(frame.sampler.expectedSize),
      "samplingRate": .number(frame.sampler.sampling.rate), "sampling": .string(frame.sampler.sampling.name),
      "relation": privacy.map { .string($0.relation.rawValue) } ?? .null, "rounds": .integer(frame.lastRound),
      "clippingNorm": .optional(privacy?.clippingNorm), "delta": .optional(privacy?.delta),
      "parameters": .integer(frame.parameterCount), "epsilon": .optional(privacy?.plannedSpending.epsilon),
      "epsilonLowerBound": .optional(privacy?.plannedSpending.lowerBound),
      "largestCohort": privacy.map { .integer($0.largestCohort) } ?? .null,
      "signalToNoiseRatio": .optional(plan.signalToNoiseRatio), "idealBits": .optional(plan.informationBits),
      "lowerBoundBits": .optional(plan.lowerBoundBits),
    ]
  }

  private func facts(_ channel: FederationPlan.Channel, of plan: FederationPlan) -> JSONObject {
    [
      "codec": .string(channel.codec.rawValue), "isChosen": .bool(channel.codec == plan.frame.channel.codec),
      "noiseMultiplier": .number(channel.noiseMultiplier), "noiseScale": .number(channel.noiseScale),
      "uplinkBits": .optional(channel.uplinkBits), "downlinkBits": channel.downlinkBits.map { .integer($0) } ?? .null,
      "encodeSeconds": .optional(channel.encodeSeconds), "uploadSeconds": .optional(uploadSeconds(channel)),
      "roundDecodeSeconds": .optional(channel.roundDecodeSeconds),
      "serverBytes": channel.serverBytes.map { .integer($0) } ?? .null,
      "problem": channel.problem.map { .string($0) } ?? .null,
    ]
  }

  public var json: JSON {
    let results = plans.map { plan -> JSON in
      var object = Self.facts(plan)
      object["noiseMultiplier"] = .optional(plan.frame.plan?.noiseMultiplier)
      object["noiseScale"] = .number(plan.frame.channel.noiseScale)
      object["chosenCodec"] = .string(plan.frame.channel.codec.rawValue)
      object["codecs"] = .array(plan.channels.map { .object(facts($0, of: plan)) })
      object["views"] = .array(plan.views.rows.map(\.json))
      object["warnings"] = .array(plan.frame.warnings.map { .string($0) })
      return .object(object)
    }
    return ["uplink": .optional(uplink), "results": .array(results)]
  }

  // MARK: For people

  public var text: String {
    guard plans.count == 1, let plan = plans.first else { return table }
    return [facts(of: plan), codecs(of: plan), Self.views(of: plan), Self.notes].joined(separator: "\n\n")
  }

  private static let notes = Text.wrapped(
    "Bits up are means of payloads at |x| = C, where they are most; shorter updates take fewer. Times are predicted for one thread, within a factor of two "
      + "or so (fedsim channel bench measures); decoding is of an expected cohort. No run was made.")

  private func facts(of plan: FederationPlan) -> String {
    let frame = plan.frame
    var facts: [(String, String)] = [
      (
        "clients",
        "\(Text.grouped(frame.clientCount)), \(frame.sampler.sampling.name), q = \(Text.short(frame.sampler.sampling.rate)), "
          + "\(Text.short(frame.sampler.expectedSize)) a round expected"
      ),
      ("rounds", Text.grouped(frame.lastRound)),
      ("model", "\(Text.grouped(frame.parameterCount)) parameters"),
    ]
    if let privacy = frame.guaranteedPlan {
      let spent = privacy.plannedSpending
      let below = spent.lowerBound.map { ", at least \(Text.fixedDown($0, 4))" } ?? ""
      facts += [
        (
          "epsilon",
          "\(Text.fixedUp(spent.epsilon, 4)) at delta = \(privacy.delta)\(below); \(privacy.relation.rawValue), "
            + "\(privacy.accountant.rawValue) accountant"
        ),
        (
          "noise",
          "z = \(Text.fixedUp(privacy.noiseMultiplier, 4)), C = \(Text.short(privacy.clippingNorm)); each client adds sigma = z C / sqrt(m_max) = "
            + "\(Text.short(privacy.noiseScale)), m_max = \(Text.grouped(privacy.largestCohort))"
        ),
      ]
    }
    if let snr = plan.signalToNoiseRatio, let ideal = plan.informationBits, let bound = plan.lowerBoundBits {
      facts.append(("signal", "|x|^2 / (d sigma^2) = \(Text.short(snr)) at |x| = C"))
      facts.append(
        ("bits", "I(X;Y) = \(Text.short(ideal)); no exact one-shot code takes fewer than F = \(Text.short(bound))"))
    }
    facts.append(("codec", "auto takes \"\(frame.channel.codec.rawValue)\""))
    let lines = facts.map { label, value in label + String(repeating: " ", count: 10 - label.count) + value }
    return (lines + frame.warnings.map { "\n" + Text.wrapped("warning: " + $0) }).joined(separator: "\n")
  }

  private var header: [String] {
    ["codec", "z", "sigma", "bits up", "bits down", "encode"] + (uplink == nil ? [] : ["upload"])
      + ["decode a round", "server"]
  }

  private func cells(_ channel: FederationPlan.Channel) -> [String] {
    let time = { (seconds: Double?) in seconds.map(Self.time) ?? "-" }
    return [
      channel.codec.rawValue, Text.fixedUp(channel.noiseMultiplier, 4), Text.short(channel.noiseScale),
      channel.uplinkBits.map { Text.fixed($0, 0) } ?? "-", channel.downlinkBits.map(Text.grouped) ?? "-",
      time(channel.encodeSeconds),
    ] + (uplink == nil ? [] : [time(uploadSeconds(channel))])
      + [time(channel.roundDecodeSeconds), channel.serverBytes.map { Self.bytes(Double($0)) } ?? "-"]
  }

  private func codecs(of plan: FederationPlan) -> String {
    let table = Text.table(header, plan.channels.map(cells))
    let problems = plan.channels.compactMap { channel in channel.problem.map { "\(channel.codec): \($0)" } }
    return ([table] + problems + [Self.traffic(of: plan)].compactMap(\.self)).joined(separator: "\n")
  }

  /// What all rounds send together, with the codec that `auto` takes; nil where none can be used.
  private static func traffic(of plan: FederationPlan) -> String? {
    guard let chosen = plan.channels.first(where: { $0.codec == plan.frame.channel.codec }),
      let up = chosen.uplinkBits, let down = chosen.downlinkBits
    else { return nil }
    let uploads = plan.frame.sampler.expectedSize * Double(plan.frame.lastRound)
    let size = { (bits: Double) in bytes((bits * uploads / 8).rounded()) }
    return "\nAll rounds with \"\(chosen.codec)\", expected: \(size(up)) up, \(size(Double(down))) down."
  }

  private var table: String {
    let rows = plans.flatMap { plan in
      plan.channels.map { channel -> [String] in
        [
          plan.frame.guaranteedPlan.map { Text.fixedUp($0.plannedSpending.epsilon, 3) } ?? "none",
          Text.grouped(plan.frame.parameterCount), plan.signalToNoiseRatio.map(Text.short) ?? "-",
          plan.informationBits.map(Text.short) ?? "-", plan.lowerBoundBits.map(Text.short) ?? "-",
        ] + cells(channel)
      }
    }
    return Text.table(["epsilon", "parameters", "snr", "I(X;Y)", "F"] + header, rows) + "\n\n" + Self.notes
  }

  private static func views(of plan: FederationPlan) -> String {
    let column = 24
    let lines = plan.views.rows.map { row -> String in
      let value = row.epsilon.map { "epsilon \(Text.fixedUp($0, 3))" } ?? "no guarantee"
      let text = Text.wrapped("\(value): \(row.note)", indent: String(repeating: " ", count: column))
      return row.adversary + String(repeating: " ", count: max(1, column - row.adversary.count))
        + text.dropFirst(column)
    }
    return "Who is guaranteed what (with \"\(plan.frame.channel.codec.rawValue)\")\n\n" + lines.joined(separator: "\n")
  }

  /// Microseconds, milliseconds, or what people say.
  private static func time(_ seconds: Double) -> String {
    if seconds < 1e-3 { return "\(Text.short(seconds * 1e6)) us" }
    return seconds < 1 ? "\(Text.short(seconds * 1e3)) ms" : Text.seconds(seconds)
  }

  private static func bytes(_ size: Double) -> String {
    if size < 1e6 { return "\(Text.short(size / 1e3)) kB" }
    if size < 1e9 { return "\(Text.short(size / 1e6)) MB" }
    return size < 1e12 ? "\(Text.short(size / 1e9)) GB" : "\(Text.short(size / 1e12)) TB"
  }
}
