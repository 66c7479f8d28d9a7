import JSONText

extension RunChart {
  /// Bits a value against the error of what is decoded: the posterior's KL divergence, what was sent, and other codes.
  public static let posteriorBits = RunChart("posterior-bits", figures: []) { run in
    let rows = PosteriorRow.all(run.posterior)
    guard rows.contains(where: { $0.psnr != nil }) else { return nil }
    let ideal = rows.filter { $0.isSample && $0.isExact }.compactMap { row -> Chart.Point? in
      guard let bits = row.klBitsPerValue, let psnr = row.psnr else { return nil }
      return Chart.Point(x: bits, y: psnr)
    }
    var names: [String] = []
    // A lossless code is far away from all others: it is in the table.
    for row in rows where !names.contains(row.code) && row.code != "png" { names.append(row.code) }
    let sent = names.map { name in
      Chart.Series(
        name,
        rows.filter { $0.code == name }.compactMap { row in
          guard let bits = row.payloadBitsPerValue, let psnr = row.psnr else { return nil }
          return Chart.Point(x: bits, y: psnr)
        })
    }
    return Chart(
      title: "Bits and error of pictures",
      note:
        "PSNR of the mean squared error of decoded samples. KL: what an ideal code would take; all others are whole bytes "
        + "that were written and decoded.",
      x: Chart.Axis("bits a value", isLog: true), y: Chart.Axis("PSNR, dB"),
      series: [Chart.Series("KL (ideal)", ideal, isReference: true)] + sent)
  }
}

/// A row of posterior.json, as read.
struct PosteriorRow {
  private let values: JSONObject

  /// The rows of a file; none where there is no file, or it is not one of ours.
  static func all(_ file: JSONObject?) -> [PosteriorRow] {
    guard case .array(let rows)? = file?["results"] else { return [] }
    return rows.compactMap { row in if case .object(let values) = row { PosteriorRow(values: values) } else { nil } }
  }

  var code: String { values.plain("code") }
  var isSample: Bool { values["kind"] == "sample" }
  var isExact: Bool { values["exact"] == true }
  var beta: Double? { values["beta"]?.double }
  var setting: Double? { values["setting"]?.double }
  var klBits: Double? { values["klBits"]?.double }
  var modelBits: Double? { values["modelBits"]?.double }
  var payloadBits: Double? { values["payloadBits"]?.double }
  var payloadBitsError: Double? { values["payloadBitsStandardError"]?.double }
  var klBitsPerValue: Double? { values["klBitsPerValue"]?.double }
  var payloadBitsPerValue: Double? { values["payloadBitsPerValue"]?.double }
  var psnr: Double? { values["psnr"]?.double }
  var accuracy: Double? { values["accuracy"]?.double }
  var accuracyError: Double? { values["accuracyStandardError"]?.double }
  var draws: Double? { values["drawsPerDatum"]?.double }
}
