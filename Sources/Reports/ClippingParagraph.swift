import FedSim
import JSONText
import Numerics

/// What a run's rows say of a clipping norm that is too large or too small, for its page.
enum ClippingParagraph {
  /// A sentence for each finding: the rounds in a row, from the first to the last of the longest such row.
  ///
  /// - Parameters:
  ///   - rounds: the rows of the run.
  ///   - summary: summary.json.
  ///   - scenario: the scenario with every default.
  static func texts(_ rounds: RoundTable, _ summary: JSONObject, _ scenario: JSON) -> [String] {
    guard case .object(let keys) = scenario, case .object(let privacy)? = keys["privacy"],
      (privacy["clippingQuantile"] ?? .null) == .null
    else { return [] }
    let shares = rounds.points(\.clippedFraction)
    return ClippingWatch.Finding.allCases.compactMap { finding in
      guard let row = longestRow(of: finding.share, in: shares), let bound = rounds.values(\.clippingNorm).first else {
        return nil
      }
      let norm = rootMeanSquare(in: row, rounds, summary)
      return ClippingNotice(
        finding: finding, rounds: row, clippingNorm: bound, limit: norm ?? 0, limitIs: .rootMeanSquare
      ).text + "."
    }
  }

  /// From its first round to its last; nil where there is none that is long enough. Of several as long the first.
  private static func longestRow(of share: Double, in points: [Chart.Point]) -> ClosedRange<Int>? {
    var longest: (count: Int, rounds: ClosedRange<Int>)?
    var present: (count: Int, first: Double)?
    for point in points {
      guard point.y == share else {
        present = nil
        continue
      }
      let row = (count: (present?.count ?? 0) + 1, first: present?.first ?? point.x)
      present = row
      if row.count > longest?.count ?? 0 { longest = (row.count, Int(row.first)...Int(point.x)) }
    }
    guard let longest, longest.count >= ClippingWatch.length else { return nil }
    return longest.rounds
  }

  /// The root mean square of norms, from the mean of I(X;Y) = d/2 log2(1 + |x|^2 / (d sigma^2)); nil where updates have no noise.
  private static func rootMeanSquare(
    in rows: ClosedRange<Int>, _ rounds: RoundTable, _ summary: JSONObject
  ) -> Double? {
    guard let sigma = summary.number(\.noiseScalePerClient), sigma > 0,
      let dimension = summary.number(\.parameters), dimension > 0
    else { return nil }
    let bits = rounds.points(\.idealBits).filter { rows.contains(Int($0.x)) }.map(\.y)
    guard !bits.isEmpty else { return nil }
    let mean = bits.reduce(0, +) / Double(bits.count)
    let energy = dimension * (Elementary.exp(2 * mean / dimension * Elementary.ln2) - 1)
    return energy.squareRoot() * sigma
  }
}
