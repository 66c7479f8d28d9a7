import ChannelCoding
import Numerics

/// Why an upload did not count.
public enum UploadRefusal: Error, Equatable {
  case malformed
  case wrongRound
  case notDrawn
  case repeated
  case payload(PayloadError)
}

/// What the server made of one upload, apart from adding it up.
package enum Arrival: Sendable {
  /// It was decoded and added; `bits` of payload in `bytes` of upload.
  case coded(client: Int, bits: Int, bytes: Int)
  /// No message was written: the client's update was added without noise.
  case simulated(client: Int)
  case refused(UploadRefusal, bytes: Int)
}

/// What is known of a round before the first upload: enough to receive some.
package struct OpenedRound: Sendable {
  let round: Int
  let cohort: Set<Int>
  let channel: Channel
  let terms: Int
  /// Whether updates are kept one by one, for a rule that needs them, and not added up.
  let keepsUpdates: Bool

  /// - Parameters:
  ///   - terms: a public bound on the uploads.
  ///   - keepsUpdates: whether they are kept one by one, and not added up.
  init(round: Int, cohort: Set<Int>, channel: Channel, terms: Int, keepsUpdates: Bool = false) {
    self.keepsUpdates = keepsUpdates
    self.round = round
    self.cohort = cohort
    self.channel = channel
    self.terms = terms
  }

  /// Of samples, in the channel's own coordinates.
  var emptySum: ExactSum {
    ExactSum(count: channel.settings.paddedDimension, grid: channel.settings.sumGrid(terms: terms))
  }

  /// Of updates without noise, in an upload's coordinates. The grid is that of C alone: rounding before noise is paid for in sensitivity
  /// (docs/privacy.md, "Sums on a grid").
  var emptySimulatedSum: ExactSum {
    ExactSum(
      count: channel.settings.dimension, grid: SumGrid(largestTerm: channel.settings.clippingNorm, terms: terms))
  }

  /// Sums for one worker, to be given to `Aggregate.add` once.
  package func makePart() -> AggregatePart { AggregatePart(self) }
}

/// The sum of a round's decoded updates, in the channel's coordinates, and what arriving cost.
///
/// Terms are rounded to a public grid and added exactly (`ExactSum`), so that no order of uploads, batches or threads changes a bit.
/// docs/privacy.md, "Sums on a grid", has what that does to the claim, docs/decisions.md what it costs.
public struct Aggregate: Sendable {
  package let opened: OpenedRound
  /// Of decoded uploads, in the channel's own coordinates.
  public private(set) var sum: ExactSum
  /// Of each upload that counted, in order.
  public private(set) var payloadBits: [Int] = []
  /// Of each upload that did not.
  public private(set) var refusals: [UploadRefusal] = []
  /// Uploads that were not written: what their clients' clipped updates add up to, in the upload's own coordinates and without any noise.
  private(set) var simulatedSum: ExactSum
  /// How many they are.
  public private(set) var simulated = 0
  /// Whole uploads with their envelopes, refused ones included.
  public private(set) var wireBytes = 0
  private(set) var seen: Set<Int> = []
  /// Each client's update in the upload's own coordinates, where a rule needs them one by one; empty where they are added up.
  private(set) var updates: [Int: [Float]] = [:]

  init(_ opened: OpenedRound) {
    self.opened = opened
    sum = opened.emptySum
    simulatedSum = opened.emptySimulatedSum
  }

  public var round: Int { opened.round }

  /// All uploads that counted.
  public var arrived: Int { coded + simulated }

  /// Those that were decoded from bytes. Each brought its share of the noise.
  public var coded: Int { payloadBits.count }

  /// Takes in what workers have added up.
  ///
  /// - Parameter arrivals: of all uploads that the parts were given, in their order.
  package mutating func add(_ parts: [AggregatePart], _ arrivals: [Arrival]) {
    for part in parts {
      part.give(to: &sum, simulated: &simulatedSum)
      updates.merge(part.takeUpdates()) { first, _ in first }
    }
    for arrival in arrivals {
      switch arrival {
      case .refused(let refusal, let bytes):
        refusals.append(refusal)
        wireBytes += bytes
      case .coded(let client, let bits, let bytes):
        count(client)
        payloadBits.append(bits)
        wireBytes += bytes
      case .simulated(let client):
        count(client)
        simulated += 1
      }
    }
    precondition(
      opened.keepsUpdates
        ? updates.count == arrived : sum.terms == coded && simulatedSum.terms == simulated,
      "each upload that counts is in the sum once")
  }

  private mutating func count(_ client: Int) {
    precondition(opened.cohort.contains(client), "an upload of a drawn client")
    let isFirst = seen.insert(client).inserted
    precondition(isFirst, "one upload of each client")
  }
}

/// What one worker adds up of a round.
package final class AggregatePart {
  private let opened: OpenedRound
  private var sum: ExactSum
  private var simulatedSum: ExactSum
  private var updates: [Int: [Float]] = [:]

  init(_ opened: OpenedRound) {
    self.opened = opened
    sum = opened.emptySum
    simulatedSum = opened.emptySimulatedSum
  }

  func add(_ sample: DecodedSample, of client: Int) throws(PayloadError) {
    guard opened.keepsUpdates else { return try sample.add(to: &sum) }
    var values = sample.values
    opened.channel.unrotate(&values)
    // One of another package's codec may be beyond float32.
    if let large = values.firstIndex(where: { !Float($0).isFinite }) { throw .tooLarge(coordinate: large) }
    updates[client] = values.map { Float($0) }
  }

  /// What was kept one by one, which is then kept no longer.
  func takeUpdates() -> [Int: [Float]] {
    defer { updates = [:] }
    return updates
  }

  func add(simulated update: ClippedUpdate, of client: Int) {
    if opened.keepsUpdates {
      updates[client] = update.values.map { Float($0) }
      return
    }
    // As `Channel.encode` asks for: epsilon is of updates of this norm.
    precondition(update.norm <= opened.channel.settings.clippingNorm)
    let isInside = simulatedSum.add(update.values)
    precondition(isInside, "no coordinate is larger than the norm")
  }

  /// Adds what was added up to sums, and keeps nothing: so the first of them takes its memory over.
  func give(to sum: inout ExactSum, simulated: inout ExactSum) {
    sum.add(self.sum)
    simulated.add(simulatedSum)
    (self.sum, simulatedSum) = (opened.emptySum, opened.emptySimulatedSum)
  }
}
