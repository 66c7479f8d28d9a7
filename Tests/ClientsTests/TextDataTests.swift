import JSONText
import Numerics
import Settings
import Testing

@testable import ChannelCoding
@testable import Datasets
@testable import Files

/// Plain text whose next character is predicted.
@Suite struct TextDataTests {
  private func load(_ source: TextData, fraction: Double = 0.25, aim: LearningAim = .classes) throws -> LoadedData {
    try source.load(LoadRequest(seed: 1, testFraction: fraction, parallel: Parallel(threads: 2), aim: aim))
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return "\(error)" }
  }

  /// An example and its label as text.
  private func examples(_ data: Dataset) throws -> [String] {
    let names = try #require(data.symbolNames)
    #expect(data.classNames == names && data.classCount == names.count)
    return data.labels.indices.map { i in
      data.features[(i * data.featureCount)..<((i + 1) * data.featureCount)].map { names[Int($0)] }.joined()
        + ">" + names[Int(data.labels[i])]
    }
  }

  @Test func windowsPredictTheNextCharacter() throws {
    let folder = try TestFolder()
    let path = try folder.write("abcdefghijkl", "a.txt")
    let data = try load(TextData(path: path, length: 3), fraction: 0.3)
    #expect(try examples(data.training) == ["abc>d", "bcd>e", "cde>f", "def>g", "efg>h"])
    #expect(try examples(#require(data.test)) == ["ijk>l"])
  }

  @Test func theEndOfEachTextIsItsTest() throws {
    let folder = try TestFolder()
    _ = try folder.write("abcdefgh", "1.txt")
    _ = try folder.write("ABCDEFGHIJKLMNOP", "2.txt")
    _ = try folder.write("xy", "3.txt")
    let data = try load(TextData(path: folder.path, length: 2, stride: 2), fraction: 0.5)
    #expect(try examples(data.training) == ["ab>c", "AB>C", "CD>E", "EF>G"])
    #expect(try examples(#require(data.test)) == ["ef>g", "IJ>K", "KL>M", "MN>O"])
    #expect(data.training.owners == [0, 1, 1, 1] && data.test?.owners == [0, 1, 1, 1])
    // No character of a window for the test is in one for training.
    for (length, stride) in [(1, 1), (2, 1), (3, 2), (1, 5)] {
      let data = try load(TextData(path: folder.path, length: length, stride: stride), fraction: 0.4)
      let (training, test) = (try examples(data.training).joined(), try examples(#require(data.test)).joined())
      #expect(Set(training).intersection(Set(test)).subtracting([">"]).isEmpty)
    }
  }

  @Test func testFilesHaveTheClientsOfTheTrainingFiles() throws {
    let (training, test) = (try TestFolder(), try TestFolder())
    _ = try training.write("abab", "ann.txt")
    _ = try training.write(gzipped(Array("bbaa".utf8)), "bob.txt.gz")
    _ = try training.write("a", "short.txt")
    _ = try training.write("not read", "notes.rst")
    _ = try test.write("aaab", "bob.txt")
    _ = try test.write("bbb", "new.txt")
    _ = try test.write("bba", "short.txt")
    let data = try load(TextData(path: training.path, test: test.path, length: 2))
    #expect(data.training.owners == [0, 0, 1, 1] && data.test?.owners == [1, 1, 2, 3])
    // A file each is one client, whatever they are called.
    let files = try load(
      TextData(path: training.path + "/ann.txt", test: test.path + "/bob.txt", length: 2))
    #expect(files.training.owners == [0, 0] && files.test?.owners == [0, 0])
  }

  private static let play = """
    A prologue of nobody.
    First Citizen:
    We are accounted.

    KING HENRY.
      Well.
    First Citizen: (aside)
     FIRST Citizen.
    First Citizen:
    Speak!

    """

  @Test func speakersAreClients() throws {
    let folder = try TestFolder()
    let path = try folder.write(Self.play, "play.txt")
    let data = try load(TextData(path: path, clients: .speakers, length: 1), fraction: 0.1)
    let said = try examples(data.training)
    let text = { (owner: Int32) in
      let own = said.indices.filter { data.training.owners?[$0] == owner }.map { said[$0] }
      return own.compactMap(\.first).map { String($0) }.joined() + String(own.last?.last ?? " ")
    }
    #expect(Set(try #require(data.training.owners)) == [0, 1])
    // Of 26 and of 47 characters.
    #expect(text(0) == String("We are accounted.\n\nSpeak!\n".prefix(23)))
    #expect(text(1) == String("  Well.\nFirst Citizen: (aside)\n FIRST Citizen.\n".prefix(42)))
  }

  @Test(arguments: [
    ("First Citizen:", "First Citizen"), ("  KING HENRY. ", "KING HENRY"), ("\u{c9}TIENNE.", "\u{c9}TIENNE"),
    ("A:", "A"),
    ("user 12 :", "user 12"), ("2:", "2"),
  ])
  func speakersLines(line: String, name: String) { #expect(SpeakerLine.name(line) == name) }

  @Test(arguments: [
    "", ":", ".", "  :", "He said.", "KING HENRY", "12.", "First Citizen: Speak", "...",
    String(repeating: "A", count: 41) + ":",
  ])
  func otherLines(line: String) { #expect(SpeakerLine.name(line) == nil) }

  @Test func partsAreEqual() throws {
    let folder = try TestFolder()
    _ = try folder.write("abcdefg", "1.txt")
    _ = try folder.write("hijk", "2.txt")
    let data = try load(TextData(path: folder.path, clients: .parts(3), length: 1), fraction: 0.5)
    #expect(
      message { _ = try load(TextData(path: folder.path, clients: .parts(12), length: 1)) }.contains(
        "found 11 characters for 12"))
    // a|bc, de|fg, hi|jk: the first part has nothing to train on.
    #expect(try examples(data.training) == ["d>e", "h>i"] && data.training.owners == [0, 1])
    #expect(try examples(#require(data.test)) == ["b>c", "f>g", "j>k"] && data.test?.owners == [2, 0, 1])
  }

  @Test func lineEndsAndMarksAreOfTheFile() throws {
    let folder = try TestFolder()
    let unix = try folder.write("ab\nc\u{e9}\n\nd", "unix.txt")
    let other = try folder.write([0xEF, 0xBB, 0xBF] + Array("ab\r\nc\u{e9}\r\n\r\nd".utf8), "other.txt")
    let source = { TextData(path: $0, length: 1) }
    let (a, b) = (try load(source(unix), fraction: 0.3), try load(source(other), fraction: 0.3))
    #expect(a.training.bytes == b.training.bytes && a.training.symbolNames == ["\n", "a", "b", "c", "d", "\u{e9}"])
    let alone = try load(source(try folder.write("a\rb\rc\rddd", "mac.txt")), fraction: 0.3)
    #expect(alone.training.symbolNames?.contains("\r") == true)
  }

  @Test func anAlphabetThatIsGivenDecides() throws {
    let folder = try TestFolder()
    let path = try folder.write("abba\nabb\u{e9}ab", "a.txt")
    let source = { TextData(path: path, length: 1, alphabet: $0) }
    #expect(try load(source("\u{e9}xab\n")).training.symbolNames == ["\u{e9}", "x", "a", "b", "\n"])
    #expect(message { _ = try load(source("ab\n")) }.contains("a.txt:2:4: found the character \"\u{e9}\" (U+00E9)"))
    #expect(
      message { _ = try load(source("ab\u{e9}")) }.contains("a.txt:1:5: found the character \"\\u000A\" (U+000A)"))
    #expect(TextData(path: "x", alphabet: "aa").problem?.key == "alphabet")
  }

  @Test func mistakesAreNamed() throws {
    let folder = try TestFolder()
    let path = try folder.write("abcdefgh", "a.txt")
    #expect(message { _ = try load(TextData(path: path, length: 80)) }.contains("no client has a text of more than 80"))
    #expect(message { _ = try load(TextData(path: path, length: 3), fraction: 0.1) }.contains("the longest has 1"))
    #expect(message { _ = try load(TextData(path: path, length: 2), aim: .quantities) }.contains("no quantities"))
    #expect(message { _ = try load(TextData(path: folder.path + "/none")) }.contains("none"))
    let empty = try TestFolder()
    #expect(message { _ = try load(TextData(path: empty.path)) }.contains("without .txt"))
    #expect(message { _ = try load(TextData(path: try folder.write("", "empty.txt"))) }.contains("found 0 different"))
    let bad = try folder.write(Array("ab\ncd".utf8) + [0xFF] + Array("\n".utf8), "bad.txt")
    #expect(message { _ = try load(TextData(path: bad)) }.contains("bad.txt:2:1: found bytes that are not UTF-8"))
    let same = try folder.write("aaaaaaaaaaaa", "same.txt")
    #expect(message { _ = try load(TextData(path: same, length: 1)) }.contains("found 1 different"))
    // More values than memory is asked for.
    let long = try folder.write(String(repeating: "ab", count: 120_000), "long.txt")
    #expect(message { _ = try load(TextData(path: long, length: 65_536)) }.contains("are generated"))
  }

  @Test func keysAreReadAndWritten() throws {
    let read = { (values: JSONObject) in TextData.keys.read(values) }
    #expect(
      read(["path": "p", "clients": 7, "length": 5, "stride": 2, "alphabet": "ab"])
        == TextData(path: "p", clients: .parts(7), length: 5, stride: 2, alphabet: "ab"))
    #expect(read(["path": "p", "clients": "speakers", "length": 80, "stride": 1]).clients == .speakers)
    #expect(TextData.keys.write(TextData(path: "p"))["clients"] == "files")
    #expect(TextData.keys.write(TextData(path: "p"))["alphabet"] == nil)
  }

  /// What is said of labels elsewhere is not said of characters: "?" is no missing value, "a" and "A" are no two ways to write one.
  @Test func charactersAreNotReviewedAsLabels() throws {
    let folder = try TestFolder()
    let path = try folder.write("?a A.a?A?1 1.? nan ?zZ", "a.txt")
    let data = try load(TextData(path: path, length: 2), fraction: 0.4)
    let test = try #require(data.test)
    let whole = LabelReview(ofWhole: data.training, test, place: "x")
    #expect(whole.problem == nil && whole.warnings.isEmpty)
    let review = LabelReview(training: data.training, test: test, place: "x", areClassesGiven: false)
    #expect(review.warnings.allSatisfy { $0.contains("labels that no training example has") }, "\(review.warnings)")
  }

  @Test func foreignBytesDoNotTrap() throws {
    let folder = try TestFolder()
    var stream = random(31)
    let text = Array(Self.play.utf8)
    for i in 0..<150 {
      var bytes = text
      for _ in 0..<5 { bytes[stream.integer(below: bytes.count)] = UInt8(stream.integer(below: i < 75 ? 128 : 256)) }
      let path = try folder.write(bytes, "foreign.txt")
      for clients in [TextData.Clients.files, .speakers, .parts(3)] {
        _ = try? load(TextData(path: path, clients: clients, length: 2))
      }
    }
  }
}
