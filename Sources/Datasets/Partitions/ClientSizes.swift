import ChannelCoding
import Files
import JSONText
import Numerics
import Settings

/// How many examples clients get, where a partition leaves that open.
///
/// Under a law a client's weight is drawn by itself: w = U^(-1/(a - 1)), whose density falls as w^-a (`power-law`, a = `exponent`), or
/// w = exp(s g), g standard normal (`log-normal`, s = `sigma`). Every client gets `minimumSize` examples, and the rest is shared in
/// proportion to the weights: quotas are rounded down, and what is left over goes one by one to the largest fractions, of equal ones to the
/// lowest client. Sizes add up to the examples exactly.
public struct ClientSizes: Sendable, Equatable {
  /// Nil for equal sizes, up to one.
  public var rule: Rule?
  /// Above 1; nil for 2.5.
  public var exponent: Double?
  /// Nil for 1.
  public var sigma: Double?
  /// What a client gets under a law at the least; nil for 1.
  public var minimum: Int?

  public enum Rule: Sendable, Equatable {
    case equal, powerLaw, logNormal
    /// One for each client; they add up to all training examples.
    case given([Int])
  }

  public init(_ rule: Rule? = nil, exponent: Double? = nil, sigma: Double? = nil, minimum: Int? = nil) {
    (self.rule, self.exponent, self.sigma, self.minimum) = (rule, exponent, sigma, minimum)
  }

  /// Whether sizes follow a law that is drawn from.
  var isDrawn: Bool { rule == .powerLaw || rule == .logNormal }

  /// The examples that a client needs.
  var least: Int { isDrawn ? minimum ?? 1 : 1 }

  /// The size of each client.
  ///
  /// - Parameter random: untouched where nothing is drawn.
  /// - Returns: as many as clients, which add up to `total`.
  /// - Throws: `DataError` where sizes that are given do not.
  func counts(clients: Int, total: Int, _ random: inout RandomStream) throws(DataError) -> [Int] {
    switch rule {
    case nil, .equal?: return (0..<clients).map { ($0 + 1) * total / clients - $0 * total / clients }
    case .given(let sizes)?:
      let sum = sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue }
      guard sizes.count == clients, sum == total else {
        throw .partition(
          "found \(sizes.count) sizes that add up to \(sum); there are \(clients) clients and \(total) training examples"
        )
      }
      return sizes
    case .powerLaw?, .logNormal?:
      let rest = Self.apportioned(total - clients * least, by: weights(clients: clients, &random))
      return rest.map { $0 + least }
    }
  }

  /// A weight for each client, of which the largest is 1: logarithms are drawn, so that none is too large for a number.
  func weights(clients: Int, _ random: inout RandomStream) -> [Double] {
    var logarithms = [Double](repeating: 0, count: clients)
    if rule == .powerLaw {
      let slope = 1 / ((exponent ?? 2.5) - 1)
      for i in logarithms.indices { logarithms[i] = slope * random.exponential() }
    } else if rule == .logNormal {
      for i in logarithms.indices { logarithms[i] = (sigma ?? 1) * random.normal() }
    }
    let largest = logarithms.max() ?? 0
    return logarithms.map { $0 - largest > -700 ? Elementary.exp($0 - largest) : 0 }
  }

  /// Integers in proportion to weights, by largest remainders: they add up to `total` exactly.
  ///
  /// - Parameters:
  ///   - total: at least 0.
  ///   - weights: at least 0, one of them above.
  static func apportioned(_ total: Int, by weights: [Double]) -> [Int] {
    let sum = weights.reduce(0, +)
    var left = total
    var shares = [Int](repeating: 0, count: weights.count)
    var fractions = [Double](repeating: 0, count: weights.count)
    for (i, weight) in weights.enumerated() {
      let quota = Double(total) * (weight / sum)
      // The cap holds where rounding would give away more than there is.
      shares[i] = min(Int(quota), left)
      fractions[i] = quota - Double(shares[i])
      left -= shares[i]
    }
    let order = weights.indices.sorted { (fractions[$0], $1) > (fractions[$1], $0) }
    for i in order.prefix(left) { shares[i] += 1 }
    return shares
  }
}

extension ClientSizes.Rule: SettingValue {
  public init?(setting: JSON) {
    switch setting {
    case .string("equal"): self = .equal
    case .string("power-law"): self = .powerLaw
    case .string("log-normal"): self = .logNormal
    default:
      guard let sizes = [Int](setting: setting) else { return nil }
      self = .given(sizes)
    }
  }

  public var setting: JSON {
    switch self {
    case .equal: "equal"
    case .powerLaw: "power-law"
    case .logNormal: "log-normal"
    case .given(let sizes): sizes.setting
    }
  }
}

/// A partition whose clients may differ in size.
protocol SizedPartition: PartitionScheme, Configurable {
  var clients: Int { get }
  var sizes: ClientSizes { get set }
}

extension SizedPartition {
  /// The keys of sizes.
  ///
  /// - Parameter canBeGiven: whether a list of sizes is one of the values.
  static func sizeSettings(canBeGiven: Bool) -> [Setting<Self>] {
    let laws = KeyRange.choice(["equal", "power-law", "log-normal"], later: [])
    let list = KeyRange.integers(each: 1...1_000_000_000, count: 1...1_000_000)
    let onlyWith = { (rule: ClientSizes.Rule, name: String) in
      { @Sendable (partition: Self) in partition.sizes.rule == rule ? nil : "sizes is not \"\(name)\"" }
    }
    return [
      Setting(
        "sizes", \.sizes.rule, canBeGiven ? .either([laws, list]) : laws, .absent("equal"),
        "how many examples clients get"
          + (canBeGiven ? ": by a law, or a list that adds up to the training examples" : "")),
      Setting(
        "exponent", \.sizes.exponent, .number(above: 1, upTo: 1000), .absent("2.5, under `power-law`"),
        "`power-law`: the density of a client's weight w falls as w^-exponent",
        objection: onlyWith(.powerLaw, "power-law")),
      Setting(
        "sigma", \.sizes.sigma, .number(above: 0, upTo: 100), .absent("1, under `log-normal`"),
        "`log-normal`: standard deviation of the logarithm of a client's weight",
        objection: onlyWith(.logNormal, "log-normal")),
      Setting(
        "minimumSize", \.sizes.minimum, .integer(1...1_000_000_000), .absent("1, where sizes follow a law"),
        "what a client gets at the least, before the rest is shared by weight",
        objection: { $0.sizes.isDrawn ? nil : "sizes follow no law" }),
    ]
  }

  public var problem: KeyProblem? {
    guard case .given(let sizes)? = sizes.rule, sizes.count != clients else { return nil }
    return KeyProblem(
      "sizes", "found \(sizes.count) sizes for \(clients) clients (partition.clients)",
      allowed: "a size for each client")
  }
}
