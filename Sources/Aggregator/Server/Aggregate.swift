import ChannelCoding
import Numerics

struct DecodedUpload: Sendable {
  let client: Int
  let payloadBits: Int
  let sample: DecodedSample
}

/// Why an upload did not count.
public enum UploadRefusal: Error, Equatable {
  case malformed
  case wrongRound
  case notDrawn
  case repeated
  case payload(PayloadError)
}

/// The sum of a round's decoded updates, in the channel's coordinates, and what arriving cost.
public struct Aggregate: Sendable {
  public let round: Int
  public private(set) var sum: [Double]
  /// Of each upload that counted, in order.
  public private(set) var payloadBits: [Int] = []
  /// Of each upload that did not.
  public private(set) var refusals: [UploadRefusal] = []
  /// Uploads that were not written: what their clients' clipped updates add up to, in the upload's own coordinates and without any
  /// noise. Empty where there are none.
  private(set) var simulatedSum: [Double] = []
  /// How many they are.
  public private(set) var simulated = 0
  /// Whole uploads with their envelopes, refused ones included.
  public private(set) var wireBytes = 0
  let cohort: Set<Int>
  let channel: Channel
  private var seen: Set<Int> = []

  init(round: Int, cohort: Set<Int>, channel: Channel) {
    self.round = round
    self.cohort = cohort
    self.channel = channel
    sum = [Double](repeating: 0, count: channel.settings.paddedDimension)
  }

  /// All uploads that counted.
  public var arrived: Int { coded + simulated }

  /// Those that were decoded from bytes. Each brought its share of the noise.
  public var coded: Int { payloadBits.count }

  /// Adds updates of which no message is written, in their order, as `add(_:wireBytes:)` does.
  ///
  /// - Parameter updates: each of the channel's dimension.
  mutating func add(simulated updates: [ClippedUpdate], _ parallel: Parallel) {
    guard !updates.isEmpty else { return }
    // As `Channel.encode` asks for: epsilon is of updates of this norm.
    let settings = channel.settings
    precondition(updates.allSatisfy { $0.values.count == settings.dimension && $0.norm <= settings.clippingNorm })
    simulated += updates.count
    precondition(arrived <= cohort.count, "an upload of each drawn client at most")
    if simulatedSum.isEmpty { simulatedSum = [Double](repeating: 0, count: channel.settings.dimension) }
    Self.addUp(&simulatedSum, parallel) { range, sum in
      for update in updates {
        update.values.withUnsafeBufferPointer { values in
          for i in range { sum[i] += values[i] }
        }
      }
    }
  }

  /// Adds decoded uploads in their order.
  mutating func add(
    _ results: [Result<DecodedUpload, UploadRefusal>], wireBytes bytes: Int, _ parallel: Parallel
  ) {
    wireBytes += bytes
    var samples: [DecodedSample] = []
    for result in results {
      switch result {
      case .failure(let refusal): refusals.append(refusal)
      case .success(let upload):
        guard seen.insert(upload.client).inserted else {
          refusals.append(.repeated)
          continue
        }
        payloadBits.append(upload.payloadBits)
        samples.append(upload.sample)
      }
    }
    let counted = samples
    Self.addUp(&sum, parallel) { range, sum in
      for sample in counted { sample.add(range, to: sum) }
    }
  }

  /// Ranges of coordinates on several cores, each added up by `add` as one core would.
  private static func addUp(
    _ sum: inout [Double], _ parallel: Parallel,
    add: @Sendable (Range<Int>, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    let width = 4096
    sum.withUnsafeMutableBufferPointer { sum in
      // Ranges do not overlap.
      nonisolated(unsafe) let sum = sum
      _ = parallel.map((sum.count + width - 1) / width) { part in
        add((part * width)..<min((part + 1) * width, sum.count), sum)
      }
    }
  }
}
