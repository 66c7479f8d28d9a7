import Numerics

/// How the leaves of a polar transform of N signs are biased on average: density evolution, of whole laws at first and
/// then by the Gaussian approximation, and what a flag of such a leaf costs.
///
/// A leaf's log-likelihood ratio L is taken as normal with mean mu and variance 2 mu, which is symmetric as it must be:
/// f(-l) = e^-l f(l). Its bias is T = tanh(L / 2), E[T] = E[T^2] =: q(mu). Of two halves with mean mu, the product has
/// q^- = q^2 exactly, and the sum mu^+ = 2 mu. The law is a model: it decides bits, never the law of a sign. Built from
/// + - * / sqrt and tables, the same at both ends.
///
/// [Chung, Richardson & Urbanke 2001; Trifonov 2012]
struct LeafModel: Sendable {
  /// By leaf, in the order in which they are coded: an index into the laws.
  let classes: [UInt8]
  /// The class up to which leaves are silent: all of them together have less than 2^-7 flags.
  let silent: UInt8
  /// The leaves that are not, in order: the others' flags are not coded one by one.
  private let heard: [UInt32]
  /// Expected bits of all flags.
  let expectedBits: Double

  /// - Parameter law: of one sign's bias before the transform.
  init(count: Int, law: BiasLaw) { self.init(LeafTree(count: count, law: law, keepsInformations: false).logMeans) }

  /// - Parameter logMeans: ln mu of each leaf.
  init(_ logs: [Double]) {
    classes = logs.map { LeafLaws.index($0) }
    let laws = LeafLaws.shared
    var counts = [Int](repeating: 0, count: LeafLaws.count)
    for c in classes { counts[Int(c)] += 1 }
    var flags = 0.0
    var silent = 0
    while silent + 1 < LeafLaws.count, flags + Double(counts[silent + 1]) * laws.flags[silent + 1] < 0x1p-7 {
      silent += 1
      flags += Double(counts[silent]) * laws.flags[silent]
    }
    self.silent = UInt8(silent)
    heard = logs.indices.filter { [classes] in classes[$0] > silent }.map(UInt32.init)
    var bits = 0.0
    for c in (silent + 1)..<LeafLaws.count { bits += Double(counts[c]) * laws.bits[c] }
    expectedBits = bits
  }

  /// Those of `range` that are not silent.
  ///
  /// - Parameter place: how many are before it; then, how many are before its end.
  func heard(in range: Range<Int>, from place: inout Int) -> ArraySlice<UInt32> {
    let first = place
    while place < heard.count, heard[place] < range.upperBound { place += 1 }
    return heard[first..<place]
  }
}

/// The nodes of a polar transform, level by level.
struct LeafTree {
  /// ln mu of each leaf.
  let logMeans: [Double]
  /// Nats a sign of each node, from the root's level to the leaves'; empty where nobody asked.
  private(set) var informations: [[Double]] = []

  /// Levels, from the root, that are evolved with whole laws: there they are far from what the approximation assumes.
  private static let wholeLevels = 8

  init(count: Int, law: BiasLaw, keepsInformations: Bool = true) {
    precondition(count.nonzeroBitCount == 1)
    let evolution = DensityEvolution.shared
    var nodes = [law]
    if keepsInformations { informations.append([law.information]) }
    while nodes.count < count, nodes.count < 1 << Self.wholeLevels {
      // The first half of a node codes the products, and comes first in the order.
      nodes = nodes.flatMap { law -> [BiasLaw] in
        let (product, sum) = law.split()
        return [product, sum]
      }
      if keepsInformations { informations.append(nodes.map(\.information)) }
    }
    var logs = nodes.map { evolution.logMean($0.meanSquare) }
    while logs.count < count {
      var next = [Double](repeating: 0, count: 2 * logs.count)
      for i in logs.indices {
        next[2 * i] = evolution.minus(logs[i])
        next[2 * i + 1] = logs[i] + Elementary.ln2
      }
      logs = next
      if keepsInformations { informations.append(logs.map { evolution.information($0) }) }
    }
    logMeans = logs
  }
}

/// ln mu -> ln mu^- of a product of two equal halves, tabulated.
struct DensityEvolution: Sendable {
  static let shared = DensityEvolution()

  private static let low = -30.0
  private static let perUnit = 16.0
  private static let cells = 36 * 16
  /// ln mu^- at ln mu = low + i / 16.
  private let minusTable: [Double]
  /// ln(q / (1 - q)) there.
  private let logits: [Double]
  /// ln of the nats that a sign carries there.
  private let informationTable: [Double]

  private init() {
    var logits: [Double] = []
    var targets: [Double] = []
    var informations: [Double] = []
    for i in 0...Self.cells {
      let mu = Elementary.exp(Self.low + Double(i) / Self.perUnit)
      let (q, rest) = Self.moments(mu)
      logits.append(Elementary.log(q) - Elementary.log(rest))
      // q^2 and 1 - q^2 = rest (2 - rest).
      targets.append(2 * Elementary.log(q) - Elementary.log(rest * (2 - rest)))
      informations.append(Elementary.log(Self.information(mean: mu)))
    }
    self.logits = logits
    informationTable = informations
    minusTable = targets.map { Self.inverse(logits, $0) }
  }

  /// q = E tanh(L / 2) and 1 - q = integral over l > 0 of f(l) 4 / (1 + e^l), each to relative accuracy.
  private static func moments(_ mu: Double) -> (q: Double, rest: Double) {
    if mu < 1e-3 {
      let q = mu / 2 * (1 - mu / 2)
      return (q, 1 - q)
    }
    let deviation = (2 * mu).squareRoot()
    if mu > 60 {
      let rest = (Double.pi / mu).squareRoot() * Elementary.exp(-mu / 4) * (1 - 10.0 / 7 / mu)
      return (1 - rest, rest)
    }
    // Simpson's rule; q by tanh over both sides folded together: f(l) tanh(l / 2) (1 - e^-l).
    let high = mu + 9 * deviation
    let panels = 400
    var q = 0.0
    var rest = 0.0
    for i in 0...panels {
      let l = high * Double(i) / Double(panels)
      let z = (l - mu) / deviation
      let f = Elementary.exp(-z * z / 2) / (deviation * (2 * Double.pi).squareRoot())
      let e = Elementary.exp(-l)
      let weight = (i == 0 || i == panels ? 1.0 : (i % 2 == 1 ? 4.0 : 2.0)) * high / (3 * Double(panels))
      q += weight * f * (1 - e) * (1 - e) / (1 + e)
      rest += weight * f * 4 * e / (1 + e)
    }
    return (q, rest)
  }

  /// ln 2 - E ln(1 + e^-L) of L normal with mean mu and variance 2 mu.
  private static func information(mean mu: Double) -> Double {
    if mu < 1e-3 { return mu / 4 * (1 - mu / 4) }
    let deviation = (2 * mu).squareRoot()
    let (low, high) = (max(mu - 9 * deviation, -60), mu + 9 * deviation)
    let panels = 400
    var missing = 0.0
    for i in 0...panels {
      let l = low + (high - low) * Double(i) / Double(panels)
      let z = (l - mu) / deviation
      let f = Elementary.exp(-z * z / 2) / (deviation * (2 * Double.pi).squareRoot())
      let e = Elementary.exp(-abs(l))
      let weight = (i == 0 || i == panels ? 1.0 : (i % 2 == 1 ? 4.0 : 2.0)) * (high - low) / (3 * Double(panels))
      missing += weight * f * (PublicRatioLaw.log1p(e) + max(-l, 0))
    }
    return max(Elementary.ln2 - missing, mu < 1 ? 1e-4 : 0.5)
  }

  /// Nats that a sign of a node carries.
  func information(_ logMean: Double) -> Double {
    let position = (logMean - Self.low) * Self.perUnit
    if position <= 0 { return Elementary.exp(max(logMean, -200)) / 4 }
    guard position < Double(Self.cells) else { return Elementary.ln2 }
    let cell = Int(position)
    return Elementary.exp(
      informationTable[cell] + (position - Double(cell)) * (informationTable[cell + 1] - informationTable[cell]))
  }

  private static func inverse(_ logits: [Double], _ target: Double) -> Double {
    // Below the table q = mu / 2.
    if target <= logits[0] { return target + Elementary.ln2 }
    var (low, high) = (0, logits.count - 1)
    if target >= logits[high] { return Self.low + Double(high) / perUnit }
    while high - low > 1 {
      let middle = (low + high) / 2
      if logits[middle] <= target { low = middle } else { high = middle }
    }
    let t = (target - logits[low]) / (logits[high] - logits[low])
    return Self.low + (Double(low) + t) / perUnit
  }

  @inline(__always)
  func minus(_ logMean: Double) -> Double {
    let position = (logMean - Self.low) * Self.perUnit
    // q^2 = mu^2 / 4 = mu^- / 2 below; above, mu^- = mu - 4 ln 2 nearly.
    if position <= 0 { return max(2 * logMean - Elementary.ln2, -200) }
    guard position < Double(Self.cells) else { return logMean }
    let cell = Int(position)
    return minusTable[cell] + (position - Double(cell)) * (minusTable[cell + 1] - minusTable[cell])
  }

  /// ln mu with q(mu) = `meanSquare`.
  func logMean(_ meanSquare: Double) -> Double {
    let q = min(max(meanSquare, 1e-80), 1 - 1e-12)
    return Self.inverse(logits, Elementary.log(q) - Elementary.log(1 - q))
  }
}

/// The laws that leaves are sorted into, by ln mu, and what their flags are worth.
struct LeafLaws: Sendable {
  static let shared = LeafLaws()

  static let count = 256
  private static let low = -40.0
  private static let step = 0.1875

  /// sqrt(mu / 2) and 1 / (2 sqrt(mu / 2)).
  let centres: [Double]
  let slopes: [Double]
  /// Expected flags and bits of a leaf.
  let flags: [Double]
  let bits: [Double]
  /// Nats of a leaf's sign.
  let informations: [Double]

  static func index(_ logMean: Double) -> UInt8 {
    UInt8(min(max((logMean - low) / step + 0.5, 0), Double(count - 1)))
  }

  private init() {
    let centres = (0..<Self.count).map { (Elementary.exp(Self.low + Double($0) * Self.step) / 2).squareRoot() }
    let slopes = centres.map { 0.5 / $0 }
    let costs = NormalTable.shared.withCumulative { cumulative in
      (0..<Self.count).map { Self.cost(centres[$0], slopes[$0], cumulative) }
    }
    self.centres = centres
    self.slopes = slopes
    flags = costs.map(\.flags)
    bits = costs.map(\.bits)
    informations = (0..<Self.count).map {
      DensityEvolution.shared.information(Self.low + Double($0) * Self.step)
    }
  }

  /// Means over v = |2 w - 1| uniform in (0, 1).
  private static func cost(
    _ centre: Double, _ slope: Double, _ cumulative: NormalTable.Cumulative
  ) -> (flags: Double, bits: Double) {
    var (flags, bits) = (0.0, 0.0)
    let cells = 500
    for j in 0..<cells {
      // v = x^4: most of what matters is near v = 0 for weak leaves.
      let x = (Double(j) + 0.5) / Double(cells)
      let v = x * x * x * x
      let weight = 4 * x * x * x / Double(cells)
      let p = probability(Elementary.log((1 + v) / (1 - v)), centre, slope, cumulative)
      flags += weight * p
      bits -= weight * (p * Elementary.log(p) + (1 - p) * Elementary.log(1 - p)) / Elementary.ln2
    }
    return (flags, bits)
  }

  /// Pr[|L| > threshold] / 2, kept inside (0, 1): a flag must stay codable.
  @inline(__always)
  static func probability(
    _ threshold: Double, _ centre: Double, _ slope: Double, _ cumulative: NormalTable.Cumulative
  ) -> Double {
    let reach = threshold * slope
    let p = 0.5 * (cumulative(centre - reach) + cumulative(-centre - reach))
    return p < 0x1p-28 ? 0x1p-28 : p
  }
}
