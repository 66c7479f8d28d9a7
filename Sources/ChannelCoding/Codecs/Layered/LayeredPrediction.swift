import Platform

/// H(M | step, dither) in bits of the direct layered quantizer at sigma = 1 for x ~ N(0, eta^2).
func layeredEntropy(eta: Double) -> Double { dithererEntropy(.direct, eta: eta) }

/// H(M | step, dither) in bits of a dithered quantizer at sigma = 1 for x ~ N(0, eta^2).
///
/// Summing over M and averaging over the dither is one integral over the output y = w (M - U):
/// H(w) = -integral dy / w P(y) log2 P(y), P(y) = Phi((y + w/2) / eta) - Phi((y - w/2) / eta).
/// P is 1 or 0 but for 9 eta round |y| = w/2. For `direct` the step w = 2 r has density sqrt(2/pi) r^2 e^(-r^2/2) in r;
/// for `shifted` it is r + sqrt(-2 ln(1 - e^(-r^2/2))) with the same r.
func dithererEntropy(_ kind: LayerKind, eta: Double) -> Double {
  guard eta > 0 else { return 0 }
  if kind == .uniform { return entropy(step: kind.smallestStep, eta: eta) }
  let radii = 200
  var total = 0.0
  for i in 0..<radii {
    let r = (Double(i) + 0.5) * 8 / Double(radii)
    let density = (2 / Double.pi).squareRoot() * r * r * exp(-r * r / 2) * 8 / Double(radii)
    let step = kind == .direct ? 2 * r : r + (-2 * log(-expm1(-r * r / 2))).squareRoot()
    total += density * entropy(step: step, eta: eta)
  }
  return total
}

private func entropy(step w: Double, eta: Double) -> Double {
  let cells = 400
  let r = w / 2
  let low = max(0, r - 9 * eta)
  let cell = (r + 9 * eta - low) / Double(cells)
  var integral = 0.0
  for j in 0..<cells {
    let y = low + (Double(j) + 0.5) * cell
    let mass = (erfc((y - r) / (eta * 2.0.squareRoot())) - erfc((y + r) / (eta * 2.0.squareRoot()))) / 2
    if mass > 0 { integral -= mass * log2(mass) }
  }
  return 2 * integral * cell / w
}

extension CodingPrediction {
  /// Of a quantizer with an entropy code: d H(M | step, dither) for Gaussian coordinates of variance C^2 / d.
  ///
  /// - Parameter isSkipped: leaves the bits out, where others are known.
  static func dithered(_ kind: LayerKind, _ settings: ChannelSettings, isSkipped: Bool = false) -> CodingPrediction {
    let d = Double(settings.dimension)
    let body = isSkipped ? 0 : d * dithererEntropy(kind, eta: settings.coordinateScale)
    return CodingPrediction(
      expectedBits: ChannelSettings.rangeCodeBits(body), time: LayeredTimes.time(settings, isFixed: isSkipped),
      encoderBytes: 24 * settings.dimension, sampleBytes: 8 * settings.dimension)
  }
}

/// Fitted constants: see `CodingTime`.
enum LayeredTimes {
  /// Steps and dithers, the rotation, one symbol.
  private static let coordinate = (encode: 75.0, decode: 61.0)
  /// A search for the symbol, the longer the more values it may have.
  private static let bit = (encode: 12.0, decode: 42.0)

  static func time(_ settings: ChannelSettings, isFixed: Bool) -> CodingTime {
    let bits = isFixed ? 0 : log2(1 + settings.signalToNoiseRatio) / 2
    return CodingTime(
      encodeNanoseconds: coordinate.encode + bit.encode * bits,
      decodeNanoseconds: coordinate.decode + bit.decode * bits)
  }
}
