import Foundation
import Testing

/// What documents point to is there.
@Suite struct DocumentTests {
  private func documents() throws -> [String] {
    try ["", "docs", "docs/codecs", "scenarios", "Python"].flatMap { folder -> [String] in
      try FileManager.default.contentsOfDirectory(atPath: repositoryFile(folder).path)
        .filter { $0.hasSuffix(".md") }.map { folder.isEmpty ? $0 : "\(folder)/\($0)" }
    }
  }

  private func exists(_ path: String, from document: String) -> Bool {
    let folder = repositoryFile(document).deletingLastPathComponent()
    return FileManager.default.fileExists(atPath: URL(fileURLWithPath: path, relativeTo: folder).path)
  }

  /// A heading as GitHub names it.
  private func anchor(_ heading: Substring) -> String {
    String(
      heading.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
        .filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == " " }.map { $0 == " " ? "-" : $0 })
  }

  @Test func linksLead() throws {
    var count = 0
    for document in try documents() {
      let text = try String(contentsOf: repositoryFile(document), encoding: .utf8)
      for match in text.matches(of: /\]\(([^)\s]+)\)/) where !match.1.contains("://") {
        count += 1
        let parts = match.1.split(separator: "#", omittingEmptySubsequences: false)
        let path = parts[0].isEmpty ? String(document.split(separator: "/").last ?? "") : String(parts[0])
        #expect(exists(path, from: document), "\(document): \(match.1)")
        guard parts.count > 1, path.hasSuffix(".md") else { continue }
        let target = URL(
          fileURLWithPath: path, relativeTo: repositoryFile(document).deletingLastPathComponent())
        let headings = try String(contentsOf: target, encoding: .utf8).split(separator: "\n").filter {
          $0.hasPrefix("#")
        }
        #expect(headings.map(anchor).contains(String(parts[1])), "\(document): \(match.1)")
      }
    }
    #expect(count > 40, "\(count)")
  }

  /// A document that is named without a link too, in documents and in sources: notes that are kept elsewhere are no place to send a reader to.
  @Test func documentsThatAreNamedExist() throws {
    let known = Set(try documents().flatMap { [$0, String($0.split(separator: "/").last ?? "")] })
    var files = try documents()
    for folder in ["Sources", "Tests", "Scripts"] {
      let names = FileManager.default.enumerator(atPath: repositoryFile(folder).path)?.allObjects as? [String] ?? []
      files += names.filter { name in [".swift", ".sh", ".py", ".c", ".inc", ".h"].contains { name.hasSuffix($0) } }
        .map { "\(folder)/\($0)" }
    }
    #expect(files.count > 100)
    for file in files {
      let text = try String(contentsOf: repositoryFile(file), encoding: .utf8)
      for match in text.matches(of: /[A-Za-z0-9_\-\/.]*[A-Za-z0-9_\-]\.md\b/) {
        let name = match.0.drop { $0 == "." || $0 == "/" }
        #expect(known.contains(String(name)) || known.contains("docs/" + name), "\(file): \(match.0)")
      }
    }
  }
}
