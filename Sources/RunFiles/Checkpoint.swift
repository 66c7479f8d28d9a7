import ChannelCoding
import FedSim
import JSONText
import Scenarios

/// A run after one of its rounds: state.bin. With rounds.jsonl up to `rowBytes` it is all that the rest of the run depends on;
/// keys, sessions, data and plan are made again from the scenario.
public struct Checkpoint: Sendable, Equatable {
  /// The run that it is of.
  public let identity: RunIdentity
  /// The length of rounds.jsonl after the round; before it, where `pendingRow` is there.
  public let rowBytes: Int
  /// The row of the round, where rounds.jsonl need not have it yet: of a federation whose program may still say what it measured.
  let pendingRow: RoundRecord?
  /// What `Simulation.state` gave.
  public let state: StateSections

  public init(_ identity: RunIdentity, _ simulation: Simulation, rowBytes: Int) {
    self.init(identity, simulation.state, rowBytes: rowBytes)
  }

  init(_ identity: RunIdentity, _ state: StateSections, rowBytes: Int, pendingRow: RoundRecord? = nil) {
    self.identity = identity
    self.rowBytes = rowBytes
    self.state = state
    self.pendingRow = pendingRow
  }

  public init(fileBytes: [UInt8]) throws(StateError) { try self.init(StateSections(fileBytes: fileBytes)) }

  /// Opens a checkpoint: it is checked now, and its state is read when it is asked for.
  ///
  /// - Returns: nil where there is no file of that name.
  public init?(contentsOf path: String) throws(StateError) {
    guard let file = try StateSections(contentsOf: path) else { return nil }
    try self.init(file)
  }

  init(_ file: StateSections) throws(StateError) {
    identity = try RunIdentity(file.sections("run"))
    rowBytes = try file.integer("rowBytes", in: 0...Int.max)
    state = try file.sections("simulation")
    if file.has("pendingRow") {
      guard let row = RoundRecord(line: Array(try file.text("pendingRow").utf8)) else {
        throw StateError(byte: 0, problem: "its row is not one that a round wrote")
      }
      pendingRow = row
    } else {
      pendingRow = nil
    }
  }

  /// Whether whoever reads it can take the noise off.
  var isSecret: Bool { state.has("nonce") }

  /// As a file.
  public var sections: StateSections {
    var file = StateSections()
    file.put("run", identity.sections)
    file.put("rowBytes", [rowBytes])
    file.put("simulation", state)
    if let pendingRow { file.put("pendingRow", pendingRow.json.text(pretty: false)) }
    return file
  }

  /// The whole file, in one array: for small ones.
  public var fileBytes: [UInt8] { sections.fileBytes }
}

/// What must agree before a run goes on from a checkpoint.
public struct RunIdentity: Sendable, Equatable {
  let version: String
  /// With every default.
  let scenario: String
  /// What the accountant and the channel made of it: z, clipping norm, a client's noise.
  let plan: [Double]
  /// A hash of the run's fingerprint and the test examples. One-way: the fingerprint is part of what keys the noise.
  let data: [UInt8]

  /// Cost: a hash of the test examples.
  public init(_ setup: RunSetup) {
    version = FedSimVersion.current
    scenario = setup.resolved.text(pretty: true)
    plan = [setup.plan?.noiseMultiplier ?? 0, setup.channel.clippingNorm, setup.channel.noiseScale]
    var fingerprint = Fingerprint()
    fingerprint.add(Array("fedsim checkpoint".utf8))
    fingerprint.add(setup.fingerprint)
    fingerprint.add(byteCount: setup.test.byteCount, forEachPart: setup.test.forEachPart)
    data = fingerprint.bytes
  }

  init(_ sections: StateSections) throws(StateError) {
    version = try sections.text("version")
    scenario = try sections.text("scenario")
    plan = try sections.doubles("plan", count: 3)
    data = try sections.bytes("data")
  }

  var sections: StateSections {
    var sections = StateSections()
    sections.put("version", version)
    sections.put("scenario", scenario)
    sections.put("plan", plan)
    sections.put("data", data)
    return sections
  }

  /// Why a checkpoint of `self` is none of `wanted`; nil where it is.
  public func difference(from wanted: RunIdentity) -> String? {
    guard version == wanted.version else {
      return "it was made by fedsim \(version), and this is \(wanted.version), which gives other records"
    }
    if scenario != wanted.scenario {
      let parse = { (text: String) in (try? JSONParser.parse(text.utf8).value) ?? .null }
      let (path, old, new) = Self.firstDifference(parse(scenario), parse(wanted.scenario))
      let change = "\(path) is \(old) there and \(new) here"
      return path == "rounds"
        ? "\(change): noise and largest cohort are planned for all rounds of a run, so their number cannot change in it"
        : "it is of another scenario: \(change)"
    }
    guard plan.map(\.bitPattern) == wanted.plan.map(\.bitPattern) else {
      return "it was made by another build of fedsim, which computed other noise: z, C and a client's deviation are "
        + "\(plan) there and \(wanted.plan) here"
    }
    guard data != wanted.data else { return nil }
    if case .object(let root)? = try? JSONParser.parse(scenario.utf8).value, root[path: "data.source"] == "external" {
      return "it began with other parameters, or has another run key"
    }
    return "it is of other data: the hash of the examples differs"
  }

  /// The first key that has another value, in the order of `new`, with both values.
  private static func firstDifference(_ old: JSON, _ new: JSON, at path: String = "") -> (String, String, String) {
    guard case .object(let before) = old, case .object(let after) = new else {
      return (path, old.isScalar ? old.summary : old.kindName, new.isScalar ? new.summary : new.kindName)
    }
    for key in after.keys + before.keys where before[key] != after[key] {
      let place = JSONParser.childPath(path, key: key)
      guard let a = before[key], let b = after[key] else {
        return (place, before[key]?.summary ?? "no key", after[key]?.summary ?? "no key")
      }
      return firstDifference(a, b, at: place)
    }
    return (path, "written otherwise", "not")
  }
}

/// When to write a checkpoint: so that at most a third of what a process did, or a second of it, has to be made again, and
/// writing takes at most a hundredth of the time.
public struct CheckpointSchedule: Sendable {
  private let start: ContinuousClock.Instant
  private var next: ContinuousClock.Instant

  public init(from start: ContinuousClock.Instant = .now) {
    self.start = start
    next = start + .milliseconds(20)
  }

  public func isDue(_ now: ContinuousClock.Instant = .now) -> Bool { now >= next }

  /// - Parameters:
  ///   - cost: the time that it took to write a checkpoint.
  ///   - now: when it was written.
  public mutating func wrote(in cost: Duration, _ now: ContinuousClock.Instant = .now) {
    next = now + max(cost * 100, min((now - start) / 2, .seconds(1)), .milliseconds(20))
  }
}
