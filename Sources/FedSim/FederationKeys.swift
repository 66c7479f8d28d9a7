import ChannelCoding
import Clients
import Datasets
import JSONText
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

extension FederationSettings {
  /// An error about settings that come from a program.
  static func refusal(_ path: String, _ reason: String) -> ScenarioError {
    .refused(place: "the federation", path: path, reason: reason)
  }

  /// Checks what a program asks for as a file is checked.
  func check(
    parameters: [Float], clients: Int, nonce: [UInt8]?, _ components: Components
  ) throws(ScenarioError) {
    guard !parameters.isEmpty else {
      throw .key(place: "the federation", path: "parameters", problem: "found none", allowed: "at least one value")
    }
    if let bad = parameters.firstIndex(where: { !$0.isFinite }) {
      throw .key(
        place: "the federation", path: "parameters", problem: "found \(parameters[bad]) at index \(bad)",
        allowed: "finite values")
    }
    guard (1...10_000_000).contains(clients) else {
      throw .key(
        place: "the federation", path: "clients", problem: "found \(clients)", allowed: "an integer from 1 to 10000000")
    }
    if let nonce, nonce.count < 16 {
      throw .key(
        place: "the federation", path: "nonce", problem: "found \(nonce.count) bytes",
        allowed: "at least 16 bytes, which follow from all that decides the updates")
    }
    guard !cohort.isCommon else {
      throw .key(
        place: "the federation", path: Cohort.path(\.writtenCommon), problem: "found true",
        allowed: "false: a federation has no seed that cohorts could follow from")
    }
    try scenario(clients: clients, components).check(as: "the federation")
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
