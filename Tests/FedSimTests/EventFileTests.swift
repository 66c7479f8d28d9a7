import Foundation
import Testing

@testable import FedSim
@testable import Files
@testable import JSONText
@testable import RunFiles

/// Files for TensorBoard, and the lines of a run that is followed.
@Suite struct EventFileTests {
  /// RFC 3720, appendix B.4, and the check value of the algorithm.
  @Test func checksumsAreCastagnolis() {
    #expect(EventRecord.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(EventRecord.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(EventRecord.checksum(Array(0..<32)) == 0x46DD_794E)
    #expect(EventRecord.checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(EventRecord.varint(0) == [0] && EventRecord.varint(300) == [0xAC, 2])
  }

  /// The bytes of `tensorboard` 2.21's own writer for the same events.
  @Test func bytesAreTensorBoards() {
    let time = 1_700_000_000.25
    let bytes = [
      EventRecord.version(time: time), EventRecord.start(step: 1, time: time),
      EventRecord.scalars([("accuracy", 0.5), ("uplink/payloadBits/mean", 76.25)], step: 300, time: time),
    ].flatMap(EventRecord.framed)
    let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(
      hex == "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe90f000000000000006d532b09"
        + "0900001040fc54d94110013a020801d161c2b93f00000000000000516576610900001040fc54d94110ac022a310a0f0a08616363757261"
        + "6379150000003f0a1e0a1775706c696e6b2f7061796c6f6164426974732f6d65616e1500809842340d8577")
  }

  /// What a file has, with its checksums checked: steps and scalars.
  private func read(_ path: String) throws -> [(step: Int, start: Bool, scalars: [String: Float])] {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var (events, place) = ([(step: Int, start: Bool, scalars: [String: Float])](), 0)
    func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    while place < bytes.count {
      let length = Int(number(bytes[place..<place + 8]))
      let event = Array(bytes[place + 12..<place + 12 + length])
      let sums = (
        EventRecord.masked(EventRecord.checksum(Array(bytes[place..<place + 8]))),
        EventRecord.masked(EventRecord.checksum(event))
      )
      #expect(number(bytes[place + 8..<place + 12]) == UInt64(sums.0))
      #expect(number(bytes[place + 12 + length..<place + 16 + length]) == UInt64(sums.1))
      events.append(fields(event))
      place += 16 + length
    }
    return events
  }

  /// Reads an event field by field, whatever wrote it.
  private func fields(_ event: [UInt8]) -> (step: Int, start: Bool, scalars: [String: Float]) {
    var found = (step: 0, start: false, scalars: [String: Float]())
    var rest = event[...]
    func varint() -> UInt64 {
      var (value, shift) = (UInt64(0), UInt64(0))
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 { break }
      }
      return value
    }
    func message() -> ArraySlice<UInt8> {
      let count = Int(varint())
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    while !rest.isEmpty {
      switch varint() {
      case 0x09: rest = rest.dropFirst(8)
      case 0x10: found.step = Int(varint())
      case 0x1A: #expect(message().elementsEqual("brain.Event:2".utf8))
      case 0x3A: found.start = message().elementsEqual([8, 1])
      case 0x2A:
        let end = rest.count
        _ = varint()
        #expect(rest.count < end)
        while !rest.isEmpty {
          #expect(varint() == 0x0A)
          _ = varint()
          #expect(varint() == 0x0A)
          let tag = String(decoding: message(), as: UTF8.self)
          #expect(varint() == 0x15)
          found.scalars[tag] = Float(bitPattern: rest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
          rest = rest.dropFirst(4)
        }
      default:
        Issue.record("an unknown field")
        return found
      }
    }
    return found
  }

  private func eventFiles(in folder: String) throws -> [String] {
    try FilePath.names(in: folder).filter(EventFile.isName)
  }

  private func execution(_ path: String, _ start: RunExecution.Start) throws -> RunExecution {
    var execution = try RunExecution(Simulation(scenario: scenario(), threads: 1), in: path, start: start)
    execution.writesEvents = true
    return execution
  }

  @Test func aRunIsFollowedAndGoesOnInAnotherFile() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var first = try execution(folder, .new)
    var rounds = 0
    _ = try first.run(stop: { rounds == 2 }, update: { _ in rounds += 1 })
    let names = try eventFiles(in: folder)
    #expect(names.count == 1 && names[0].hasPrefix("events.out.tfevents.") && names[0].hasSuffix(".fedsim"))
    _ = consume first
    var second = try execution(folder, .resuming)
    _ = try second.run()
    let both = try eventFiles(in: folder)
    #expect(both.count == 2 && both[0] == names[0])
    let parts = try both.map { try read("\(folder)/\($0)") }
    #expect(parts[0].map(\.step) == [0, 1, 1, 2] && parts[0].map(\.start) == [false, true, false, false])
    #expect(parts[1].map(\.step) == [0, 3, 3, 4] && parts[1].map(\.start) == [false, true, false, false])
    // Every figure that a row has, and no other.
    for (record, event) in zip(second.records, parts[0][2...] + parts[1][2...]) {
      #expect(event.scalars["uplink/payloadBits/mean"] == record.payloadBits.map { Float($0.mean) })
      #expect(event.scalars["epsilon"] == record.epsilon.map { Float($0) })
      #expect(event.scalars["accuracy"] == record.accuracy.map { Float($0) })
      let figures = RoundField.all.filter { $0.name != "round" && $0.number(of: record) != nil }
      #expect(event.scalars.count == figures.count)
    }
    _ = consume second
    // A run that is whole writes nothing, and one that takes its place leaves nothing of it.
    var third = try execution(folder, .resuming)
    _ = try third.run()
    #expect(try eventFiles(in: folder) == both)
    _ = consume third
    var fourth = try execution(folder, .replacing)
    _ = try fourth.run(stop: { true })
    let left = try eventFiles(in: folder)
    #expect(left.count == 1)
    // The version and the start, and no round.
    #expect(try read("\(folder)/\(left[0])").map(\.step) == [0, 1])
  }

  /// Two processes in one second.
  @Test func filesOfOneSecondAreTwo() throws {
    let folder = scratchPath()
    try FilePath.makeFolder(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let files = [try EventFile(in: folder, after: 0, time: 12.9), try EventFile(in: folder, after: 3, time: 12.9)]
    #expect(
      files.map { $0.path.dropFirst(folder.count) } == [
        "/events.out.tfevents.0000000012.fedsim", "/events.out.tfevents.0000000013.fedsim",
      ])
  }

  @Test func linesSayWhatTheyAre() throws {
    var simulation = try Simulation(scenario: scenario(), threads: 1)
    guard case .object(let head) = LiveLine.run(simulation.setup, folder: "f", after: 3) else { return }
    #expect(head["type"] == "run" && head["roundsDone"] == .integer(3) && head["rounds"] == .integer(4))
    #expect(head["scenario"] == simulation.setup.resolved && head["guarantee"] == "epsilon-delta")
    let record = try #require(try simulation.nextRound())
    guard case .object(let row) = LiveLine.round(record), case .object(let own) = record.json else { return }
    #expect(row.keys == ["type"] + own.keys && row["type"] == "round" && own.keys.allSatisfy { row[$0] == own[$0] })
    let summary = RunSummary(simulation.setup, records: [record], stoppedBy: .interrupted)
    guard case .object(let last) = LiveLine.summary(summary) else { return }
    #expect(last.keys.first == "type" && last["type"] == "summary" && last["stoppedBy"] == "interrupted")
  }
}
