import Numerics

/// Which nodes of a polar transform of N signs are simulated by one index, and how all that is left is modelled. From public numbers
/// alone, the same at both ends.
///
/// Polarization is incomplete at any finite N: between leaves that carry nothing and leaves of one bit there are leaves that cost far more
/// than their information when each is sent alone. A node's n signs are one draw from a known product law, so a capped selection may take
/// them, or what the weak ones of its leaves say of them, at once: see `SignPlanner`.
struct SignPlan: Sendable {
  /// A run of leaves in the order of coding.
  struct Segment: Sendable {
    let start: Int
    let count: Int
    /// Nil for leaves that are coded one by one.
    let selection: Selection?

    var range: Range<Int> { start..<(start + count) }
  }

  struct Selection: Sendable {
    let informationClass: Int
    let cap: Int
    /// Which leaves are fair in the candidates, whole passes; nil where all are: candidates are then fair signs.
    var passes: PassLayout?

    var law: SelectionLaw { (passes == nil ? SelectionLaws.shared : .passes)[informationClass, cap] }
  }

  let leaves: LeafModel
  /// Over all leaves, without gaps; a selection's range is a node of the tree.
  let segments: [Segment]
  let expectedBits: Double
  /// What all selections take, on one core of the machine that the table in docs/codecs/polar.md is from.
  let expectedNanoseconds: Double

  /// Any cut into segments will do: for tests.
  init(leaves: LeafModel, segments: [Segment]) {
    (self.leaves, self.segments) = (leaves, segments)
    (expectedBits, expectedNanoseconds) = (leaves.expectedBits, 0)
  }

  /// A cap in place of the planned ones: for tests in which escapes are common.
  var forcedLogCap: Double?

  /// ln M of a segment; nil where it is none that is sent by one index.
  func logCap(_ segment: Segment) -> Double? { segment.selection.map { forcedLogCap ?? $0.law.logCap } }

  /// - Parameter price: of a nanosecond, in bits.
  init(count: Int, law: BiasLaw, price: Double) {
    let tree = LeafTree(count: count, law: law)
    leaves = LeafModel(tree.logMeans)
    let planner = SignPlanner(leaves: leaves, tree: tree, price: price)
    (expectedBits, expectedNanoseconds) = (planner.bits, planner.nanoseconds)
    var segments: [Segment] = []
    var end = 0
    for pick in planner.picks {
      if pick.start > end { segments.append(Segment(start: end, count: pick.start - end, selection: nil)) }
      segments.append(Segment(start: pick.start, count: pick.count, selection: pick.selection))
      end = pick.start + pick.count
    }
    if end < count { segments.append(Segment(start: end, count: count - end, selection: nil)) }
    self.segments = segments
  }
}
