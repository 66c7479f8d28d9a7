import Testing

/// Optimised only: the accountant alone takes seconds otherwise.
@Suite("The C interface: hostile calls")
struct InterfaceFuzzStatistics {
  /// A short run of Fuzz/Sources/InterfaceFuzzer, which makes millions.
  @Test(
    "Sequences of calls with any arguments, on live and dead objects, end with an answer",
    arguments: 1...4 as ClosedRange<UInt64>)
  func calls(seed: UInt64) {
    var calls = InterfaceCalls(seed: seed)
    defer { calls.end() }
    while calls.calls < 3000 { calls.step() }
    #expect(calls.faults.isEmpty, "\(calls.faults.prefix(5))")
    // A good part of what is tried is right.
    let successes = calls.counts.values.reduce(0) { $0 + $1.success }
    #expect(successes > 400)
  }
}
