import Foundation

/// Runs the built binary as a user would.
struct Outcome {
  let status: Int32
  let output: String
  let errors: String
}

/// The folder that the test bundle and the binary are built into.
var products: URL {
  #if os(Linux)
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
  #else
    Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL.deletingLastPathComponent()
      ?? URL(fileURLWithPath: ".")
  #endif
}

func fedsim(_ arguments: String..., in folder: URL? = nil) throws -> Outcome {
  try fedsim(arguments, in: folder)
}

func fedsim(_ arguments: [String], in folder: URL? = nil) throws -> Outcome {
  let process = Process()
  process.executableURL = products.appendingPathComponent("fedsim")
  process.arguments = arguments
  process.currentDirectoryURL = folder
  let output = Pipe()
  let errors = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent(UUID().uuidString)
  _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
  defer { try? FileManager.default.removeItem(at: errors) }
  process.standardOutput = output
  process.standardError = try FileHandle(forWritingTo: errors)
  try process.run()
  let text = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return Outcome(
    status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
    errors: try String(contentsOf: errors, encoding: .utf8))
}

func scratch() throws -> URL {
  let folder = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("fedsim-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  return folder
}
