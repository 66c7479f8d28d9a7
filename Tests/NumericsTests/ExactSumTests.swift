import Testing

@testable import Numerics

/// Sums on a grid: the same for any order, and each term rounded once.
@Suite struct ExactSumTests {
  /// Values of every size, of both signs, with ties and what is beyond the largest term. A stream of its own: no library's numbers.
  private func values(_ count: Int, seed: UInt64, scale: Double) -> [Double] {
    var state = seed
    return (0..<count).map { i in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let uniform = Double(Int64(bitPattern: state) >> 11) * 0x1p-52
      return scale * uniform * Double(sign: .plus, exponent: -(i % 70), significand: 1)
    }
  }

  /// What a term counts in units, by arithmetic that has nothing to do with the kernels'.
  private func units(_ value: Double, _ unit: Double, limit: Double) -> Int64 {
    Int64((min(max(value, -limit), limit) / unit).rounded(.toNearestOrEven))
  }

  @Test(arguments: [(0.7, 5), (1, 2048), (3e-9, 2049), (1e9, 1_000_000), (1, 1 << 40)])
  func eachTermIsRoundedOnceToTheNearestUnit(_ largest: Double, _ terms: Int) {
    let grid = SumGrid(largestTerm: largest, terms: terms)
    #expect(grid.largestTerm >= largest && grid.largestTerm <= 2 * largest && grid.fineUnit == 0)
    #expect(grid.unit.significand == 1 && grid.largestTerm / grid.unit <= 0x1p51)
    // All terms together, and what they are rounded by, stay inside.
    #expect(Double(terms) * (grid.largestTerm / grid.unit + 1) < 0x1p63)
    #expect(grid.unit <= largest * max(0x1p-50, Double(terms) * 0x1p-60), "and it is no coarser than that asks for")
    #expect(grid.unit <= SumGrid.largestUnit(largestTerm: largest, terms: terms))
    var rows = (1...5).map { values(101, seed: $0, scale: largest) }
    rows[0][..<4] = [0.5 * grid.unit, 1.5 * grid.unit, -2.5 * grid.unit, 3 * grid.unit]
    rows[1][..<4] = [-grid.largestTerm, grid.largestTerm, -0.0, 0.4999 * grid.unit]
    var sum = ExactSum(count: 101, grid: grid)
    for row in rows { sum.add(row) }
    let expected = (0..<101).map { i in
      Double(rows.reduce(Int64(0)) { $0 + units($1[i], grid.unit, limit: grid.largestTerm) }) * grid.unit
    }
    #expect(sum.values == expected && sum.terms == 5)
  }

  /// Nothing of it counts as a term: also the last that there is room for may be refused, and another take its place.
  @Test func whatIsTooLargeTakesNoRoom() {
    for grid in [SumGrid(largestTerm: 1, terms: 1), SumGrid(largestTerm: .infinity, terms: 1)] {
      var sum = ExactSum(count: 1, grid: grid)
      let bad = withUnsafeBytes(of: Float(0x1p39).bitPattern, Array.init)
      for _ in 0..<3 {
        let isAdded = sum.add([0x1p39])
        let areAdded = bad.withUnsafeBytes { sum.add(floats: $0) }
        #expect(!isAdded && !areAdded && sum.terms == 0 && sum.values == [0])
      }
      let isAdded = sum.add([0.5])
      #expect(isAdded && sum.terms == 1 && sum.values == [0.5])
    }
  }

  /// A vector with a term that is too large is not added, not a part of it.
  @Test func whatIsTooLargeLeavesNoTrace() {
    for grid in [SumGrid(largestTerm: 1, terms: 64), SumGrid(largestTerm: .infinity, terms: 64)] {
      var sum = ExactSum(count: 21, grid: grid)
      sum.add(values(21, seed: 4, scale: grid.largestTerm))
      let before = sum
      for (place, value) in [(0, 1.0000001), (20, -2), (9, 1e300)] {
        var bad = values(21, seed: 5, scale: grid.largestTerm)
        bad[3] = 0.5 * grid.unit
        bad[place] = value * (place == 9 ? 1 : grid.largestTerm)
        let isAdded = sum.add(bad)
        #expect(!isAdded && sum == before)
        let bytes = bad.flatMap { withUnsafeBytes(of: Float($0.magnitude > 1e38 ? 1e38 : $0).bitPattern, Array.init) }
        let areAdded = bytes.withUnsafeBytes { sum.add(floats: $0) }
        #expect(!areAdded && sum == before)
      }
    }
  }

  /// Without a bound: terms from 2^38 to below 2^-50 in one sum, where doubles lose the small ones.
  @Test(arguments: [3, 2048, 100_000, 1 << 30]) func fineUnitsKeepWhatCoarseOnesLeave(_ terms: Int) {
    let grid = SumGrid(largestTerm: .infinity, terms: terms)
    #expect(grid.largestTerm == 0x1p38 && grid.unit > grid.fineUnit && grid.fineUnit > 0)
    #expect(Double(terms) * (grid.unit / 2 / grid.fineUnit + 1) < 0x1p63 && grid.unit / 2 / grid.fineUnit <= 0x1p51)
    #expect(grid.fineUnit == [3: 0x1p-64, 2048: 0x1p-64, 100_000: 0x1p-52, 1 << 30: 0x1p-26][terms])
    let rows = (1...3).map { values(103, seed: 10 + $0, scale: 0x1p38) }
    var sum = ExactSum(count: 103, grid: grid)
    for row in rows { sum.add(row) }
    var expected = [Double](repeating: 0, count: 103)
    for i in expected.indices {
      var (coarse, fine) = (Int64(0), Int64(0))
      for row in rows {
        let whole = units(row[i], grid.unit, limit: 0x1p38)
        coarse += whole
        fine += units(row[i] - Double(whole) * grid.unit, grid.fineUnit, limit: grid.unit)
      }
      // Both together, in fine units: far below 2^127.
      let all = Int128(coarse) * Int128(grid.unit / grid.fineUnit) + Int128(fine)
      expected[i] = Double(all) * grid.fineUnit
    }
    #expect(zip(sum.values, expected).allSatisfy { abs($0 - $1) <= 0x1p-51 * $1.magnitude })
    var parted = ExactSum(count: 1, grid: grid)
    for term in [0x1p38, grid.fineUnit, -0x1p38] { parted.add([term]) }
    #expect(parted.values == [grid.fineUnit], "which a sum of doubles gives as 0")
  }

  @Test func noOrderAndNoSharingOutChangesASum() {
    for grid in [SumGrid(largestTerm: 1, terms: 64), SumGrid(largestTerm: .infinity, terms: 64)] {
      let rows = (1...64).map { values(77, seed: $0, scale: grid.largestTerm) }
      var forward = ExactSum(count: 77, grid: grid)
      for row in rows { forward.add(row) }
      var backward = ExactSum(count: 77, grid: grid)
      for row in rows.reversed() { backward.add(row) }
      var parts = (0..<5).map { _ in ExactSum(count: 77, grid: grid) }
      for (i, row) in rows.enumerated() { parts[i * i % 4].add(row) }
      var merged = ExactSum(count: 77, grid: grid)
      for part in parts { merged.add(part) }
      #expect(forward == backward && forward == merged && forward.terms == 64)
      let plain = rows.reduce([Double](repeating: 0, count: 77)) { sum, row in zip(sum, row).map { $0 + $1 } }
      let reversed = rows.reversed().reduce([Double](repeating: 0, count: 77)) { sum, row in
        zip(sum, row).map { $0 + $1 }
      }
      #expect(plain != reversed, "which a sum of doubles does not have")
      #expect(zip(plain, forward.values).allSatisfy { abs($0 - $1) <= 1e-13 * grid.largestTerm })
    }
  }

  /// Floats at odd addresses are the same terms as their doubles.
  @Test func floatsAreAddedAsTheyAre() {
    let floats = values(45, seed: 3, scale: 1).map { Float($0) }
    for grid in [SumGrid(largestTerm: 1, terms: 64), SumGrid(largestTerm: .infinity, terms: 64)] {
      var wide = ExactSum(count: 45, grid: grid)
      wide.add(floats.map { Double($0) })
      var narrow = ExactSum(count: 45, grid: grid)
      let bytes: [UInt8] = [0] + floats.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
      let isAdded = bytes.withUnsafeBytes { narrow.add(floats: .init(rebasing: $0[1...])) }
      #expect(isAdded)
      #expect(wide == narrow)
    }
  }

  @Test func nothingIsZeros() {
    let sum = ExactSum(count: 3, grid: SumGrid(largestTerm: 1, terms: 1))
    #expect(sum.values == [0, 0, 0] && sum.terms == 0)
  }
}
