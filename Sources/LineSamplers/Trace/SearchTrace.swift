import Files
import JSONText
import Numerics

/// An algorithm whose search can be traced; `both` is GPRS and its fast form, from one process.
public enum TraceAlgorithm: String, Sendable, CaseIterable {
  case gprs
  case fastGPRS = "fast-gprs"
  case both
  case grcSplit = "grc-split"
  case grcDyadic = "grc-dyadic"
  case asStar = "as-star"
  case adStar = "ad-star"
  case pfr

  /// Whether it looks at all candidates in order, of which there are sup r on average.
  var isGlobal: Bool { self == .gprs || self == .both || self == .pfr }

  /// Its name in words.
  public var title: String {
    switch self {
    case .gprs: "Greedy Poisson rejection sampling (GPRS)"
    case .fastGPRS: "Fast GPRS: the search path is the code"
    case .both: "GPRS and fast GPRS, from one process"
    case .grcSplit: "Greedy rejection, split on the sample"
    case .grcDyadic: "Greedy rejection, dyadic"
    case .asStar: "AS*: branch and bound, split on the sample"
    case .adStar: "AD*: branch and bound, dyadic"
    case .pfr: "Poisson functional representation (PFR)"
    }
  }
}

/// One search, step by step: what tables, JSON and pictures are made from.
public struct SearchTrace: Sendable {
  /// What the algorithm looked at, by its kind.
  public enum Course: Sendable {
    case process(ProcessTrace)
    case bounds(BoundTrace)
    case lids(LidTrace)
  }

  public let target: any LineTarget
  public let algorithm: TraceAlgorithm
  /// What the random numbers were made from; nil where they were given.
  public let seed: UInt64?
  public let course: Course

  /// Global searches are traced up to this many bits of ln sup r: that many arrivals are still read.
  public static let mostGlobalBits = 16.0

  /// - Throws: `ToolError.input` where the algorithm cannot be traced on the target.
  public init(_ target: any LineTarget, _ algorithm: TraceAlgorithm, seed: UInt64) throws(ToolError) {
    var random = SeededTrace(seed: seed)
    try self.init(target, algorithm, &random, seed: seed)
  }

  /// - Parameter random: where the random numbers come from.
  public init(
    _ target: any LineTarget, _ algorithm: TraceAlgorithm, _ random: inout some TraceRandomness, seed: UInt64? = nil
  ) throws(ToolError) {
    try Self.check(target, algorithm)
    self.target = target
    self.algorithm = algorithm
    self.seed = seed
    course =
      switch algorithm {
      case .gprs, .both: .process(try ProcessTrace(target, &random, wholeProcess: true))
      case .fastGPRS:
        .process(try ProcessTrace(target, &random, wholeProcess: target.supremumBits <= Self.mostGlobalBits))
      case .grcSplit: .lids(try LidTrace(target, dyadic: false, &random))
      case .grcDyadic: .lids(try LidTrace(target, dyadic: true, &random))
      case .asStar, .adStar, .pfr: .bounds(try BoundTrace(target, algorithm, &random))
      }
  }

  private static func check(_ target: any LineTarget, _ algorithm: TraceAlgorithm) throws(ToolError) {
    if algorithm.isGlobal, target.supremumBits > mostGlobalBits {
      throw .input(
        place: "--algorithm",
        problem:
          "found \"\(algorithm.rawValue)\", which looks at 2^Dinf candidates on average, for \(target.spelling) with Dinf = \(Text.fixed(target.supremumBits, 1)) bits; "
          + "allowed: Dinf up to \(Text.shown(mostGlobalBits)) bits, or a search that splits: fast-gprs, grc-split, grc-dyadic, as-star, ad-star"
      )
    }
    let searched = algorithm == .both ? TraceAlgorithm.fastGPRS : algorithm
    if let refusal = AlgorithmRegistry[name: searched.rawValue]?.refusal(of: target) {
      throw .input(
        place: "--algorithm", problem: "found \"\(algorithm.rawValue)\" for \(target.spelling): \(refusal)")
    }
  }

  /// The accepted point.
  public var sample: Double {
    switch course {
    case .process(let trace): trace.sample
    case .bounds(let trace): trace.winner?.x ?? .nan
    case .lids(let trace): trace.sample
    }
  }
}

extension LineTarget {
  /// D(Q || P) and ln sup r in bits.
  var entropyBits: Double { relativeEntropy / Elementary.ln2 }
  var supremumBits: Double { logSupremum / Elementary.ln2 }
}
