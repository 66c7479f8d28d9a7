import Settings

extension ScenarioTable {
  /// The reference of all keys as Markdown: docs/scenario.md.
  public var reference: String {
    var lines = [
      "# The scenario: every key",
      "",
      "This page is made from the tables of keys in `Sources`; a test keeps it up to date. Required sections: "
        + requiredSectionNames.map { "`\($0)`" }.joined(separator: ", ")
        + ". Without `privacy` there is no noise and no clipping, and the run says so. Unknown keys are errors; `null` means "
        + "\"not set\".",
      "",
      "Where updates come from a program, `data.source` and `model.kind` are both `external`: then there is no `task`, `seed` is not used, and the "
        + "sections \(ExternalUpdates.sections.map { "`\($0.name)`" }.joined(separator: ", ")) are the program's own and not there.",
    ]
    for section in sections {
      lines += ["", section.name.isEmpty ? "## Outside every section" : "## `\(section.name)`", ""]
      lines += [section.meaning.prefix(1).uppercased() + section.meaning.dropFirst() + ".", ""]
      lines += Self.table(section, section.all.filter { section.kinds?.owners(of: $0.name).isEmpty ?? true })
      for kind in section.kinds?.kinds ?? [] {
        lines += ["", "### `\(section.path(section.kinds?.selector ?? ""))`: `\(kind.name)`", ""]
        lines += [kind.summary.prefix(1).uppercased() + kind.summary.dropFirst() + "."]
        if !kind.keys.isEmpty { lines += [""] + Self.table(section, kind.keys) }
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func table(_ section: SectionTable, _ keys: [KeyDescription]) -> [String] {
    ["| key | allowed | default | meaning |", "|---|---|---|---|"]
      + keys.map { key in
        "| `\(section.path(key.name))` | \(key.range.allowed) | \(key.fallback.markdown) | \(key.meaning) |"
      }
  }
}

extension KeyFallback {
  fileprivate var markdown: String {
    switch self {
    case .required, .needed: "required"
    case .value(let value): "`\(value.text(pretty: false))`"
    case .unset(let text), .absent(let text): "not set: \(text)"
    }
  }
}
