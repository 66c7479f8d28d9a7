import Settings

/// The section `model`: a name, and the keys of what it names.
enum ModelSection {
  static let section = "model"
  /// The key that names the model.
  static let selector = "kind"

  /// What a run starts from.
  struct Start: Sendable {
    var initial: String?
  }

  static let last = SettingList(
    Start(),
    [
      Setting(
        "initial", \.initial, .path, .absent("the model's own start, from `seed`"),
        "a safetensors file with the parameters that the run starts from, with the names and shapes of `model.safetensors`; they count as "
          + "public")
    ])

  static var initialPath: String { "\(section).\(last.name(of: \.initial))" }

  static func table(_ components: Components) -> SectionTable {
    SectionTable(
      section, .required, "the model", [],
      kinds: ChoicesDescription(components.models, selector: selector, "the model"), last: last.descriptions)
  }
}
