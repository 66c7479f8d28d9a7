import Platform

/// Files that examples are read from.
package enum DataFile {
  /// All bytes of a file, unpacked where it is gzipped.
  ///
  /// - Parameter limit: how many unpacked bytes the first ones announce; reading stops one byte after that many.
  package static func read(
    _ path: String, limit: ([UInt8]) -> Int = { _ in Gzip.largestText }
  ) throws(DataError) -> [UInt8] {
    let bytes = try readPacked(path)
    return Gzip.isGzipped(bytes) ? try Gzip.unpack(bytes, name: path, limit: limit) : bytes
  }

  /// 16 GiB: a pipe may never end.
  private static let largestFile = 1 << 34

  private static func readPacked(_ path: String) throws(DataError) -> [UInt8] {
    guard let file = fopen(path, "r") else { throw .file(place: path, problem: reason(errno)) }
    defer { fclose(file) }
    var status = stat()
    guard fstat(fileno(file), &status) == 0 else { throw .file(place: path, problem: reason(errno)) }
    switch status.st_mode & S_IFMT {
    case S_IFREG, S_IFIFO: break
    case S_IFDIR: throw .file(place: path, problem: reason(EISDIR))
    default: throw .file(place: path, problem: "found a device where a file or a pipe was expected")
    }
    var bytes = [UInt8]()
    if status.st_size > 0 { bytes.reserveCapacity(Int(status.st_size)) }
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { chunk.deallocate() }
    while true {
      let count = fread(chunk.baseAddress, 1, chunk.count, file)
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= largestFile else {
        throw .file(place: path, problem: "found more than \(largestFile) bytes")
      }
      if count < chunk.count {
        guard ferror(file) == 0 else { throw .file(place: path, problem: reason(errno)) }
        return bytes
      }
    }
  }

  /// The `.json` files of a folder by name, or the file itself.
  package static func jsonFiles(_ path: String) throws(DataError) -> [String] {
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

  private static func reason(_ code: Int32) -> String { FileFailure.reading(code) }
}

/// Where in a text a byte is, for messages.
package enum TextPlace {
  /// "name:line:column"; columns count Unicode scalars.
  package static func name(_ name: String, offset: Int, in bytes: UnsafeBufferPointer<UInt8>) -> String {
    var (line, column) = (1, 1)
    for (i, byte) in bytes.prefix(offset).enumerated() {
      // A carriage return alone ends a line too.
      if byte == 0x0A || (byte == 0x0D && (i + 1 >= bytes.count || bytes[i + 1] != 0x0A)) {
        (line, column) = (line + 1, 1)
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return "\(name):\(line):\(column)"
  }
}
