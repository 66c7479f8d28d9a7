import Files
import JSONText
import Numerics
import Settings

/// The JSON of the LEAF benchmark (Caldas et al. 2018), plain or gzipped, a file or a folder of files: users are clients.
///
///     {"users": ["a"], "num_samples": [2], "user_data": {"a": {"x": [[0, 1], [1, 0]], "y": [0, 1]}}}
///
/// Rows of x are numbers, nested or not (rows of an image), with y a class number, a text, or an array of zeros and one 1; or they are
/// texts of equal length, each with the next character as y (Shakespeare). Test examples have the clients of the training files.
///
/// Files of a folder are read in parallel; as many texts are in memory as there are threads.
public struct LEAFData: ExampleSource {
  /// A file or a folder of files.
  public var path: String
  /// A file or a folder of test examples; nil for a split.
  public var test: String?
  /// The number of classes; nil where labels say it: the largest of both parts and one more, or the different texts of both.
  public var classes: Int?
  /// What a row is a picture of; nil where it is none.
  public var imageShape: Dataset.ImageShape?
  /// The characters of texts in the order of their numbers; nil for those of both parts by code point.
  public var alphabet: String?

  public init(
    path: String, test: String? = nil, classes: Int? = nil, imageShape: Dataset.ImageShape? = nil,
    alphabet: String? = nil
  ) {
    self.path = path
    self.test = test
    self.classes = classes
    self.imageShape = imageShape
    self.alphabet = alphabet
  }

  public var description: String { "LEAF, \(path)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["path", "test"] }
  public var paths: [String] { [path] + (test.map { [$0] } ?? []) }
  public var areClassesGiven: Bool { classes != nil }
  public var areSymbolsGiven: Bool { alphabet != nil }
  public var readsTargets: Bool { true }
  public var reviewedLabels: DataSubject? { .file(.training) }

  /// - Throws: `DataError` that names file, line and column.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    let form = LEAFReader.Options(aim: request.aim, alphabet: alphabet.map { Alphabet($0) })
    var users = TextNumbers()
    var training = try about(.file(.training)) { () throws(DataError) in
      try Examples(path, form, &users, request.parallel)
    }
    var testing = try about(.file(.test)) { () throws(DataError) in
      try test.map { test throws(DataError) in
        try Examples(test, form, &users, request.parallel, like: training)
      }
    }
    return try about(.file(.training)) { () throws(DataError) in
      switch request.aim {
      case .quantities: try quantities(training, testing)
      case .classes:
        training.form.isText
          ? try texts(&training, &testing, form.alphabet) : try classified(training, testing)
      }
    }
  }

  /// Class numbers, or texts and arrays that stand for them.
  ///
  /// - Returns: the test part is nil where no file of one is given. Users of test files only are no clients.
  /// - Throws: `DataError` that names file, line and column.
  public static func load(
    _ path: String, test: String?, classes: Int?, imageShape: Dataset.ImageShape?
  ) throws(DataError) -> LoadedData {
    try LEAFData(path: path, test: test, classes: classes, imageShape: imageShape)
      .load(LoadRequest(seed: 0, testFraction: 0.5, parallel: Parallel(threads: 1)))
  }

  private var labelPlace: String { "the labels \"y\" of \(path)" }

  private func quantities(
    _ training: consuming Examples, _ testing: consuming Examples?
  ) throws(DataError) -> LoadedData {
    if classes != nil {
      throw DataError.shape("found a number of classes for labels that are quantities").about(.classCount)
    }
    let dataset = { (examples: Examples) throws(DataError) in
      try Dataset(
        features: examples.features, targets: examples.quantities, featureCount: examples.form.width,
        owners: examples.owners, imageShape: imageShape)
    }
    return try LoadedData(
      training: dataset(training), test: testing.map { examples throws(DataError) in try dataset(examples) },
      labelPlace: labelPlace)
  }

  private func classified(_ training: Examples, _ testing: Examples?) throws(DataError) -> LoadedData {
    if alphabet != nil { throw DataError.shape("found an alphabet for examples that are numbers") }
    let classCount: Int
    // The class of each text, those of the test part behind those of the training part; nil where labels are numbers.
    var classOfText: [Int32]?
    var names: [String]?
    switch training.form.label {
    case .text:
      let (found, texts) = CSVData.classes(of: training.labelTexts + (testing?.labelTexts ?? []))
      guard (2...CSVData.mostClasses).contains(texts.count) else {
        throw .file(
          place: path,
          problem: texts.count < 2
            ? "every label is \(ShownText.list(texts)); a model needs two classes at least"
            : "found \(texts.count) different labels; at most \(CSVData.mostClasses)")
      }
      (classOfText, names, classCount) = (found, texts, texts.count)
      try checkClassCount(classCount, "different labels")
    case .oneOf(let width):
      classCount = width
      try checkClassCount(classCount, "places of a label's array")
    case .number, nil:
      let largest = max(training.labels.max() ?? 0, testing?.labels.max() ?? 0)
      classCount = classes ?? max(Int(largest) + 1, 2)
      guard Int(largest) < classCount else {
        throw DataError.file(place: path, problem: "found label \(largest); allowed: 0 to \(classCount - 1)")
          .about(.classCount)
      }
    }
    let dataset = { (examples: Examples, offset: Int) throws(DataError) in
      try Dataset(
        features: examples.features,
        labels: classOfText.map { classes in examples.labels.map { classes[offset + Int($0)] } } ?? examples.labels,
        featureCount: examples.form.width, classCount: classCount, owners: examples.owners, imageShape: imageShape,
        classNames: names)
    }
    return try LoadedData(
      training: dataset(training, 0),
      test: testing.map { examples throws(DataError) in try dataset(examples, training.labelTexts.count) },
      labelPlace: labelPlace)
  }

  private func checkClassCount(_ found: Int, _ what: String) throws(DataError) {
    guard let classes, classes != found else { return }
    throw DataError.file(place: path, problem: "found \(found) \(what); the scenario says \(classes)").about(
      .classCount)
  }

  /// Texts, each with its next character. Code points become numbers of symbols in their places.
  private func texts(
    _ training: inout Examples, _ testing: inout Examples?, _ given: Alphabet?
  ) throws(DataError) -> LoadedData {
    if imageShape != nil {
      throw DataError.shape("found a shape of images for examples that are texts").about(.imageShape)
    }
    var found = training.scalars
    if let testing { found.formUnion(testing.scalars) }
    let alphabet = given ?? Alphabet(found)
    let names = alphabet.names
    guard (2...CSVData.mostClasses).contains(names.count) else {
      throw .file(
        place: path, problem: "found \(names.count) different characters; allowed: 2 to \(CSVData.mostClasses)")
    }
    try checkClassCount(names.count, "different characters")
    training.number(by: alphabet)
    testing?.number(by: alphabet)
    let dataset = { (examples: Examples) throws(DataError) in
      try Dataset(
        features: examples.features, labels: examples.labels, featureCount: examples.form.width,
        classCount: names.count, owners: examples.owners, classNames: names, symbolNames: names)
    }
    return try LoadedData(
      training: dataset(training), test: testing.map { examples throws(DataError) in try dataset(examples) },
      labelPlace: labelPlace)
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
      Setting("alphabet", \.alphabet, Alphabet.range, Alphabet.fallback, Alphabet.meaning),
    ])

  public var problem: KeyProblem? { alphabet.flatMap(Alphabet.problem) }
}
