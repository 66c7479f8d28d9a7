import Testing

@testable import ChannelCoding
@testable import FedSimCommand

@Suite struct FlagValueTests {
  private func failure(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func flagsSayWhatIsAllowed() throws {
    #expect(try FlagValue.integer("2e6", flag: "--n", in: 1...2_000_000) == 2_000_000)
    #expect(try FlagValue.integer("17", flag: "--n", in: 1...20) == 17)
    for text in ["0", "21", "1.5", "x", "", "nan", "inf", "1e300", "-3"] {
      let message = failure { _ = try FlagValue.integer(text, flag: "--n", in: 1...20) }
      #expect(message == "--n: found \"\(text)\"; allowed: a whole number from 1 to 20")
    }
    #expect(try FlagValue.number("0", flag: "--r", in: 1e-3...10, or: 0) == 0)
    #expect(failure { _ = try FlagValue.number("nan", flag: "--r", in: 1e-3...10) }.contains("from 0.001 to 10"))
    #expect(try FlagValue.seed("18446744073709551615", flag: "--seed") == .max)
    #expect(!failure { _ = try FlagValue.seed("-1", flag: "--seed") }.isEmpty)
    #expect(!failure { _ = try FlagValue.boolean("yes", flag: "--b") }.isEmpty)
    let names = CodecRegistry.standard.names.map(\.rawValue).joined(separator: ", ")
    #expect(
      failure { _ = try FlagValue.codec("layred", flag: "--codec") } == "--codec: found \"layred\"; allowed: \(names)")
    #expect(
      try FlagValue.codecs("layered,float32,layered", flag: "--codec", all: []) == [.layered, .float32])
    #expect(try FlagValue.codecs("all", flag: "--codec", all: [.mrc]) == [.mrc])
    #expect(failure { _ = try FlagValue.codecs("layered,", flag: "--codec", all: []) }.contains("found \"\""))
  }

  @Test func keysAreRawBytesOrDigits() throws {
    let raw = (0..<32).map { UInt8($0 * 7) }
    let digits = raw.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    let key = try KeyFile.key(raw, name: "key")
    #expect(key.bytes == raw)
    for text in [digits, digits + "\n", digits + "\r\n", digits.uppercased()] {
      #expect(try KeyFile.key(Array(text.utf8), name: "key") == key)
    }
    for bytes in [[], Array(raw.dropLast()), raw + [10], Array((digits + "\n\n").utf8)] as [[UInt8]] {
      #expect(failure { _ = try KeyFile.key(bytes, name: "k") }.contains("k: a key file of \(bytes.count) bytes"))
    }
    let bad = "g" + digits.dropFirst()
    #expect(failure { _ = try KeyFile.key(Array(bad.utf8), name: "k") }.contains("k: byte 0: not a hexadecimal"))
  }
}
