// How fast the candidates of block codecs are made and scored on one core, and where the time goes.
//
//   swift run -c release CandidateBenchmark
//
// Nanoseconds a normal, the median of 15 repetitions, each over 2^20 normals in pieces of 2048 that stay in the
// first-level cache. "whole" is what an encoder does: key stream, Box-Muller and scores against an update of 512
// coordinates. The last column hashes the normals' bits: the same for every instruction set.

import ChannelCoding
import Numerics

let pieces = 512
let piece = 2048
let clock = ContinuousClock()

func nanoseconds(_ body: () -> Void) -> Double {
  var times: [Double] = []
  for _ in 0..<15 {
    let time = clock.measure(body)
    times.append(Double(time.components.attoseconds) * 1e-9 + Double(time.components.seconds) * 1e9)
  }
  return times.sorted()[times.count / 2] / Double(pieces * piece)
}

func padded(_ text: String) -> String { String(repeating: " ", count: max(12 - text.count, 1)) + text }

func fixed(_ value: Double) -> String {
  let hundredths = Int((value * 100).rounded())
  return "\(hundredths / 100).\(hundredths / 10 % 10)\(hundredths % 10)"
}

func run() {
  let key = (0..<8).map { UInt32($0) &* 0x9E37_79B9 }
  let mean = (0..<512).map { Double($0 % 17) / 170 }
  var words = [UInt64](repeating: 0, count: piece)
  var normals = [Double](repeating: 0, count: piece)
  var scores = [Double](repeating: 0, count: piece / 512)
  var sink = 0.0

  print(
    padded("kernels")
      + ["key stream", "Box-Muller", "scores", "whole", "ChaCha20 %", "M normals/s", "libsodium"].map(padded).joined()
      + "  bits")
  let plain = KeyStream(key: RunKeys(seed: 1, fingerprint: []).server.rotation(round: 0), stream: 1)
  let libsodium = nanoseconds {
    for i in 0..<pieces { words.withUnsafeMutableBufferPointer { plain.read(at: UInt64(i * piece), into: $0) } }
  }
  for kernels in Kernels.available {
    var hash: UInt64 = 0
    key.withUnsafeBufferPointer { key in
      guard let address = key.baseAddress else { return }
      let stream = nanoseconds {
        for i in 0..<pieces {
          words.withUnsafeMutableBufferPointer {
            kernels.keystream(address, stream: 7, group: UInt64(i * piece / 128), into: $0)
          }
        }
      }
      let boxMuller = nanoseconds {
        for _ in 0..<pieces {
          words.withUnsafeBufferPointer { from in
            normals.withUnsafeMutableBufferPointer { kernels.normals(from, $0) }
          }
        }
      }
      func score() {
        normals.withUnsafeBufferPointer { z in
          mean.withUnsafeBufferPointer { mu in
            scores.withUnsafeMutableBufferPointer {
              if let base = z.baseAddress { kernels.scores(base, mu, quadratic: 0.005, constant: 0, into: $0) }
            }
          }
        }
        sink += scores[0]
      }
      let scoring = nanoseconds { for _ in 0..<pieces { score() } }
      let whole = nanoseconds {
        for i in 0..<pieces {
          normals.withUnsafeMutableBufferPointer {
            kernels.keyedNormals(address, stream: 7, group: UInt64(i * piece / 128), into: $0)
          }
          score()
        }
      }
      for value in normals { hash = hash &* 6_364_136_223_846_793_005 &+ value.bitPattern }
      print(
        padded(kernels.name)
          + [
            fixed(stream), fixed(boxMuller), fixed(scoring), fixed(whole), fixed(100 * stream / whole),
            fixed(1000 / whole),
            fixed(libsodium),
          ].map(padded).joined() + "  " + String(hash, radix: 16))
    }
  }
  if sink == 1 { print(sink) }
}

run()
