/// What a loader made of files.
public struct LoadedData: Sendable {
  public let training: Dataset
  /// Nil where no file of test examples is given.
  public let test: Dataset?
  /// What messages call the labels, such as `column "y"`.
  public let labelPlace: String
  /// What may not be meant, a sentence each; labels are looked at by `LabelReview`.
  public let warnings: [String]

  public init(training: Dataset, test: Dataset?, labelPlace: String, warnings: [String] = []) {
    (self.training, self.test, self.labelPlace, self.warnings) = (training, test, labelPlace, warnings)
  }

  /// The training part alone, held by nobody else: a split can then move it up in place.
  public consuming func takingTraining() -> Dataset { training }
}
