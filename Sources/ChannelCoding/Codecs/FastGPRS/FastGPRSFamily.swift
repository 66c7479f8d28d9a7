extension CodecName {
  public static let fastGPRS: CodecName = "fast-gprs"
}

/// `fast-gprs`: greedy Poisson rejection sampling of single coordinates.
struct FastGPRSFamily: CodecFamily {
  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: .fastGPRS, noise: .gaussian, isRotated: true,
      summary: "greedy Poisson rejection sampling of single coordinates, the search path as the code",
      cost: "O(d + I)", reference: "Flamich 2023, arXiv 2305.15313; thesis arXiv 2506.16309",
      guide: "docs/codecs/fast-gprs.md")
  }

  func makeCodec(_ settings: ChannelSettings, _ options: NoOptions) -> any UpdateCodec { FastGPRSCodec(settings) }

  func namesNormClass(_ options: NoOptions) -> Bool { true }

  func expectedBits(_ settings: ChannelSettings, _ options: NoOptions, norm: Double) -> Double {
    settings.expectedRangeCodeBits(norm: norm) { prediction($0, options).expectedBits }
  }

  func totalVariationBound(_ settings: ChannelSettings, _ options: NoOptions) -> Double? {
    NumericalBound(settings).searches + SampleBound.refusal
  }
}
