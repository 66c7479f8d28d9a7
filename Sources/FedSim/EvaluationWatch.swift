import Scenarios

/// What a run's evaluations have said so far: which round's model is the best, and whether the run stops.
///
/// A model is better by a higher accuracy, or a lower loss; one whose figure is not finite is better than none. The rule `stopAfter` = p with
/// `minimumChange` = c compares with the last improvement (at first, the first evaluation): a model that is better by more than c is an
/// improvement, and p evaluations in a row without one stop the run. `targetAccuracy` stops it with the first evaluation that has it. The
/// last round is no stop: nothing is left out.
///
/// All of it follows from the rows of the run, so that it is the same for any number of threads, and the rows of a run that stopped are the
/// first ones of a run that did not. Test examples decide it: nothing is claimed for them, and the number of rounds is a choice by data.
struct EvaluationWatch: Sendable, Equatable {
  /// Why a run ends before its last round.
  enum Rule: String, Sendable, CaseIterable {
    case stopAfter
    case targetAccuracy
  }

  private let section: EvaluationSection
  private let lastRound: Int
  /// The round of the best model; nil before the first evaluation with a finite figure.
  private(set) var bestRound: Int?
  /// Of the best model and of the last improvement: the accuracy, or minus the loss.
  private var best = -Double.infinity
  private var reference = -Double.infinity
  /// Evaluations since the last improvement.
  private var waited = 0
  /// Nil as long as the run goes on.
  private(set) var stopped: Rule?

  init(_ setup: RunSetup) { self.init(setup.scenario.evaluation, lastRound: setup.lastRound) }

  init(_ section: EvaluationSection, lastRound: Int) {
    self.section = section
    self.lastRound = lastRound
  }

  /// Looks at a round.
  ///
  /// - Returns: whether its model is the best so far.
  mutating func add(_ record: RoundRecord, isEvaluated: Bool) -> Bool {
    guard section.watches, isEvaluated else { return false }
    let isByLoss = section.bestBy == .loss || section.bestBy == nil && record.accuracy == nil
    let score = (isByLoss ? record.loss.map { -$0 } : record.accuracy) ?? -.infinity
    let isBest = score > best
    if isBest { (best, bestRound) = (score, record.round) }
    if score > reference + (reference.isFinite ? section.minimumChange ?? 0 : 0) {
      (reference, waited) = (score, 0)
    } else {
      waited += 1
    }
    guard record.round < lastRound else { return isBest }
    if let target = section.targetAccuracy, record.accuracy ?? 0 >= target {
      stopped = .targetAccuracy
    } else if let patience = section.stopAfter, waited >= patience {
      stopped = .stopAfter
    }
    return isBest
  }

  // MARK: In checkpoints

  /// Puts what later rounds depend on; nothing where nothing does, so that checkpoints of such runs have no such section.
  func put(into state: inout StateSections) {
    guard section.watches else { return }
    let rule = stopped.flatMap { Rule.allCases.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
    state.put("evaluations", [bestRound ?? 0, waited, rule])
    state.put("evaluationScores", [best, reference])
  }

  mutating func restore(_ state: StateSections) throws(StateError) {
    guard section.watches else { return }
    let counts = try state.integers("evaluations", count: 3)
    let scores = try state.doubles("evaluationScores", count: 2)
    guard (0...lastRound).contains(counts[0]), counts[1] >= 0, (0...Rule.allCases.count).contains(counts[2]),
      scores.allSatisfy({ !$0.isNaN })
    else { throw StateError(byte: 0, problem: "found evaluations \(counts) of \(lastRound) rounds") }
    bestRound = counts[0] > 0 ? counts[0] : nil
    waited = counts[1]
    stopped = counts[2] > 0 ? Rule.allCases[counts[2] - 1] : nil
    (best, reference) = (scores[0], scores[1])
  }
}
