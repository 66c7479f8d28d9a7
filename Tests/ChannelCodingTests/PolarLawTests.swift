import Numerics
import Platform
import Testing

@testable import ChannelCoding

/// What a capped selection costs, against integrals and a simulation that share nothing with it.
@Suite struct SelectionLawTests {
  private func law(_ information: Double, _ cap: Double) -> SelectionLaw {
    NormalTable.shared.withCumulative { SelectionLaw(information: information, logCap: log(cap), $0) }
  }

  /// Of ln r ~ N(k, 2 k) under the target: Pr[h > M] = E (1 - M / r)+, and what an escape carries.
  @Test(arguments: [(0.1, 1.5), (0.5, 3.0), (1.0, 12.0), (3.0, 12.0), (3.0, 200.0), (8.0, 3000.0)])
  func escapesAreTheIntegralAboveTheCap(information: Double, cap: Double) {
    let deviation = (2 * information).squareRoot()
    let (low, panels) = (log(cap), 20_000)
    let width = max(information + 12 * deviation - low, 1e-9) / Double(panels)
    var (escape, carried) = (0.0, 0.0)
    for i in 0..<panels {
      let l = low + (Double(i) + 0.5) * width
      let z = (l - information) / deviation
      let mass = exp(-z * z / 2) / (deviation * (2 * Double.pi).squareRoot()) * -expm1(low - l) * width
      escape += mass
      carried += l * mass
    }
    let law = law(information, cap)
    #expect(abs(law.escapeProbability - escape) < 1e-4 + 0.01 * escape, "\(law.escapeProbability) \(escape)")
    let excess = min(max(carried / escape - information, 0), 20)
    if escape > 1e-3 { #expect(abs(law.escapeExcess - excess) < 0.05 + 0.03 * excess, "\(law.escapeExcess) \(excess)") }
    // The body has M candidates for each that it takes, and so M on average.
    #expect(abs(law.draws / cap - 1) < 0.03, "\(law.draws)")
  }

  /// The functional representation with lognormal ratios: its indices cost the bits that the law says.
  @Test(arguments: [(0.3, 3.0), (1.0, 12.0), (2.0, 48.0)])
  func indicesCostWhatTheLawSays(information: Double, cap: Double) {
    let law = law(information, cap)
    var random = RandomStream(key: Key(seed: 3, label: "selection law"))
    let count = 20_000
    var coder = RangeEncoder()
    for _ in 0..<count {
      var (time, best, index) = (0.0, Double.infinity, 0)
      var i = 0
      while time < best * cap {
        i += 1
        time += random.time()
        let ratio = min(exp(-information + (2 * information).squareRoot() * random.normal()), cap)
        if time / ratio < best { (best, index) = (time / ratio, i) }
      }
      law.indexModel.encode(UInt64(index), to: &coder)
    }
    let bits = Double(8 * coder.finish().count) / Double(count)
    #expect(abs(bits / law.indexModel.expectedBits - 1) < 0.03, "\(bits) \(law.indexModel.expectedBits)")
    let escape = law.escapeProbability
    let flag = -(escape * log2(escape) + (1 - escape) * log2(1 - escape))
    #expect(abs(law.bits - (1 - escape) * law.indexModel.expectedBits - flag) < 1e-6)
  }

  /// Classes and caps are in even ratios, and what is asked for is in the class that is found.
  @Test func classesHoldTheirInformation() throws {
    #expect(SelectionLaws.index(0.01) == nil && SelectionLaws.index(1000) == nil)
    for information in [0.02, 0.1, 0.7, 3, 11] {
      let c = try #require(SelectionLaws.index(information))
      let found = SelectionLaws.shared[c, 4]
      #expect(abs(found.logCap - log(6)) < 1e-12)
      let (below, above) = (law(information * exp(-0.07), 6), law(information * exp(0.07), 6))
      #expect(found.escapeProbability > below.escapeProbability * 0.99)
      #expect(found.escapeProbability < above.escapeProbability * 1.01)
    }
  }
}

/// The nodes of a polar transform, by laws whose evolution is known.
@Suite struct LeafTreeTests {
  private func law(_ biases: [(bias: Double, weight: Double)]) -> BiasLaw {
    var law = BiasLaw()
    for (bias, weight) in biases { law.add(bias, weight: weight) }
    law.normalise()
    return law
  }

  /// Of signs that are known or fair, each with its probability, all nodes are again such: a product is known with q^2, a sum with
  /// 2 q - q^2, and the product's half comes first.
  @Test(arguments: [0.1, 0.5, 0.8])
  func erasuresEvolveAsErasures(known: Double) {
    let tree = LeafTree(count: 16, law: law([(1, known), (0, 1 - known)]))
    var expected = [known]
    for _ in 0..<4 { expected = expected.flatMap { [$0 * $0, 2 * $0 - $0 * $0] } }
    #expect(tree.logMeans.count == 16)
    for (found, q) in zip(tree.logMeans, expected) {
      let wanted = DensityEvolution.shared.logMean(q)
      #expect(abs(found - wanted) < 0.01 + 1e-3 * abs(wanted), "\(found) \(wanted)")
    }
  }

  /// The transform is one to one: the halves of a node carry together what it carries, at every level that is evolved with whole
  /// laws. Below, the Gaussian approximation does not keep it.
  @Test(arguments: [0.05, 0.3, 0.9])
  func levelsKeepTheInformation(bias: Double) {
    let tree = LeafTree(count: 1 << 12, law: law([(bias, 0.7), (bias / 3, 0.3)]))
    #expect(tree.informations.count == 13)
    let root = tree.informations[0][0]
    for (depth, nodes) in tree.informations.enumerated() {
      #expect(nodes.count == 1 << depth)
      let mean = nodes.reduce(0, +) / Double(nodes.count)
      #expect(depth > 8 || abs(mean / root - 1) < 0.04, "level \(depth): \(mean) of \(root)")
    }
    // Nobody asked: the leaves are the same.
    #expect(
      LeafTree(count: 1 << 12, law: law([(bias, 0.7), (bias / 3, 0.3)]), keepsInformations: false).logMeans
        == tree.logMeans)
  }

  /// Leaves polarize: few are neither nearly fair nor nearly known, and fewer the larger the transform.
  @Test func leavesPolarize() {
    let shares = [4, 8, 14].map { levels -> Double in
      let leaves = LeafTree(count: 1 << levels, law: law([(0.6, 1)]), keepsInformations: false).logMeans
      return Double(leaves.count { $0 > log(0.02) && $0 < log(20) }) / Double(leaves.count)
    }
    #expect(shares[0] > shares[1] && shares[1] > shares[2] && shares[2] < 0.2, "\(shares)")
  }
}
