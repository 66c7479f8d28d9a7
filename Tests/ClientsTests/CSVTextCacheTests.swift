import Testing

@testable import Datasets
@testable import Files
@testable import Numerics

/// Texts that columns had before are known by their first bytes, and nothing follows from that.
@Suite struct CSVTextCacheTests {
  private func key(_ text: String, delimiter: Character = ",") -> CSVTextCache.Key? {
    let cache = CSVTextCache(delimiter: delimiter.asciiValue ?? 0)
    return Array(text.utf8).withUnsafeBufferPointer { cache.key($0, at: 0) }
  }

  @Test func shortPlainFieldsHaveKeys() {
    let rest = ",0123456789abcdef"
    for length in 0...15 {
      let found = key(String(repeating: "x", count: length) + rest)
      #expect(found?.length == length, "\(length)")
    }
    #expect(key(String(repeating: "x", count: 16) + rest) == nil)
    for end in ["\n", "\r", "\r\n"] { #expect(key("abc\(end)0123456789abcdef")?.length == 3) }
    // Quotes, blanks at an end, and a text that ends soon are looked at one by one.
    for text in ["\"a\"", "a\"b", " a", "a ", "\ta", "a\t"] { #expect(key(text + rest) == nil, "\(text)") }
    #expect(key("a b" + rest)?.length == 3)
    #expect(key("abc,0123456789") == nil)
    // A byte above the one that ends a field may look like one: 0x2D is 0x2C with its lowest bit.
    #expect(key("a-----------b" + rest)?.length == 13)
    #expect(key("a;b" + rest, delimiter: ";")?.length == 1)
  }

  @Test func keysTellTextsApart() throws {
    let cache = CSVTextCache(delimiter: 0x2C)
    let texts = ["", "\0", "a", "a\0", "\0a", "abcdefgh", "abcdefgh\0", "abcdefghi", "abcdefghabcdefg", "é"]
    for (i, text) in texts.enumerated() {
      let known = try #require(key(text + ",0123456789abcdef"))
      for column in 0..<3 {
        #expect(cache.value(column, known) == nil, "\(text.debugDescription)")
        cache.keep(UInt32(10 * i + column), column, known)
        #expect(cache.value(column, known) == UInt32(10 * i + column))
      }
    }
    // However many there are: what is found is what was kept of this text.
    for round in 0..<2 {
      for i in 0..<5000 {
        let known = try #require(key("t\(i),0123456789abcdef"))
        if let found = cache.value(7, known) { #expect(found == UInt32(i)) }
        if round == 0 { cache.keep(UInt32(i), 7, known) }
      }
    }
  }

  /// Fields in quotes have no keys, so the same table with all fields in quotes is read without the cache.
  @Test(arguments: ["\n", "\r\n", "\r"])
  func tablesAreThoseReadWithout(end: String) throws {
    var stream = random(11)
    let pools = [
      ["1", "-2.5", "3e2", "1e999", "NA", "", "7"],
      ["a", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghabcdefg", "abcdefghabcdefgh", "NA", "?", "", "é", "0x"],
      (0..<900).map { "t\($0)" }, ["p", "q"], (0..<40).map { "client \($0)" },
    ]
    let rows = (0..<4000).map { _ in pools.map { $0[stream.integer(below: $0.count)] } }
    let names = ["n", "c", "t", "y", "u"]
    let text = { (quote: String) in
      Array(
        ([names] + rows).map { $0.map { quote + $0 + quote }.joined(separator: ",") }.joined(separator: end).utf8)
    }
    var reading = CSVData.Reading(columns: .init(label: .name("y"), client: .name("u")))
    reading.rules.missing = .mean
    reading.rules.categorical = [.name("n")]
    for (size, threads) in [(1 << 22, 1), (997, 2)] {
      (reading.partBytes, reading.parallel) = (size, Parallel(threads: threads))
      let plain = try CSVData.table(text(""), name: "a", reading)
      let quoted = try CSVData.table(text("\""), name: "a", reading)
      #expect(plain.labels == quoted.labels && plain.labelTexts == quoted.labelTexts)
      #expect(plain.owners == quoted.owners && plain.ownerTexts == quoted.ownerTexts && plain.rows == rows.count)
      for (one, other) in zip(plain.slots, quoted.slots) {
        #expect(one.names == other.names && one.missing == other.missing && one.kind == other.kind)
      }
      let features = try [plain, quoted].map { table in
        try CSVLayout(table, nil, reading.rules, name: "a").features(of: table, reading.parallel).map(\.bitPattern)
      }
      #expect(features[0] == features[1])
    }
  }

  /// Sums, fitting and what is taken out have the same bits for any number of threads.
  @Test func threadsDecideNothing() throws {
    var stream = random(5)
    let rows = (0..<3000).map { i in
      "\(Double(stream.integer(below: 9999)) / 7),\(["a", "b", "c"][stream.integer(below: 3)]),\(i % 17 == 0 ? "" : "\(i % 91)"),\(["p", "q"][i % 2])"
    }
    let folder = try TestFolder()
    let path = try folder.write((["x,c,z,y"] + rows).joined(separator: "\n"), "a.csv")
    for scaling in [FeatureScaling.none, .standard, .minMax] {
      var rules = FeatureRules()
      (rules.scaling, rules.missing) = (scaling, .category)
      let source = CSVData(path: path, columns: .init(label: .name("y"), client: nil), rules: rules)
      let results = try [1, 2, 3, 7].map { threads in
        let parallel = Parallel(threads: threads)
        let loaded = try source.load(LoadRequest(seed: 1, testFraction: 0.2, parallel: parallel))
        var columns = try #require(loaded.columns)
        var order = random(3)
        var split = try Split(stratified: loaded.takingTraining(), testFraction: 0.2, random: &order)
        let warnings = try split.fit(&columns, parallel)
        return (split.training.bytes, split.test.bytes, columns, warnings)
      }
      for result in results { #expect(result == results[0]) }
    }
  }

  @Test func takenExamplesKeepTheirOrder() throws {
    var stream = random(2)
    for _ in 0..<50 {
      let count = 1 + stream.integer(below: 40)
      let isTaken = (0..<count).map { _ in stream.integer(below: 3) == 0 }
      let whole = try Dataset(
        features: (0..<(3 * count)).map { Float($0) }, labels: (0..<count).map { Int32($0 % 5) }, featureCount: 3,
        classCount: 5, owners: (0..<count).map { Int32($0) })
      var rest = whole
      let taken = rest.remove(isTaken)
      #expect(taken.bytes == whole.selecting(isTaken.indices.filter { isTaken[$0] }).bytes)
      #expect(rest.bytes == whole.selecting(isTaken.indices.filter { !isTaken[$0] }).bytes)
      #expect(taken.owners == whole.owners?.filter { isTaken[Int($0)] })
      #expect(rest.owners == whole.owners?.filter { !isTaken[Int($0)] })
    }
  }
}
