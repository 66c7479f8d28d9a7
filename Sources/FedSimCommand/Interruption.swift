import Platform
import Synchronization

/// What Ctrl-C, a termination request and a terminal that is closed do.
///
/// During set-up, when there is nothing to keep, they end the process. Later the first one is a flag, so that a round in progress is
/// finished and written, and the second one ends the process at once. Exit codes are those of the signals: 128 + their number.
///
/// A signal handler proper, not a dispatch source: those wait for a thread of a pool that work may have taken all of.
enum Interruption {
  /// What is going on, for what is said at the first signal.
  enum Work: Int {
    case setUp
    case run
    case sweep
  }

  /// The number of the signal that came; nil before one did.
  static var signal: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  static var isRequested: Bool { signal != nil }

  /// The exit code of a process that a signal stopped.
  static var exitCode: Int32 { 128 + (signal ?? SIGINT) }

  /// From here on signals are taken care of; called again when the work changes.
  static func watch(during work: Work) {
    current.store(work.rawValue, ordering: .sequentiallyConsistent)
    // The first use makes globals: not in a handler.
    _ = received.load(ordering: .relaxed)
    // A reader of ours that goes away is an error to report, or nothing at all, not the end of the run.
    install(SIGPIPE, SIG_IGN)
    install(SIGINT, handle)
    install(SIGTERM, handle)
    // What nohup said holds.
    if install(SIGHUP, handle) { install(SIGHUP, SIG_IGN) }
    // A parent may have blocked them for itself, as dispatch does on its threads, and children inherit that.
    for number in [SIGINT, SIGTERM, SIGHUP] { unblock(number) }
  }
}

private let received = Atomic<Int32>(0)
private let current = Atomic<Int>(0)

/// - Returns: whether the signal was ignored before.
@discardableResult
private func install(_ number: Int32, _ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
  let previous = signal(number, handler)
  return unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
}

/// Only what is allowed in a signal handler: atomics, `write`, `signal`, `raise`, `_exit`.
private func handle(_ number: Int32) {
  let saved = errno
  let work = current.load(ordering: .relaxed)
  let isFirst = received.exchange(number, ordering: .relaxed) == 0
  if isFirst && work != Interruption.Work.setUp.rawValue {
    say(
      work == Interruption.Work.sweep.rawValue
        ? "\nfedsim: stopping; again stops at once. Runs that are whole are kept\n"
        : "\nfedsim: finishing this round, or leaving it if it takes long; again stops at once and keeps only the rows that are written\n"
    )
    errno = saved
    return
  }
  if isFirst { say("\nfedsim: stopped before the first round\n") }
  // As a process without a handler ends, so that a shell knows; where the system ignores that (process 1 of a container), by hand.
  _ = signal(number, SIG_DFL)
  unblock(number)
  raise(number)
  _exit(128 + number)
}

/// On this thread.
private func unblock(_ number: Int32) {
  var set = sigset_t()
  sigemptyset(&set)
  sigaddset(&set, number)
  pthread_sigmask(SIG_UNBLOCK, &set, nil)
}

private func say(_ text: StaticString) { _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount) }
