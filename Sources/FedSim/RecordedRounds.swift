import JSONText
import PrivacyAccounting
import Scenarios

extension RoundRecord {
  /// A line of rounds.jsonl read back: it writes the same line again. Quantiles that a line does not have are NaN.
  ///
  /// - Returns: nil for anything that this build would not have written.
  package init?(line: some Collection<UInt8>) {
    guard let json = try? JSONParser.parse(line).value else { return nil }
    let keys = ResolvedKeys(json)
    let number = { (path: String) in keys.optional(path)?.double }
    let integer = { (path: String) -> Int? in
      if case .integer(let value)? = keys.optional(path) { value } else { nil }
    }
    guard let round = integer("round"), let drawn = integer("drawn"), let arrived = integer("arrived"),
      let refused = integer("refused"), let nonFinite = integer("nonFinite"),
      let samplingRate = number("samplingRate"), let totalPayloadBits = integer("uplink.payloadBits.total"),
      let wireBytes = integer("uplink.wireBytes"), let downlinkBytes = integer("downlinkBytes")
    else { return nil }
    (self.round, self.drawn, self.arrived, self.refused) = (round, drawn, arrived, refused)
    self.nonFinite = nonFinite
    clippedFraction = number("clippedFraction")
    (loss, accuracy) = (number("loss"), number("accuracy"))
    clientAccuracy = Distribution(
      mean: number("clientAccuracy.mean"), p10: number("clientAccuracy.p10"), p50: number("clientAccuracy.p50"),
      p90: number("clientAccuracy.p90"))
    spending = number("epsilon").map { PrivacySpent(epsilon: $0, lowerBound: number("epsilonLowerBound")) }
    self.samplingRate = samplingRate
    noiseMultiplier = number("noiseMultiplier")
    clippingNorm = number("clippingNorm")
    payloadBits = Distribution(
      mean: number("uplink.payloadBits.mean"), min: number("uplink.payloadBits.min"),
      p50: number("uplink.payloadBits.p50"), max: number("uplink.payloadBits.max"))
    (self.totalPayloadBits, self.wireBytes, self.downlinkBytes) = (totalPayloadBits, wireBytes, downlinkBytes)
    idealBits = number("idealBits.mean")
    guard self.json.text(pretty: false).utf8.elementsEqual(line) else { return nil }
  }
}

extension Distribution {
  /// Nil where one of what a row has is missing; what no row has is NaN.
  fileprivate init?(mean: Double?, p10: Double?, p50: Double?, p90: Double?) {
    guard let mean, let p10, let p50, let p90 else { return nil }
    self.mean = mean
    (self.p10, self.p50, self.p90) = (p10, p50, p90)
    (min, max) = (.nan, .nan)
  }

  fileprivate init?(mean: Double?, min: Double?, p50: Double?, max: Double?) {
    guard let mean, let min, let p50, let max else { return nil }
    self.mean = mean
    (self.min, self.p50, self.max) = (min, p50, max)
    (p10, p90) = (.nan, .nan)
  }
}
