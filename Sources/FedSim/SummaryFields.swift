import JSONText
import Scenarios

/// Every key of summary.json, once, in its order: name, unit, value, whether the guarantee covers it, and what it means.
///
/// summary.json, its part of docs/run-files.md and of `outsideGuarantee` follow from this table. Pages name a key by its value, as in
/// `\.finalAccuracy`.
public struct SummaryFields: FigureTable, Sendable {
  package typealias Row = SummaryField

  public let version = SummaryField("version", .count, .covered, "version of this file's keys") { _ in 1 }
  public let name = SummaryField("name", .text, .covered, "name of the scenario") { .string($0.setup.scenario.name) }
  public let rounds = SummaryField(
    "rounds", .count, .clientCount(rank: 19),
    "rounds that were made; chosen by somebody where `stoppedBy` is `interrupted`, and by the test examples where it is `evaluation`"
  ) { .integer($0.records.count) }
  public let stoppedBy = SummaryField(
    "stoppedBy", .text, .clientCount(rank: 20),
    "`rounds`: all were made; `budget`: the next would have cost more than `privacy.budget`; `evaluation`: a rule of that section "
      + "ended it; `interrupted`: the run can go on"
  ) { .string($0.stoppedBy.rawValue) }
  public let population = SummaryField("population", .count, .clientCount(rank: 1), "clients that there are") {
    .integer($0.setup.population.clientCount)
  }
  public let parameters = SummaryField("parameters", .count, .covered, "parameters of the model") {
    .integer($0.setup.model.parameterCount)
  }
  public let finalAccuracy = SummaryField(
    "finalAccuracy", .share, .outside, "test examples that the last model is right on; null where it was not evaluated",
    mayBeNull: true
  ) { .optional($0.finalAccuracy) }
  public let bestAccuracy = SummaryField(
    "bestAccuracy", .share, .outside,
    "the best accuracy of all evaluations; choosing that model is outside the guarantee", mayBeNull: true
  ) { .optional($0.bestAccuracy) }
  public let bestRound = SummaryField(
    "bestRound", .count, .outside, "round of the best model of all evaluations; null where none was finite",
    mayBeNull: true, onlyWith: "`evaluation.keepBest`, `stopAfter` or `targetAccuracy`"
  ) { $0.setup.scenario.evaluation.watches ? $0.bestRound.map { .integer($0) } ?? .null : nil }
  public let stopRule = SummaryField(
    "stopRule", .text, .outside, "the key of `evaluation` that ended the run; null where none did", mayBeNull: true,
    onlyWith: "`evaluation.stopAfter` or `targetAccuracy`"
  ) { $0.setup.scenario.evaluation.stopsEarly ? $0.stopRule.map { .string($0) } ?? .null : nil }
  public let majorityClassAccuracy = SummaryField(
    "majorityClassAccuracy", .share, .outside,
    "the accuracy of always saying the most frequent class of the test examples: what `finalAccuracy` is to be compared with; null for a task "
      + "without accuracy", mayBeNull: true
  ) { .optional($0.setup.majorityClassAccuracy) }
  public let finalLoss = SummaryField(
    "finalLoss", .nats, .outside,
    "mean loss of the last model on the test examples: cross-entropy, or a variational model's objective, or for regression the mean squared error, in "
      + "squares of what targets are learned in; null where it is not finite",
    mayBeNull: true
  ) { .optional($0.finalLoss) }
  public let finalR2 = SummaryField(
    "finalR2", .ratio, .outside,
    "R^2 of the last model on the test examples: 1 less the mean squared error over the variance of their targets; null where all are one "
      + "number, and where the loss is not finite", mayBeNull: true, onlyWith: "task `regression`"
  ) { $0.setup.scenario.task == .regression ? .optional($0.finalR2) : nil }
  public let finalRMSE = SummaryField(
    "finalRMSE", .ratio, .outside,
    "root of the mean squared error of the last model on the test examples, in the unit of the data: `data.targetScale` times the root of "
      + "`finalLoss`", mayBeNull: true, onlyWith: "task `regression`"
  ) { $0.setup.scenario.task == .regression ? .optional($0.finalRMSE) : nil }
  public let finalMacroF1 = SummaryField(
    "finalMacroF1", .share, .outside,
    "mean over classes of the F1 of the last model on the test examples, of classes that one of them has or is taken for; null where the "
      + "model does not say its classes", mayBeNull: true, onlyWith: "`evaluation.metrics` and classes"
  ) {
    $0.setup.scenario.evaluation.metrics == true && $0.setup.scenario.task == .classification
      ? .optional($0.metrics?.macroF1) : nil
  }
  public let finalAUC = SummaryField(
    "finalAUC", .share, .outside,
    "area under the ROC curve of the last model on the test examples; null for more than two classes, and where one is missing",
    mayBeNull: true, onlyWith: "`evaluation.metrics` and classes"
  ) {
    $0.setup.scenario.evaluation.metrics == true && $0.setup.scenario.task == .classification
      ? .optional($0.metrics?.auc) : nil
  }
  public let clientTest = SummaryField(
    "clientTest", .list, .outside,
    "the last model on each client's own test examples: `clients` that have some and `clientsWithoutTest`, and `before` (and `after` "
      + "fine-tuning) the mean, percentiles and worst over clients of `accuracy` and `loss`; null where it was not measured",
    type: .object,
    mayBeNull: true, onlyWith: "clients' own tests"
  ) { $0.setup.scenario.measuresClients ? $0.clientTests?.headline ?? .null : nil }
  public let nonFiniteUpdates = SummaryField(
    "nonFiniteUpdates", .count, .outside, "the sum of `nonFinite` over rounds", totalOf: \.nonFinite
  ) { .integer($0.nonFiniteUpdates) }
  public let epsilon = SummaryField(
    "epsilon", .nats, .clientCount(rank: 6),
    "proved upper bound of epsilon at `delta`, for all planned rounds, also where a run stopped before; null without a guarantee",
    mayBeNull: true
  ) { .optional($0.spending?.epsilon) }
  public let epsilonLowerBound = SummaryField(
    "epsilonLowerBound", .nats, .clientCount(rank: 7),
    "proved lower bound of that epsilon, for updates that exist; null where the accountant has none", mayBeNull: true
  ) { .optional($0.spending?.lowerBound) }
  public let epsilonOfRoundsDone = SummaryField(
    "epsilonOfRoundsDone", .nats, .clientCount(rank: 8),
    "what the rounds done would cost had their number been fixed in advance: no claim where the run stopped early; null without a guarantee",
    mayBeNull: true
  ) { .optional($0.records.last?.spending?.epsilon) }
  public let delta = SummaryField(
    "delta", .probability, .clientCount(rank: 9), "the whole delta of the guarantee; null without privacy",
    mayBeNull: true
  ) {
    .optional($0.setup.plan?.delta)
  }
  public let truncationDelta = SummaryField(
    "truncationDelta", .probability, .clientCount(rank: 10),
    "its part that pays for cohorts that may be cut; null without privacy",
    mayBeNull: true
  ) { .optional($0.setup.plan?.truncationDelta) }
  public let numericalDelta = SummaryField(
    "numericalDelta", .probability, .clientCount(rank: 11),
    "its part that pays for what floating point may choose otherwise; null without privacy", mayBeNull: true
  ) { .optional($0.setup.plan?.numericalDelta) }
  public let totalVariationPerUpload = SummaryField(
    "totalVariationPerUpload", .probability, .clientCount(rank: 12),
    "bound on the total variation between an upload's noise and its Gaussian in real arithmetic; null without privacy",
    mayBeNull: true
  ) { .optional($0.setup.plan == nil ? nil : $0.setup.channel.totalVariationBound) }
  public let totalVariationOfRun = SummaryField(
    "totalVariationOfRun", .probability, .clientCount(rank: 13),
    "what rounding may change of the whole run, in total variation; null without privacy", mayBeNull: true
  ) { .optional($0.setup.numericalDeviation) }
  public let budget = SummaryField(
    "budget", .nats, .covered, "`privacy.budget`; null where there is none", mayBeNull: true
  ) {
    .optional($0.setup.scenario.privacy?.budget)
  }
  public let accountant = SummaryField(
    "accountant", .text, .covered, "who computed epsilon; null without privacy", mayBeNull: true
  ) {
    $0.setup.plan.map { .string($0.accountant.rawValue) } ?? .null
  }
  public let relation = SummaryField(
    "relation", .text, .covered, "what neighboring data differ by; null without privacy", mayBeNull: true
  ) { $0.setup.plan.map { .string($0.relation.rawValue) } ?? .null }
  public let sampling = SummaryField("sampling", .text, .covered, "how a cohort is drawn") {
    .string($0.setup.sampler.sampling.name)
  }
  public let samplingRate = SummaryField(
    "samplingRate", .probability, .clientCount(rank: 2), "probability that a client is drawn, or cohort over population"
  ) { .number($0.setup.sampler.sampling.rate) }
  public let noiseMultiplier = SummaryField(
    "noiseMultiplier", .clippingNorms, .clientCount(rank: 14),
    "z: standard deviation of the noise on the sum of updates; null without privacy", mayBeNull: true
  ) { .optional($0.setup.plan?.noiseMultiplier) }
  public let accountedNoiseMultiplier = SummaryField(
    "accountedNoiseMultiplier", .clippingNorms, .clientCount(rank: 15),
    "the z that the account has, a hair below: for C with its margin, and with what a count of clipped updates takes; null without privacy",
    mayBeNull: true
  ) { .optional($0.setup.plan?.event.effectiveNoiseMultiplier) }
  public let updateNoiseMultiplier = SummaryField(
    "updateNoiseMultiplier", .clippingNorms, .clientCount(rank: 16),
    "z of the update beside a count of clipped updates, which is another release; null without privacy", mayBeNull: true
  ) { .optional($0.setup.plan?.updateNoiseMultiplier) }
  public let countNoise = SummaryField(
    "countNoise", .count, .clientCount(rank: 5),
    "standard deviation of the noise on the number of updates that are not clipped; null without adaptive clipping",
    type: .number, mayBeNull: true
  ) { .optional($0.setup.plan?.adaptiveClipping?.countNoise) }
  public let noiseSource = SummaryField(
    "noiseSource", .text, .covered,
    "who adds the noise: `central` is the server, which then sees every update; null without privacy", mayBeNull: true
  ) { $0.setup.plan.map { .string($0.noiseSource.rawValue) } ?? .null }
  public let clippingNorm = SummaryField(
    "clippingNorm", .norm, .covered, "C, to which updates are clipped, in the first round; null without privacy",
    mayBeNull: true
  ) { .optional($0.setup.plan?.clippingNorm) }
  public let finalClippingNorm = SummaryField(
    "finalClippingNorm", .norm, .covered,
    "C of the last round; another one with adaptive clipping; null without privacy", mayBeNull: true
  ) { .optional($0.records.last?.clippingNorm) }
  public let largestCohort = SummaryField(
    "largestCohort", .count, .clientCount(rank: 3), "cohorts above this size are cut; null without privacy",
    mayBeNull: true
  ) { $0.setup.plan.map { .integer($0.largestCohort) } ?? .null }
  public let noiseScalePerClient = SummaryField(
    "noiseScalePerClient", .norm, .clientCount(rank: 4),
    "standard deviation of the noise that a client's message has; null without privacy", mayBeNull: true
  ) { .optional($0.setup.plan?.noiseScale) }
  public let adversary = SummaryField(
    "adversary", .text, .covered, "for whom `epsilon` holds: `released-model`; null without a guarantee",
    mayBeNull: true
  ) { $0.setup.guaranteedPlan == nil ? .null : "released-model" }
  public let codec = SummaryField(
    "codec", .text, .clientCount(rank: 21),
    "the codec of updates, also where the scenario says `auto`, which chooses by the noise"
  ) {
    .string($0.setup.channel.codec.rawValue)
  }
  public let payloadBitsPerClientRound = SummaryField(
    "payloadBitsPerClientRound", .bits, .outside,
    "mean length of a payload that counted and was written; null where none was", mayBeNull: true
  ) { .optional($0.payloadBitsPerClientRound) }
  public let payloadBitsStandardError = SummaryField(
    "payloadBitsStandardError", .bits, .outside, "standard error of that mean over uploads; null with fewer than two",
    mayBeNull: true
  ) { .optional($0.payloadBitsError) }
  public let codedUploads = SummaryField(
    "codedUploads", .count, .outside, "uploads that counted and were written: all, or a share of them (`channel.coded`)"
  ) { .integer($0.coded) }
  public let predictedBitsPerClientRound = SummaryField(
    "predictedBitsPerClientRound", .bits, .outside,
    "mean of what the codec predicts of all uploads from their norms, written or not; null without Gaussian noise in them",
    mayBeNull: true
  ) { .optional($0.predictedBitsPerClientRound) }
  public let measuredOverPredicted = SummaryField(
    "measuredOverPredicted", .ratio, .outside,
    "bits of the payloads that were written over those predicted of them: the check of the prediction; null where none was written",
    mayBeNull: true
  ) { .optional($0.measuredOverPredicted) }
  public let wireBytesPerClientRound = SummaryField(
    "wireBytesPerClientRound", .bytes, .outside,
    "mean length of an upload with its envelope, refused ones included, of those that were written; null where there was none",
    mayBeNull: true
  ) { .optional($0.wireBytesPerClientRound) }
  public let idealBitsPerClientRound = SummaryField(
    "idealBitsPerClientRound", .bits, .outside, "mean I(X;Y) of the updates that were sent; null without noise",
    mayBeNull: true
  ) { .optional($0.idealBitsPerClientRound) }
  public let float32BitsPerClientRound = SummaryField(
    "float32BitsPerClientRound", .bits, .covered, "what an update takes as plain 32-bit floats", type: .integer
  ) { .integer($0.float32Bits) }
  public let posterior = SummaryField(
    "posterior", .list, .outside,
    "of the first code at the model's beta, as in posterior.json: `code`, `klBits`, `payloadBits`, `psnr`, `accuracy`",
    type: .object, onlyWith: "a task about posteriors"
  ) { summary in
    summary.posterior?.headline.map { row in
      [
        "code": .string(row.code), "klBits": .optional(row.klBits), "payloadBits": .optional(row.payloadBits.mean),
        "psnr": .optional(row.psnr), "accuracy": .optional(row.accuracy?.mean),
      ]
    }
  }
  public let seed = SummaryField(
    "seed", .count, .secret, "the scenario's seed",
    onlyWith: "data of the run's own: a program's federation has a run key"
  ) { $0.setup.isExternal ? nil : .integer(Int($0.setup.scenario.seed)) }
  public let fedsimVersion = SummaryField("fedsimVersion", .text, .covered, "the version that made the run") { _ in
    .string(FedSimVersion.current)
  }
  public let guarantee = SummaryField("guarantee", .text, .covered, "`epsilon-delta`, or `none`") {
    .string($0.statement.kind)
  }
  public let guaranteeStatement = SummaryField(
    "guaranteeStatement", .text, .clientCount(rank: 18), "what is claimed, in words"
  ) {
    .string($0.statement.sentence)
  }
  public let theorem = SummaryField(
    "theorem", .text, .covered, "what the claim rests on",
    onlyWith: "a guarantee"
  ) { $0.statement.theorem.map { .string($0) } }
  public let views = SummaryField(
    "views", .list, .outsideInPart("views of cohort sizes and traffic", rank: 17),
    "a row for each adversary: `adversary`, `knows`, `guarantee`, `epsilon`, `delta`, `theorem`, and `assumptions` or the `reason` why "
      + "there is no guarantee"
  ) { .array($0.views.rows.map(\.json)) }
  public let outsideGuarantee = SummaryField(
    "outsideGuarantee", .list, .covered, "figures and files that the guarantee does not cover"
  ) { .array($0.statement.outsideGuarantee.map { .string($0) }) }
  public let hardening = SummaryField(
    "hardening", .text, .covered, "what stands between this simulation and a release"
  ) { .string($0.setup.isExternal ? GuaranteeStatement.hardeningOfFederation : GuaranteeStatement.hardening) }

  public static let table = SummaryFields()
}

/// One key of summary.json.
public struct SummaryField: Sendable {
  public let name: String
  public let unit: FigureUnit
  public let coverage: Coverage
  public let meaning: String
  /// What kind of value it is.
  public let type: FigureType
  /// Whether it is null in some runs.
  public let mayBeNull: Bool
  /// What a run must have for the key to be there; nil for a key that every summary has.
  public let onlyWith: String?
  /// The figure of rounds that the key adds up, beside which `outsideGuarantee` names it.
  let roundField: String?
  /// Nil where a summary has no such key.
  let value: @Sendable (RunSummary) -> JSON?

  /// All keys, in their order.
  public static let all: [SummaryField] = SummaryFields.table.rows

  init(
    _ name: String, _ unit: FigureUnit, _ coverage: Coverage, _ meaning: String,
    totalOf roundField: KeyPath<RoundFields, RoundField>? = nil, type: FigureType? = nil, mayBeNull: Bool = false,
    onlyWith: String? = nil, value: @escaping @Sendable (RunSummary) -> JSON?
  ) {
    (self.name, self.unit, self.coverage, self.meaning) = (name, unit, coverage, meaning)
    self.roundField = roundField.map { RoundFields.table[keyPath: $0].name }
    (self.type, self.mayBeNull, self.onlyWith) = (type ?? Self.type(of: unit), mayBeNull, onlyWith)
    self.value = value
  }

  /// What most figures of a unit are.
  private static func type(of unit: FigureUnit) -> FigureType {
    switch unit {
    case .count: .integer
    case .text: .text
    case .list: .list
    default: .number
    }
  }
}
