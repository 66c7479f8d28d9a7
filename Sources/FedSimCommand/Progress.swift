import FedSim
import Files

/// A bar with the time left on a terminal, a line a round elsewhere.
struct Progress {
  private let total: Int
  private let start = ContinuousClock.now
  private let isTerminal = Console.isTerminal
  private let isQuiet: Bool
  private var lastDrawn: ContinuousClock.Instant?
  /// Accuracy or R^2 of the last evaluation.
  private var quality: String?
  /// Rounds that are made.
  private var made: Int
  /// When something was last said of a round that is being made.
  private var lastSaid = ContinuousClock.now

  /// Rounds that an earlier process made.
  private let first: Int

  init(total: Int, after first: Int = 0, isQuiet: Bool) {
    self.total = total
    self.first = first
    made = first
    self.isQuiet = isQuiet
  }

  /// Of a round that takes its time: on a terminal every second, elsewhere every ten.
  mutating func update(_ progress: RoundProgress) {
    guard !isQuiet, ContinuousClock.now - lastSaid > .seconds(isTerminal ? 1 : 10) else { return }
    lastSaid = .now
    let done = Double(progress.round - 1) + Double(progress.done) / Double(progress.drawn)
    let part = "\(Text.grouped(progress.done)) of \(Text.grouped(progress.drawn)) clients"
    if isTerminal {
      draw(done, [part])
    } else {
      Console.error("round \(progress.round)/\(total)  \(part)  \(left(done)) left")
    }
  }

  mutating func update(_ record: RoundRecord) {
    made = record.round
    lastSaid = .now
    quality = Self.quality(record) ?? quality
    guard !isQuiet else { return }
    if isTerminal { draw(record) } else { Console.error(line(record)) }
  }

  /// Of posteriors that are sent behind the last round.
  mutating func update(sent done: Int, of all: Int) {
    guard !isQuiet, ContinuousClock.now - lastSaid > .seconds(isTerminal ? 1 : 10) else { return }
    lastSaid = .now
    let text = "posteriors: \(Text.grouped(done)) of \(Text.grouped(all)) fits and messages"
    if isTerminal { Console.control("\r\u{1B}[K" + text.prefix(Console.width - 1)) } else { Console.error(text) }
  }

  func finish() {
    if isTerminal && !isQuiet { Console.control("\r\u{1B}[K") }
  }

  private func line(_ record: RoundRecord) -> String {
    var parts = ["round \(record.round)/\(total)", "\(record.arrived) clients"]
    if let quality = Self.quality(record) { parts.append(quality) }
    if record.r2 != nil, let loss = record.loss {
      parts.append("squared error \(Text.loss(loss))")
    } else if record.accuracy == nil, let loss = record.loss {
      parts.append("objective \(Text.loss(loss))")
    }
    if let epsilon = record.spending?.epsilon { parts.append("epsilon \(Text.fixedUp(epsilon, 3))") }
    if record.payloadBits != nil || record.predictedBits != nil { parts.append("\(record.shownBits) bits/client") }
    return parts.joined(separator: "  ")
  }

  private static func quality(_ record: RoundRecord) -> String? {
    record.accuracy.map { "accuracy \(Text.fixed(100 * $0, 1)) %" } ?? record.r2.map { "R^2 \(Text.fixed($0, 4))" }
  }

  private mutating func draw(_ record: RoundRecord) {
    let now = ContinuousClock.now
    if let lastDrawn, now - lastDrawn < .milliseconds(50), record.round < total { return }
    lastDrawn = now
    draw(Double(record.round), record.spending.map { ["epsilon \(Text.fixedUp($0.epsilon, 2))"] } ?? [])
  }

  /// - Parameter done: rounds that are done, with the part of the one that is being made.
  private func draw(_ done: Double, _ news: [String]) {
    let width = 24
    let filled = Int(Double(width) * done / Double(total))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    var parts = [bar, "round \(done == Double(made) ? made : made + 1)/\(total)"]
    if let quality { parts.append(quality) }
    parts += news + ["\(left(done)) left"]
    Console.control("\r\u{1B}[K" + parts.joined(separator: "  ").prefix(Console.width - 1))
  }

  /// At the pace so far.
  private func left(_ done: Double) -> String {
    let elapsed = (ContinuousClock.now - start).seconds
    return time(elapsed / max(done - Double(first), 1e-9) * (Double(total) - done))
  }

  private func time(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded(.up))
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
