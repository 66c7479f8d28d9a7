import CPlatform

/// What this process has used, by the system's count.
package enum ResourceUsage {
  /// Processor time in seconds, of all threads, in user mode and in the kernel.
  package static var processorSeconds: Double { seconds(usage.ru_utime) + seconds(usage.ru_stime) }

  /// Processor time in seconds of the calling thread, in user mode and in the kernel. What other work the machine has does not count.
  package static var threadSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The processors that this process may use, which are fewer than there are where it is bound to some of them (`taskset`, containers).
  package static var processorCount: Int {
    let allowed = Int(fedsim_allowed_processors())
    if allowed > 0 { return allowed }
    return max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1)
  }

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
