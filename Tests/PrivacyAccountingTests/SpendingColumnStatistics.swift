import Foundation
import Testing

@testable import PrivacyAccounting

/// The column of epsilons of whole runs, against the accountant's precise answer for so many rounds alone. Slow without optimisation: left
/// out of debug builds by its name.
@Suite struct SpendingColumnStatistics {
  struct Run: Sendable, CustomTestStringConvertible {
    var z: Double
    var rate: Double
    var rounds: Int
    var sampling = Sampling.Name.poisson
    var relation = NeighboringRelation.zeroOut
    var delta = 1e-6
    var truncation = 1e-8

    var event: PrivacyEvent {
      PrivacyEvent(noiseMultiplier: z, sampling: Sampling(name: sampling, rate: rate), relation: relation)
    }

    var testDescription: String { "z \(z) q \(rate) T \(rounds) \(sampling) \(relation) \(delta) \(truncation)" }

    func spending(_ number: Int, _ precision: Accountant.Precision = .fine) throws -> PrivacySpent {
      try Accountant.pld.spending(
        PrivacyLedger(event, rounds: number), delta: delta, truncation: truncation, precision: precision)
    }
  }

  static let runs: [Run] = [
    Run(z: 1, rate: 0.01, rounds: 1000), Run(z: 1, rate: 0.01, rounds: 1000, truncation: 0),
    Run(z: 0.5, rate: 0.001, rounds: 1000), Run(z: 0.3, rate: 0.05, rounds: 300),
    Run(z: 0.15, rate: 0.01, rounds: 100, truncation: 0), Run(z: 20, rate: 0.001, rounds: 1000),
    Run(z: 1, rate: 0.5, rounds: 200, relation: .addOrRemove, delta: 1e-5, truncation: 0),
    Run(z: 5, rate: 0.1, rounds: 6000, relation: .addOrRemove, delta: 1e-7, truncation: 1e-9),
    Run(z: 1, rate: 0.1, rounds: 100, relation: .replaceOne, delta: 1e-5),
    Run(z: 3, rate: 0.9, rounds: 300, relation: .replaceOne, truncation: 0),
    Run(z: 1, rate: 0.1, rounds: 100, sampling: .fixedSize, delta: 1e-5),
    Run(z: 1, rate: 0.1, rounds: 100, sampling: .fixedSize, delta: 1e-5, truncation: 0),
    Run(z: 1, rate: 0.1, rounds: 100, sampling: .fixedSize, relation: .addOrRemove, delta: 1e-5),
    Run(z: 1, rate: 0.1, rounds: 100, sampling: .fixedSize, relation: .replaceOne, delta: 1e-5, truncation: 0),
    Run(z: 10, rate: 0.01, rounds: 500, sampling: .fixedSize),
    Run(z: 1, rate: 0.01, rounds: 500, delta: 1e-15, truncation: 1e-17),
    Run(z: 1, rate: 0.01, rounds: 300, delta: 0.01, truncation: 1e-4),
  ]

  /// Both columns rise to the planned spending; each row encloses the truth, and is no wider than the column that was computed row by row
  /// promised to be.
  @Test(arguments: runs)
  func rowsEncloseTheTruth(run: Run) throws {
    let planned = try run.spending(run.rounds)
    let column = SpendingColumn(
      .pld, run.event, rounds: run.rounds, planned: planned, delta: run.delta, truncation: run.truncation)
    let rows = try (1...run.rounds).map { try column.spending(rounds: $0) }
    #expect(rows.last == planned)
    for (row, next) in zip(rows, rows.dropFirst()) {
      #expect(row.epsilon <= next.epsilon && row.lowerBound ?? 1 <= next.lowerBound ?? 0, "\(row) \(next)")
      #expect(row.lowerBound ?? 1 <= row.epsilon, "\(row)")
    }
    let numbers =
      (0..<10).map { Int(pow(Double(run.rounds), Double($0) / 9.5)) } + [2, 3, 4, 5, 64, 65, run.rounds - 1]
    for number in Set(numbers) {
      let row = rows[number - 1]
      let (fine, coarse) = (try run.spending(number), try run.spending(number, .coarse))
      let below = try #require(row.lowerBound)
      let label = "\(number): \(row) alone \(fine) coarse \(coarse)"
      // The reference is two-sided, within 2 10^-6.
      #expect(row.epsilon >= (fine.pairLowerBound ?? 0) && row.epsilon >= fine.epsilon * (1 - 4e-6), "\(label)")
      #expect(row.epsilon <= max(fine.epsilon * (1 + 1e-3), 1e-8), "\(label)")
      #expect(below <= fine.epsilon, "\(label)")
      // The mechanism's lower bound: no worse than 10^-3 below, but no more than the plan says of all rounds.
      #expect(below >= min(coarse.lowerBound ?? 0, planned.lowerBound ?? 0) * (1 - 1e-3) - 1e-8, "\(label)")
      let forward = run.truncation == 0 || (run.sampling == .poisson && run.relation != .replaceOne)
      if forward {
        #expect(below <= (fine.lowerBound ?? 0) * (1 + 4e-6) + 1e-9, "\(label)")
      } else if below > 0 {
        // Cutting may move both laws: what is refuted has (1 + e^epsilon) of it to spare.
        let delta = try Accountant.pld.delta(PrivacyLedger(run.event, rounds: number), epsilon: below).delta
        #expect(delta >= (run.delta + run.truncation * (1 + exp(below))) * (1 - 1e-6), "\(label) \(delta)")
      }
    }
    #expect(column.remembered <= 2 * 4096)
  }

  /// A million rounds: few rows, none of them wide.
  @Test func manyRoundsAreFew() throws {
    let run = Run(z: 2, rate: 0.05, rounds: 1_000_000)
    let planned = try run.spending(run.rounds)
    let column = SpendingColumn(
      .pld, run.event, rounds: run.rounds, planned: planned, delta: run.delta, truncation: run.truncation)
    var last = 0.0
    for number in stride(from: 1, to: 1_000_000, by: 997) {
      let row = try column.spending(rounds: number)
      let below = try #require(row.lowerBound)
      #expect(
        row.epsilon >= last && row.epsilon <= planned.epsilon && below > row.epsilon * (1 - 5e-3), "\(number) \(row)")
      last = row.epsilon
    }
    #expect(column.remembered < 30_000)
    let row = try column.spending(rounds: 300_000)
    let fine = try run.spending(300_000)
    #expect(row.epsilon >= fine.epsilon * (1 - 1e-5) && row.epsilon < fine.epsilon * (1 + 2e-3), "\(row) \(fine)")
  }
}
