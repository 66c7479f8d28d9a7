import Numerics

/// What a capped selection of one piece costs, for a piece whose log density ratio is a sum of many small parts: nearly
/// normal, with mean and half its variance equal to its information; or a mixture of such laws, where the information differs from one
/// update to the next. Public numbers in, + - * / sqrt and tables: the same at both ends.
struct SelectionLaw: Sendable {
  /// ln M.
  let logCap: Double
  let indexModel: IndexModel
  let escapeProbability: Double
  /// What an escape's realisation carries beyond the average, in nats: E[ln r | escape] - E[ln r].
  let escapeExcess: Double
  /// Expected bits without what an escape's own code takes: the flag, and the index where there is one.
  let bits: Double
  /// Expected candidates.
  let draws: Double

  /// - Parameters:
  ///   - information: of the piece, in nats, on average.
  ///   - shares: what it is over its average, each as often as the others.
  ///   - cumulative: the standard normal distribution function.
  init(information: Double, shares: [Double] = [1], logCap: Double, _ cumulative: NormalTable.Cumulative) {
    let parts = shares.map { (information: information * $0, inverse: 1 / (2 * information * $0).squareRoot()) }
    let weight = 1 / Double(parts.count)
    let grid = HeightGrid(logCap: logCap) { height in
      parts.reduce(0) { $0 + weight * cumulative((-$1.information - height) * $1.inverse) }
    }
    self.logCap = logCap
    indexModel = IndexModel(tails: PoissonFunctionalRepresentation.indexTails(grid))
    escapeProbability = grid.escapeProbability
    // ln r ~ N(k, 2 k) under the target, N(-k, 2 k) under the proposal; an escape has probability (1 - M / r)+.
    var beyond = 0.0
    for (information, inverse) in parts {
      let edge = (logCap - information) * inverse
      let mirror = (logCap + information) * inverse
      let bell = Elementary.exp(-edge * edge / 2) / (2 * Double.pi).squareRoot()
      // M phi(mirror) = phi(edge): the two densities' ratio at the cap is the cap.
      let above = information * cumulative(-edge) + bell / inverse
      let charged = grid.cap * -information * cumulative(-mirror) + bell / inverse
      beyond += weight * (above - charged)
    }
    escapeExcess = min(max(beyond / escapeProbability - information, 0), 20)
    let body = max(1 - escapeProbability, 1e-9)
    bits =
      body * indexModel.expectedBits
      - (escapeProbability * Elementary.log(escapeProbability) + body * Elementary.log(body)) / Elementary.ln2
    // After the escape's flag the search runs until its time is M times the best value.
    draws = body * grid.cap / max(grid.bodyMass, 1e-9)
  }

  /// A flag that starts from what is expected.
  var escapeFlag: AdaptiveBit {
    AdaptiveBit(ones: UInt32(escapeProbability * 100), zeros: UInt32((1 - escapeProbability) * 100))
  }
}

/// Laws of pieces of signs by information and cap, made once: plans look them up for every node of a tree.
struct SelectionLaws: Sendable {
  /// Of whole nodes.
  static let shared = SelectionLaws { _ in [1] }
  /// Of the weak leaves of nodes, whose information differs with what the strong ones show: an exponential variable up to 1.4 nats on average,
  /// beyond a gamma variable of variance 1.4 k. It fits ln r and escapes of simulated transforms from snr 0.001 to 0.1: the variance of ln r
  /// is 1.4 to 2 times that of a node of k nats.
  static let passes = SelectionLaws { information in GammaParts.means(shape: max(information / 1.4, 1)) }

  /// Information from 0.02 to 13 nats and caps from 1.5 to 49,000 in even ratios.
  private static let smallest = 0.02
  private static let informationStep = 0.125
  private static let classCount = 52
  private static let firstLogCap = Elementary.lnThreeHalves
  private static let logCapStep = Elementary.ln2 / 2
  static let capCount = 31

  /// [class][cap]
  private let laws: [[SelectionLaw]]

  /// - Parameter shares: of a class by its information; see `SelectionLaw`.
  private init(shares: (_ information: Double) -> [Double]) {
    laws = NormalTable.shared.withCumulative { cumulative in
      (0..<Self.classCount).map { c in
        let information = Self.smallest * Elementary.exp(Double(c) * Self.informationStep)
        let shares = shares(information)
        return (0..<Self.capCount).map {
          SelectionLaw(
            information: information, shares: shares, logCap: Self.logCap($0), cumulative)
        }
      }
    }
  }

  /// ln of the cap 1.5 sqrt(2)^step.
  static func logCap(_ step: Int) -> Double { firstLogCap + Double(step) * logCapStep }

  /// The class of a piece of `information` nats; nil where it is too little or too much for a selection.
  static func index(_ information: Double) -> Int? {
    guard information > smallest * 0.9 else { return nil }
    let place = Elementary.log(information / smallest) / informationStep + 0.5
    return place < Double(classCount) ? Int(max(place, 0)) : nil
  }

  subscript(class: Int, cap: Int) -> SelectionLaw { laws[`class`][cap] }
}

/// The gamma distribution in parts of equal probability.
private enum GammaParts {
  private static let count = 8

  /// Means of the eighths of a gamma variable over its own mean; `shape` is at least 1.
  ///
  /// Midpoints in x: the density x^(shape - 1) e^-x is smooth there, and what is cut has less than 10^-12 of its mass.
  static func means(shape: Double) -> [Double] {
    let steps = 4000
    let width = (shape + 10 * shape.squareRoot() + 25) / Double(steps)
    let places = (0..<steps).map { (Double($0) + 0.5) * width }
    let top = shape > 1 ? (shape - 1) * Elementary.log(shape - 1) - (shape - 1) : 0
    let masses = places.map { Elementary.exp((shape - 1) * Elementary.log($0) - $0 - top) }
    let part = masses.reduce(0, +) / Double(count)
    var means: [Double] = []
    var (mass, moment) = (0.0, 0.0)
    for (x, whole) in zip(places, masses) {
      var rest = whole
      while mass + rest >= part, means.count < count - 1 {
        let taken = part - mass
        means.append((moment + taken * x) / part)
        rest -= taken
        (mass, moment) = (0, 0)
      }
      mass += rest
      moment += rest * x
    }
    means.append(moment / max(mass, 1e-300))
    let mean = means.reduce(0, +) / Double(count)
    return means.map { $0 / mean }
  }
}
