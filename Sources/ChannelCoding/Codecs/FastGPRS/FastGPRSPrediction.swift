import Numerics
import Platform

extension FastGPRSFamily {
  func prediction(_ settings: ChannelSettings, _ options: NoOptions) -> CodingPrediction {
    let d = Double(settings.dimension)
    // Two flags of a coordinate are learned, half of log2 d bits each; the table has what that cost at d = 16384.
    let body = d * fastGPRSBits(eta: settings.coordinateScale) + max(log2(d) - 14 * d / 16384, 0)
    return CodingPrediction(
      expectedBits: ChannelSettings.rangeCodeBits(body), time: FastGPRSTimes.time(settings),
      encoderBytes: 24 * settings.dimension, sampleBytes: 8 * settings.dimension)
  }
}

/// Bits a coordinate of `fast-gprs` for x ~ N(0, eta^2): measured means at d = 16384, interpolated on logarithmic
/// scales; beyond the table as 1/2 log2 snr and as a power.
func fastGPRSBits(eta: Double) -> Double {
  let table: [(snr: Double, bits: Double)] = [
    (1e-6, 0.00732), (1e-4, 0.05176), (1e-3, 0.12728), (0.003, 0.20199), (0.01, 0.33122), (0.03, 0.52263),
    (0.1, 0.84505), (0.3, 1.27458), (1, 1.92350), (3, 2.65658), (10, 3.52474), (30, 4.35400), (100, 5.25651),
    (1e3, 6.97705), (1e4, 8.72766), (1e6, 12.2025),
  ]
  let snr = eta * eta
  if snr >= 1e6 { return 12.2025 + 0.5 * log2(snr / 1e6) }
  let i = max((table.firstIndex { $0.snr > snr } ?? table.count - 1) - 1, 0)
  let (a, b) = (table[i], table[i + 1])
  let t = (log(max(snr, 1e-30)) - log(a.snr)) / (log(b.snr) - log(a.snr))
  return exp(log(a.bits) + t * (log(b.bits) - log(a.bits)))
}

extension NumericalBound {
  /// By coordinate: times 7 units, the tolerance 8, ln r 8 + 3 ln s, A as a difference of masses 10 at each of 4 + ln 1/snr e-folds,
  /// sums 20, tails 2; and a candidate's place, through the slope of ln r, after at most 248 sums.
  var searches: Double {
    let logScale = PublicRatioLaw.log1p(snr) / 2
    // Of the smallest class of norms, whose signal-to-noise ratio is the least that a plan has.
    let folds = 4 - Elementary.log(BlockPlan.smallestSNR)
    let place = 314 * (snr + snr.squareRoot()) / s
    return Self.unit * d * (45 + 3 * logScale + 10 * folds + place)
  }
}

/// Fitted constants: see `CodingTime`.
enum FastGPRSTimes {
  private static let coordinate = (encode: 1400.0, decode: 230.0)
  /// Steps of a search, which grow with its bits.
  private static let bit = (encode: 600.0, decode: 25.0)

  static func time(_ settings: ChannelSettings) -> CodingTime {
    let bits = fastGPRSBits(eta: settings.coordinateScale)
    return CodingTime(
      encodeNanoseconds: coordinate.encode + bit.encode * bits,
      decodeNanoseconds: coordinate.decode + bit.decode * bits)
  }
}
