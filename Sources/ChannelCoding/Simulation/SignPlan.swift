import Numerics

/// Which nodes of a polar transform of N signs are simulated in one piece, and how all that is left is modelled. From public numbers
/// alone, the same at both ends.
///
/// Polarization is incomplete at any finite N: between leaves that carry nothing and leaves of one bit there are nodes
/// whose leaves cost far more than their information. Such a node's n signs are one draw from a known product law, so a
/// capped selection may take them at once. One pass over the tree, leaves first, takes the cheaper of both for each
/// node, in bits and in time at a price.
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

    var law: SelectionLaw { SelectionLaws.shared[informationClass, cap] }
  }

  let leaves: LeafModel
  /// Over all leaves, without gaps; a selection's range is a node of the tree.
  let segments: [Segment]
  let expectedBits: Double
  /// Candidates times signs of all selections.
  let expectedLookUps: Double

  /// Nanoseconds that a sign of a candidate takes, and a candidate, on one core of the machine that the table in
  /// docs/codecs/polar.md is from. They choose plans, and must be the same everywhere.
  static let nanosecondsPerLookUp = 0.08
  static let nanosecondsPerCandidate = 8.0

  /// Any cut into segments will do: for tests.
  init(leaves: LeafModel, segments: [Segment]) {
    (self.leaves, self.segments) = (leaves, segments)
    (expectedBits, expectedLookUps) = (leaves.expectedBits, 0)
  }

  /// A cap in place of the planned ones: for tests in which escapes are common.
  var forcedLogCap: Double?

  /// ln M of a segment; nil where it is none that is taken in one piece.
  func logCap(_ segment: Segment) -> Double? { segment.selection.map { forcedLogCap ?? $0.law.logCap } }

  /// - Parameter price: of a nanosecond, in bits; nil for leaves only.
  init(count: Int, law: BiasLaw, price: Double?) {
    guard let price else {
      leaves = LeafModel(count: count, law: law)
      segments = [Segment(start: 0, count: count, selection: nil)]
      (expectedBits, expectedLookUps) = (leaves.expectedBits, 0)
      return
    }
    let tree = LeafTree(count: count, law: law)
    let leaves = LeafModel(tree.logMeans)
    self.leaves = leaves
    var bits = leaves.classes.map { $0 > leaves.silent ? LeafLaws.shared.bits[Int($0)] : 0 }
    var cost = bits
    var work = [Double](repeating: 0, count: count)
    // Of the level that is looked at: nil takes both halves as they are.
    var choices: [[Selection?]] = [[Selection?](repeating: nil, count: count)]
    var size = 1
    var leafBits = bits
    for informations in tree.informations.reversed().dropFirst() {
      size *= 2
      let nodes = count / size
      var level = [Selection?](repeating: nil, count: nodes)
      for i in 0..<nodes {
        leafBits[i] = leafBits[2 * i] + leafBits[2 * i + 1]
        bits[i] = bits[2 * i] + bits[2 * i + 1]
        cost[i] = cost[2 * i] + cost[2 * i + 1]
        work[i] = work[2 * i] + work[2 * i + 1]
        let information = informations[i] * Double(size)
        guard leafBits[i] > 0.05, let c = SelectionLaws.index(information) else { continue }
        var rising = 0
        var previous = Double.infinity
        for cap in 0..<SelectionLaws.capCount {
          let law = SelectionLaws.shared[c, cap]
          // An escape sends the leaves of a dear realisation.
          let escape =
            law.escapeProbability * (leafBits[i] + 1.15 * law.escapeExcess / Elementary.ln2 + 1)
          let time =
            law.draws * (Self.nanosecondsPerLookUp * Double(max(size, 8)) + Self.nanosecondsPerCandidate)
          let total = law.bits + escape + price * time
          if total < cost[i] {
            (cost[i], bits[i], work[i]) = (total, law.bits + escape, law.draws * Double(size))
            level[i] = Selection(informationClass: c, cap: cap)
          }
          rising = total > previous ? rising + 1 : 0
          if rising == 3 { break }
          previous = total
        }
      }
      choices.append(level)
    }
    var segments: [Segment] = []
    Self.collect(choices, height: choices.count - 1, node: 0, into: &segments)
    self.segments = segments
    (expectedBits, expectedLookUps) = (bits[0], work[0])
  }

  private static func collect(
    _ choices: [[Selection?]], height: Int, node: Int, into segments: inout [Segment]
  ) {
    let count = 1 << height
    if let selection = choices[height][node] {
      segments.append(Segment(start: node * count, count: count, selection: selection))
    } else if height > 0 {
      collect(choices, height: height - 1, node: 2 * node, into: &segments)
      collect(choices, height: height - 1, node: 2 * node + 1, into: &segments)
    } else if let last = segments.last, last.selection == nil {
      segments[segments.count - 1] = Segment(start: last.start, count: last.count + 1, selection: nil)
    } else {
      segments.append(Segment(start: node, count: 1, selection: nil))
    }
  }
}
