import ChannelCoding

/// Naive rejection with public heights, of which the rank in a block is sent [Phan & Khisti 2510.05552, after Braverman & Garg].
///
/// An accepted height is under r(X) / M, so that its rank among floor(M) heights is about 1 + r(X) U: E log2 rank <= KL + O(1).
struct Sorted: LineAlgorithm {
  let name = "sort"
  let summary = "naive with public heights; sends the block and the rank of the accepted height in it"
  let family = AlgorithmFamily.proposal

  func form(_ figures: PublicFigures) -> MessageForm { .rankedBlock(size: figures.blockSize) }

  func search(for target: any LineTarget) -> any LineSearch {
    let size = UInt64(PublicFigures(target).blockSize)
    return PublicHeightSearch(target: target) { number, uniforms in
      let block = (number - 1) / size
      let height = uniforms.height(number)
      var rank: UInt64 = 1
      for k in (block * size + 1)...(block * size + size) where k != number {
        let other = uniforms.height(k)
        if other < height || (other == height && k < number) { rank += 1 }
      }
      return .pair(block + 1, rank)
    }
  }
}

extension SharedUniforms {
  /// The candidate whose height has a rank in a block, smallest first; nil for numbers that no block has.
  mutating func candidate(rank: UInt64, block: UInt64, size: Int) -> UInt64? {
    let (end, overflows) = block.multipliedReportingOverflow(by: UInt64(size))
    guard rank >= 1, rank <= UInt64(size), block >= 1, !overflows else { return nil }
    let first = end - UInt64(size) + 1
    var numbers: [(height: Double, number: UInt64)] = []
    numbers.reserveCapacity(size)
    for k in first...end { numbers.append((height(k), k)) }
    numbers.sort { $0.height != $1.height ? $0.height < $1.height : $0.number < $1.number }
    return numbers[Int(rank) - 1].number
  }
}
