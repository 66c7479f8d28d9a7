import Files
import JSONText
import Settings

/// Where the files that a scenario names are sought: in the working directory, as in a shell, then in the folder of the scenario's own file.
///
/// What is found beside the scenario is written as it was found ("scenarios/people.csv"), so that a copy of the resolved scenario in another
/// folder finds it too. What is found nowhere stays as it was written: whoever opens it says so, and `missing` says where it was sought.
struct ScenarioPaths: Sendable {
  /// The folder of the scenario's file, as seen from the working directory; nil where that is the working directory, or nobody knows.
  let folder: String?

  /// A path as it is found. Absolute paths are what they are.
  func found(_ path: String) -> String {
    guard let beside = beside(path), !FilePath.exists(path), FilePath.exists(beside) else { return path }
    return beside
  }

  /// Where a path is sought second; nil where it is sought in one place.
  private func beside(_ path: String) -> String? {
    guard let folder, !path.isEmpty, !path.hasPrefix("/") else { return nil }
    return folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)"
  }

  /// That there is no such file, and where it was looked for.
  func missing(_ path: String) -> String {
    let shown = ShownText.printable(path, keepsLines: false)
    guard !path.hasPrefix("/") else { return "\(shown): there is no such file" }
    let directory = FilePath.workingDirectory.map { " (\(ShownText.printable($0, keepsLines: false)))" } ?? ""
    guard let beside = beside(path) else {
      return "\(shown): there is no such file in the working directory\(directory)"
    }
    return "\(shown): there is no such file, neither in the working directory\(directory) nor beside the scenario ("
      + "\(ShownText.printable(beside, keepsLines: false)))"
  }

  /// A scenario's text, with or without a sweep, whose paths are as they are found.
  func located(_ root: JSONObject, _ table: ScenarioTable) -> JSONObject {
    guard folder != nil else { return root }
    var located = root
    for section in table.sections where !section.name.isEmpty {
      guard let values = located[section.name] else { continue }
      located[section.name] = self.located(values, section, selected(root, section))
    }
    if case .object(var sweep)? = located["sweep"] {
      if case .object(let axes)? = sweep["axes"] { sweep["axes"] = .object(settings(axes, root, table, isAxis: true)) }
      if case .array(let points)? = sweep["points"] {
        sweep["points"] = .array(
          points.map { point in
            guard case .object(let values) = point else { return point }
            return .object(settings(values, root, table, isAxis: false))
          })
      }
      located["sweep"] = .object(sweep)
    }
    return located
  }

  /// Values by dotted paths, of an axis or of a point.
  private func settings(
    _ values: JSONObject, _ root: JSONObject, _ table: ScenarioTable, isAxis: Bool
  ) -> JSONObject {
    var located = values
    for (path, value) in values {
      let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      guard let section = table.sections.first(where: { !$0.name.isEmpty && $0.name == parts[0] }) else { continue }
      let one = { (value: JSON) -> JSON in
        if parts.count == 1 { return self.located(value, section, nil) }
        let kind = self.selected(values, section) ?? self.selected(root, section)
        return self.located(value, of: parts[1], section, kind)
      }
      if isAxis, case .array(let items) = value {
        located[path] = .array(items.map(one))
      } else {
        located[path] = one(value)
      }
    }
    return located
  }

  /// The kind that a section chooses, in a whole scenario or by a dotted path; nil where that is not known here.
  private func selected(_ root: JSONObject, _ section: SectionTable) -> String? {
    guard let selector = section.kinds?.selector else { return nil }
    if case .string(let name)? = root["\(section.name).\(selector)"] { return name }
    guard case .object(let values)? = root[section.name], case .string(let name)? = values[selector] else { return nil }
    return name
  }

  /// A whole section.
  private func located(_ value: JSON, _ section: SectionTable, _ kind: String?) -> JSON {
    guard case .object(var values) = value else { return value }
    var chosen = kind
    if let selector = section.kinds?.selector, case .string(let name)? = values[selector] { chosen = name }
    for (key, written) in values { values[key] = located(written, of: key, section, chosen) }
    return .object(values)
  }

  /// The value of one key. Where nobody says which kind it is of, any kind's key of that name may hold a path.
  private func located(_ value: JSON, of key: String, _ section: SectionTable, _ kind: String?) -> JSON {
    let chosen = section.kinds?.kinds.first { $0.name == kind }.map(\.keys) ?? section.kinds?.keys ?? []
    guard let range = (section.keys + chosen + section.last).first(where: { $0.name == key })?.range,
      range.problem(value) == nil
    else { return value }
    return range.replacingPaths(in: value, found)
  }
}

extension KeyRange {
  /// A value that the range allows, with its paths replaced.
  func replacingPaths(in value: JSON, _ replacement: (String) -> String) -> JSON {
    switch (self, value) {
    case (.path, .string(let path)): return .string(replacement(path))
    case (.paths(let names), .object(var files)):
      for name in names { if case .string(let path)? = files[name] { files[name] = .string(replacement(path)) } }
      return .object(files)
    case (.either(let ranges), _):
      return ranges.first { $0.problem(value) == nil }?.replacingPaths(in: value, replacement) ?? value
    default: return value
    }
  }
}
