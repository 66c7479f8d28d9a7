#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Files that commands read.
enum InputFile {
  /// All bytes of a file or a pipe.
  ///
  /// - Parameter path: - for standard input.
  static func read(_ path: String) throws -> [UInt8] {
    let name = path == "-" ? "/dev/stdin" : path
    if let bytes = readWhole(name) { return bytes }
    let reason = FileManager.default.fileExists(atPath: name) ? "the file could not be read" : "there is no such file"
    throw InputError(description: "\(path): \(reason)")
  }

  /// Nil where it cannot be read.
  private static func readWhole(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      bytes.append(contentsOf: chunk[..<count])
      if count < chunk.count { return ferror(file) == 0 ? bytes : nil }
    }
  }
}
