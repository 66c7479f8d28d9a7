import Files
import Numerics
import Settings

/// How a learning rate follows the number of the round: a factor of the rate that a scenario names.
///
/// In round t = 1 ... T the rate is `learningRate` times `factor(round:of:)`. With W rounds of warm-up, the factor is t / W in the first W
/// rounds. After them s = t - max(W, 1) counts the rounds since the full rate (0 in its first), and with n = `decayRounds` and
/// f = `decayFactor` the factor is
///
/// - constant: 1
/// - step: f to the power floor(s / n)
/// - cosine: f + (1 - f) (1 + cos(pi min(s / n, 1))) / 2 [Loshchilov & Hutter 2017, without restarts]; n is the T - max(W, 1) + 1 rounds that
///   are left where it is not written, so that no round has the rate f itself
/// - inverse: 1 / (1 + s / n)
///
/// The factor follows from the plan alone, in + - * / and `Elementary`: it costs no privacy, and has the same bits on every machine.
public struct RateSchedule: Sendable, Equatable {
  public enum Kind: String, CaseIterable, SettingValue {
    case constant
    case step
    case cosine
    case inverse
  }

  public var kind: Kind
  /// n: rounds between steps, until the cosine's end, or until the inverse is a half; nil for all that are left, with a cosine.
  public var decayRounds: Int?
  /// f: what a step multiplies by, and what a cosine ends at; nil for 0.1 and 0.
  public var decayFactor: Double?
  /// W: rounds in which the rate grows from its W-th part; nil for none.
  public var warmupRounds: Int?

  public init(
    _ kind: Kind = .constant, decayRounds: Int? = nil, decayFactor: Double? = nil, warmupRounds: Int? = nil
  ) {
    self.kind = kind
    self.decayRounds = decayRounds
    self.decayFactor = decayFactor
    self.warmupRounds = warmupRounds
  }

  /// Whether every round has the rate that is named.
  public var isConstant: Bool { kind == .constant && warmupRounds == nil }

  /// The share of the named rate that a round has.
  ///
  /// - Parameters:
  ///   - round: t, from 1 on.
  ///   - rounds: T, the planned rounds, also where a budget or a rule ends the run before.
  /// - Returns: from 0 to 1.
  public func factor(round: Int, of rounds: Int) -> Double {
    let warmup = warmupRounds ?? 0
    if round < warmup { return Double(round) / Double(warmup) }
    let since = round - max(warmup, 1)
    switch kind {
    case .constant: return 1
    case .step: return Self.power(decayFactor ?? 0.1, since / max(decayRounds ?? 1, 1))
    case .inverse: return 1 / (1 + Double(since) / Double(decayRounds ?? 1))
    case .cosine:
      let length = decayRounds ?? max(rounds - max(warmup, 1) + 1, 1)
      let end = decayFactor ?? 0
      return end + (1 - end) * (1 + Elementary.cosineOfPi(Double(since) / Double(length))) / 2
    }
  }

  /// The rate of a round; nil where all rounds have the one that is named.
  package func rate(_ learningRate: Double, round: Int, of rounds: Int) -> Double? {
    isConstant ? nil : learningRate * factor(round: round, of: rounds)
  }

  /// By squaring: in the same order everywhere.
  private static func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, left) = (1.0, base, exponent)
    while left > 0 {
      if left & 1 == 1 { result *= square }
      square *= square
      left >>= 1
    }
    return result
  }

  /// Bits of the first thousand factors, for what names a run: a build that computed others would have other sums under the same noise.
  package func referenceBytes(rounds: Int) -> [UInt8] {
    isConstant
      ? []
      : (1...min(max(rounds, 1), 1000)).flatMap { round in
        withUnsafeBytes(of: factor(round: round, of: rounds).bitPattern.littleEndian, Array.init)
      }
  }

  /// What people are told beside the rate; nil where it is constant.
  package func words(learningRate: Double, rounds: Int) -> String? {
    guard !isConstant else { return nil }
    let peak = min(max(warmupRounds ?? 1, 1), rounds)
    let marks = Set([1, peak, rounds]).sorted()
    let rates = marks.map { "\(Text.short(learningRate * factor(round: $0, of: rounds))) in round \($0)" }
    let name = kind == .constant ? "warm-up" : "\(kind.rawValue) schedule"
    return "\(name): " + rates.joined(separator: ", ")
  }

  // MARK: Keys

  static let kindMeaning =
    "how the rate follows the round (docs/training.md, Schedules): `constant`, `step`, `cosine` or `inverse`"
  static let decayRoundsMeaning =
    "rounds between the drops of `step`, until the end of `cosine`, and until `inverse` has halved the rate"
  static let decayFactorMeaning =
    "what each drop of `step` multiplies the rate by, and the share of the rate that `cosine` ends at"
  static let warmupRoundsMeaning = "first rounds, in which the rate grows in equal steps to all of it"
  static let roundsRange = KeyRange.integer(1...1_000_000)
  static let kindFallback = KeyFallback.absent("as for \"constant\"")
  static let decayRoundsFallback = KeyFallback.absent("all rounds that are left, for `cosine`; the others need it")
  static let decayFactorFallback = KeyFallback.absent("0.1 for `step`, 0 for `cosine`")
  static let warmupRoundsFallback = KeyFallback.absent("none")

  /// Absent where it is constant, however that was said: a run has one scenario.json.
  var writtenKind: Kind? {
    get { kind == .constant ? nil : kind }
    set { kind = newValue ?? .constant }
  }

  /// What is wrong with the keys beside each other; nil where nothing is.
  var problem: KeyProblem? {
    if kind == .step || kind == .inverse, decayRounds == nil {
      return KeyProblem(
        "decayRounds", "the key is missing, and \"\(kind.rawValue)\" needs it", allowed: Self.roundsRange.allowed)
    }
    if kind == .constant, let decayRounds {
      return KeyProblem(
        "decayRounds", "found \(decayRounds) with schedule \"constant\", which does not decay", allowed: "null")
    }
    if kind == .constant || kind == .inverse, let decayFactor {
      return KeyProblem(
        "decayFactor", "found \(decayFactor) with schedule \"\(kind.rawValue)\", which has none", allowed: "null")
    }
    return nil
  }

  /// What is wrong with the rates of a run; nil where each of them moves something.
  ///
  /// - Parameters:
  ///   - section: whose keys these are.
  ///   - learningRate: the rate that the section names.
  ///   - rounds: T.
  ///   - hasRates: whether the section's rule can be had at another rate.
  func problem(in section: String, learningRate: Double, rounds: Int, hasRates: Bool) -> KeyProblem? {
    guard !isConstant else { return nil }
    guard hasRates else {
      return KeyProblem(
        "\(section).schedule", "found \"\(kind.rawValue)\" with a rule that has one rate for all rounds",
        allowed: "\"constant\", without warm-up")
    }
    if let warmupRounds, warmupRounds > rounds {
      return KeyProblem(
        "\(section).warmupRounds",
        "found \(warmupRounds) in a run of \(rounds) rounds, none of which would have the whole rate",
        allowed: "at most \(rounds)")
    }
    // Factors fall from the end of the warm-up on.
    let low = { Float(learningRate * factor(round: $0, of: rounds)) < Float.leastNormalMagnitude }
    if low(1) {
      return KeyProblem(
        "\(section).warmupRounds", "the rate of round 1 is 0 in float32", allowed: "fewer rounds, or a larger rate")
    }
    guard low(rounds) else { return nil }
    // Bisection for the first one.
    var (good, bad) = (max(warmupRounds ?? 1, 1), rounds)
    while bad - good > 1 {
      let middle = good + (bad - good) / 2
      if low(middle) { bad = middle } else { good = middle }
    }
    return KeyProblem(
      "\(section).decayFactor", "the rate is 0 from round \(bad) of \(rounds) on, and such rounds would move nothing",
      allowed: "a larger decayFactor or more decayRounds")
  }
}
