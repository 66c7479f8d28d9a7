import Files
import Platform

/// Standard output for results; standard error for progress and warnings.
///
/// All that a command says passes here, and names of files, columns, classes and keys are in it: what a terminal obeys is
/// escaped (`ShownText`), so that nobody's data move the cursor, change colours or hide a line.
enum Console {
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns of the terminal; 80 where nobody says.
  static var width: Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1 ? Int(size.ws_col) : 80
  }

  /// Lines of our own making; what comes from outside must not bring line breaks of its own.
  static func error(_ lines: String) { control(ShownText.printable(lines, keepsLines: true) + "\n") }

  /// What went wrong, on one line.
  static func failure(_ problem: Any) {
    error("fedsim: \(ShownText.printable("\(problem)", keepsLines: false))")
  }

  static func warning(_ text: String) {
    // A bar may stand in the line.
    if isTerminal { control("\r\u{1B}[K") }
    error("warning: \(ShownText.printable(text, keepsLines: false))")
  }

  /// Text that a terminal shall obey, such as a bar that is drawn again. Nothing from outside.
  static func control(_ text: String) { _ = put(text, to: STDERR_FILENO) }

  /// - Throws: `OutputError` where the reader is gone or the disk is full.
  static func result(_ text: String) throws {
    guard put(ShownText.printable(text, keepsLines: true) + "\n", to: STDOUT_FILENO) else {
      throw OutputError(isReaderGone: errno == EPIPE)
    }
  }

  /// Whether whoever reads standard output is gone: the other end of a pipe is closed.
  static var isReaderGone: Bool {
    var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
    return poll(&output, 1, 0) == 1 && output.revents & Int16(POLLERR) != 0
  }

  private static func put(_ text: String, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { writeBytes(descriptor, $0) }
      if written < 0, errno == EINTR { continue }
      if written < 0, errno == EAGAIN || errno == EWOULDBLOCK {
        // A pipe that does not wait is full: until its reader has taken something, or is gone.
        var output = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&output, 1, -1)
        continue
      }
      guard written > 0 else { return false }
      bytes = bytes.dropFirst(written)
    }
    return true
  }
}

/// Outside `Console`, whose own `write` would hide the system's.
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}

struct OutputError: Error, CustomStringConvertible {
  /// Whether that is since its reader went away, and not since a disk is full.
  let isReaderGone: Bool

  var description: String { "standard output could not be written" }
}

enum Shell {
  /// A word as a POSIX shell reads it.
  static func quoted(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy { byte in
      let letter = byte | 0x20
      return (0x61...0x7A).contains(letter) && byte < 0x80 || (0x30...0x39).contains(byte)
        || Array("-_./=:,+@%".utf8).contains(byte)
    }
    if isPlain && !word.isEmpty { return word }
    return "'" + Text.replacing(in: word) { $0 == "'" ? "'\\''" : nil } + "'"
  }
}
