// Bits and speed of the layered codec against the conditional entropies of its quantizer.
//
//   swift run -c release LayeredBenchmark [dimension] [repetitions]
//
// x is a Gaussian direction with |x|^2 = eta^2 d sigma^2 and the clipping norm is |x|. Bits are 8 x payload
// bytes, the mean over repetitions with fresh randomness; times are the medians, one thread.

import ChannelCoding
import Numerics

struct Row {
  let eta: Double
  let information: Double
  /// H(M | step, dither) of the direct layered quantizer for a Gaussian coordinate.
  let entropy: Double
}

let rows = [
  Row(eta: 0.03, information: 0.00065, entropy: 0.0311), Row(eta: 0.1, information: 0.0072, entropy: 0.1039),
  Row(eta: 0.3, information: 0.0622, entropy: 0.3098), Row(eta: 1, information: 0.500, entropy: 0.9657),
  Row(eta: 3, information: 1.661, entropy: 2.178), Row(eta: 10, information: 3.329, entropy: 3.852),
]

func fixed(_ value: Double, _ digits: Int) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let whole = Int((abs(value) * scale).rounded())
  let fraction = String(whole % Int(scale))
  let zeros = String(repeating: "0", count: digits - fraction.count)
  return (value < 0 ? "-" : "") + String(whole / Int(scale)) + "." + zeros + fraction
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let dimension = arguments.first ?? 1 << 18
let repetitions = max(arguments.dropFirst().first ?? 15, 1)
let clock = ContinuousClock()

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let time = try clock.measure(body)
  return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
}

print("layered, d = \(dimension), \(repetitions) repetitions, kernels: \(Kernels.best.name)")
print("   eta  bits/coordinate   entropy   excess %  encode M/s  decode M/s")
for row in rows {
  var stream = RandomStream(key: RunKeys(seed: 1, fingerprint: []).server.rotation(round: 1))
  var direction = [Float](repeating: 0, count: dimension)
  stream.forEachNormal(count: dimension) { direction[$0] = Float($1) }
  let bound = row.eta * Double(dimension).squareRoot()
  // A long direction is clipped to the bound: the norm is C itself.
  let update = ClippedUpdate(clipping: direction.map { $0 * 1000 }, to: bound)
  let settings = ChannelSettings(codec: .layered, dimension: dimension, clippingNorm: bound, noiseScale: 1)
  let keys = RunKeys(seed: 2, fingerprint: [])
  let channel = try Channel(settings, rotationKey: keys.server.rotation(round: 1))
  var bits = 0.0
  var encode: [Double] = []
  var decode: [Double] = []
  for repetition in 0..<(repetitions + 1) {
    let shared = SharedRandomness(key: keys.server.rotation(round: repetition + 2))
    var noise = keys.client(0).noise(round: repetition)
    var payload = Payload(bytes: [])
    let encodeTime = seconds { payload = channel.encode(update, shared: shared, private: &noise) }
    var sample: [Double] = []
    let decodeTime = try seconds { sample = try channel.decode(payload, shared: shared) }
    precondition(sample.count == dimension)
    if repetition > 0 {  // the first warms up
      bits += Double(payload.bits) / Double(repetitions)
      encode.append(encodeTime)
      decode.append(decodeTime)
    }
  }
  let d = Double(dimension)
  print(
    [
      fixed(row.eta, 2), fixed(bits / d, 5), fixed(row.entropy, 4), fixed((bits / d / row.entropy - 1) * 100, 2),
      fixed(d / median(encode) / 1e6, 1), fixed(d / median(decode) / 1e6, 1),
    ].map { String(repeating: " ", count: max(12 - $0.count, 1)) + $0 }.joined())
}
