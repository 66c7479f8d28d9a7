import FedSim
import Files
import JSONText
import Numerics

/// The rows of posterior.json as a table, for the terminal and for pages.
struct PosteriorTable {
  let header: [String]
  let cells: [[Report.Table.Cell]]

  var rows: [[String]] { cells.map { $0.map(\.text) } }

  init(_ found: [PosteriorRow]) {
    let isPictures = found.contains { $0.psnr != nil }
    let quality = isPictures ? ["bits a value", "PSNR, dB"] : ["accuracy, %"]
    header = ["code", "beta", "KL, bits", "model bits", "bits sent"] + quality + ["candidates"]
    cells = found.map { row in
      let number = { (value: Double?, show: (Double) -> String) in
        Report.Table.Cell(value.map(show) ?? "-", value: value)
      }
      let tenths = { (value: Double) in Text.fixed(value, 1) }
      let sent = row.payloadBits.map { bits in
        Report.Table.Cell(
          tenths(bits) + (row.payloadBitsError.map { " +- " + Text.short($0) } ?? ""), value: bits,
          error: row.payloadBitsError)
      }
      let measured =
        isPictures
        ? [
          number(row.payloadBitsPerValue) { Text.fixed($0, 3) },
          row.psnr == nil ? Report.Table.Cell("lossless") : number(row.psnr) { Text.fixed($0, 2) },
        ]
        : [
          Report.Table.Cell(
            row.accuracy.map { Estimate(mean: 100 * $0, error: row.accuracyError.map { 100 * $0 }) }, digits: 1)
        ]
      let setting = row.setting.map { " " + Text.short($0) } ?? ""
      return [
        Report.Table.Cell(row.code + setting + (row.isSample && !row.isExact ? " (approximate)" : "")),
        number(row.beta, Text.short), number(row.klBits, tenths), number(row.modelBits, tenths), sent ?? .init("-"),
      ] + measured + [number(row.draws, Text.short)]
    }
  }
}

extension PosteriorResults {
  /// What `fedsim run` prints of it.
  var closingTable: String {
    guard case .object(let file) = json else { return "" }
    let table = PosteriorTable(PosteriorRow.all(file))
    var lines = [
      "posteriors  \(Text.grouped(dataCount)) \(valueCount > 0 ? "pictures" : "clients"), \(activeCount) of \(latentCount) latents say something, "
        + "\(form) scales", "", Text.table(table.header, table.rows), "",
    ]
    if rows.contains(where: { $0.payloadBits.error != nil || $0.accuracy?.error != nil }) {
      lines += ["+- standard error over \(valueCount > 0 ? "pictures" : "clients")", ""]
    }
    lines += references.map { reference in
      "\(reference.meaning): \(reference.isShare ? Text.fixed(100 * reference.value, 1) + " %" : Text.short(reference.value))"
    }
    lines += notes.map { Text.wrapped("note: " + $0) }
    lines.append(Text.wrapped("posteriors: " + Self.statement))
    return lines.joined(separator: "\n")
  }
}

extension Report {
  /// Posterior samples that were sent: the table, the pictures, and that nothing is guaranteed.
  mutating func addPosteriors(_ prefix: String, _ files: Source.RunFiles) {
    guard let file = files.posterior else { return }
    let table = PosteriorTable(PosteriorRow.all(file))
    add(
      Table(
        name: prefix + "posteriors", title: "Posterior samples, sent and decoded", header: table.header,
        cells: table.cells))
    if let pictures = files.pictures, case .array(let names)? = file["sheetRows"] {
      add(
        image: pictures,
        caption: "From the top: " + names.map(\.plain).joined(separator: ", ") + ". Samples as the server decodes them."
      )
    }
    if case .object(let references)? = file["references"], !references.isEmpty {
      add(
        Table(
          name: prefix + "posterior-references", title: "Figures beside the codes",
          header: ["figure", "value"],
          cells: references.map { key, value in
            let isShare = key.hasPrefix("accuracy")
            let text = value.double.map { isShare ? Text.fixed(100 * $0, 1) + " %" : Text.short($0) }
            return [.init(key), .init(text ?? "-", value: value.double)]
          }))
    }
    if case .array(let notes)? = file["notes"] { for note in notes { add(paragraph: note.plain) } }
    if case .string(let statement)? = file["guaranteeStatement"] { add(paragraph: "Posteriors: " + statement) }
  }
}
