import Numerics

/// Which coordinates `polar` codes together: from public numbers, with + - * / and tables, the same at both ends.
enum PolarClasses {
  /// Coordinates that are one vector.
  struct Part: Sendable, Equatable {
    /// In ascending order.
    let coordinates: [Int]
    /// Whether they are polarized, or left to the layered quantizer.
    let isPolar: Bool
    /// N, a power of two.
    let paddedCount: Int
    /// The mean of eta^2 over N coordinates.
    let snr: Double

    /// - Parameter scales: of all coordinates.
    init(_ coordinates: [Int], isPolar: Bool, scales: [Double]) {
      self.coordinates = coordinates.sorted()
      self.isPolar = isPolar
      paddedCount = isPolar ? PolarFamily().paddedDimension(coordinates.count) : coordinates.count
      snr = coordinates.reduce(0) { $0 + squaredSignal(scales[$1]) } / Double(paddedCount)
    }
  }

  /// eta^2 = 1 / rho^2 - 1.
  private static func squaredSignal(_ scale: Double) -> Double { (1 - scale) * (1 + scale) / (scale * scale) }

  /// The classes with the fewest bits among cuts of the coordinates in order of eta, at powers of two from the ends of what is cut: so that
  /// little is padded.
  static func best(scales: [Double], effort: Int) -> [Part] {
    var search = Search(scales)
    let cuts = search.best(0..<scales.count, depth: 4).cuts
    var parts = cuts.map { cut in
      let part = Part(cut.range.map { search.order[$0] }, isPolar: cut.isPolar, scales: scales)
      // The search reckons with what codes take on average.
      guard part.isPolar,
        PolarPlan.make(count: part.paddedCount, snr: part.snr, effort: effort).predictedBits
          >= search.layeredBits(cut.range)
      else { return part }
      return Part(part.coordinates, isPolar: false, scales: scales)
    }
    // What the quantizer takes is one class.
    let layered = parts.filter { !$0.isPolar }.flatMap(\.coordinates)
    parts.removeAll { !$0.isPolar }
    if !layered.isEmpty { parts.append(Part(layered, isPolar: false, scales: scales)) }
    return parts
  }

  private struct Search {
    typealias Cut = (range: Range<Int>, isPolar: Bool)

    /// Coordinates, the strongest first.
    let order: [Int]
    /// Sums of eta^2 and of the quantizer's bits over those before.
    private var squares: [Double] = [0]
    private var layered: [Double] = [0]
    private var known: [Key: (bits: Double, cuts: [Cut])] = [:]

    private struct Key: Hashable {
      let range: Range<Int>
      let depth: Int
    }

    init(_ scales: [Double]) {
      order = scales.indices.sorted { (scales[$0], $0) < (scales[$1], $1) }
      for i in order {
        let square = squaredSignal(scales[i])
        squares.append((squares.last ?? 0) + square)
        layered.append((layered.last ?? 0) + Excess.layeredBits(square: square))
      }
    }

    func layeredBits(_ range: Range<Int>) -> Double { layered[range.upperBound] - layered[range.lowerBound] }

    private func polarBits(_ range: Range<Int>) -> Double {
      let n = Double(PolarFamily().paddedDimension(range.count))
      // A difference of sums: beside strong signals the weakest may come out below 0.
      let snr = max(squares[range.upperBound] - squares[range.lowerBound], 0) / n
      guard snr <= Self.largestSNR else { return .infinity }
      let information = n / 2 * PublicRatioLaw.log1p(snr) / Elementary.ln2
      return information + Excess.polarBits(information: information)
    }

    mutating func best(_ range: Range<Int>, depth: Int) -> (bits: Double, cuts: [Cut]) {
      let key = Key(range: range, depth: depth)
      if let found = known[key] { return found }
      let (polar, layered) = (polarBits(range), layeredBits(range))
      var best: (bits: Double, cuts: [Cut]) = (min(polar, layered), [(range, polar < layered)])
      if depth > 0, range.count > 1 {
        var length = 1
        while length < range.count {
          for middle in [range.lowerBound + length, range.upperBound - length] {
            let left = self.best(range.lowerBound..<middle, depth: depth - 1)
            guard left.bits < best.bits else { continue }
            let right = self.best(middle..<range.upperBound, depth: depth - 1)
            if left.bits + right.bits < best.bits { best = (left.bits + right.bits, left.cuts + right.cuts) }
          }
          length *= 2
        }
      }
      known[key] = best
      return best
    }

    /// Stronger signals are the quantizer's.
    private static let largestSNR = 16.0
  }

  /// What codes take beyond the information, roughly: to choose classes with, never to code with.
  private enum Excess {
    /// The layered quantizer's bits of a coordinate: 1.04 eta where it is weak, half a bit over its information where it is strong. H(M) at
    /// eta = 2^-8, 2^-7, ... 2^4 by `layeredEntropy`, straight lines in log2 eta between.
    static func layeredBits(square: Double) -> Double {
      guard square > 0 else { return 0 }
      let information = PublicRatioLaw.log1p(square) / 2 / Elementary.ln2
      let place = Elementary.log(square) / (2 * Elementary.ln2) + 8
      if place <= 0 { return 1.04 * square.squareRoot() }
      let cell = min(Int(place), layered.count - 1)
      guard cell + 1 < layered.count else { return information + layered[cell] }
      return information + layered[cell] + (place - Double(cell)) * (layered[cell + 1] - layered[cell])
    }

    private static let layered = [
      0.00405, 0.00808, 0.01607, 0.03178, 0.06215, 0.1186, 0.2148, 0.3481, 0.4649, 0.512, 0.52, 0.5207, 0.5208,
    ]

    /// Of a polar code, by its information: 4^k bits from k = -1 on, straight lines between, as its plans say at effort 0.
    static func polarBits(information: Double) -> Double {
      var low = 0.0
      var excess = 0.3
      for (i, next) in polar.enumerated() {
        let high = i == 0 ? 0.25 : Double(1 << (2 * (i - 1)))
        if information < high { return excess + (information - low) / (high - low) * (next - excess) }
        (low, excess) = (high, next)
      }
      return excess * information / low
    }

    private static let polar = [1.0, 2.2, 4.5, 9.5, 28, 68, 185, 640, 1900]
  }
}
