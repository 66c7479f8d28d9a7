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
    // Beside the payload: FEDSIMPL, format, 7 letters after their number, three options, the dimension, two numbers, tag and checksum.
    let frame = 8 + 1 + 8 + 3 + 2 + 16 + 32
    #expect(report["bits"] as? Int == 8 * (payload.count - frame) && report["dimension"] as? Int == 200)
    let modelBits = try #require(report["modelBits"] as? Double)
    #expect(modelBits > 20 && Double(8 * (payload.count - frame)) < modelBits + 8)
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
          + ["--input", "x.npy", "--out", out, "--private-seed", "4", "--raw"], in: folder)
    }
    let repeated = try ["1.bin", "2.bin"].map { try Data(contentsOf: folder.appendingPathComponent($0)) }
    #expect(repeated[0] == repeated[1] && repeated[0].count == 800)

    // Damaged bytes.
    try (payload + Data([1, 2, 3])).write(to: folder.appendingPathComponent("long.bin"))
    let damaged = try fedsim(
      ["channel", "decode"] + flags + ["raw.key", "--dimension", "200", "--input", "long.bin", "--out", "c.npy"],
      in: folder)
    #expect(damaged.status == 2 && damaged.errors.contains("long.bin: damaged, or not whole"), "\(damaged.errors)")
    try (payload[38..<(payload.count - 32)] + Data([1, 2, 3])).write(to: folder.appendingPathComponent("raw.bin"))
    let raw = try fedsim(
      ["channel", "decode", "--raw"] + flags + [
        "raw.key", "--dimension", "200", "--input", "raw.bin", "--out", "c.npy",
      ],
      in: folder)
    #expect(raw.status == 2 && raw.errors.contains("raw.bin: not a payload of \"layered\""), "\(raw.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("c.npy").path))
  }

  /// What the two ends must agree on travels with the payload, and what differs is named.
  @Test func anotherSettingIsNamed() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try vector().write(to: folder.appendingPathComponent("x.npy"))
    try Data((0..<32)).write(to: folder.appendingPathComponent("key"))
    try Data((1..<33)).write(to: folder.appendingPathComponent("other.key"))
    let both = { (codec: String, more: [String]) in ["--codec", codec, "--sigma", "0.5", "--clip", "4"] + more }
    let encode = { (codec: String, more: [String]) in
      let outcome = try fedsim(
        ["channel", "encode", "--key", "key", "--input", "x.npy", "--out", "c.bin"] + both(codec, more), in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let decode = { (codec: String, dimension: String, key: String, more: [String]) in
      try fedsim(
        ["channel", "decode", "--key", key, "--input", "c.bin", "--out", "y.npy", "--dimension", dimension]
          + both(codec, more), in: folder)
    }
    for codec in ["float32", "layered", "polar", "gprs", "pfr", "ring-toss", "fast-gprs", "layered-shifted"] {
      try encode(codec, [])
      #expect(try decode(codec, "200", "key", []).status == 0)
      let other = codec == "layered" ? "polar" : "layered"
      for (outcome, expected) in [
        (try decode(other, "200", "key", []), "made with other settings: --codec \(codec) there and \(other) here"),
        (try decode(codec, "201", "key", []), "made with other settings: --dimension 200 there and 201 here"),
        (try decode(codec, "200", "other.key", []), "made with another key"),
      ] { #expect(outcome.status == 2 && outcome.errors.contains("c.bin: \(expected)"), "\(codec): \(outcome.errors)") }
    }
    try encode("polar", ["--effort", "1"])
    for (more, expected) in [
      (["--effort", "1", "--sigma", "0.25"], "--sigma 0.5 there and 0.25 here"),
      (["--effort", "1", "--clip", "3"], "--clip 4.0 there and 3.0 here"), ([], "--effort 1 there and 0 here"),
      (["--sigma", "1"], "--sigma 0.5 there and 1.0 here, --effort 1 there and 0 here"),
    ] {
      let outcome = try decode("polar", "200", "key", more)
      #expect(outcome.status == 2 && outcome.errors.contains("settings: \(expected)"), "\(outcome.errors)")
    }
    try encode("pfr", ["--draws", "30"])
    #expect(try decode("pfr", "200", "key", []).errors.contains("--draws 30 there and 100 here"))
    try encode("layered-shifted", ["--fixed-length", "false"])
    #expect(try decode("layered-shifted", "200", "key", []).errors.contains("--fixed-length false there and true here"))
    // What a codec does not read is no difference.
    try encode("layered", ["--draws", "30"])
    #expect(try decode("layered", "200", "key", ["--effort", "3"]).status == 0)
    // A payload alone is not taken for one with its settings, nor the other way round.
    try encode("layered", ["--raw"])
    #expect(try decode("layered", "200", "key", []).errors.contains("are read with --raw"))
    #expect(try decode("layered", "200", "key", ["--raw"]).status == 0)
    // Every byte is covered.
    try encode("layered", [])
    let file = folder.appendingPathComponent("c.bin")
    let whole = try Data(contentsOf: file)
    for i in stride(from: 0, to: whole.count, by: 7) {
      var bytes = whole
      bytes[i] ^= 1
      try bytes.write(to: file)
      #expect(try decode("layered", "200", "key", []).status == 2, "byte \(i)")
    }
    try whole.dropLast().write(to: file)
    #expect(try decode("layered", "200", "key", []).errors.contains("damaged, or not whole"))
  }

  @Test func outputsAreNoInputs() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let manager = FileManager.default
    let at = { (name: String) in folder.appendingPathComponent(name) }
    let key = Data((0..<32))
    try vector().write(to: at("x.npy"))
    try key.write(to: at("key"))
    try manager.createSymbolicLink(at: at("soft"), withDestinationURL: at("key"))
    try manager.linkItem(at: at("key"), to: at("hard"))
    let encode = ["channel", "encode"] + flags + ["key", "--input", "x.npy", "--out"]
    let decode = ["channel", "decode"] + flags + ["key", "--dimension", "200", "--input", "c.bin", "--out"]
    #expect(try fedsim(encode + ["c.bin"], in: folder).status == 0)
    let code = try Data(contentsOf: at("c.bin"))
    for (command, out, name) in [
      (encode, "key", "--key"), (encode, "./key", "--key"), (encode, "soft", "--key"), (encode, "hard", "--key"),
      (encode, "x.npy", "--input"), (decode, "key", "--key"), (decode, "c.bin", "--input"), (decode, "hard", "--key"),
    ] {
      let outcome = try fedsim(command + [out], in: folder)
      #expect(
        outcome.status == 2 && outcome.errors.contains("--out: found \(out), which is what \(name) reads"),
        "\(outcome.errors)")
    }
    for (file, bytes) in [("key", key), ("hard", key), ("soft", key), ("x.npy", vector()), ("c.bin", code)] {
      #expect(try Data(contentsOf: at(file)) == bytes)
    }
    #expect(try fedsim(encode + ["c.bin"], in: folder).status == 0, "an older output is replaced")
  }

  /// "-" is standard output, and a device stays one.
  @Test func aDashIsStandardOutput() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try vector().write(to: folder.appendingPathComponent("x.npy"))
    try Data((0..<32)).write(to: folder.appendingPathComponent("key"))
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.currentDirectoryURL = folder
    let flags = "--codec layered --sigma 0.5 --clip 4 --key key"
    let command = products.appendingPathComponent("fedsim").path
    shell.arguments = [
      "-c",
      """
      "$0" channel encode \(flags) --input - --out - --private-seed 1 < x.npy 2> said | "$0" channel decode \(flags) --dimension 200 --input - --out - > y.npy &&
      "$0" channel encode \(flags) --input x.npy --out c.bin --private-seed 1 > said2 &&
      "$0" channel decode \(flags) --dimension 200 --input c.bin --out y2.npy && cmp y.npy y2.npy && cmp said said2 &&
      "$0" channel decode \(flags) --dimension 200 --input c.bin --out /dev/null
      """, command,
    ]
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0)
    #expect(try String(contentsOf: folder.appendingPathComponent("said"), encoding: .utf8).contains("bits for 200"))
    var status = stat()
    #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    let encode = ["channel", "encode"] + self.flags
    for (arguments, expected) in [
      (encode + ["key", "--input", "x.npy", "--out", "-", "--format", "json"], "--out: found - with --format json"),
      (encode + ["-", "--input", "-", "--out", "c"], "--input: found -, and --key is - too"),
      (encode + ["key", "--input", "x.npy", "--out", ""], "--out: found \"\""),
      (
        [
          "channel", "sample", "--codec", "layered", "--dimension", "3", "--snr", "1", "--repetitions", "2", "--out",
          "-",
        ], "--out: found -"
      ),
      (["run", "none.json", "--out", "-"], "none.json: there is no such file"),
    ] {
      let outcome = try fedsim(arguments, in: folder)
      #expect(outcome.status == 2 && outcome.errors.contains(expected) && outcome.output.isEmpty, "\(outcome.errors)")
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(!names.contains("-") && !names.contains { $0.contains(".part") }, "\(names)")
  }

  @Test func sampleWritesFourFiles() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let sample = try fedsim(
      "channel", "sample", "--codec", "layered", "--dimension", "30", "--snr", "1", "--repetitions", "40", "--seed",
      "3",
      "--out", "a/b", in: folder)
    #expect(sample.status == 0 && sample.errors.isEmpty, "\(sample.errors)")
    #expect(sample.output.contains(" bits a payload, mean of 40 messages\n") && sample.output.contains(" model bits\n"))
    let sizes = try ["x", "y", "bits", "model-bits"].map {
      try Data(contentsOf: folder.appendingPathComponent("a/b/\($0).npy")).count - 128
    }
    #expect(sizes == [240, 9600, 320, 320])
    let again = ["channel", "sample", "--codec", "layered", "--dimension", "30", "--snr", "1", "--repetitions", "40"]
    let keys = [
      "codec", "dimension", "snr", "messages", "informationBits", "meanBits", "meanBitsStandardError", "meanModelBits",
      "meanModelBitsStandardError",
    ]
    let object = try json(fedsim(again + ["--out", "a", "--format", "json"], in: folder).output)
    #expect(Set(object.keys) == Set(keys) && object["messages"] as? Int == 40)
    let csv = try fedsim(again + ["--out", "a", "--format", "csv"], in: folder).output.split(separator: "\n")
    #expect(csv.count == 2 && csv[0] == keys.joined(separator: ",") && csv[1].hasPrefix("\"layered\",30,1,40,15,"))
  }

  @Test func jsonGoesToStandardOutputAlone() throws {
    let list = try json(fedsim("channel", "list", "--format", "json").output)
    #expect((list["codecs"] as? [[String: Any]])?.contains { $0["name"] as? String == "layered" } == true)
    let bench = try fedsim(
      "channel", "bench", "--codec", "float32,layered", "--dimension", "50,60", "--snr", "1", "--repetitions", "2",
      "--format", "json")
    let results = try json(bench.output)["results"] as? [[String: Any]]
    #expect(bench.status == 0 && results?.count == 4)
    let csv = try fedsim(
      "channel", "bench", "--codec", "float32,layered", "--dimension", "50,60", "--snr", "1", "--repetitions", "2",
      "--format", "csv")
    let lines = csv.output.split(separator: "\n")
    #expect(csv.status == 0 && lines.count == 5 && lines[1].hasPrefix("\"float32\",,,,50,1,1,2,1,25,"), "\(csv.output)")
    #expect(lines.first?.contains(",meanModelBits,meanModelBitsStandardError,") == true)
    // Options with commas: a row each, but one for a codec that does not read them.
    let lists =
      try json(
        fedsim(
          "channel", "bench", "--codec", "mrc,layered", "--draws", "8,16,8", "--dimension", "5", "--snr", "1",
          "--repetitions", "2", "--format", "json"
        ).output)["results"] as? [[String: Any]]
    #expect(lists?.map { $0["draws"] as? Int } == [8, 16, nil])
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
      (
        ["channel", "bench", "--codec", "all,pfr", "--dimension", "1", "--snr", "1"],
        "--codec: found \"all\" beside other names; allowed: all alone"
      ),
      (
        encode + ["--codec", "pfr", "--clip", "1", "--sigma", "0", "--key", "key", "--input", "x.npy"],
        "--sigma: found 0 with \"pfr\""
      ),
      (
        ["channel", "bench", "--codec", "pfr", "--input", "x.npy", "--sigma", "1,0"], "--sigma: found 0 with \"pfr\""
      ),
      (["channel", "bench", "--codec", "pfr", "--input", "nan.npy"], "nan.npy: row 0, index 17: found nan"),
      (["channel", "bench", "--codec", "pfr", "--input", "x.npy", "--snr", "1"], "--snr: found with --input"),
      (["channel", "bench", "--codec", "pfr", "--snr", "1"], "--dimension: not given"),
      (
        ["channel", "bench", "--codec", "pfr", "--dimension", "3", "--snr", "1", "--clip", "1"], "--clip: found without"
      ),
      (
        ["channel", "bench", "--codec", "mrc", "--draws", "8,9x", "--dimension", "3", "--snr", "1"],
        "--draws: found \"9x\""
      ),
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
