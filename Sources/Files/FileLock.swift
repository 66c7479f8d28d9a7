/// A file or a folder that one process at a time has, or one part of it. It is given back when this value goes, and when the process
/// ends, however it ends.
public final class FileLock: Sendable {
  private let file: OpenFile?

  /// - Returns: nil where somebody else has it. What cannot be opened, and file systems that know no locks, are given to everyone.
  public init?(_ path: String) {
    do throws(FileFailure) {
      let file = try OpenFile(path, for: .reading)
      guard file.lock() else { return nil }
      self.file = consume file
    } catch {
      file = nil
    }
  }
}
