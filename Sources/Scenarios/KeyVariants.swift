import Settings

extension SectionTable {
  /// What a key is, to whom: the kinds of a section may have one name for keys that are not quite the same.
  struct Variant {
    /// The kinds that have the key as it is here; empty for a key of the whole section.
    let owners: [String]
    let key: KeyDescription
  }

  /// A key as each group of kinds has it.
  func variants(of name: String) -> [Variant] {
    guard let kinds, !kinds.owners(of: name).isEmpty else {
      return all.filter { $0.name == name }.map { Variant(owners: [], key: $0) }
    }
    var variants: [Variant] = []
    for kind in kinds.kinds {
      for key in kind.keys where key.name == name {
        if let same = variants.firstIndex(where: { $0.key == key }) {
          variants[same] = Variant(owners: variants[same].owners + [kind.name], key: key)
        } else {
          variants.append(Variant(owners: [kind.name], key: key))
        }
      }
    }
    return variants
  }
}

extension SectionTable.Variant {
  /// What the key means, and to whom, in Markdown.
  var meaning: String {
    owners.isEmpty ? key.meaning : owners.map { "`\($0)`" }.joined(separator: ", ") + ": " + key.meaning
  }
}

extension ChoicesDescription {
  /// The kinds that have a key; empty where it is no key of a kind.
  func owners(of key: String) -> [String] {
    kinds.filter { kind in kind.keys.contains { $0.name == key } }.map(\.name)
  }
}
