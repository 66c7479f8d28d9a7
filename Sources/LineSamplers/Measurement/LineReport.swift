import Files
import JSONText
import Numerics
import Platform

/// A table of algorithms on one target, with the theorems that hold for them.
public struct LineReport: Sendable {
  public let target: TargetFigures
  public let results: [LineMeasurement]
  /// Algorithms that were left out, and why.
  public let omitted: [(algorithm: String, reason: String)]

  /// The false-alarm rate of each test of a law: a right sampler fails it once in so many runs.
  public static let falseAlarm = 1e-6

  public init(_ target: TargetFigures, _ results: [LineMeasurement], omitted: [(algorithm: String, reason: String)]) {
    self.target = target
    self.results = results
    self.omitted = omitted
  }

  /// Algorithms whose samples do not have the target's law by the test.
  public var failures: [LineMeasurement] { results.filter { !$0.law.passes(falseAlarm: Self.falseAlarm) } }

  // MARK: JSON

  public var json: JSON {
    [
      "results": .array(results.map(\.json)),
      "omitted": .array(
        omitted.map {
          ["algorithm": .string($0.algorithm), "target": .string(target.spelling), "reason": .string($0.reason)]
        }),
      "notes": .array(target.notes.map(JSON.string)), "falseAlarm": .number(Self.falseAlarm),
      "passed": .bool(failures.isEmpty),
    ]
  }

  public var csv: String { CSV.table(results.map(\.json)) }

  // MARK: Text

  public var text: String {
    var parts = [heading, table]
    if !results.isEmpty { parts.append(([lawLine] + theorems).joined(separator: "\n")) }
    if !omitted.isEmpty {
      parts.append(omitted.map { "left out: \($0.algorithm): \($0.reason)" }.joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n")
  }

  private var heading: String {
    let figures = [
      "KL \(Text.fixed(target.klBits, 3))", "Dinf \(Text.fixed(target.dInfBits, 3))",
      "D_CS \(Text.fixed(target.dcsBits, 3))", "bound KL + log2(KL + 1) + 4 = \(Text.fixed(target.boundBits, 3))",
      "2^Dinf = \(Text.short(exp2(target.dInfBits)))",
    ].joined(separator: "   ")
    let count = results.prefix(1).map {
      "\(Text.counted($0.count, "sample")) an algorithm, each decoded from its bytes"
    }
    return ([target.spelling + " (bits)", figures] + target.notes.map { "note: \($0)" } + count).joined(separator: "\n")
  }

  private var table: String {
    let error = { (e: Estimate) in e.error.map(Text.short) ?? "-" }
    return Text.table(
      [
        "algorithm", "KL", "Dinf", "D_CS", "bound", "steps", "s.e.", "E log2 K", "s.e.", "H", "s.e.", "path",
        "code bits", "s.e.", "mean bits", "s.e.", "model bits", "KS p", "us/sample",
      ],
      results.map { r in
        [
          r.algorithm, Text.fixed(target.klBits, 2), Text.fixed(target.dInfBits, 2), Text.fixed(target.dcsBits, 2),
          Text.fixed(target.boundBits, 2), Text.short(r.steps.mean), error(r.steps), Text.fixed(r.log2Index.mean, 3),
          error(r.log2Index), Text.fixed(r.entropyBits.mean, 3), error(r.entropyBits),
          r.pathBits.mean == 0 ? "-" : Text.fixed(r.pathBits.mean, 3), Text.fixed(r.codeBits.mean, 3),
          error(r.codeBits), Text.fixed(r.messageBits.mean, 2), error(r.messageBits), Text.fixed(r.modelBits.mean, 3),
          Text.short(r.law.pValue), Text.short(1e6 * r.secondsPerSample),
        ]
      })
  }

  private var lawLine: String {
    let rate = "a right sampler has p below \(Text.short(Self.falseAlarm)) once in a million runs"
    guard failures.isEmpty else {
      let names = failures.map(\.algorithm).joined(separator: ", ")
      return "FAILED: \(names): samples do not have the target's law (\(rate))"
    }
    return "Laws: Kolmogorov-Smirnov of the decoded samples against the target; \(rate)."
  }

  /// Both theorems with what was measured.
  private var theorems: [String] {
    let shown = { (r: LineMeasurement, e: Estimate) in
      "\(r.algorithm) \(Text.short(e.mean))" + (e.error.map { " +- \(Text.short($0))" } ?? "")
    }
    let drawing = results.filter { $0.family != .tree }
    let trees = results.filter { $0.family == .tree }
    let causal = results.filter { $0.family == .causal }
    let hasHeavyTails = drawing.contains { $0.algorithm == "greedy" || $0.algorithm == "gprs" }
    var lines: [String] = []
    if !drawing.isEmpty {
      lines.append(
        "E[K] >= 2^Dinf = \(Text.short(exp2(target.dInfBits))) for whoever draws from P one after another: "
          + drawing.map { shown($0, $0.steps) }.joined(separator: ", ") + ".")
      if target.dInfBits - target.klBits > 1, hasHeavyTails {
        lines.append(
          "  greedy and gprs: K has so heavy a tail here (Dinf - KL > 1) that a measured mean is mostly below E[K], "
            + "and its s.e. says little.")
      }
    }
    if !trees.isEmpty {
      lines.append(
        "Not bound by it, as they draw from P restricted to ever smaller sets: "
          + trees.map { shown($0, $0.steps) }.joined(separator: ", ") + ".")
    }
    if !causal.isEmpty {
      lines.append(
        "KL <= D_CS <= H(K) for causal samplers: \(Text.fixed(target.klBits, 3)) <= "
          + "\(Text.fixed(target.dcsBits, 3)) <= "
          + causal.map { shown($0, $0.entropyBits) }.joined(separator: ", ")
          + "; greedy has H(K) <= D_CS + log2(e + 1) = \(Text.fixed(target.dcsBits + log2(exp(1) + 1), 3)).")
    }
    return lines
  }
}

extension LineMeasurement {
  public var json: JSON {
    var object: JSONObject = [
      "algorithm": .string(algorithm), "target": .string(target.spelling), "klBits": .number(target.klBits),
      "dInfBits": .number(target.dInfBits), "dcsBits": .number(target.dcsBits), "boundBits": .number(target.boundBits),
      "repetitions": .integer(count),
    ]
    let estimates = [
      ("meanSteps", steps), ("meanLog2Index", log2Index), ("entropyBits", entropyBits), ("pathBits", pathBits),
      ("codeBits", codeBits), ("meanBits", messageBits), ("meanModelBits", modelBits),
    ]
    for (name, estimate) in estimates {
      object[name] = .number(estimate.mean)
      object["\(name)StandardError"] = estimate.error.map(JSON.number) ?? .null
    }
    object["ksStatistic"] = .number(law.statistic)
    object["ksPValue"] = .number(law.pValue)
    object["microsecondsPerSample"] = .number(1e6 * secondsPerSample)
    return .object(object)
  }
}
