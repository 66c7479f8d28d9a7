import Numerics
import Testing

@testable import ChannelCoding
@testable import Datasets
@testable import Files

/// Labels, users and texts as LEAF's files have them.
@Suite struct LEAFLabelTests {
  /// A file of one user for each list of rows and labels.
  private func file(_ users: [(name: String, x: String, y: String)]) -> String {
    let names = users.map { "\"\($0.name)\"" }.joined(separator: ", ")
    let data = users.map { "\"\($0.name)\": {\"x\": [\($0.x)], \"y\": [\($0.y)]}" }.joined(separator: ", ")
    return "{\"users\": [\(names)], \"user_data\": {\(data)}}"
  }

  private func load(
    _ training: String, test: String? = nil, classes: Int? = nil, alphabet: String? = nil,
    aim: LearningAim = .classes, threads: Int = 1
  ) throws -> LoadedData {
    let folder = try TestFolder()
    let source = LEAFData(
      path: try folder.write(training, "training.json"), test: try test.map { try folder.write($0, "test.json") },
      classes: classes, alphabet: alphabet)
    return try source.load(
      LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: threads), aim: aim))
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func textsAreClasses() throws {
    let training = file([("a", "[1], [2], [3]", #""dog", "cat", "dog""#), ("b", "[4]", #""emu""#)])
    let test = file([("b", "[5], [6]", #""ant", "dog""#)])
    let data = try load(training, test: test)
    #expect(data.training.classNames == ["ant", "cat", "dog", "emu"] && data.training.classCount == 4)
    #expect(data.training.labels == [2, 1, 2, 3] && data.test?.labels == [0, 2])
    #expect(data.training.owners == [0, 0, 0, 1] && data.test?.owners == [1, 1])
    // As in a table: by value where all are numbers.
    let numbers = try load(file([("a", "[1], [2], [3], [4]", #""10", "9", "1.0", "1""#)]))
    #expect(numbers.training.labels == [2, 1, 0, 0] && numbers.training.classNames == ["1.0", "9", "10"])
  }

  /// Places of features: a value more here and one less there would be columns of something else.
  @Test func raggedRowsAndRepeatedListsAreRefused() throws {
    #expect(try load(file([("a", "[[1, 2], [3, 4]], [[5, 6], [7, 8]]", "0, 1")])).training.featureCount == 4)
    for row in ["[[1, 2], [3]], [[1], [2, 3]]", "[[1], 2]", "[1, [2]]", "[[[1]], [2]]", "[[1], [[2]]]", "[[1], []]"] {
      let count = row == "[[1, 2], [3]], [[1], [2, 3]]" ? "0, 1" : "0"
      let found = message { _ = try load(file([("a", row, count)])) }
      #expect(found.contains("training.json:1:"), "\(row): \(found)")
    }
    let data = #""user_data": {"a": {"x": [[1], [2]], "y": [0, 1]}}"#
    for (lists, expected) in [
      (#""users": ["a"], "users": ["a"]"#, "found \"users\" a second time"),
      (#""users": ["a"], "num_samples": [1], "num_samples": [2]"#, "found \"num_samples\" a second time"),
      (#""users": ["a", "a"]"#, "\"users\" has \"a\" twice"),
    ] { #expect(message { _ = try load("{\(lists), \(data)}") }.contains(expected), "\(lists)") }
  }

  @Test func arraysOfOneAreClasses() throws {
    let text = file([("a", "[1], [2]", "[0, 0, 1, 0], [1.0, 0, 0.0, 0]"), ("b", "[3]", "[0,1,0,0]")])
    let data = try load(text).training
    #expect(data.labels == [2, 0, 1] && data.classCount == 4 && data.classNames == nil)
    #expect(try load(text, classes: 4).training.classCount == 4)
    #expect(
      message { _ = try load(text, classes: 5) }.contains("found 4 places of a label's array; the scenario says 5"))
    for wrong in ["[0, 0]", "[1, 1]", "[0, 2]", "[1]", "[]", "[0.5, 0.5]", "[[1, 0]]", "[1, \"a\"]"] {
      let found = message { _ = try load(file([("a", "[1]", wrong)])) }
      #expect(found.contains("training.json:1:"), "\(wrong): \(found)")
    }
  }

  @Test func kindsOfLabelsAreNotMixed() throws {
    let one = { (labels: String) in message { _ = try load(file([("a", "[1], [2]", labels)])) } }
    #expect(one(#"1, "a""#).contains("training.json:1:64: found a label that is a text; others are numbers"))
    #expect(one(#""a", [1, 0]"#).contains("found a label that is an array of 2; others are texts"))
    #expect(one("[1, 0], [1, 0, 0]").contains("found a label that is an array of 3; others are arrays of 2"))
    #expect(
      message {
        _ = try load(file([("a", "[1]", "1")]), test: file([("b", "[1]", #""1""#)]))
      }.contains("test.json:1:56: found a label that is a text; others are numbers"))
    #expect(
      message {
        _ = try load(file([("a", "[1]", "1")]), test: file([("b", "[1, 2]", "1")]))
      }.contains("test.json:1:44: found an example of 2 features; others have 1"))
    // Between files of a folder.
    let folder = try TestFolder()
    _ = try folder.write(file([("a", "[1]", "1")]), "1.json")
    _ = try folder.write("\n" + file([("b", "[1]", #""x""#)]), "2.json")
    #expect(
      message {
        _ = try LEAFData(path: folder.path).load(
          LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 2)))
      }.contains("2.json:2:56: found a label that is a text; others are numbers"))
  }

  @Test func userNumbersAreTheirDigits() throws {
    let text =
      #"{"users": [12, "b", -3], "num_samples": [1, 1, 1], "user_data": {"#
      + #""b": {"x": [[2]], "y": [1]}, "12": {"x": [[1]], "y": [0]}, "-3": {"x": [[3]], "y": [0]}}}"#
    let data = try load(text).training
    #expect(data.features == [2, 1, 3] && data.owners == [0, 1, 2])
    for wrong in ["012", "1e2", "1.0", "-", "+1", "true", "null"] {
      let found = message { _ = try load(#"{"users": [\#(wrong)], "user_data": {}}"#) }
      #expect(found.contains("where a string or an integer was expected"), "\(wrong): \(found)")
    }
    #expect(
      message { _ = try load(#"{"users": [12], "user_data": {"012": {"x": [[1]], "y": [0]}}}"#) }
        .contains("\"users\" and \"user_data\" differ"))
  }

  @Test func quantitiesAreNumbers() throws {
    let text = file([("a", "[1, 2], [3, 4]", "0.5, -2e3"), ("b", "[5, 6]", "7")])
    let data = try load(text, test: file([("c", "[7, 8]", "1e-3")]), aim: .quantities)
    #expect(data.training.targets == [0.5, -2000, 7] && data.training.classCount == 1)
    #expect(data.training.owners == [0, 0, 1] && data.test?.targets == [1e-3])
    for wrong in [#""1.5""#, "[1, 0]", "1e99", "null", "NaN"] {
      let found = message { _ = try load(file([("a", "[1, 2]", wrong)]), aim: .quantities) }
      #expect(found.contains("training.json:1:"), "\(wrong): \(found)")
    }
    #expect(message { _ = try load(text) }.contains("found \"0\" where an integer from 0 to 65535 was expected"))
  }

  /// Users of test files have the numbers of the training files; who is in test files alone is numbered behind them.
  @Test func testUsersAreTrainingUsers() throws {
    let training = file([("a", "[1]", "0"), ("b", "[2]", "1"), ("nobody", "", "")])
    let test = file([("new", "[1]", "0"), ("b", "[2], [3]", "1, 1"), ("a", "[3]", "0")])
    let data = try load(training, test: test)
    #expect(data.training.owners == [0, 1] && data.test?.owners == [3, 1, 1, 0])
    #expect(message { _ = try load(training, test: file([("a", "[1]", "0")])) } == "no error")
  }

  // MARK: Texts

  private static let play = #""to be or ", "not to be,", "that is t""#

  @Test func textsPredictTheNextCharacter() throws {
    let training = file([("HAMLET", #""to be ", "o be o""#, #""o", "r""#)])
    let data = try load(training, test: file([("HAMLET", #""not to""#, #"" ""#)])).training
    let names = [" ", "b", "e", "n", "o", "r", "t"]
    #expect(data.symbolNames == names && data.classNames == names && data.classCount == 7)
    #expect(data.features == [6, 4, 0, 1, 2, 0, 4, 0, 1, 2, 0, 4] && data.labels == [4, 5] && data.featureCount == 6)
  }

  @Test func charactersAreScalarsInTheOrderOfTheirCodes() throws {
    // An escape, a letter beyond the basic plane, and an accent of its own.
    let text = file([("a", #""a\n\ud83d\ude00e\u0301", "zzzzz""#, #""\"", "z""#)])
    let data = try load(text).training
    #expect(data.symbolNames == ["\n", "\"", "a", "e", "z", "\u{301}", "\u{1F600}"])
    #expect(data.features == [2, 0, 6, 3, 5, 4, 4, 4, 4, 4] && data.labels == [1, 4])
  }

  @Test func anAlphabetThatIsGivenDecides() throws {
    let text = file([("a", #""ab", "ba""#, #""c", "a""#)])
    let data = try load(text, alphabet: "xcba").training
    #expect(data.symbolNames == ["x", "c", "b", "a"] && data.features == [3, 2, 2, 3] && data.labels == [1, 3])
    #expect(
      message { _ = try load(text, alphabet: "abx") }
        .contains(#"training.json:1:63: found the character "c" (U+0063), which the alphabet does not have"#))
    #expect(
      message { _ = try load(text, alphabet: "acx") }
        .contains(#"training.json:1:44: found the character "b" (U+0062)"#))
    #expect(LEAFData(path: "x", alphabet: "abca").problem?.problem.contains("twice") == true)
    #expect(LEAFData(path: "x", alphabet: "abc").problem == nil)
    #expect(
      message { _ = try load(file([("a", "[1]", "1")]), alphabet: "ab") }.contains("found an alphabet for examples"))
  }

  @Test(arguments: [
    (#""abc", "ab""#, #""d", "e""#, "1:51: user \"a\": found a text of 2 characters; others have 3"),
    (#""abc", [1, 2, 3]"#, #""d", "e""#, "found an example of numbers; others are texts"),
    (#"[1], "a""#, #""d", "e""#, "found an example that is a text; others are numbers"),
    (#""ab""#, #""cd""#, "found the label \"cd\"; where \"x\" are texts, it is the next character, and one alone"),
    (#""ab""#, "1", "found a label that is no text"),
    (#""ab""#, #""""#, "found an empty text as a label"),
    (#""""#, #""a""#, "found an example of 0 features"),
    (#"["id", "date", "a tweet"]"#, "0", "a list of texts is no row of features"),
    (#"[["a", "list"], ["of", "words"]]"#, #""b""#, "a list of texts is no row of features"),
    (#""aa", "aa""#, #""a", "a""#, "found 1 different characters"),
  ])
  func mistakesInTextsAreNamed(x: String, y: String, expected: String) {
    let found = message { _ = try load(file([("a", x, y)])) }
    #expect(found.contains(expected), "\(found)")
  }

  @Test func bytesThatAreNoTextAreRefused() throws {
    let folder = try TestFolder()
    for bad in [[0xFF] as [UInt8], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80]] {
      let bytes =
        Array(#"{"users": ["a"], "user_data": {"a": {"y": ["a"], "x": [""#.utf8) + bad + Array(#""]}}}"#.utf8)
      let path = try folder.write(bytes, "bad.json")
      let found = message { _ = try LEAFData.load(path, test: nil, classes: nil, imageShape: nil) }
      #expect(found.contains("bad.json:1:56: found bytes that are not UTF-8"), "\(found)")
    }
  }

  @Test func foreignBytesDoNotTrap() {
    var stream = random(12)
    let texts = [
      file([("a", #""ab\n\u00e9", "cdef""#, #""c", "\u00e9""#), ("b", #""abcd""#, #""x""#)]),
      file([("a", "[1, 2]", #""cat""#), ("b", "[3, 4], [5, 6]", #""dog", "cat""#)]),
      file([("a", "[1, 2]", "[0, 1, 0]"), ("b", "[3, 4], [5, 6]", "[1, 0, 0], [0, 0, 1]")]),
    ]
    for text in texts {
      let bytes = Array(text.utf8)
      for count in bytes.indices {
        #expect(throws: DataError.self) { try LEAFFile(Array(bytes.prefix(count)), name: "") }
      }
      for i in 0..<3000 {
        var changed = bytes
        for _ in 0...stream.integer(below: 3) {
          changed[stream.integer(below: bytes.count)] = UInt8(stream.integer(below: 256))
        }
        let alphabet = i % 2 == 0 ? nil : Alphabet("abcdefx\u{e9}\n")
        _ = try? LEAFFile(changed, name: "", .init(aim: i % 5 == 0 ? .quantities : .classes, alphabet: alphabet))
      }
    }
  }

  /// Any number of threads gives the same examples and, of several errors, the first by file.
  @Test func filesAreReadInParallelAndJoinedInOrder() throws {
    let folder = try TestFolder()
    for i in 0..<9 {
      let users = (0..<3).map { ("u\(i)-\($0)", "[\(i), \($0)], [1, 2]", #""c\#((i * 5 + $0) % 7)", "c\#(i % 2)""#) }
      _ = try folder.write(file(users), "\(i).json")
    }
    let load = { (threads: Int) in
      try LEAFData(path: folder.path)
        .load(LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: threads))).training
    }
    let one = try load(1)
    #expect(one.count == 54 && one.owners == (0..<27).flatMap { [Int32($0), Int32($0)] })
    for threads in [2, 5] {
      let other = try load(threads)
      #expect(other.bytes == one.bytes && other.owners == one.owners && other.classNames == one.classNames)
    }
    _ = try folder.write("{", "7.json")
    _ = try folder.write("[", "3.json")
    for threads in [1, 4] { #expect(message { _ = try load(threads) }.contains("3.json:1:1:")) }
  }
}
