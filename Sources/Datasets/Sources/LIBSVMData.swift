import Files
import Settings

/// Sparse text as libsvm and svmlight have it, plain or gzipped: a line for each example, its label, then `index:value` with rising indices from 1 on.
///
///     +1 3:0.5 7:-1.25 # a comment
///
/// Features that a line does not name are 0. Rows are held dense.
public struct LIBSVMData: ExampleSource {
  /// The file of training examples.
  public var path: String
  /// The file of test examples; nil for a split.
  public var test: String?
  /// The number of features; nil for the largest index of both parts.
  public var features: Int?
  /// What a row is a picture of; nil where it is none.
  public var imageShape: Dataset.ImageShape?

  public init(path: String, test: String? = nil, features: Int? = nil, imageShape: Dataset.ImageShape? = nil) {
    (self.path, self.test, self.features, self.imageShape) = (path, test, features, imageShape)
  }

  public var description: String { "libsvm, \(path)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["path", "test"] }
  public var paths: [String] { [path] + (test.map { [$0] } ?? []) }
  public var readsTargets: Bool { true }
  public var reviewedLabels: DataSubject? { .file(.training) }

  /// More values than this (4 GiB) are not held: sparse text of a few bytes a line may stand for any number of them.
  static let mostValues = 1 << 30
  /// Indices from here on are no features of ours.
  static let mostFeatures = 100_000_000

  /// - Throws: `DataError` that names file, line and column.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    let training = try about(.file(.training)) { () throws(DataError) in
      try Self.read(path, most: features, aim: request.aim)
    }
    let tested = try about(.file(.test)) { () throws(DataError) -> Rows? in
      guard let test else { return nil }
      return try Self.read(test, most: features, aim: request.aim)
    }
    guard training.count > 0 else {
      throw DataError.file(place: path, problem: "found no examples").about(.file(.training))
    }
    let width = features ?? max(training.largest, tested?.largest ?? 0)
    guard width > 0 else {
      throw DataError.file(place: path, problem: "no line names a feature").about(.file(.training))
    }
    let texts = training.labels + (tested?.labels ?? [])
    let (classes, names) = request.aim == .classes ? CSVData.classes(of: texts) : ([], [])
    if request.aim == .classes {
      guard names.count > 1, names.count <= CSVData.mostClasses else {
        throw DataError.file(
          place: path,
          problem: names.count == 1
            ? "every label is \(ShownText.quoted(names[0])); a model needs two classes at least"
            : "found \(names.count) distinct labels; at most \(CSVData.mostClasses)"
        ).about(.file(.training))
      }
    }
    let dataset = { (rows: Rows, name: String, first: Int) throws(DataError) -> Dataset in
      let values = try rows.dense(width, name: name)
      if request.aim == .quantities {
        return try Dataset(
          features: values, targets: rows.targets(name: name), featureCount: width, imageShape: imageShape)
      }
      return try Dataset(
        features: values, labels: Array(classes[first..<(first + rows.count)]), featureCount: width,
        classCount: names.count, imageShape: imageShape, classNames: names)
    }
    let trainingSet = try about(.file(.training)) { () throws(DataError) in try dataset(training, path, 0) }
    let testSet = try about(.file(.test)) { () throws(DataError) -> Dataset? in
      guard let test, let tested else { return nil }
      return try dataset(tested, test, training.count)
    }
    return LoadedData(training: trainingSet, test: testSet, labelPlace: "the labels of \(path)")
  }

  /// Lines as they are read: what is not zero.
  struct Rows {
    var labels: [String] = []
    /// Where each row's values end.
    var ends: [Int] = []
    var indices: [Int32] = []
    var values: [Float] = []
    var largest = 0

    var count: Int { labels.count }

    /// - Throws: `DataError` where rows of that many features are more than is held.
    func dense(_ width: Int, name: String) throws(DataError) -> [Float] {
      let (size, overflows) = count.multipliedReportingOverflow(by: width)
      guard !overflows, size <= LIBSVMData.mostValues else {
        throw .file(
          place: name,
          problem:
            "\(count) examples of \(width) features are more than the \(LIBSVMData.mostValues) values that are held: rows are held dense; data.features says how many features there are"
        )
      }
      var dense = [Float](repeating: 0, count: size)
      var next = 0
      for (row, end) in ends.enumerated() {
        while next < end {
          dense[row * width + Int(indices[next])] = values[next]
          next += 1
        }
      }
      return dense
    }

    func targets(name: String) throws(DataError) -> [Float] {
      var targets: [Float] = []
      targets.reserveCapacity(count)
      for (i, text) in labels.enumerated() {
        var position = 0
        let value = Array(text.utf8).withUnsafeBufferPointer { bytes -> Float? in
          let found = DecimalNumber.read(bytes, &position, isStrict: false)
          return position == bytes.count ? found : nil
        }
        guard let value, value.isFinite else {
          throw .file(
            place: "\(name): example \(i)",
            problem: "found the label \(ShownText.quoted(text)); a quantity is a finite number")
        }
        targets.append(value)
      }
      return targets
    }
  }

  /// - Parameter most: the number of features, where somebody said it.
  private static func read(_ path: String, most: Int?, aim: LearningAim) throws(DataError) -> Rows {
    try rows(DataFile.read(path), name: path, most: most, aim: aim)
  }

  /// - Parameter name: what errors call the text.
  static func rows(
    _ bytes: [UInt8], name path: String, most: Int?, aim: LearningAim = .classes
  ) throws(DataError) -> Rows {
    guard bytes.count <= Gzip.largestText else {
      throw .file(place: path, problem: "found more than \(Gzip.largestText) bytes of text")
    }
    let result = bytes.withUnsafeBufferPointer { text in
      Result { () throws(DataError) in
        var reader = LIBSVMReader(text, name: path, most: most, aim: aim)
        return try reader.rows()
      }
    }
    return try result.get()
  }

  /// One pass over the text.
  private struct LIBSVMReader {
    private let text: UnsafeBufferPointer<UInt8>
    private let name: String
    private let most: Int?
    private let aim: LearningAim
    private var next: Int

    init(_ text: UnsafeBufferPointer<UInt8>, name: String, most: Int?, aim: LearningAim) {
      (self.text, self.name, self.most, self.aim) = (text, name, most, aim)
      next = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    mutating func rows() throws(DataError) -> Rows {
      var rows = Rows()
      while next < text.count {
        skipBlanks()
        if next < text.count, !isEnd(text[next]) { try line(&rows) }
        endLine()
      }
      return rows
    }

    private mutating func line(_ rows: inout Rows) throws(DataError) {
      let start = next
      while next < text.count, !isBlank(text[next]), !isEnd(text[next]) { next += 1 }
      guard let label = String(validating: text[start..<next], as: UTF8.self) else {
        throw failure("found bytes that are not UTF-8; save the file as UTF-8", at: start)
      }
      guard !label.contains(":") else {
        throw failure("found \(ShownText.quoted(label)) where the label is expected", at: start)
      }
      guard !label.contains(",") else {
        throw failure(
          "found \(ShownText.quoted(label)) as a label: several labels an example, or a table for the source \"csv\", are not read",
          at: start)
      }
      if aim == .quantities {
        var position = start
        guard let value = DecimalNumber.read(text, &position, isStrict: false), position == next, value.isFinite else {
          throw failure("found the label \(ShownText.quoted(label)); a quantity is a finite number", at: start)
        }
      }
      var last = -1
      while true {
        skipBlanks()
        if next == text.count || isEnd(text[next]) { break }
        let place = next
        let index = try index(at: place)
        guard index > last else {
          throw failure("found the index \(index + 1) behind \(last + 1): indices rise", at: place)
        }
        last = index
        guard let value = DecimalNumber.read(text, &next, isStrict: false),
          next == text.count || isBlank(text[next]) || isEnd(text[next])
        else { throw failure("found no number behind the index \(index + 1)", at: place) }
        guard value.isFinite else {
          throw failure("found a number beyond the range of single precision", at: place)
        }
        rows.largest = max(rows.largest, index + 1)
        rows.indices.append(Int32(index))
        rows.values.append(value)
      }
      rows.labels.append(label)
      rows.ends.append(rows.values.count)
      guard rows.count < Int32.max else { throw failure("found more than \(Int32.max) examples", at: start) }
    }

    /// The index before a colon, from 0.
    private mutating func index(at place: Int) throws(DataError) -> Int {
      if text[next...].starts(with: "qid:".utf8) {
        throw failure(
          "found qid, the number of a query: rankings are not learned here; take it out of the file", at: place)
      }
      var value = 0
      while next < text.count, case let digit = text[next] &- 0x30, digit < 10, next < place + 12 {
        value = value * 10 + Int(digit)
        next += 1
      }
      guard next > place, next < text.count, text[next] == UInt8(ascii: ":") else {
        var end = place
        while end < text.count, end < place + 40, !isBlank(text[end]), !isEnd(text[end]) { end += 1 }
        throw failure(
          "found \(ShownText.quoted(String(decoding: text[place..<end], as: UTF8.self))); allowed: index:value",
          at: place)
      }
      next += 1
      guard value > 0 else { throw failure("found the index 0; indices begin with 1", at: place) }
      let largest = most ?? LIBSVMData.mostFeatures
      guard value <= largest else {
        throw failure(
          "found the index \(value); allowed: 1 to \(largest)\(most == nil ? "" : ", the number of features (data.features)")",
          at: place)
      }
      return value - 1
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    private func isEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D || byte == UInt8(ascii: "#") }

    private mutating func skipBlanks() { while next < text.count, isBlank(text[next]) { next += 1 } }

    /// Skips a comment and the end of the line.
    private mutating func endLine() {
      while next < text.count, text[next] != 0x0A, text[next] != 0x0D { next += 1 }
      if next < text.count { next += 1 }
    }

    private func failure(_ problem: String, at offset: Int) -> DataError {
      .file(place: TextPlace.name(name, offset: offset, in: text), problem: problem)
    }
  }
}

extension LIBSVMData: Configurable {
  public static let keys = SettingList(
    LIBSVMData(path: ""),
    [
      Setting("test", \.test, .path, .unset("split by `testFraction`"), "file of test examples"),
      Setting("path", \.path, .path, .needed("a file"), "the file, plain or gzipped"),
      Setting(
        "features", \.features, .integer(1...LIBSVMData.mostFeatures), .absent("the largest index of both files"),
        "number of features"),
      Setting(
        "imageShape", \.imageShape, Dataset.ImageShape.range, .absent("no images"),
        "height, width and channels where features are pixels, channels last"),
    ])
}
