extension CodecName {
  public static let polar: CodecName = "polar"
}

/// `polar`: the whole update at once.
struct PolarFamily: CodecFamily {
  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: .polar, noise: .gaussian, isRotated: true,
      summary: "the whole update at once: magnitudes by capped selection, signs by a polar transform",
      cost: "O(d log d)", reference: "docs/codecs/polar.md; Sriramu et al. 2024", guide: "docs/codecs/polar.md")
  }

  func makeCodec(_ settings: ChannelSettings, _ options: PolarOptions) -> any UpdateCodec {
    PolarCodec(settings)
  }

  /// The next power of two.
  func paddedDimension(_ dimension: Int) -> Int {
    dimension > 1 ? 1 << (Int.bitWidth - (dimension - 1).leadingZeroBitCount) : dimension
  }

  /// How an update of norm C is coded.
  func plan(_ settings: ChannelSettings) -> PolarPlan {
    PolarCodec(settings).plan(NormClass(norm: settings.clippingNorm, bound: settings.clippingNorm))
  }

  func namesNormClass(_ options: PolarOptions) -> Bool { true }

  func expectedBits(_ settings: ChannelSettings, _ options: PolarOptions, norm: Double) -> Double {
    settings.expectedRangeCodeBits(norm: norm) { prediction($0, options).expectedBits }
  }

  func totalVariationBound(_ settings: ChannelSettings, _ options: PolarOptions) -> Double? {
    NumericalBound(settings).polar(plan(settings)) + SampleBound.refusal
  }
}
