import Testing

@testable import Clients
@testable import Datasets
@testable import Files
@testable import Numerics

/// Tables as people have them: what parts fields, decimal commas, categories, missing values, scaling.
@Suite struct CSVFormTests {
  private func load(
    _ text: String, test: String? = nil, label: CSVData.Column = .name("y"), client: CSVData.Column? = nil,
    _ form: CSVForm = CSVForm(), _ rules: FeatureRules = FeatureRules(), aim: LearningAim = .classes
  ) throws -> LoadedData {
    let folder = try TestFolder()
    let source = try CSVData(
      path: folder.write(text, "a.csv"), test: test.map { try folder.write($0, "t.csv") },
      columns: .init(label: label, client: client), form: form, rules: rules)
    return try source.load(LoadRequest(seed: 1, testFraction: 0.5, parallel: Parallel(threads: 2), aim: aim))
  }

  /// Both parts with their columns fitted to the first.
  private func fit(
    _ text: String, test: String, _ rules: FeatureRules
  ) throws -> (split: Split, columns: FeatureColumns, warnings: [String]) {
    let loaded = try load(text, test: test, CSVForm(), rules)
    var columns = try #require(loaded.columns)
    let parts = loaded.takingParts()
    var split = try Split(training: parts.training, test: #require(parts.test))
    let warnings = try split.fit(&columns)
    return (split, columns, loaded.warnings + warnings)
  }

  private func problem(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return "\(error)" }
  }

  // MARK: Delimiters

  @Test(arguments: [(",", ","), (";", ";"), ("\t", "tab"), ("|", "|")])
  func delimitersAreFound(delimiter: String, name: String) throws {
    let text = "a,b,y\n1,-2.5,p\n3,\"4\",q\n".replacing(",", with: delimiter)
    let data = try load(text)
    #expect(data.training.features == [1, -2.5, 3, 4] && data.training.classNames == ["p", "q"])
    #expect(data.columns?.form == (name == "tab" ? "delimiter tab" : "delimiter \"\(name)\""))
    let given = try load(text, CSVForm(delimiter: CSVForm.Delimiter(rawValue: name)))
    #expect(given.training.bytes == data.training.bytes)
  }

  /// Quoted fields and the names that a scenario gives tell which delimiter is meant.
  @Test func delimitersInFieldsDoNotCount() throws {
    let quoted = try load("a;y\n1;\"p, q; r\"\n2;\"s, t\"\n")
    #expect(quoted.training.classNames == ["p, q; r", "s, t"])
    let named = try load("a|x;y\n1|2;p\n3|2;q\n4|2;p\n")
    #expect(named.training.featureCount == 3 && named.columns?.form == "delimiter \";\"", "only so there is a column y")
    // Without names both part all records alike.
    let both = "a|x;y\n1|2;3\n1|2;4\n"
    let found = problem { _ = try load(both, label: .number(1)) }
    #expect(found.contains("a semicolon and a bar (|) part the first records") && found.contains("\"delimiter\""))
    #expect(try load(both, label: .number(1), CSVForm(delimiter: .bar)).training.classNames == ["2;3", "2;4"])
    // A line that is too short does not change what parts the others.
    #expect(problem { _ = try load("a;b;y\n1;2;3\n1;2\n") }.contains("a.csv:3:4: the line ends after 2 of 3 fields"))
  }

  @Test func blanksAroundQuotedFieldsAreNone() throws {
    let data = try load("\"a\" , y , \"b\"\n 1 , \"p\" , \"2\" \n\t3 ,\"q \" ,  4\n")
    #expect(data.training.features == [1, 2, 3, 4] && data.training.classNames == ["p", "q "])
    #expect(problem { _ = try load("a,y\n1, \"p\" r\n") }.contains("a.csv:2:8: found the byte 114 where the line"))
    #expect(
      problem { _ = try load("a,y\n \"1\" 2,p\n") }.contains("a.csv:2:6: found the byte 50 after a field; a comma"))
  }

  // MARK: Decimal marks

  @Test func decimalCommasAreFound() throws {
    let text = "a;b;y\n1,5;100;p\n-2,25e1;7;q\n;0;p\n"
    let data = try load(text, CSVForm(), FeatureRules(missing: .mean))
    #expect(data.training.features.prefix(4) == [1.5, 100, -22.5, 7] && data.training.features[4].isNaN)
    #expect(data.columns?.form == "delimiter \";\", decimal comma")
    let quoted = try load("a,y\n\"1,5\",p\n\"0,125\",q\n")
    #expect(quoted.training.features == [1.5, 0.125])
    // More digits than a double has, and an exponent, take the slow way.
    let long = try load("a;y\n0,12345678901234567890123;p\n1,5e-300;q\n")
    #expect(long.training.features == [Float(0.12345678901234567890123), 0])
  }

  @Test func numbersThatMayBeOthersAreWarnedOf() throws {
    let commas = try load("a;y\n75,3;p\n80,1;q\n", CSVForm(decimal: .point)).warnings
    #expect(
      commas.contains {
        $0.hasPrefix("column \"a\": values such as \"75,3\" are categories: numbers with a decimal comma?")
      })
    let points = try load("a;y\n75,3;p\n80,1;q\n").warnings
    #expect(!points.contains { $0.contains("decimal comma") })
    let codes = "plz,n,h,y\n04109,0,0.5,p\n10115,10,00.5,q\n"
    let found = try load(codes).warnings
    #expect(
      found.count == 1
        && found[0].hasPrefix("column \"plz\": read as numbers, of which some begin with a zero (\"04109\"): codes?"),
      "\(found)")
    let rules = FeatureRules(categorical: [.name("plz")])
    #expect(try !load(codes, CSVForm(), rules).warnings.contains { $0.contains("codes?") })
    #expect(try !load(codes, CSVForm(), FeatureRules(drop: [.name("plz")])).warnings.contains { $0.contains("codes?") })
    #expect(
      problem {
        _ = try load(
          "a,y\n1,2\n3,4\n", CSVForm(), FeatureRules(scaling: .constants([.init(column: "y", offset: 0, scale: 2)])),
          aim: .quantities)
      }.contains("\"y\" to scale: data.targetOffset and data.targetScale"))
  }

  @Test func whatMayBeThousandsIsNotGuessed() throws {
    #expect(
      problem { _ = try load("a;y\n1,234;p\n2,345;q\n") }.contains(
        "a.csv:2:1: found a number whose comma stands before"))
    let decimal = try load("a;y\n1,234;p\n2,345;q\n", CSVForm(decimal: .comma))
    #expect(decimal.training.features == [1.234, 2.345])
    #expect(
      problem { _ = try load("a;b;y\n1,5;2.5;p\n") }.contains(
        "a.csv:2:1: found a number with a decimal comma, and another"))
    for text in ["1.234,5", "1.234.567", "1 234,5"] {
      let found = problem { _ = try load("a;y\n0,5;p\n\(text);q\n") }
      #expect(
        found.contains("a.csv:3:1: column \"a\": found \"\(text)\"; allowed: a number, without marks between"),
        "\(found)")
      // Nor are they categories where all are so.
      let all = problem { _ = try load("a;y\n\(text);p\n\(text);q\n", CSVForm(decimal: .comma)) }
      #expect(all.contains("allowed: a number, without marks between thousands"), "\(all)")
    }
    #expect(problem { _ = try load("a,y\n\"1,234\",p\n0.5,q\n") }.contains("without marks between thousands"))
    // A comma in a label, or in a column that is not read, says nothing.
    #expect(try load("a;y\n0.5;1,5\n1.5;2,5\n").training.features == [0.5, 1.5])
    #expect(
      try load("a;b;y\n0.5;1,5;p\n1.5;2,5;q\n", CSVForm(), FeatureRules(drop: [.name("b")])).training.features == [
        0.5, 1.5,
      ])
  }

  // MARK: Headers

  @Test func filesWithoutHeaderAreRead() throws {
    let form = CSVForm(header: false)
    let data = try load("1,2,p\n3,4,q\n", label: .number(2), form)
    #expect(data.training.features == [1, 2, 3, 4] && data.labelPlace == "column \"2\"")
    #expect(data.columns?.form == "delimiter \",\", no header" && data.columns?.columns.map(\.name) == ["0", "1", "2"])
    #expect(data.warnings.isEmpty)
    let named = try load("1,2,p\n3,4,q\n", test: "5,6,q\n", label: .name("2"), form, FeatureRules(use: [.name("1")]))
    #expect(named.training.features == [2, 4] && named.test?.features == [6])
    #expect(
      problem { _ = try load("1,2,p\n3,4\n", label: .number(2), form) }.contains(
        "a.csv:2:4: the line ends after 2 of 3"))
    #expect(
      problem { _ = try load("1,p\n3,4,q\n", label: .number(1), form) }.contains("more than the first line's 2 fields"))
    #expect(problem { _ = try load("1,p\n", test: "1\n", label: .number(1), form) }.contains("found 1 in place of 2"))
    #expect(problem { _ = try load("0,0,1\n") }.contains("\"header\": false"))
  }

  @Test func columnsOfATestFileMayStandInAnyOrder() throws {
    let data = try load(
      "a,who,y,c,z\n1,ann,p,red,9\n2,bob,q,blue,9\n", test: "c,y,a\nblue,p,5\nred,q,6\n", client: .name("who"),
      CSVForm(), FeatureRules(drop: [.name("z")]))
    #expect(data.training.features == [1, 0, 1, 2, 1, 0])
    #expect(data.test?.features == [5, 1, 0, 6, 0, 1] && data.test?.labels == [0, 1] && data.test?.owners == nil)
  }

  // MARK: Categories

  @Test func textsAreCategoriesInOrder() throws {
    let data = try load("c,y,n\nred,p,1\nblue,q,2\n\"red\",q,3\n")
    #expect(data.training.features == [0, 1, 1, 1, 0, 2, 0, 1, 3])
    let columns = try #require(data.columns)
    #expect(columns.columns[0].categories == ["blue", "red"] && columns.columns[0].features == 0..<2)
    #expect(columns.columns[2].features == 2..<3 && columns.computed == ["categories of \"c\" (data.categories)"])
    // Numbers by value: 9 comes before 10, and 9.0 is 9.
    let rules = FeatureRules(categorical: [.name("c")])
    let numbers = try load("c,y\n10,p\n9,q\n9.0,p\n16777217,q\n16777216,p\n", CSVForm(), rules)
    #expect(numbers.columns?.columns[0].categories == ["9", "10", "16777216", "16777217"])
    #expect(numbers.training.features == [0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0])
    #expect(try load("c,y\n10,p\n9,q\n", test: "c,y\n9.00,p\n", CSVForm(), rules).test?.features == [1, 0])
  }

  /// A column is one of numbers, or one of categories, by its majority; it is not both.
  @Test func mixedColumnsAreDecidedByTheirMajority() throws {
    let found = problem { _ = try load("c,y\n1,p\n2,q\n3o,p\n") }
    #expect(found.contains("a.csv:4:1: column \"c\": found \"3o\"; allowed: a number; \"categorical\""), "\(found)")
    #expect(
      problem { _ = try load("c,y\n1,p\nx,q\n") }.contains("a.csv:3:1: column \"c\": found \"x\""), "half are numbers")
    // Numbers among texts keep their writing: 007 and 7 are two categories.
    let texts = try load("c,y\n007,p\n7,q\na,p\nb,q\nc,p\n")
    #expect(texts.columns?.columns[0].categories == ["007", "7", "a", "b", "c"])
    #expect(texts.training.features.prefix(10) == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0])
    let five = try load("c,y\n1,p\n2,q\n5+,p\n", CSVForm(), FeatureRules(categorical: [.number(0)]))
    #expect(five.columns?.columns[0].categories == ["1", "2", "5+"])
    // A test file follows its training file.
    #expect(
      problem { _ = try load("c,y\n1,p\n2,q\n", test: "c,y\nx,p\ny,q\n") }.contains(
        "t.csv:2:1: column \"c\": found \"x\""))
    #expect(try load("c,y\nx,p\nz,q\n", test: "c,y\n1,p\n2,q\n").test?.features == [0, 0, 0, 0])
  }

  @Test func categoriesOfTheTestFileAloneAreNone() throws {
    let data = try load("c,y\nred,p\nblue,q\n", test: "c,y\ngreen,p\nred,q\n")
    #expect(data.test?.features == [0, 0, 0, 1])
    #expect(data.warnings.count == 1 && data.warnings[0].contains("\"green\" are not in the training file"))
  }

  @Test func givenCategoriesTakeNothingFromTheData() throws {
    let rules = FeatureRules(categories: .init([.init(column: "c", categories: ["red", "?", "blue"])]))
    let data = try load("c,y\nblue,p\n?,q\npink,q\n", CSVForm(), rules)
    #expect(data.training.features == [0, 0, 1, 0, 1, 0, 0, 0, 0])
    #expect(data.columns?.computed == [] && data.columns?.columns[0].areCategoriesGiven == true)
    #expect(data.warnings.count == 1 && data.warnings[0].contains("\"pink\" are not among data.categories"))
    #expect(
      problem {
        _ = try load("c,y\n1,p\n2,q\n", CSVForm(), .init(categories: .init([.init(column: "z", categories: ["a"])])))
      }
      .contains("found no column \"z\""))
    // Texts beyond all that are numbered do not hide a category that comes late.
    let many = "c,y\n" + (0..<3000).map { "t\($0),p\n" }.joined() + "blue,q\n"
    let late = try load(many, CSVForm(), rules).training
    #expect(late.features.suffix(3) == [0, 0, 1] && late.features.dropLast(3).allSatisfy { $0 == 0 })
  }

  @Test func textsWithoutEndAreRefused() {
    let rows = { (count: Int) in "c,y\n" + (0..<count).map { "text \($0),\($0 % 2)\n" }.joined() }
    for count in [1001, 1040, 5000] {
      let found = problem { _ = try load(rows(count)) }
      #expect(
        found.contains("a.csv: column \"c\": found more than 1000 categories") && found.contains("\"drop\""), "\(found)"
      )
    }
    #expect(problem { _ = try load(rows(1000)) } == "no error")
  }

  // MARK: Missing values

  @Test(arguments: ["", "\"\"", "?", "NA", "\"NA\"", "NaN", "nan", "null", "NULL", " ", "N/A", "\" \""])
  func missingValuesAreFound(mark: String) throws {
    // Blanks in quotes are a text, but no number.
    let isText = mark == "\" \""
    let found = problem { _ = try load("a,y\n1,p\n\(mark),q\n") }
    #expect(
      found.contains(isText ? "found \" \"; allowed: a number" : "a.csv:3:1: column \"a\": the value is missing"),
      "\(found)")
    if isText { return }
    let data = try load("a,c,y\n1,x,p\n\(mark),\(mark),q\n", CSVForm(), FeatureRules(missing: .category))
    #expect(data.training.featureCount == 4)
    #expect(data.training.features[4].isNaN && Array(data.training.features[5...]) == [1, 0, 1])
    #expect(
      problem { _ = try load("a,y\n1,\n", CSVForm(), FeatureRules(missing: .mean)) }.contains(
        "column \"y\": the value is missing"))
  }

  @Test func meansStandForMissingNumbers() throws {
    let training = "a,c,y\n1,x,p\n,x,q\n4,,q\n"
    let test = "a,c,y\n?,x,p\n100,NA,q\n"
    let (split, columns, _) = try fit(training, test: test, FeatureRules(missing: .mean))
    #expect(split.training.features == [1, 1, 0, 2.5, 1, 0, 4, 0, 1], "the mean of 1 and 4")
    #expect(split.test.features == [2.5, 1, 0, 100, 0, 1], "the training part's mean")
    #expect(columns.columns[0].missing == 1 && columns.columns[1].missing == 1 && columns.columns[0].fill == 2.5)
    #expect(
      columns.computed == [
        "means for missing values of \"a\" (data.missing)", "which columns lack values, among \"a\" (data.missing)",
        "categories of \"c\" (data.categories)",
      ])
    let own = try fit(
      training, test: test,
      FeatureRules(missing: .category, scaling: .constants([.init(column: "a", offset: 3, scale: 2)])))
    #expect(
      own.split.training.features.prefix(8) == [-1, 0, 1, 0, 0, 1, 1, 0],
      "the offset stands for it: nothing is computed")
    #expect(own.columns.computed == ["categories of \"c\" (data.categories)"])
    #expect(
      problem { _ = try fit("a,b,y\n,1,p\nNA,2,q\n", test: "a,b,y\n1,1,p\n", FeatureRules(missing: .mean)) }
        .contains("column \"a\": no training example has a value"))
  }

  /// What columns.json has of the data is named, also where the training part lacks nothing.
  @Test func whatMissingValuesTakeFromTheDataIsNamed() throws {
    let mean = FeatureRules(missing: .mean)
    let none = try fit("a,b,y\n1,5,p\n4,6,q\n", test: "a,b,y\n1,5,p\n", mean).columns
    #expect(none.columns.allSatisfy { $0.fill == nil }, "no mean is computed that nothing needs")
    #expect(none.computed == ["which columns lack values, among \"a\", \"b\" (data.missing)"])
    let tested = try fit("a,b,y\n1,5,p\n4,6,q\n", test: "a,b,y\n,5,p\n", mean)
    #expect(tested.columns.columns.map(\.fill) == [2.5, nil, nil] && tested.split.test.features == [2.5, 5])
    #expect(tested.columns.computed.first == "means for missing values of \"a\" (data.missing)")
    let own = try fit("a,b,y\n1,5,p\n4,6,q\n", test: "a,b,y\n1,5,p\n", FeatureRules(missing: .category)).columns
    #expect(own.computed == ["which columns lack values, among \"a\", \"b\" (data.missing)"])
    let constants = FeatureScaling.constants([
      .init(column: "a", offset: 1, scale: 1), .init(column: "b", offset: 0, scale: 1),
    ])
    let given = try fit(
      "a,b,y\n,5,p\n4,6,q\n", test: "a,b,y\n1,5,p\n", FeatureRules(missing: .mean, scaling: constants))
    #expect(given.columns.computed == [] && given.columns.columns.map(\.fill) == [1, 0, nil])
    let error = try fit("a,b,y\n1,5,p\n4,6,q\n", test: "a,b,y\n1,5,p\n", FeatureRules()).columns
    #expect(error.computed == [])
  }

  /// Each column once copied all others: 36 s for 40,000 of them in an optimised build. No time is asked for, which a busy machine would
  /// decide: these would take five minutes, and now take a third of a second.
  @Test func manyColumnsAreFitted() throws {
    let row = { (first: Int) in (0..<120_000).map { "\(($0 + first) % 7)" }.joined(separator: ",") }
    let header = (0..<120_000).map { "c\($0)" }.joined(separator: ",")
    let text = "\(header),y\n\(row(0)),p\n\(row(1)),q\n\(row(3)),q\n"
    let found = try fit(text, test: "\(header),y\n\(row(2)),p\n", FeatureRules(scaling: .standard))
    #expect(found.columns.featureCount == 120_000)
    // (119,999 + 0, 1 and 3) mod 7 are 5, 6 and 1.
    #expect(found.columns.columns[119_999].offset == 4)
  }

  // MARK: Scaling

  @Test func constantsOfSomeColumnsLeaveOthersToBeWarnedOf() throws {
    let rows = (0..<10).map { "\($0 % 3),\($0 * 1000),\($0 * 500),\($0 % 2),\($0 < 5 ? "p" : "q")\n" }.joined()
    let warnings = { (constants: [FeatureScaling.Constants]) throws in
      try fit("a,b,c,d,y\n" + rows, test: "a,b,c,d,y\n" + rows, FeatureRules(scaling: .constants(constants))).warnings
    }
    let some = try warnings([.init(column: "b", offset: 0, scale: 1000)])
    #expect(some.count == 1 && some.first?.contains("column \"c\": values spread") == true, "\(some)")
    #expect(
      try warnings([.init(column: "b", offset: 0, scale: 1000), .init(column: "c", offset: 0, scale: 500)]).isEmpty)
  }

  @Test func scalesComeFromTheTrainingPart() throws {
    let rules = { (scaling: FeatureScaling) in FeatureRules(scaling: scaling) }
    let (training, test) = ("a,k,c,y\n1,7,u,p\n3,7,v,q\n", "a,k,c,y\n5,8,u,p\n")
    let standard = try fit(training, test: test, rules(.standard))
    #expect(
      standard.split.training.features == [-1, 0, 1, 0, 1, 0, 0, 1] && standard.split.test.features == [3, 1, 1, 0])
    let range = try fit(training, test: test, rules(.minMax))
    #expect(range.split.training.features == [0, 0, 1, 0, 1, 0, 0, 1] && range.split.test.features == [2, 1, 1, 0])
    let constants = try fit(training, test: test, rules(.constants([.init(column: "a", offset: 1, scale: 4)])))
    #expect(constants.split.training.features == [0, 7, 1, 0, 0.5, 7, 0, 1])
    #expect(standard.columns.computed[0] == "offsets and scales of \"a\", \"k\" (data.scaling)")
    #expect(constants.columns.computed == ["categories of \"c\" (data.categories)"])
    let none = try fit(training, test: test, rules(.none))
    #expect(none.split.training.features == [1, 7, 1, 0, 3, 7, 0, 1])
    #expect(
      problem { _ = try fit(training, test: test, rules(.constants([.init(column: "c", offset: 1, scale: 4)]))) }
        .contains("found no column of numbers \"c\" to scale"))
    #expect(
      problem { _ = try fit(training, test: test, rules(.constants([.init(column: "a", offset: 0, scale: 1e-300)]))) }
        .contains("is beyond the range of single precision"))
  }

  // MARK: Columns

  @Test func columnsAreDroppedOrUsed() throws {
    let text = "a,b,y,\"text\"\n1,2,p,\"one, two\"\n3,4,q,\"three\nfour\"\n"
    let dropped = try load(text, CSVForm(), FeatureRules(drop: [.name("text"), .number(0)]))
    #expect(
      dropped.training.features == [2, 4]
        && dropped.columns?.columns.map(\.kind) == [.dropped, .number, .label, .dropped])
    #expect(try load(text, CSVForm(), FeatureRules(use: [.name("b")])).training.bytes == dropped.training.bytes)
    for (rules, expected) in [
      (FeatureRules(drop: [.name("z")]), "found no column \"z\""), (.init(drop: [.name("y")]), "\"y\" is the label"),
      (.init(use: [.number(2)]), "\"y\" is the label"),
      (.init(drop: [.number(0), .number(1), .number(3)]), "found no column of features"),
      (.init(categorical: [.name("a")], drop: [.name("a")]), "is not read, and shall be categories"),
    ] {
      #expect(problem { _ = try load(text, CSVForm(), rules) }.contains(expected), "\(expected)")
    }
  }

  @Test func quantitiesAreRead() throws {
    let data = try load("a;y\n1;2,5\n2;\"-1\"\n", test: "y;a\n7,5;1\n", aim: .quantities)
    #expect(data.training.targets == [2.5, -1] && data.test?.targets == [7.5] && data.training.classCount == 1)
    #expect(data.training.features == [1, 2] && data.columns?.columns[1].kind == .label)
    for (label, expected) in [
      ("", "the value is missing"), ("NA", "the value is missing"), ("x", "found \"x\"; allowed: a number"),
      ("1e99", "beyond the range"),
    ] {
      let found = problem { _ = try load("a,y\n1,2\n2,\(label)\n", aim: .quantities) }
      #expect(found.contains("a.csv:3:3: column \"y\": ") && found.contains(expected), "\(found)")
    }
  }

  // MARK: Warnings

  @Test func featuresThatDwarfOthersAreFound() throws {
    let rows = (0..<60).map { i in "\(20 + i % 7),\(i % 5),\(20_000 + 900 * (i % 11)),\(i % 2)\n" }.joined()
    let text = "age,hours,income,y\n" + rows
    let found = try fit(text, test: text, FeatureRules())
    #expect(
      found.warnings.count == 1 && found.warnings[0].hasPrefix("column \"income\": values spread a hundred times"),
      "\(found.warnings)")
    #expect(try fit(text, test: text, FeatureRules(scaling: .standard)).warnings.isEmpty)
    #expect(try fit(text, test: text, FeatureRules(drop: [.name("income")])).warnings.isEmpty)
  }

  @Test func columnsOfIndicesAndTextsAreFound() throws {
    let rows = (0..<30).map { "\($0),\($0 * 7 % 5).5,n\($0 * 2 / 3),\($0 % 2)\n" }.joined()
    let warnings = try load("Unnamed: 0,x,name,y\n" + rows).warnings
    #expect(
      warnings.count == 2 && warnings[0].hasPrefix("column \"Unnamed: 0\": every example has another whole number"))
    #expect(warnings[0].contains("data.drop") && warnings[1].hasPrefix("column \"name\": 20 categories in 30 examples"))
    #expect(
      try load("Unnamed: 0,x,name,y\n" + rows, CSVForm(), FeatureRules(drop: [.number(0), .number(2)])).warnings.isEmpty
    )
  }

  // MARK: Parts

  /// A table that a generator made says what must be read, however the text is cut: quotes, line breaks in them, CRLF, empty lines.
  @Test func partsDoNotShow() throws {
    var stream = random(5)
    var text = "\u{FEFF}n,\"t\n\"\"1\"\"\",c,y\r\n"
    var (numbers, texts, labels, clients): ([Float], [String], [String], [String]) = ([], [], [], [])
    for _ in 0..<300 {
      let (number, t) = (
        Float(stream.integer(below: 2000)) / 8, ["a", "b\nb", "c\r\n\"c\"", "d,d", "\n", "e"][stream.integer(below: 6)]
      )
      let (label, client) = ("l\(stream.integer(below: 3))", "k\(stream.integer(below: 20))")
      numbers.append(number)
      texts.append(t)
      labels.append(label)
      clients.append(client)
      text += ["\(number)", "\" \(number)\"", " \(number) "][stream.integer(below: 3)] + ","
      text += "\"" + t.replacing("\"", with: "\"\"") + "\"" + [",", " ,"][stream.integer(below: 2)]
      text += client + "," + label + ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"][stream.integer(below: 5)]
    }
    let bytes = Array(text.utf8)
    for (size, threads) in [(1 << 22, 1), (1, 2), (2, 1), (7, 3), (64, 2), (1000, 2), (bytes.count - 30, 2)] {
      var reading = CSVData.Reading(columns: .init(label: .name("y"), client: .name("c")))
      (reading.partBytes, reading.parallel) = (size, Parallel(threads: threads))
      let table = try CSVData.table(bytes, name: "a", reading)
      #expect(table.rows == 300 && table.header == ["n", "t\n\"1\"", "c", "y"])
      let read = (0..<300).map { table.cells[2 * $0] }
      #expect(read == numbers)
      let (readLabels, owners) = (
        table.labels.map { table.labelTexts[Int($0)] }, table.owners?.map { table.ownerTexts[Int($0)] }
      )
      #expect(readLabels == labels && owners == clients)
      var seen = Set<String>()
      #expect(table.ownerTexts == clients.filter { seen.insert($0).inserted }, "numbered as they first appear")
      let layout = try CSVLayout(table, nil, FeatureRules(), name: "a")
      let features = layout.features(of: table, Parallel(threads: threads))
      let names = layout.columns.columns[1].categories
      #expect(names == ["\n", "a", "b\nb", "c\r\n\"c\"", "d,d", "e"])
      let found = (0..<300).map { i -> String in
        let place = (0..<6).first { features[7 * i + 1 + $0] == 1 }
        return names[place ?? 0]
      }
      #expect(found == texts)
    }
  }

  /// The first mistake of a file is the one that is named, however it is cut.
  @Test func theFirstMistakeIsNamed() {
    var text = "a,b,y\n"
    for i in 0..<100 { text += "\(i),\"\(i)\",\(i % 2)\n" }
    let rows = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for (row, wrong, line) in [
      (3, "1,2\"3,0", 4), (50, "1,\"2,0", 52), (98, "1,2", 99), (99, "1,2,3,4", 100), (1, "\"1\"\"\",2,0\"", 2),
    ] {
      var broken = rows
      broken[row] = wrong
      broken[100] = "\"also wrong"
      let bytes = Array(broken.joined(separator: "\n").utf8)
      var found = Set<String>()
      for size in [1 << 20, 1, 5, 33, 200] {
        var reading = CSVData.Reading(columns: .init(label: .name("y"), client: nil))
        (reading.partBytes, reading.parallel) = (size, Parallel(threads: 2))
        found.insert(problem { _ = try CSVData.table(bytes, name: "a.csv", reading) })
      }
      #expect(found.count == 1 && found.first?.hasPrefix("a.csv:\(line):") == true, "\(found)")
    }
  }

  @Test func foreignBytesDoNotTrap() {
    var stream = random(6)
    let text = Array("a;b;\"c\";y\n1,5;NA;x;p\r\n\"2,25\";3;\"y;\"\"z\";q\n;4;x;p\n".utf8)
    for i in 0..<4000 {
      var bytes = Array(text.prefix(i < text.count ? i : text.count))
      for _ in 0..<(i < text.count ? 0 : 1 + stream.integer(below: 4)) {
        bytes[stream.integer(below: bytes.count)] =
          stream.integer(below: 2) == 0
          ? UInt8(stream.integer(below: 256)) : Array(";,|\t\"\n\r .?".utf8)[stream.integer(below: 10)]
      }
      var reading = CSVData.Reading(columns: .init(label: .number(stream.integer(below: 4)), client: nil))
      reading.form.header = stream.integer(below: 2) == 0
      reading.rules.missing = [.error, .mean, .category][stream.integer(below: 3)]
      reading.partBytes = 1 + stream.integer(below: 40)
      guard let table = try? CSVData.table(bytes, name: "a", reading),
        let layout = try? CSVLayout(table, table, reading.rules, name: "a")
      else { continue }
      #expect(layout.features(of: table, Parallel(threads: 1)).count == table.rows * layout.columns.featureCount)
    }
  }

  @Test func numberedBytes() {
    var numbers = ByteNumbers()
    for i in 0..<3000 {
      Array("t\(i * 7 % 1000)".utf8).withUnsafeBufferPointer { text in
        #expect((numbers.known(text) ?? numbers.add(text)) == Int32(i % 1000))
      }
    }
    #expect(numbers.count == 1000 && numbers.texts[999] == "t\(999 * 7 % 1000)")
  }
}
