import Foundation
import Testing

@testable import FedSim
@testable import RunFiles
@testable import Scenarios

func repositoryFile(_ path: String) -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent(path)
}

/// A path that nothing has.
func scratchPath() -> String {
  FileManager.default.temporaryDirectory.appendingPathComponent("fedsim-\(UUID().uuidString)").path
}

@Suite struct ReferenceWriter {
  /// Writes docs/scenario.md and docs/run-files.md when asked to; does nothing in an ordinary run.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["FEDSIM_WRITE_REFERENCE"] != nil))
  func writeReference() throws {
    try ScenarioTable.standard.reference.write(
      to: repositoryFile("docs/scenario.md"), atomically: true, encoding: .utf8)
    try RunFilesReference.text.write(to: repositoryFile("docs/run-files.md"), atomically: true, encoding: .utf8)
  }
}
