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

  /// The processors that this process may use, at least 1.
  package static var processorCount: Int { max(allowedProcessors ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1) }

  /// Those that a mask leaves (`taskset`, a container's set); nil where nobody says.
  private static var allowedProcessors: Int? {
    #if os(Linux)
      // The C libraries of Linux have it, and Swift's modules of them do not.
      guard let symbol = dlsym(nil, "sched_getaffinity") else { return nil }
      typealias Function = @convention(c) (pid_t, Int, UnsafeMutableRawPointer?) -> Int32
      var mask = [UInt8](repeating: 0, count: 1024)
      let status = mask.withUnsafeMutableBytes { unsafeBitCast(symbol, to: Function.self)(0, $0.count, $0.baseAddress) }
      return status == 0 ? mask.reduce(0) { $0 + $1.nonzeroBitCount } : nil
    #else
      return nil
    #endif
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
