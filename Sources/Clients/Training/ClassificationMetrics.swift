/// What a classifier is right and wrong about, class by class, and how well it ranks two classes.
///
/// Definitions are those of scikit-learn: of a class, precision is the share of the examples that are taken for it which have it, recall
/// the share of those that have it which are taken for it, and F1 = 2 correct / (having + taken). All but the AUC are quotients of counts.
public struct ClassificationMetrics: Sendable, Equatable {
  /// One class.
  public struct ClassFigures: Sendable, Equatable {
    /// Examples that have the class.
    public fileprivate(set) var examples = 0
    /// Examples that are taken for it.
    public fileprivate(set) var predicted = 0
    /// Examples that have it and are taken for it.
    public fileprivate(set) var correct = 0

    /// Nil where no example is taken for the class.
    public var precision: Double? { predicted == 0 ? nil : Double(correct) / Double(predicted) }
    /// The accuracy on the examples of the class; nil where there are none.
    public var recall: Double? { examples == 0 ? nil : Double(correct) / Double(examples) }
    /// Nil where no example has the class or is taken for it.
    public var f1: Double? { examples + predicted == 0 ? nil : 2 * Double(correct) / Double(examples + predicted) }
  }

  /// In the order of class numbers.
  public let classes: [ClassFigures]
  /// Examples by their class (rows) and the one that they are taken for (columns): classes x classes, row-major. Nil for more than
  /// `mostClasses`, whose squares are not kept.
  public let confusion: [Int]?
  /// Examples that are taken for no class, since a score is not finite; each is wrong.
  public let withoutPrediction: Int
  /// The area under the ROC curve: the probability that an example of class 1 has larger odds of it than one of class 0, where equal ones
  /// count half. Nil for more than two classes, for models that tell no odds, and where one of the classes is missing.
  public let auc: Double?

  /// Above this, the matrix would be larger than anybody reads.
  public static let mostClasses = 1000

  /// The mean of F1 over the classes that some example has or is taken for; nil where there is none.
  public var macroF1: Double? {
    let known = classes.compactMap(\.f1)
    return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
  }

  /// - Parameters:
  ///   - labels: the class of each example, below `classCount`.
  ///   - predictions: of each example, in the same order.
  /// - Returns: nil where the model does not say which class it takes an example for.
  public init?(labels: [Int32], predictions: [Prediction], classCount: Int) {
    precondition(labels.count == predictions.count)
    guard predictions.allSatisfy({ $0.predictedClass != nil || !$0.loss.isFinite }) else { return nil }
    var classes = [ClassFigures](repeating: ClassFigures(), count: classCount)
    var confusion = classCount <= Self.mostClasses ? [Int](repeating: 0, count: classCount * classCount) : nil
    var lost = 0
    for (label, prediction) in zip(labels, predictions) {
      classes[Int(label)].examples += 1
      guard let predicted = prediction.predictedClass else {
        lost += 1
        continue
      }
      classes[predicted].predicted += 1
      if predicted == Int(label) { classes[predicted].correct += 1 }
      confusion?[Int(label) * classCount + predicted] += 1
    }
    (self.classes, self.confusion, withoutPrediction) = (classes, confusion, lost)
    auc = classCount == 2 ? Self.auc(zip(labels, predictions).map { ($1.logOdds, $0 == 1) }) : nil
  }

  /// U / (P N) of Mann and Whitney: pairs of a positive and a negative example of which the positive one has the larger score, ties half. The
  /// count of pairs is exact.
  ///
  /// - Parameter scores: of each example, and whether it is a positive one.
  /// - Returns: nil where a score is missing or not a number, and where all examples are of one kind.
  static func auc(_ scores: [(score: Double?, isPositive: Bool)]) -> Double? {
    let known = scores.compactMap { example in example.score.map { (score: $0, isPositive: example.isPositive) } }
    let positives = known.count { $0.isPositive }
    let negatives = known.count - positives
    guard known.count == scores.count, positives > 0, negatives > 0, known.allSatisfy({ !$0.score.isNaN }) else {
      return nil
    }
    let sorted = known.sorted { $0.score < $1.score }
    // Fewer than 2^31 examples: twice the pairs are below 2^62.
    var (doubled, below, start) = (0, 0, 0)
    while start < sorted.count {
      let end = sorted[start...].firstIndex { $0.score != sorted[start].score } ?? sorted.count
      let tied = sorted[start..<end].count { $0.isPositive }
      let others = end - start - tied
      doubled += tied * (2 * below + others)
      below += others
      start = end
    }
    return Double(doubled) / (2 * Double(positives) * Double(negatives))
  }
}
