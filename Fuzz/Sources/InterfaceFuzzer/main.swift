// Makes many calls of the C interface, and says how they ended.
//
//   InterfaceFuzzer CALLS SEED [--trace]
//
// A process that ends before it has said so has found something: the same seed with --trace shows the call.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

let arguments = CommandLine.arguments
guard arguments.count >= 3, let wanted = Int(arguments[1]), let seed = UInt64(arguments[2]) else {
  print("InterfaceFuzzer CALLS SEED [--trace]")
  exit(2)
}
let clock = ContinuousClock()
let began = clock.now
var calls = InterfaceCalls(seed: seed)
calls.isTraced = arguments.contains("--trace")
var shown = 0
while calls.calls < wanted {
  calls.step()
  if calls.calls >= shown + 1_000_000 {
    shown = calls.calls
    print("\(shown) calls, \(clock.now - began)")
    fflush(nil)
  }
}
let time = clock.now - began
let rate = Double(calls.calls) / (Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18)
for (name, count) in calls.counts.sorted(by: { $0.key < $1.key }) {
  let failures = count.failures.sorted { $0.key > $1.key }.map { "\($0.value) x \($0.key)" }
  print(name, count.success, failures.joined(separator: ", "), separator: "\t")
}
var usage = rusage()
#if canImport(Glibc)
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
#else
  getrusage(RUSAGE_SELF, &usage)
#endif
print("seed \(seed): \(calls.calls) calls, \(Int(rate)) a second, at most \(usage.ru_maxrss / 1000) MB")
for fault in calls.faults.prefix(20) { print("fault: \(fault)") }
let faults = calls.faults.count
calls.end()
exit(faults == 0 ? 0 : 1)
