import Platform

/// What is wrong with data.
public indirect enum DataError: Error, Equatable, CustomStringConvertible {
  case shape(String)
  case label(example: Int, found: Int, classes: Int)
  case feature(example: Int, feature: Int)
  case tooFewExamples(String)
  /// Bytes from outside. The place is a file, with line and column where it is text.
  case file(place: String, problem: String)
  /// A file that is not there, by its path.
  case missing(String)
  /// A partition that the examples do not allow.
  case partition(String)
  /// One of these, and what it is about.
  case about(DataSubject, DataError)

  public var description: String {
    switch self {
    case .shape(let reason), .tooFewExamples(let reason), .partition(let reason): reason
    case .label(let example, let found, let classes):
      "example \(example): found label \(found); allowed: 0 to \(classes - 1)"
    case .feature(let example, let feature): "example \(example): feature \(feature) is not finite"
    case .file(let place, let problem): "\(place): \(problem)"
    case .missing(let path): FileFailure(path, .reading, code: ENOENT).description
    case .about(_, let error): error.description
    }
  }

  /// What the error is about, where that is known.
  public var subject: DataSubject? {
    if case .about(let subject, _) = self { return subject }
    return nil
  }

  /// The path of the file that is not there; nil for another error.
  public var missingFile: String? {
    switch self {
    case .missing(let path): path
    case .about(_, let error): error.missingFile
    default: nil
    }
  }

  /// The same error about a subject; one that is known already stays, for it is the narrower one.
  package func about(_ subject: DataSubject) -> DataError { self.subject == nil ? .about(subject, self) : self }
}

/// What an error of data is about: whoever asked for them finds what was said of it.
public enum DataSubject: Sendable, Hashable {
  /// A file or a folder, by what it is read for.
  case file(FileRole)
  /// A column of a table, by what it holds.
  case column(ColumnRole)
  /// What a scenario says of a table.
  case table(TableRule)
  /// How many classes there are.
  case classCount
  /// Height, width and channels of images.
  case imageShape
  /// How many examples are generated.
  case exampleCount
  /// How many clients there are.
  case clientCount
  /// How many examples a client must have.
  case minimumSize

  public enum FileRole: Sendable, Hashable {
    /// Training examples with their labels.
    case training
    /// Test examples, whatever their files.
    case test
    /// Features of the training examples.
    case images
    /// Labels of the training examples.
    case labels
    /// Features of the training examples that need not be images.
    case features
    /// Whose each training example is.
    case clients
  }

  public enum ColumnRole: Sendable, Hashable {
    case label, client
  }

  /// By the name of its key.
  public enum TableRule: String, Sendable, Hashable {
    case delimiter, decimal, header, missing, categorical, categories, drop, use, scaling
  }
}

/// Errors of `body` are about `subject`, where it does not say more itself.
package func about<T>(
  _ subject: DataSubject, _ body: () throws(DataError) -> T
) throws(DataError) -> T {
  do throws(DataError) { return try body() } catch { throw error.about(subject) }
}
