/// Ring toss on the line: naive rejection with public heights, whose flags are coded with P[r >= height].
struct RingTossing: LineAlgorithm {
  let name = "ring-toss"
  let summary = "naive with public heights; sends a flag a candidate, with the probability that its height gives it"
  let family = AlgorithmFamily.causal

  func form(_ figures: PublicFigures) -> MessageForm { .flags }

  func search(for target: any LineTarget) -> any LineSearch {
    PublicHeightSearch(target: target) { number, _ in .flags(number) }
  }
}
