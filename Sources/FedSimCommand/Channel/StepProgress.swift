/// A counter on a terminal, nothing elsewhere.
struct StepProgress {
  private let total: Int
  private let name: String

  init(of total: Int, _ name: String) {
    self.total = total
    self.name = name
  }

  func update(_ done: Int) {
    if Console.isTerminal { Console.control("\r\u{1B}[K\(name): \(done) of \(total)") }
  }

  func finish() {
    if Console.isTerminal { Console.control("\r\u{1B}[K") }
  }
}
