import Foundation
import Testing

/// A page of the documentation, as its headings and paragraphs do not matter: code in its order, with the language it is in.
private struct Tutorial {
  struct Code {
    /// "sh", "swift", "json", "python"; empty for what a command prints.
    let language: String
    let text: String
  }

  let code: [Code]

  init(_ name: String) throws {
    let file = repository.appendingPathComponent("Sources/FedSim/FedSim.docc/\(name).md")
    var code: [Code] = []
    var language: String?
    var lines: [Substring] = []
    for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("```") else {
        lines.append(line)
        continue
      }
      if let language { code.append(Code(language: language, text: lines.joined(separator: "\n"))) }
      language = language == nil ? String(line.dropFirst(3)) : nil
      lines = []
    }
    self.code = code
  }
}

private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// Runs lines of a shell in which `fedsim` is the built binary. All that they print comes back, errors too.
private func shell(_ text: String, in folder: URL) throws -> (status: Int32, output: String) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/bin/bash")
  process.arguments = ["-euc", text]
  process.currentDirectoryURL = folder
  var environment = ProcessInfo.processInfo.environment
  environment["PATH"] = products.path + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
  process.environment = environment
  let output = Pipe()
  process.standardOutput = output
  process.standardError = output
  try process.run()
  let bytes = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
}

@Suite struct TutorialTests {
  /// What a page shows is what is compiled and run.
  @Test func theCodeOfTheTutorialsIsThatOfTheExamples() throws {
    let folder = repository.appendingPathComponent("Examples/Sources")
    let programs = try FileManager.default.contentsOfDirectory(atPath: folder.path).map {
      try String(contentsOf: folder.appendingPathComponent("\($0)/main.swift"), encoding: .utf8)
    }
    var count = 0
    for page in ["FedSim", "FirstRun", "YourOwnDataAndCodec", "ReadingAReport"] {
      for code in try Tutorial(page).code where code.language == "swift" {
        count += 1
        #expect(programs.contains { $0.contains(code.text) }, "\(page): \(code.text.prefix(80))")
      }
    }
    #expect(count >= 5, "\(count)")
  }
}

/// The pages' commands do what the pages say: each block exits as it should, and prints the lines that stand behind it.
@Suite struct TutorialStatistics {
  @Test(arguments: ["FirstRun", "YourOwnDataAndCodec", "ReadingAReport"])
  func commandsPrintWhatThePageShows(page: String) throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let code = try Tutorial(page).code
    var printed = ""
    var commands = 0
    for (i, block) in code.enumerated() {
      switch block.language {
      // The first block of the first page builds the command, and that is done.
      case "sh" where !block.text.contains("swift build"):
        commands += 1
        if block.text.contains("sweeps/other") {
          #expect(try shell("cp -r sweeps/tradeoff sweeps/other", in: folder).status == 0)
        }
        let outcome = try shell(block.text, in: folder)
        printed = outcome.output
        // Where the page shows a message, or a check that fails, the command says so by its status too.
        let shown = i + 1 < code.count && code[i + 1].language.isEmpty ? code[i + 1].text : ""
        let fails = shown.hasPrefix("fedsim: ") || shown.contains("FAILED")
        #expect((outcome.status != 0) == fails, "\(page): \(block.text)\n\(printed)")
      case "": expectLines(of: block.text, in: printed, "\(page), block \(i)")
      case "json": try expectFile(block.text, in: folder, "\(page), block \(i)")
      default: break
      }
    }
    #expect(commands >= 4, "\(commands)")
  }

  private func expectLines(of shown: String, in printed: String, _ place: String) {
    let lines = Set(printed.split(separator: "\n").map { trimmed($0) })
    for line in shown.split(separator: "\n") {
      // What another machine has another number for.
      if line.hasSuffix(" ...") {
        let start = trimmed(line.dropLast(4)) + " "
        #expect(lines.contains { $0.hasPrefix(start) }, "\(place): \(line)\nin\n\(printed)")
        continue
      }
      #expect(lines.contains(trimmed(line)), "\(place): \(line)\nin\n\(printed)")
    }
  }

  private func trimmed(_ line: Substring) -> String { line.trimmingCharacters(in: .whitespaces) }

  /// A file of the folder has the text; a whole scenario that none has is one that the reader is to write.
  private func expectFile(_ text: String, in folder: URL, _ place: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
    let isThere = try names.contains {
      try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8).contains(text)
    }
    if isThere { return }
    guard names.isEmpty, let name = text.firstMatch(of: /"name": "([a-z]+)"/)?.1 else {
      Issue.record("\(place): no file has\n\(text)")
      return
    }
    try text.write(to: folder.appendingPathComponent("\(name).json"), atomically: true, encoding: .utf8)
  }
}
