// A codec family of one's own: dithered rounding with a random step, which is exact. The program checks it with the laws of
// `Verification`, sees them reject a broken variant, and trains on digits with it.
import FedSim
import Foundation
import Verification

/// Each coordinate x becomes the integer M = floor(x / w + u), and M becomes the sample w (M - u + 1/2). Client and server share u,
/// uniform on (0, 1], and the step w = 2 sigma R with R^2 chi-square of three degrees of freedom: the error is N(0, sigma^2).
struct RandomSteps: CodecFamily {
  /// Degrees of freedom of R^2. Any number but three is wrong, and there to see that the laws find it.
  var degrees = 3

  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: "random-steps", noise: .gaussian, isRotated: true,
      summary: "dithered rounding, integers as Elias gamma codes",
      cost: "O(d)", reference: "Wilson 2000")
  }

  func makeCodec(_ settings: ChannelSettings, _ options: NoOptions) -> any UpdateCodec {
    Codec(settings: settings, degrees: degrees)
  }

  /// The mean length of the code of a normal coordinate, from 2000 of them.
  func prediction(_ settings: ChannelSettings, _ options: NoOptions) -> CodingPrediction {
    let codec = Codec(settings: settings, degrees: degrees)
    let scale = settings.clippingNorm / Double(settings.dimension).squareRoot()
    var random = RandomStream(key: Key(seed: 1, label: "random steps"))
    let shared = SharedRandomness(key: Key(seed: 2, label: "random steps"))
    let lengths = codec.grid(2000, shared).map { step, dither in
      let index = Codec.index(of: scale * random.normal(), step, dither)
      return 2 * (63 - (index + 1).leadingZeroBitCount) + 1
    }
    let bits = Double(lengths.reduce(0, +)) / 2000 * Double(settings.dimension)
    return CodingPrediction(
      expectedBits: bits + 3, time: CodingTime(encodeNanoseconds: 150, decodeNanoseconds: 150),
      encoderBytes: 40 * settings.dimension, sampleBytes: 8 * settings.dimension)
  }

  struct Codec: RangeCodec {
    let settings: ChannelSettings
    let degrees: Int

    /// Steps and dithers that both ends read from what they share.
    func grid(_ count: Int, _ shared: SharedRandomness) -> [(step: Double, dither: Double)] {
      var normals = [Double](repeating: 0, count: degrees * count)
      normals.withUnsafeMutableBufferPointer { shared.normals(.layers).read(at: 0, into: $0) }
      var dithers = [Double](repeating: 0, count: count)
      dithers.withUnsafeMutableBufferPointer { shared.normals(.dithers).read(at: 0, as: .share, into: $0) }
      return (0..<count).map { i in
        var square = 0.0
        for j in 0..<degrees { square += normals[degrees * i + j] * normals[degrees * i + j] }
        // A radius below 2^-29 has a probability below 1e-26; without a bound the integer could be any.
        return (2 * settings.noiseScale * max(square.squareRoot(), 0x1p-29), dithers[i])
      }
    }

    /// M as a number from 0 on: 0, -1, 1, -2, ... are 0, 1, 2, 3, ...
    static func index(of value: Double, _ step: Double, _ dither: Double) -> UInt64 {
      let m = Int64((value / step + dither).rounded(.down))
      return UInt64(bitPattern: m << 1 ^ m >> 63)
    }

    func encode(
      _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
      tally: inout CodingTally
    ) -> Payload {
      tally.draws += settings.dimension
      var encoder = RangeEncoder()
      for (value, (step, dither)) in zip(update.values, grid(settings.dimension, shared)) {
        encoder.encodeGamma(Self.index(of: value, step, dither))
      }
      return encoder.finish(counting: &tally)
    }

    var sampleCount: Int { settings.dimension }

    var sampleBound: SampleBound {
      SampleBound(clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale, count: settings.dimension)
    }

    func read(
      from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
    ) -> PayloadError? {
      for (i, (step, dither)) in grid(settings.dimension, shared).enumerated() {
        guard let index = decoder.gamma() else { return .notACode(coordinate: i) }
        let m = Int64(index >> 1) ^ -Int64(index & 1)
        values[i] = step * (Double(m) - dither + 0.5)
      }
      return nil
    }
  }
}

let laws = CodecLaws(dimensions: [37], ratios: [0.5], samples: 100_000)
let broken = try laws.check(RandomSteps()).filter { !$0.holds }
for finding in broken { print(finding) }
let rejected = try laws.check(RandomSteps(degrees: 2)).filter { !$0.holds }
print("\(broken.count) laws are broken; with two degrees of freedom \(rejected.count) are")
guard broken.isEmpty, !rejected.isEmpty else { exit(1) }

let codecs = CodecRegistry.standard.adding(RandomSteps())
let scenario = Scenario(
  rounds: 3, data: Digits(), partition: .iid(clients: 100), model: SoftmaxRegression(),
  training: Training(learningRate: 0.3), cohort: .poisson(expectedSize: 20),
  privacy: Privacy(clippingNorm: 0.5, noiseMultiplier: 1), channel: ChannelSection(codec: "random-steps", from: codecs))
var simulation = try Simulation(scenario: scenario, threads: 2)
while let record = try simulation.nextRound() {
  print("round \(record.round): epsilon \(record.epsilon ?? .infinity), \(Int(record.payloadBits?.mean ?? 0)) bits")
}
