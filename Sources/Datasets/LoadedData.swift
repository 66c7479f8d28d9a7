/// What a loader made of files.
public struct LoadedData: Sendable {
  public let training: Dataset
  /// Nil where no file of test examples is given.
  public let test: Dataset?
  /// What messages call the labels, such as `column "y"`.
  public let labelPlace: String
  /// What may not be meant, a sentence each; labels are looked at by `LabelReview`.
  public let warnings: [String]
  /// What is still to be done to the features, where they are columns of a table: `Split.fit` takes from the training part what it needs.
  public let columns: FeatureColumns?

  public init(
    training: Dataset, test: Dataset?, labelPlace: String, warnings: [String] = [], columns: FeatureColumns? = nil
  ) {
    (self.training, self.test, self.labelPlace, self.warnings) = (training, test, labelPlace, warnings)
    self.columns = columns
  }

  /// The training part alone, held by nobody else: a split can then move it up in place.
  public consuming func takingTraining() -> Dataset { training }

  /// Both parts, held by nobody else.
  public consuming func takingParts() -> (training: Dataset, test: Dataset?) { (training, test) }
}
