import ChannelCoding

struct DecodedUpload: Sendable {
  let client: Int
  let payloadBits: Int
  let sample: [Double]
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
  /// Whole uploads with their envelopes, refused ones included.
  public private(set) var wireBytes = 0
  let cohort: Set<Int>
  let channel: Channel
  private var seen: Set<Int> = []

  init(round: Int, cohort: Set<Int>, channel: Channel) {
    self.round = round
    self.cohort = cohort
    self.channel = channel
    sum = [Double](repeating: 0, count: channel.settings.domain)
  }

  public var arrived: Int { payloadBits.count }

  mutating func add(_ result: Result<DecodedUpload, UploadRefusal>, wireBytes bytes: Int) {
    wireBytes += bytes
    switch result {
    case .failure(let refusal): refusals.append(refusal)
    case .success(let upload):
      guard seen.insert(upload.client).inserted else {
        refusals.append(.repeated)
        return
      }
      payloadBits.append(upload.payloadBits)
      for i in sum.indices { sum[i] += upload.sample[i] }
    }
  }
}
