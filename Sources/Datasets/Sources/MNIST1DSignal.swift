import ChannelCoding
import Numerics

/// One signal of MNIST-1D: how a template becomes an example.
///
/// S. Greydanus and D. Kobak, "Scaling down deep learning with MNIST-1D", ICML 2024, by the procedure of its published code: a template of 12
/// values is padded with zeros, stretched to 72 points, scaled, moved round in a circle; correlated noise fills what is zero, white noise is
/// added everywhere, a slope is taken off, and 40 points are read. The code is ours; the figures are theirs.
struct MNIST1DSignal {
  /// Points of a template.
  static let templateLength = 12
  /// Points while a signal is made: a template and the longest padding.
  static let length = templateLength + longestPadding
  /// Points of an example.
  static let exampleLength = 40
  private static let shortestPadding = 36
  private static let longestPadding = 60
  /// A signal moves by 0 ..< this many points.
  private static let moves = 48
  private static let scaleRange = 0.4
  private static let slopeRange = 0.75
  private static let correlatedDeviation = 0.25
  private static let whiteDeviation = 0.02
  /// Added to a template, so that its own zeros are told from those of the padding.
  private static let mark = 1e-8

  /// What a signal draws, in the order in which it draws.
  struct Draws {
    /// Zeros after the template, 36 to 60.
    var padding: Int
    /// Uniform in [0, 1): the signal is multiplied by 1 + 0.4 (u - 1/2).
    var scale: Double
    /// Points by which the signal moves to the right, 0 to 47.
    var move: Int
    /// Standard normals, 72 each, before and without the filter.
    var correlated: [Double]
    var white: [Double]
    /// Uniform in [0, 1): the line from -c/2 to c/2 is taken off, c = 0.75 (u - 1/2).
    var slope: Double
  }

  /// The templates as the article draws them, a row a digit; each begins and ends at 5.
  private static let drawn: [[Double]] = [
    [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
    [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
    [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
    [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
    [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
    [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
    [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
    [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
    [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
    [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
  ]

  /// The templates as the procedure takes them: of deviation 1/6 (over all 12 points), and 0 at their first point.
  private static let templates: [[Double]] = drawn.map { row in
    let mean = row.reduce(0, +) / Double(row.count)
    let deviation = (row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)).squareRoot()
    return row.map { ($0 - row[0]) / deviation / 6 }
  }

  static let classCount = drawn.count

  /// A Gaussian of deviation 2 on -8 ... 8, cut there and of sum 1: its weights from the middle on.
  private static let filter: [Double] = {
    let weights = (0...8).map { Elementary.exp(-Double($0 * $0) / 8) }
    let total = weights[0] + 2 * weights[1...].reduce(0, +)
    return weights.map { $0 / total }
  }()

  /// What a signal of any class draws.
  static func draws(_ random: inout RandomStream) -> Draws {
    let padding = shortestPadding + random.integer(below: longestPadding - shortestPadding + 1)
    let scale = random.uniform()
    let move = random.integer(below: moves)
    let correlated = (0..<length).map { _ in random.normal() }
    let white = (0..<length).map { _ in random.normal() }
    return Draws(
      padding: padding, scale: scale, move: move, correlated: correlated, white: white, slope: random.uniform())
  }

  /// The signal before the standardisation of all: 40 values.
  ///
  /// - Parameter label: the class, 0 to 9.
  static func values(_ label: Int, _ draws: Draws) -> [Double] {
    let padded = templates[label].map { $0 + mark } + [Double](repeating: 0, count: draws.padding)
    let scale = 1 + scaleRange * (draws.scale - 0.5)
    let stretched = interpolated(padded, count: length).map { $0 * scale }
    let noise = filtered(draws.correlated)
    let slope = slopeRange * (draws.slope - 0.5)
    let signal = (0..<length).map { i in
      let moved = stretched[(i + length - draws.move) % length]
      let value = moved != 0 ? moved : correlatedDeviation * noise[i]
      return value + whiteDeviation * draws.white[i] - slope * (Double(i) / Double(length - 1) - 0.5)
    }
    return interpolated(signal, count: exampleLength)
  }

  /// Values at `count` points that divide the same range evenly, on the lines between those that there are. Places are fractions of integers, so
  /// that a point which is one of the old ones has that one's value, and points between zeros are zero.
  private static func interpolated(_ values: [Double], count: Int) -> [Double] {
    (0..<count).map { i in
      let (left, rest) = (i * (values.count - 1)).quotientAndRemainder(dividingBy: count - 1)
      guard rest > 0 else { return values[left] }
      return values[left] + (values[left + 1] - values[left]) * (Double(rest) / Double(count - 1))
    }
  }

  /// The filter over values that are mirrored at both ends, the last one twice.
  private static func filtered(_ values: [Double]) -> [Double] {
    func value(_ i: Int) -> Double { values[i < 0 ? -1 - i : i < values.count ? i : 2 * values.count - 1 - i] }
    return values.indices.map { i in
      var sum = filter[0] * values[i]
      for k in 1..<filter.count { sum += filter[k] * (value(i - k) + value(i + k)) }
      return sum
    }
  }
}
