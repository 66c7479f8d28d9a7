import Numerics

extension PosteriorScales {
  /// Free scales with the mean KL of each coordinate over a population, for posteriors of one dimension.
  public static func free(population: [DiagonalGaussian]) throws(PosteriorError) -> PosteriorScales {
    guard let first = population.first else {
      throw .option("population", found: "none", allowed: "at least one posterior")
    }
    var sums = [Double](repeating: 0, count: first.count)
    for posterior in population {
      guard posterior.count == first.count else { throw .dimension(found: posterior.count, expected: first.count) }
      for (i, bits) in posterior.coordinateBits.enumerated() { sums[i] += bits }
    }
    return .free(meanKL: sums.map { $0 / Double(population.count) })
  }
}

extension PosteriorSettings {
  /// The same settings with the law of indices that posteriors of a population have, in place of what the prior makes of them: a public table,
  /// which both ends need. It changes bits, never the law of a sample.
  ///
  /// The population is encoded once. Each half octave counts as often as it was sent, and sixteen times as the public law has it.
  ///
  /// - Parameters:
  ///   - population: posteriors that these settings are for, and not those that are to be sent: these would be described by themselves.
  ///   - seed: what the population's messages are made with.
  /// - Throws: what is wrong with the settings or a posterior, or that the codec sends no indices under a law.
  public func learned(from population: [DiagonalGaussian], seed: UInt64 = 0) throws(PosteriorError) -> PosteriorSettings
  {
    var plain = self
    plain.options.indexLaw = nil
    guard codec == .pfr, let coder = try plain.makeCodec() as? BlockPosterior else {
      throw .codec(codec, allowed: [.pfr])
    }
    for posterior in population {
      if let problem = problem(posterior) { throw problem }
    }
    let models = coder.plan.blocks.compactMap(\.law.indexModel)
    var weights = [Double](repeating: 0, count: PosteriorIndexLaw.cellCount)
    for model in models {
      for (cell, mass) in model.masses.enumerated() { weights[cell] += 16 * mass / Double(models.count) }
    }
    for (i, posterior) in population.enumerated() {
      let shared = SharedRandomness(key: Key(seed: seed, label: "posterior population \(i)"))
      var noise = PrivateRandomness(key: Key(seed: seed, label: "posterior population's own \(i)"))
      var tally = CodingTally()
      var encoder = PosteriorBlockEncoder(coder, shared: shared)
      while let coordinates = encoder.nextBlock {
        _ = try encoder.encode(posterior[coordinates], private: &noise, tally: &tally)
      }
      for index in encoder.indices { weights[min(IndexModel.cell(index), weights.count - 1)] += 1 }
    }
    var settings = self
    settings.options.indexLaw = try PosteriorIndexLaw(weights: weights)
    return settings
  }
}
