/// Why a posterior, or settings of a codec for posteriors, cannot be used: the place, what was found and what is allowed.
public enum PosteriorError: Error, Equatable, CustomStringConvertible {
  /// Vectors of different lengths.
  case counts(means: Int, scales: Int)
  /// A wrong number of coordinates; `expected` is nil where any number above 0 is allowed.
  case dimension(found: Int, expected: Int?)
  /// A mean that is not finite, or beyond the public bound.
  case mean(coordinate: Int, found: Double, largest: Double?)
  /// A posterior's deviation outside [2^-20, 1], in units of the prior.
  case scale(coordinate: Int, found: Double)
  /// A prior's deviation that is not a positive number.
  case priorScale(coordinate: Int, found: Double)
  /// A coordinate as wide as the prior, but not centred with it: its density ratio has no bound.
  case shiftedPrior(coordinate: Int, mean: Double)
  /// A posterior whose deviation is not the public one.
  case tiedScale(coordinate: Int, found: Double, tied: Double)
  /// A public mean KL that is negative or not finite.
  case meanKL(coordinate: Int, found: Double)
  /// A name that no codec for posteriors has.
  case codec(CodecName, allowed: [CodecName])
  /// A codec that cannot do without public deviations.
  case freeScales(CodecName, allowed: [CodecName])
  /// An option out of its range.
  case option(String, found: String, allowed: String)
  /// A block's posterior that has other coordinates than the block, or no block left.
  case block(found: Int, expected: Int)

  public var description: String {
    switch self {
    case .counts(let means, let scales):
      "a Gaussian needs as many deviations as means, found \(means) means and \(scales) deviations"
    case .dimension(let found, let expected):
      "a posterior needs \(expected.map { "\($0) coordinates" } ?? "at least one coordinate"), found \(found)"
    case .mean(let coordinate, let found, let largest):
      largest.map {
        "mean \(coordinate) is \(found) of the prior's deviations; allowed: at most \($0) either way (largestMean)"
      } ?? "mean \(coordinate) is \(found); allowed: finite numbers"
    case .scale(let coordinate, let found):
      "deviation \(coordinate) is \(found) of the prior's; allowed: from 2^-20 up to and without 1, or 1 with mean 0"
    case .priorScale(let coordinate, let found): "the prior's deviation \(coordinate) is \(found); allowed: above 0"
    case .shiftedPrior(let coordinate, let mean):
      "coordinate \(coordinate) is as wide as the prior and has mean \(mean): its density ratio to the prior has no "
        + "bound; allowed: a deviation below the prior's, or mean 0"
    case .tiedScale(let coordinate, let found, let tied):
      "deviation \(coordinate) is \(found), but the settings tie it to \(tied); allowed: that one, or free scales"
    case .meanKL(let coordinate, let found):
      "the mean KL of coordinate \(coordinate) is \(found) bits; allowed: finite numbers from 0 on"
    case .codec(let name, let allowed):
      "no codec \"\(name)\" for posteriors; there are \(allowed.map(\.rawValue).joined(separator: ", "))"
    case .freeScales(let name, let allowed):
      "\"\(name)\" needs public deviations (tied); with free ones there are "
        + allowed.map(\.rawValue).joined(separator: ", ")
    case .option(let name, let found, let allowed): "\(name) is \(found); allowed: \(allowed)"
    case .block(let found, let expected):
      expected == 0
        ? "all blocks are encoded" : "the next block has \(expected) coordinates, found a posterior of \(found)"
    }
  }
}
