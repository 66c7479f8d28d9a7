import Platform

/// Files that examples are read from.
package enum DataFile {
  /// All bytes of a file, unpacked where it is gzipped. A file of a format that is known and not among those that are asked for is an error that
  /// names the format.
  ///
  /// - Parameters:
  ///   - formats: what the caller reads of the formats that have a mark; none for a reader of text.
  ///   - head: how many bytes are unpacked before `limit` is asked.
  ///   - limit: how many unpacked bytes the first ones announce; reading stops one byte after that many.
  package static func read(
    _ path: String, formats: Set<KnownFormat> = [], head: Int = 1024,
    limit: ([UInt8]) -> Int = { _ in Gzip.largestText }
  ) throws(DataError) -> [UInt8] {
    let bytes = try readPacked(path)
    guard Gzip.isGzipped(bytes) else {
      try check(bytes, path, formats, isPacked: false)
      return bytes
    }
    let unpacked = try Gzip.unpack(bytes, name: path, head: head, limit: limit)
    try check(unpacked, path, formats, isPacked: true)
    return unpacked
  }

  /// - Throws: `DataError` where bytes have the mark of a format that is not among those that are asked for.
  static func check(
    _ bytes: [UInt8], _ path: String, _ formats: Set<KnownFormat>, isPacked: Bool
  ) throws(DataError) {
    guard let found = KnownFormat.of(bytes), !formats.contains(found) else { return }
    throw .file(place: path, problem: found.refusal(isPacked: isPacked))
  }

  /// 16 GiB: a pipe may never end.
  private static let largestFile = 1 << 34

  /// All bytes of a file as they are.
  static func readPacked(_ path: String) throws(DataError) -> [UInt8] {
    let bytes: [UInt8]
    let isDevice: Bool
    do throws(FileFailure) {
      let file = try OpenFile(path, for: .reading)
      let kind = try file.kind()
      if kind == .folder { throw FileFailure(path, .reading, code: EISDIR) }
      // A device may never end, and says nothing of its length.
      bytes = kind == .device ? [] : try file.readAll(atMost: largestFile)
      isDevice = kind == .device
    } catch {
      throw DataError(FileFailure(path, .reading, code: error.code))
    }
    guard !isDevice else { throw .file(place: path, problem: "found a device where a file or a pipe was expected") }
    guard bytes.count <= largestFile else { throw .file(place: path, problem: "found more than \(largestFile) bytes") }
    return bytes
  }

  /// The `.json` files of a folder by name, or the file itself.
  package static func jsonFiles(_ path: String) throws(DataError) -> [String] {
    let names: [String]
    do throws(FileFailure) {
      names = try FilePath.names(in: path).filter { $0.hasSuffix(".json") || $0.hasSuffix(".json.gz") }
    } catch {
      if error.code == ENOTDIR { return [path] }
      throw DataError(error)
    }
    guard !names.isEmpty else { throw .file(place: path, problem: "found a folder without .json or .json.gz files") }
    return names.map { "\(path)/\($0)" }
  }
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
