import Numerics

/// Payload bits to expect of updates of any norm, for one channel: what a simulation reports of uploads that it does not write.
///
/// The codec's own prediction, `CodecFamily.expectedBits`, is asked once for each class of norms (`NormClass`: a public grid of ratio
/// 2^(1/4), by which our codecs choose their plans), and between two classes bits are linear in the logarithm of the norm. Bits depend
/// on norm / sigma alone, and so the table holds for all rounds of a run whose clipping norm and noise move together.
///
/// Of payloads of one or two bytes the prediction is up to 3 bits too many: it takes the rounding to bytes as if lengths varied by bytes.
///
/// Cost: a plan for each class that occurs; a few nanoseconds after that.
public struct PredictedLengths: Sendable {
  /// With C = 1.
  private let settings: ChannelSettings
  private var known: [Int: Double] = [:]

  /// - Parameter settings: a channel with noise and a finite clipping norm, without a problem.
  public init(_ settings: ChannelSettings) {
    precondition(settings.noiseScale > 0 && settings.clippingNorm.isFinite, "lengths follow from norms over the noise")
    self.settings = settings
  }

  /// Bits to expect of an update.
  ///
  /// They are multiples of 1/1024, so that the last digits of the platform's error function, which predictions are made with, do not show.
  ///
  /// - Parameters:
  ///   - norm: |x|, at most C but for rounding.
  ///   - bound: C of the round.
  /// - Returns: nil where the codec, one of another package, predicts what is no number of bits.
  public mutating func bits(norm: Double, bound: Double) -> Double? {
    let bits = unrounded(norm: norm, bound: bound)
    return bits.isFinite && bits < 1e15 ? (bits * 1024).rounded() / 1024 : nil
  }

  private mutating func unrounded(norm: Double, bound: Double) -> Double {
    let normClass = NormClass(norm: norm, bound: bound)
    let bits = bits(normClass)
    guard !normClass.isZero else { return bits }
    guard let below = NormClass(index: normClass.index + 1), !below.isZero else { return bits }
    // The slope is without names: those are the class's.
    let names = settings.family?.namesNormClass(settings) ?? false ? normClass.bits - below.bits : 0
    let slope = bits - self.bits(below) - names
    let steps = 4 * Elementary.log(norm / (bound * normClass.scale)) / Elementary.log(2)
    return max(bits + slope * steps, 8)
  }

  private mutating func bits(_ normClass: NormClass) -> Double {
    if let bits = known[normClass.index] { return bits }
    let bits = settings.expectedBits(norm: normClass.scale * settings.clippingNorm)
    known[normClass.index] = bits
    return bits
  }
}

extension ChannelSettings {
  /// Payload bits to expect of an update of norm |x|, at most C; at least the shortest payload, of 8.
  package func expectedBits(norm: Double) -> Double {
    guard let family, problem == nil else { return .infinity }
    return max(family.expectedBits(self, norm: norm), 8)
  }

  /// The same channel for updates of a smaller norm, without what is sent of the norm itself.
  func narrowed(to norm: Double) -> ChannelSettings {
    var narrow = self
    narrow.clippingNorm = norm
    return narrow
  }

  /// Bits of an update of norm |x| by a codec that names a class of norms: those of updates as long as can be, and another name.
  func expectedRangeCodeBits(norm: Double, longest: (ChannelSettings) -> Double) -> Double {
    let normClass = NormClass(norm: norm, bound: clippingNorm)
    guard !normClass.isZero else { return Self.rangeCodeBits(0) + normClass.bits - NormClass.clipped.bits }
    return longest(narrowed(to: norm)) + normClass.bits - NormClass.clipped.bits
  }
}
