import ChannelCoding
import Files
import Numerics
import Platform

/// A* over the whole line, in Gumbel's form: the largest G_k + ln r(X_k), G_k = -ln T_k falling.
///
/// Under -ln it is the Poisson functional representation: the same winner, and as many candidates.
struct GlobalAStar: LineAlgorithm {
  let name = "a-star"
  let summary = "A* over the whole line: falling Gumbels plus ln r; the same winner as pfr"
  let family = AlgorithmFamily.proposal

  func form(_ figures: PublicFigures) -> MessageForm { .index }

  func search(for target: any LineTarget) -> any LineSearch { Search(target: target) }

  private struct Search: LineSearch {
    let target: any LineTarget

    func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
      var candidates = CandidateSequence(target, uniforms)
      var time = TimeSum()
      var (best, index) = (-Double.infinity, UInt64(1))
      while true {
        // The next Gumbel bounds all that are still to come.
        time.add(random.time())
        let gumbel = -Elementary.log(time.value)
        if gumbel + target.logSupremum <= best {
          return SearchOutcome(point: candidates.kept, steps: Int(candidates.number), symbols: .index(index))
        }
        let value = gumbel + candidates.score()
        if value > best {
          (best, index) = (value, candidates.number)
          candidates.keep()
        }
      }
    }
  }
}

/// A* with intervals that are split at their candidates [Flamich, Markou & Hernandez-Lobato 2201.12857].
struct SplitAStar: LineAlgorithm {
  let name = "as-star"
  let summary = "A* in a tree of intervals split at their candidates; any ratio with a bound on intervals"
  let family = AlgorithmFamily.tree

  func form(_ figures: PublicFigures) -> MessageForm {
    .path(split: .sample, addressing: .heap, limit: AlgorithmLimits.heapDepth)
  }

  func refusal(of target: any LineTarget) -> String? { TreeSearch.refusal(of: target) }

  func search(for target: any LineTarget) -> any LineSearch { TreeSearch(target: target, split: .sample) }
}

/// A* with intervals that are split at their median under P.
struct DyadicAStar: LineAlgorithm {
  let name = "ad-star"
  let summary = "A* in a tree of halved intervals; one bit a level, any ratio with a bound on intervals"
  let family = AlgorithmFamily.tree

  func form(_ figures: PublicFigures) -> MessageForm {
    .path(split: .median, addressing: .heap, limit: AlgorithmLimits.heapDepth)
  }

  func refusal(of target: any LineTarget) -> String? { TreeSearch.refusal(of: target) }

  func search(for target: any LineTarget) -> any LineSearch { TreeSearch(target: target, split: .median) }
}

/// The search of A* through a tree of intervals, for the smallest T / r(X).
///
/// A node is an interval B with its first arrival T after its parent's, X ~ P restricted to B. Nothing in B has a value below its key
/// T / sup over B of r, so that the search ends when the smallest key of the queue is at least the best value. The parts of B on both sides of
/// any point have Poisson processes of their own, of rate P(part), from T on.
struct TreeSearch: LineSearch {
  let target: any LineTarget
  let split: MessageForm.Split
  /// Which uniform a heap index has: itself. Tests break it, as one number at two depths is the mistake that means do not show.
  var number: @Sendable (_ heap: UInt64) -> UInt64 = { $0 }

  /// Trees of more than this in ln sup r, 24 bits, may be deeper than heap indices of 64 bits.
  static let largestLogSupremum = 24 * log(2.0)

  static func refusal(of target: any LineTarget) -> String? {
    guard target.logSupremum > largestLogSupremum else { return nil }
    return
      "Dinf is \(Text.short(target.logSupremum / log(2))) bits, with which a search may go deeper than \(AlgorithmLimits.heapDepth) levels, where heap indices of 64 bits end; allowed: up to 24 bits"
  }

  static func tooDeep(_ target: any LineTarget) -> ToolError {
    .failed(
      place: target.spelling,
      reason: "a search went deeper than \(AlgorithmLimits.heapDepth) levels, where heap indices of 64 bits end")
  }

  private struct Node {
    let interval: LineInterval
    let time: Double
    /// ln T - ln sup r.
    let key: Double
    let heap: UInt64
    /// Its parent's place among visited nodes.
    let parent: Int
  }

  func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
    var queue: [Node] = []
    // Visited nodes, for the winner's path.
    var visited: [(heap: UInt64, parent: Int, u: Double)] = []
    var best = (value: Double.infinity, place: -1, point: LineInterval().point(0.5, target.proposal))
    queue.append(
      node(LineInterval(), arrival: random.time(), heap: 1, parent: -1))
    while let smallest = queue.indices.min(by: { queue[$0].key < queue[$1].key }), queue[smallest].key < best.value {
      let node = queue.remove(at: smallest)
      let u = uniforms.candidate(number(node.heap))
      let point = node.interval.point(u, target.proposal)
      let value = Elementary.log(node.time) - target.logRatio(point)
      if value < best.value { best = (value, visited.count, point) }
      let place = visited.count
      let at = split == .sample ? u : 0.5
      visited.append((node.heap, node.parent, at))
      guard node.heap < 1 << UInt64(AlgorithmLimits.heapDepth) else { throw Self.tooDeep(target) }
      for isBelow in [true, false] {
        let part = node.interval.part(below: isBelow, at)
        let child = self.node(
          part, arrival: node.time + random.time() / part.mass, heap: 2 * node.heap + (isBelow ? 0 : 1), parent: place)
        if child.key < best.value { queue.append(child) }
      }
    }
    return SearchOutcome(point: best.point, steps: visited.count, symbols: .path(path(to: best.place, visited)))
  }

  private func node(_ interval: LineInterval, arrival: Double, heap: UInt64, parent: Int) -> Node {
    Node(
      interval: interval, time: arrival, key: Elementary.log(arrival) - target.logSupremum(in: interval), heap: heap,
      parent: parent)
  }

  private func path(to place: Int, _ visited: [(heap: UInt64, parent: Int, u: Double)]) -> [PathStep] {
    var steps: [PathStep] = []
    var place = place
    while place >= 0, visited[place].parent >= 0 {
      let parent = visited[place].parent
      steps.append(PathStep(u: visited[parent].u, isBelow: visited[place].heap & 1 == 0))
      place = parent
    }
    return steps.reversed()
  }
}
