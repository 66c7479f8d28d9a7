import FedSim
import Files

extension RoundRecord {
  public var csvHeader: String {
    // Distributions that a round lacks keep their columns.
    CSV.header(json).split(separator: ",", omittingEmptySubsequences: false)
      .flatMap {
        $0 == "clientAccuracy" ? ["mean", "p10", "p50", "p90"].map { "clientAccuracy." + $0 } : [String($0)]
      }
      .joined(separator: ",")
  }

  public var csvLine: String {
    guard case .object(var row) = json else { return "" }
    if clientAccuracy == nil { row["clientAccuracy"] = ["mean": .null, "p10": .null, "p50": .null, "p90": .null] }
    return CSV.line(.object(row))
  }
}
