import Testing

@testable import JSONText
@testable import Settings

/// A section of every sort of key.
private struct Sample: Configurable, Equatable {
  var count = 3
  var rate = 0.5
  var limit: Double?
  var name: String?
  var isOn = false

  static let keys = SettingList(
    Sample(),
    [
      Setting("count", \.count, .integer(1...10), "a count"),
      Setting("rate", \.rate, .number(0..<1), "a rate"),
      Setting("limit", \.limit, .positive, .unset("no limit"), "a limit"),
      Setting(
        "name", \.name, .name, .absent("nameless"), "a name",
        objection: { $0.isOn ? nil : "what is off has no name" }),
      Setting("isOn", \.isOn, .flag, "whether it is on"),
    ])
}

private struct Other: Configurable, Equatable {
  var path: String

  static let keys = SettingList(
    Other(path: ""), [Setting("path", \.path, .path, .needed("a file"), "a file")])
}

private protocol Thing: Sendable {}
extension Sample: Thing {}
extension Other: Thing {}
private struct Stranger: Thing { let value = 7 }

@Suite struct SettingsTests {
  private let things = Choices<any Thing>(
    [Choice("sample", "a sample", Sample.self) { $0 }, Choice("other", "another", Other.self) { $0 }],
    alwaysWritten: ["limit"])

  private var table: SectionTable {
    SectionTable("thing", .required, "a thing", [], kinds: ChoicesDescription(things, selector: "kind", "which"))
  }

  private func problem(_ written: JSONObject) -> String {
    do throws(KeyProblem) {
      _ = try things.read(table.resolve(written), by: "kind")
      return ""
    } catch { return "\(error.key): \(error.problem); allowed: \(error.allowed)" }
  }

  /// What is written is read again, whatever is set: resolving fills in no more and no less than the initialiser does.
  @Test func writingAndReadingAreInverse() throws {
    let samples = [
      Sample(), Sample(count: 10, rate: 0, limit: 2, name: "a", isOn: true), Sample(limit: 1e300, isOn: true),
    ]
    for sample in samples {
      let values = Sample.keys.write(sample)
      #expect(Sample.keys.read(values) == sample)
      let resolved = try table.resolve(things.write(sample, by: "kind"))
      #expect(try things.read(resolved, by: "kind") as? Sample == sample)
      #expect(resolved == things.write(sample, by: "kind"), "resolving is idempotent")
    }
    #expect(try Sample.keys.read(SectionTable("", .required, "", Sample.keys.descriptions).resolve([:])) == Sample())
    #expect(Sample.keys.write(Sample())["name"] == nil && Sample.keys.write(Sample())["limit"] == .null)
  }

  @Test func everyMistakeNamesItsKey() {
    #expect(problem(["kind": "sample"]) == "")
    #expect(problem([:]).hasPrefix("kind: the key is missing"))
    #expect(problem(["kind": "none"]).hasPrefix("kind: found \"none\"; allowed: \"sample\", \"other\""))
    #expect(problem(["kind": "sample", "count": 11]) == "count: found 11; allowed: an integer from 1 to 10")
    #expect(problem(["kind": "sample", "rate": 1]) == "rate: found 1; allowed: a number from 0 below 1")
    #expect(problem(["kind": "sample", "limit": "x"]).hasSuffix("a number above 0, or null"))
    #expect(
      problem(["kind": "sample", "path": "a"]) == "path: found \"a\", which \"sample\" does not have; allowed: null")
    #expect(problem(["kind": "other"]).hasPrefix("path: \"other\" needs a file"))
    #expect(
      problem(["kind": "sample", "name": "a"]) == "name: found \"a\", but what is off has no name; allowed: null")
    #expect(problem(["kind": "sample", "name": "a", "isOn": true]) == "")
  }

  /// Whole numbers are taken however they are written, and nothing is rounded.
  @Test func wholeNumbersMayHaveAFraction() throws {
    let sample = { (count: JSON) in try? things.read(table.resolve(["kind": "sample", "count": count]), by: "kind") }
    #expect((sample(.number(4)) as? Sample)?.count == 4)
    #expect(sample(.number(4.5)) == nil && sample(.number(1e300)) == nil && sample("4") == nil)
  }

  @Test func propertiesKnowTheirKeys() {
    #expect(Sample.keys.name(of: \.rate) == "rate" && Sample.keys.name(of: \.isOn) == "isOn")
  }

  @Test func keysOfOtherKindsStayWhereTheyAlwaysWere() {
    let other = things.write(Other(path: "p"), by: "kind")
    #expect(other == ["kind": "other", "limit": .null, "path": "p"])
  }

  /// A value that no file can choose is still written, so that whoever reads the record sees what it was.
  @Test func strangersAreWrittenByTheirType() {
    let written = things.write(Stranger(), by: "kind")
    var description = ""
    if case .string(let text)? = written["description"] { description = text }
    #expect(written["kind"] == "Stranger" && description.contains("7"), "\(written)")
  }

  @Test func anAddedKindIsChosenAndReplacesItsNamesake() throws {
    let added = things.adding(Choice("sample", "new", Other.self) { $0 })
    #expect(added.all.map(\.name) == ["other", "sample"])
    #expect(try added.read(["kind": "sample", "path": "p"], by: "kind") is Other)
  }
}
