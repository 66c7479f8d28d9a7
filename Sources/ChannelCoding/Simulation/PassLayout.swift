import Numerics

/// The leaves of a node of n leaves that a pass decides by their bias, and where the words of a pass are.
///
/// Leaves in G are fair: they take bits. Pass k (from 0 on) has the words k stride ..< (k + 1) stride of the node's key stream: first
/// one for 64 leaves, a bit each, 1 for minus; then the dithers of the leaves outside G, in order. A bit is a sign's where all leaves of
/// a node of at least eight are in G, of the largest such node: its signs are fair if its leaves are. Elsewhere it is the leaf's.
struct PassLayout: Sendable {
  /// n, a power of two, at least 8.
  let count: Int
  /// The leaves outside G in order, and then n.
  let outside: [UInt32]

  /// The smallest node that is worth a pass, and that kernels take.
  static let smallestCount = 8

  init(count: Int, isFair: (Int) -> Bool) {
    precondition(count.nonzeroBitCount == 1 && count >= Self.smallestCount)
    self.count = count
    outside = (0..<count).filter { !isFair($0) }.map(UInt32.init) + [UInt32(count)]
  }

  var outsideCount: Int { outside.count - 1 }
  private var fairWords: Int { (count + 63) / 64 }
  /// Words of a pass: eight passes fill whole groups of the stream.
  var stride: Int { (fairWords + outsideCount + 15) & ~15 }
  /// Doubles that a kernel needs to make eight passes.
  var scratchCount: Int { 9 * count + 16 * stride }

  /// The words of candidate `index`, from 1 on: the leaves' bits (1 for minus), right for those in G; and the dithers of all others, with
  /// zeros after them up to a multiple of eight.
  func words(_ stream: NormalStream, index: UInt64) -> (leaves: [UInt64], dithers: [UInt64]) {
    let size = UInt64(NormalStream.groupCount)
    let position = (index - 1) &* UInt64(stride)
    let skipped = Int(position % size)
    let groups = (skipped + stride + Int(size) - 1) / Int(size)
    let all = [UInt64](unsafeUninitializedCapacity: groups * Int(size)) { buffer, filled in
      stream.readWords(group: position / size, into: buffer)
      filled = buffer.count
    }
    var leaves = Array(all[skipped..<(skipped + fairWords)])
    if count < 64 { leaves[0] &= 1 << UInt64(count) - 1 }
    var next = 0
    turn(&leaves, 0..<count, &next)
    let dithers = all[(skipped + fairWords)..<(skipped + fairWords + outsideCount)]
    return (leaves, dithers + [UInt64](repeating: 0, count: -outsideCount & 7))
  }

  /// Signs of the largest nodes that have all their leaves in G to those leaves.
  ///
  /// - Parameter next: the place in `outside` of the first leaf that is not before `range`.
  private func turn(_ bits: inout [UInt64], _ range: Range<Int>, _ next: inout Int) {
    if Int(outside[next]) >= range.upperBound {
      if range.count >= 64 {
        bits.withUnsafeMutableBufferPointer {
          SignPolarization.butterflies(
            UnsafeMutableBufferPointer(rebasing: $0[(range.lowerBound / 64)..<(range.upperBound / 64)]),
            count: range.count)
        }
      } else {
        let (word, shift) = (range.lowerBound / 64, UInt64(range.lowerBound % 64))
        let mask: UInt64 = 1 << UInt64(range.count) - 1
        var part = [(bits[word] >> shift) & mask]
        SignPolarization.butterflies(&part, count: range.count)
        bits[word] = bits[word] & ~(mask << shift) | (part[0] & mask) << shift
      }
    } else if range.count == Self.smallestCount {
      while Int(outside[next]) < range.upperBound { next += 1 }
    } else {
      let middle = range.lowerBound + range.count / 2
      turn(&bits, range.lowerBound..<middle, &next)
      turn(&bits, middle..<range.upperBound, &next)
    }
  }
}
