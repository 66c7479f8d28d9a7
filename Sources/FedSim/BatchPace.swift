/// How many clients of a simulation are worked on between two looks at the clock. No result depends on it.
///
/// A process begins with two for each thread and doubles that as long as they are fast: so a stop is seen soon where clients take long, and
/// rounds of milliseconds are one batch.
struct BatchPace {
  private(set) var size: Int

  init(threads: Int) { size = 2 * threads }

  /// Told how long a batch of `count` clients took.
  mutating func took(_ time: Duration, count: Int) {
    if time > .seconds(1) {
      size = max(1, size / 2)
    } else if time < .milliseconds(250), count >= size {
      size *= 2
    }
  }
}
