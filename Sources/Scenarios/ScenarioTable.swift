import Settings

/// Every key that a scenario can have, section by section: what files are read by, and what messages, the schema and
/// docs/scenario.md are made from.
public struct ScenarioTable: Sendable {
  /// In the order in which a resolved scenario has them; the first has the keys outside every section.
  public let sections: [SectionTable]

  /// The table with what is built in.
  public static let standard = ScenarioTable(.standard)

  public init(_ components: Components) {
    sections = [
      Heading.table(.required, "keys outside every section"),
      DataSection.table(components),
      PartitionSection.table(components),
      ModelSection.table(components),
      Training.table(components),
      Cohort.table(.required, "how the clients of a round are drawn"),
      ServerSection.table(components),
      Privacy.table(.optional, "differential privacy; without this section there is no clipping and no noise"),
      ChannelSection.table(components),
      EvaluationSection.table(.defaulted, "when the model is evaluated"),
      PosteriorSection.table(
        .absent, "how posterior samples are sent, for the tasks `representation` and `bayesian-classification`"),
    ]
  }

  /// One key and where it is.
  public struct Entry: Sendable {
    /// The dotted path, such as `privacy.clippingNorm`.
    public let path: String
    public let key: KeyDescription
  }

  /// Every key once.
  public var keys: [Entry] {
    sections.flatMap { section in section.all.map { Entry(path: section.path($0.name), key: $0) } }
  }

  /// Names of sections.
  public var sectionNames: [String] { sections.map(\.name).filter { !$0.isEmpty } }

  /// Names of sections that a scenario must have.
  var requiredSectionNames: [String] {
    sections.filter { $0.presence == .required && !$0.name.isEmpty }.map(\.name)
  }

  /// The key at a path; nil where there is none.
  public func key(_ path: String) -> KeyDescription? { keys.first { $0.path == path }?.key }

  /// Whether an axis of a sweep, or a named point, may vary the key or the section.
  public func isAxis(_ path: String) -> Bool {
    isSectionAxis(path) || (key(path) != nil && !["version", "name", "task"].contains(path))
  }

  /// Whether a path that a sweep varies is that of a whole section.
  public func isSectionAxis(_ path: String) -> Bool { sectionNames.contains(path) }
}
