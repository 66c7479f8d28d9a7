import ChannelCoding
import Datasets
import Files
import JSONText
import Numerics
import Settings

/// Examples, and what may not be meant about them: a sentence each.
package struct ReviewedData {
  package let split: Split
  package let warnings: [String]
  /// The columns of a table that features were made of, fitted to the training part; nil for other sources.
  package let columns: FeatureColumns?

  package init(split: Split, warnings: [String], columns: FeatureColumns? = nil) {
    self.split = split
    self.warnings = warnings
    self.columns = columns
  }
}

extension Scenario {
  /// The share of a seeded split.
  package var testShare: Double { testFraction ?? data.standardTestFraction }

  /// The scenario's JSON without what decides no release: its name, how often it is looked at, where its files lie.
  package var jsonWithoutLabels: JSON {
    guard case .object(var root) = json else { return json }
    root["name"] = nil
    root[EvaluationSection.section] = nil
    // What the file has is in the run's key: the parameters that the run starts from.
    if initialModel != nil, case .object(var section)? = root[ModelSection.section] {
      section[ModelSection.last.name(of: \.initial)] = nil
      root[ModelSection.section] = .object(section)
    }
    if case .object(var section)? = root[DataSection.section] {
      for key in data.placeKeys where section[key] != .null { section[key] = nil }
      root[DataSection.section] = .object(section)
    }
    return .object(root)
  }

  /// The examples that the scenario names.
  ///
  /// - Parameter shared: what other runs of the process have loaded.
  /// - Throws: `ScenarioError` that names the key, and the place in the file where one is at fault.
  package func loadData(_ parallel: Parallel, _ shared: SharedData = SharedData()) throws(ScenarioError) -> ReviewedData
  {
    let request = loadRequest(parallel)
    let load = { () throws(ScenarioError) in try loadExamples(request) }
    // Whether another package's sources of the same keys are the same nobody knows.
    let seeded = data.seeded(seed)
    guard let (name, values) = Choices.standard.write(seeded), !(seeded is GivenData) else {
      return try review(try load(), parallel)
    }
    // No value of a key has a line break in JSON.
    let source =
      "\(name) \(JSON.object(values).text(pretty: false)) \(testShare)"
      + (request.aim == .quantities ? " quantities" : "") + (request.needsLabels ? " labels" : "")
    let other = Choices.standard.write(data.seeded(seed &+ 1))
    return try shared.split(
      source: source, split: data.hasTest ? nil : "\(seed) \(testShare)\(splitOfClients)",
      isSeeded: other?.values != values,
      load: load,
      review: { (loaded: consuming LoadedData) throws(ScenarioError) -> ReviewedData in
        try review(consume loaded, parallel)
      })
  }

  private func loadRequest(_ parallel: Parallel) -> LoadRequest {
    LoadRequest(
      seed: seed, testFraction: testShare, parallel: parallel, aim: task == .regression ? .quantities : .classes,
      needsLabels: task.hasAccuracy)
  }

  /// What a split within clients follows from beside the seed and the share; empty for one of all examples.
  private var splitOfClients: String {
    guard testOf == .eachClient else { return "" }
    // A partition of another package may be any: its split is nobody else's.
    guard let (name, values) = Choices.standard.write(partition) else { return " \(ContinuousClock.now)" }
    return " each client of \(name) \(JSON.object(values).text(pretty: false))"
  }

  private func loadExamples(_ request: LoadRequest) throws(ScenarioError) -> LoadedData {
    do throws(DataError) {
      return try data.load(request)
    } catch {
      throw refusal(at: DataSection.path(of: error.subject), words(of: error))
    }
  }

  /// What is wrong with a file that the scenario names; of one that is not there, all places where it was sought.
  package func words(of error: DataError) -> String {
    let paths = file?.paths ?? ScenarioPaths(folder: nil)
    return error.missingFile.map(paths.missing) ?? error.description
  }

  /// Splits what was loaded, and looks at its labels.
  private func review(_ loaded: consuming LoadedData, _ parallel: Parallel) throws(ScenarioError) -> ReviewedData {
    guard let labels = data.reviewedLabels else {
      return ReviewedData(split: try split(consume loaded).0, warnings: [])
    }
    let whole = LabelReview(
      ofWhole: loaded.training, loaded.test, place: loaded.labelPlace, needsClasses: task.hasAccuracy)
    if let problem = whole.problem { throw refusal(at: DataSection.path(of: labels), problem) }
    let warnings = loaded.warnings + whole.warnings
    var columns = loaded.columns
    var (split, review) = try self.split(consume loaded)
    do throws(DataError) {
      if var fitted = columns {
        review += try split.fit(&fitted, parallel)
        columns = fitted
      }
    } catch {
      throw refusal(at: DataSection.path(of: error.subject), error.description)
    }
    return ReviewedData(split: split, warnings: warnings + review, columns: columns)
  }

  /// The examples without their features; nil where they have to be loaded, since the source has no other way, or something that is not
  /// built in may want to look at them.
  package func outlineData(_ parallel: Parallel) throws(ScenarioError) -> DataOutline? {
    guard data.reviewedLabels == nil, testOf != .eachClient, Choices.standard.write(model) != nil,
      Choices.standard.write(partition) != nil
    else {
      return nil
    }
    do throws(DataError) {
      return try data.outline(loadRequest(parallel))
    } catch {
      throw refusal(at: DataSection.path(of: error.subject), error.description)
    }
  }

  /// - Returns: both parts, and what may be wrong with their labels.
  private func split(_ loaded: consuming LoadedData) throws(ScenarioError) -> (Split, [String]) {
    let place = loaded.labelPlace
    let split: Split
    let key: String
    if testOf == .eachClient {
      key = DataSection.path(\.testOf)
      split = try splitWithinClients(consume loaded)
    } else if loaded.test != nil {
      key = DataSection.path(of: .file(.test))
      let parts = (consume loaded).takingParts()
      do throws(DataError) {
        guard let test = parts.test else { throw DataError.tooFewExamples("found no test examples") }
        split = try Split(training: parts.training, test: test)
      } catch {
        throw refusal(at: key, error.description)
      }
    } else {
      key = DataSection.path(\.testFraction)
      var random = RunKeys.experimentStream(seed: seed, .split)
      do throws(DataError) {
        split = try Split(stratified: (consume loaded).takingTraining(), testFraction: testShare, random: &random)
      } catch {
        throw refusal(
          at: key,
          error.description + "; of a class with n examples floor(f n + 1/2) are kept for the test, f = \(testShare)")
      }
    }
    if data.reviewedLabels == nil { return (split, []) }
    let review = LabelReview(
      training: split.training, test: split.test, place: place, areClassesGiven: data.areClassesGiven)
    if let problem = review.problem { throw refusal(at: key, problem) }
    return (split, review.warnings)
  }

  /// The partition is of all examples; then each client keeps a share of its own for the test. Owners of both parts are the clients.
  private func splitWithinClients(_ loaded: consuming LoadedData) throws(ScenarioError) -> Split {
    let path = DataSection.path(\.testOf)
    guard loaded.test == nil else {
      throw refusal(
        at: path,
        "found \"each-client\" with a source that makes test examples of its own; evaluation.clients true measures clients where their owners are named"
      )
    }
    let whole = (consume loaded).takingTraining()
    let owners = try population(of: whole).owners
    var random = RunKeys.experimentStream(seed: seed, .split)
    do throws(DataError) {
      return try Split(withinClients: whole, owners: owners, testFraction: testShare, random: &random)
    } catch {
      throw refusal(
        at: path,
        error.description + "; of a client with n examples floor(f n + 1/2) are kept for the test, f = \(testShare)")
    }
  }

  /// The scenario with examples in memory, for a `data.source` that is `given`: a run of it is made as any other, from a folder or without, and
  /// its keys follow from the examples.
  ///
  ///     let scenario = try Scenario(ScenarioFile(bytes, name: "s.json")).giving(examples)
  ///     var execution = try RunExecution(Simulation(scenario: scenario, threads: 2), in: "runs/mine", start: .resuming)
  ///
  /// - Parameters:
  ///   - training: the examples of the clients. Without test examples of their own some of them are split off, as `data.testFraction` and
  ///     `data.testOf` say.
  ///   - test: test examples of their own.
  /// - Throws: `ScenarioError` where the scenario has another source, or says how to split off a test that is given.
  public func giving(_ training: Dataset, test: Dataset? = nil) throws(ScenarioError) -> Scenario {
    guard data is GivenData else {
      let name = components.sources.write(data)?.name ?? "\(type(of: data as Any))"
      throw error(
        at: "\(DataSection.section).\(DataSection.selector)",
        "found \"\(name)\", and a program that gives the examples",
        allowed: "\"given\"")
    }
    if test != nil {
      let keys: [(path: String, isThere: Bool)] = [
        (DataSection.path(\.testFraction), testFraction != nil), (DataSection.path(\.testOf), testOf == .eachClient),
      ]
      if let key = keys.first(where: \.isThere) {
        throw error(at: key.path, "found a split, and test examples that are given", allowed: "one of the two")
      }
    }
    var given = self
    given.data = GivenData(training: training, test: test)
    return given
  }

  /// The clients of the training part, each with its examples.
  ///
  /// - Parameter isGiven: whether a library caller brought both parts, so that nothing was split here.
  package func population(of split: Split, isGiven: Bool) throws(ScenarioError) -> Population {
    guard testOf == .eachClient else { return try population(of: split.training) }
    guard !isGiven, let owners = split.training.owners else {
      throw refusal(at: DataSection.path(\.testOf), "found \"each-client\" with examples that are split already")
    }
    let last = max(owners.max() ?? 0, split.test.owners?.max() ?? 0)
    return Population(split.training, owners: owners, clients: max(partition.clientCount ?? 0, Int(last) + 1))
  }

  /// The clients, each with its examples.
  private func population(of training: Dataset) throws(ScenarioError) -> Population {
    if let clients = partition.clientCount, clients > training.count {
      throw refusal(
        at: PartitionSection.path(of: .clientCount), "found \(clients) clients for \(training.count) training examples")
    }
    var random = RunKeys.experimentStream(seed: seed, .partition)
    do throws(DataError) {
      let clients = try Population(training, partition: partition, random: &random)
      return task == .bayesianClassification && posterior?.turned == true ? try clients.turningPictures() : clients
    } catch {
      var hint = ""
      if partition is DirichletClassPartition, error.subject == .minimumSize {
        hint = "; 10 where it is not given, 0 asks for nothing"
      } else if partition is NaturalPartition, let key = data.ownerKey {
        hint = "; \(DataSection.section).\(key) says whose an example is"
      }
      throw refusal(at: PartitionSection.path(of: error.subject), error.description + hint)
    }
  }

  /// The test examples among clients, by the scenario's partition and turned as theirs are: for a posterior that is a client's. Nil for other
  /// tasks.
  ///
  /// - Parameter training: the clients of the run, whose sizes are aimed at where nobody says how many there are.
  package func testClients(of test: Dataset, like training: Population) throws(ScenarioError) -> Population? {
    guard task == .bayesianClassification else { return nil }
    let wanted = posterior?.clients ?? max(test.count * training.clientCount / max(training.data.count, 1), 1)
    var scheme = partition
    let selector = PartitionSection.selector
    var values = components.partitions.write(partition, by: selector)
    if let clients = values["clients"], clients != .null {
      values["clients"] = .integer(wanted)
      do throws(KeyProblem) { scheme = try components.partitions.read(values, by: selector) } catch {
        throw refusal(at: PosteriorSection.path(\.clients), error.problem)
      }
    }
    var random = RunKeys.experimentStream(seed: seed, .testPartition)
    do throws(DataError) {
      let clients = try Population(test, partition: scheme, random: &random)
      return posterior?.turned == true ? try clients.turningPictures() : clients
    } catch {
      throw refusal(
        at: PosteriorSection.path(\.clients),
        "found \(wanted) clients for \(test.count) test examples: \(error.description)")
    }
  }
}
