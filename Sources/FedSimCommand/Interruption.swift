import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Turns the first Ctrl-C (or a termination request) into a flag, so that a round in progress is finished and written;
/// the second one ends the process at once.
final class Interruption: Sendable {
  private let flag = Atomic<Bool>(false)
  // Kept alive, never touched again.
  nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

  var isRequested: Bool { flag.load(ordering: .relaxed) }

  init() {
    let numbers = [SIGINT, SIGTERM]
    // A reader of ours that goes away is an error to report, or nothing at all, not the end of the run.
    signal(SIGPIPE, SIG_IGN)
    sources = numbers.map { DispatchSource.makeSignalSource(signal: $0, queue: .global()) }
    for (number, source) in zip(numbers, sources) {
      signal(number, SIG_IGN)
      source.setEventHandler { [weak self] in
        self?.flag.store(true, ordering: .relaxed)
        Console.error("\nfedsim: finishing this round; again stops at once and keeps only the rows that are written")
        for number in numbers { signal(number, SIG_DFL) }
      }
      source.resume()
    }
  }
}
