import ChannelCoding
import Datasets
import Files
import JSONText
import Numerics
import Settings

/// The section `data`: a source, and the share that a split keeps for the test.
struct DataSection {
  var source: any ExampleSource
  var testFraction: Double?

  static let section = "data"
  /// The key that names the source.
  static let selector = "source"

  private static let first = SettingList(
    DataSection(source: Digits()),
    [
      Setting(
        "testFraction", \.testFraction, .fraction, .unset("0.2, for `synthetic` 0.1; none with `data.test`"),
        "share that is kept for the test, of each class by a seeded split; `synthetic`: of each client; `mixture`: as "
          + "many more, of the training examples")
    ])

  static func table(_ components: Components) -> SectionTable {
    SectionTable(
      section, .required, "where examples come from", first.descriptions,
      kinds: ChoicesDescription(
        components.sources, selector: selector,
        "where examples come from (docs/data.md); `digits` (1797 images of 8 x 8) is built in, `given` are a library caller's own"
      ))
  }

  init(source: any ExampleSource, testFraction: Double? = nil) {
    self.source = source
    self.testFraction = testFraction
  }

  init(_ values: JSONObject, _ components: Components) throws(KeyProblem) {
    self = Self.first.read(values)
    source = try components.sources.read(values, by: Self.selector)
    if testFraction != nil, source.hasTest {
      throw KeyProblem(
        Self.first.name(of: \.testFraction),
        "found a share of a split and test examples of their own (data.test)", allowed: "one of the two")
    }
  }

  func values(_ components: Components) -> JSONObject {
    components.sources.write(source, by: Self.selector, first: Self.first.write(self))
  }
}

/// The section `partition`: a name, and the keys of what it names.
enum PartitionSection {
  static let section = "partition"
  /// The key that names the scheme.
  static let selector = "kind"

  static func table(_ components: Components) -> SectionTable {
    SectionTable(
      section, .required, "how training examples are partitioned among clients", [],
      kinds: ChoicesDescription(
        components.partitions, selector: selector,
        "how training examples are partitioned among clients (docs/data.md)"))
  }
}

/// Examples, and what may not be meant about them: a sentence each.
package struct ReviewedData {
  package let split: Split
  package let warnings: [String]

  package init(split: Split, warnings: [String]) {
    self.split = split
    self.warnings = warnings
  }
}

extension Scenario {
  /// The share of a seeded split.
  package var testShare: Double { testFraction ?? data.standardTestFraction }

  /// The examples that the scenario names.
  ///
  /// - Throws: `ScenarioError` that names the key, and the place in the file where one is at fault.
  package func loadData(_ parallel: Parallel) throws(ScenarioError) -> ReviewedData {
    let loaded: LoadedData
    do throws(DataError) {
      loaded = try data.load(LoadRequest(seed: seed, testFraction: testShare, parallel: parallel))
    } catch {
      throw refusal(at: Self.key(of: error.subject), error.description)
    }
    guard let labels = data.reviewedLabels else {
      return ReviewedData(split: try split(consume loaded).0, warnings: [])
    }
    let whole = LabelReview(ofWhole: loaded.training, loaded.test, place: loaded.labelPlace)
    if let problem = whole.problem { throw refusal(at: Self.key(of: labels), problem) }
    let warnings = loaded.warnings + whole.warnings
    let (split, review) = try self.split(consume loaded)
    return ReviewedData(split: split, warnings: warnings + review)
  }

  /// The key that says what an error is about.
  private static func key(of subject: DataSubject?) -> String {
    switch subject {
    case .file(.training): "data.path"
    case .file(.test): "data.test"
    case .file(.images): "data.images"
    case .file(.labels): "data.labels"
    case .column(.label): "data.labelColumn"
    case .column(.client): "data.clientColumn"
    case .classCount: "data.classes"
    case .imageShape: "data.imageShape"
    case .exampleCount: "data.examples"
    case .clientCount: "data.clients"
    case .minimumSize, nil: "data.source"
    }
  }

  /// - Returns: both parts, and what may be wrong with their labels.
  private func split(_ loaded: consuming LoadedData) throws(ScenarioError) -> (Split, [String]) {
    let place = loaded.labelPlace
    let split: Split
    let key: String
    if let test = loaded.test {
      key = "data.test"
      let training = loaded.training
      do throws(DataError) {
        split = try Split(training: training, test: test)
      } catch {
        throw refusal(at: key, error.description)
      }
    } else {
      key = "data.testFraction"
      var random = RunKeys.experimentStream(seed: seed, .split)
      do throws(DataError) {
        split = try Split(
          stratified: (consume loaded).takingTraining(), testFraction: testShare, random: &random)
      } catch {
        throw refusal(
          at: key,
          error.description + "; of a class with n examples floor(f n + 1/2) are kept for the test, f = \(testShare)"
        )
      }
    }
    if data.reviewedLabels == nil { return (split, []) }
    let review = LabelReview(
      training: split.training, test: split.test, place: place, areClassesGiven: data.areClassesGiven)
    if let problem = review.problem { throw refusal(at: key, problem) }
    return (split, review.warnings)
  }

  /// The clients, each with its examples.
  package func population(of training: Dataset) throws(ScenarioError) -> Population {
    if let clients = partition.clientCount, clients > training.count {
      throw refusal(
        at: "partition.clients", "found \(clients) clients for \(training.count) training examples")
    }
    var random = RunKeys.experimentStream(seed: seed, .partition)
    do throws(DataError) {
      return try Population(training, partition: partition, random: &random)
    } catch {
      if partition is DirichletClassPartition, error.subject == .minimumSize {
        throw refusal(
          at: "partition.minimumSize", error.description + "; 10 where it is not given, 0 asks for nothing")
      }
      throw refusal(at: "partition", error.description)
    }
  }
}
