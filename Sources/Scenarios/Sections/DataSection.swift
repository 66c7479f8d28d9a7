import Datasets
import Files
import JSONText
import Settings

/// The section `data`: the name of a source, the keys of what it names, and the share that is kept for the test.
struct DataSection: Sendable {
  var source: any ExampleSource
  var testFraction: Double?

  static let section = "data"
  /// The key that names the source.
  static let selector = "source"

  static let first = SettingList(
    DataSection(source: Digits()),
    [
      Setting(
        "testFraction", \.testFraction, .fraction, .unset("0.2, for `synthetic` 0.1; none with `data.test`"),
        "share that is kept for the test, of each class by a seeded split; `synthetic`: of each client; `text`: the end of each client's; `mixture`: as "
          + "many more, of the training examples")
    ])

  static func table(_ components: Components) -> SectionTable {
    SectionTable(
      section, .required, "where examples come from (docs/data.md)", first.descriptions,
      kinds: ChoicesDescription(
        components.sources, selector: selector,
        "where examples come from: `digits` (1797 images of 8 x 8) is built in, `given` are a library caller's own"))
  }

  static func path(_ property: PartialKeyPath<DataSection>) -> String { "\(section).\(first.name(of: property))" }

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

  /// The key that says what an error of a source is about.
  static func path(of subject: DataSubject?) -> String {
    let key =
      switch subject {
      case .file(.training): "path"
      case .file(.test): "test"
      case .file(.images): "images"
      case .file(.labels): "labels"
      case .file(.features): "features"
      case .column(.label): "labelColumn"
      case .column(.client): "clientColumn"
      case .classCount: "classes"
      case .imageShape: "imageShape"
      case .exampleCount: "examples"
      case .clientCount: "clients"
      case .minimumSize, nil: selector
      }
    return "\(section).\(key)"
  }
}
