import Foundation
import Testing

@testable import Clients
@testable import FedSim
@testable import Files
@testable import JSONText
@testable import RunFiles
@testable import Scenarios

/// Runs that start from a file (`model.initial`), and what is no such file.
@Suite struct InitialModelTests {
  private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
    let path = scratchPath() + ".safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    try body(path)
  }

  private func bytes(_ header: String, _ values: [Float], padding: Int = 0) -> [UInt8] {
    let text = Array(header.utf8)
    return withUnsafeBytes(of: UInt64(text.count + padding).littleEndian, Array.init) + text
      + [UInt8](repeating: 0x20, count: padding)
      + values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
  }

  /// Reading back what was written gives the parameters, whatever the order of a model's tensors in memory.
  @Test(arguments: [
    Network(features: 7, hidden: [], classes: 3), Network(features: 5, hidden: [4, 6], classes: 3),
    Network([
      .convolution(Convolution(height: 6, width: 4, inputs: 2, outputs: 3, kernel: 3)),
      .convolution(Convolution(height: 3, width: 2, inputs: 3, outputs: 2, kernel: 3)),
      .dense(inputs: 2, outputs: 5), .dense(inputs: 5, outputs: 3),
    ]),
  ])
  func tensorsAreReadBack(network: Network) throws {
    let parameters = (0..<network.parameterCount).map { Float($0) * 0.37 - 3 }
    let file = try SafetensorsFile(
      bytes: Safetensors.encode(parameters, of: network, metadata: [("note", "any")]), name: "m")
    #expect(try InitialModel.parameters(of: network, from: file, name: "m") == parameters)
    #expect(network.parameters(fromTensors: []) == nil)
    var wrong = network.tensors.indices.map { network.values(of: $0, in: parameters) }
    wrong[0].removeLast()
    #expect(network.parameters(fromTensors: wrong) == nil)
  }

  /// A run that begins with the model of another one's end is not that run; one that begins with its own start is the same run.
  @Test func aRunStartsFromTheFile() throws {
    let plain = try Simulation(scenario: scenario(), threads: 1)
    let start = plain.server.parameters.indices.map { Float($0 % 11) / 100 }
    try withFile(Safetensors.encode(start, of: plain.setup.model, metadata: [])) { path in
      let simulation = try Simulation(scenario: scenario("model.initial=\(path)"), threads: 1)
      #expect(simulation.server.parameters == start && simulation.setup.fingerprint != plain.setup.fingerprint)
      #expect(simulation.setup.scenarioFile.contains("\"initial\": "))
      #expect(simulation.setup.warnings.contains { $0.hasPrefix("model.initial counts as public") })
      let statement = GuaranteeStatement(simulation.setup)
      #expect(statement.sentence.contains("read from a file and counts as public"))
      #expect(statement.outsideGuarantee.contains("model.initial: what that model tells of the clients"))
      // Where it lies is of no account.
      let other = scratchPath() + ".safetensors"
      defer { try? FileManager.default.removeItem(atPath: other) }
      try FileManager.default.copyItem(atPath: path, toPath: other)
      let copied = try RunSetup(scenario: scenario("model.initial=\(other)"), split: nil, threads: 1)
      #expect(copied.fingerprint == simulation.setup.fingerprint)
      let explained = try RunSetup(explaining: scenario("model.initial=\(path)"), threads: 1)
      #expect(explained.initialParameters == start)
    }
    try withFile(Safetensors.encode(plain.server.parameters, of: plain.setup.model, metadata: [])) { path in
      let same = try RunSetup(scenario: scenario("model.initial=\(path)"), split: nil, threads: 1)
      #expect(same.fingerprint == plain.setup.fingerprint, "the same release under the same noise")
    }
    #expect(
      !plain.setup.scenarioFile.contains("initial\":") && plain.setup.warnings.allSatisfy { !$0.contains("initial") })
  }

  @Test func whatIsNoModelIsNamed() throws {
    let two = Network(features: 1, hidden: [], classes: 2)
    let good =
      #"{"layers.0.weight": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}, "layers.0.bias": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}"#
    let message = { (bytes: [UInt8]) -> String in
      do {
        let file = try SafetensorsFile(bytes: bytes, name: "m")
        _ = try InitialModel.parameters(of: two, from: file, name: "m")
        return "no error"
      } catch { return "\(error)" }
    }
    let values: [Float] = [1, 2, 3, 4]
    #expect(message(bytes(good, values)) == "no error" && message(bytes(good, values, padding: 5)) == "no error")
    let cases: [([UInt8], String)] = [
      ([], "found 0 bytes"), ([1, 2, 3], "found 3 bytes"),
      ([UInt8](repeating: 255, count: 20), "found a header of 18446744073709551615 bytes"),
      (Array(bytes(good, values).prefix(40)), "no safetensors file, or it is cut"),
      (Array(bytes(good, values).dropLast()), "data_offsets in the 15 bytes"),
      (bytes(good, values + [5]), "found 4 bytes that belong to no tensor"),
      (bytes("[]", []), "found an array"), (bytes("{", []), "header, line 1"),
      (bytes(good.replacing("F32", with: "BF16"), values), "found dtype \"BF16\"; allowed: \"F32\""),
      (bytes(good.replacing("[2, 1]", with: "[1, 2]"), values), "found shape [1, 2]; allowed: [2, 1]"),
      (bytes(good.replacing("[2, 1]", with: "[9223372036854775807, 8]"), values), "for a shape of"),
      (bytes(good.replacing("[2, 1]", with: "[-2, 1]"), values), "found no shape"),
      (bytes(good.replacing("[8, 16]", with: "[0, 8]"), values), "its data begin at byte 0; allowed: 8"),
      (bytes(good.replacing("[8, 16]", with: "[16, 8]"), values), "found no data_offsets"),
      (bytes(good.replacing("0.bias", with: "0.bies"), values), "\"layers.0.bies\": the model has none of this name"),
      (bytes("{}", []), "\"layers.0.weight\": the file has none of this name"),
      (bytes(good, [1, .nan, 3, 4]), "\"layers.0.weight\": value 1 is nan"),
      (bytes(good, [1, 2, 3, .infinity]), "\"layers.0.bias\": value 1 is inf"),
    ]
    for (bytes, expected) in cases { #expect(message(bytes).contains(expected), "\(message(bytes))") }
    // No prefix and no flipped byte ends in anything but an error or a model.
    let whole = bytes(good, values)
    for i in whole.indices {
      _ = message(Array(whole.prefix(i)))
      for mask: UInt8 in [1, 128, 255] {
        var damaged = whole
        damaged[i] ^= mask
        _ = message(damaged)
      }
    }
    #expect(throws: ScenarioError.self) {
      try RunSetup(scenario: scenario("model.initial=/no/such/file"), split: nil, threads: 1)
    }
  }

  /// Both places where it was sought are named, as of data.
  @Test func aMissingFileIsSoughtBesideTheScenario() throws {
    let file = try ScenarioFile(
      Array(smallScenario.utf8), name: "folder/s.json", overrides: ["model.initial=none.safetensors"], folder: "folder")
    let error = #expect(throws: ScenarioError.self) { try RunSetup(scenario: Scenario(file), split: nil, threads: 1) }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains("neither in the working directory") && text.contains("folder/none.safetensors"), "\(text)")
  }
}
