import Aggregator
import ChannelCoding
import Datasets
import FedSim
import Files
import JSONText
import Numerics
import PrivacyAccounting

/// What a scenario means before anything runs.
public struct Explanation: Sendable {
  private let setup: RunSetup
  private let prediction: PrivacySpent?
  /// Nil where only a program knows the examples.
  private let summary: PopulationSummary?
  private let memory: MemoryPrediction
  private let cost: CostPrediction
  private let pilot: RunPilot?

  /// Times the parts of the run on this machine, for half a second or so.
  ///
  /// - Parameter pilot: rounds of the run, to be shown beside; nil where none was made.
  public init(_ setup: RunSetup, pilot: RunPilot? = nil) {
    self.setup = setup
    self.pilot = pilot
    prediction = setup.guaranteedPlan?.plannedSpending
    // First: what the process has taken so far is what preparing a run takes.
    memory = MemoryPrediction(setup)
    cost = CostPrediction(setup)
    summary = setup.isExternal ? nil : PopulationSummary(setup.population)
  }

  /// |x|^2 / (d sigma^2) of an upload as long as may be: the signal-to-noise ratio of one coordinate.
  private var rho: Double? {
    setup.plan.flatMap { plan in
      guard plan.noiseScale > 0 else { return nil }
      let ratio = setup.channel.clippingNorm / plan.noiseScale
      return ratio * ratio / Double(setup.channel.dimension)
    }
  }

  /// I(X; Y) of such an upload, in bits.
  private var idealBits: Double? {
    rho.map { Double(setup.channel.dimension) / 2 * Elementary.log(1 + $0) / Elementary.log(2) }
  }

  public var json: JSON {
    let plan = setup.plan
    let coding = setup.channel.prediction
    return [
      "name": .string(setup.scenario.name), "data": .string(source),
      "population": .integer(setup.population.clientCount),
      "trainingExamples": setup.isExternal ? .null : .integer(setup.population.data.count),
      "testExamples": setup.isExternal ? .null : .integer(setup.test.count),
      "clientSizes": summary?.sizes.json ?? .null, "classesPerClient": summary?.classesPerClient.json ?? .null,
      "labelSkew": .optional(summary?.labelSkew), "classes": classNames.map { .array($0.map { .string($0) }) } ?? .null,
      "columns": setup.columns.map(ColumnTable.init)?.json ?? .null,
      "majorityClassAccuracy": .optional(setup.majorityClassAccuracy),
      "parameters": .integer(setup.model.parameterCount), "rounds": .integer(setup.scenario.rounds),
      "expectedCohort": .number(setup.sampler.expectedSize), "samplingRate": .number(setup.sampler.sampling.rate),
      "largestCohort": plan.map { .integer($0.largestCohort) } ?? .null,
      "clippingNorm": .optional(plan?.clippingNorm), "noiseMultiplier": .optional(plan?.noiseMultiplier),
      "noiseScalePerClient": .optional(plan?.noiseScale), "signalToNoiseRatio": .optional(rho),
      "codec": .string(setup.channel.codec.rawValue), "predictedBits": .number(setup.channel.predictedBits),
      "codedShare": .number(setup.frame.codedShare),
      "blockLength": coding?.blocks.map { .integer($0.length) } ?? .null,
      "blockCount": coding?.blocks.map { .integer($0.count) } ?? .null,
      "idealBits": .optional(idealBits), "float32Bits": .integer(32 * setup.model.parameterCount),
      "epsilon": .optional(prediction?.epsilon), "epsilonLowerBound": .optional(prediction?.lowerBound),
      "delta": .optional(plan?.delta), "memoryBytes": .integer(memory.total),
      "memoryBytesPerRound": .integer(MemoryPrediction.bytesOfRow), "cores": .integer(cost.cores),
      "coreSeconds": .optional(cost.coreSeconds), "wallSeconds": .optional(cost.wallSeconds),
      "coreSecondsByPart": .object(
        CostPrediction.Part.allCases.reduce(into: JSONObject()) {
          $0[$1.rawValue] = .optional(cost.coreSeconds(of: $1))
        }),
      "assumptions": .array(assumptions.map { .string($0) }),
      "warnings": .array(setup.warnings.map { .string($0) }), "pilot": pilot?.json ?? .null,
    ]
  }

  public var text: String {
    let key = setup.isExternal ? "with a run key" : "seed \(setup.scenario.seed)"
    var lines = ["\(setup.scenario.name): \(setup.scenario.rounds) rounds, \(key)", ""]
    for (label, value) in facts { lines.append(label + String(repeating: " ", count: 16 - label.count) + value) }
    if let pilot {
      lines.append(pilot.text(longest: setup.channel.predictedBits, codec: setup.channel.codec.rawValue))
    }
    if let picture = summary?.picture { lines.append("\n" + picture) }
    lines.append("\nAssumptions")
    for assumption in assumptions {
      let wrapped = Text.wrapped(assumption, indent: "    ")
      lines.append("  - " + wrapped.dropFirst(4))
    }
    for warning in setup.warnings { lines.append("\n" + Text.wrapped("warning: " + warning)) }
    lines.append("\n" + Text.wrapped(GuaranteeStatement(setup).sentence))
    return lines.joined(separator: "\n")
  }

  private var classNames: [String]? { setup.population.data.classNames }

  /// How many there are and what the data call them, with the places that the model's outputs give them.
  private static func classes(_ names: [String]) -> String {
    let quoted = names.map(ShownText.quoted)
    let shown = names.count <= 8 ? quoted : quoted.prefix(7) + ["...", quoted[names.count - 1]]
    return
      "\(Text.grouped(names.count)): \(shown.joined(separator: ", ")) (outputs 0 to \(names.count - 1) of the model)"
  }

  private var source: String {
    (setup.isDataGiven ? GivenData() : setup.scenario.data.seeded(setup.scenario.seed)).description
  }

  private var facts: [(String, String)] {
    let memory =
      "about \(memory.total / 1_000_000) MB: \(memory.ofSetUp / 1_000_000) to prepare the run, and what rounds add"
    let evaluation = setup.scenario.evaluation.words.map { [("evaluation", $0)] } ?? []
    return dataFacts + federationFacts + evaluation + channelFacts + [("memory", memory)] + timeFacts
  }

  private var timeFacts: [(String, String)] {
    guard let core = cost.coreSeconds, let wall = cost.wallSeconds else {
      return [("time", "unknown: a part of the run could not be made on stand-ins to time it")]
    }
    let parts = CostPrediction.Part.allCases.compactMap { part in
      cost.coreSeconds(of: part).map { (part, $0) }
    }
    // What is less than a hundredth of all is no part of the story.
    let shown = parts.filter { $0.1 >= 0.01 * core }.map { "\($0.0.rawValue) \(Text.seconds($0.1))" }
    return [
      (
        "time",
        "about \(Text.seconds(core)) of core time, \(Text.seconds(wall)) on \(Text.counted(cost.cores, "idle core")), by what parts of the "
          + "run took here just now\(setup.isExternal ? "; without what the program does" : "")"
      ),
      ("", shown.joined(separator: ", ")),
    ]
  }

  private var dataFacts: [(String, String)] {
    let clients = setup.population.clientCount
    guard let summary else {
      return [("data", source), ("clients", "\(Text.grouped(clients)), whose examples only the program knows")]
    }
    let examples = setup.population.data.count
    var facts = [
      ("data", source),
      (
        "clients",
        "\(Text.grouped(clients)) with \(Text.grouped(examples)) training examples; "
          + "\(Text.grouped(setup.test.count)) test examples"
      ),
      ("examples", summary.sizesInWords),
      setup.population.data.targetSpread.map { spread in
        (
          "targets",
          "mean \(Text.short(spread.mean)), standard deviation \(Text.short(spread.deviation)), as they are learned"
        )
      } ?? ("labels", summary.skewInWords),
    ]
    if let classNames { facts.append(("classes", Self.classes(classNames))) }
    if let columns = setup.columns { facts += ColumnTable(columns).facts }
    if setup.majorityClassAccuracy != nil, let most = setup.test.mostFrequentClass {
      let name = classNames.map { ShownText.quoted($0[most.label]) } ?? "\(most.label)"
      facts.append(
        (
          "baseline",
          "\(Text.fixed(100 * most.share, 1)) % accuracy on the test examples by always saying \(name), their most frequent class"
        ))
    }
    return facts
  }

  private var federationFacts: [(String, String)] {
    var facts = [
      (
        "model",
        "\(setup.model.shape), "
          + "\(Text.grouped(setup.model.parameterCount)) parameters"
      ),
      (
        "cohort",
        "\(setup.sampler.sampling.name), q = \(Text.short(setup.sampler.sampling.rate)), "
          + "\(Text.short(setup.sampler.expectedSize)) clients expected"
      ),
    ]
    facts.append(("training", training))
    facts.append(("server", server))
    if setup.scenario.cohort.dropout > 0 {
      let uploads = setup.sampler.expectedSize * (1 - setup.scenario.cohort.dropout)
      facts.append(
        (
          "dropout",
          "\(Text.short(setup.scenario.cohort.dropout)): \(Text.short(uploads)) uploads expected a round; the sum is still "
            + "divided by \(Text.short(setup.sampler.expectedSize))"
        ))
    }
    if let plan = setup.plan, let clipping = plan.adaptiveClipping {
      facts.append(
        (
          "clipping",
          "adaptive: from C = \(Text.short(plan.clippingNorm)) towards \(Text.short(100 * clipping.quantile)) % of updates unclipped; the count of "
            + "those has noise \(Text.short(clipping.countNoise)) and shares z: updates have z_u = \(Text.fixed(plan.updateNoiseMultiplier, 4))"
        ))
    }
    return facts
  }

  /// What noise and channel cost.
  private var channelFacts: [(String, String)] {
    var facts: [(String, String)] = []
    if let plan = setup.plan, let rho, let idealBits {
      facts.append(
        (
          "noise",
          "z = \(Text.fixed(plan.noiseMultiplier, 4)), C = \(Text.short(plan.clippingNorm)); each client adds sigma = "
            + "\(plan.adaptiveClipping == nil ? "z" : "z_u") C / sqrt(m_max) = \(Text.short(plan.noiseScale)), m_max = \(plan.largestCohort)"
        ))
      facts.append(("signal", "rho = |x|^2 / (d sigma^2) = \(Text.short(rho)) at |x| = C"))
      facts.append(
        (
          "bits",
          "about \(Text.fixed(setup.channel.predictedBits, 0)) bits a client and round by \"\(setup.channel.codec.rawValue)\" at |x| = C; Gaussian I(X;Y) = "
            + "\(Text.fixed(idealBits, 0)) bits, float32 \(Text.grouped(32 * setup.channel.dimension)) bits"
        ))
      if pilot == nil, !setup.isExternal {
        facts.append(("", "shorter updates take fewer: --pilot 5 trains five rounds to see how long they are"))
      }
      if setup.frame.codedShare < 1 {
        facts.append(
          (
            "coded",
            "a share of \(Text.short(setup.frame.codedShare)) of the uploads, about \(Text.short(setup.frame.codedShare * setup.sampler.expectedSize * setup.scenario.faults.arrivalRate)) a round, is "
              + "written and measured; the others are simulated, and their bits predicted (channel.coded)"
          ))
      }
      for detail in setup.channel.prediction?.details ?? [] { facts.append((detail.label, Self.text(detail))) }
      if let prediction { facts.append(epsilon(prediction, plan)) }
    } else if let plan = setup.plan {
      facts.append(
        (
          "noise",
          "central: z = \(Text.fixed(plan.noiseMultiplier, 4)), C = \(Text.short(plan.clippingNorm)); the server adds z C to the sum of plain updates"
        ))
      facts.append(("bits", bitsWithoutNoise))
      if let prediction { facts.append(epsilon(prediction, plan)) }
    } else {
      facts.append(("privacy", "NONE: neither clipping nor noise"))
      facts.append(("bits", bitsWithoutNoise))
    }
    return facts
  }

  private var training: String {
    if setup.isExternal { return "by a program, which gives the first parameters and hands in updates" }
    let training = setup.scenario.training
    let work =
      switch training.work {
      case .epochs(let n): n == 1 ? "1 epoch" : "\(Int(exactly: n).map(Text.grouped) ?? Text.short(n)) epochs"
      case .steps(let n): Text.counted(n, "step")
      }
    let optimizer = training.optimizer
    var parts = ["\(work) of batches of \(training.batchSize), rate \(Text.short(optimizer.learningRate))"]
    if case .scaffold = setup.scenario.algorithm { parts[0] = "SCAFFOLD, " + parts[0] }
    parts += optimizer.options.map { "\($0.name) \(Text.short($0.value))" }
    if let words = training.schedule.words(learningRate: optimizer.learningRate, rounds: setup.scenario.rounds) {
      parts.append(words)
    }
    let faults = setup.scenario.faults
    if faults.stragglers > 0 {
      parts.append(
        "\(Text.short(100 * faults.stragglers)) % stragglers, \(faults.dropsStragglers ? "dropped" : "kept")")
    }
    if faults.byzantine > 0 {
      parts.append(
        "\(Text.short(100 * faults.byzantine)) % hostile clients (\(Text.grouped(faults.byzantineCount(of: setup.population.clientCount))) of "
          + "\(Text.grouped(setup.population.clientCount))), who send \(Text.short(faults.byzantineFactor)) times their updates"
      )
    }
    return parts.joined(separator: ", ")
  }

  private var server: String {
    let optimizer = ServerOptimizer(setup.scenario.server.optimizer)
    var text = "\(optimizer.name), rate \(Text.short(optimizer.learningRate))"
    for option in optimizer.options { text += ", \(option.name) \(Text.short(option.value))" }
    let schedule = setup.scenario.server.schedule
    if let words = schedule.words(learningRate: optimizer.learningRate, rounds: setup.scenario.rounds) {
      text += ", \(words)"
    }
    if setup.scenario.server.rule != nil {
      let section = setup.scenario.server
      let detail =
        switch section.aggregation {
        case .trimmedMean: ", \(Text.short(100 * (section.trim ?? 0.1))) % cut at each end"
        case .krum, .multiKrum: " against \(section.byzantine ?? 0) hostile updates"
        case .mean, .median: ""
        }
      return text
        + ", \(section.aggregation.rawValue)\(detail) of the updates of about \(Text.short(setup.sampler.expectedSize)) clients"
    }
    if case .weighted = setup.scenario.algorithm { return text + ", mean weighted by examples" }
    return text + ", sum over \(Text.short(setup.sampler.expectedSize)) clients"
  }

  private var bitsWithoutNoise: String {
    "\(Text.grouped(Int(setup.channel.predictedBits))) bits a client and round by \"\(setup.channel.codec)\""
  }

  private static func text(_ detail: CodingDetail) -> String {
    detail.parts.map { part in
      switch part {
      case .text(let text): text
      case .count(let count): Text.grouped(count)
      case .measure(let value): Text.short(value)
      }
    }.joined()
  }

  private func epsilon(_ prediction: PrivacySpent, _ plan: PrivacyPlan) -> (String, String) {
    (
      "epsilon",
      "\(Text.fixedUp(prediction.epsilon, 4)) after all rounds at delta = \(plan.delta) "
        + "(N delta = \(Text.short(plan.delta * Double(setup.population.clientCount)))), \(plan.accountant.rawValue) accountant"
    )
  }

  private var assumptions: [String] {
    guard let plan = setup.guaranteedPlan else { return ["None: nothing is claimed."] }
    var list = [
      "The unit of privacy is one client with all its \(setup.scenario.testOf == .eachClient ? "training examples" : "examples"); neighboring data "
        + "sets differ by \(relation(plan)).",
      "Population size, sampling rate, noise shares, divisor and delta are public constants.",
      "The observer takes no part and sees the models of all rounds, not the \(setup.isExternal ? "run key" : "seed"), keys, cohorts or messages. "
        + (plan.noiseSource == .central
          ? "The server is trusted: it sees every update without noise."
          : "A client that takes part knows its own noise: against it, z is smaller by the factor sqrt((m_max - 1) / m_max). The "
            + "server is trusted: it decodes every update."),
      "Every update is clipped to C; one that is not finite is replaced by zero; the account is for C (1 + 1e-6).",
      plan.noiseSource == .central
        ? "The server adds noise of z C to the sum of each round."
        : "Clients share the noise by the public bound m_max; the server completes it to z C whoever sends nothing.",
    ]
    if case .poisson = plan.sampling, plan.truncationDelta > 0 {
      list.append(
        "Each client is drawn on its own with probability q each round; a draw of more than m_max clients is cut, at a charge of "
          + "\(Text.short(plan.truncationDelta)) to delta for the whole run.")
    }
    if let sentence = setup.numericsSentence { list.append(sentence) }
    if setup.isExternal {
      list.append(
        "Updates come from a program: each follows from the data of its own client, from models that were released and from what is public. The first "
          + "parameters are public; what else the program makes of the clients' data is not covered.")
    }
    if let path = setup.scenario.initialModel {
      list.append(
        "The model that the run starts from, \(ShownText.quoted(path)), is public: it owes nothing to these clients' data."
      )
    }
    list.append("Epsilon: \(plan.accountant.theorem).")
    return list
  }

  private func relation(_ plan: PrivacyPlan) -> String {
    switch plan.relation {
    case .zeroOut: "one client's contributions being zero (it is still drawn and still sends noise)"
    case .addOrRemove: "one client being there or not"
    case .replaceOne: "one client's data being any other"
    }
  }
}
