import Numerics

/// Greedy Poisson rejection sampling that splits on its samples, on the line [Flamich 2023, algorithm 4; thesis arXiv
/// 2506.16309]: the search path is the code.
///
/// The process of candidates is walked as a tree. In an interval of proposal mass w the first arrival after time T
/// comes at T + Exp(1) / w and has the proposal's law in the interval: u = lo + w U. It is accepted when
/// T < S(r(x)); else no later point beyond x, seen from the mode, can be accepted either (r is smaller there, S rises
/// with r, and time only grows), so only the part with the mode is walked on. That part's own process is independent
/// of x, so the accepted point is the one that GPRS would accept, with the target's law.
///
/// E[steps] < 2.26 KL + 9.66, and the path has probability w: its choices, coded with the chance U or 1 - U that both
/// ends know, take -log2 w bits in all.
///
/// Candidates are addressed by depth alone. Times are the client's own.
public struct FastGPRS: Sendable {
  /// What is left of the search: proposal mass below the interval, above it and in it, each to relative accuracy.
  package struct Interval {
    package private(set) var left = 0.0
    package private(set) var right = 0.0
    package private(set) var width = 1.0

    package init() {}

    /// Masses on both sides of the candidate for a uniform `u` in (0, 1).
    @inline(__always)
    package func candidate(_ u: Double) -> (left: Double, right: Double) {
      (left + width * u, right + width * (1 - u))
    }

    @inline(__always)
    package mutating func keepBelow(_ u: Double) {
      right += width * (1 - u)
      width *= u
    }

    @inline(__always)
    package mutating func keepAbove(_ u: Double) {
      left += width * u
      width *= 1 - u
    }
  }

  /// The interval's mass again, for times: within two units in the last place after any number of steps.
  package struct Mass {
    private var high = 1.0
    private var low = 0.0

    package init() {}

    @inline(__always)
    package mutating func keep(_ share: Double) {
      let product = high * share
      low = low * share + (-product).addingProduct(high, share)
      high = product
    }

    @inline(__always)
    package var value: Double { high + low }
  }

  /// A finished search.
  public struct Outcome: Sendable {
    public let sample: Double
    /// Candidates that were looked at.
    public let steps: Int
    /// -log2 of the mass of the interval that the accepted candidate was drawn from.
    public let pathBits: Double
  }

  /// Runs the search with uniforms from `candidate` (by depth) and times from `random`.
  public static func sample(
    _ pair: some UnimodalRatio, random: inout RandomStream, candidate: (_ depth: Int) -> Double
  ) -> Outcome {
    var interval = Interval()
    var mass = Mass()
    var time = TimeSum()
    var depth = 0
    while true {
      let u = candidate(depth)
      let masses = interval.candidate(u)
      let x = pair.proposalQuantile(left: masses.left, right: masses.right)
      time.add(random.time() / mass.value)
      depth += 1
      if pair.accepts(x, at: time.value) {
        return Outcome(
          sample: x, steps: depth, pathBits: -Elementary.log(interval.width) / Elementary.log(2))
      }
      if x <= pair.mode {
        interval.keepAbove(u)
        mass.keep(1 - u)
      } else {
        interval.keepBelow(u)
        mass.keep(u)
      }
    }
  }

  /// Uniform on (0, 1), an odd multiple of 2^-54.
  @inline(__always)
  package static func uniform(_ word: UInt64) -> Double { (Double(word >> 11) + 0.5) * 0x1p-53 }
}
