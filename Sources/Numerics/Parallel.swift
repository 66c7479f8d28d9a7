import Dispatch
import Synchronization

/// Runs work on several cores with results in the order of their indices: the same for any number of threads.
public struct Parallel: Sendable {
  public let threads: Int

  /// - Parameter threads: at least 1.
  public init(threads: Int) {
    precondition(threads >= 1)
    self.threads = threads
  }

  /// `body(0) ... body(count - 1)`, in that order in the result. Each index writes its own place; idle threads sleep.
  public func map<R: Sendable>(_ count: Int, _ body: @Sendable (Int) -> R) -> [R] {
    map(count, worker: {}, body: { _, i in body(i) })
  }

  /// As `map`, with memory that each worker makes once and uses for all its indices.
  public func map<R: Sendable, W>(
    _ count: Int, worker: @Sendable () -> W, body: @Sendable (W, Int) -> R
  ) -> [R] {
    mapWithWorkers(count, worker: worker, body: body).results
  }

  /// As `map`, and the workers too, for what they have gathered.
  ///
  /// - Returns: the results in the order of their indices; the workers in no order, and how many of them there are depends on threads and
  ///   luck: what they gathered must come to the same all the same.
  public func mapWithWorkers<R: Sendable, W>(
    _ count: Int, worker: @Sendable () -> W, body: @Sendable (W, Int) -> R
  ) -> (results: [R], workers: [W]) {
    guard threads > 1, count > 1 else {
      guard count > 0 else { return ([], []) }
      let own = worker()
      return ((0..<count).map { body(own, $0) }, [own])
    }
    let workers = Workers<W>()
    let results = [R](unsafeUninitializedCapacity: count) { buffer, initialized in
      // Each index is written once, by one thread, and read after all are done.
      nonisolated(unsafe) let places = buffer
      let next = Atomic<Int>(0)
      DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
        var own: W?
        while true {
          let i = next.wrappingAdd(1, ordering: .relaxed).oldValue
          if i >= count { break }
          let worker = own ?? worker()
          own = worker
          places.initializeElement(at: i, to: body(worker, i))
        }
        if let own { workers.add(own) }
      }
      initialized = count
    }
    return (results, workers.all)
  }
}

/// Workers that are done: each is used by its own thread until then, and by the caller after all threads are.
private final class Workers<W>: @unchecked Sendable {
  private let lock = Mutex(())
  private(set) var all: [W] = []

  func add(_ worker: W) {
    lock.withLock { _ in all.append(worker) }
  }
}
