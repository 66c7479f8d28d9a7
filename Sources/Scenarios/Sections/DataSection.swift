import Datasets
import Files
import JSONText
import Settings

/// The section `data`: the name of a source, the keys of what it names, the share that is kept for the test, and what targets are learned in.
struct DataSection: Sendable {
  var source: any ExampleSource
  var testFraction: Double?
  var testOf: Scenario.TestOf?
  var targetOffset: Double?
  var targetScale: Double?

  static let section = "data"
  /// The key that names the source.
  static let selector = "source"

  static let first = SettingList(
    DataSection(source: Digits()),
    [
      Setting(
        "testFraction", \.testFraction, .fraction, .unset("0.2, for `synthetic` 0.1; none with `data.test`"),
        "share that is kept for the test, of each class by a seeded split; `synthetic`: of each client; `text`: the end of each "
          + "client's; `mixture`: as many more, of the training examples"),
      Setting(
        "testOf", \.testOf, .choice(Scenario.TestOf.self), .absent("`all`"),
        "whose examples a split keeps for the test: `all` together, by class and before the partition; or those of `each-client` behind it: of "
          + "a client with n examples min(floor(f n + 1/2), n - 1), which are its own test (`evaluation.clients`)"),
      Setting(
        "targetOffset", \.targetOffset, .number(-1e30...1e30), .absent("0"),
        "for task `regression`: (target - `targetOffset`) / `targetScale` is learned; a constant known beforehand costs no privacy"
      ),
      Setting(
        "targetScale", \.targetScale, .number(above: 0, upTo: 1e30), .absent("1"),
        "for task `regression`: what a target is divided by"),
    ])

  static func table(_ components: Components) -> SectionTable {
    SectionTable(
      section, .required, "where examples come from (docs/data.md)", first.descriptions,
      kinds: ChoicesDescription(
        components.sources, selector: selector,
        "where examples come from: `digits` (1797 images of 8 x 8) is built in, `given` are a library caller's own"))
  }

  static func path(_ property: PartialKeyPath<DataSection>) -> String { "\(section).\(first.name(of: property))" }

  init(
    source: any ExampleSource, testFraction: Double? = nil, testOf: Scenario.TestOf? = nil,
    targetOffset: Double? = nil, targetScale: Double? = nil
  ) {
    self.source = source
    self.testFraction = testFraction
    self.testOf = testOf
    (self.targetOffset, self.targetScale) = (targetOffset, targetScale)
  }

  init(_ values: JSONObject, _ components: Components) throws(KeyProblem) {
    self = Self.first.read(values)
    source = try components.sources.read(values, by: Self.selector)
    if testFraction != nil, source.hasTest {
      throw KeyProblem(
        Self.first.name(of: \.testFraction),
        "found a share of a split and test examples of their own (data.test)", allowed: "one of the two")
    }
    if testOf == .eachClient, source.hasTest {
      throw KeyProblem(
        Self.first.name(of: \.testOf),
        "found \"each-client\" and test examples of their own (data.test)", allowed: "one of the two")
    }
  }

  func values(_ components: Components) -> JSONObject {
    components.sources.write(source, by: Self.selector, first: Self.first.write(self))
  }

  /// The key that says what an error of a source is about.
  static func path(of subject: DataSubject?) -> String {
    let key =
      switch subject {
      case .file(.training): "path"
      case .file(.test): "test"
      case .file(.images): "images"
      case .file(.labels): "labels"
      case .file(.features): "features"
      case .file(.clients): "clients"
      case .column(.label): "labelColumn"
      case .column(.client): "clientColumn"
      case .table(let rule): rule.rawValue
      case .classCount: "classes"
      case .imageShape: "imageShape"
      case .exampleCount: "examples"
      case .clientCount: "clients"
      case .minimumSize, nil: selector
      }
    return "\(section).\(key)"
  }
}
