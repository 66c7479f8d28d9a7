extension CodecName {
  public static let layered: CodecName = "layered"
  public static let layeredShifted: CodecName = "layered-shifted"
  public static let universal: CodecName = "universal"
}

/// `layered` and `universal`: dithered quantizers with an entropy code.
struct DitheredFamily: CodecFamily {
  let kind: LayerKind

  /// - Parameter kind: direct or uniform; shifted slices have options and a family of their own.
  init(_ kind: LayerKind) { self.kind = kind }

  var descriptor: CodecDescriptor {
    kind == .uniform
      ? CodecDescriptor(
        name: .universal, noise: .uniform, isRotated: true,
        summary: "universal quantization with one shared dither: uniform noise, so no Gaussian guarantee",
        cost: "O(d)", reference: "Ziv 1985; Agustsson & Theis 2020, arXiv 2006.09952",
        guide: "docs/codecs/universal.md")
      : CodecDescriptor(
        name: .layered, noise: .gaussian, isRotated: true,
        summary: "direct layered quantizer, range-coded given step, dither and norm class: exact, one pass",
        cost: "O(d)", reference: "Wilson 2000; Hegazy & Li 2022", guide: "docs/codecs/layered.md")
  }

  func makeCodec(_ settings: ChannelSettings, _ options: NoOptions) -> any UpdateCodec {
    DitheredCodec(kind, settings)
  }

  func prediction(_ settings: ChannelSettings, _ options: NoOptions) -> CodingPrediction {
    .dithered(kind, settings)
  }

  func namesNormClass(_ options: NoOptions) -> Bool { true }

  func expectedBits(_ settings: ChannelSettings, _ options: NoOptions, norm: Double) -> Double {
    settings.expectedRangeCodeBits(norm: norm) { prediction($0, options).expectedBits }
  }

  func totalVariationBound(_ settings: ChannelSettings, _ options: NoOptions) -> Double? {
    kind == .uniform
      ? nil : NumericalBound.unit * NumericalBound.layers(settings.dimension) + SampleBound.refusal
  }
}

/// `layered-shifted`: no small steps, so that every payload can have one length.
struct ShiftedFamily: CodecFamily {
  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: .layeredShifted, noise: .gaussian, isRotated: true,
      summary: "shifted layered quantizer: no small steps, so every payload can have one length (fixedLength)",
      cost: "O(d)", reference: "Wilson 2000; Hasircioglu & Gunduz, arXiv 2312.07060",
      guide: "docs/codecs/layered-shifted.md")
  }

  func makeCodec(_ settings: ChannelSettings, _ options: ShiftedOptions) -> any UpdateCodec {
    DitheredCodec(.shifted, settings)
  }

  /// With a fixed length bits are exact.
  func prediction(_ settings: ChannelSettings, _ options: ShiftedOptions) -> CodingPrediction {
    var prediction = CodingPrediction.dithered(.shifted, settings, isSkipped: options.fixedLength)
    if options.fixedLength { prediction.expectedBits = Double(DitheredCodec.fixedBits(settings)) }
    return prediction
  }

  func ofOneLength(_ options: ShiftedOptions) -> ShiftedOptions? { ShiftedOptions(fixedLength: true) }

  func namesNormClass(_ options: ShiftedOptions) -> Bool { !options.fixedLength }

  func expectedBits(_ settings: ChannelSettings, _ options: ShiftedOptions, norm: Double) -> Double {
    if options.fixedLength { return Double(DitheredCodec.fixedBits(settings)) }
    return settings.expectedRangeCodeBits(norm: norm) { prediction($0, options).expectedBits }
  }

  func totalVariationBound(_ settings: ChannelSettings, _ options: ShiftedOptions) -> Double? {
    NumericalBound.unit * NumericalBound.layers(settings.dimension) + SampleBound.refusal
  }
}
