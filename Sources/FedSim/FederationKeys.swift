import Aggregator
import ChannelCoding
import Clients
import Datasets
import JSONText
import Numerics
import Scenarios

extension Federation {
  /// 32 bytes from the operating system.
  static func freshNonce() -> [UInt8] { Key.fromSystem().bytes }

  /// A nonce by which the same run can be made again.
  ///
  /// It must follow from **everything** that decides the updates: all examples of all clients, whatever the local training is set
  /// to, its own seeds. Two runs whose data differ in one client and which share a nonce share their noise, and have no privacy
  /// against whoever sees both.
  ///
  /// - Parameters:
  ///   - seed: tells runs of the same data apart.
  ///   - data: bytes of all that decides the updates; parts are told apart by their lengths.
  public static func nonce(seed: UInt64, data: [[UInt8]]) -> [UInt8] {
    var fingerprint = nonceBeginning(seed)
    for part in data { fingerprint.add(part) }
    return fingerprint.bytes
  }

  /// The same of parts that somebody else keeps, which are read once and not copied.
  package static func nonce(seed: UInt64, parts: [UnsafeRawBufferPointer]) -> [UInt8] {
    var fingerprint = nonceBeginning(seed)
    for part in parts { fingerprint.add(byteCount: part.count) { $0(part) } }
    return fingerprint.bytes
  }

  private static func nonceBeginning(_ seed: UInt64) -> Fingerprint {
    var fingerprint = Fingerprint()
    fingerprint.add(Array("fedsim nonce".utf8))
    fingerprint.add(withUnsafeBytes(of: seed.littleEndian, Array.init))
    return fingerprint
  }
}

/// The keys of a federation, and what may be written of them.
struct FederationName: Sendable {
  /// The secret bytes by which the run differs from all others.
  let nonce: [UInt8]
  let keys: RunKeys
  /// What all that the federation was made with comes to: a hash of what the keys follow from.
  let identity: [UInt8]

  init(_ frame: RunFrame, parameters: [Float], nonce: [UInt8], _ components: Components) {
    let settings = frame.settings
    var fingerprint = Fingerprint()
    fingerprint.add(Array("fedsim federation \(FedSimVersion.current)".utf8))
    fingerprint.add(nonce)
    fingerprint.add(Array(settings.json(components).text(pretty: false).utf8))
    fingerprint.add(Array("\(frame.clientCount) clients, \(parameters.count) parameters".utf8))
    fingerprint.add(byteCount: 4 * parameters.count) { parameters.withUnsafeBytes($0) }
    fingerprint.add(ServerOptimizer(settings.server.optimizer).referenceBytes)
    if !settings.server.schedule.isConstant {
      fingerprint.add(settings.server.schedule.referenceBytes(rounds: settings.rounds))
    }
    // And what this build makes of the settings, which another one may do otherwise.
    fingerprint.add(Array(frame.channel.codec.rawValue.utf8))
    fingerprint.add(frame.channel.referenceBytes ?? [])
    if let coins = frame.referenceCoins { fingerprint.add(coins) }
    fingerprint.add(ExactSum.referenceBytes)
    for value in [frame.plan?.noiseMultiplier ?? 0, frame.channel.clippingNorm, frame.channel.noiseScale] {
      fingerprint.add(withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init))
    }
    self.nonce = nonce
    keys = RunKeys(seed: 0, fingerprint: fingerprint.bytes)
    // The keys follow from the fingerprint: what is recorded is a hash of it.
    fingerprint.add(Array("identity".utf8))
    identity = fingerprint.bytes
  }

  /// Bytes of a nonce.
  static let allowedCounts = 16...65_536

  /// - Returns: what is wrong with a nonce; nil where nothing is.
  static func problem(_ nonce: [UInt8]) -> (found: String, allowed: String)? {
    allowedCounts.contains(nonce.count)
      ? nil
      : (
        "\(nonce.count) bytes",
        "at least 16 bytes (and at most \(allowedCounts.upperBound)), which follow from all that decides the updates"
      )
  }
}

extension FederationSettings {
  /// An error about settings that come from a program.
  static func refusal(_ path: String, _ reason: String) -> ScenarioError {
    .refused(place: "the federation", path: path, reason: reason)
  }

  /// Checks what a program asks for as a file is checked.
  func check(
    parameters: [Float], clients: Int, nonce: [UInt8]?, _ components: Components
  ) throws(ScenarioError) {
    if let problem = Self.problem(parameters) {
      throw .key(place: "the federation", path: "parameters", problem: problem.found, allowed: problem.allowed)
    }
    guard (1...10_000_000).contains(clients) else {
      throw .key(
        place: "the federation", path: "clients", problem: "found \(clients)", allowed: "an integer from 1 to 10000000")
    }
    if let problem = nonce.flatMap(FederationName.problem) {
      throw .key(place: "the federation", path: "nonce", problem: "found " + problem.found, allowed: problem.allowed)
    }
    guard !cohort.isCommon else {
      throw .key(
        place: "the federation", path: Cohort.path(\.writtenCommon), problem: "found true",
        allowed: "false: a federation has no seed that cohorts could follow from")
    }
    try scenario(clients: clients, components).check(as: "the federation")
  }

  /// What is wrong with the parameters that the first round starts from; nil where nothing is.
  static func problem(_ parameters: [Float]) -> (found: String, allowed: String)? {
    guard !parameters.isEmpty else { return ("found none", "at least one value") }
    return parameters.firstIndex { !$0.isFinite }.map { ("found \(parameters[$0]) at index \($0)", "finite values") }
  }

  /// The settings as the sections of a file.
  func json(_ components: Components) -> JSON { scenario(clients: 1, components).json }

  /// A scenario with these sections; what it says of data, model and training is of no account.
  private func scenario(clients: Int, _ components: Components) -> Scenario {
    Scenario(
      rounds: rounds, data: GivenData(), partition: IIDPartition(clients: clients), model: SoftmaxRegression(),
      training: Training(learningRate: 1), cohort: cohort, server: server, privacy: privacy, channel: channel,
      components: components)
  }
}
