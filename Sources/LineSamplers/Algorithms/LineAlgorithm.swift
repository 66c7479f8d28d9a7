import ChannelCoding
import Files
import Platform

/// A sampler for targets on the line: the encoder's search, and by its form the message that the decoder reads.
///
/// The search is the algorithm's own. Messages are of few forms (`MessageForm`), each of which is coded and decoded in one place.
public protocol LineAlgorithm: Sendable {
  /// How the command line calls it.
  var name: String { get }
  /// One line on it.
  var summary: String { get }
  /// How it draws its candidates: which theorems hold for it.
  var family: AlgorithmFamily { get }
  /// What its messages are made of, for the public figures of a target.
  func form(_ figures: PublicFigures) -> MessageForm
  /// Why the algorithm cannot sample a target; nil where it can.
  func refusal(of target: any LineTarget) -> String?
  /// The encoder's search for one target, with whatever it computes once.
  func search(for target: any LineTarget) -> any LineSearch
}

extension LineAlgorithm {
  public func refusal(of target: any LineTarget) -> String? {
    family == .tree || target.logSupremum <= AlgorithmLimits.largestLogSupremum
      ? nil
      : "it would draw 2^\(Text.short(target.logSupremum / log(2))) candidates for a sample; allowed: Dinf up to \(Int(AlgorithmLimits.largestLogSupremum / log(2))) bits"
  }
}

/// What is asked of targets before a search begins.
enum AlgorithmLimits {
  /// Global samplers draw sup r candidates: 2^24.
  static let largestLogSupremum = 24 * log(2.0)
  /// Searches down one path go as deep as their indices are coded.
  static let pathDepth = 248
  /// A path of this information in nats ends before `pathDepth` but with probability below 10^-15.
  static let largestPathNats = 40.0
  /// Heap indices have 64 bits.
  static let heapDepth = 62
}

/// How candidates are drawn.
public enum AlgorithmFamily: Sendable {
  /// From P one after another, and the last one is sent: E[K] >= 2^Dinf, and KL <= D_CS <= H(K).
  case causal
  /// From P one after another, and what is sent is not the number of the last one: E[K] >= 2^Dinf.
  case proposal
  /// From P restricted to ever smaller sets: neither theorem holds.
  case tree
}

/// What both ends know of a target: its proposal, how much it asks for, and the sizes that follow from it.
public struct PublicFigures: Sendable {
  public let proposal: LineProposal
  /// D(Q || P) and ln sup r in nats.
  public let relativeEntropy: Double
  public let logSupremum: Double
  /// floor(M) and ceil(M), M = sup r: sizes of blocks.
  public let blockSize: Int
  public let batchSize: Int

  public init(_ target: any LineTarget) {
    proposal = target.proposal
    relativeEntropy = target.relativeEntropy
    logSupremum = target.logSupremum
    // Whole suprema, such as 16 of a width of 1/16, stay what they are.
    let supremum = exp(min(target.logSupremum, 60 * log(2.0)))
    blockSize = max(Int(supremum * (1 + 1e-12)), 1)
    batchSize = max(Int((supremum * (1 - 1e-12)).rounded(.up)), 1)
  }
}

/// The encoder's search for one target.
public protocol LineSearch: Sendable {
  /// One sample: with the candidates of `uniforms`, and with times and coins of `random`, which is the encoder's own.
  ///
  /// - Throws: `ToolError.failed` where it goes deeper than indices reach.
  func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome
}

/// What a search found.
public struct SearchOutcome: Sendable {
  /// The sample.
  public let point: LinePoint
  /// Candidates that were drawn.
  public let steps: Int
  /// What the message says.
  public let symbols: MessageSymbols

  public init(point: LinePoint, steps: Int, symbols: MessageSymbols) {
    self.point = point
    self.steps = steps
    self.symbols = symbols
  }
}

/// A side that a search walked on to: below or above the share `u` of its interval's mass.
public struct PathStep: Sendable, Equatable {
  public let u: Double
  public let isBelow: Bool

  public init(u: Double, isBelow: Bool) {
    self.u = u
    self.isBelow = isBelow
  }
}

/// What messages are made of.
public enum MessageForm: Sendable, Equatable {
  /// The number of a candidate.
  case index
  /// A block of `size` candidates, and the rank of the winner's public height in it.
  case rankedBlock(size: Int)
  /// A batch of `size` candidates, and the place in it.
  case batch(size: Int)
  /// Flags, one a candidate, with the probabilities that public heights give.
  case flags
  /// A path of intervals that are split at their candidate, or at their median; uniforms by depth or by heap index.
  case path(split: Split, addressing: Addressing, limit: Int)

  public enum Split: Sendable { case sample, median }
  public enum Addressing: Sendable { case depth, heap }
}

/// One message before it is coded.
public enum MessageSymbols: Sendable, Equatable {
  case index(UInt64)
  /// Block and rank, or batch and place, from 1 on.
  case pair(UInt64, UInt64)
  /// The number of a candidate, coded flag by flag.
  case flags(UInt64)
  case path([PathStep])

  /// log2 of the index; of a pair the sum of both, of a path that of the heap index.
  public var log2Index: Double {
    switch self {
    case .index(let k), .flags(let k): log2(Double(k))
    case .pair(let a, let b): log2(Double(a)) + log2(Double(b))
    case .path(let steps):
      log2(steps.reduce(1.0) { 2 * $0 + ($1.isBelow ? 0 : 1) })
    }
  }
}

/// All algorithms, in the order of the table.
public enum AlgorithmRegistry {
  public static let all: [any LineAlgorithm] = [
    Naive(), Sorted(), Ensemble(), Greedy(), GreedyPoisson(), FunctionalRepresentation(), GlobalAStar(), RingTossing(),
    FastGreedyPoisson(), SplitGreedy(), DyadicGreedy(), SplitAStar(), DyadicAStar(),
  ]

  public static subscript(name name: String) -> (any LineAlgorithm)? { all.first { $0.name == name } }

  /// All names, for messages.
  public static var names: String { all.map(\.name).joined(separator: ", ") }
}
