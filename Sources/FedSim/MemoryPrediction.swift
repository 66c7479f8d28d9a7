import Aggregator
import Numerics
import Platform

/// The memory that a run will have taken at its most: what preparing it took, and what rounds add.
///
/// The first is measured, in the process that asks: a run of the same scenario prepares the same. What rounds have at the same time, and
/// what grows with them, is counted. Some of it finds its place in what preparing gave back, not all: pieces do not fit, and threads have
/// arenas of their own. Half is what scenarios of all kinds come nearest to (0.7 to 1.3 of what the system counts).
public struct MemoryPrediction: Sendable {
  /// The most that this process has had so far, in bytes.
  public let ofSetUp: Int
  /// Of it, what is still in use, in bytes.
  private let kept: Int
  /// What rounds and the last files have, in bytes.
  private let ofRounds: Int

  /// The most that a run will have, in bytes.
  public var total: Int { max(ofSetUp, kept + (ofSetUp - kept) / 2 + ofRounds) }

  /// Gives memory that is not in use back to the system, to see how much is.
  public init(_ setup: RunSetup) {
    let unmade = setup.unmade?.bytes ?? 0
    let peak = ResourceUsage.peakMemoryBytes
    ofSetUp = peak + unmade
    kept = (Self.bytesInUse ?? peak) + unmade
    ofRounds = Self.rounds(setup)
  }

  /// What the server of a federation has, in bytes: the model, the broadcast, sums, the optimizer's state, and sessions.
  public static func server(_ frame: RunFrame) -> Int {
    let parameters = frame.parameterCount
    // Bytes a coordinate: the model in the server and as it was first, the broadcast as bytes, as read and padded; at the end
    // the model's file, its JSON and a comparison with what is there. Then the sums, of what is written and what is not, the sum turned back,
    // the mean.
    let bytes = parameters * (4 + 4 + 4 + 4 + 4) + frame.channel.paddedDimension * (8 + 8) + sums(frame)
    let state = parameters * 8 * ServerOptimizer(frame.settings.server.optimizer).stateNames.count
    // Clients that have taken part: sessions at both ends, a count, a control variate.
    let isControlled = frame.algorithm == .scaffold
    let clients = Double(frame.clientCount)
    let known = clients * (1 - Elementary.exp(-frame.sampler.expectedSize * Double(frame.lastRound) / clients))
    return bytes + state + (isControlled ? parameters * 12 : 0)
      + Int(known) * (250 + (isControlled ? 4 * parameters + 32 : 0))
  }

  private static func sums(_ frame: RunFrame) -> Int {
    (frame.plan == nil ? 16 : 8) * frame.channel.paddedDimension
      + (frame.codedShare < 1 ? 8 * frame.channel.dimension : 0)
  }

  /// What rounds and the last files of a run have, in bytes, beside what preparing it keeps.
  public static func rounds(_ setup: RunSetup) -> Int {
    // A worker: its parameters, the update, the vector that is clipped, turned and coded; the sample, and its sums.
    let coding = setup.channel.prediction
    let worker =
      setup.model.parameterCount * 12 + setup.channel.dimension * 8 + (coding?.encoderBytes ?? 0)
      + 2 * Int((coding?.bits ?? 0) / 8) + (coding?.sampleBytes ?? 0) + sums(setup.frame)
    // Rows, and the code that runs for the first time.
    let best = setup.scenario.evaluation.keepBest ? 4 * setup.model.parameterCount : 0
    return server(setup.frame) + best + setup.parallel.threads * worker + setup.lastRound * bytesOfRow + 3_000_000
  }

  /// What another run beside it in the same process has, in bytes: its examples, and what its rounds take.
  public static func another(_ setup: RunSetup) -> Int {
    setup.population.data.byteCount + setup.test.byteCount + (setup.unmade?.bytes ?? 0) + rounds(setup)
  }

  /// The record of a round, which a run keeps to its end, in bytes.
  public static let bytesOfRow = 600

  /// Of this process, without what the allocator keeps of freed memory; nil where nobody says.
  private static var bytesInUse: Int? {
    #if os(Linux)
      // Only glibc has it, and Swift's module of glibc does not.
      if let symbol = dlsym(nil, "malloc_trim") {
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
      }
      guard let file = fopen("/proc/self/statm", "r") else { return nil }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 200)
      guard fgets(&line, Int32(line.count), file) != nil else { return nil }
      let numbers = line.split(separator: CChar(UInt8(ascii: " "))).compactMap { part in
        Int(String(decoding: part.map { UInt8(bitPattern: $0) }, as: UTF8.self))
      }
      return numbers.count > 1 ? numbers[1] * Int(sysconf(Int32(_SC_PAGESIZE))) : nil
    #else
      return nil
    #endif
  }
}
