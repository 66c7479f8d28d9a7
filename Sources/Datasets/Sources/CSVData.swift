import ChannelCoding
import Files
import JSONText
import Numerics
import Settings

/// A table of text (RFC 4180, with other delimiters and decimal commas), plain or gzipped: a column of labels or of quantities to predict,
/// optionally one of clients, and numbers or categories in all others.
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
  public var form: CSVForm
  public var rules: FeatureRules

  public init(
    path: String, test: String? = nil, columns: Columns, imageShape: Dataset.ImageShape? = nil,
    form: CSVForm = CSVForm(), rules: FeatureRules = FeatureRules()
  ) {
    self.path = path
    self.test = test
    self.columns = columns
    self.imageShape = imageShape
    self.form = form
    self.rules = rules
  }

  public var description: String { "CSV, \(path)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["path", "test"] }
  public var paths: [String] { [path] + (test.map { [$0] } ?? []) }
  public var ownerKey: String? { "clientColumn" }
  public var reviewedLabels: DataSubject? { .column(.label) }
  public var readsTargets: Bool { true }

  /// Classes are the distinct labels of both parts, in order: by value where all are numbers, else by bytes.
  ///
  /// - Returns: the test part is nil where no file of one is given. Its file need not have the column of clients. Features are as the files have
  ///   them until `LoadedData.columns` are fitted to the training part: not scaled, and NaN where a number is missing.
  /// - Throws: `DataError` that names file, line and column.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    let reading = Reading(columns: columns, form: form, rules: rules, aim: request.aim, parallel: request.parallel)
    let training = try about(.file(.training)) { () throws(DataError) in
      try Self.table(DataFile.read(path), name: path, reading)
    }
    let testing = try about(.file(.test)) { () throws(DataError) in
      try test.map { test throws(DataError) in
        try Self.table(DataFile.read(test), name: test, reading, like: (training, path))
      }
    }
    return try about(.file(.training)) { () throws(DataError) in
      try loaded(training, testing, request)
    }
  }

  /// More distinct labels than this are no classes.
  static let mostClasses = 65_536

  /// As `load(_:)` of a source that says no more than this.
  public static func load(
    _ path: String, test: String?, columns: Columns, imageShape: Dataset.ImageShape?
  ) throws(DataError) -> LoadedData {
    try CSVData(path: path, test: test, columns: columns, imageShape: imageShape)
      .load(LoadRequest(seed: 0, testFraction: 0.2, parallel: Parallel(threads: 1)))
  }

  private func loaded(
    _ training: Table, _ testing: Table?, _ request: LoadRequest
  ) throws(DataError) -> LoadedData {
    let layout = try CSVLayout(training, testing, rules, name: path)
    let column = "column \(ShownText.quoted(training.header[training.label]))"
    var warnings = CSVReview.warnings(training, path, isImage: imageShape != nil)
    warnings += layout.warnings(of: training, name: path, isTest: false)
    if let testing { warnings += layout.warnings(of: testing, name: test ?? "", isTest: true) }
    guard training.rows > 0 else { throw .file(place: path, problem: "found no examples") }
    var (classes, names): ([Int32], [String]) = ([], [])
    if request.aim == .classes {
      (classes, names) = Self.classes(of: training.labelTexts + (testing?.labelTexts ?? []))
      guard names.count <= Self.mostClasses else {
        throw .file(
          place: path, problem: "found \(names.count) distinct labels in \(column); at most \(Self.mostClasses)")
      }
      guard names.count > 1 else {
        throw .file(
          place: path,
          problem: "\(column): every label is \(ShownText.quoted(names[0])); a model needs two classes at least")
      }
    }
    let first = training.labelTexts.count
    let dataset = { (table: Table, offset: Int) throws(DataError) in
      let features = layout.features(of: table, request.parallel)
      let width = layout.columns.featureCount
      if let targets = table.targets {
        return try Dataset(
          unfitted: features, targets: targets, featureCount: width, owners: table.owners, imageShape: imageShape)
      }
      return try Dataset(
        unfitted: features, labels: table.labels.map { classes[offset + Int($0)] }, featureCount: width,
        classCount: names.count, owners: table.owners, imageShape: imageShape, classNames: names)
    }
    return LoadedData(
      training: try dataset(training, 0),
      test: try testing.map { table throws(DataError) in try dataset(table, first) },
      labelPlace: column, warnings: warnings, columns: layout.columns)
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
      Setting(
        "delimiter", \.form.delimiter, .choice(CSVForm.Delimiter.self), .absent("the first records decide it"),
        "what stands between fields"),
      Setting(
        "decimal", \.form.decimal, .choice(CSVForm.DecimalMark.self), .absent("the first records decide it"),
        "what stands before the decimals of a number"),
      Setting(
        "header", \.form.header, .flag, .absent("the first record names the columns"),
        "whether the first record names the columns; without names, columns are called `0`, `1`, ..."),
      Setting(
        "missing", \.rules.missing, .choice(FeatureRules.Missing.self), .absent("`error`"),
        "what stands for a value that is missing: nothing (`error`); in a column of numbers the mean of the training examples, or the offset of `scaling` "
          + "where it has one, and in one of categories a category of its own (`mean`); the same, and a feature more for a column of numbers, 1 where its value is "
          + "missing (`category`)"),
      Setting(
        "categorical", \.rules.categorical, .columns, .absent("columns of texts"),
        "columns that are categories although their values may be numbers"),
      Setting(
        "categories", \.rules.categories, .categories, .absent("those of the training file"),
        "the categories of columns, a feature each in this order; nothing of the data is then in them"),
      Setting("drop", \.rules.drop, .columns, .absent("none"), "columns that are not read"),
      Setting(
        "use", \.rules.use, .columns, .absent("all but label and client"), "the columns that are features",
        objection: { $0.rules.drop == nil ? nil : "`drop` says which columns are no features" }),
      Setting(
        "scaling", \.rules.scaling, FeatureScaling.range, .absent("`none`"),
        "how columns of numbers are scaled: by mean and standard deviation, or by least and greatest value, of the training examples, or by constants, x' = (x - offset) / scale"
      ),
    ])
}
