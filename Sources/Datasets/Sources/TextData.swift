import Files
import JSONText
import Numerics
import Settings

/// Plain text in UTF-8, plain or gzipped, a file or a folder of .txt files: an example is `length` characters, and its label the next one.
///
/// Clients are files, speakers, or equal parts of the text. Without test files the last share f of each client's text is for the test: of m
/// characters the first floor((1 - f) m) train, and no window is in both parts. Windows start every `stride` characters from the part's first
/// one on, and end before its last.
///
/// A character is a Unicode scalar. Lines that end in CR LF are read as ending in LF, and a byte order mark is left out; nothing else is
/// changed. Memory: 4 bytes a character, and 4 x (`length` + 1) bytes an example.
public struct TextData: ExampleSource, Equatable {
  /// A file or a folder of .txt files.
  public var path: String
  /// A file or a folder of test texts; nil for the end of each client's.
  public var test: String?
  public var clients: Clients
  /// The characters of an example.
  public var length: Int
  /// How many characters lie between the starts of two examples.
  public var stride: Int
  /// The characters in the order of their numbers; nil for those of both parts by code point.
  public var alphabet: String?

  public enum Clients: Sendable, Equatable {
    /// Each file is a client; those of both parts are one where their names in their folders agree.
    case files
    /// Each speaker of a file is a client (`SpeakerLine`).
    case speakers
    /// The text, all files one after the other, in so many parts: their lengths differ by at most one.
    case parts(Int)
  }

  public init(
    path: String, test: String? = nil, clients: Clients = .files, length: Int = 80, stride: Int = 1,
    alphabet: String? = nil
  ) {
    self.path = path
    self.test = test
    self.clients = clients
    self.length = length
    self.stride = stride
    self.alphabet = alphabet
  }

  public var description: String { "text, \(path)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["path", "test"] }
  public var paths: [String] { [path] + (test.map { [$0] } ?? []) }
  public var areSymbolsGiven: Bool { alphabet != nil }
  /// Every character is a class, also one that a part does not have.
  public var areClassesGiven: Bool { true }

  /// - Throws: `DataError` that names file, line and column.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    if request.aim == .quantities { throw .shape("texts have characters to predict, and no quantities") }
    let given = alphabet.map { Alphabet($0) }
    let whole = try about(.file(.training)) { () throws(DataError) in try texts(of: path, given) }
    let training: [ClientText]
    let testing: [ClientText]
    if let test {
      training = whole
      testing = try about(.file(.test)) { () throws(DataError) in try texts(of: test, given) }
    } else {
      let cuts = whole.map { Int((1 - request.testFraction) * Double($0.characters.count)) }
      training = zip(whole, cuts).map { ClientText(name: $0.name, characters: Array($0.characters[..<$1])) }
      testing = zip(whole, cuts).map { ClientText(name: $0.name, characters: Array($0.characters[$1...])) }
    }
    let alphabet = try about(.file(.training)) { () throws(DataError) in
      if let given { given } else { try self.alphabet(of: training + testing) }
    }
    // A client of the test part alone is numbered behind those who train.
    var clients = TextNumbers()
    return LoadedData(
      training: try about(.file(.training)) { () throws(DataError) in
        try dataset(training, alphabet, &clients, place: path)
      },
      test: try about(test == nil ? .file(.training) : .file(.test)) { () throws(DataError) in
        try dataset(
          testing, alphabet, &clients, place: test ?? "\(path), the last \(Text.short(request.testFraction)) of it")
      }, labelPlace: "the characters of \(path)")
  }

  /// What a client has written or said, as code points.
  private struct ClientText {
    let name: String
    var characters: [UInt32]
  }

  /// The texts of a part's clients, in the order in which they first appear.
  private func texts(of path: String, _ alphabet: Alphabet?) throws(DataError) -> [ClientText] {
    var found: [ClientText] = []
    for (file, name) in try Self.files(path) {
      let bytes = try DataFile.read(file)
      guard bytes.count <= Gzip.largestText else {
        throw .file(place: file, problem: "found more than \(Gzip.largestText) bytes of text")
      }
      let result = bytes.withUnsafeBufferPointer { text in
        Result { () throws(DataError) in try add(TextLines(text, name: file), of: name, alphabet, to: &found) }
      }
      try result.get()
    }
    guard case .parts(let count) = clients else { return found }
    let whole = found.flatMap(\.characters)
    guard count <= whole.count else {
      throw DataError.file(place: path, problem: "found \(whole.count) characters for \(count) clients").about(
        .clientCount)
    }
    return (0..<count).map { i in
      ClientText(
        name: "\(i)", characters: Array(whole[(i * whole.count / count)..<((i + 1) * whole.count / count)]))
    }
  }

  private func add(
    _ lines: consuming TextLines, of file: String, _ alphabet: Alphabet?, to texts: inout [ClientText]
  ) throws(DataError) {
    var speakers: [String: Int] = [:]
    // Before the first speaker, nobody speaks.
    var current: Int?
    if clients != .speakers {
      current = texts.count
      texts.append(ClientText(name: file, characters: []))
    }
    while let line = try lines.next() {
      if clients == .speakers, let name = SpeakerLine.name(line.text) {
        current = speakers[name] ?? texts.count
        if speakers[name] == nil {
          speakers[name] = texts.count
          texts.append(ClientText(name: "\(file): \(name)", characters: []))
        }
      } else if let current {
        for scalar in line.text.unicodeScalars { texts[current].characters.append(scalar.value) }
        if line.isEnded { texts[current].characters.append(0x0A) }
        if let alphabet { try lines.check(line, alphabet) }
      }
    }
  }

  private func alphabet(of texts: [ClientText]) throws(DataError) -> Alphabet {
    var scalars = ScalarSet()
    for text in texts { for value in text.characters { scalars.insert(value) } }
    let alphabet = Alphabet(scalars)
    guard (2...CSVData.mostClasses).contains(alphabet.scalars.count) else {
      throw .file(
        place: path,
        problem: "found \(alphabet.scalars.count) different characters; allowed: 2 to \(CSVData.mostClasses)")
    }
    return alphabet
  }

  /// The windows of texts that are long enough.
  private func dataset(
    _ texts: [ClientText], _ alphabet: Alphabet, _ clients: inout TextNumbers, place: String
  ) throws(DataError) -> Dataset {
    // A window needs a character behind it, which is its label.
    let windows = texts.map { max($0.characters.count - length + stride - 1, 0) / stride }
    let count = windows.reduce(0, +)
    guard count > 0 else {
      throw .file(
        place: place,
        problem: "no client has a text of more than \(length) characters (data.length); the longest has "
          + "\(texts.map(\.characters.count).max() ?? 0)")
    }
    try checkGeneratedSize(count, length)
    var features: [Float] = []
    features.reserveCapacity(count * length)
    var labels: [Int32] = []
    labels.reserveCapacity(count)
    var owners: [Int32] = []
    owners.reserveCapacity(count)
    for (text, windows) in zip(texts, windows) where windows > 0 {
      let numbers = text.characters.map { Float(alphabet.number(of: $0) ?? 0) }
      for window in 0..<windows {
        let end = window * stride + length
        features.append(contentsOf: numbers[(end - length)..<end])
        labels.append(Int32(numbers[end]))
      }
      owners.append(contentsOf: repeatElement(clients.number(of: text.name), count: windows))
    }
    let names = alphabet.names
    return try Dataset(
      features: features, labels: labels, featureCount: length, classCount: names.count, owners: owners,
      classNames: names, symbolNames: names)
  }

  /// The files of a folder by name, and what a client of each is called; a file of its own has no name.
  private static func files(_ path: String) throws(DataError) -> [(path: String, name: String)] {
    let names: [String]
    do throws(FileFailure) {
      names = try FilePath.names(in: path).filter { $0.hasSuffix(".txt") || $0.hasSuffix(".txt.gz") }
    } catch {
      if FilePath.kind(path) == .folder { throw .file(place: path, problem: error.problem) }
      return [(path, "")]
    }
    guard !names.isEmpty else { throw .file(place: path, problem: "found a folder without .txt or .txt.gz files") }
    return names.map { ("\(path)/\($0)", $0.hasSuffix(".gz") ? String($0.dropLast(3)) : $0) }
  }
}

/// The line that says who speaks next in a play or a log.
enum SpeakerLine {
  /// The name on a line that has nothing else; nil for any other line.
  ///
  /// Without blanks at its ends, such a line is a name and a colon ("First Citizen:"), or a name without a small letter and with a
  /// letter, and a full stop ("KING HENRY."). A name has at most 40 characters.
  static func name(_ line: String) -> String? {
    let isBlank = { (scalar: Unicode.Scalar) in scalar == " " || scalar == "\t" }
    var scalars = line.unicodeScalars[...]
    while let last = scalars.last, isBlank(last) { scalars.removeLast() }
    guard let mark = scalars.popLast(), mark == ":" || mark == "." else { return nil }
    while let first = scalars.first, isBlank(first) { scalars.removeFirst() }
    while let last = scalars.last, isBlank(last) { scalars.removeLast() }
    guard (1...40).contains(scalars.count) else { return nil }
    if mark == "." {
      guard scalars.contains(where: \.properties.isAlphabetic), !scalars.contains(where: \.properties.isLowercase)
      else {
        return nil
      }
    }
    return String(scalars)
  }
}

/// The lines of a text in UTF-8. The bytes belong to the caller.
struct TextLines {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let name: String
  private var place: Int

  struct Line {
    /// Without its end.
    let text: String
    let isEnded: Bool
    /// The offset of its first byte.
    let start: Int
  }

  init(_ bytes: UnsafeBufferPointer<UInt8>, name: String) {
    (self.bytes, self.name) = (bytes, name)
    place = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  mutating func next() throws(DataError) -> Line? {
    guard place < bytes.count else { return nil }
    let start = place
    let feed = bytes[start...].firstIndex(of: 0x0A)
    var end = feed ?? bytes.count
    place = end + 1
    if feed != nil, end > start, bytes[end - 1] == 0x0D { end -= 1 }
    guard let text = String(validating: bytes[start..<end], as: UTF8.self) else {
      throw .file(
        place: TextPlace.name(name, offset: start, in: bytes),
        problem: "found bytes that are not UTF-8 in this line; save the file as UTF-8")
    }
    return Line(text: text, isEnded: feed != nil, start: start)
  }

  /// Whether an alphabet has all characters of a line, and its end.
  func check(_ line: Line, _ alphabet: Alphabet) throws(DataError) {
    var offset = line.start
    for scalar in line.text.unicodeScalars {
      if alphabet.number(of: scalar.value) == nil { throw missing(scalar, at: offset) }
      offset += Unicode.UTF8.width(scalar)
    }
    if line.isEnded, alphabet.number(of: 0x0A) == nil { throw missing("\n", at: offset) }
  }

  private func missing(_ scalar: Unicode.Scalar, at offset: Int) -> DataError {
    .file(
      place: TextPlace.name(name, offset: offset, in: bytes),
      problem: "found the character \(Alphabet.shown(scalar)), which the alphabet does not have")
  }
}

extension TextData: Configurable {
  public static let keys = SettingList(
    TextData(path: ""),
    [
      Setting("test", \.test, .path, .unset("the end of each client's text"), "file or folder of test texts"),
      Setting("path", \.path, .path, .needed("a file or folder"), "a file of plain text, or a folder of .txt files"),
      Setting(
        "clients", \.clients, .either([.choice(["files", "speakers"], later: []), .integer(1...10_000_000)]),
        "whose an example is: a file each; a speaker each, named on a line of their own (docs/data.md); or so many equal parts of the text"
      ),
      Setting("length", \.length, .integer(1...65_536), "characters of an example, behind which the next is its label"),
      Setting("stride", \.stride, .integer(1...1_000_000), "characters between the starts of two examples"),
      Setting("alphabet", \.alphabet, Alphabet.range, Alphabet.fallback, Alphabet.meaning),
    ])

  public var problem: KeyProblem? { alphabet.flatMap(Alphabet.problem) }
}

extension TextData.Clients: SettingValue {
  public init?(setting: JSON) {
    switch setting {
    case .string("files"): self = .files
    case .string("speakers"): self = .speakers
    case .integer(let count) where count > 0: self = .parts(count)
    default: return nil
    }
  }

  public var setting: JSON {
    switch self {
    case .files: "files"
    case .speakers: "speakers"
    case .parts(let count): .integer(count)
    }
  }
}
