import Numerics

/// The client's side of quantile bits: where each magnitude |y|, y ~ N(x, 1), is known to be, and what the target says of
/// the rest.
///
/// A cell is known by its ends and by the tails of y there, each on its own side of x, so that masses far out keep their
/// relative accuracy: two tails a coordinate and level.
struct MagnitudeCells {
  /// |x|, padded with zeros to a multiple of 8.
  private let x: [Double]
  /// How many cells the levels so far have made of [0, infinity).
  private(set) var cellCount = 1
  /// By coordinate.
  private(set) var cells: [Double]
  private var low: [Double]
  private var high: [Double]
  private var middle: [Double]
  private var lowTails: Tails
  private var highTails: Tails
  private var middleTails: Tails

  private struct Tails {
    var far: [Double]
    var near: [Double]

    init(_ count: Int) {
      far = [Double](repeating: 0, count: count)
      near = far
    }

    mutating func set(_ x: [Double], _ ends: [Double]) {
      x.withUnsafeBufferPointer { x in
        ends.withUnsafeBufferPointer { ends in
          far.withUnsafeMutableBufferPointer { far in
            near.withUnsafeMutableBufferPointer { Kernels.best.sides(x, ends, far: far, near: $0) }
          }
        }
      }
    }
  }

  init(absolute x: [Double]) {
    precondition(x.count % 8 == 0)
    self.x = x
    cells = [Double](repeating: 0, count: x.count)
    low = cells
    middle = cells
    high = [Double](repeating: .infinity, count: x.count)
    lowTails = Tails(x.count)
    highTails = lowTails
    middleTails = lowTails
    lowTails.set(x, low)
    highTails.set(x, high)
  }

  /// Biases of the next level's bits.
  /// - Parameter middles: the end between the halves of each cell.
  mutating func biases(_ middles: [Double], into output: inout [Double]) {
    for i in middle.indices { middle[i] = middles[Int(cells[i])] }
    middleTails.set(x, middle)
    output.withUnsafeMutableBufferPointer { output in
      Self.withPointers([
        lowTails.far, lowTails.near, middleTails.far, middleTails.near, highTails.far, highTails.near,
      ]) { ends in
        x.withUnsafeBufferPointer { x in
          middle.withUnsafeBufferPointer { Kernels.best.halfBiases(ends, x, $0, output) }
        }
      }
    }
  }

  /// The bits are known.
  mutating func choose(_ isUpper: (Int) -> Bool, count: Int) {
    for i in 0..<count {
      if isUpper(i) {
        cells[i] = 2 * cells[i] + 1
        low[i] = middle[i]
        lowTails.far[i] = middleTails.far[i]
        lowTails.near[i] = middleTails.near[i]
      } else {
        cells[i] = 2 * cells[i]
        high[i] = middle[i]
        highTails.far[i] = middleTails.far[i]
        highTails.near[i] = middleTails.near[i]
      }
    }
    cellCount *= 2
  }

  /// Places in the cells from the target, each as the share of its cell above it, and the logarithms of the cells' masses
  /// over the proposal's.
  ///
  /// A share in the outermost cell is a tail with an exponent of its own, and is drawn as one: noise beyond 9 sigma on top of
  /// any x keeps 12 digits of its tail.
  func places(inverseScale: Double, _ random: inout RandomStream) -> (shares: [Double], logMasses: [Double]) {
    var shares = [Double](repeating: 0, count: x.count)
    var logMasses = shares
    let choices = x.indices.map { _ in random.fraction() }
    let positions = x.indices.map { _ in random.fraction() }
    shares.withUnsafeMutableBufferPointer { shares in
      logMasses.withUnsafeMutableBufferPointer { logMasses in
        Self.withPointers([lowTails.far, lowTails.near, highTails.far, highTails.near]) { ends in
          Self.withPointers([x, low, high, cells, choices, positions]) {
            Kernels.best.cellPlaces(
              ends, $0, count: Double(cellCount), inverseScale: inverseScale, shares: shares, logMasses: logMasses)
          }
        }
      }
    }
    return (shares, logMasses)
  }

  private static func withPointers(_ arrays: [[Double]], _ body: ([UnsafePointer<Double>]) -> Void) {
    func add(_ i: Int, _ pointers: [UnsafePointer<Double>]) {
      guard i < arrays.count else { return body(pointers) }
      arrays[i].withUnsafeBufferPointer {
        if let address = $0.baseAddress { add(i + 1, pointers + [address]) }
      }
    }
    add(0, [])
  }
}
