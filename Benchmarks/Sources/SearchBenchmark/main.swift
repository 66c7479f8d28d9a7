// Steps of fast GPRS against the information, where the global search grows exponentially; a Markdown table.
//
//   swift run -c release SearchBenchmark [searches]
//
// One dimension: target N(x, 1), proposal N(0, 1 + snr), |x|^2 = snr = 4^I - 1, so that KL = I bits. The global search
// draws sup r = 2^I e^(1/2) candidates on average [Flamich 2023]: exact, and measured in Tests up to 8 bits.

import ChannelCoding
import Numerics

let count = CommandLine.arguments.dropFirst().compactMap { Int($0) }.first ?? 20_000

func fixed(_ value: Double, _ digits: Int = 2) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let whole = Int((abs(value) * scale).rounded())
  let fraction = String(whole % Int(scale))
  return digits == 0
    ? "\(whole)" : "\(whole / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
}

print("| I = KL, bits | fast GPRS, steps | standard error | bound 2.26 KL + 9.66 | path bits | GPRS, candidates |")
print("|---|---|---|---|---|---|")
var points: [(Double, Double)] = []
for bits in 1...16 {
  var power = 1.0
  for _ in 0..<bits { power *= 4 }
  let pair = GaussianPair(mean: (power - 1).squareRoot(), proposalScale: power.squareRoot())
  let keys = RunKeys(seed: UInt64(bits), fingerprint: [])
  var random = RandomStream(key: keys.server.rotation(round: 1))
  var shared = RandomStream(key: keys.server.rotation(round: 2))
  var sum = 0.0
  var square = 0.0
  var path = 0.0
  for _ in 0..<count {
    let outcome = FastGPRS.sample(pair, random: &random) { _ in (Double(shared.word() >> 11) + 0.5) * 0x1p-53 }
    sum += Double(outcome.steps)
    square += Double(outcome.steps * outcome.steps)
    path += outcome.pathBits
  }
  let n = Double(count)
  let mean = sum / n
  points.append((Double(bits), mean))
  print(
    "| \(bits) | \(fixed(mean)) | \(fixed(((square / n - mean * mean) / n).squareRoot(), 3)) | "
      + "\(fixed(2.26 * Double(bits) + 9.66)) | \(fixed(path / n)) | \(fixed(power.squareRoot() * Elementary.exp(0.5), 0)) |"
  )
}
// Least squares over 1 ... 16 bits.
let n = Double(points.count)
let meanX = points.reduce(0) { $0 + $1.0 } / n
let meanY = points.reduce(0) { $0 + $1.1 } / n
let slope =
  points.reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) } / points.reduce(0) { $0 + ($1.0 - meanX) * ($1.0 - meanX) }
let rest = points.map { $0.1 - meanY - slope * ($0.0 - meanX) }
print(
  "\nslope \(fixed(slope, 3)) steps a bit, intercept \(fixed(meanY - slope * meanX)); largest distance from the line "
    + fixed(rest.map { abs($0) }.max() ?? 0))
