/// What this process has used, by the system's count.
package enum ResourceUsage {
  /// Processor time in seconds, of all threads, in user mode and in the kernel.
  package static var processorSeconds: Double { seconds(usage.ru_utime) + seconds(usage.ru_stime) }

  /// The largest resident memory so far, in bytes.
  package static var peakMemoryBytes: Int {
    #if os(Linux)
      return Int(usage.ru_maxrss) * 1024
    #else
      return Int(usage.ru_maxrss)
    #endif
  }

  private static var usage: rusage {
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #else
      getrusage(RUSAGE_SELF, &usage)
    #endif
    return usage
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
}

extension Duration {
  /// The duration in seconds.
  package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
