import Platform

/// What stands at a path, without opening it.
public enum FilePath {
  /// What is there, links followed; nil for nothing.
  public static func kind(_ path: String) -> OpenFile.Kind? { status(path).map { OpenFile.Kind($0) } }

  public static func exists(_ path: String) -> Bool { kind(path) != nil }

  /// The folder that a file is in, as its path has it; nil for a name alone, which is in the working directory.
  public static func folder(of path: String) -> String? {
    guard let slash = path.lastIndex(of: "/") else { return nil }
    let folder = path[..<slash].drop(trailing: "/")
    return folder.isEmpty ? "/" : String(folder)
  }

  /// Where relative paths begin; nil where the system does not say.
  public static var workingDirectory: String? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }

  /// Makes a folder, and those that it is in; what is there stays.
  public static func makeFolder(_ path: String) throws(FileFailure) {
    if mkdir(path, 0o777) == 0 { return }
    var code = errno
    if code == ENOENT, let parent = parent(of: path) {
      try makeFolder(parent)
      if mkdir(path, 0o777) == 0 { return }
      code = errno
    }
    // Another process may have made it in the meantime.
    if code == EEXIST, kind(path) == .folder { return }
    throw FileFailure(path, .makingFolder, code: code)
  }

  private static func parent(of path: String) -> String? {
    guard let slash = path.drop(trailing: "/").lastIndex(of: "/") else { return nil }
    let parent = path[..<slash].drop(trailing: "/")
    return parent.isEmpty ? nil : String(parent)
  }

  /// Names of what a folder has, in the order of their bytes: it does not depend on a locale.
  public static func names(in path: String) throws(FileFailure) -> [String] {
    guard let folder = opendir(path) else { throw FileFailure(path, .reading) }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 1) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Takes a file away, also one that is not there; never a folder.
  public static func remove(_ path: String) throws(FileFailure) {
    guard unlink(path) == 0 || errno == ENOENT else { throw FileFailure(path, .writing) }
  }

  /// Cuts a file to a length.
  public static func truncate(_ path: String, to length: Int) throws(FileFailure) {
    guard truncateFile(path, off_t(length)) == 0 else { throw FileFailure(path, .writing) }
  }

  static func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  static func standardInputStatus() -> stat? {
    var status = stat()
    return fstat(STDIN_FILENO, &status) == 0 ? status : nil
  }
}

private func truncateFile(_ path: String, _ length: off_t) -> Int32 { truncate(path, length) }

extension StringProtocol {
  fileprivate func drop(trailing character: Character) -> SubSequence {
    var end = endIndex
    while end > startIndex, self[index(before: end)] == character { end = index(before: end) }
    return self[..<end]
  }
}
