import Foundation
import Testing
@testable import FedSim
@testable import Scenarios

func repositoryFile(_ path: String) -> URL {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent(path)
}

@Suite struct ReferenceWriter {
  /// Writes docs/scenario.md when asked to; does nothing in an ordinary run.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["FEDSIM_WRITE_REFERENCE"] != nil))
  func writeReference() throws {
    try ScenarioTable.standard.reference.write(to: repositoryFile("docs/scenario.md"), atomically: true, encoding: .utf8)
  }
}
