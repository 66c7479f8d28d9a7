import ChannelCoding
import Files
import Numerics
import Platform

/// A target that gives each of N cells of equal mass under P a mass of its own, spread as P is: r is constant on cells.
///
/// Everything is exact for the table: masses of level sets and the stretch function are sums over cells in order of height.
public struct TableTarget: LineTarget {
  public let spelling: String
  public let proposal: LineProposal
  /// Masses of the cells, which sum to 1.
  public let masses: [Double]
  public let notes: [String]
  public let logSupremum: Double
  public let relativeEntropy: Double
  public let selectionDivergence: Double
  public let isUnimodal: Bool
  public let mode: Double
  /// The mass below each cell.
  private let below: [Double]
  private let ratios: [Double]
  private let heights: TableHeights
  private let maxima: RangeMaxima

  /// As large as a table may be.
  public static let largestCount = 1 << 24

  /// - Parameters:
  ///   - name: what errors call the table.
  ///   - notes: what must be said of it; that its masses were scaled is added here.
  /// - Throws: `ToolError.input` for masses that are no law.
  public init(
    _ found: [Double], _ proposal: LineProposal, spelling: String, name: String, notes: [String] = []
  ) throws(ToolError) {
    guard (1...Self.largestCount).contains(found.count) else {
      throw .input(
        place: name, problem: "found \(found.count) cells; allowed: 1 to \(Text.grouped(Self.largestCount))")
    }
    for (i, mass) in found.enumerated() where !(mass >= 0 && mass.isFinite) {
      throw .input(place: "\(name): cell \(i + 1)", problem: "found the mass \(mass); allowed: numbers from 0")
    }
    // Scaled by the largest first: sums neither overflow nor underflow.
    let largest = found.max() ?? 0
    guard largest > 0 else {
      throw .input(place: name, problem: "all \(found.count) masses are 0; allowed: at least one above 0")
    }
    let shares = found.map { $0 / largest }
    let sum = Self.sum(shares)
    let masses = shares.map { $0 / sum }
    let total = sum * largest
    var notes = notes
    if !(abs(total - 1) <= 1e-9) { notes.append("the masses of the table sum to \(total): scaled to sum to 1") }
    let count = Double(masses.count)
    let ratios = masses.map { $0 * count }
    self.spelling = spelling
    self.proposal = proposal
    self.masses = masses
    self.notes = notes
    self.ratios = ratios
    var below = [0.0]
    var running = TimeSum()
    for mass in masses {
      running.add(mass)
      below.append(min(running.value, 1))
    }
    self.below = below
    heights = TableHeights(ratios)
    maxima = RangeMaxima(ratios)
    let peak = ratios.indices.max { ratios[$0] < ratios[$1] } ?? 0
    logSupremum = log(ratios[peak])
    relativeEntropy = max(
      Self.sum(masses.indices.map { masses[$0] > 0 ? masses[$0] * log(ratios[$0]) : 0 }), 0)
    selectionDivergence = heights.selectionDivergence
    let rises = ratios[...peak]
    let falls = ratios[peak...]
    isUnimodal =
      zip(rises, rises.dropFirst()).allSatisfy { $0 <= $1 } && zip(falls, falls.dropFirst()).allSatisfy { $0 >= $1 }
    let middle = (Double(peak) + 0.5) / count
    mode = proposal.quantile(left: middle, right: 1 - middle)
  }

  private static func sum(_ values: [Double]) -> Double {
    var sum = TimeSum()
    for value in values { sum.add(value) }
    return sum.value
  }

  @inline(__always)
  private func cell(_ share: Double) -> Int { min(Int(share * Double(ratios.count)), ratios.count - 1) }

  public func logRatio(_ point: LinePoint) -> Double { log(ratios[cell(point.left)]) }

  public func levelSet(_ logHeight: Double) -> [(low: Double, high: Double)] {
    var runs: [(low: Double, high: Double)] = []
    var start: Int?
    let count = ratios.count
    let edge = { (i: Int) in
      proposal.quantile(left: Double(i) / Double(count), right: Double(count - i) / Double(count))
    }
    let height = exp(logHeight)
    for i in 0...count {
      // What is within rounding of the height is in the level set, as the top is.
      let isInside = i < count && ratios[i] > 0 && ratios[i] >= height * (1 - 1e-14)
      if isInside, start == nil { start = i }
      if !isInside, let first = start {
        runs.append((edge(first), edge(i)))
        start = nil
      }
    }
    return runs
  }

  public func levelMass(_ logHeight: Double) -> Double { heights.mass(exp(logHeight) * (1 - 1e-14)) }

  /// First and last cell that an interval meets.
  private func cells(_ interval: LineInterval) -> ClosedRange<Int> {
    let first = cell(interval.left)
    let end = (interval.left + interval.width) * Double(ratios.count)
    return first...max(min(Int(end.rounded(.up)) - 1, ratios.count - 1), first)
  }

  public func logSupremum(in interval: LineInterval) -> Double { log(maxima.maximum(cells(interval))) }

  public func targetMass(of interval: LineInterval) -> Double { sum(interval) { $0 } }

  public func excess(over logHeight: Double, in interval: LineInterval) -> Double {
    let height = exp(logHeight)
    if interval.width == 1 { return heights.excess(height) }
    return sum(interval) { max($0 - height, 0) }
  }

  /// The integral of a function of r over an interval under P.
  private func sum(_ interval: LineInterval, _ value: (Double) -> Double) -> Double {
    let cells = cells(interval)
    let count = Double(ratios.count)
    guard cells.count > 1 else { return interval.width * value(ratios[cells.lowerBound]) }
    var total = 0.0
    for i in (cells.lowerBound + 1)..<cells.upperBound { total += value(ratios[i]) }
    let first = (Double(cells.lowerBound + 1) - interval.left * count) * value(ratios[cells.lowerBound])
    let last =
      ((interval.left + interval.width) * count - Double(cells.upperBound)) * value(ratios[cells.upperBound])
    return (total + max(first, 0) + max(last, 0)) / count
  }

  public func accepts(_ point: LinePoint, at time: Double) -> Bool { time < stretch(point) }

  public func stretch(_ point: LinePoint) -> Double { heights.stretch(ratios[cell(point.left)]) }

  public func cumulative(_ x: Double) -> Double {
    let share = proposal.mass(-.infinity, x) * Double(ratios.count)
    let i = min(Int(share), ratios.count - 1)
    return min(below[i] + (share - Double(i)) * masses[i], 1)
  }
}

/// Cells in order of height, with w(h) = P[r >= h], A(h) and S(h) at each height: sums from the top, in which nothing cancels.
struct TableHeights: Sendable {
  /// Heights that occur, falling; of each, cells at or above it, A and S.
  private var heights: [Double] = []
  private var counts: [Double] = []
  private var excesses: [Double] = []
  private var stretches: [Double] = []
  private let cellCount: Double

  init(_ ratios: [Double]) {
    cellCount = Double(ratios.count)
    for ratio in ratios.sorted(by: { $0 > $1 }) {
      if let last = heights.last, last == ratio {
        counts[counts.count - 1] += 1
      } else {
        // A of a lower height has a slab more, of all cells above it.
        excesses.append(
          heights.last.map { excesses[excesses.count - 1] + ($0 - ratio) * (counts[counts.count - 1] / cellCount) } ?? 0
        )
        heights.append(ratio)
        counts.append((counts.last ?? 0) + 1)
      }
    }
    // S from 0 upwards: A is linear between heights, with slope -w.
    stretches = [Double](repeating: .infinity, count: heights.count)
    var (stretch, lower) = (0.0, 1.0)
    for i in heights.indices.reversed() where i > 0 {
      stretch += log(lower / excesses[i]) * cellCount / counts[i]
      stretches[i] = stretch
      lower = excesses[i]
    }
  }

  /// How many of the heights are at or above one.
  private func index(_ height: Double) -> Int {
    var (low, high) = (0, heights.count)
    while low < high {
      let middle = (low + high) / 2
      if heights[middle] >= height { low = middle + 1 } else { high = middle }
    }
    return low
  }

  func mass(_ height: Double) -> Double {
    let i = index(height)
    return i == 0 ? 0 : counts[i - 1] / cellCount
  }

  func excess(_ height: Double) -> Double {
    let i = index(height)
    return i == 0 ? 0 : excesses[i - 1] + (heights[i - 1] - height) * (counts[i - 1] / cellCount)
  }

  /// S of a height that occurs.
  func stretch(_ height: Double) -> Double {
    let i = index(height)
    return i == 0 ? .infinity : height == 0 ? 0 : stretches[i - 1]
  }

  var selectionDivergence: Double {
    heights.indices.reduce(0) { total, i in
      let slab = heights[i] - (i + 1 < heights.count ? heights[i + 1] : 0)
      let w = counts[i] / cellCount
      return total - slab * w * log(w)
    }
  }
}

/// The largest of a run of numbers, in steps that grow with the logarithm of their count.
struct RangeMaxima: Sendable {
  /// A tree over the numbers: of node i, 2 i and 2 i + 1 are the parts.
  private var tree: [Double]
  private let count: Int

  init(_ values: [Double]) {
    count = values.count
    tree = [Double](repeating: 0, count: values.count) + values
    for i in stride(from: count - 1, to: 0, by: -1) { tree[i] = max(tree[2 * i], tree[2 * i + 1]) }
  }

  func maximum(_ range: ClosedRange<Int>) -> Double {
    var (low, high) = (range.lowerBound + count, range.upperBound + count + 1)
    var largest = -Double.infinity
    while low < high {
      if low & 1 == 1 {
        largest = max(largest, tree[low])
        low += 1
      }
      if high & 1 == 1 {
        high -= 1
        largest = max(largest, tree[high])
      }
      low /= 2
      high /= 2
    }
    return largest
  }
}
