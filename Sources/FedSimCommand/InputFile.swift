import Files
import Platform

/// Files that commands read.
enum InputFile {
  /// All bytes of a file or a pipe.
  ///
  /// - Parameter path: - for standard input.
  static func read(_ path: String) throws(ToolError) -> [UInt8] {
    guard let bytes = try readIfThere(path) else { throw failed(path, ENOENT) }
    return bytes
  }

  /// Nil where there is no such file; what is there and cannot be read is an error.
  static func readIfThere(_ path: String) throws(ToolError) -> [UInt8]? {
    guard let file = fopen(path == "-" ? "/dev/stdin" : path, "r") else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw failed(path, errno)
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      bytes.append(contentsOf: chunk[..<count])
      if count < chunk.count {
        guard ferror(file) == 0 else { throw failed(path, errno) }
        return bytes
      }
    }
  }

  private static func failed(_ path: String, _ code: Int32) -> ToolError {
    .input(place: path, problem: FileFailure.reading(code))
  }
}
