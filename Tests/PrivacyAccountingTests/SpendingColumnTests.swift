import Foundation
import Testing

@testable import PrivacyAccounting

/// Epsilon after each number of rounds.
@Suite struct SpendingColumnTests {
  private static let poisson = PrivacyEvent(noiseMultiplier: 1, sampling: .poisson(rate: 0.05), relation: .zeroOut)

  private static func column(
    _ event: PrivacyEvent = poisson, rounds: Int, truncation: Double = 1e-8, _ accountant: Accountant = .pld
  ) throws -> (column: SpendingColumn, planned: PrivacySpent) {
    let planned = try accountant.spending(
      PrivacyLedger(event, rounds: rounds), delta: 1e-6, truncation: truncation)
    let column = SpendingColumn(
      accountant, event, rounds: rounds, planned: planned, delta: 1e-6, truncation: truncation)
    return (column, planned)
  }

  /// What is said of a number of rounds does not depend on what was asked before: a run that goes on after a stop writes the same.
  @Test func answersDoNotDependOnTheOrder() throws {
    let numbers = [1, 2, 3, 4, 5, 6]
    let forward = try Self.column(rounds: 6).column
    let inOrder = try numbers.map { try forward.spending(rounds: $0) }
    let backward = try Self.column(rounds: 6).column
    let reversed = try numbers.reversed().map { try backward.spending(rounds: $0) }
    #expect(inOrder == reversed.reversed())
    #expect(try Self.column(rounds: 6).column.spending(rounds: 4) == inOrder[3])
  }

  /// The column rises to what the plan says of all rounds, and each of its rows encloses what the accountant says of so many alone.
  @Test func rowsEncloseWhatRoundsSpend() throws {
    let (column, planned) = try Self.column(rounds: 9)
    let rows = try (1...10).map { try column.spending(rounds: $0) }
    #expect(rows[8] == planned && rows[9] == planned)
    for (row, next) in zip(rows, rows.dropFirst()) {
      #expect(row.epsilon <= next.epsilon && row.lowerBound ?? 1 <= next.lowerBound ?? 0, "\(row) \(next)")
    }
    for number in [2, 5, 8] {
      let alone = try Accountant.pld.spending(
        PrivacyLedger(Self.poisson, rounds: number), delta: 1e-6, truncation: 1e-8)
      let row = rows[number - 1]
      let (below, least) = (try #require(row.lowerBound), try #require(alone.lowerBound))
      #expect(row.epsilon >= alone.epsilon * (1 - 2e-6) && row.epsilon < alone.epsilon * (1 + 5e-4), "\(row) \(alone)")
      #expect(below <= least * (1 + 2e-6) && below > least * (1 - 5e-4), "\(row) \(alone)")
    }
  }

  /// Where the grid does not bring both bounds together, rows are those of the accountant; where it has a closed form, and with other
  /// accountants, always.
  @Test func otherAccountantsAreAskedRowByRow() throws {
    let everyone = PrivacyEvent(noiseMultiplier: 5, sampling: .everyone, relation: .replaceOne)
    for (event, accountant) in [(Self.poisson, Accountant.rdp), (everyone, .pld), (everyone, .gaussian)] {
      let (column, planned) = try Self.column(event, rounds: 40, accountant)
      for number in [1, 2, 17, 39] {
        let alone = try accountant.spending(
          PrivacyLedger(event, rounds: number), delta: 1e-6, truncation: 1e-8, precision: .coarse)
        let row = try column.spending(rounds: number)
        #expect(row.epsilon == alone.epsilon && row.lowerBound == alone.lowerBound)
        #expect(row.epsilon <= planned.epsilon)
      }
    }
    let none = PrivacyEvent(noiseMultiplier: 1, sampling: .poisson(rate: 0), relation: .zeroOut)
    #expect(try Self.column(none, rounds: 5, truncation: 0).column.spending(rounds: 3).epsilon == 0)
  }

  /// Rows of a segment that is asked of the accountant number by number rise too, and enclose what lies between its numbers.
  @Test func separateRowsRise() throws {
    let noisy = { (number: Int) -> LossComposition.Bounds in
      let epsilon = Double(number).squareRoot()
      let noise = number % 8 == 0 ? 0.3 : 0
      return .init(lower: epsilon - 0.4 + noise, upper: epsilon + noise)
    }
    let before = LossComposition.Bounds(lower: noisy(256).lower, upper: noisy(256).upper)
    var segment = try RoundSegment.separate(after: 256, upTo: 500) { (number) throws(PrivacyRefusal) in noisy(number) }
    #expect(segment.stride == 4 && segment.upper.count == 61)
    segment.rise(from: before, to: .init(lower: 22, upper: 22.2))
    var last = before
    for number in 257...500 {
      let row = segment.bounds(number, before: before)
      #expect(row.lower >= last.lower && row.upper >= last.upper && row.lower <= row.upper, "\(number) \(row) \(last)")
      let truth = Double(number).squareRoot()
      #expect(row.upper >= min(truth, 22.2) && row.lower <= truth && row.upper <= 22.2, "\(number) \(row)")
      last = row
    }
  }

  /// Memory does not grow with the number of rounds asked for.
  @Test func memoryIsBounded() throws {
    let everyone = PrivacyEvent(noiseMultiplier: 50, sampling: .everyone, relation: .zeroOut)
    let (column, _) = try Self.column(everyone, rounds: 5000)
    let first = try column.spending(rounds: 1)
    for number in 1..<4400 { _ = try column.spending(rounds: number) }
    #expect(column.remembered <= 4096)
    #expect(try column.spending(rounds: 1) == first, "computed again, to the same bits")
    // Segments of more than 2048 rows have gaps.
    let segment = try RoundSegment.separate(after: 1 << 20, upTo: 2 << 20) { (number) throws(PrivacyRefusal) in
      .init(lower: 0, upper: Double(number))
    }
    #expect(segment.upper.count == 64)
  }
}
