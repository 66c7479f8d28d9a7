/// What coding an update of norm C is expected to take: for plans, explanations and the choice of a codec. Nothing that is sent
/// or decoded depends on it.
public struct CodingPrediction: Sendable, Equatable {
  /// Mean payload bits, also below the one byte that a payload has at least: this decides where two codecs round to that.
  public var expectedBits: Double
  /// Times of one thread.
  public var time: CodingTime
  /// Bytes that an encoder holds beside the update.
  public var encoderBytes: Int
  /// Bytes of a decoded sample.
  public var sampleBytes: Int
  /// How the update is cut, where the codec cuts it into blocks.
  public var blocks: CodingBlocks?
  /// What else people may be told of the codec's plan.
  public var details: [CodingDetail]

  public init(
    expectedBits: Double, time: CodingTime, encoderBytes: Int, sampleBytes: Int, blocks: CodingBlocks? = nil,
    details: [CodingDetail] = []
  ) {
    self.expectedBits = expectedBits
    self.time = time
    self.encoderBytes = encoderBytes
    self.sampleBytes = sampleBytes
    self.blocks = blocks
    self.details = details
  }

  /// Mean payload bits, whole.
  public var bits: Double { max(expectedBits, 8) }

  /// Whether this takes fewer bits than another choice; where both are predicted to take the shortest payload there is, whether
  /// more of its payloads are that short.
  func isShorter(than other: CodingPrediction) -> Bool {
    (bits, expectedBits) < (other.bits, other.expectedBits)
  }
}

/// Predicted times in nanoseconds a coordinate of the update, on one thread.
///
/// This is a prediction only, and other machines have other times: the constants are fitted by eye to `Scripts/coding-times.sh` on one
/// core of an AMD EPYC with AVX2 that was busy with other work (its times of the thread, at 1024 and 16384 coordinates), and are
/// within a factor of two of most of what it measures.
public struct CodingTime: Sendable, Equatable {
  /// From the clipped update to the payload, with the rotation.
  public var encodeNanoseconds: Double
  /// From the payload to the sample, without the inverse rotation, which is done once a round.
  public var decodeNanoseconds: Double

  public init(encodeNanoseconds: Double, decodeNanoseconds: Double) {
    self.encodeNanoseconds = encodeNanoseconds
    self.decodeNanoseconds = decodeNanoseconds
  }
}

/// Blocks of an update of norm C.
public struct CodingBlocks: Sendable, Equatable {
  /// Coordinates of the longest block.
  public var length: Int
  public var count: Int
  /// Candidates a block, on average.
  public var draws: Int

  public init(length: Int, count: Int, draws: Int) {
    self.length = length
    self.count = count
    self.draws = draws
  }
}

/// A line about a codec's plan; whoever shows it decides how numbers look.
public struct CodingDetail: Sendable, Equatable {
  public enum Part: Sendable, Equatable {
    case text(String)
    case count(Int)
    case measure(Double)
  }

  /// One word in front of the line.
  public let label: String
  public let parts: [Part]

  public init(_ label: String, _ parts: [Part]) {
    self.label = label
    self.parts = parts
  }
}

extension ChannelSettings {
  /// What coding an update of norm C is expected to take; nil where no codec can be made of the settings.
  public var prediction: CodingPrediction? {
    guard problem == nil else { return nil }
    return family?.prediction(self)
  }

  /// Payload bits to expect of an update of norm C, whole; infinite where no codec can be made of the settings.
  public var predictedBits: Double { prediction?.bits ?? .infinity }

  /// Bits of a payload that is one range code of `body` bits: the name of the first norm class beside, and 2.56 of rounding.
  ///
  /// An interval of 2^-B, B = 8 k - f, has a point of fewer than k bytes with probability 2^(f - 8) for k - 1, a 256th of that for
  /// k - 2 and so on: 8 k - 8 2^(f - 8) 256/255 bits, for f uniform B + 4 - 1 / ln 2 to three digits.
  static func rangeCodeBits(_ body: Double) -> Double { body + NormClass.clipped.bits + 2.56 }

  /// eta: the standard deviation of a coordinate over sigma, for an update of norm C.
  var coordinateScale: Double { clippingNorm / (Double(dimension).squareRoot() * noiseScale) }

  /// R = C^2 / (d sigma^2).
  var signalToNoiseRatio: Double { coordinateScale * coordinateScale }
}
