import Files
import Numerics

/// What the examples of a file look like; all examples of a scenario look alike.
struct LEAFForm: Sendable {
  /// Nil before the first example.
  var row: Row?
  /// Nil before the first label.
  var label: Label?

  enum Row: Sendable, Equatable {
    /// So many of them.
    case numbers(Int)
    /// Of so many characters (Unicode scalars).
    case text(Int)
  }

  enum Label: Sendable, Equatable {
    case number
    case text
    /// An array of so many zeros, one of which is a 1.
    case oneOf(Int)
  }

  /// The features of an example.
  var width: Int {
    switch row {
    case .numbers(let count)?, .text(let count)?: count
    case nil: 0
    }
  }

  var isText: Bool { if case .text? = row { true } else { false } }

  /// Why a row cannot stand beside others; nil where it can.
  static func problem(_ row: Row, _ others: Row?) -> String? {
    guard let others, row != others else { return nil }
    return switch (row, others) {
    case (.numbers(let found), .numbers(let count)): "found an example of \(found) features; others have \(count)"
    case (.text(let found), .text(let count)): "found a text of \(found) characters; others have \(count)"
    case (.numbers, .text): "found an example of numbers; others are texts"
    case (.text, .numbers): "found an example that is a text; others are numbers"
    }
  }

  static func problem(_ label: Label, _ others: Label?) -> String? {
    guard let others, label != others else { return nil }
    return "found a label that is \(words(label)); others are \(words(others, isPlural: true))"
  }

  private static func words(_ label: Label, isPlural: Bool = false) -> String {
    switch label {
    case .number: isPlural ? "numbers" : "a number"
    case .text: isPlural ? "texts" : "a text"
    case .oneOf(let count): isPlural ? "arrays of \(count)" : "an array of \(count)"
    }
  }
}

/// The examples of one file as they stand there.
struct LEAFFile: Sendable {
  let name: String
  var form = LEAFForm()
  /// The byte of the first row and of the first label.
  var firstRow = 0
  var firstLabel = 0
  /// Numbers, or code points of characters, which are exact in single precision.
  var features: [Float] = []
  /// A class number for each example, or the number of its text in `labelTexts`, or the place of the 1 in its array. Empty where labels are
  /// quantities.
  var labels: [Int32] = []
  var quantities: [Float] = []
  var labelTexts = TextNumbers()
  /// The byte where each text first stands.
  var labelPlaces: [Int] = []
  /// The characters of rows and labels, where rows are texts.
  var scalars = ScalarSet()
  /// In the order of `user_data`.
  var users: [User] = []

  struct User: Sendable {
    let name: String
    /// The byte of the name.
    let place: Int
    var count = 0
  }

  init(name: String) { self.name = name }

  /// - Throws: `DataError` that names line and column.
  init(_ bytes: [UInt8], name: String, _ options: LEAFReader.Options = .init()) throws(DataError) {
    guard bytes.count <= Gzip.largestText else {
      throw .file(place: name, problem: "found more than \(Gzip.largestText) bytes of text")
    }
    let result = bytes.withUnsafeBufferPointer { text in
      Result { () throws(DataError) in
        var reader = LEAFReader(text, name: name, options)
        return try reader.read()
      }
    }
    self = try result.get()
  }

  /// An error at a byte of the file, whose text is no longer there: it is read once more to count lines.
  func failure(_ problem: String, at place: Int) -> DataError {
    var text: [UInt8] = []
    // A pipe would not be there again.
    if FilePath.kind(name) == .file {
      do throws(DataError) { text = try DataFile.read(name) } catch { text = [] }
    }
    let shown = text.withUnsafeBufferPointer { bytes in
      place <= bytes.count && !bytes.isEmpty ? TextPlace.name(name, offset: place, in: bytes) : "\(name): byte \(place)"
    }
    return .file(place: shown, problem: problem)
  }
}

extension LEAFData {
  /// The examples of all files of a part.
  struct Examples: Sendable {
    private(set) var form = LEAFForm()
    /// As in `LEAFFile`.
    private(set) var features: [Float] = []
    private(set) var labels: [Int32] = []
    private(set) var quantities: [Float] = []
    private(set) var labelTexts: [String] = []
    private(set) var scalars = ScalarSet()
    private(set) var owners: [Int32] = []

    /// Reads files in parallel and puts them together in the order of their names: the same for any number of threads.
    ///
    /// Memory: a text for each thread, the examples once, and those of the largest file a second time.
    ///
    /// - Parameters:
    ///   - users: all users that are known, and their numbers; new ones follow.
    ///   - training: what these examples have to look like; nil for the training part itself.
    init(
      _ path: String, _ options: LEAFReader.Options, _ users: inout TextNumbers, _ parallel: Parallel,
      like training: Examples? = nil
    ) throws(DataError) {
      let names = try DataFile.jsonFiles(path)
      let read = parallel.map(names.count) { i in
        Result { () throws(DataError) in try LEAFFile(DataFile.read(names[i]), name: names[i], options) }
      }
      var files: [LEAFFile] = []
      files.reserveCapacity(read.count)
      for file in consume read { files.append(try file.get()) }
      try self.init(files: consume files, &users, like: training)
      guard !owners.isEmpty else { throw .file(place: path, problem: "found no examples") }
    }

    init(files read: consuming [LEAFFile], _ users: inout TextNumbers, like training: Examples? = nil) throws(DataError)
    {
      var files = read
      if let training { form = training.form }
      var texts = TextNumbers()
      var present = Set<Int32>()
      let total = files.reduce(0) { $0 + $1.users.reduce(0) { $0 + $1.count } }
      owners.reserveCapacity(total)
      labels.reserveCapacity(files.reduce(0) { $0 + $1.labels.count })
      quantities.reserveCapacity(files.reduce(0) { $0 + $1.quantities.count })
      let values = files.reduce(0) { $0 + $1.features.count }
      for i in files.indices {
        try join(files[i].form, of: files[i])
        for user in files[i].users {
          let owner = users.number(of: user.name)
          guard present.insert(owner).inserted else {
            throw files[i].failure("found user \(ShownText.quoted(user.name)) a second time", at: user.place)
          }
          guard owners.count + user.count <= Int(Int32.max) else {
            throw files[i].failure("found more than \(Int32.max) examples", at: user.place)
          }
          owners.append(contentsOf: repeatElement(owner, count: user.count))
        }
        let numbers = files[i].labelTexts.texts.map { texts.number(of: $0) }
        if numbers.isEmpty { labels += files[i].labels } else { labels += files[i].labels.map { numbers[Int($0)] } }
        quantities += files[i].quantities
        scalars.formUnion(files[i].scalars)
        // The only file's stay where they are.
        if features.isEmpty, files[i].features.count == values {
          swap(&features, &files[i].features)
        } else {
          if features.isEmpty { features.reserveCapacity(values) }
          features += files[i].features
        }
        files[i].features = []
      }
      labelTexts = texts.texts
    }

    private mutating func join(_ other: LEAFForm, of file: LEAFFile) throws(DataError) {
      if let row = other.row {
        if let problem = LEAFForm.problem(row, form.row) { throw file.failure(problem, at: file.firstRow) }
        form.row = row
      }
      if let label = other.label {
        if let problem = LEAFForm.problem(label, form.label) { throw file.failure(problem, at: file.firstLabel) }
        form.label = label
      }
    }

    /// Puts the numbers of symbols in the places of code points and of labels that are texts of one.
    mutating func number(by alphabet: Alphabet) {
      for i in features.indices { features[i] = Float(alphabet.number(of: UInt32(features[i])) ?? 0) }
      let symbols = labelTexts.map { text in text.unicodeScalars.first.flatMap { alphabet.number(of: $0.value) } ?? 0 }
      for i in labels.indices { labels[i] = symbols[Int(labels[i])] }
    }
  }
}
