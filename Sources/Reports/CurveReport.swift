import Files
import JSONText
import PrivacyAccounting

/// What `--curve` and `--svg` answer: delta over epsilon, the trade-off function f from both sides, the Gaussian mechanisms below it and zCDP's rho.
public struct CurveReport: Sendable {
  public let curves: PrivacyCurves

  /// - Parameters:
  ///   - least: the delta at which the curves end.
  ///   - truncationDelta: the part of delta that pays for cohorts that may be cut, and for rounding.
  /// - Throws: `ToolError.input` where there is no proof, with the reason.
  public init(
    _ ledger: PrivacyLedger, accountant: Accountant, least: Double, truncationDelta: Double = 0
  ) throws(ToolError) {
    do throws(PrivacyRefusal) {
      curves = try PrivacyCurves(ledger, accountant: accountant, least: least, truncation: truncationDelta)
    } catch {
      throw .input(place: "--curve", problem: "refused: \(error)")
    }
  }

  private var sides: [TradeOffCurve] { [curves.below] + (curves.above.map { [$0] } ?? []) }

  /// A row for each point of each bound; cells that a curve has no use for are empty.
  public var csv: String {
    var lines = ["curve,bound,epsilon,delta,typeIError,typeIIError,mu,rho"]
    for point in curves.profile.points { lines.append("profile,upper,\(point.epsilon),\(point.delta),,,,") }
    for point in curves.profile.points {
      if let lower = point.lowerBound { lines.append("profile,lower,\(point.epsilon),\(lower),,,,") }
    }
    for curve in sides {
      for point in curve.points {
        lines.append("tradeoff,\(curve.side.rawValue),,,\(point.typeIError),\(point.typeIIError),,")
      }
    }
    let gaussian = curves.gaussian
    if let mu = gaussian.everywhere {
      lines.append("gaussian,upper,,,,,\(mu.upper),")
      lines.append("gaussian,lower,,,,,\(mu.lower),")
    }
    if let mu = gaussian.within {
      lines.append("gaussian-but-for-delta,upper,,\(gaussian.delta),\(gaussian.leastError),,\(mu.upper),")
      if let lower = mu.lower {
        lines.append("gaussian-but-for-delta,lower,,\(gaussian.delta),\(gaussian.leastError),,\(lower),")
      }
    }
    if let rho = gaussian.rho {
      lines.append("zcdp,upper,,,,,,\(rho.upper)")
      lines.append("zcdp,lower,,,,,,\(rho.lower)")
    }
    return lines.joined(separator: "\n")
  }

  /// The keys that `--curve` adds to an answer.
  public var json: JSONObject {
    let gaussian = curves.gaussian
    let within = gaussian.within
    return [
      "profile": .array(
        curves.profile.points.map {
          ["epsilon": .number($0.epsilon), "delta": .number($0.delta), "deltaLowerBound": .optional($0.lowerBound)]
        }),
      "tradeOff": .object(
        sides.reduce(into: JSONObject()) { object, curve in
          object[curve.side.rawValue] = .array(
            curve.points.map { ["typeIError": .number($0.typeIError), "typeIIError": .number($0.typeIIError)] })
        }),
      "mu": .optional(gaussian.everywhere?.upper), "muLowerBound": .optional(gaussian.everywhere?.lower),
      "muRefusal": gaussian.refusal.map { .string($0) } ?? .null,
      "muButForDelta": .optional(within?.upper), "muButForDeltaLowerBound": .optional(within?.lower),
      "muDelta": .number(gaussian.delta), "muLeastTypeIError": .number(gaussian.leastError),
      "rho": .optional(gaussian.rho?.upper), "rhoLowerBound": .optional(gaussian.rho?.lower),
      "tradeOffTheorem": .string(PrivacyCurves.theorem),
    ]
  }

  /// What the curves come to, for people.
  public var text: String {
    let gaussian = curves.gaussian
    var lines: [String] = []
    if let mu = gaussian.within {
      let below = mu.lower.map { ", at least \(Text.fixedDown($0, 6))" } ?? ""
      lines.append(
        "mu       "
          + Text.wrapped(
            "\(Text.fixedUp(mu.upper, 6))\(below): f is at least the curve of this Gaussian mechanism less \(Text.short(gaussian.delta)), and "
              + "nowhere below it where both errors are above \(Text.short(gaussian.leastError))", indent: "         "
          ).dropFirst(9))
    }
    let label = lines.isEmpty ? "mu       " : "         "
    if let mu = gaussian.everywhere {
      lines.append("\(label)\(Text.fixedUp(mu.upper, 6)) for all errors, at least \(Text.fixedDown(mu.lower, 6))")
    } else if let reason = gaussian.refusal {
      lines.append("\(label)none for all errors: \(reason)")
    }
    if let rho = gaussian.rho {
      lines.append("zCDP     rho \(Text.fixedUp(rho.upper, 6)), at least \(Text.fixedDown(rho.lower, 6))")
    } else {
      lines.append("zCDP     none: no Renyi divergence is finite with a delta of its own")
    }
    return lines.joined(separator: "\n")
  }

  /// Both pictures, one above the other, as a file of its own.
  public var svg: String { picture.svg(.paper) }

  /// The same as `svg`, as one page of vectors.
  public var pdf: String { picture.pdf }

  private var picture: Picture { Chart.stacked([profileChart, tradeOffChart]) }

  var profileChart: Chart {
    let points = curves.profile.points
    var series = [
      Chart.Series(
        "delta is at most", points.map { Chart.Point(x: $0.epsilon, y: $0.delta) }, isReference: true)
    ]
    let lower = points.compactMap { point in point.lowerBound.map { Chart.Point(x: point.epsilon, y: $0) } }
    if !lower.isEmpty { series.append(Chart.Series("delta is at least", lower, isReference: true)) }
    return Chart(
      name: "profile", title: "Delta over epsilon", x: .init("epsilon"), y: .init("delta", isLog: true), series: series)
  }

  var tradeOffChart: Chart {
    var series = [Chart.Series("f is at least", Self.drawn(curves.below), isReference: true)]
    if let above = curves.above {
      series.append(Chart.Series("f is at most", Self.drawn(above), isReference: true))
    }
    if let mu = curves.gaussian.within {
      let curve = GaussianTradeOff(mu: mu.upper)
      series.append(
        Chart.Series(
          "Gaussian, mu = \(Text.short(mu.upper))",
          (0...200).map { Chart.Point(x: Double($0) / 200, y: curve.typeIIError(at: Double($0) / 200)) },
          isReference: true))
    }
    series.append(Chart.Series("guessing", [.init(x: 0, y: 1), .init(x: 1, y: 0)], isReference: true))
    return Chart(
      name: "tradeoff", title: "Errors of any test for one client", x: .init("type I error"), y: .init("type II error"),
      series: series)
  }

  /// Corners that a picture can tell apart.
  private static func drawn(_ curve: TradeOffCurve) -> [Chart.Point] {
    var points: [Chart.Point] = []
    for point in curve.points {
      if let last = points.last, point.typeIError < 1,
        abs(point.typeIError - last.x) + abs(point.typeIIError - last.y) < 0.004
      {
        continue
      }
      points.append(Chart.Point(x: point.typeIError, y: point.typeIIError))
    }
    return points
  }
}
