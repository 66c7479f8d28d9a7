extension CodecName {
  public static let gprs: CodecName = "gprs"
  public static let pfr: CodecName = "pfr"
  public static let ringToss: CodecName = "ring-toss"
  public static let mrc: CodecName = "mrc"
  public static let orc: CodecName = "orc"
}

/// `gprs`, `pfr`, `ring-toss`, `mrc` and `orc`: the index of one shared candidate for each block.
struct BlockFamily: CodecFamily {
  let selection: BlockPlan.Selection

  init(_ selection: BlockPlan.Selection) { self.selection = selection }

  var descriptor: CodecDescriptor {
    let cost = "O(draws d); decoding O(d)"
    return switch selection {
    case .gprs:
      CodecDescriptor(
        name: .gprs, noise: .gaussian, isRotated: true,
        summary: "greedy Poisson rejection sampling of blocks, capped, with an exact escape", cost: cost,
        reference: "Flamich 2023, arXiv 2305.15313", guide: "docs/codecs/gprs.md")
    case .pfr:
      CodecDescriptor(
        name: .pfr, noise: .gaussian, isRotated: true,
        summary: "Poisson functional representation of blocks, capped, with an exact escape", cost: cost,
        reference: "Li & El Gamal 2018, arXiv 1701.02827", guide: "docs/codecs/pfr.md")
    case .ringToss:
      CodecDescriptor(
        name: .ringToss, noise: .gaussian, isRotated: true,
        summary: "rejection sampling of blocks, its index coded flag by flag, with an exact escape",
        cost: "O(draws d); decoding O(d + draws blocks)", reference: "arXiv 2604.23076",
        guide: "docs/codecs/ring-toss.md")
    case .mrc:
      CodecDescriptor(
        name: .mrc, noise: .approximate, isRotated: true,
        summary: "minimal random coding: one of N candidates a block, weighted by the density ratio", cost: cost,
        reference: "Havasi, Peharz & Hernandez-Lobato 2019, arXiv 1810.00440", guide: "docs/codecs/mrc-orc.md")
    case .orc:
      CodecDescriptor(
        name: .orc, noise: .approximate, isRotated: true,
        summary: "ordered random coding: minimal random coding with small indices made likelier", cost: cost,
        reference: "Theis & Yosri 2022, arXiv 2110.12805", guide: "docs/codecs/mrc-orc.md")
    }
  }

  func makeCodec(_ settings: ChannelSettings, _ options: BlockOptions) -> any UpdateCodec {
    BlockCodec(selection, settings)
  }

  /// How an update of norm C is cut.
  func plan(_ settings: ChannelSettings) -> BlockPlan {
    BlockCodec(selection, settings).plan(
      NormClass(norm: settings.clippingNorm, bound: settings.clippingNorm))
  }

  func namesNormClass(_ options: BlockOptions) -> Bool { true }

  func expectedBits(_ settings: ChannelSettings, _ options: BlockOptions, norm: Double) -> Double {
    settings.expectedRangeCodeBits(norm: norm) { prediction($0, options).expectedBits }
  }

  func totalVariationBound(_ settings: ChannelSettings, _ options: BlockOptions) -> Double? {
    guard selection.isExact else { return nil }
    return NumericalBound(settings).blocks(plan(settings)) + SampleBound.refusal
  }
}
