#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Files that examples are read from.
enum DataFile {
  /// All bytes of a file, unpacked where it is gzipped.
  ///
  /// - Parameter limit: how many unpacked bytes the first ones announce; reading stops one byte after that many.
  static func read(
    _ path: String, limit: ([UInt8]) -> Int = { _ in Gzip.largestText }
  ) throws(DataError) -> [UInt8] {
    let bytes = try readPacked(path)
    return Gzip.isGzipped(bytes) ? try Gzip.unpack(bytes, name: path, limit: limit) : bytes
  }

  private static func readPacked(_ path: String) throws(DataError) -> [UInt8] {
    guard let file = fopen(path, "r") else { throw .file(place: path, problem: reason(errno)) }
    defer { fclose(file) }
    var status = stat()
    guard fstat(fileno(file), &status) == 0 else { throw .file(place: path, problem: reason(errno)) }
    var bytes = [UInt8]()
    if status.st_size > 0 { bytes.reserveCapacity(Int(status.st_size)) }
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { chunk.deallocate() }
    while true {
      let count = fread(chunk.baseAddress, 1, chunk.count, file)
      bytes.append(contentsOf: chunk[..<count])
      if count < chunk.count {
        guard ferror(file) == 0 else { throw .file(place: path, problem: reason(errno)) }
        return bytes
      }
    }
  }

  /// The `.json` files of a folder by name, or the file itself.
  static func jsonFiles(_ path: String) throws(DataError) -> [String] {
    guard let folder = opendir(path) else {
      if errno == ENOTDIR { return [path] }
      throw .file(place: path, problem: reason(errno))
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 1) { String(cString: $0) }
      }
      if name.hasSuffix(".json") || name.hasSuffix(".json.gz") { names.append(name) }
    }
    guard !names.isEmpty else { throw .file(place: path, problem: "found a folder without .json or .json.gz files") }
    // By bytes: the order must not depend on a locale.
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { "\(path)/\($0)" }
  }

  private static func reason(_ code: Int32) -> String {
    switch code {
    case ENOENT, ENOTDIR: "there is no such file"
    case EISDIR: "found a folder where a file was expected"
    case EACCES: "there is no permission to read it"
    default: "the file could not be read (\(String(cString: strerror(code))))"
    }
  }
}

/// Where in a text a byte is, for messages.
enum TextPlace {
  /// "name:line:column"; columns count Unicode scalars.
  static func name(_ name: String, offset: Int, in bytes: UnsafeBufferPointer<UInt8>) -> String {
    var (line, column) = (1, 1)
    for byte in bytes.prefix(offset) {
      if byte == UInt8(ascii: "\n") {
        (line, column) = (line + 1, 1)
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return "\(name):\(line):\(column)"
  }
}
