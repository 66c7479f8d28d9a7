import ChannelCoding
import Files
import Numerics

extension CSVData {
  /// A file as it was read: cells of features, row by row, and what is known of each column.
  struct Table: Sendable {
    /// A column of features.
    struct Slot: Sendable {
      let name: String
      let kind: FeatureColumns.Kind
      /// The different texts that are not missing, as they first appear.
      let names: [String]
      /// The names' numbers by those of each chunk.
      let maps: [[Int32]]
      let missing: Int
    }

    let plan: CSVPlan
    /// rows x slots; `CSVCell` says what is no number.
    var cells: [Float]
    let slots: [Slot]
    let chunks: [CSVChunk]
    let rows: Int
    /// Numbers of `labelTexts`.
    var labels: [Int32] = []
    var labelTexts: [String] = []
    /// In place of labels, where quantities are asked for.
    var targets: [Float]?
    /// Numbered as they first appear.
    var owners: [Int32]?
    var ownerTexts: [String] = []
    /// Columns of numbers of which one begins with a zero that counts nothing, and that one; by the first records.
    var codes: [(column: String, text: String)] = []

    var header: [String] { plan.names }
    var label: Int { plan.label }
    var client: Int? { plan.client }
  }

  /// What a file is read by.
  struct Reading: Sendable {
    var columns: Columns
    var form = CSVForm()
    var rules = FeatureRules()
    var aim = LearningAim.classes
    var parallel = Parallel(threads: 1)
    /// How large parts are that threads read; no result depends on it.
    var partBytes = 1 << 22
  }

  static func table(_ bytes: [UInt8], name: String, _ columns: Columns) throws(DataError) -> Table {
    try table(bytes, name: name, Reading(columns: columns))
  }

  /// - Parameter training: the table whose columns these must be, and what messages call it. Owners are then not read.
  static func table(
    _ bytes: [UInt8], name: String, _ reading: Reading, like training: (table: Table, name: String)? = nil
  ) throws(DataError) -> Table {
    guard bytes.count <= Gzip.largestText else {
      throw .file(place: name, problem: "found more than \(Gzip.largestText) bytes of text")
    }
    let result = bytes.withUnsafeBufferPointer { text in
      Result { () throws(DataError) in try CSVReading(text, name: name, reading).table(like: training) }
    }
    return try result.get()
  }
}

/// One file, from its bytes to a table.
private struct CSVReading {
  let text: UnsafeBufferPointer<UInt8>
  let name: String
  let reading: CSVData.Reading
  /// Behind a byte order mark.
  let start: Int

  init(_ text: UnsafeBufferPointer<UInt8>, name: String, _ reading: CSVData.Reading) {
    (self.text, self.name, self.reading) = (text, name, reading)
    start = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  func table(like training: (table: CSVData.Table, name: String)?) throws(DataError) -> CSVData.Table {
    guard !text[start...].allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
      throw .file(place: name, problem: "the file is empty" + (start < text.count ? ", but for blanks" : ""))
    }
    var form = training?.table.plan.form ?? reading.form
    let sniffer = CSVSniffer(text: text, name: name, start: start, hasHeader: form.hasHeader)
    let delimiter: CSVForm.Delimiter
    if let given = form.delimiter {
      delimiter = given
    } else {
      let named = [reading.columns.label] + (reading.columns.client.map { [$0] } ?? [])
      delimiter = try sniffer.delimiter(
        names: named.compactMap { column in if case .name(let name) = column { name } else { nil } })
    }
    form.delimiter = delimiter
    var scanner = CSVScanner(text, from: start, to: text.count, delimiter: delimiter.byte, name: name)
    let names = try header(&scanner, form)
    let fail = { (problem: String) in scanner.failure(problem, at: 0) }
    if let training {
      let plan = try CSVPlan(names, like: training.table, training.name, fail: fail)
      let (chunks, cells) = try read(plan, from: scanner.next)
      return try table(plan, chunks, cells, isTest: true)
    }
    var plan = try CSVPlan(names, reading.columns, form, reading.rules, aim: reading.aim, fail: fail)
    if form.decimal == nil {
      let isNumber = plan.roles.map { role in
        switch role {
        case .number, .target: true
        default: false
        }
      }
      plan.form.decimal = try sniffer.decimal(delimiter) { isNumber.indices.contains($0) && isNumber[$0] }
    }
    var (chunks, cells) = try read(plan, from: scanner.next)
    // Texts of columns that are categories and have some numbers: these are texts too.
    var isMixed = false
    for slot in plan.slots.indices where try isCategory(slot, plan, chunks) && !plan.slots[slot].isCategorical {
      let texts = chunks.reduce(0) { $0 + $1.columns[slot].texts + $1.columns[slot].missing }
      isMixed = isMixed || texts < chunks.reduce(0) { $0 + $1.rows }
      plan.slots[slot].isCategorical = true
      plan.roles[plan.slots[slot].column] = .text(slot: slot)
    }
    if isMixed {
      cells = []
      (chunks, cells) = try read(plan, from: scanner.next)
    }
    var found = try table(plan, chunks, cells, isTest: false)
    found.codes = sniffer.codes(delimiter) { column in
      if plan.roles.indices.contains(column), case .number = plan.roles[column] { true } else { false }
    }.map { (plan.names[$0.column], $0.text) }
    return found
  }

  private func header(_ scanner: inout CSVScanner, _ form: CSVForm) throws(DataError) -> [String] {
    var names: [String] = []
    var seen = Set<String>()
    repeat {
      let start = scanner.next
      let field = try scanner.field()
      let name = form.hasHeader ? try scanner.string(field, at: start) : "\(names.count)"
      guard seen.insert(name).inserted else {
        let hint =
          ExactNumber(name) == nil
          ? "" : ": does the file lack a first line with the columns' names? \"header\": false in the scenario says so"
        throw scanner.failure("found the column \(ShownText.quoted(name)) a second time\(hint)", at: start)
      }
      names.append(name)
      guard names.count <= 1_000_000 else { throw scanner.failure("found more than 1000000 columns", at: start) }
    } while scanner.takeDelimiter()
    guard scanner.next == text.count || scanner.endsLine else {
      throw scanner.failure("found \(scanner.nameAhead) where the line had to end", at: scanner.next)
    }
    if form.hasHeader { scanner.endLine() } else { scanner.next = start }
    return names
  }

  /// All records, in parts side by side.
  private func read(_ plan: CSVPlan, from start: Int) throws(DataError) -> ([CSVChunk], [Float]) {
    let width = plan.slots.count
    // What is known of a column is kept for each part: a table of very many columns has fewer.
    let bytes = max(reading.partBytes, plan.names.count > 4096 ? plan.names.count << 8 : 1)
    let parts = CSVParts.parts(of: text, from: start, bytes: bytes, reading.parallel)
    // A record has a byte for each of its columns: a delimiter, or the end of its line.
    let rooms = parts.map { min($0.lines, $0.range.count / max(plan.names.count, 1) + 1) }
    var firsts = [0]
    for room in rooms { firsts.append(firsts[firsts.count - 1] + room) }
    let room = firsts[firsts.count - 1]
    nonisolated(unsafe) let text = text
    let name = name
    var results: [Result<CSVChunk, DataError>] = []
    var rows = 0
    let cells = [Float](unsafeUninitializedCapacity: room * width) { buffer, initialized in
      guard let base = buffer.baseAddress else { return }
      nonisolated(unsafe) let cells = base
      let places = firsts
      results = reading.parallel.map(parts.count) { part in
        Result { () throws(DataError) in
          let scanner = CSVScanner(
            text, from: parts[part].range.lowerBound, to: parts[part].range.upperBound,
            delimiter: plan.delimiter.byte, name: name)
          var reader = CSVChunkReader(scanner, plan, cells: cells + places[part] * width)
          return try reader.read()
        }
      }
      // Up to the first part that failed, rows move up where a part had fewer than it had room for.
      for (part, result) in results.enumerated() {
        guard case .success(var chunk) = result else { break }
        if places[part] != rows {
          (base + rows * width).update(from: base + places[part] * width, count: chunk.rows * width)
        }
        chunk.first = rows
        rows += chunk.rows
        results[part] = .success(chunk)
      }
      initialized = rows * width
    }
    var chunks: [CSVChunk] = []
    chunks.reserveCapacity(results.count)
    for result in results { chunks.append(try result.get()) }
    guard rows <= Int(Int32.max) else { throw .file(place: name, problem: "found more than \(Int32.max) examples") }
    return (chunks, cells)
  }

  /// Whether a column of a training file is one of categories: where more of its values are texts than numbers.
  private func isCategory(_ slot: Int, _ plan: CSVPlan, _ chunks: [CSVChunk]) throws(DataError) -> Bool {
    if plan.slots[slot].isCategorical { return true }
    let texts = chunks.reduce(0) { $0 + $1.columns[slot].texts }
    guard texts > 0 else { return false }
    let numbers = chunks.reduce(0) { $0 + $1.rows - $1.columns[slot].missing } - texts
    let names = chunks.flatMap { $0.columns[slot].names }.filter { !MissingMarks.isValue($0) }
    guard texts > numbers, names.contains(where: { !MarkedNumber.hasThousands($0) && number($0, plan) == nil }) else {
      throw notANumber(slot, plan, chunks)
    }
    return true
  }

  private func number(_ text: String, _ plan: CSVPlan) -> Float? {
    Array(text.utf8).withUnsafeBufferPointer { bytes in
      var end = 0
      let value = DecimalNumber.read(bytes, &end, isStrict: false, point: plan.point)
      return end == bytes.count ? value : nil
    }
  }

  /// The first text of a column of numbers is none.
  private func notANumber(_ slot: Int, _ plan: CSVPlan, _ chunks: [CSVChunk]) -> DataError {
    let place = chunks.compactMap { $0.columns[slot].firstText }.first ?? 0
    let found = text(at: place, plan)
    let column = "column \(ShownText.quoted(plan.slots[slot].name))"
    if let value = number(found, plan), value.isInfinite {
      return failure("\(column): found a number beyond the range of single precision", at: place)
    }
    var hint = "; \"categorical\" in the scenario makes categories of a column"
    if MarkedNumber.hasThousands(found) {
      hint =
        ", without marks between thousands; \"decimal\" in the scenario is the mark before decimals, and is \"\((plan.form.decimal ?? .point).rawValue)\" here"
    } else if found.contains(plan.form.decimal == .comma ? "." : ",") {
      hint =
        "; \"decimal\" in the scenario is the mark before decimals, and is \"\((plan.form.decimal ?? .point).rawValue)\" here"
    }
    return failure("\(column): found \(ShownText.quoted(found)); allowed: a number\(hint)", at: place)
  }

  private func text(at place: Int, _ plan: CSVPlan) -> String {
    var scanner = CSVScanner(text, from: place, to: text.count, delimiter: plan.delimiter.byte, name: name)
    let found = try? scanner.string(try scanner.field(), at: place)
    return found ?? ""
  }

  private func failure(_ problem: String, at place: Int) -> DataError {
    .file(place: TextPlace.name(name, offset: place, in: text), problem: problem)
  }

  private func table(
    _ plan: CSVPlan, _ chunks: [CSVChunk], _ cells: [Float], isTest: Bool
  ) throws(DataError) -> CSVData.Table {
    var slots: [CSVData.Table.Slot] = []
    for (slot, column) in plan.slots.enumerated() {
      if reading.rules.missing ?? .error == .error,
        let place = chunks.compactMap({ $0.columns[slot].firstMissing }).first
      {
        let found = text(at: place, plan)
        throw failure(
          "column \(ShownText.quoted(column.name)): the value is missing\(found.isEmpty ? "" : " (\(ShownText.quoted(found)))")"
            + "; \"missing\" in the scenario says what stands for it", at: place)
      }
      if !column.isCategorical, chunks.contains(where: { $0.columns[slot].texts > 0 }) {
        throw notANumber(slot, plan, chunks)
      }
      let given = column.categories ?? []
      var names = TextNumbers()
      for name in given { _ = names.number(of: name) }
      let isGiven = Set(given)
      let maps = chunks.map { chunk in
        chunk.columns[slot].names.map { name in
          MissingMarks.isValue(name) && !isGiven.contains(name) ? -1 : names.number(of: name)
        }
      }
      if column.isCategorical, column.categories == nil, names.texts.count > CSVLayout.mostCategories {
        throw DataError.file(
          place: name,
          problem:
            "column \(ShownText.quoted(column.name)): found more than \(CSVLayout.mostCategories) categories, such as "
            + "\(ShownText.list(names.texts, most: 3)): \"drop\" in the scenario leaves a column out"
        ).about(.table(.drop))
      }
      slots.append(
        .init(
          name: column.name, kind: column.isCategorical ? .category : .number, names: names.texts, maps: maps,
          missing: chunks.reduce(0) { $0 + $1.columns[slot].missing }))
    }
    let rows = chunks.reduce(0) { $0 + $1.rows }
    var bare = chunks
    for i in bare.indices {
      (bare[i].labels, bare[i].owners, bare[i].targets, bare[i].labelNames, bare[i].ownerNames) = ([], [], [], [], [])
    }
    var table = CSVData.Table(plan: plan, cells: cells, slots: slots, chunks: bare, rows: rows)
    if reading.aim == .quantities { table.targets = chunks.flatMap(\.targets) }
    (table.labels, table.labelTexts) = Self.joined(chunks.map { ($0.labels, $0.labelNames) })
    if plan.client != nil {
      let owners = Self.joined(chunks.map { ($0.owners, $0.ownerNames) })
      (table.owners, table.ownerTexts) = owners
    }
    return table
  }

  /// Numbers of texts by those of parts, in the order of first appearance in the whole. Canonically equivalent texts are one.
  private static func joined(_ parts: [(numbers: [Int32], names: [String])]) -> ([Int32], [String]) {
    var names = TextNumbers()
    var numbers: [Int32] = []
    numbers.reserveCapacity(parts.reduce(0) { $0 + $1.numbers.count })
    for part in parts {
      let map = part.names.map { names.number(of: $0) }
      for number in part.numbers { numbers.append(map[Int(number)]) }
    }
    return (numbers, names.texts)
  }
}
