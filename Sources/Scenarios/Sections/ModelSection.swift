import Settings

/// The section `model`: a name, and the keys of what it names.
enum ModelSection {
  static let section = "model"
  /// The key that names the model.
  static let selector = "kind"

  static func table(_ components: Components) -> SectionTable {
    SectionTable(
      section, .required, "the model", [],
      kinds: ChoicesDescription(components.models, selector: selector, "the model"))
  }
}
