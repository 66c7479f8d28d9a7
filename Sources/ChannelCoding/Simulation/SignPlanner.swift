import Numerics

/// Chooses the nodes of a polar transform that are sent as one index: one pass over the tree, leaves first, that takes the cheapest of
/// both halves as they are, of a piece (all leaves fair), and of passes with more or fewer of the weak leaves in G; in bits, with a
/// price on time. From public numbers, with + - * / sqrt and tables: the same at both ends.
///
/// G is named by a class: the leaves up to it. A leaf of information tau^2 / (2 ln 2) costs about tau bits when it is sent alone, so that
/// in the order of classes the weakest are those that gain most from going together.
struct SignPlanner {
  /// What a node costs as it was decided.
  private struct Node {
    var bits: Double
    var nanoseconds: Double
    var cost: Double
    /// The bits of all its flags, were every leaf sent alone.
    var leafBits: Double
    var largestClass: UInt8
  }

  /// A node that is sent as one index, in the order of its leaves.
  struct Pick {
    let start: Int
    let count: Int
    let selection: SignPlan.Selection
  }

  private let leaves: LeafModel
  private let informations: [[Double]]
  private let height: Int
  /// Of a nanosecond, in bits.
  private let price: Double
  private(set) var picks: [Pick] = []
  private(set) var bits = 0.0
  private(set) var nanoseconds = 0.0

  /// By height of a node that is being looked at, by class: nats of its leaves up to that class, bits of all others' flags, nanoseconds of
  /// a pass.
  private var weak: [Double]

  /// The classes that G may end with: from leaves of 10^-4 nats to leaves of half a bit.
  private static let classes = Array(stride(from: UInt8(166), through: 218, by: 2))
  /// Beyond, eight passes side by side are larger than the second-level cache.
  private static let largestHeight = 14
  private static let smallestHeight = 3

  /// Nanoseconds on one core of an AMD EPYC with AVX2. They choose plans, and must be the same everywhere.
  private enum Times {
    /// Of a candidate for all signs of a node.
    static let sign = 0.24
    static let candidate = 24.0
    /// Of a pass: see passes.c.
    static let fairLeaf = 0.8
    static let dither = 2.9
    static let eightLeaves = 25.0
    static let pass = 20.0
    static func level(_ height: Int) -> Double { height <= 10 ? 0.3 : height <= 12 ? 0.4 : 0.6 }
    /// Passes are made by eights: beyond those that are looked at.
    static let surplus = 4.0
  }

  init(leaves: LeafModel, tree: LeafTree, price: Double) {
    self.leaves = leaves
    self.price = price
    informations = tree.informations
    height = tree.informations.count - 1
    weak = [Double](repeating: 0, count: (height + 1) * 3 * Self.classes.count)
    let root = node(height: height, index: 0)
    (bits, nanoseconds) = (root.bits, root.nanoseconds)
  }

  private mutating func node(height: Int, index: Int) -> Node {
    guard height > 0 else {
      let c = leaves.classes[index]
      let bits = c > leaves.silent ? LeafLaws.shared.bits[Int(c)] : 0
      return Node(bits: bits, nanoseconds: 0, cost: bits, leafBits: bits, largestClass: c)
    }
    if height == Self.smallestHeight, let silent = silent(index) { return silent }
    let mark = picks.count
    let low = node(height: height - 1, index: 2 * index)
    if height > Self.smallestHeight { move(height - 1, to: height) }
    let high = node(height: height - 1, index: 2 * index + 1)
    var whole = Node(
      bits: low.bits + high.bits, nanoseconds: low.nanoseconds + high.nanoseconds, cost: low.cost + high.cost,
      leafBits: low.leafBits + high.leafBits, largestClass: max(low.largestClass, high.largestClass))
    if height > Self.smallestHeight {
      add(height - 1, to: height, whole.largestClass)
    } else if height == Self.smallestHeight {
      fill(index)
    }
    guard whole.leafBits > 0.05 else { return whole }
    var selection = piece(height, index, &whole)
    if height >= Self.smallestHeight, height <= Self.largestHeight {
      selection = passes(height, index, &whole) ?? selection
    }
    if let selection {
      picks.removeSubrange(mark...)
      picks.append(Pick(start: index << height, count: 1 << height, selection: selection))
    }
    return whole
  }

  // MARK: Weak leaves

  private func row(_ height: Int, _ kind: Int) -> Int { (3 * height + kind) * Self.classes.count }

  /// What eight leaves cost that are all silent, as most are: nothing, and whatever G ends with they are in it.
  private mutating func silent(_ index: Int) -> Node? {
    var (nats, largest) = (0.0, UInt8(0))
    for leaf in (8 * index)..<(8 * index + 8) {
      let c = leaves.classes[leaf]
      largest = max(largest, c)
      nats += LeafLaws.shared.informations[Int(c)]
    }
    guard largest <= leaves.silent, largest <= Self.classes[0] else { return nil }
    for j in Self.classes.indices {
      weak[row(3, 0) + j] = nats
      weak[row(3, 1) + j] = 0
      weak[row(3, 2) + j] = 8 * Times.fairLeaf
    }
    return Node(bits: 0, nanoseconds: 0, cost: 0, leafBits: 0, largestClass: largest)
  }

  private mutating func fill(_ index: Int) {
    let (information, others, time) = (row(3, 0), row(3, 1), row(3, 2))
    for (j, last) in Self.classes.enumerated() {
      var (nats, bits, outside) = (0.0, 0.0, 0.0)
      for leaf in (8 * index)..<(8 * index + 8) {
        let c = leaves.classes[leaf]
        if c <= last {
          nats += LeafLaws.shared.informations[Int(c)]
        } else {
          outside += 1
          bits += c > leaves.silent ? LeafLaws.shared.bits[Int(c)] : 0
        }
      }
      weak[information + j] = nats
      weak[others + j] = bits
      weak[time + j] = outside == 0 ? 8 * Times.fairLeaf : Times.eightLeaves + outside * Times.dither
    }
  }

  private mutating func move(_ from: Int, to: Int) {
    for j in 0..<(3 * Self.classes.count) { weak[row(to, 0) + j] = weak[row(from, 0) + j] }
  }

  private mutating func add(_ from: Int, to: Int, _ largestClass: UInt8) {
    for j in 0..<(3 * Self.classes.count) { weak[row(to, 0) + j] += weak[row(from, 0) + j] }
    let time = row(to, 2)
    for (j, last) in Self.classes.enumerated() where last < largestClass {
      weak[time + j] += Times.level(to) * Double(1 << to)
    }
  }

  // MARK: Choices

  /// All signs in one piece, where that costs less than `node`.
  private func piece(_ height: Int, _ index: Int, _ node: inout Node) -> SignPlan.Selection? {
    let size = Double(1 << height)
    let information = informations[self.height - height][index] * size
    let time = Times.sign * max(size, 8) + Times.candidate
    return selection(
      SelectionLaws.shared, information: information, fair: node.leafBits, others: 0, nanoseconds: time, surplus: 0,
      &node
    ).map {
      SignPlan.Selection(informationClass: $0.informationClass, cap: $0.cap)
    }
  }

  /// The G that costs least, where that is less than `node`.
  private func passes(_ height: Int, _ index: Int, _ node: inout Node) -> SignPlan.Selection? {
    var best: (choice: Choice, last: UInt8)?
    let leafBits = node.leafBits
    for (j, last) in Self.classes.enumerated() {
      // All of them are a piece, and silent ones have no flags.
      guard last < node.largestClass, last > leaves.silent else { continue }
      let (information, others) = (weak[row(height, 0) + j], weak[row(height, 1) + j])
      let choice = selection(
        SelectionLaws.passes, information: information, fair: leafBits - others, others: others,
        nanoseconds: weak[row(height, 2) + j] + Times.pass, surplus: Times.surplus, &node)
      if let choice { best = (choice, last) }
    }
    guard let (choice, last) = best else { return nil }
    let start = index << height
    return SignPlan.Selection(
      informationClass: choice.informationClass, cap: choice.cap,
      passes: PassLayout(count: 1 << height) { leaves.classes[start + $0] <= last })
  }

  private typealias Choice = (informationClass: Int, cap: Int)

  /// The cap that costs least, if that is less than `node`, which then is what it costs.
  ///
  /// - Parameters:
  ///   - information: of the leaves in G, in nats.
  ///   - fair: the bits of their flags, which an escape sends; `others` of all others', which are always sent.
  ///   - nanoseconds: of a candidate; `surplus` candidates are made beside those that the law has.
  private func selection(
    _ laws: SelectionLaws, information: Double, fair: Double, others: Double, nanoseconds: Double, surplus: Double,
    _ node: inout Node
  ) -> Choice? {
    guard let c = SelectionLaws.index(information) else { return nil }
    // An index takes more than its information.
    guard others + information / Elementary.ln2 < node.cost else { return nil }
    var best: Choice?
    var rising = 0
    var previous = Double.infinity
    for cap in 0..<SelectionLaws.capCount {
      let law = laws[c, cap]
      // An escape sends the leaves of a dear realisation.
      let escape = law.escapeProbability * (fair + 1.15 * law.escapeExcess / Elementary.ln2 + 1)
      let time = (law.draws + surplus) * nanoseconds
      let bits = others + law.bits + escape
      let total = bits + price * time
      if total < node.cost {
        (node.cost, node.bits, node.nanoseconds) = (total, bits, time)
        best = (c, cap)
      }
      rising = total > previous ? rising + 1 : 0
      if rising == 3 { break }
      previous = total
    }
    return best
  }
}
