import ChannelCoding
import PrivacyAccounting

/// Draws the clients of a round.
public struct CohortSampler: Sendable {
  public let sampling: Sampling
  public let population: Int
  /// m_max: larger draws are cut to it.
  public let largest: Int

  public init(sampling: Sampling, population: Int, largest: Int) {
    self.sampling = sampling
    self.population = population
    self.largest = largest
  }

  /// The number that a sum is divided by. Dividing by the drawn number would be a second release.
  public var expectedSize: Double { sampling.rate * Double(population) }

  /// Clients in ascending order; may be empty.
  public func cohort(_ random: consuming PrivateRandomness) -> [Int] {
    switch sampling {
    case .everyone: return Array(0..<population)
    case .poisson(let rate):
      var drawn = (0..<population).filter { _ in random.stream.bernoulli(rate) }
      guard drawn.count > largest else { return drawn }
      random.stream.shuffle(&drawn)
      return drawn.prefix(largest).sorted()
    case .fixedSize(let rate):
      var all = Array(0..<population)
      random.stream.shuffle(&all)
      return all.prefix(Int((rate * Double(population)).rounded())).sorted()
    }
  }
}
