import Files
import Numerics
import Settings

/// Where examples come from: files, a procedure, or a caller's own memory.
///
/// One file in `Sources` for each of ours. A source of another package conforms and is handed to a run as ours are.
public protocol ExampleSource: Sendable {
  /// The source in words, for reports: what it is, and whose.
  var description: String { get }

  /// Files and folders that examples are read from. The default is none.
  var paths: [String] { get }

  /// Whether the test examples have a place of their own. The default is false: a split keeps them.
  var hasTest: Bool { get }

  /// The keys that say where files are: what is in them names a run, not where they lie. The default is none.
  var placeKeys: [String] { get }

  /// The source with the run's seed where it has none of its own and one is needed. The default is the source as it is.
  func seeded(_ seed: UInt64) -> Self

  /// Whether the source's own values say all there is to know of the examples, so that they belong to nobody. The default is false:
  /// what is read decides a run's keys.
  var isGenerated: Bool { get }

  /// Whether somebody said how many classes there are, so that one without examples is meant. The default is false.
  var areClassesGiven: Bool { get }

  /// Whether somebody said which symbols the texts have, where examples are texts; otherwise they are those that were found, which is
  /// computed from the data. The default is false.
  var areSymbolsGiven: Bool { get }

  /// Whether the source can read labels as quantities, for regression. The default is false.
  var readsTargets: Bool { get }

  /// What messages about labels are about, where people wrote the labels and a review of them is of use; the default is nil.
  var reviewedLabels: DataSubject? { get }

  /// The key that makes the source say whose an example is, where it may be silent; the default is nil.
  var ownerKey: String? { get }

  /// The share of examples that a split keeps for the test where nobody says. The default is 0.2.
  var standardTestFraction: Double { get }

  /// - Returns: training examples, and test examples where the source has its own.
  /// - Throws: `DataError` that names the place and, as its subject, what was asked for.
  func load(_ request: LoadRequest) throws(DataError) -> LoadedData

  /// The examples without their features, for whoever asks what a run would be and makes none. The default is nil: they have to be
  /// loaded.
  ///
  /// - Throws: what `load` would.
  func outline(_ request: LoadRequest) throws(DataError) -> DataOutline?
}

extension ExampleSource {
  public var paths: [String] { [] }
  public var hasTest: Bool { false }
  public var placeKeys: [String] { [] }
  public func seeded(_ seed: UInt64) -> Self { self }
  public var isGenerated: Bool { false }
  public var areClassesGiven: Bool { false }
  public var areSymbolsGiven: Bool { false }
  public var readsTargets: Bool { false }
  public var reviewedLabels: DataSubject? { nil }
  public var ownerKey: String? { nil }
  public var standardTestFraction: Double { 0.2 }
  public func outline(_ request: LoadRequest) throws(DataError) -> DataOutline? { nil }
}

/// Examples that were not made: all that is known of them without their features.
public struct DataOutline: Sendable {
  /// Both parts, whose data sets are outlines (`Dataset.isOutline`).
  public let split: Split
  /// The same source with fewer examples, to be made in their place where a few are needed.
  public let sample: any ExampleSource
  /// How many times the sample all examples are.
  public let samples: Double

  public init(_ split: Split, sample: any ExampleSource, samples: Double) {
    (self.split, self.sample, self.samples) = (split, sample, samples)
  }

  /// What the features take in memory, in bytes.
  public var featureBytes: Int { [split.training, split.test].reduce(0) { $0 + 4 * $1.count * $1.featureCount } }
}

/// What a run learns to say of an example.
public enum LearningAim: Sendable, Equatable {
  /// One of several classes: labels are names.
  case classes
  /// A quantity: labels are real numbers, for regression.
  case quantities
}

/// What a run tells a source.
public struct LoadRequest: Sendable {
  /// The run's seed, for a source that generates examples and has no seed of its own.
  public var seed: UInt64
  /// The share of examples that are for the test, for a source that makes them apart.
  public var testFraction: Double
  public var parallel: Parallel
  /// What is to be learned of an example: a source that `readsTargets` returns data sets with targets where quantities are asked for.
  public var aim: LearningAim
  /// Whether examples without labels are an error: they would all be of one class, and every model right.
  public var needsLabels: Bool

  public init(
    seed: UInt64, testFraction: Double, parallel: Parallel, aim: LearningAim = .classes, needsLabels: Bool = false
  ) {
    self.seed = seed
    self.testFraction = testFraction
    self.parallel = parallel
    self.aim = aim
    self.needsLabels = needsLabels
  }
}

extension Choices where Value == any ExampleSource {
  /// Our sources, as a scenario's `data.source` names them.
  public static let standard = Choices(
    [
      Choice("digits", "1797 images of 8 x 8 handwritten digits, built in", Digits.self) { $0 },
      Choice("idx", "files of the MNIST family", IDXData.self) { $0 },
      Choice("csv", "a table with a header", CSVData.self) { $0 },
      Choice("npy", "arrays of NumPy", NPYData.self) { $0 },
      Choice("npz", "an archive of arrays of NumPy", NPZData.self) { $0 },
      Choice("cifar", "binary files of CIFAR-10 and CIFAR-100", CIFARData.self) { $0 },
      Choice("libsvm", "sparse text", LIBSVMData.self) { $0 },
      Choice("image-folder", "folders of PNG and JPEG pictures", ImageFolderData.self) { $0 },
      Choice("leaf", "JSON of the LEAF benchmark", LEAFData.self) { $0 },
      Choice("text", "plain text, of which the next character is predicted", TextData.self) { $0 },
      Choice("synthetic", "Synthetic(alpha, beta) of FedProx, generated", SyntheticData.self) { $0 },
      Choice("mixture", "a mixture of Gaussians of any size, generated", MixtureData.self) { $0 },
      Choice("mnist-1d", "MNIST-1D: ten classes of signals of 40 points, generated", MNIST1DData.self) { $0 },
      Choice("friedman", "Friedman's regression problem, generated", FriedmanData.self) { $0 },
      Choice("given", "a library caller's own", GivenData.self) { $0 },
      Choice("external", "those of a program that computes the updates itself", ExternalData.self) { $0 },
    ], alwaysWritten: ["test"])
}
