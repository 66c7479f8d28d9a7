import ChannelCoding

/// Updates that the tools send.
enum TestUpdate {
  /// A uniform direction of the length sqrt(R d); the same for all codecs.
  static func gaussian(snr: Double, settings: ChannelSettings, stream: inout RandomStream) -> ClippedUpdate {
    scaled((0..<settings.dimension).map { _ in stream.normal() }, snr: snr, fraction: 1, settings: settings)
  }

  /// Exponential sizes with random signs, one coordinate in 200 and at least one 30 times as large: neither Gaussian
  /// nor flat, before a rotation or after it.
  ///
  /// - Parameter fraction: the length, over sqrt(R d).
  static func heavyTailed(
    snr: Double, fraction: Double, settings: ChannelSettings, stream: inout RandomStream
  ) -> ClippedUpdate {
    let dimension = settings.dimension
    var values = (0..<dimension).map { _ in stream.bernoulli(0.5) ? stream.exponential() : -stream.exponential() }
    for _ in 0..<max(1, dimension / 200) { values[stream.integer(below: dimension)] *= 30 }
    return scaled(values, snr: snr, fraction: fraction, settings: settings)
  }

  private static func scaled(
    _ values: [Double], snr: Double, fraction: Double, settings: ChannelSettings
  ) -> ClippedUpdate {
    let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let wanted = fraction * (snr * Double(settings.dimension)).squareRoot()
    let scale = length > 0 ? wanted / length : 0
    return ClippedUpdate(clipping: values.map { $0 * scale }, to: settings.clippingNorm)
  }
}
