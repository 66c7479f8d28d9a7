import JSONText
import Settings

/// A section of a scenario whose keys are the same whatever they say.
package protocol ScenarioSection: Configurable {
  /// The section's name; empty for the keys outside every section.
  static var section: String { get }
}

extension ScenarioSection {
  static func table(_ presence: SectionTable.Presence, _ meaning: String) -> SectionTable {
    SectionTable(section, presence, meaning, keys.descriptions)
  }

  /// "section.key" of a property, for messages.
  package static func path(_ property: PartialKeyPath<Self>) -> String {
    section.isEmpty ? keys.name(of: property) : "\(section).\(keys.name(of: property))"
  }

  /// The section that checked values say, where they go together.
  static func read(_ values: JSONObject) throws(KeyProblem) -> Self {
    let found = keys.read(values)
    if let problem = keys.objection(found) ?? found.problem { throw problem }
    return found
  }
}
