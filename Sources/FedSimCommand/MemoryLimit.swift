import Files
import Platform

/// What happens where memory ends.
enum MemoryLimit {
  /// From here on a request for memory that the system refuses ends the process with a message and exit code 1. The runtime would
  /// trap, which says nothing.
  static func report() {
    #if os(Linux)
      // What the runtime ends with, on the platforms that there are; and what becomes of a C library that does not look at what it got.
      for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS] { _ = signal(number, handleTrap) }
    #endif
  }

  /// The bytes that this process may still ask for, and who says so; nil where nobody does.
  static var left: (bytes: Int, limit: String)? {
    #if os(Linux)
      var limit = rlimit()
      var found: [(bytes: Int, limit: String)] = []
      let pages = ((try? InputFile.read("/proc/self/statm")).map { String(decoding: $0, as: UTF8.self) } ?? "")
        .split(separator: " ").prefix(2).compactMap { Int($0) }
      let page = Int(sysconf(Int32(_SC_PAGESIZE)))
      if pages.count == 2, getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < 1 << 60 {
        found.append((Int(limit.rlim_cur) - pages[0] * page, "ulimit -v"))
      }
      for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
        guard pages.count == 2, let bytes = try? InputFile.read(path),
          let most = Int(String(decoding: bytes, as: UTF8.self).split(separator: "\n").first ?? ""), most < 1 << 60
        else { continue }
        found.append((most - pages[1] * page, "the control group"))
      }
      return found.min { $0.bytes < $1.bytes }
    #else
      return nil
    #endif
  }
}

/// Only what is allowed in a signal handler.
private func handleTrap(_ number: Int32) {
  // The allocator says so, on the thread that asked; any other trap ends as it would have.
  guard errno == ENOMEM else {
    _ = signal(number, SIG_DFL)
    return
  }
  let text: StaticString =
    "\nfedsim: out of memory: the system refused a request (ulimit -v?). What is written stays; a run goes on with --resume where it may use more\n"
  _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  _exit(1)
}
