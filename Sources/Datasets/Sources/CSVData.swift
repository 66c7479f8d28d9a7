import ChannelCoding
import Files
import JSONText
import Settings

/// Comma-separated text with a header (RFC 4180), plain or gzipped: a column of labels, optionally one of clients,
/// and numbers in all others.
public struct CSVData: ExampleSource {
  /// A column by its name in the header or its number from 0 on.
  public enum Column: Sendable, Equatable, CustomStringConvertible {
    case name(String)
    case number(Int)

    public var description: String {
      switch self {
      case .name(let name): ShownText.quoted(name)
      case .number(let number): "number \(number)"
      }
    }
  }

  public struct Columns: Sendable, Equatable {
    public var label: Column
    /// Nil where the file does not say whose an example is.
    public var client: Column?

    public init(label: Column, client: Column?) {
      (self.label, self.client) = (label, client)
    }
  }

  /// The file of training examples.
  public var path: String
  /// The file of test examples; nil for a split.
  public var test: String?
  public var columns: Columns
  /// What a row is a picture of; nil where it is none.
  public var imageShape: Dataset.ImageShape?

  public init(path: String, test: String? = nil, columns: Columns, imageShape: Dataset.ImageShape? = nil) {
    self.path = path
    self.test = test
    self.columns = columns
    self.imageShape = imageShape
  }

  public var description: String { "CSV, \(path)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["path", "test"] }
  public var paths: [String] { [path] + (test.map { [$0] } ?? []) }
  public var reviewedLabels: DataSubject? { .column(.label) }

  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    try Self.load(path, test: test, columns: columns, imageShape: imageShape)
  }

  /// More distinct labels than this are no classes.
  static let mostClasses = 65_536

  /// Classes are the distinct labels of both parts, in order: by value where all are numbers, else by bytes.
  ///
  /// - Returns: the test part is nil where no file of one is given. Its file need not have the column of clients.
  /// - Throws: `DataError` that names file, line and column.
  public static func load(
    _ path: String, test: String?, columns: Columns, imageShape: Dataset.ImageShape?
  ) throws(DataError) -> LoadedData {
    let training = try about(.file(.training)) { () throws(DataError) in
      try table(DataFile.read(path), name: path, columns)
    }
    let testing = try about(.file(.test)) { () throws(DataError) in
      try test.map { test throws(DataError) in
        try table(DataFile.read(test), name: test, columns, like: (training, path))
      }
    }
    return try about(.file(.training)) { () throws(DataError) in
      try loaded(training, testing, path, columns, imageShape)
    }
  }

  private static func loaded(
    _ training: Table, _ testing: Table?, _ path: String, _ columns: Columns, _ imageShape: Dataset.ImageShape?
  ) throws(DataError) -> LoadedData {
    let column = "column \(ShownText.quoted(training.header[training.label]))"
    let texts = training.labelTexts + (testing?.labelTexts ?? [])
    let (classes, names) = classes(of: texts)
    guard names.count <= mostClasses else {
      throw .file(
        place: path, problem: "found \(names.count) distinct labels in \(column); at most \(mostClasses)")
    }
    guard let first = names.first else { throw .file(place: path, problem: "found no examples") }
    guard names.count > 1 else {
      throw .file(
        place: path,
        problem: "\(column): every label is \(ShownText.quoted(first)); a model needs two classes at least")
    }
    let dataset = { (table: Table, offset: Int) throws(DataError) in
      try Dataset(
        features: table.features, labels: table.labels.map { classes[offset + Int($0)] },
        featureCount: training.header.count - (columns.client == nil ? 1 : 2), classCount: names.count,
        owners: table.owners, imageShape: imageShape, classNames: names)
    }
    return try LoadedData(
      training: dataset(training, 0),
      test: testing.map { table throws(DataError) in try dataset(table, training.labelTexts.count) },
      labelPlace: column, warnings: CSVReview.warnings(training, path, isImage: imageShape != nil))
  }

  /// The class of each text, and what each class is called: as it was first written. Texts of equal value are one class where all are
  /// numbers, and canonically equivalent ones always.
  static func classes(of texts: [String]) -> (classes: [Int32], names: [String]) {
    let numbers = texts.compactMap(ExactNumber.init)
    return numbers.count == texts.count
      ? classes(texts, by: numbers, <) : classes(texts, by: texts) { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private static func classes<Key: Hashable>(
    _ texts: [String], by keys: [Key], _ precedes: (Key, Key) -> Bool
  ) -> (classes: [Int32], names: [String]) {
    let first = Dictionary(zip(keys, texts), uniquingKeysWith: { first, _ in first })
    // A key and its equal may differ in bytes: the first one written decides its place.
    var seen = Set<Key>()
    let sorted = keys.filter { seen.insert($0).inserted }.sorted(by: precedes)
    let places = Dictionary(uniqueKeysWithValues: zip(sorted, Int32(0)...))
    return (keys.map { places[$0] ?? 0 }, sorted.map { first[$0] ?? "" })
  }

  struct Table {
    var header: [String] = []
    var features: [Float] = []
    /// Numbers of `labelTexts`.
    var labels: [Int32] = []
    var labelTexts: [String] = []
    /// Numbered as they first appear.
    var owners: [Int32]?
    var ownerTexts: [String] = []
    /// Which columns of the header they are.
    var label = 0
    var client: Int?
  }

  /// - Parameter training: the table whose columns these must be, and what messages call it. Owners are then not read.
  static func table(
    _ bytes: [UInt8], name: String, _ columns: Columns, like training: (table: Table, name: String)? = nil
  ) throws(DataError) -> Table {
    guard bytes.count <= Gzip.largestText else {
      throw .file(place: name, problem: "found more than \(Gzip.largestText) bytes of text")
    }
    let result = bytes.withUnsafeBufferPointer { text in
      Result { () throws(DataError) in
        var reader = CSVReader(text, name: name)
        return try reader.table(columns, like: training)
      }
    }
    return try result.get()
  }
}

extension CSVData.Column: SettingValue {
  public init?(setting: JSON) {
    switch setting {
    case .string(let name): self = .name(name)
    case .integer(let number): self = .number(number)
    default: return nil
    }
  }

  public var setting: JSON {
    switch self {
    case .name(let name): .string(name)
    case .number(let number): .integer(number)
    }
  }
}

extension CSVData: Configurable {
  public static let keys = SettingList(
    CSVData(path: "", columns: .init(label: .number(0), client: nil)),
    [
      Setting("test", \.test, .path, .unset("split by `testFraction`"), "file of test examples"),
      Setting("path", \.path, .path, .needed("a file"), "the file, plain or gzipped"),
      Setting("labelColumn", \.columns.label, .column, .needed("the column of labels"), "the column of labels"),
      Setting(
        "clientColumn", \.columns.client, .column, .absent("clients are not named"),
        "the column that says whose an example is, for `natural`"),
      Setting(
        "imageShape", \.imageShape, Dataset.ImageShape.range, .absent("no images"),
        "height, width and channels where features are pixels, channels last"),
    ])
}

/// One pass over the text.
private struct CSVReader {
  private let text: UnsafeBufferPointer<UInt8>
  private let name: String
  private var next: Int

  init(_ text: UnsafeBufferPointer<UInt8>, name: String) {
    self.text = text
    self.name = name
    next = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  mutating func table(
    _ columns: CSVData.Columns, like training: (table: CSVData.Table, name: String)?
  ) throws(DataError) -> CSVData.Table {
    var table = CSVData.Table()
    try readHeader(of: &table)
    let client: Int?
    if let training {
      (table.label, client) = try places(in: table.header, like: training)
    } else {
      table.label = try about(.column(.label)) { () throws(DataError) in try index(of: columns.label, in: table.header)
      }
      client = try about(.column(.client)) { () throws(DataError) in
        try columns.client.map { column throws(DataError) in try index(of: column, in: table.header) }
      }
      table.client = client
      guard table.label != client else {
        throw failure("column \(columns.label) cannot be both label and client", at: 0).about(.column(.client))
      }
      if client != nil { table.owners = [] }
    }
    let label = table.label
    let featureCount = table.header.count - (client == nil ? 1 : 2)
    guard featureCount > 0 else {
      throw failure("found no column of features beside label and client", at: 0).about(.column(.client))
    }

    // Lines bound the number of examples: one allocation, and no copies while it grows.
    let lines = text[next...].count { $0 == UInt8(ascii: "\n") } + 1
    table.features.reserveCapacity(min(lines * featureCount, text.count - next))
    table.labels.reserveCapacity(lines)
    var labels = TextNumbers()
    var clients = TextNumbers()
    while next < text.count {
      if endsLine {  // An empty line.
        try endRecord()
        continue
      }
      let record = next
      for column in 0..<table.header.count {
        if column > 0, !take(UInt8(ascii: ",")) {
          throw failure(
            next < text.count && !endsLine
              ? "found \(nameAhead) after a field; a comma or the end of the line has to follow"
              : "the line ends after \(column) of \(table.header.count) fields", at: next)
        }
        if column == label {
          table.labels.append(try number(column, table.header, &labels))
        } else if column == client, table.owners == nil {
          // Test examples belong to nobody.
          _ = try field()
        } else if column == client {
          let owner = try number(column, table.header, &clients)
          table.owners?.append(owner)
        } else {
          table.features.append(try feature(column, table.header))
        }
      }
      if next < text.count, text[next] == UInt8(ascii: ",") {
        throw failure("found more than the header's \(table.header.count) fields", at: next)
      }
      try endRecord()
      guard table.labels.count < Int32.max else { throw failure("found more than \(Int32.max) examples", at: record) }
    }
    table.labelTexts = labels.texts
    table.ownerTexts = clients.texts
    return table
  }

  private mutating func readHeader(of table: inout CSVData.Table) throws(DataError) {
    var names = Set<String>()
    repeat {
      let start = next
      let name = try field()
      guard names.insert(name).inserted else {
        let hint = ExactNumber(name) == nil ? "" : ": does the file lack a first line with the columns' names?"
        throw failure("found the column \(ShownText.quoted(name)) a second time\(hint)", at: start)
      }
      table.header.append(name)
      guard table.header.count <= 1_000_000 else { throw failure("found more than 1000000 columns", at: start) }
    } while take(UInt8(ascii: ","))
    try endRecord()
  }

  /// Where label and client are in the header of a test file, which must be that of the training file; the column of clients may be missing.
  private func places(
    in header: [String], like training: (table: CSVData.Table, name: String)
  ) throws(DataError) -> (label: Int, client: Int?) {
    let (table, name) = training
    if header == table.header { return (table.label, table.client) }
    var expected = table.header
    if let client = table.client {
      expected.remove(at: client)
      if header == expected { return (table.label - (client < table.label ? 1 : 0), nil) }
      if header.contains(table.header[client]) { expected = table.header }
    }
    let label = table.header[table.label]
    var difference = "found \(header.count) in place of \(expected.count)"
    if !header.contains(label) {
      difference = "there is no \(ShownText.quoted(label)), the label"
    } else if let i = zip(expected, header).map({ $0 == $1 }).firstIndex(of: false) {
      difference = "column \(i + 1) is \(ShownText.quoted(header[i])) in place of \(ShownText.quoted(expected[i]))"
    }
    let hint =
      header.allSatisfy { ExactNumber($0) != nil } ? "; does the file lack a first line with the columns' names?" : ""
    throw failure("its columns are not those of \(name), in that order: \(difference)\(hint)", at: 0)
  }

  private func index(of column: CSVData.Column, in header: [String]) throws(DataError) -> Int {
    let found =
      switch column {
      case .name(let name): header.firstIndex(of: name)
      case .number(let number): header.indices.contains(number) ? number : nil
      }
    guard let found else {
      let names = ShownText.list(header, most: 8)
      let hint =
        header.count == 1 && header[0].contains(where: { ";\t|".contains($0) })
        ? "; fields are told apart by commas" : ""
      throw failure("found no column \(column); there are \(header.count): \(names)\(hint)", at: 0)
    }
    return found
  }

  /// The number of a text of label or client.
  private mutating func number(
    _ column: Int, _ header: [String], _ numbers: inout TextNumbers
  ) throws(DataError) -> Int32 {
    let start = next
    if next < text.count, text[next] != UInt8(ascii: "\"") {
      let plain = try plainField()
      guard !plain.isEmpty else { throw missing(column, header, at: start) }
      if let number = numbers.repeated(UnsafeBufferPointer(rebasing: text[plain])) { return number }
      return numbers.number(of: try decoded(text[plain], at: start), from: UnsafeBufferPointer(rebasing: text[plain]))
    }
    let value = try field()
    guard !value.isEmpty else { throw missing(column, header, at: start) }
    return numbers.number(of: value)
  }

  private mutating func feature(_ column: Int, _ header: [String]) throws(DataError) -> Float {
    let start = next
    // What most fields are: a number, then a comma or the end of the line.
    if let value = DecimalNumber.read(text, &next, isStrict: false), value.isFinite,
      next == text.count || text[next] == UInt8(ascii: ",") || text[next] == 0x0A
    {
      return value
    }
    next = start
    return try unusualFeature(column, header)
  }

  /// With blanks, in quotes, or wrong.
  private mutating func unusualFeature(_ column: Int, _ header: [String]) throws(DataError) -> Float {
    let start = next
    skipBlanks()
    let isQuoted = take(UInt8(ascii: "\""))
    if isQuoted { skipBlanks() }
    if next == text.count || endsLine || text[next] == UInt8(ascii: ",") {
      throw missing(column, header, at: start)
    }
    guard let value = DecimalNumber.read(text, &next, isStrict: false) else {
      throw notANumber(header[column], at: start)
    }
    skipBlanks()
    if isQuoted {
      guard take(UInt8(ascii: "\"")) else { throw notANumber(header[column], at: start) }
      skipBlanks()
    }
    guard next == text.count || endsLine || text[next] == UInt8(ascii: ",") else {
      throw notANumber(header[column], at: start)
    }
    guard value.isFinite else {
      throw failure(
        "column \(ShownText.quoted(header[column])): found a number beyond the range of single precision", at: start)
    }
    return value
  }

  private func missing(_ column: Int, _ header: [String], at start: Int) -> DataError {
    failure("column \(ShownText.quoted(header[column])): the value is missing", at: start)
  }

  private func notANumber(_ column: String, at start: Int) -> DataError {
    var end = start
    while end < text.count, text[end] != UInt8(ascii: ","), text[end] != 0x0A, text[end] != 0x0D, end < start + 40 {
      end += 1
    }
    let found = String(decoding: text[start..<end], as: UTF8.self)
    return failure("column \(ShownText.quoted(column)): found \(ShownText.quoted(found)); allowed: a number", at: start)
  }

  /// Where a field without quotes is, without blanks around it.
  private mutating func plainField() throws(DataError) -> Range<Int> {
    let start = next
    while next < text.count, text[next] != UInt8(ascii: ","), !endsLine {
      if text[next] == UInt8(ascii: "\"") { throw failure("found a quote inside a field without quotes", at: next) }
      next += 1
    }
    var (first, last) = (start, next)
    while first < last, text[first] == 0x20 || text[first] == 0x09 { first += 1 }
    while last > first, text[last - 1] == 0x20 || text[last - 1] == 0x09 { last -= 1 }
    return first..<last
  }

  /// A field as text: what is between its quotes, or its characters without blanks around them.
  private mutating func field() throws(DataError) -> String {
    guard next < text.count, text[next] == UInt8(ascii: "\"") else {
      let start = next
      return try decoded(text[try plainField()], at: start)
    }
    let start = next
    next += 1
    var value: [UInt8] = []
    while next < text.count {
      let byte = text[next]
      next += 1
      if byte == UInt8(ascii: "\"") {
        guard next < text.count, text[next] == byte else {
          return try decoded(value, at: start)
        }
        next += 1
      }
      value.append(byte)
    }
    throw failure("the quote that opens here is never closed", at: start)
  }

  /// Two names that differ in bytes that are no UTF-8 would become one.
  private func decoded(_ bytes: some Collection<UInt8>, at start: Int) throws(DataError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw failure("found bytes that are not UTF-8; save the file as UTF-8", at: start)
    }
    return text
  }

  private mutating func endRecord() throws(DataError) {
    if next == text.count { return }
    guard endsLine else { throw failure("found \(nameAhead) where the line had to end", at: next) }
    if take(0x0D) { _ = take(0x0A) } else { next += 1 }
  }

  private var endsLine: Bool { next < text.count && (text[next] == 0x0A || text[next] == 0x0D) }

  private var nameAhead: String { next < text.count ? "the byte \(text[next])" : "the end of the file" }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next < text.count, text[next] == byte else { return false }
    next += 1
    return true
  }

  private mutating func skipBlanks() {
    while next < text.count, text[next] == 0x20 || text[next] == 0x09 { next += 1 }
  }

  private func failure(_ problem: String, at offset: Int) -> DataError {
    .file(place: TextPlace.name(name, offset: offset, in: text), problem: problem)
  }
}

/// Numbers texts in the order in which they first appear.
struct TextNumbers {
  private(set) var texts: [String] = []
  private var numbers: [String: Int32] = [:]
  private var lastBytes: [UInt8] = []
  private var last: Int32 = -1

  mutating func number(of text: String) -> Int32 {
    if let known = numbers[text] { return known }
    let number = Int32(texts.count)
    texts.append(text)
    numbers[text] = number
    return number
  }

  /// The number of the text before this one, where this one repeats it: no string need be made. Nil where it does not.
  func repeated(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
    last >= 0 && lastBytes.elementsEqual(bytes) ? last : nil
  }

  /// - Parameter bytes: those of the text, for `repeated`.
  mutating func number(of text: String, from bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
    lastBytes = Array(bytes)
    last = number(of: text)
    return last
  }
}
