import Files

/// An array of numbers, and what messages call it: a file, or an array in an archive.
struct NamedArray: Sendable {
  let name: String
  let array: NumberArray

  /// A mistake of one number.
  func wrong(at number: Int, _ problem: String) -> DataError {
    .file(place: name, problem: "byte \(array.offset(of: number)): \(problem)")
  }

  /// A mistake of the shape.
  func wrongShape(_ problem: String) -> DataError {
    .file(place: name, problem: "byte \(array.shapeOffset): \(problem)")
  }

  /// How many numbers a list has, as an array of N or of N x 1.
  ///
  /// - Parameter what: what the numbers are, such as "labels".
  func listCount(_ what: String) throws(DataError) -> Int {
    let shape = array.shape
    guard shape.count == 1 || (shape.count == 2 && shape[1] == 1) else {
      throw wrongShape(
        "found \(shape.count) dimensions; \(what) have 1"
          + (shape.count > 1 ? ": are features and \(what) exchanged?" : ""))
    }
    return shape[0]
  }
}

/// What an array of labels says.
struct ArrayLabels: Sendable {
  let source: NamedArray
  /// Class numbers from 0; empty where quantities are learned.
  let classes: [Int]
  /// The quantities to predict; nil where classes are learned.
  let targets: [Float]?

  var count: Int { targets?.count ?? classes.count }

  /// Labels from here on are no classes.
  static let mostClasses = 65_536

  /// - Parameter first: the number that stands for class 0.
  /// - Throws: `DataError` with the byte of the first label that is none.
  init(_ source: NamedArray, aim: LearningAim, first: Int = 0) throws(DataError) {
    self.source = source
    _ = try source.listCount("labels")
    if aim == .quantities {
      let found = source.array.floats(dividedBy: 1)
      if let i = found.firstIndex(where: { !$0.isFinite }) {
        throw source.wrong(at: i, "the quantity of example \(i) is not finite in float32")
      }
      (classes, targets) = ([], found)
      return
    }
    guard source.array.isInteger else {
      throw .file(
        place: source.name,
        problem: "found numbers of type '\(source.array.typeName)'; labels are integers: y.astype(int); "
          + "of words, numpy.unique(y, return_inverse=True)[1]; quantities are for task \"regression\"")
    }
    var values: [Int] = []
    values.reserveCapacity(source.array.count)
    for (i, value) in source.array.integers().enumerated() {
      guard let value, value >= first, value - first < Self.mostClasses else {
        throw source.wrong(
          at: i,
          "found label \(value.map(String.init) ?? "2^63 or more"); allowed: \(first) to \(first + Self.mostClasses - 1)"
        )
      }
      values.append(value - first)
    }
    (classes, targets) = (values, nil)
  }

  /// How many classes two parts have: as many as somebody said, or one more than the largest label.
  ///
  /// - Throws: `DataError` about the number of classes, or about the test, with the byte of the first label beyond them.
  static func classCount(
    _ training: ArrayLabels?, _ test: ArrayLabels?, given: Int?, first: Int = 0
  ) throws(DataError) -> Int {
    let largest = max(training?.classes.max() ?? 0, test?.classes.max() ?? 0)
    let count = given ?? max(largest + 1, 2)
    for (labels, subject) in [(training, DataSubject.classCount), (test, .file(.test))] {
      guard let labels, let i = labels.classes.firstIndex(where: { $0 >= count }) else { continue }
      throw labels.source.wrong(
        at: i, "found label \(labels.classes[i] + first); allowed: \(first) to \(first + count - 1)"
      ).about(subject)
    }
    return count
  }
}

/// Examples of one part, made of arrays.
struct ExampleArrays {
  let features: NamedArray
  let labels: ArrayLabels?
  /// Whose each example is, by any integers; nil where nobody says.
  let clients: NamedArray?

  /// The clients of the examples, numbered from 0 in the order in which they first appear; nil where nobody says.
  fileprivate func owners(_ count: Int) throws(DataError) -> [Int32]? {
    guard let clients else { return nil }
    let found = try clients.listCount("clients")
    guard found == count else {
      throw clients.wrongShape("found \(found) clients for \(count) examples in \(features.name)")
    }
    guard clients.array.isInteger else {
      throw .file(
        place: clients.name,
        problem: "found numbers of type '\(clients.array.typeName)'; clients are integers: c.astype(int)")
    }
    var numbers: [Int: Int32] = [:]
    var owners: [Int32] = []
    owners.reserveCapacity(clients.array.count)
    for (i, client) in clients.array.integers().enumerated() {
      guard let client else { throw clients.wrong(at: i, "found client 2^63 or more; allowed: integers below that") }
      let number = numbers[client] ?? Int32(truncatingIfNeeded: numbers.count)
      numbers[client] = number
      owners.append(number)
    }
    return owners
  }

  /// - Parameters:
  ///   - scale: what features are divided by.
  ///   - isTransposed: whether pictures have their columns in the place of their rows.
  func dataset(classCount: Int, scale: Double, isTransposed: Bool = false) throws(DataError) -> Dataset {
    let array = features.array
    let shape = array.shape
    guard let count = shape.first, count > 0 else { throw features.wrongShape("found no examples") }
    guard shape[1...].allSatisfy({ (1...1_000_000).contains($0) }) else {
      throw features.wrongShape("found the shape \(shape); sides may be 1 to 1000000")
    }
    if let labels, labels.count != count {
      throw features.wrongShape("found \(count) examples for \(labels.count) labels in \(labels.source.name)")
    }
    let owners = try about(.file(.clients)) { () throws(DataError) in try self.owners(count) }
    var values = array.floats(dividedBy: scale)
    let width = array.count / count
    // Integers over 1 or more are always finite: a pass over large files of pictures less.
    if !array.isInteger || scale < 1, let i = values.firstIndex(where: { !$0.isFinite }) {
      throw features.wrong(at: i, "feature \(i % width) of example \(i / width) is not finite in float32")
    }
    var image =
      shape.count > 2
      ? Dataset.ImageShape(height: shape[1], width: shape[2], channels: shape.count > 3 ? shape[3] : 1) : nil
    if isTransposed, let stored = image {
      values = Self.transposed(values, stored)
      image = Dataset.ImageShape(height: stored.width, width: stored.height, channels: stored.channels)
    }
    if let targets = labels?.targets {
      return try Dataset(features: values, targets: targets, featureCount: width, owners: owners, imageShape: image)
    }
    return try Dataset(
      features: values, labels: labels?.classes.map { Int32($0) } ?? [Int32](repeating: 0, count: count),
      featureCount: width, classCount: classCount, owners: owners, imageShape: image)
  }

  /// Rows and columns exchanged in every picture.
  private static func transposed(_ values: [Float], _ shape: Dataset.ImageShape) -> [Float] {
    let (height, width, channels) = (shape.height, shape.width, shape.channels)
    let size = height * width * channels
    return [Float](unsafeUninitializedCapacity: values.count) { turned, filled in
      for first in stride(from: 0, to: values.count, by: size) {
        for y in 0..<height {
          for x in 0..<width {
            for c in 0..<channels {
              turned.initializeElement(
                at: first + (x * height + y) * channels + c, to: values[first + (y * width + x) * channels + c])
            }
          }
        }
      }
      filled = values.count
    }
  }
}

/// Where the arrays of training and test examples come from. Features are asked for last and part by part, so that no more than one part's
/// file is held.
protocol ArraySource {
  var hasTest: Bool { get }
  /// What errors of the training examples' features are about.
  var featureSubject: DataSubject.FileRole { get }
  /// What messages call the features of a part.
  func name(isTest: Bool) -> String
  /// Nil where the part has no labels.
  func labels(isTest: Bool) throws(DataError) -> NamedArray?
  func features(isTest: Bool) throws(DataError) -> NamedArray
  /// Whose the training examples are; nil where nobody says.
  func readClients() throws(DataError) -> NamedArray?
  /// Whether the scenario asks for these clients, so that an array that says nothing of them is an error.
  var areClientsAsked: Bool { get }
  /// Where labels may be that were not found, as the end of a sentence.
  var labelHint: String { get }
}

extension ArraySource {
  /// The examples.
  ///
  /// - Parameters:
  ///   - scale: what features of an array are divided by.
  ///   - first: the label of class 0.
  func examples(
    _ request: LoadRequest, classes: Int?, first: Int = 0, isTransposed: Bool = false, scale: (NumberArray) -> Double
  ) throws(DataError) -> LoadedData {
    let aim = request.aim
    let labels = try about(.file(.labels)) { () throws(DataError) in
      try read(self.labels(isTest: false), aim, first)
    }
    let tested = try about(.file(.test)) { () throws(DataError) in
      hasTest ? try read(self.labels(isTest: true), aim, first) : nil
    }
    if hasTest, (tested == nil) != (labels == nil) {
      throw DataError.file(
        place: name(isTest: true),
        problem: "its examples have \(tested == nil ? "no labels" : "labels"), and the training examples "
          + (labels == nil ? "have none" : "have some")
      ).about(.file(.test))
    }
    if aim == .quantities || request.needsLabels, labels == nil {
      throw DataError.file(
        place: name(isTest: false),
        problem:
          "its examples have no labels, which are the \(aim == .quantities ? "quantities" : "classes") to predict"
          + labelHint
      ).about(.file(.labels))
    }
    let classCount = try ArrayLabels.classCount(labels, tested, given: classes, first: first)
    var warnings: [String] = []
    let training = try about(.file(featureSubject)) { () throws(DataError) in
      let features = try features(isTest: false)
      let clients = try clients(of: features, &warnings)
      return try ExampleArrays(features: features, labels: labels, clients: clients).dataset(
        classCount: classCount, scale: scale(features.array), isTransposed: isTransposed)
    }
    guard hasTest else {
      return LoadedData(training: training, test: nil, labelPlace: place(of: labels), warnings: warnings)
    }
    let test = try about(.file(.test)) { () throws(DataError) in
      let features = try features(isTest: true)
      return try ExampleArrays(features: features, labels: tested, clients: nil).dataset(
        classCount: classCount, scale: scale(features.array), isTransposed: isTransposed)
    }
    guard (test.featureCount, test.imageShape) == (training.featureCount, training.imageShape) else {
      throw DataError.file(
        place: name(isTest: true), problem: "its examples differ in shape from those of \(name(isTest: false))"
      ).about(.file(.test))
    }
    return LoadedData(training: training, test: test, labelPlace: place(of: labels), warnings: warnings)
  }

  /// The array of clients: one that was found by its name alone, and says nothing of clients, is none, with a warning.
  private func clients(of features: NamedArray, _ warnings: inout [String]) throws(DataError) -> NamedArray? {
    do throws(DataError) {
      guard let found = try readClients() else { return nil }
      // The number of examples is looked at with the features.
      guard !areClientsAsked, let count = features.array.shape.first, count > 0 else { return found }
      _ = try ExampleArrays(features: features, labels: nil, clients: found).owners(count)
      return found
    } catch {
      guard !areClientsAsked else { throw error.about(.file(.clients)) }
      warnings.append("\(error.description): examples have no clients of their own (data.clients names another array).")
      return nil
    }
  }

  private func read(_ source: NamedArray?, _ aim: LearningAim, _ first: Int) throws(DataError) -> ArrayLabels? {
    guard let source else { return nil }
    return try ArrayLabels(source, aim: aim, first: first)
  }

  private func place(of labels: ArrayLabels?) -> String { labels.map { "the labels of \($0.source.name)" } ?? "" }
}
