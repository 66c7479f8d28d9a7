extension CodecName {
  public static let float32: CodecName = "float32"
}

/// `float32`: the noisy update as 32-bit floats.
struct Float32Family: CodecFamily {
  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: .float32, noise: .gaussian, isRotated: false, payload: .noisyUpdate, worksWithoutNoise: true,
      largestSignal: .infinity,
      summary: "the client adds Gaussian noise and sends 32-bit floats: the uncompressed baseline",
      cost: "O(d)", reference: "-", guide: "docs/codecs/float32.md")
  }

  func makeCodec(_ settings: ChannelSettings, _ options: NoOptions) -> any UpdateCodec { Float32Codec(settings) }

  func ofOneLength(_ options: NoOptions) -> NoOptions? { options }

  /// Bits are exact.
  func prediction(_ settings: ChannelSettings, _ options: NoOptions) -> CodingPrediction {
    CodingPrediction(
      expectedBits: 32 * Double(settings.dimension), time: Float32Times.time(settings),
      encoderBytes: 8 * settings.dimension, sampleBytes: 4 * settings.dimension)
  }

  func expectedBits(_ settings: ChannelSettings, _ options: NoOptions, norm: Double) -> Double {
    32 * Double(settings.dimension)
  }

  func totalVariationBound(_ settings: ChannelSettings, _ options: NoOptions) -> Double? {
    guard settings.noiseScale > 0 else { return 0 }
    return NumericalBound.unit * NumericalBound.normals(settings.dimension) + SampleBound.refusal
  }
}
