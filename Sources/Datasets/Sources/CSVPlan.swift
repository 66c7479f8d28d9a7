import Files

/// What each column of a file is for.
struct CSVPlan: Sendable {
  /// A column of features.
  struct Slot: Sendable {
    let name: String
    /// Its place in the file.
    let column: Int
    /// Whether its texts are categories, whatever they look like.
    var isCategorical: Bool
    /// Texts that are numbered before all others.
    var categories: [String]?
  }

  var names: [String]
  var roles: [CSVRole]
  var slots: [Slot]
  var label: Int
  var client: Int?
  var form: CSVForm

  var delimiter: CSVForm.Delimiter { form.delimiter ?? .comma }
  var point: UInt8 { (form.decimal ?? .point).byte }
  var hasHeader: Bool { form.hasHeader }

  /// The plan that a scenario makes of a training file.
  ///
  /// - Parameter fail: the error of a problem with the header.
  init(
    _ names: [String], _ columns: CSVData.Columns, _ form: CSVForm, _ rules: FeatureRules, aim: LearningAim,
    fail: @escaping (String) -> DataError
  ) throws(DataError) {
    let index = { (column: CSVData.Column, subject: DataSubject) throws(DataError) -> Int in
      let found =
        switch column {
        case .name(let name): names.firstIndex(of: name)
        case .number(let number): names.indices.contains(number) ? number : nil
        }
      guard let found else { throw fail(Self.unknown(column, names, form)).about(subject) }
      return found
    }
    label = try index(columns.label, .column(.label))
    client = nil
    if let column = columns.client { client = try index(column, .column(.client)) }
    guard label != client else {
      throw fail("column \(columns.label) cannot be both label and client").about(.column(.client))
    }
    let (label, client) = (label, client)
    let features = { (list: [CSVData.Column], rule: DataSubject.TableRule) throws(DataError) -> Set<Int> in
      var found = Set<Int>()
      for column in list {
        let place = try index(column, .table(rule))
        guard place != label, place != client else {
          throw fail(
            "column \(ShownText.quoted(names[place])) is the \(place == label ? "label" : "client"), and no feature"
          ).about(.table(rule))
        }
        found.insert(place)
      }
      return found
    }
    let dropped = try features(rules.drop ?? [], .drop)
    let used = try rules.use.map { list throws(DataError) in try features(list, .use) }
    let isRead = { (column: Int) in !dropped.contains(column) && (used?.contains(column) ?? true) }
    let categorical = try features(rules.categorical ?? [], .categorical)
    var given: [Int: [String]] = [:]
    for list in rules.categories?.lists ?? [] {
      let place = try features([.name(list.column)], .categories).first ?? 0
      guard isRead(place) else {
        throw fail("column \(ShownText.quoted(list.column)) is not read, and has categories").about(.table(.categories))
      }
      given[place] = list.categories
    }
    if let unread = categorical.filter({ !isRead($0) }).min() {
      throw fail("column \(ShownText.quoted(names[unread])) is not read, and shall be categories")
        .about(.table(.categorical))
    }
    slots = []
    roles = []
    for column in names.indices {
      if column == label {
        roles.append(aim == .quantities ? .target : .label)
      } else if column == client {
        roles.append(.client)
      } else if !isRead(column) {
        roles.append(.skip)
      } else {
        let isCategorical = categorical.contains(column) || given[column] != nil
        roles.append(isCategorical ? .text(slot: slots.count) : .number(slot: slots.count))
        slots.append(
          Slot(name: names[column], column: column, isCategorical: isCategorical, categories: given[column]))
      }
    }
    guard !slots.isEmpty else {
      throw fail("found no column of features beside label and client").about(
        used == nil ? (dropped.isEmpty ? .column(.client) : .table(.drop)) : .table(.use))
    }
    (self.names, self.form) = (names, form)
  }

  /// What is wrong with a column that is not there.
  private static func unknown(_ column: CSVData.Column, _ names: [String], _ form: CSVForm) -> String {
    var meant = ""
    if case .name(let name) = column, let near = Spelling.nearest(name, among: names) {
      meant = " (did you mean \(ShownText.quoted(near))?)"
    }
    var hint = ""
    if names.count == 1 {
      let delimiter = (form.delimiter ?? .comma).words
      if names[0].contains(where: { ",;\t|".contains($0) }) {
        hint = "; fields are told apart by \(delimiter) (data.delimiter)"
      } else if names[0].contains(" ") {
        hint = "; fields are told apart by , ; tab or | (data.delimiter), and not by blanks"
      }
    }
    return "found no column \(column)\(meant); there \(names.count == 1 ? "is" : "are") \(names.count): "
      + ShownText.list(names, most: 8) + hint
  }

  /// The plan of a test file: the columns of a training file, in any order where a header names them. Clients are not read, and they and
  /// columns that are not read may be missing.
  init(_ names: [String], like training: CSVData.Table, _ trainingName: String, fail: @escaping (String) -> DataError)
    throws(DataError)
  {
    let plan = training.plan
    self.names = names
    form = plan.form
    client = nil
    slots = training.slots.enumerated().map { slot, found in
      Slot(
        name: found.name, column: 0, isCategorical: found.kind == .category,
        categories: found.kind == .category ? found.names : nil)
    }
    label = 0
    roles = []
    let numbers =
      names.allSatisfy { ExactNumber($0) != nil } && plan.hasHeader
      ? "; does the file lack a first line with the columns' names?" : ""
    let differ = { (difference: String) in
      fail("its columns are not those of \(trainingName): \(difference)\(numbers)")
    }
    let needed = plan.names.indices.filter { column in
      switch plan.roles[column] {
      case .skip, .client: false
      default: true
      }
    }
    guard plan.hasHeader || names.count == plan.names.count else {
      throw differ("found \(names.count) in place of \(plan.names.count)")
    }
    let there = Set(names)
    let missed = needed.filter { !there.contains(plan.names[$0]) }
    if let missed = missed.first(where: { $0 == plan.label }) ?? missed.first {
      let name = ShownText.quoted(plan.names[missed])
      throw differ("there is no \(name)" + (missed == plan.label ? ", the label" : ""))
    }
    let places = Dictionary(plan.names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    for (column, name) in names.enumerated() {
      guard let place = places[name] else {
        throw differ("column \(column + 1) is \(ShownText.quoted(name)), which is not there")
      }
      let role = plan.roles[place]
      if place == plan.label { label = column }
      switch role {
      case .client, .skip: roles.append(.skip)
      case .label, .target: roles.append(role)
      case .number(let slot), .text(let slot):
        roles.append(slots[slot].isCategorical ? .text(slot: slot) : .number(slot: slot))
      }
    }
  }
}
