import Files
import Numerics
import Platform

/// Mixtures of normal laws against P = N(0, 1), as tables of 1,024 cells of equal mass under P.
public enum MixtureTarget {
  public static let cellCount = 1024

  /// A part of a mixture: weight, mean and standard deviation.
  public struct Part: Sendable, Equatable {
    public let weight: Double
    public let mean: Double
    public let deviation: Double

    public init(weight: Double, mean: Double, deviation: Double) {
      self.weight = weight
      self.mean = mean
      self.deviation = deviation
    }
  }

  /// The table of the mixture's cell masses; its notes say how far it is from the mixture's density.
  ///
  /// - Throws: `ToolError.input` for weights or deviations that are not above 0. Weights that do not sum to 1 are scaled.
  public static func table(_ parts: [Part]) throws(ToolError) -> TableTarget {
    for (i, part) in parts.enumerated()
    where !(part.weight > 0 && part.deviation > 0 && (part.weight * part.deviation * part.mean).isFinite) {
      throw .input(
        place: "--target: part \(i + 1) of the mixture",
        problem:
          "found weight \(part.weight), m = \(part.mean), s = \(part.deviation); allowed: weights and s above 0, numbers m"
      )
    }
    let total = parts.reduce(0) { $0 + $1.weight }
    var notes: [String] = []
    if abs(total - 1) > 1e-9 { notes.append("the weights of the mixture sum to \(total): scaled to sum to 1") }
    let edges = (0...cellCount).map { i in
      LineProposal.normal.quantile(
        left: Double(i) / Double(cellCount), right: Double(cellCount - i) / Double(cellCount))
    }
    let masses = zip(edges, edges.dropFirst()).map { low, high in
      parts.reduce(0) {
        $0 + $1.weight / total
          * NormalMass.between((low - $1.mean) / $1.deviation, (high - $1.mean) / $1.deviation)
      }
    }
    let distance = totalVariation(parts, total, edges, masses)
    notes.append(
      "a table of \(cellCount) cells, for which all that follows is exact; total variation to the mixture meant: \(Text.short(distance))"
    )
    let spelling =
      "mixture:"
      + parts.map { [$0.weight, $0.mean, $0.deviation].map(Text.shown).joined(separator: ",") }.joined(separator: "+")
    return try TableTarget(masses, .normal, spelling: spelling, name: "--target", notes: notes)
  }

  /// Half the integral of |q - q_table|, cell by cell, by midpoints over stretches of a twentieth of the smallest deviation or a sixteenth
  /// of the cell.
  private static func totalVariation(
    _ parts: [Part], _ total: Double, _ edges: [Double], _ masses: [Double]
  ) -> Double {
    let density = { (x: Double) in
      parts.reduce(0) { sum, part in
        let z = (x - part.mean) / part.deviation
        return sum + part.weight / total * exp(-z * z / 2) / (part.deviation * (2 * Double.pi).squareRoot())
      }
    }
    let smallest = parts.map(\.deviation).min() ?? 1
    let reach = parts.map { abs($0.mean) + 10 * $0.deviation }.max() ?? 10
    var sum = 0.0
    for (i, mass) in masses.enumerated() {
      let (low, high) = (max(edges[i], -max(reach, 10)), min(edges[i + 1], max(reach, 10)))
      guard low < high else { continue }
      let steps = min(max(Int((high - low) / (smallest / 20)), 16), 100_000)
      let step = (high - low) / Double(steps)
      for k in 0..<steps {
        let x = low + (Double(k) + 0.5) * step
        sum += abs(density(x) - mass * Double(masses.count) * LineProposal.normal.density(x)) * step
      }
    }
    return min(sum / 2, 1)
  }
}
