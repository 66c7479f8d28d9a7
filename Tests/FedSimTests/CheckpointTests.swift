import Foundation
import Testing

@testable import ChannelCoding
@testable import Datasets
@testable import FedSim
@testable import RunFiles

private let withoutPrivacy = ["privacy=null", "channel.codec=float32", "model.kind=perceptron", "model.hidden=[4]"]

/// A checkpoint after some rounds, and the lines of their records.
private func checkpoint(after rounds: Int, _ overrides: String...) throws -> (Checkpoint, [String]) {
  var simulation = try Simulation(scenario: scenario(overrides), threads: 1)
  var lines: [String] = []
  for _ in 0..<rounds { lines.append(try #require(try simulation.nextRound()).json.text(pretty: false)) }
  let bytes = lines.reduce(0) { $0 + $1.utf8.count + 1 }
  return (Checkpoint(RunIdentity(simulation.setup), simulation, rowBytes: bytes), lines)
}

@Suite struct CheckpointTests {
  /// From each round on, a new simulation makes what an undisturbed one makes.
  @Test(arguments: [
    ["rounds=5", "cohort.dropout=0.3", "channel.seal=true"],
    ["rounds=4", "channel.codec=polar", "model.kind=perceptron", "model.hidden=[4]"],
    ["rounds=4", "cohort.sampling=everyone", "cohort.size=null", "channel.codec=layered-shifted"],
    ["rounds=5"] + withoutPrivacy,
    ["rounds=4", "server.optimizer=fedavgm", "server.learningRate=0.5"],
    ["rounds=4", "server.optimizer=fedyogi", "server.learningRate=0.05"],
    ["rounds=5", "privacy.clippingNorm=0.1", "privacy.clippingQuantile=0.5", "privacy.countNoise=4"],
    ["rounds=5", "training.algorithm=scaffold", "training.stragglers=0.5"] + withoutPrivacy,
    ["rounds=4", "server.weighting=examples", "training.momentum=0.9"] + withoutPrivacy,
    ["rounds=4", "privacy.noise=central", "channel.codec=float32"],
  ])
  func everyRoundGoesOn(overrides: [String]) throws {
    let scenario = try scenario(overrides)
    var whole = try Simulation(scenario: scenario, threads: 2)
    let identity = RunIdentity(whole.setup)
    var files = [Checkpoint(identity, whole, rowBytes: 0).fileBytes]
    var lines: [String] = []
    while let record = try whole.nextRound() {
      lines.append(record.json.text(pretty: false))
      files.append(Checkpoint(identity, whole, rowBytes: lines.reduce(0) { $0 + $1.utf8.count + 1 }).fileBytes)
    }
    #expect(lines.count >= 4 && Set(files).count == files.count)
    for round in files.indices {
      var resumed = try Simulation(scenario: scenario, threads: 1)
      let checkpoint = try Checkpoint(fileBytes: files[round])
      #expect(checkpoint.identity.difference(from: RunIdentity(resumed.setup)) == nil)
      try resumed.restore(checkpoint.state)
      #expect(resumed.round == round)
      var rest: [String] = []
      while let record = try resumed.nextRound() { rest.append(record.json.text(pretty: false)) }
      #expect(rest == Array(lines[round...]))
      #expect(resumed.server.parameters.map(\.bitPattern) == whole.server.parameters.map(\.bitPattern))
      #expect(resumed.mostTimesDrawn == whole.mostTimesDrawn)
      #expect(Checkpoint(identity, resumed, rowBytes: checkpoint.rowBytes).state == whole.state)
    }
  }

  @Test func everyDamageIsFound() throws {
    let bytes = try checkpoint(after: 2).0.fileBytes
    #expect(try Checkpoint(fileBytes: bytes).fileBytes == bytes)
    for length in bytes.indices {
      let error = #expect(throws: StateError.self) { try Checkpoint(fileBytes: Array(bytes[..<length])) }
      #expect(error?.byte == length, "the end is where it is short")
    }
    var flipped = bytes
    for i in bytes.indices {
      for bit in 0..<8 {
        flipped[i] ^= 1 << bit
        let error = #expect(throws: StateError.self) { try Checkpoint(fileBytes: flipped) }
        if i < 20 { #expect((error?.byte ?? -1) <= bytes.count && error?.description.hasPrefix("byte ") == true) }
        flipped[i] = bytes[i]
      }
    }
    #expect(throws: StateError.self) { try Checkpoint(fileBytes: bytes + [0]) }
    flipped[8] = 1
    let error = #expect(throws: StateError.self) { try Checkpoint(fileBytes: flipped) }
    #expect(error?.description == "byte 8: found format 1; this build of fedsim reads 2")
  }

  /// A file is read where it lies, and what it says is the same.
  @Test func filesAreReadInPlace() throws {
    var simulation = try Simulation(
      scenario: scenario(["rounds=4", "training.algorithm=scaffold"] + withoutPrivacy), threads: 1)
    for _ in 0..<3 { _ = try simulation.nextRound() }
    let whole = Checkpoint(RunIdentity(simulation.setup), simulation, rowBytes: 7)
    let path = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(try Checkpoint(contentsOf: path + "/state.bin") == nil)
    do {
      let folder = try RunFolder(creating: path, replacing: false, checkpoint: whole)
      #expect(try folder.read(.state) == whole.fileBytes)
    }
    let read = try #require(try Checkpoint(contentsOf: path + "/state.bin"))
    #expect(read == whole && read.fileBytes == whole.fileBytes && whole.sections.fileByteCount == whole.fileBytes.count)
    var resumed = try Simulation(scenario: simulation.setup.scenario, threads: 1)
    try resumed.restore(read.state)
    #expect(resumed.state == whole.state && resumed.state == simulation.state)
    #expect(try simulation.nextRound() == resumed.nextRound())
    #expect(resumed.server.parameters == simulation.server.parameters)
    for damage in [whole.fileBytes.dropLast(), whole.fileBytes.dropLast(40) + [1], []] {
      try Data(damage).write(to: URL(fileURLWithPath: path + "/state.bin"))
      #expect(throws: StateError.self) { try Checkpoint(contentsOf: path + "/state.bin") }
    }
  }

  /// What only later rounds would need is not kept when there are none.
  @Test(arguments: [
    ["training.algorithm=scaffold"] + withoutPrivacy, ["server.optimizer=fedyogi", "server.learningRate=0.05"],
  ])
  func theLastCheckpointIsSmall(overrides: [String]) throws {
    var simulation = try Simulation(scenario: scenario(["rounds=4"] + overrides), threads: 1)
    var sizes: [Int] = []
    while try simulation.nextRound() != nil { sizes.append(simulation.state.fileByteCount) }
    let model = 4 * simulation.setup.model.parameterCount
    #expect(sizes[2] > 2 * model && sizes[3] < model + 2000, "\(sizes), a model of \(model)")
  }

  /// A right checksum over sections that are none of ours.
  @Test func foreignSectionsAreErrorsNotTraps() throws {
    var random = RunKeys.experimentStream(seed: 7, .training)
    for _ in 0..<2000 {
      var file = StateSections()
      let noise = (0..<random.integer(below: 40)).map { _ in UInt8(truncatingIfNeeded: random.integer(below: 4)) }
      file.put("run", noise)
      #expect(throws: StateError.self) { try Checkpoint(fileBytes: file.fileBytes) }
    }
    let good = try checkpoint(after: 2).0.state
    let simulation = try Simulation(scenario: scenario(), threads: 1)
    var same = simulation
    try same.restore(good)
    let parameters = try good.floats("parameters")
    let counts = try good.integers("participations")
    let build = { (round: [Int], parameters: [Float], counts: [Int], extra: Bool) in
      var state = StateSections()
      state.put("round", round)
      state.put("parameters", parameters)
      state.put("clippingNorm", [0.5])
      state.put("momentum", [Double]())
      state.put("squares", [Double]())
      state.put("control", [Float]())
      state.put("variateOwners", [Int]())
      state.put("variates", [Float]())
      state.put("participations", counts)
      if extra { state.put("moments", parameters) }
      return state
    }
    #expect(build([2], parameters, counts, false) == good)
    for bad in [
      build([5], parameters, counts, false), build([-1], parameters, counts, false),
      build([], parameters, counts, false), build([2], Array(parameters.dropLast()), counts, false),
      build([2], parameters, Array(counts.dropLast()), false), build([2], parameters, counts + counts, false),
      build([2], parameters, counts, true), StateSections(),
    ] {
      var target = simulation
      #expect(throws: StateError.self) { try target.restore(bad) }
      #expect(target.round == 0, "nothing of it was taken")
    }
  }

  @Test func whatDiffersIsNamed() throws {
    let difference = { (old: [String], new: [String]) in
      try RunIdentity(RunSetup(scenario: scenario(old), split: nil, threads: 1)).difference(
        from: RunIdentity(RunSetup(scenario: scenario(new), split: nil, threads: 1)))
    }
    #expect(try difference([], []) == nil)
    #expect(
      try difference([], ["rounds=8"])
        == "rounds is 4 there and 8 here: noise and largest cohort are planned for all rounds of a run, so their number "
        + "cannot change in it")
    #expect(
      try difference([], ["training.learningRate=0.31"])
        == "it is of another scenario: training.learningRate is 0.3 there and 0.31 here")
    #expect(
      try difference([], ["privacy=null", "channel.codec=float32"])
        == "it is of another scenario: privacy is an object there and null here")
    #expect(try difference([], ["evaluation.every=1"])?.contains("evaluation.every is 2 there and 1 here") == true)
    let given = try scenario("data.source=given")
    let digits = try Digits.load()
    let identity = { (seed: UInt64) in
      var stream = RunKeys.experimentStream(seed: seed, .split)
      let split = try Split(stratified: digits, testFraction: 0.2, random: &stream)
      return try RunIdentity(RunSetup(scenario: given, split: split, threads: 1))
    }
    #expect(try identity(1).difference(from: identity(1)) == nil)
    #expect(try identity(1).difference(from: identity(2))?.contains("other data") == true)
  }

  @Test func rowsAreReadBackExactly() throws {
    for overrides in [["evaluation.every=1"], ["cohort.size=1", "rounds=4"], withoutPrivacy] {
      var simulation = try Simulation(scenario: scenario(overrides), threads: 1)
      while let record = try simulation.nextRound() {
        let line = record.json.text(pretty: false)
        let again = try #require(RoundRecord(line: line.utf8), "\(line)")
        #expect(again == record && again.csvLine == record.csvLine)
        for bad in [
          String(line.dropLast()), line + " ", line.replacing("\"round\"", with: "\"turn\""), "",
          line.replacing("\"drawn\": ", with: "\"drawn\": 1.5e0"), String(line.dropLast()) + ", \"more\": 1}",
          line.replacing("\"p50\"", with: "\"p55\""), line.replacing("\"min\"", with: "\"least\""),
        ] { #expect(RoundRecord(line: bad.utf8) == nil, "\(bad)") }
      }
    }
  }

  @Test func rowsAreCutToTheCheckpoint() throws {
    let (state, lines) = try checkpoint(after: 3)
    let path = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let folder = try RunFolder(creating: path, replacing: false, checkpoint: state)
    let file = URL(fileURLWithPath: path + "/rounds.jsonl")
    let text = lines.map { $0 + "\n" }.joined()
    for tail in ["", "{\"rou", lines[2] + "\n"] {
      try (text + tail).write(to: file, atomically: true, encoding: .utf8)
      let records = try folder.rounds(upTo: state, round: 3)
      #expect(records.map { $0.json.text(pretty: false) } == lines)
      #expect(try String(contentsOf: file, encoding: .utf8) == text)
      #expect(try folder.synchronizeRows() == state.rowBytes)
    }
    let message = { (text: String) -> String in
      try text.write(to: file, atomically: true, encoding: .utf8)
      return "\(#expect(throws: RunFolderError.self) { try folder.rounds(upTo: state, round: 3) } as Any)"
    }
    #expect(try message(String(text.dropLast())).contains("and state.bin is of a time when there were"))
    #expect(try message(text.replacing("\"round\": 2", with: "\"round\": 3")).contains("rounds.jsonl:2"))
    #expect(try message("x" + text.dropFirst()).contains("rounds.jsonl:1"))
    #expect(throws: RunFolderError.self) { try folder.rounds(upTo: state, round: 2) }
  }

  /// A hundredth of the time at most, and no more than a third of it, or a second, to make again.
  @Test(arguments: [0.0001, 0.004, 0.03, 0.5])
  func checkpointsCostLittle(cost: Double) {
    let start = ContinuousClock.now
    var schedule = CheckpointSchedule(from: start)
    var (now, spent, last, count) = (0.0, 0.0, 0.0, 0)
    let at = { (seconds: Double) in start + .nanoseconds(Int64(seconds * 1e9)) }
    while now < 300 {
      now += 0.005
      guard schedule.isDue(at(now)) else { continue }
      let gap = now - last
      #expect(gap <= max(1, 100 * cost, 0.02) + 0.006 && (gap <= now / 3 + 0.03 || gap <= 100 * cost + 0.006))
      now += cost
      spent += cost
      count += 1
      schedule.wrote(in: .nanoseconds(Int64(cost * 1e9)), at(now))
      last = now
    }
    #expect(count > 5 && spent <= 0.0101 * now + cost)
  }
}
