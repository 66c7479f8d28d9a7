import ChannelCoding
import Platform
import Statistics

/// Whether noise has the law that a codec states: its distribution, and independence of the update, of the place in
/// the row, of other coordinates, of other rows and of the payload bits.
///
/// The p-value of every check is right within a factor of two or so at 10^-6, or errs upwards, from 10^5 coordinates in
/// 100 rows on.
/// The checks of one sample are not independent of each other.
public struct ChannelVerification: Sendable {
  /// One check: a result, or why there is nothing to check.
  public struct Check: Sendable {
    public let name: String
    public let outcome: Outcome
  }

  public enum Outcome: Sendable {
    case result(CheckResult)
    case skipped(String)
  }

  public static let fewestCoordinates = 100_000
  public static let fewestRows = 100

  public let checks: [Check]

  /// - Parameter law: `.approximate` is tested against the normal law, which it may fail.
  public init(_ rows: NoiseRows, law: NoiseLaw) {
    let isUniform = law == .uniform
    var checks = LawChecks.all(rows, isUniform: isUniform)
    checks += DependenceChecks.all(rows)
    checks += PositionChecks.all(rows, isUniform: isUniform)
    self.checks = checks
  }

  /// Whether no check has a p-value below `falseAlarm`.
  public func passes(falseAlarm: Double) -> Bool { checks.allSatisfy { $0.passes(falseAlarm: falseAlarm) } }

  /// The check of this name.
  public subscript(name: String) -> Check? { checks.first { $0.name == name } }
}

extension ChannelVerification.Check {
  init(_ name: String, _ result: CheckResult) {
    self.name = name
    outcome = .result(result)
  }

  init(_ name: String, skipped reason: String) {
    self.name = name
    outcome = .skipped(reason)
  }

  /// A skipped check passes.
  public func passes(falseAlarm: Double) -> Bool {
    switch outcome {
    case .result(let result): result.passes(falseAlarm: falseAlarm)
    case .skipped: true
    }
  }
}
