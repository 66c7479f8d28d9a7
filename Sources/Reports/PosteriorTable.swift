import FedSim
import Files
import JSONText

/// The rows of posterior.json as a table, for the terminal and for pages.
struct PosteriorTable {
  let header: [String]
  let rows: [[String]]

  init(_ found: [PosteriorRow]) {
    let isPictures = found.contains { $0.psnr != nil }
    let quality = isPictures ? ["bits a value", "PSNR, dB"] : ["accuracy"]
    header = ["code", "beta", "KL, bits", "model bits", "bits sent"] + quality + ["candidates"]
    rows = found.map { row in
      let error = row.payloadBitsError.map { " +- " + Text.short($0) } ?? ""
      let measured =
        isPictures
        ? [row.payloadBitsPerValue.map { Text.fixed($0, 3) } ?? "-", row.psnr.map { Text.fixed($0, 2) } ?? "lossless"]
        : [
          row.accuracy.map {
            Text.fixed(100 * $0, 1) + (row.accuracyError.map { " +- " + Text.fixed(100 * $0, 1) } ?? "") + " %"
          }
            ?? "-"
        ]
      let setting = row.setting.map { " " + Text.short($0) } ?? ""
      return [
        row.code + setting + (row.isSample && !row.isExact ? " (approximate)" : ""),
        row.beta.map(Text.short) ?? "-", row.klBits.map { Text.fixed($0, 1) } ?? "-",
        row.modelBits.map { Text.fixed($0, 1) } ?? "-", (row.payloadBits.map { Text.fixed($0, 1) } ?? "-") + error,
      ] + measured + [row.draws.map { Text.short($0) } ?? "-"]
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
        rows: table.rows
      ))
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
          rows: references.map { key, value in
            let isShare = key.hasPrefix("accuracy")
            return [key, value.double.map { isShare ? Text.fixed(100 * $0, 1) + " %" : Text.short($0) } ?? "-"]
          }))
    }
    if case .array(let notes)? = file["notes"] { for note in notes { add(paragraph: note.plain) } }
    if case .string(let statement)? = file["guaranteeStatement"] { add(paragraph: "Posteriors: " + statement) }
  }
}
