import CKernels

/// A vector of sums of doubles that is the same whoever adds, in whatever order and however many: each term is rounded once, to a grid
/// that is known before the first of them, and whole units of the grid are added as integers.
///
///     var sum = ExactSum(count: 3, grid: SumGrid(largestTerm: 1, terms: 1000))
///     let isInside = sum.add([0.5, -0.25, 1e-9])
///     sum.add(another)                                  // what somebody else added up
///     let values = sum.values
///
/// 8 bytes a coordinate from the first term on, or 16 where the grid has fine units; none before. Adding costs what adding doubles
/// costs: it is bound by memory.
public struct ExactSum: Sendable, Equatable {
  public let count: Int
  public let grid: SumGrid
  /// How many vectors were added.
  public private(set) var terms = 0
  /// Both empty as long as nothing was added.
  private var coarse: [Int64] = []
  private var fine: [Int64] = []

  /// - Parameter count: of coordinates.
  public init(count: Int, grid: SumGrid) {
    self.count = count
    self.grid = grid
  }

  /// Adds a vector of `count` finite values.
  ///
  /// - Returns: false where one of them is larger than the grid's largest term: then nothing is added.
  @discardableResult
  public mutating func add(_ values: UnsafeBufferPointer<Double>) -> Bool {
    precondition(values.count == count)
    let isInside = accumulate { Kernels.best.accumulate(values, $0, into: $1, fine: $2) }
    if !isInside { takeBack(values.map { -$0 }) }
    return isInside
  }

  @discardableResult
  public mutating func add(_ values: [Double]) -> Bool { values.withUnsafeBufferPointer { add($0) } }

  /// As `add`, of little-endian floats at any address.
  @discardableResult
  package mutating func add(floats bytes: UnsafeRawBufferPointer) -> Bool {
    precondition(bytes.count == 4 * count)
    let isInside = accumulate { Kernels.best.accumulate(floats: bytes, $0, into: $1, fine: $2) }
    if !isInside {
      takeBack(
        [Double](unsafeUninitializedCapacity: count) { values, initialized in
          Kernels.best.widen(bytes, scale: -1, into: UnsafeMutableBufferPointer(rebasing: values[..<count]))
          initialized = count
        })
    }
    return isInside
  }

  /// Adds the opposite of what was added last: rounding to even is the same on both sides of 0, and so is what a larger term counts as.
  private mutating func takeBack(_ opposite: [Double]) {
    opposite.withUnsafeBufferPointer { opposite in
      _ = accumulate { Kernels.best.accumulate(opposite, $0, into: $1, fine: $2) }
    }
  }

  /// Adds one vector; it is a term where all of it is in the grid's range.
  ///
  /// - Parameter kernel: returns whether it is not.
  private mutating func accumulate(
    _ kernel: (ck_grid, UnsafeMutableBufferPointer<Int64>, UnsafeMutableBufferPointer<Int64>?) -> Bool
  ) -> Bool {
    expect(terms: 1)
    let isInside = coarse.withUnsafeMutableBufferPointer { coarse in
      guard grid.isFine else { return !kernel(grid.kernel, coarse, nil) }
      return fine.withUnsafeMutableBufferPointer { !kernel(grid.kernel, coarse, $0) }
    }
    if isInside { terms += 1 }
    return isInside
  }

  /// Adds what others have added up, on the same grid.
  public mutating func add(_ other: ExactSum) {
    precondition(other.count == count && other.grid == grid)
    guard other.terms > 0 else { return }
    guard terms > 0 else {
      self = other
      return
    }
    expect(terms: other.terms)
    terms += other.terms
    for i in coarse.indices { coarse[i] &+= other.coarse[i] }
    for i in fine.indices { fine[i] &+= other.fine[i] }
  }

  /// What some sums come to: two builds of which one rounds otherwise must not share the keys of a run, since the difference of two sums
  /// under one noise has no noise.
  package static let referenceBytes: [UInt8] = [1, .infinity].flatMap { largest -> [UInt8] in
    var sum = ExactSum(count: 3, grid: SumGrid(largestTerm: largest, terms: 5000))
    for k in 1...7 { sum.add([1 / Double(k), -1 / Double(k * k), 1e-9 / Double(k)]) }
    return sum.values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
  }

  /// Makes room. More terms than the grid was made for could overflow.
  private mutating func expect(terms more: Int) {
    precondition(terms + more <= grid.terms)
    if coarse.isEmpty {
      coarse = [Int64](repeating: 0, count: count)
      if grid.isFine { fine = [Int64](repeating: 0, count: count) }
    }
  }

  /// The sums. Whole units above 2^53 are rounded to a double, a part in 2^53; where there are fine units so is what they have below half a
  /// unit, and the sum of both.
  public var values: [Double] {
    guard terms > 0 else { return [Double](repeating: 0, count: count) }
    let (unit, fineUnit) = (grid.unit, grid.fineUnit)
    guard grid.isFine else { return coarse.map { Double($0) * unit } }
    let bits = Int64(grid.unit / grid.fineUnit).trailingZeroBitCount
    return coarse.indices.map { i in
      // Whole units of the fine ones first, so that the two parts cannot cancel.
      let whole = (fine[i] &+ (1 << (bits - 1))) >> bits
      return Double(coarse[i] &+ whole) * unit + Double(fine[i] &- whole << bits) * fineUnit
    }
  }
}

/// The multiples of a power of two to which the terms of an `ExactSum` are rounded.
///
/// A term of at most L = 2^51 units is rounded by half a unit at most, and M of them are below 2^63 units. So a unit is L 2^-51, and L 2^-62 M
/// where M is above 2^11. Where no bound is known, L is 2^38, and what its units leave is counted in fine ones, 2^51 to a unit, or as many as
/// M of them leave room for.
public struct SumGrid: Sendable, Equatable {
  /// The largest magnitude that a term may have.
  public let largestTerm: Double
  /// M, the most terms that there may be.
  public let terms: Int
  /// A power of two.
  public let unit: Double
  /// A power of two; 0 where there are none.
  public let fineUnit: Double

  var isFine: Bool { fineUnit > 0 }

  /// - Parameters:
  ///   - largestTerm: a bound on magnitudes of terms, above 0; infinity where none is known, so that 2^38 is taken, and more memory.
  ///   - terms: how many there may be, 1 ... 2^40.
  public init(largestTerm bound: Double, terms: Int) {
    precondition(terms >= 1 && terms <= 1 << 40 && bound > 0)
    self.terms = terms
    // Up to a power of two, which `exponent` rounds down to; far from both ends of the doubles.
    let largest = bound.isFinite ? Self.power(min(max(Int(bound.exponent) + 1, -900), 960)) : 0x1p38
    largestTerm = largest
    // Bits of M beyond the 2^11 that a unit of L 2^-51 leaves room for.
    let spare = max(0, Int.bitWidth - (terms - 1).leadingZeroBitCount - 11)
    unit = largest * Self.power(spare - 51)
    fineUnit = bound.isFinite ? 0 : unit * Self.power(spare - 51)
  }

  /// A bound on the units of grids for these terms: 2^-50 L max(1, M 2^-10). Infinite where no bound on terms is known.
  public static func largestUnit(largestTerm: Double, terms: Int) -> Double {
    0x1p-50 * largestTerm * max(1, Double(terms) * 0x1p-10)
  }

  private static func power(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }

  package var kernel: ck_grid {
    ck_grid(limit: largestTerm, origin: 0x1.8p52 * unit, fine_origin: 0x1.8p52 * fineUnit)
  }
}
