import ChannelCoding
import Numerics

/// What the two Dirichlet schemes have in common.
enum DirichletDraws {
  /// Running sums of exp(logWeights), the largest scaled to 1, so that no choice of weights leaves them all at zero.
  static func cumulate(_ logWeights: [Double], into sums: inout [Double]) {
    let largest = logWeights.max() ?? 0
    var sum = 0.0
    for (i, weight) in logWeights.enumerated() {
      // Below e^-700 a weight is no chance that a 53-bit uniform could show.
      sum += weight - largest > -700 ? Elementary.exp(weight - largest) : 0
      sums[i] = sum
    }
  }

  /// The first i with sums[i] > point; sums rise, and the last is above.
  static func firstIndex(above point: Double, in sums: [Double]) -> Int {
    var (low, high) = (0, sums.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] > point { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// The shuffled examples of each class, taken one by one.
struct ClassQueues {
  private var order: [Int32]
  private let offsets: [Int32]
  private var next: [Int32]

  init(_ data: Dataset, _ random: inout RandomStream) {
    (order, offsets) = grouped(data.labels, groups: data.classCount)
    next = Array(offsets.dropLast())
    for c in 0..<data.classCount {
      let (first, end) = (Int(offsets[c]), Int(offsets[c + 1]))
      for i in stride(from: end - 1, to: first, by: -1) {
        order.swapAt(i, first + random.integer(below: i - first + 1))
      }
    }
  }

  var sizes: [Int] { (0..<(offsets.count - 1)).map { Int(offsets[$0 + 1] - offsets[$0]) } }

  func left(_ c: Int) -> Int { Int(offsets[c + 1] - next[c]) }

  mutating func take(_ c: Int) -> Int {
    defer { next[c] += 1 }
    return Int(order[Int(next[c])])
  }
}

extension RandomStream {
  /// The logarithm of a gamma variate: finite where the variate itself is below the smallest number.
  mutating func logGamma(shape: Double) -> Double {
    // gamma(a) = gamma(a + 1) U^(1/a), and -ln U is exponential.
    Elementary.log(gamma(shape: shape + 1)) - exponential() / shape
  }
}
