import Files
import JSONText
import Settings

/// The JSON of the LEAF benchmark (Caldas et al. 2018), plain or gzipped, a file or a folder of files: users are clients.
///
///     {"users": ["a"], "num_samples": [2], "user_data": {"a": {"x": [[0, 1], [1, 0]], "y": [0, 1]}}}
///
/// Only numbers are examples: rows of x may be nested (rows of an image), y are class numbers.
public struct LEAFData: ExampleSource {
  /// A file or a folder of files.
  public var path: String
  /// A file or a folder of test examples; nil for a split.
  public var test: String?
  /// The number of classes; nil for the largest label of both parts and one more.
  public var classes: Int?
  /// What a row is a picture of; nil where it is none.
  public var imageShape: Dataset.ImageShape?

  public init(path: String, test: String? = nil, classes: Int? = nil, imageShape: Dataset.ImageShape? = nil) {
    self.path = path
    self.test = test
    self.classes = classes
    self.imageShape = imageShape
  }

  public var description: String { "LEAF, \(path)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["path", "test"] }
  public var paths: [String] { [path] + (test.map { [$0] } ?? []) }
  public var areClassesGiven: Bool { classes != nil }
  public var reviewedLabels: DataSubject? { .file(.training) }

  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    try Self.load(path, test: test, classes: classes, imageShape: imageShape)
  }

  /// - Parameters:
  ///   - classes: nil for the largest label of both parts and one more.
  /// - Returns: the test part is nil where no file of one is given. Users of test files only are no clients.
  /// - Throws: `DataError` that names file, line and column.
  public static func load(
    _ path: String, test: String?, classes: Int?, imageShape: Dataset.ImageShape?
  ) throws(DataError) -> LoadedData {
    let training = try about(.file(.training)) { () throws(DataError) in try read(path) }
    let testing = try about(.file(.test)) { () throws(DataError) in
      try test.map { path throws(DataError) in try read(path) }
    }
    if let test, let testing, testing.featureCount != training.featureCount {
      throw DataError.file(
        place: test, problem: "found examples of \(testing.featureCount) features; \(path) has \(training.featureCount)"
      ).about(.file(.test))
    }
    let largest = max(training.labels.max() ?? 0, testing?.labels.max() ?? 0)
    let classCount = classes ?? max(Int(largest) + 1, 2)
    guard Int(largest) < classCount else {
      throw DataError.file(
        place: path, problem: "found label \(largest); allowed: 0 to \(classCount - 1)"
      ).about(.file(.training))
    }
    let dataset = { (examples: Examples) throws(DataError) in
      try Dataset(
        features: examples.features, labels: examples.labels, featureCount: examples.featureCount,
        classCount: classCount, owners: examples.owners, imageShape: imageShape)
    }
    return try about(.file(.training)) { () throws(DataError) in
      try LoadedData(
        training: dataset(training), test: testing.map { examples throws(DataError) in try dataset(examples) },
        labelPlace: "the labels \"y\" of \(path)")
    }
  }

  struct Examples {
    var features: [Float] = []
    var labels: [Int32] = []
    var owners: [Int32] = []
    var featureCount = 0
    var users = TextNumbers()
  }

  private static func read(_ path: String) throws(DataError) -> Examples {
    var examples = Examples()
    for file in try DataFile.jsonFiles(path) { try add(DataFile.read(file), name: file, to: &examples) }
    guard !examples.labels.isEmpty else { throw .file(place: path, problem: "found no examples") }
    return examples
  }

  static func add(_ bytes: [UInt8], name: String, to examples: inout Examples) throws(DataError) {
    guard bytes.count <= Gzip.largestText else {
      throw .file(place: name, problem: "found more than \(Gzip.largestText) bytes of text")
    }
    let result = bytes.withUnsafeBufferPointer { text in
      Result { () throws(DataError) in
        var reader = LEAFReader(text, name: name)
        try reader.read(into: &examples)
      }
    }
    try result.get()
  }
}

extension LEAFData: Configurable {
  public static let keys = SettingList(
    LEAFData(path: ""),
    [
      Setting("test", \.test, .path, .unset("split by `testFraction`"), "file or folder of test examples"),
      Setting("path", \.path, .path, .needed("a file or folder"), "a file or a folder of .json files"),
      Setting(
        "imageShape", \.imageShape, Dataset.ImageShape.range, .absent("no images"),
        "height, width and channels where features are pixels, channels last"),
      Setting(
        "classes", \.classes, .integer(2...65_536), .absent("the largest label and one more"), "number of classes"),
    ])
}

/// One pass over the text: numbers go straight to where they stay.
private struct LEAFReader {
  private var json: JSONCursor
  private let name: String

  private static let mostNesting = 16
  /// As for CSV: more are no classes.
  private static let mostClasses = CSVData.mostClasses

  init(_ text: UnsafeBufferPointer<UInt8>, name: String) {
    json = JSONCursor(text)
    self.name = name
  }

  private var text: UnsafeBufferPointer<UInt8> { json.bytes }
  private var next: Int {
    get { json.next }
    set { json.next = newValue }
  }

  mutating func read(into examples: inout LEAFData.Examples) throws(DataError) {
    // Commas bound the number of values: at most one growth of the array.
    examples.features.reserveCapacity(examples.features.count + text.count { $0 == UInt8(ascii: ",") } + 1)
    var users: [String]?
    var counts: [Int]?
    var found: [String: Int]?
    try members { (reader, key, start) throws(DataError) in
      switch key {
      case "users":
        var list: [String] = []
        try reader.elements { (reader) throws(DataError) in list.append(try reader.string()) }
        users = list
      case "num_samples":
        var list: [Int] = []
        try reader.elements { (reader) throws(DataError) in list.append(try reader.integer(most: Int(Int32.max))) }
        counts = list
      case "user_data":
        guard found == nil else { throw reader.failure("found \"user_data\" a second time", at: start) }
        found = try reader.userData(&examples)
      default: try reader.skipValue(depth: 0)
      }
    }
    skipSpace()
    guard next == text.count else { throw failure("found bytes after the end of the object", at: next) }
    guard let users, let found else {
      throw failure("found no \"\(users == nil ? "users" : "user_data")\"", at: text.count)
    }
    guard Set(users) == Set(found.keys), users.count == found.count else {
      let odd = Set(users).symmetricDifference(found.keys).sorted().first ?? users.first ?? ""
      throw failure("\"users\" and \"user_data\" differ, for example in \"\(odd)\"", at: text.count)
    }
    guard let counts else { return }
    guard counts.count == users.count else {
      throw failure("found \(counts.count) \"num_samples\" of \(users.count) users", at: text.count)
    }
    for (user, count) in zip(users, counts) where found[user] != count {
      throw failure(
        "\"num_samples\" says \(count) for user \"\(user)\", who has \(found[user] ?? 0)", at: text.count)
    }
  }

  /// Examples of each user, by name.
  private mutating func userData(_ examples: inout LEAFData.Examples) throws(DataError) -> [String: Int] {
    var counts: [String: Int] = [:]
    try members { (reader, user, start) throws(DataError) in
      let known = examples.users.texts.count
      let owner = examples.users.number(of: user)
      guard Int(owner) == known else { throw reader.failure("found user \"\(user)\" a second time", at: start) }
      let first = examples.labels.count
      let firstValue = examples.features.count
      var rows: Int?
      var hasLabels = false
      try reader.members { (reader, key, start) throws(DataError) in
        switch key {
        case "x":
          guard rows == nil else { throw reader.failure("found \"x\" a second time", at: start) }
          var count = 0
          try reader.elements { (reader) throws(DataError) in
            let start = reader.next
            let before = examples.features.count
            try reader.values(into: &examples.features, depth: 0)
            let width = examples.features.count - before
            if examples.featureCount == 0 { examples.featureCount = width }
            guard width == examples.featureCount, width > 0 else {
              throw reader.failure(
                "user \"\(user)\": found an example of \(width) features; others have \(examples.featureCount)",
                at: start)
            }
            count += 1
          }
          rows = count
        case "y":
          guard !hasLabels else { throw reader.failure("found \"y\" a second time", at: start) }
          hasLabels = true
          try reader.elements { (reader) throws(DataError) in
            examples.labels.append(Int32(try reader.integer(most: Self.mostClasses - 1)))
          }
        default: try reader.skipValue(depth: 0)
        }
      }
      let count = examples.labels.count - first
      guard let rows, rows == count else {
        throw reader.failure(
          "user \"\(user)\": found \(rows ?? 0) examples in \"x\" and \(count) labels in \"y\"", at: start)
      }
      assert(examples.features.count - firstValue == rows * examples.featureCount)
      guard examples.labels.count <= Int(Int32.max) else {
        throw reader.failure("found more than \(Int32.max) examples", at: start)
      }
      examples.owners.append(contentsOf: repeatElement(owner, count: count))
      counts[user] = count
    }
    return counts
  }

  /// Numbers, nested or not, in the order of the text.
  private mutating func values(into features: inout [Float], depth: Int) throws(DataError) {
    guard depth < Self.mostNesting else { throw failure("found arrays nested too deep", at: next) }
    guard peek == UInt8(ascii: "[") else {
      features.append(try number())
      return
    }
    next += 1
    skipSpace()
    if take(UInt8(ascii: "]")) { return }
    while true {
      skipSpace()
      if peek == UInt8(ascii: "[") {
        try values(into: &features, depth: depth + 1)
      } else {
        features.append(try number())
      }
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "]")) else { throw unexpected("\",\" or \"]\"") }
      return
    }
  }

  private mutating func number() throws(DataError) -> Float {
    let start = next
    guard let value = DecimalNumber.read(json.bytes, &json.next, isStrict: true) else {
      throw unexpected("a number (text is no feature here)")
    }
    guard value.isFinite else { throw failure("found a number beyond the range of single precision", at: start) }
    return value
  }

  private mutating func integer(most: Int) throws(DataError) -> Int {
    let start = next
    var value = 0
    while next < text.count, case let digit = text[next] &- 0x30, digit < 10, next < start + 10 {
      value = value * 10 + Int(digit)
      next += 1
    }
    // NumPy writes class numbers as 3.0 where labels were floats.
    if next > start, take(UInt8(ascii: ".")) {
      let fraction = next
      while take(UInt8(ascii: "0")) {}
      if next == fraction { next = start }
    }
    guard next > start, value <= most, !(0x30...0x39).contains(peek ?? 0), (peek ?? 0) | 0x20 != UInt8(ascii: "e")
    else {
      next = start
      throw unexpected("an integer from 0 to \(most)")
    }
    return value
  }

  // MARK: JSON

  private mutating func members(
    _ body: (inout LEAFReader, String, Int) throws(DataError) -> Void
  ) throws(DataError) {
    skipSpace()
    guard take(UInt8(ascii: "{")) else { throw unexpected("\"{\"") }
    skipSpace()
    if take(UInt8(ascii: "}")) { return }
    while true {
      skipSpace()
      let start = next
      let key = try string()
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw unexpected("\":\"") }
      skipSpace()
      try body(&self, key, start)
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "}")) else { throw unexpected("\",\" or \"}\"") }
      return
    }
  }

  private mutating func elements(_ body: (inout LEAFReader) throws(DataError) -> Void) throws(DataError) {
    guard take(UInt8(ascii: "[")) else { throw unexpected("\"[\"") }
    skipSpace()
    if take(UInt8(ascii: "]")) { return }
    while true {
      skipSpace()
      try body(&self)
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "]")) else { throw unexpected("\",\" or \"]\"") }
      return
    }
  }

  private mutating func string() throws(DataError) -> String {
    guard peek == UInt8(ascii: "\"") else { throw unexpected("a string") }
    do throws(JSONStringFault) { return try json.string() } catch { throw failure(error) }
  }

  private func failure(_ fault: JSONStringFault) -> DataError {
    let place = fault.backslash ?? fault.offset
    switch fault.kind {
    case .endOfText: return failure("the string that starts here never ends", at: fault.opening)
    case .controlCharacter: return failure("found a control character in a string", at: place)
    case .unknownEscape:
      return failure(
        fault.offset == text.count ? "the string ends in an escape" : "found an unknown escape", at: place)
    case .digit: return failure("found an escape without four hexadecimal digits", at: place)
    case .halfOfPair: return failure("found half of a surrogate pair", at: place)
    }
  }

  private mutating func skipValue(depth: Int) throws(DataError) {
    guard depth < Self.mostNesting else { throw failure("found values nested too deep", at: next) }
    switch peek {
    case UInt8(ascii: "{")?:
      try members { (reader, _, _) throws(DataError) in try reader.skipValue(depth: depth + 1) }
    case UInt8(ascii: "[")?: try elements { (reader) throws(DataError) in try reader.skipValue(depth: depth + 1) }
    case UInt8(ascii: "\"")?: _ = try string()
    default:
      for word in ["null", "true", "false"] where text[next...].starts(with: word.utf8) {
        next += word.utf8.count
        return
      }
      guard DecimalNumber.read(json.bytes, &json.next, isStrict: true) != nil else { throw unexpected("a value") }
    }
  }

  private var peek: UInt8? { json.peek }

  private mutating func take(_ byte: UInt8) -> Bool { json.take(byte) }

  private mutating func skipSpace() { json.skipSpace() }

  private func unexpected(_ expected: String) -> DataError {
    let found =
      switch peek {
      case nil: "the end of the file"
      case (0x21...0x7E)? where next < text.count: "\"\(Character(Unicode.Scalar(text[next])))\""
      case let byte?: "the byte \(byte)"
      }
    return failure("found \(found) where \(expected) was expected", at: next)
  }

  private func failure(_ problem: String, at offset: Int) -> DataError {
    .file(place: TextPlace.name(name, offset: offset, in: text), problem: problem)
  }
}
