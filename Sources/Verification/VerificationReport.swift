import ChannelCoding
import Files
import JSONText

/// Checks of several codecs at several signal-to-noise ratios, for people and as JSON.
public struct VerificationReport: Sendable {
  /// One codec at one ratio.
  public struct Part: Sendable {
    let codec: CodecName
    let law: NoiseLaw
    let dimension: Int
    let snr: Double
    let checks: [ChannelVerification.Check]
  }

  /// The false-alarm rate of a check.
  public let alpha: Double
  public private(set) var parts: [Part] = []

  public init(alpha: Double) { self.alpha = alpha }

  public mutating func add(
    _ verification: ChannelVerification, of settings: ChannelSettings, law: NoiseLaw, snr: Double
  ) {
    parts.append(
      Part(
        codec: settings.codec, law: law, dimension: settings.dimension, snr: snr, checks: verification.checks))
  }

  public var failures: Int { parts.reduce(0) { $0 + $1.checks.count { !$0.passes(falseAlarm: alpha) } } }

  /// Checks that had something to check.
  public var checkCount: Int {
    parts.reduce(0) { sum, part in
      sum
        + part.checks.count {
          if case .result = $0.outcome { true } else { false }
        }
    }
  }

  public var text: String {
    let names = parts.flatMap { $0.checks.map(\.name.count) }.max() ?? 0
    let rows = parts.flatMap { part in
      part.checks.map { check in
        let start = [
          part.codec.rawValue, Text.shown(part.snr),
          check.name + String(repeating: " ", count: names - check.name.count),
        ]
        switch check.outcome {
        case .skipped(let reason): return start + ["-", "-", "-", "skipped: \(reason)"]
        case .result(let result):
          return start + [
            Text.grouped(result.sampleCount), Text.short(result.statistic), Text.short(result.pValue),
            check.passes(falseAlarm: alpha) ? "passed" : "FAILED",
          ]
        }
      }
    }
    let name = "check" + String(repeating: " ", count: max(names - 5, 0))
    return leftAligned(["codec", "snr", name, "n", "statistic", "p", "result"], rows) + "\n\n" + closing
  }

  /// The last column's words begin in one place.
  private func leftAligned(_ header: [String], _ rows: [[String]]) -> String {
    let width = ([header] + rows).map { ($0.last ?? "").count }.max() ?? 0
    let padded = ([header] + rows).map { row in
      row.dropLast() + row.suffix(1).map { $0 + String(repeating: " ", count: width - $0.count) }
    }
    return Text.table(padded[0].map { $0 }, padded.dropFirst().map { $0.map { $0 } })
      .split(separator: "\n").map { line in
        var line = line
        while line.last == " " { line.removeLast() }
        return String(line)
      }.joined(separator: "\n")
  }

  private var closing: String {
    let expected = Text.short(Double(checkCount) * alpha)
    let verdict = failures == 0 ? "none failed" : "\(failures) FAILED"
    return Text.wrapped(
      """
      \(checkCount) checks, \(verdict). Of a channel that is right each fails with probability \(Text.shown(alpha)), \
      one of all \(checkCount) with at most \(expected). n: values that went into a check.
      """)
  }

  public var json: JSON {
    let results: [JSON] = parts.flatMap { part in
      part.checks.map { check in
        var object: JSONObject = [
          "codec": .string(part.codec.rawValue), "law": .string(part.law.rawValue),
          "dimension": .integer(part.dimension),
          "snr": .number(part.snr), "check": .string(check.name),
        ]
        switch check.outcome {
        case .skipped(let reason):
          for key in ["n", "statistic", "pValue", "passed"] { object[key] = .null }
          object["skipped"] = .string(reason)
        case .result(let result):
          object["n"] = .integer(result.sampleCount)
          object["statistic"] = Self.number(result.statistic)
          object["pValue"] = Self.number(result.pValue)
          object["passed"] = .bool(check.passes(falseAlarm: alpha))
          object["skipped"] = .null
        }
        return .object(object)
      }
    }
    return ["alpha": .number(alpha), "passed": .bool(failures == 0), "results": .array(results)]
  }

  /// Null where it is not finite.
  private static func number(_ value: Double) -> JSON { value.isFinite ? .number(value) : .null }
}
