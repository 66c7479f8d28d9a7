import Files
import Settings

/// An archive of NumPy arrays (`numpy.savez`, `savez_compressed`): features, labels and clients by the names of the arrays.
public struct NPZData: ExampleSource {
  /// Names of arrays; nil for the first of some that are usual.
  public struct Names: Sendable, Equatable {
    public var features: String?
    public var labels: String?
    public var clients: String?
    public var testFeatures: String?
    public var testLabels: String?

    public init(
      features: String? = nil, labels: String? = nil, clients: String? = nil, testFeatures: String? = nil,
      testLabels: String? = nil
    ) {
      (self.features, self.labels, self.clients) = (features, labels, clients)
      (self.testFeatures, self.testLabels) = (testFeatures, testLabels)
    }
  }

  /// The archive of the training examples.
  public var path: String
  /// The archive of the test examples, which may be the same; nil for a split.
  public var test: String?
  public var names: Names
  /// The number of classes; nil for the largest label of both parts and one more.
  public var classes: Int?
  /// What features are divided by.
  public var scale: Double

  public init(path: String, test: String? = nil, names: Names = Names(), classes: Int? = nil, scale: Double = 1) {
    (self.path, self.test, self.names, self.classes, self.scale) = (path, test, names, classes, scale)
  }

  public var description: String { "NumPy arrays, \(path)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] {
    ["path", "test", "features", "labels", "clients", "testFeatures", "testLabels"]
  }
  public var paths: [String] { [path] + (test.map { [$0] } ?? []) }
  public var areClassesGiven: Bool { classes != nil }
  public var readsTargets: Bool { true }
  public var ownerKey: String? { "clients" }
  public var reviewedLabels: DataSubject? { .file(.labels) }

  /// The names that are tried in turn; Keras has the first, MedMNIST the second.
  enum Usual {
    static let features = ["x_train", "train_images", "x", "X", "features", "images", "data"]
    static let labels = ["y_train", "train_labels", "y", "Y", "labels", "targets", "target"]
    static let clients = ["clients", "client", "users", "user", "groups"]
    static let testFeatures = ["x_test", "test_images"]
    static let testLabels = ["y_test", "test_labels"]
    /// Those of a file of its own.
    static let otherFeatures = ["x", "X", "features", "images", "data"]
    static let otherLabels = ["y", "Y", "labels", "targets", "target"]
  }

  /// - Throws: `DataError` that names the file, the array and the byte.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    let training = try about(.file(.training)) { () throws(DataError) in try Archive(path) }
    let tested = try about(.file(.test)) { () throws(DataError) in
      try archive(test, else: training)
    }
    return try Parts(training: training, test: tested, source: self).examples(request, classes: classes) { _ in
      scale
    }
  }

  private func archive(_ test: String?, else training: Archive) throws(DataError) -> Archive? {
    guard let test else { return nil }
    return test == path ? training : try Archive(test)
  }

  /// Both archives, which may be one.
  private struct Parts: ArraySource {
    let training: Archive
    let test: Archive?
    let source: NPZData

    var hasTest: Bool { test != nil }
    var featureSubject: DataSubject.FileRole { .training }
    func name(isTest: Bool) -> String { (isTest ? source.test : nil) ?? source.path }

    func labels(isTest: Bool) throws(DataError) -> NamedArray? {
      // Before it is said that there are no labels.
      try about(.file(isTest ? .test : .features)) { () throws(DataError) in
        try (isTest ? test : training)?.checkFeatures(names(isTest: isTest).name, names(isTest: isTest).usual)
      }
      guard isTest, let test else { return try training.array(source.names.labels, Usual.labels) }
      return try test.array(
        source.names.testLabels, Usual.testLabels + others(source.names.labels, Usual.otherLabels))
    }

    func features(isTest: Bool) throws(DataError) -> NamedArray {
      let (name, usual) = names(isTest: isTest)
      return try (isTest ? test ?? training : training).features(name, usual)
    }

    /// What the features of a part may be called.
    private func names(isTest: Bool) -> (name: String?, usual: [String]) {
      isTest
        ? (source.names.testFeatures, Usual.testFeatures + others(source.names.features, Usual.otherFeatures))
        : (source.names.features, Usual.features)
    }

    func readClients() throws(DataError) -> NamedArray? { try training.array(source.names.clients, Usual.clients) }
    var areClientsAsked: Bool { source.names.clients != nil }
    var labelHint: String {
      ": there are \(ShownText.list(training.arrays, most: 8)); usual names are \(Usual.labels.joined(separator: ", ")), "
        + "others are for data.labels"
    }

    /// A test file of its own has the names of the training file, where somebody said them.
    private func others(_ name: String?, _ usual: [String]) -> [String] {
      source.test == source.path ? [] : name.map { [$0] } ?? usual
    }
  }

  /// An archive whose arrays are unpacked when they are asked for.
  private struct Archive {
    private let zip: ZipArchive
    private let path: String

    init(_ path: String) throws(DataError) {
      self.path = path
      let bytes = try DataFile.read(path, formats: [.npz, .zip])
      guard ZipArchive.isZip(bytes) else {
        throw .file(
          place: path, problem: "byte 0: not an archive of NumPy arrays (numpy.savez), which begins with \"PK\"")
      }
      zip = try ZipArchive(bytes, name: path)
    }

    fileprivate var arrays: [String] {
      zip.members.compactMap { $0.name.hasSuffix(".npy") ? String($0.name.dropLast(4)) : nil }
    }

    /// - Throws: `DataError` where no array is called as features may be.
    func checkFeatures(_ name: String?, _ usual: [String]) throws(DataError) {
      guard name != nil || usual.contains(where: arrays.contains) else {
        throw .file(
          place: path,
          problem: "found no array of features: there are \(ShownText.list(arrays, most: 8)); usual names are "
            + "\(usual.joined(separator: ", ")), others are for data.features and data.testFeatures")
      }
    }

    func features(_ name: String?, _ usual: [String]) throws(DataError) -> NamedArray {
      try checkFeatures(name, usual)
      guard let found = try array(name, usual) else { throw .file(place: path, problem: "found no array of features") }
      try NPYData.checkFeatures(found)
      return found
    }

    /// The array of a name, or the first of the usual names that is there; nil where none is.
    ///
    /// - Throws: `DataError` also where an array of the given name is not there, or is there twice.
    func array(_ name: String?, _ usual: [String]) throws(DataError) -> NamedArray? {
      guard let found = name ?? usual.first(where: arrays.contains) else { return nil }
      let members = zip.members.filter { $0.name == found + ".npy" }
      guard let member = members.first else {
        throw .file(
          place: path,
          problem:
            "found no array \(ShownText.quoted(found)); there are \(arrays.count): \(ShownText.list(arrays, most: 8))")
      }
      guard members.count == 1 else {
        throw .file(place: path, problem: "found \(members.count) arrays \(ShownText.quoted(found)); allowed: one")
      }
      let bytes = try zip.read(member, limit: { NPYArray.announcedBytes($0) ?? Gzip.largestText })
      return try NPYData.array(bytes, name: "\(path), array \(ShownText.quoted(found))")
    }
  }
}

extension NPZData: Configurable {
  public static let keys = SettingList(
    NPZData(path: ""),
    [
      Setting(
        "test", \.test, .path, .unset("split by `testFraction`"),
        "archive of test examples; it may be the same file, with arrays of their own"),
      Setting("path", \.path, .path, .needed("a file"), "the archive, of `numpy.savez` or `savez_compressed`"),
      Setting(
        "features", \.names.features, .name, .absent("the first that is there of \(usual(Usual.features))"),
        "name of the array of features: N x d, N x height x width, or N x height x width x channels"),
      Setting(
        "labels", \.names.labels, .name, .absent("the first that is there of \(usual(Usual.labels)); or no labels"),
        "name of the array of N labels"),
      Setting(
        "clients", \.names.clients, .name,
        .absent("the first that is there of \(usual(Usual.clients)); or clients are not named"),
        "name of the array of N integers that says whose an example is, for `natural`"),
      Setting(
        "testFeatures", \.names.testFeatures, .name,
        .absent("\(usual(Usual.testFeatures)), and in another file the names of the training examples"),
        "name of the array of the test examples' features"),
      Setting(
        "testLabels", \.names.testLabels, .name,
        .absent("\(usual(Usual.testLabels)), and in another file the names of the training examples"),
        "name of the array of the test examples' labels"),
      Setting(
        "classes", \.classes, .integer(2...65_536), .absent("the largest label and one more"), "number of classes"),
      Setting("scale", \.scale, .positive, "what features are divided by: 255 for pixels of one byte"),
    ])

  private static func usual(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }
}
