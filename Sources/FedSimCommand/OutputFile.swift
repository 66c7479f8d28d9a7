import Files
import Platform
import Scenarios

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Which files a command reads, so that it writes to none of them.
///
/// A file is what the system calls the same one: by another path, through a symbolic link or by a hard link too.
struct InputFiles {
  private struct Identity: Hashable {
    let device: UInt64
    let number: UInt64

    /// Nil where there is no regular file.
    init?(_ status: stat) {
      guard status.st_mode & S_IFMT == S_IFREG else { return nil }
      device = UInt64(truncatingIfNeeded: status.st_dev)
      number = UInt64(truncatingIfNeeded: status.st_ino)
    }
  }

  private var names: [Identity: String] = [:]

  /// - Parameters:
  ///   - path: a file; a folder stands for the files in it, - for standard input.
  ///   - name: what messages call it.
  mutating func add(_ path: String, as name: String) {
    var status = stat()
    guard path == "-" ? fstat(STDIN_FILENO, &status) == 0 : stat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for entry in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
        var inner = stat()
        if stat("\(path)/\(entry)", &inner) == 0, let identity = Identity(inner) { names[identity] = name }
      }
    } else if let identity = Identity(status) {
      names[identity] = name
    }
  }

  /// Adds the scenario and the files that its data come from.
  mutating func add(_ scenario: Scenario, from path: String) {
    add(path, as: "the scenario")
    for file in scenario.data.paths { add(file, as: "data of the scenario") }
  }

  /// - Throws: `ToolError.input` for a file that is there already and is one of those that are read.
  func refuse(_ output: String, flag: String) throws(ToolError) {
    var status = stat()
    guard stat(output, &status) == 0, let identity = Identity(status), let name = names[identity] else { return }
    throw .input(
      place: flag,
      problem: "found \(output), which is \(name) (the same file): it would be overwritten; allowed: another name")
  }
}

/// Files that commands write.
enum OutputFile {
  /// - Throws: `ToolError.input` where a folder is asked for and `path` says standard output, or nothing.
  static func checkFolder(_ path: String, flag: String) throws(ToolError) {
    guard path != "-" else {
      throw .input(
        place: flag, problem: "found -, which is standard output; allowed: a folder (./- is one of that name)")
    }
    guard !path.isEmpty else { throw .input(place: flag, problem: "found \"\"; allowed: the name of a folder") }
  }
}
