import Platform

/// What the system refused of a file or a folder, in the same words everywhere.
public struct FileFailure: Error, Equatable, CustomStringConvertible {
  public enum Action: Sendable {
    case reading
    case writing
    case makingFolder
  }

  public let place: String
  public let action: Action
  /// An `errno`.
  public let code: Int32

  public init(_ place: String, _ action: Action, code: Int32 = errno) {
    (self.place, self.action, self.code) = (place, action, code)
  }

  /// As the system says it.
  public var reason: String { String(cString: strerror(code)) }

  /// What happened, without the place.
  public var problem: String {
    switch (action, code) {
    case (.reading, ENOENT), (.reading, ENOTDIR): "there is no such file"
    case (.reading, EISDIR): "found a folder where a file was expected"
    case (.reading, EACCES), (.reading, EPERM): "there is no permission to read it"
    case (.reading, _): "the file could not be read (\(reason))"
    case (.writing, _): "could not be written: \(reason)"
    case (.makingFolder, _): "could not be made: \(reason)"
    }
  }

  public var description: String { "\(place): \(problem)" }

  /// Whether a file was to be made, and there is one of that name.
  package var isThere: Bool { code == EEXIST }

  /// The `code` of a path that is no folder.
  package static var notAFolder: Int32 { ENOTDIR }

  /// Whether there is no such file.
  package var isMissing: Bool { code == ENOENT || code == ENOTDIR }
}

extension DataError {
  /// A file of examples that cannot be read.
  package init(_ failure: FileFailure) {
    self = failure.isMissing ? .missing(failure.place) : .file(place: failure.place, problem: failure.problem)
  }
}

extension ToolError {
  /// A file that cannot be read is wrong input; one that cannot be written is a result that is lost.
  public init(_ failure: FileFailure) {
    self =
      failure.action == .reading
      ? .input(place: failure.place, problem: failure.problem) : .failed(place: failure.place, reason: failure.problem)
  }
}
