import Testing

@testable import FedSim
@testable import Files
@testable import JSONText

@Suite("JSON")
struct JSONTests {
  // MARK: Values

  @Test func literalsMakeTheCaseOneExpects() {
    let value: JSON = [
      "none": .null, "flag": true, "count": 3, "rate": 3.0, "name": "x", "list": [1, []], "empty": [:],
    ]
    var expected = JSONObject()
    expected["none"] = .null
    expected["flag"] = .bool(true)
    expected["count"] = .integer(3)
    expected["rate"] = .number(3)
    expected["name"] = .string("x")
    expected["list"] = .array([.integer(1), .array([])])
    expected["empty"] = .object(JSONObject())
    #expect(value == .object(expected))
    #expect(JSON.integer(3) != .number(3))
  }

  @Test func objectKeepsOrderAndUniqueness() {
    var object: JSONObject = ["b": 1, "a": 2, "c": 3]
    object["b"] = 4
    object["d"] = JSON.null
    #expect(object.keys == ["b", "a", "c", "d"])
    #expect(object["b"] == 4)
    #expect(object["d"] == .null)
    #expect(object["d"] != nil)
    #expect(object["missing"] == nil)

    object["a"] = nil
    object["missing"] = nil
    #expect(object.keys == ["b", "c", "d"])
    #expect(object.count == 3)
    #expect(object.map(\.key) == object.keys)
    #expect(object.map(\.value) == [4, 3, .null])

    object["a"] = 2
    #expect(object.keys == ["b", "c", "d", "a"])
    for (key, _) in object { object[key] = nil }
    #expect(object.isEmpty)
    #expect(object == JSONObject())
    #expect(["x": 1, "y": 2] as JSONObject != ["y": 2, "x": 1])
  }

  @Test func kindNamesReadWellInASentence() {
    let values: [JSON] = [.null, true, 1, 1.5, "", [], [:]]
    #expect(
      values.map(\.kindName) == [
        "null", "a boolean", "an integer", "a number", "a string", "an array", "an object",
      ])
  }

  @Test func summaryIsCutToFortyCharacters() {
    #expect((["a": [1, 2.5, "x"]] as JSON).summary == #"{"a": [1, 2.5, "x"]}"#)
    #expect(JSON.string(String(repeating: "x", count: 38)).summary.count == 40)
    #expect(JSON.string(String(repeating: "x", count: 38)).summary.last == "\"")
    let long = JSON.string(String(repeating: "🙂", count: 39)).summary
    #expect(long == "\"" + String(repeating: "🙂", count: 38) + "…")
    let huge = JSON.array(Array(repeating: ["key": "value"], count: 1_000))
    #expect(huge.summary == #"[{"key": "value"}, {"key": "value"}, {"…"#)
    #expect(JSON.array([.number(.nan), .number(-.infinity)]).summary == "[nan, -inf]")
  }

  // MARK: Reading

  @Test func readsEveryKindOfValue() throws {
    let text = """
      \u{FEFF} {"n": null, "t": true, "f": false, "i": [0, -0, -12, 9223372036854775807],
      "d": [1.0, 1e2, -2.5E-3, 9223372036854775808, 1e-400], "o": {}, "a": [ ] }\t\r\n
      """
    let expected: JSON = [
      "n": .null, "t": true, "f": false, "i": [0, 0, -12, .integer(.max)],
      "d": [1.0, 100.0, -0.0025, .number(0x1p63), 0.0], "o": [:], "a": [],
    ]
    #expect(try parse(text).value == expected)
  }

  @Test func readsEscapes() throws {
    let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\uD83d\uDE42\u0000""#
    #expect(try parse(text).value == "\"\\/\u{8}\u{C}\n\r\tAé🙂\0")
    #expect(try parse("\"\u{7F}\u{2028}é🙂\"").value == "\u{7F}\u{2028}é🙂")
  }

  @Test func positionsCoverEveryValue() throws {
    let text = "{\"é🙂\": [1,\r\n  {\"x\": true}, [[]]],\r\r\"a.b\": \"\\n\", \"a\": {\"b\": null}}"
    let parsed = try parse("\u{FEFF}" + text)
    #expect(
      parsed.positions == [
        "": JSONPosition(line: 1, column: 1),
        "é🙂": JSONPosition(line: 1, column: 8),
        "é🙂[0]": JSONPosition(line: 1, column: 9),
        "é🙂[1]": JSONPosition(line: 2, column: 3),
        "é🙂[1].x": JSONPosition(line: 2, column: 9),
        "é🙂[2]": JSONPosition(line: 2, column: 16),
        "é🙂[2][0]": JSONPosition(line: 2, column: 17),
        #"["a.b"]"#: JSONPosition(line: 4, column: 8),
        "a": JSONPosition(line: 4, column: 19),
        "a.b": JSONPosition(line: 4, column: 25),
      ])
  }

  @Test func childPathsAreUnambiguous() {
    #expect(JSONParser.childPath("", key: "seed") == "seed")
    #expect(JSONParser.childPath("privacy", key: "clippingNorm") == "privacy.clippingNorm")
    #expect(JSONParser.childPath("model.hidden", index: 0) == "model.hidden[0]")
    #expect(JSONParser.childPath("", index: 2) == "[2]")
    #expect(JSONParser.childPath("a", key: "") == #"a[""]"#)
    for key in ["b.c", "b[0]", "b c"] {
      #expect(JSONParser.childPath("a", key: key) == "a[\"\(key)\"]")
    }
    #expect(JSONParser.childPath("a", key: "\"\n") == #"a["\"\n"]"#)
  }

  @Test func overlongPathsAreLeftOut() throws {
    let key = String(repeating: "k", count: JSONParser.pathLimit - 2)
    let parsed = try parse("{\"\(key)\": {\"a\": 1, \"bc\": [2]}}")
    #expect(Set(parsed.positions.keys) == ["", key, key + ".a"])
  }

  @Test func nestingIsLimited() throws {
    let limit = JSONParser.depthLimit
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(limit == 128)
    #expect(throws: Never.self) { try parse(nested(limit)) }
    let error = try #require(syntaxError(nested(limit + 1)))
    #expect(error.position == JSONPosition(line: 1, column: limit + 1))
    #expect(error.message == "found nesting deeper than the 128 levels allowed")
    #expect(syntaxError(String(repeating: "[", count: 1_000_000)) != nil)
    let objects = String(repeating: "{\"a\":", count: limit) + "1" + String(repeating: "}", count: limit)
    #expect(throws: Never.self) { try parse(objects) }
    #expect(syntaxError("[" + objects + "]")?.position == JSONPosition(line: 1, column: 1 + 5 * 127 + 1))
    // Depth counts open brackets only, not all brackets.
    #expect(throws: Never.self) { try parse("[" + nested(127) + "," + nested(127) + "]") }
  }

  // MARK: Errors

  struct Malformed: Sendable, CustomTestStringConvertible {
    let text: String
    let line: Int
    let column: Int
    let message: String

    init(_ text: String, _ line: Int, _ column: Int, _ message: String, _ hint: String? = nil) {
      (self.text, self.line, self.column) = (text, line, column)
      self.message = hint.map { "\(message); \($0)" } ?? message
    }

    var testDescription: String { text.debugDescription }
  }

  @Test(arguments: [
    Malformed("", 1, 1, "found an empty text where a value was expected"),
    Malformed("\u{FEFF}", 1, 1, "found an empty text where a value was expected"),
    Malformed(" \n ", 2, 2, "found only white space where a value was expected"),
    Malformed("}", 1, 1, #"found "}" where a value was expected"#),
    Malformed("{\n  \"a\": }", 2, 8, #"found "}" where a value was expected"#),
    Malformed(
      "[1, 2\n", 2, 1, #"found the end of the text where "," or "]" was expected"#,
      #"the "[" at line 1, column 1 is not closed"#),
    Malformed(
      "[[], {", 1, 7, "found the end of the text where a key in double quotes was expected",
      #"the "{" at line 1, column 6 is not closed"#),
    Malformed("{\"a\": 1\r\n \"b\": 2}", 2, 2, #"found a double quote where "," or "}" was expected"#),
    Malformed(#"{"a" 1}"#, 1, 6, #"found "1" where ":" was expected"#),
    Malformed("[1}", 1, 3, #"found "}" where "," or "]" was expected"#),
    Malformed("[1,, 2]", 1, 4, #"found "," where a value was expected"#),
    Malformed("[\"é🙂\", 1 ,\n]", 1, 10, #"found "," before "]""#, "JSON allows no comma after the last item"),
    Malformed(#"{"a": 1,}"#, 1, 8, #"found "," before "}""#, "JSON allows no comma after the last item"),
    Malformed("{,}", 1, 2, #"found "," where a key in double quotes was expected"#),
    Malformed("{rate: 1}", 1, 2, #"found "rate" where a key in double quotes was expected"#),
    Malformed("{1: 1}", 1, 2, #"found "1" where a key in double quotes was expected"#),
    Malformed("{} {}", 1, 4, #"found "{" where the end of the text was expected"#),
    Malformed("1 // one", 1, 3, #"found "/" where the end of the text was expected"#, "JSON has no comments"),
    Malformed("[ /* */ 1]", 1, 3, #"found "/" where a value was expected"#, "JSON has no comments"),
    Malformed("# a\n1", 1, 1, ##"found "#" where a value was expected"##, "JSON has no comments"),
    Malformed(
      "['a']", 1, 2, #"found "'" where a value was expected"#,
      "JSON strings take straight double quotes"),
    Malformed(
      "[“a”]", 1, 2, "found the character U+201C where a value was expected",
      "JSON strings take straight double quotes"),
    Malformed("[\u{A0}1]", 1, 2, "found the character U+00A0 where a value was expected"),
    Malformed("[\u{0}]", 1, 2, "found the character U+0000 where a value was expected"),
    Malformed("[NaN]", 1, 2, #"found "NaN" where a value was expected"#, "JSON has no NaN or infinity"),
    Malformed(
      "Infinity", 1, 1, #"found "Infinity" where a value was expected"#,
      "JSON has no NaN or infinity"),
    Malformed(
      "[-Infinity]", 1, 3, #"found "Infinity" where a digit was expected"#,
      "JSON has no NaN or infinity"),
    Malformed("[True]", 1, 2, #"found "True" where a value was expected"#, #"JSON spells it "true""#),
    Malformed(
      "[nullable]", 1, 2, #"found "nullable" where a value was expected"#,
      "JSON strings take double quotes"),
    Malformed(
      "abcdefghijklmnopqrstuvwxyz", 1, 1, #"found "abcdefghijklmnopqrs…" where a value was expected"#,
      "JSON strings take double quotes"),
    Malformed("[1, 007]", 1, 5, #"found "007""#, "JSON numbers have no leading zeros"),
    Malformed("-01", 1, 1, #"found "-01""#, "JSON numbers have no leading zeros"),
    Malformed("0x10", 1, 2, #"found "x10" where the end of the text was expected"#),
    Malformed("+1", 1, 1, #"found "+" where a value was expected"#, "JSON numbers have no plus sign"),
    Malformed(
      ".5", 1, 1, #"found "." where a value was expected"#,
      "JSON numbers have a digit before the decimal point"),
    Malformed("[1.]", 1, 4, #"found "]" where a digit after the decimal point was expected"#),
    Malformed("1e+", 1, 4, "found the end of the text where a digit of the exponent was expected"),
    Malformed("[-]", 1, 3, #"found "]" where a digit was expected"#),
    Malformed("[1, -1e309]", 1, 5, "found a number beyond the range of a 64-bit floating-point number"),
    Malformed("{\"a\": \"b\n\"}", 1, 9, "found a line break in a string, where it must be escaped"),
    Malformed("\"\t\"", 1, 2, "found a tab in a string, where it must be escaped"),
    Malformed("\"\u{1F}\"", 1, 2, "found the character U+001F in a string, where it must be escaped"),
    Malformed("[\n\"abc", 2, 5, "found the end of the text in the string from line 2, column 1"),
    Malformed(
      #""a\x41""#, 1, 3, #"found "x" after "\""#,
      #"the escapes are \" \\ \/ \b \f \n \r \t and \u with four hexadecimal digits"#),
    Malformed(#""\u12g4""#, 1, 6, #"found "g" where one of four hexadecimal digits was expected"#),
    Malformed(#""\u12/*""#, 1, 6, #"found "/" where one of four hexadecimal digits was expected"#),
    Malformed(#""\u+123""#, 1, 4, #"found "+" where one of four hexadecimal digits was expected"#),
    Malformed(
      #""é\ud800""#, 1, 3, #"found "\ud800", half of a surrogate pair, where both halves are required"#),
    Malformed(
      #""\uDC00\uD800""#, 1, 2, #"found "\udc00", half of a surrogate pair, where both halves are required"#),
    Malformed(
      #""\ud800\u0041""#, 1, 2, #"found "\ud800", half of a surrogate pair, where both halves are required"#),
    Malformed(
      "{\"a\": {\"b\": 1},\n \"c\": 2, \"a\": 3}", 2, 10, #"found the key "a" a second time"#,
      "it was first given at line 1, column 2"),
    Malformed(
      #"{"x": {"a": 1, "\u0061": 2}}"#, 1, 16, #"found the key "a" a second time"#,
      "it was first given at line 1, column 8"),
  ])
  func refusesWithPositionAndReason(_ malformed: Malformed) throws {
    let error = try #require(syntaxError(malformed.text))
    #expect(error.position == JSONPosition(line: malformed.line, column: malformed.column))
    #expect(error.message == malformed.message)
    #expect(error.description == "line \(malformed.line), column \(malformed.column): \(malformed.message)")
  }

  @Test(
    arguments: [
      [0xFF], [0x80], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
      [0xE2, 0x82], [0xF0, 0x9F, 0x99],
    ] as [[UInt8]])
  func refusesBytesThatAreNotUTF8(_ invalid: [UInt8]) throws {
    let error = try #require(syntaxError(bytes: Array("[\n\"é🙂".utf8) + invalid + Array("\"]".utf8)))
    #expect(error.position == JSONPosition(line: 2, column: 4))
    let byte = String(invalid[0], radix: 16, uppercase: true)
    #expect(error.message == "found the byte 0x\(byte), which is not valid UTF-8 here; JSON text is UTF-8")
  }

  // MARK: Writing

  static let sample: JSON = [
    "name": "a \"b\" \\ / \n\t\r\u{1}\u{1F}é🙂", "on": true, "none": .null,
    "rates": [1.0, 0.1, -5.0, 1e-5, 1e16, -0.0], "rows": [[1, 2], [], [:]], "empty": [:],
    "nested": ["list": [], "last": -7],
  ]

  @Test func writesCompactText() {
    let text =
      #"{"name": "a \"b\" \\ / \n\t\r\u0001\u001fé🙂", "on": true, "none": null, "#
      + #""rates": [1, 0.1, -5, 1e-05, 1e+16, -0.0], "rows": [[1, 2], [], {}], "empty": {}, "#
      + #""nested": {"list": [], "last": -7}}"#
    #expect(Self.sample.text(pretty: false) == text)
  }

  @Test func writesPrettyText() {
    let text = #"""
      {
        "name": "a \"b\" \\ / \n\t\r\u0001\u001fé🙂",
        "on": true,
        "none": null,
        "rates": [1, 0.1, -5, 1e-05, 1e+16, -0.0],
        "rows": [
          [1, 2],
          [],
          {}
        ],
        "empty": {},
        "nested": {
          "list": [],
          "last": -7
        }
      }
      """#
    #expect(Self.sample.text(pretty: true) == text)
  }

  // MARK: Round trips

  @Test(arguments: [true, false])
  func roundTripsRandomValues(pretty: Bool) throws {
    var random = SplitMix64(state: 1)
    for _ in 0..<500 {
      let value = randomValue(depth: 4, using: &random)
      let text = value.text(pretty: pretty)
      let parsed = try parse(text)
      #expect(normalised(parsed.value) == normalised(value), "\(text)")
      // Strings compare by canonical equivalence, so only the text shows that no scalar changed.
      #expect(Array(parsed.value.text(pretty: pretty).utf8) == Array(text.utf8))
      #expect(parsed.positions.count == valueCount(value))
    }
  }

  @Test func roundTripsEveryBitOfFiniteNumbers() throws {
    var random = SplitMix64(state: 2)
    var values: [Double] = [
      0, -0.0, 0.1, .pi, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0x1p53, 0x1p63, 1e22,
    ]
    while values.count < 5_000 {
      let value = Double(bitPattern: random.next())
      if value.isFinite { values.append(value) }
    }
    for value in values {
      switch try parse(JSON.number(value).text(pretty: false)).value {
      case .number(let read): #expect(read.bitPattern == value.bitPattern)
      case .integer(let read): #expect(Double(read) == value && value.rounded() == value)
      case let other: Issue.record("\(value) came back as \(other.kindName)")
      }
    }
    for value in [Int.min, -1, 0, 1, 1 << 53 + 1, .max] {
      #expect(try parse(JSON.integer(value).text(pretty: false)).value == .integer(value))
    }
  }

  // MARK: Hostile and large input

  @Test func everyPrefixOfADocumentIsRefused() {
    for text in [Self.sample.text(pretty: true), #"{"a":"\ud83d\ude42é","b":[-1.5e+3,true]}"#] {
      let bytes = Array(text.utf8)
      #expect(syntaxError(bytes: bytes) == nil)
      for length in bytes.indices {
        #expect(syntaxError(bytes: bytes.prefix(length)) != nil, "a prefix of \(length) bytes")
      }
    }
  }

  @Test func survivesRandomBytes() {
    var random = SplitMix64(state: 3)
    // Mostly bytes that mean something, so that the parser gets past the first one.
    let alphabet =
      Array(#"{}[]:,"\/u0123456789abcdefDE+-.truefalsn "#.utf8) + [0x0A, 0x0D, 0, 0xC3, 0xA9, 0xFF]
    var readCount = 0
    for round in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        round % 4 == 0 ? UInt8.random(in: .min ... .max, using: &random) : pick(alphabet, using: &random)
      }
      if isReadConsistently(bytes) { readCount += 1 }
    }
    #expect((100...2_000).contains(readCount))
  }

  @Test func survivesMutationsOfADocument() {
    var random = SplitMix64(state: 4)
    let original = Array("[\(Self.sample.text(pretty: true)), \"\\ud83d\\ude42\"]".utf8)
    let pieces = [
      "\"", "\\", "\\u", "{", "}", "[", "]", ",", ":", "1e999", "-", "0", "\u{FEFF}", "\n", "null",
    ]
    var readCount = 0
    for _ in 0..<5_000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let low = Int.random(in: 0...bytes.count, using: &random)
        let high = Int.random(in: low...min(bytes.count, low + 8), using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes.removeSubrange(low..<high)
        case 1: bytes.insert(contentsOf: bytes[low..<high], at: low)
        case 2: bytes.insert(contentsOf: Array(pick(pieces, using: &random).utf8), at: low)
        default: bytes.replaceSubrange(low..<high, with: [UInt8.random(in: .min ... .max, using: &random)])
        }
      }
      if isReadConsistently(bytes) { readCount += 1 }
    }
    #expect((100...2_500).contains(readCount))
  }

  @Test func readsALargeDocument() throws {
    let count = 17_000
    var object = JSONObject()
    for index in 0..<count {
      object["client \(index)"] = ["loss": .number(Double(index) / 7), "rounds": [.integer(index), 1]]
    }
    let text = JSON.object(object).text(pretty: false)
    #expect(text.utf8.count > 1_000_000)
    let parsed = try parse(text)
    #expect(normalised(parsed.value) == normalised(.object(object)))
    #expect(parsed.positions.count == 1 + count * 5)
    // The text is one line, so the last column is known from the end.
    let position = JSONPosition(line: 1, column: text.utf8.count - "1]}}".utf8.count + 1)
    #expect(parsed.positions[#"["client \#(count - 1)"].rounds[1]"#] == position)
  }

  @Test func readsLongTokens() throws {
    let length = 300_000
    let long = String(repeating: "é", count: length)
    #expect(try parse("\"\(long)\"").value == .string(long))
    #expect(syntaxError(String(repeating: "9", count: length))?.message.contains("beyond the range") == true)
    #expect(try parse("0." + String(repeating: "3", count: length)).value == .number(1.0 / 3.0))
    #expect(try parse("1e-" + String(repeating: "9", count: length)).value == .number(0))
    #expect(syntaxError("[\"\(long)\" \"\(long)\"]")?.position == JSONPosition(line: 1, column: length + 5))
  }
}

// MARK: - Helpers

private func parse(_ text: String) throws(JSONSyntaxError) -> ParsedJSON {
  try JSONParser.parse(text.utf8)
}

private func syntaxError(_ text: String) -> JSONSyntaxError? {
  syntaxError(bytes: text.utf8)
}

private func syntaxError(bytes: some Collection<UInt8>) -> JSONSyntaxError? {
  do throws(JSONSyntaxError) {
    _ = try JSONParser.parse(bytes)
    return nil
  } catch {
    return error
  }
}

/// Checks that `bytes` are either refused at a place inside the text or read as a value that round-trips,
/// and says whether they were read.
private func isReadConsistently(_ bytes: [UInt8]) -> Bool {
  do throws(JSONSyntaxError) {
    let value = try JSONParser.parse(bytes).value
    let text = value.text(pretty: true)
    let again = try JSONParser.parse(text.utf8).value
    #expect(again.text(pretty: true) == text)
    #expect(normalised(again) == normalised(value))
    return true
  } catch {
    let lines = bytes.count { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } + 1
    #expect((1...lines).contains(error.position.line))
    #expect((1...bytes.count + 1).contains(error.position.column))
    #expect(error.message.hasPrefix("found "))
    return false
  }
}

/// The value with every integral number as an integer, which is how text holds them.
private func normalised(_ value: JSON) -> JSON {
  switch value {
  case .number(let number):
    return Int(exactly: number).map(JSON.integer) ?? value
  case .array(let elements):
    return .array(elements.map(normalised))
  case .object(let members):
    var result = JSONObject()
    for (key, value) in members { result[key] = normalised(value) }
    return .object(result)
  case .null, .bool, .integer, .string:
    return value
  }
}

private func valueCount(_ value: JSON) -> Int {
  switch value {
  case .array(let elements): elements.reduce(1) { $0 + valueCount($1) }
  case .object(let members): members.reduce(1) { $0 + valueCount($1.value) }
  case .null, .bool, .integer, .number, .string: 1
  }
}

private func randomValue(depth: Int, using random: inout SplitMix64) -> JSON {
  switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
  case 0: return .null
  case 1: return .bool(Bool.random(using: &random))
  case 2: return .integer(Int(truncatingIfNeeded: random.next()) >> Int.random(in: 0..<64, using: &random))
  case 3:
    let number = Double(bitPattern: random.next())
    return .number(number.isFinite ? number : 0.5)
  case 4: return .number(Double(Int.random(in: -1_000...1_000, using: &random)) / 8)
  case 5: return .string(randomString(using: &random))
  case 6:
    let count = Int.random(in: 0..<5, using: &random)
    return .array((0..<count).map { _ in randomValue(depth: depth - 1, using: &random) })
  default:
    var members = JSONObject()
    for _ in 0..<Int.random(in: 0..<5, using: &random) {
      members[randomString(using: &random)] = randomValue(depth: depth - 1, using: &random)
    }
    return .object(members)
  }
}

private func randomString(using random: inout SplitMix64) -> String {
  let special: [Unicode.Scalar] = [
    "\"", "\\", "/", "\0", "\n", "\u{1F}", "\u{7F}", "e", "\u{301}", "é", "\u{2028}", "🙂", ".", "[",
    "\u{FEFF}",
    "\u{10FFFF}",
  ]
  var scalars = String.UnicodeScalarView()
  for _ in 0..<Int.random(in: 0..<8, using: &random) {
    let any = Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &random))
    scalars.append(Bool.random(using: &random) ? pick(special, using: &random) : any ?? "x")
  }
  return String(scalars)
}

private func pick<Element>(_ elements: [Element], using random: inout SplitMix64) -> Element {
  elements[Int.random(in: 0..<elements.count, using: &random)]
}

/// A small generator whose fixed seeds make every run the same.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
