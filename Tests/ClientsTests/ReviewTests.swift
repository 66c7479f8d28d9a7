import Foundation
import Testing

@testable import Clients
@testable import Datasets
@testable import Files

@Suite struct ExactNumberTests {
  @Test func equalValuesAreEqual() throws {
    for group in [
      ["1", "1.0", "+1", "01", "10e-1", "0.1E1", "1."], ["0", "-0", "0.000", "0e99", ".0"],
      ["-2.50", "-25e-1", "-.25e1"],
      ["9007199254740993", "9007199254740993.0"], ["1e400", "10e399"], ["0.05", "5e-2", ".005e1"],
    ] {
      let numbers = try group.map { try #require(ExactNumber($0), "\($0)") }
      #expect(Set(numbers).count == 1 && Set(numbers.map(\.shortest)).count == 1, "\(group)")
    }
    for text in ["", "-", ".", "1e", "e5", "0x10", "nan", "inf", "1 ", " 1", "1,5", "1e1.5", "--1", "1e9999999999999"] {
      #expect(ExactNumber(text) == nil, "\(text)")
    }
  }

  @Test func orderIsThatOfValues() throws {
    let texts = [
      "-1e400", "-9007199254740993", "-9007199254740992", "-10", "-9.5", "-9", "-0.01", "0", "1e-400", "0.09", "0.5",
      "2", "10",
      "9007199254740992", "9007199254740993", "9007199254740994", "1e400",
    ]
    let numbers = try texts.map { try #require(ExactNumber($0)) }
    for i in numbers.indices {
      for j in numbers.indices { #expect((numbers[i] < numbers[j]) == (i < j), "\(texts[i]) \(texts[j])") }
    }
    #expect(
      ExactNumber("1200")?.integer == 1200 && ExactNumber("-3.0")?.integer == -3 && ExactNumber("0")?.integer == 0)
    #expect(ExactNumber("1.5")?.integer == nil && ExactNumber("99999999999999999999")?.integer == nil)
    #expect(ExactNumber("1.50")?.isWhole == false && ExactNumber("150e-1")?.isWhole == true)
  }
}

@Suite struct ShownTextTests {
  @Test func whatATerminalObeysIsEscaped() {
    let text = "a\u{1B}[31m\u{7}\r\n\t\u{9B}2J\u{202E}\u{2028}\u{E0041}\u{7F}é\u{1F600}"
    #expect(
      ShownText.printable(text, keepsLines: false)
        == "a\\u001B[31m\\u0007\\u000D\\u000A\\u0009\\u009B2J\\u202E\\u2028\\uDB40\\uDC41\\u007Fé\u{1F600}")
    #expect(ShownText.printable("a\n\tb", keepsLines: true) == "a\n\tb")
    #expect(ShownText.printable("a\r\nb", keepsLines: true) == "a\\u000D\nb", "one Character, two scalars")
    #expect(
      ShownText.quoted(String(repeating: "x", count: 41)) == "\"" + String(repeating: "x", count: 39) + "\u{2026}\"")
  }
}

@Suite struct ReviewTests {
  private func load(
    _ text: String, test: String? = nil, label: CSVData.Column = .name("y"), client: CSVData.Column? = nil
  ) throws -> LoadedData {
    let folder = try TestFolder()
    return try CSVData.load(
      folder.write(text, "a.csv"), test: test.map { try folder.write($0, "t.csv") },
      columns: .init(label: label, client: client), imageShape: nil)
  }

  private func problem(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return "\(error)" }
  }

  private func review(_ training: [String], _ test: [String]) throws -> LabelReview {
    let rows = { (labels: [String]) in
      "x,y\n" + labels.enumerated().map { "\($0 * $0 % 7).5,\"\($1)\"\n" }.joined()
    }
    let data = try load(rows(training), test: rows(test))
    return LabelReview(
      training: data.training, test: try #require(data.test), place: data.labelPlace, areClassesGiven: false)
  }

  // MARK: Classes

  /// 2^53 and its neighbor were one class.
  @Test func largeIntegersAreClassesOfTheirOwn() throws {
    let data = try load("x,y\n0,9007199254740993\n0,9007199254740992\n0,9007199254740993.0\n0,9\n").training
    #expect(data.labels == [2, 1, 2, 0] && data.classNames == ["9", "9007199254740992", "9007199254740993"])
  }

  /// The same letter in two encodings was one class within a file and two over both.
  @Test func canonicallyEquivalentLabelsAreOneClass() throws {
    let data = try load("x,y\n0,\u{E9}\n0,z\n", test: "x,y\n0,e\u{301}\n")
    #expect(data.training.classCount == 2 && data.training.labels == [1, 0] && data.test?.labels == [1])
  }

  /// Bytes that are no UTF-8 became one replacement character, and so one class or client.
  @Test func otherEncodingsAreErrors() throws {
    let folder = try TestFolder()
    for (bytes, place) in [
      (Array("x,y\n0,a\n1,".utf8) + [0xE9, 0x0A], "a.csv:3:3"),
      (Array("x,y\n0,\"".utf8) + [0xE8, 0x22, 0x0A], "a.csv:2:3"),
      ([0xFF] + Array("x,y\n0,a\n".utf8), "a.csv:1:1"),
    ] {
      let path = try folder.write(bytes, "a.csv")
      let found = problem {
        _ = try CSVData.load(path, test: nil, columns: .init(label: .name("y"), client: nil), imageShape: nil)
      }
      #expect(found.contains("\(place): found bytes that are not UTF-8"), "\(found)")
    }
  }

  // MARK: Test files

  @Test func testFilesNeedNoColumnOfClients() throws {
    let training = "a,u,y,b\n1,ann,p,2\n3,bob,q,4\n"
    for test in ["a,y,b\n5,q,6\n", "a,u,y,b\n5,,q,6\n", "a,u,y,b\n5,zoe,q,6\n"] {
      let data = try load(training, test: test, client: .number(1))
      #expect(data.test?.features == [5, 6] && data.test?.labels == [1] && data.test?.owners == nil)
      #expect(data.training.owners == [0, 1])
    }
    // Columns by number are those of the training file.
    let folder = try TestFolder()
    let byNumber = try CSVData.load(
      folder.write(training, "a.csv"), test: folder.write("a,y,b\n5,q,6\n", "t.csv"),
      columns: .init(label: .number(2), client: .number(1)), imageShape: nil)
    #expect(byNumber.test?.labels == [1] && byNumber.test?.features == [5, 6])
  }

  @Test(arguments: [
    ("b,y,a,c\n1,p,2,3\n", "column 4 is \"c\", which is not there"), ("a,b\n1,2\n", "there is no \"y\", the label"),
    ("a,y\n1,p\n", "there is no \"b\""), ("1,p,2\n", "there is no \"y\""),
    ("3,1,2\n", "does the file lack a first line with the columns' names?"),
  ])
  func differencesOfHeadersAreNamed(test: String, expected: String) {
    let found = problem { _ = try load("a,u,y,b\n1,ann,p,2\n3,bob,q,4\n", test: test, client: .name("u")) }
    #expect(found.contains("t.csv:1:1: its columns are not those of") && found.contains(expected), "\(found)")
  }

  @Test func hintsForOtherTables() {
    #expect(
      problem { _ = try load("a b;c\n1;2\n") }.contains(
        "found no column \"y\"; there are 2: \"a b\", \"c\""))
    // The delimiter is the one that parts the file, although no column has the name.
    let typed = problem { _ = try load("Größe;Gewicht;z\n1,5;2,5;p\n3,5;4,5;q\n", label: .name("gewcht")) }
    #expect(
      typed.hasSuffix(
        "found no column \"gewcht\" (did you mean \"Gewicht\"?); there are 3: \"Größe\", \"Gewicht\", \"z\""),
      "\(typed)")
    // Where two do, nothing is guessed.
    #expect(
      problem { _ = try load("a|b;c\n1|2;3\n") }.hasSuffix(
        "there is 1: \"a|b;c\"; fields are told apart by a comma (data.delimiter)"))
    #expect(
      problem { _ = try load("a b y\n1 2 p\n") }.contains("fields are told apart by , ; tab or | (data.delimiter), and")
    )
    #expect(problem { _ = try load("") }.hasSuffix("a.csv: the file is empty"))
    #expect(problem { _ = try load("\u{FEFF}") }.hasSuffix("the file is empty"))
    #expect(problem { _ = try load("\n \r\n") }.hasSuffix("the file is empty, but for blanks"))
    // The nearest of several; none for a name that is another.
    #expect(
      problem { _ = try load("a,lable,labels\n1,2,3\n", label: .name("label")) }.contains("(did you mean \"labels\"?)"))
    #expect(!problem { _ = try load("a,colour\n1,2\n", label: .name("y")) }.contains("did you mean"))
    #expect(problem { _ = try load("0,0,1\n") }.contains("a second time: does the file lack a first line"))
    #expect(problem { _ = try load("x,x,y\n") }.hasSuffix("found the column \"x\" a second time"))
    #expect(problem { _ = try load("\u{1B}[2J\n") }.contains("\"\\u001B[2J\""))
  }

  // MARK: Columns

  private func warnings(_ text: String, client: CSVData.Column? = nil) throws -> [String] {
    try load(text, client: client).warnings
  }

  @Test func filesWithoutHeadersAreFound() throws {
    let folder = try TestFolder()
    let warnings = { (text: String, label: Int) in
      try CSVData.load(
        folder.write(text, "a.csv"), test: nil, columns: .init(label: .number(label), client: nil), imageShape: nil
      ).warnings
    }
    let rows = "0.5,0.25,1\n1.5,2,0\n3,2,1\n"
    #expect(try warnings("0.6229,0.7418,0\n" + rows, 2)[0].contains("are numbers (\"0.6229\", \"0.7418\", \"0\")"))
    #expect(try warnings("5.1,3.5,Iris-setosa\n1,2,Iris-setosa\n2,1,Iris-virginica\n", 2).count == 1)
    #expect(try warnings("5,6,1\n" + rows, 2).count == 1, "whole numbers in a row, and a label that labels have")
    // What pandas writes for columns without names, and years, and names.
    #expect(try warnings("0,1,2\n" + rows, 2).isEmpty)
    #expect(try warnings("2019,2020,grown\n" + rows, 2).isEmpty)
    #expect(try warnings("0,1,label\n" + rows, 2).isEmpty)
    #expect(try warnings("a,1.5,label\n" + rows, 2).isEmpty)
  }

  @Test func columnsOfRowNumbersAreFound() throws {
    let rows = { (head: String, id: (Int) -> Int) in
      head + ",x,y\n" + (0..<30).map { "\(id($0)),\($0 * 7 % 5).5,\($0 % 2)\n" }.joined()
    }
    #expect(try warnings(rows("", { $0 }))[0].hasPrefix("column \"\": every example has another whole number"))
    #expect(try warnings(rows("n", { $0 + 100 }))[0].hasPrefix("column \"n\""))
    let halves = (0..<30).map { "\($0).5,\($0 * 7 % 5).5,\($0 % 2)\n" }.joined()
    #expect(try warnings("t,x,y\n" + halves).isEmpty, "numbers that are not whole number nothing")
    #expect(try warnings(rows("patient_id", { $0 * 7 % 31 }))[0].hasPrefix("column \"patient_id\""))
    #expect(try warnings(rows("age", { $0 * 7 % 31 })).isEmpty && warnings(rows("id", { $0 / 2 })).isEmpty)
    #expect(try warnings(rows("k", { _ in 3 }))[0].hasPrefix("column \"k\": the same value in all"))
  }

  @Test func columnsOfClientsAreLookedAt() throws {
    let rows = { (who: (Int) -> String) in
      "x,u,y\n" + (0..<30).map { "\($0 * 7 % 5).5,\(who($0)),\($0 % 2)\n" }.joined()
    }
    let found = { (who: @escaping (Int) -> String) in try self.warnings(rows(who), client: .name("u")) }
    #expect(try found { "c\($0 % 3)" }.isEmpty)
    #expect(
      try found { "c\($0)" }[0]
        == "column \"u\": every example has a client of its own: is it a column of clients, or of rows?")
    #expect(try found { _ in "c" }[0].contains("column \"u\": all examples belong to one client, \"c\""))
    #expect(try found { $0 < 3 ? "nan" : "c\($0 % 3)" }[0].contains("3 of 30 examples belong to \"nan\""))
    #expect(
      try found { $0 < 3 ? "\"Ann \"" : $0 < 9 ? "ann" : "bob" }[0].contains(
        "\"Ann \" and \"ann\" count as different clients"))
  }

  // MARK: Labels

  @Test func labelsThatNoClientHas() throws {
    let disjoint = try review(["<=50K", ">50K"], ["<=50K.", ">50K."])
    #expect(
      disjoint.problem?.hasPrefix(
        "column \"y\": no test example has a label that a training example has: \"<=50K.\", \">50K.\" against \"<=50K\", \">50K\"; "
          + "\"<=50K\" and \"<=50K.\" (and 1 more such) count as different classes") == true)
    let partly = try review(["0", "1", "unk", "0", "unk"], ["0.0", "1.0", "unk"])
    #expect(partly.problem == nil && partly.warnings.count == 1)
    #expect(
      partly.warnings[0].contains("2 of 3 test examples have labels that no training example has (\"0.0\", \"1.0\")"))
    #expect(partly.warnings[0].contains("above 33.4 %; \"0\" and \"0.0\" (and 1 more such)"))
    let foreign = try review(["a", "b", "b", "a"], ["a", "zebra", "b"])
    #expect(
      foreign.warnings == [
        "column \"y\": 1 of 3 test examples have labels that no training example has (\"zebra\"), and count as wrong: accuracy cannot be above 66.7 %."
      ])
  }

  @Test func labelsThatLookAlike() throws {
    for (a, b) in [
      ("yes", "Yes"), ("yes", "yes "), ("yes", "yes."), ("new york", "new-york"), ("new  york", "New_York"),
      ("yes", "\u{A0}yes"),
      ("1", "1.0"), ("x", "x!"),
    ] {
      let found = try review([a, b, "other", a, b, "other"], [a, b, "other"])
      #expect(
        found.warnings.count == 1 && found.warnings.first?.contains("count as different classes") == true, "\(a) \(b)")
    }
    for (a, b) in [("a", "A"), ("1", "-1"), ("+", "-"), ("?x", "x+"), (">50K", "<=50K"), ("C", "C++"), ("!", ".")] {
      #expect(try review([a, b, "other", a, b, "other"], [a, b, "other"]).warnings.isEmpty, "\(a) \(b)")
    }
    // One of both letters is in the test alone: not two letters of one alphabet.
    #expect(try review(["a", "b", "a", "b"], ["A", "b"]).warnings.count == 1)
  }

  @Test func missingValuesAsLabels() throws {
    for mark in ["nan", "NA", "NULL", "None", "?", "inf", "<NA>"] {
      let found = try review(["0", "1", mark, "0", "1"], ["0", "1"])
      #expect(found.warnings.count == 1, "\(found.warnings)")
      #expect(
        found.warnings[0].contains(
          "column \"y\": 1 of 7 labels is \"\(mark)\", which commonly stands for a value that is missing"))
    }
    #expect(try review(["none", "mild", "none", "mild"], ["none", "mild"]).warnings.isEmpty)
  }

  @Test func classesThatOnePartLacks() throws {
    let found = try review(["a", "b", "c", "a", "c", "a"], ["a", "b"])
    #expect(
      found.warnings == [
        "column \"y\": no test example has the label \"c\": accuracy says nothing of this class.",
        "column \"y\": one training example alone has the label \"b\".",
      ])
  }

  @Test func classesThatNobodyHas() throws {
    let data = { (labels: [Int32], classes: Int) in
      try Dataset(
        features: [Float](repeating: 0, count: labels.count), labels: labels, featureCount: 1, classCount: classes)
    }
    let review = { (given: Bool) in
      try LabelReview(
        training: data([1, 2, 3, 1, 2, 3], 4), test: data([1, 2, 3], 4), place: "l", areClassesGiven: given)
    }
    #expect(
      try review(false).warnings == [
        "l: labels are 0 to 3, and no example has the label 0: each is a class of the model all the same."
      ])
    #expect(try review(true).warnings.isEmpty)
  }

  @Test func oneLabelForAllTellsNothing() throws {
    let data = try Dataset(features: [1, 2, 3], labels: [1, 1, 1], featureCount: 1, classCount: 2)
    #expect(
      LabelReview(ofWhole: data, nil, place: "l").problem
        == "l: every label is \"1\"; a model needs two classes at least")
    #expect(LabelReview(ofWhole: data, nil, place: "l", needsClasses: false).problem == nil)
    let test = try Dataset(features: [1], labels: [0], featureCount: 1, classCount: 2)
    #expect(LabelReview(ofWhole: data, test, place: "l").problem == nil)
  }

  @Test func quantitiesAreNoClasses() throws {
    let whole = { (count: Int, label: (Int) -> String) -> LabelReview in
      let data = try self.load("x,y\n" + (0..<count).map { "\($0 * 7 % 5).5,\(label($0))\n" }.joined())
      return LabelReview(ofWhole: data.training, data.test, place: data.labelPlace)
    }
    #expect(
      try whole(100) { "\(Double($0 * 37 % 101) / 8)" }.problem?.contains("column \"y\": labels are numbers such as")
        == true)
    let rounded = try whole(300) { "\(Double($0 * 37 % 50) / 8)" }
    #expect(rounded.problem == nil && rounded.warnings.count == 1)
    #expect(try whole(300) { "\(Double($0 % 10) / 2)" }.warnings.isEmpty, "half stars")
    #expect(try whole(100) { "\($0 * 1009)" }.problem?.contains("is it a column of IDs or quantities?") == true)
    #expect(try whole(100) { "u\($0 * 2 / 3)" }.warnings.count == 1)
    #expect(try whole(10) { "u\($0)" }.problem == nil, "ten examples say nothing")
  }
}
