import Settings

extension ScenarioTable {
  /// The reference of all keys as Markdown: docs/scenario.md.
  public var reference: String {
    var lines = [
      "# The scenario: every key",
      "",
      "This page is made from the tables of keys (`ScenarioTable`); a test keeps it up to date. Required sections: "
        + requiredSectionNames.map { "`\($0)`" }.joined(separator: ", ")
        + ". Without `privacy` there is no noise and no clipping, and the run says so. Unknown keys are errors; `null` means "
        + "\"not set\".",
    ]
    for section in sections {
      lines += ["", section.name.isEmpty ? "## Outside every section" : "## `\(section.name)`", ""]
      lines.append(section.meaning.prefix(1).uppercased() + section.meaning.dropFirst() + ".")
      lines += ["", "| key | allowed | default | meaning |", "|---|---|---|---|"]
      for key in section.all { lines.append(Self.row(section, key)) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func row(_ section: SectionTable, _ key: KeyDescription) -> String {
    let owners = section.kinds?.owners(of: key.name) ?? []
    let owner = owners.isEmpty ? "" : owners.map { "`\($0)`" }.joined(separator: ", ") + ": "
    return "| `\(section.path(key.name))` | \(key.range.allowed) | \(key.fallback.markdown) | \(owner)\(key.meaning) |"
  }
}

extension KeyFallback {
  fileprivate var markdown: String {
    switch self {
    case .required: "required"
    case .needed: "required where it is chosen"
    case .value(let value): "`\(value.text(pretty: false))`"
    case .unset(let text), .absent(let text): "not set: \(text)"
    }
  }
}

extension ChoicesDescription {
  /// The kinds that have a key; empty where it is no key of a kind.
  func owners(of key: String) -> [String] {
    kinds.filter { kind in kind.keys.contains { $0.name == key } }.map(\.name)
  }
}
