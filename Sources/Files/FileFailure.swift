import Platform

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Why a file cannot be read or written, in the same words everywhere.
public enum FileFailure {
  /// - Parameter code: an `errno`.
  public static func reading(_ code: Int32) -> String {
    switch code {
    case ENOENT, ENOTDIR: "there is no such file"
    case EISDIR: "found a folder where a file was expected"
    case EACCES, EPERM: "there is no permission to read it"
    default: "the file could not be read (\(String(cString: strerror(code))))"
    }
  }

  /// What the system says of an error of Foundation's.
  public static func reason(_ error: any Error) -> String {
    let underlying = (error as? CocoaError)?.underlying ?? error
    if let system = underlying as? POSIXError { return String(cString: strerror(system.code.rawValue)) }
    return "\(underlying)"
  }
}
