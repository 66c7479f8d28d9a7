import Numerics

/// The client's side of quantile bits: where each magnitude |y|, y ~ N(x, 1), is known to be, and what the target says of
/// the rest.
///
/// A cell is known by its number, whose ends are public, and by the tails of y there, each on its own side of x, so that masses far out
/// keep their relative accuracy: two tails a coordinate and level.
struct MagnitudeCells: ~Copyable {
  /// Values of all coordinates, in the order in which kernels take tails.
  private enum Row: Int, CaseIterable {
    case lowFar, lowNear, middleFar, middleNear, highFar, highNear
    /// |x|
    case size
    case cell
  }

  /// Coordinates, a multiple of 8.
  let count: Int
  private let rows: UnsafeMutablePointer<Double>

  /// - Parameter mean: x, padded with zeros to a multiple of 8.
  init(mean x: [Double], scale: Double) {
    precondition(x.count % 8 == 0)
    count = x.count
    rows = .allocate(capacity: Row.allCases.count * x.count)
    rows.initialize(repeating: 0, count: Row.allCases.count * x.count)
    let size = row(.size)
    for i in x.indices { size[i] = abs(x[i] * scale) }
    // One cell, of all.
    setTails([0], .lowFar, .lowNear)
    setTails([.infinity], .highFar, .highNear)
  }

  deinit { rows.deallocate() }

  private func row(_ row: Row) -> UnsafeMutablePointer<Double> { rows + row.rawValue * count }

  private var tails: [UnsafeMutablePointer<Double>] { (0..<6).map { rows + $0 * count } }

  private func setTails(_ ends: [Double], _ far: Row, _ near: Row) {
    Kernels.best.sides(row(.size), cells: row(.cell), ends: ends, far: row(far), near: row(near), count: count)
  }

  /// The cell of each coordinate.
  var cells: [Double] { Array(UnsafeBufferPointer(start: row(.cell), count: count)) }

  /// Biases of the next level's bits.
  ///
  /// - Parameters:
  ///   - middles: the end between the halves of each cell.
  ///   - flips: a word for each coordinate; where it is odd, the bit is flipped.
  mutating func biases(_ middles: [Double], flips: [UInt64], into output: inout [Double]) {
    precondition(output.count == count)
    setTails(middles, .middleFar, .middleNear)
    output.withUnsafeMutableBufferPointer {
      Kernels.best.halfBiases(
        tails.map { UnsafePointer($0) }, row(.size), cells: row(.cell), middles: middles, flips: flips, $0)
    }
  }

  /// The bits are known: `signs` of what was flipped.
  mutating func take(_ signs: [Double], flips: [UInt64]) {
    precondition(signs.count == count)
    signs.withUnsafeBufferPointer { Kernels.best.takeHalves($0, flips: flips, cells: row(.cell), tails: tails) }
  }

  /// Places in the cells from the target, each as the share of its cell above it, and the logarithms of the cells' masses
  /// over the proposal's.
  ///
  /// A share in the outermost cell is a tail with an exponent of its own, and is drawn as one: noise beyond 9 sigma on top of
  /// any x keeps 12 digits of its tail.
  ///
  /// - Parameter ends: of all cells, from 0 to infinity.
  func places(ends: [Double], inverseScale: Double, _ random: inout RandomStream) -> (
    shares: [Double], logMasses: [Double]
  ) {
    var shares = [Double](repeating: 0, count: count)
    var logMasses = shares
    let choices = shares.map { _ in random.fraction() }
    let positions = shares.map { _ in random.fraction() }
    choices.withUnsafeBufferPointer { choices in
      positions.withUnsafeBufferPointer { positions in
        shares.withUnsafeMutableBufferPointer { shares in
          logMasses.withUnsafeMutableBufferPointer { logMasses in
            guard let choice = choices.baseAddress, let position = positions.baseAddress else { return }
            let tails = [Row.lowFar, .lowNear, .highFar, .highNear].map { UnsafePointer(row($0)) }
            Kernels.best.cellPlaces(
              tails, [UnsafePointer(row(.size)), UnsafePointer(row(.cell)), choice, position], ends: ends,
              inverseScale: inverseScale, shares: shares, logMasses: logMasses)
          }
        }
      }
    }
    return (shares, logMasses)
  }
}
