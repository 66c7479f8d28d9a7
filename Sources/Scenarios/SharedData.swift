import Datasets
import Numerics
import Synchronization

/// Examples that runs of one process have in common: what several runs name is loaded by the first of them.
///
/// Two runs share what they load where the source is one of ours and says the same (with the run's seed, where its examples follow
/// from that), and a split where they also have its seed and its share. No result depends on it. Any number of threads may ask; of two that
/// ask for the same, one loads.
///
/// What is kept is bounded: the last split whatever its size until another one is asked for, others of at most 256 MB in all, and what was
/// read, before it is split for each seed, of at most 1 GB. Larger files are read again for each seed.
public final class SharedData: Sendable {
  private let loaded = RecentlyUsed<LoadedData>(mostBytes: 1 << 30, keepsLast: false)
  private let splits = RecentlyUsed<ReviewedData>(mostBytes: 1 << 28, keepsLast: true)

  public init() {}

  /// How often a source was asked for examples, and how often they were split.
  public var made: (loads: Int, splits: Int) { (loaded.made, splits.made) }

  /// - Parameters:
  ///   - source: all that the source's examples follow from.
  ///   - split: all that the split follows from beside them; nil where the source has its own test examples.
  ///   - isSeeded: whether the source gives other examples for another seed, so that nobody else will ask for these.
  ///   - load: asks the source.
  ///   - review: splits the examples. It is given the only reference to them where nobody else needs them.
  func split(
    source: String, split: String?, isSeeded: Bool, load: () throws(ScenarioError) -> LoadedData,
    review: (consuming LoadedData) throws(ScenarioError) -> ReviewedData
  ) throws(ScenarioError) -> ReviewedData {
    try splits.value(
      "\(split ?? "")\n\(source)", bytes: { $0.split.training.byteCount + $0.split.test.byteCount },
      make: { () throws(ScenarioError) in
        // Who needs the same split finds that; what was loaded is in it.
        guard split != nil, !isSeeded else {
          loaded.count()
          return try review(try load())
        }
        let bytes = { (data: LoadedData) in data.training.byteCount + (data.test?.byteCount ?? 0) }
        return try review(try loaded.value(source, bytes: bytes, make: load))
      })
  }
}

/// Values by name, of which those that were asked for last are kept.
private final class RecentlyUsed<Value: Sendable>: Sendable {
  private final class Entry: Sendable {
    let value = Mutex<Value?>(nil)
  }

  private struct State {
    /// Those that were asked for last are last.
    var kept: [(name: String, entry: Entry, bytes: Int)] = []
    var made = 0
  }

  private let state = Mutex(State())
  private let mostBytes: Int
  /// Whether the last value stays whatever its size.
  private let keepsLast: Bool

  init(mostBytes: Int, keepsLast: Bool) { (self.mostBytes, self.keepsLast) = (mostBytes, keepsLast) }

  var made: Int { state.withLock { $0.made } }

  /// Counts a value that is made elsewhere.
  func count() { state.withLock { $0.made += 1 } }

  func value(
    _ name: String, bytes: (Value) -> Int, make: () throws(ScenarioError) -> Value
  ) throws(ScenarioError) -> Value {
    let entry = state.withLock { state in
      let found = state.kept.firstIndex { $0.name == name }.map { state.kept.remove(at: $0) }
      // Before the next one is made: both would be there at a time.
      if found == nil, state.kept.reduce(0, { $0 + $1.bytes }) > mostBytes { state.kept.removeAll() }
      let used = found ?? (name, Entry(), 0)
      state.kept.append(used)
      return used.entry
    }
    // Whoever asks for the same waits here; others do not. A failure is not kept: each run says it of its own scenario.
    let result = entry.value.withLock { value -> Result<(Value, isNew: Bool), ScenarioError> in
      if let value { return .success((value, false)) }
      do throws(ScenarioError) {
        let made = try make()
        value = made
        return .success((made, true))
      } catch {
        return .failure(error)
      }
    }
    let (value, isNew) = try result.get()
    if isNew { settle(entry, bytes(value)) }
    return value
  }

  private func settle(_ entry: Entry, _ bytes: Int) {
    state.withLock { state in
      state.made += 1
      guard let i = state.kept.firstIndex(where: { $0.entry === entry }) else { return }
      state.kept[i].bytes = bytes
      while state.kept.reduce(0, { $0 + $1.bytes }) > mostBytes, state.kept.count > (keepsLast ? 1 : 0) {
        state.kept.removeFirst()
      }
    }
  }
}
