import Files
import Settings

/// The section `partition`: the name of a scheme, and the keys of what it names.
enum PartitionSection {
  static let section = "partition"
  /// The key that names the scheme.
  static let selector = "kind"

  static func table(_ components: Components) -> SectionTable {
    SectionTable(
      section, .required, "how training examples are partitioned among clients (docs/data.md)", [],
      kinds: ChoicesDescription(
        components.partitions, selector: selector, "how training examples are partitioned among clients"))
  }

  /// The key that says what an error of a scheme is about.
  static func path(of subject: DataSubject?) -> String {
    switch subject {
    case .minimumSize: "\(section).minimumSize"
    case .clientCount: "\(section).clients"
    default: section
    }
  }
}
