import FedSim
import Files

/// A bar with the time left on a terminal, a line a round elsewhere.
struct Progress {
  private let total: Int
  private let start = ContinuousClock.now
  private let isTerminal = Console.isTerminal
  private let isQuiet: Bool
  private var lastDrawn: ContinuousClock.Instant?
  private var accuracy: Double?

  /// Rounds that an earlier process made.
  private let first: Int

  init(total: Int, after first: Int = 0, isQuiet: Bool) {
    self.total = total
    self.first = first
    self.isQuiet = isQuiet
  }

  mutating func update(_ record: RoundRecord) {
    accuracy = record.accuracy ?? accuracy
    guard !isQuiet else { return }
    if isTerminal { draw(record) } else { Console.error(line(record)) }
  }

  func finish() {
    if isTerminal && !isQuiet { Console.control("\r\u{1B}[K") }
  }

  private func line(_ record: RoundRecord) -> String {
    var parts = ["round \(record.round)/\(total)", "\(record.arrived) clients"]
    if let accuracy = record.accuracy { parts.append("accuracy \(Text.fixed(100 * accuracy, 1)) %") }
    if let epsilon = record.spending?.epsilon { parts.append("epsilon \(Text.fixedUp(epsilon, 3))") }
    if record.payloadBits != nil || record.predictedBits != nil { parts.append("\(record.shownBits) bits/client") }
    return parts.joined(separator: "  ")
  }

  private mutating func draw(_ record: RoundRecord) {
    let now = ContinuousClock.now
    if let lastDrawn, now - lastDrawn < .milliseconds(50), record.round < total { return }
    lastDrawn = now
    let elapsed = (now - start).seconds
    let left = elapsed / Double(max(record.round - first, 1)) * Double(total - record.round)
    let width = 24
    let filled = width * record.round / total
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    var parts = [bar, "round \(record.round)/\(total)"]
    if let accuracy { parts.append("accuracy \(Text.fixed(100 * accuracy, 1)) %") }
    if let epsilon = record.spending?.epsilon { parts.append("epsilon \(Text.fixedUp(epsilon, 2))") }
    parts.append("\(time(left)) left")
    Console.control("\r\u{1B}[K" + parts.joined(separator: "  ").prefix(Console.width - 1))
  }

  private func time(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded(.up))
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
