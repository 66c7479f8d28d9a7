import Foundation
import Testing

/// `fedsim channel` as a user runs it.
@Suite struct ChannelCommandTests {
  private let flags = ["--codec", "layered", "--sigma", "0.5", "--clip", "3", "--key"]

  /// A vector of (i % 5) / 10, i < 200, as NumPy saves it; |x| = 3.46.
  private func vector(at index: Int? = nil, _ bad: Double = 0) -> Data {
    var text = "{'descr': '<f8', 'fortran_order': False, 'shape': (200,), }"
    while (10 + text.utf8.count + 1) % 64 != 0 { text += " " }
    text += "\n"
    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.utf8.count), 0] + Array(text.utf8))
    for i in 0..<200 {
      withUnsafeBytes(of: (i == index ? bad : Double(i % 5) / 10).bitPattern.littleEndian) {
        data.append(contentsOf: $0)
      }
    }
    return data
  }

  private func json(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func twoProcessesShareAKey() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try vector().write(to: folder.appendingPathComponent("x.npy"))
    try Data((0..<32)).write(to: folder.appendingPathComponent("raw.key"))
    let digits = (0..<32).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\n"
    try Data(digits.utf8).write(to: folder.appendingPathComponent("hex.key"))
    let encode = try fedsim(
      ["channel", "encode"] + flags + ["raw.key", "--input", "x.npy", "--out", "code.bin", "--format", "json"],
      in: folder)
    #expect(encode.status == 0, "\(encode.errors)")
    #expect(encode.errors.contains("warning: x.npy: longer than the clipping norm"))
    let report = try json(encode.output)
    let payload = try Data(contentsOf: folder.appendingPathComponent("code.bin"))
    #expect(report["bits"] as? Int == 8 * payload.count && report["dimension"] as? Int == 200)
    #expect(report["wasClipped"] as? Bool == true && report["informationBits"] as? Double ?? 0 > 20)
    for (key, out) in [("raw.key", "a.npy"), ("hex.key", "b.npy")] {
      let decode = try fedsim(
        ["channel", "decode"] + flags + [key, "--dimension", "200", "--input", "code.bin", "--out", out], in: folder)
      #expect(decode.status == 0 && decode.output.isEmpty && decode.errors.isEmpty, "\(decode.errors)")
    }
    let a = try Data(contentsOf: folder.appendingPathComponent("a.npy"))
    #expect(try a == Data(contentsOf: folder.appendingPathComponent("b.npy")) && a.count == 128 + 1600)

    // Bytes that can be repeated, where they are asked for.
    for out in ["1.bin", "2.bin"] {
      _ = try fedsim(
        ["channel", "encode", "--codec", "float32", "--sigma", "1", "--clip", "9", "--key", "raw.key"]
          + ["--input", "x.npy", "--out", out, "--private-seed", "4"], in: folder)
    }
    let repeated = try ["1.bin", "2.bin"].map { try Data(contentsOf: folder.appendingPathComponent($0)) }
    #expect(repeated[0] == repeated[1] && repeated[0].count == 800)

    // Damaged bytes.
    try (payload + Data([1, 2, 3])).write(to: folder.appendingPathComponent("long.bin"))
    let damaged = try fedsim(
      ["channel", "decode"] + flags + ["raw.key", "--dimension", "200", "--input", "long.bin", "--out", "c.npy"],
      in: folder)
    #expect(damaged.status == 2 && damaged.errors.contains("long.bin: not a payload of \"layered\""))
    #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("c.npy").path))
  }

  @Test func sampleWritesThreeFiles() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let sample = try fedsim(
      "channel", "sample", "--codec", "layered", "--dimension", "30", "--snr", "1", "--repetitions", "40", "--seed",
      "3",
      "--out", "a/b", in: folder)
    #expect(sample.status == 0 && sample.output.isEmpty && sample.errors.isEmpty, "\(sample.errors)")
    let sizes = try ["x", "y", "bits"].map {
      try Data(contentsOf: folder.appendingPathComponent("a/b/\($0).npy")).count - 128
    }
    #expect(sizes == [240, 9600, 320])
  }

  @Test func jsonGoesToStandardOutputAlone() throws {
    let list = try json(fedsim("channel", "list", "--format", "json").output)
    #expect((list["codecs"] as? [[String: Any]])?.contains { $0["name"] as? String == "layered" } == true)
    let bench = try fedsim(
      "channel", "bench", "--codec", "float32,layered", "--dimension", "50,60", "--snr", "1", "--repetitions", "2",
      "--format", "json")
    let results = try json(bench.output)["results"] as? [[String: Any]]
    #expect(bench.status == 0 && results?.count == 4)
    let verify = try fedsim(
      "channel", "verify", "--codec", "float32", "--samples", "100000", "--snr", "1", "--format", "json")
    let passed = try json(verify.output)["passed"] as? Bool
    #expect(verify.status == 0 && passed == true, "\(verify.output)")
    // With this false-alarm rate one of twenty checks fails.
    let strict = try fedsim(
      "channel", "verify", "--codec", "float32", "--samples", "100000", "--snr", "0,1", "--alpha", "0.1")
    #expect(strict.status == (strict.output.contains("FAILED") ? 1 : 0))
  }

  @Test func helpWithoutASubcommand() throws {
    let outcome = try fedsim("channel")
    #expect(outcome.status == 0)
    for name in ["list", "sample", "encode", "decode", "bench", "verify"] { #expect(outcome.output.contains(name)) }
  }

  @Test func badInputExitsWith2() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try vector().write(to: folder.appendingPathComponent("x.npy"))
    try vector(at: 17, .nan).write(to: folder.appendingPathComponent("nan.npy"))
    try Data(repeating: 7, count: 32).write(to: folder.appendingPathComponent("key"))
    let sample = ["channel", "sample", "--dimension", "10", "--repetitions", "2", "--out", "s"]
    let encode = ["channel", "encode", "--out", "c.bin"]
    let cases: [([String], String)] = [
      (sample + ["--codec", "layred", "--snr", "1"], "--codec: found \"layred\"; allowed: float32, layered,"),
      (sample + ["--codec", "layered", "--snr", "-1"], "--snr: found \"-1\"; allowed: 0, or a number from"),
      (
        sample + ["--codec", "pfr", "--snr", "1", "--draws", "1"],
        "--draws: found \"1\"; allowed: a whole number from 2"
      ),
      (sample + ["--codec", "layered", "--snr", "1", "--seed", "x"], "--seed: found \"x\""),
      (sample + ["--codec", "layered-shifted", "--snr", "1", "--fixed-length", "no"], "--fixed-length: found \"no\""),
      (encode + flags + ["key", "--input", "none.npy"], "none.npy: there is no such file"),
      (encode + flags + ["none", "--input", "x.npy"], "none: there is no such file"),
      (encode + flags + ["x.npy", "--input", "x.npy"], "x.npy: a key file of 1728 bytes"),
      (encode + flags + ["key", "--input", "key"], "key: byte 0: not an NPY file"),
      (encode + flags + ["key", "--input", "nan.npy"], "nan.npy: index 17: found nan; allowed: finite numbers"),
      (["channel", "bench", "--codec", "all,x", "--dimension", "1", "--snr", "1"], "--codec: found \"all\""),
      (["channel", "bench", "--codec", "all", "--dimension", "1,", "--snr", "1"], "--dimension: found \"\""),
      (["channel", "verify", "--samples", "5"], "--samples: found \"5\"; allowed: a whole number from 100000"),
      (
        ["channel", "verify", "--dimension", "1e6"],
        "--dimension: found \"1e6\"; allowed: a whole number from 1 to 20000"
      ),
      (["channel", "frobnicate"], "frobnicate"),
    ]
    for (arguments, expected) in cases {
      let outcome = try fedsim(arguments, in: folder)
      #expect(outcome.status == 2, "\(arguments): \(outcome.status)")
      #expect(outcome.errors.contains(expected), "\(arguments): \(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(files == ["key", "nan.npy", "x.npy"], "nothing was written")
  }
}
