import CFedSim
import ChannelCoding
import Clients
import FedSim
import Files
import PrivacyAccounting
import RunFiles
import Scenarios

/// Why a function of the C interface fails: its number, and the reason in a line.
struct Failure: Error {
  let code: Int64
  let reason: String

  static func invalid(_ reason: String) -> Failure { Failure(code: Int64(FS_INVALID), reason: reason) }

  /// - Parameters:
  ///   - place: the argument.
  ///   - found: what it was.
  static func invalid(_ place: String, found: String, allowed: String) -> Failure {
    .invalid("\(place): found \(found); allowed: \(allowed)")
  }

  static func refused(_ reason: String) -> Failure { Failure(code: Int64(FS_REFUSED), reason: reason) }

  static func payload(_ reason: String) -> Failure { Failure(code: Int64(FS_PAYLOAD), reason: reason) }

  static func state(_ reason: String) -> Failure { Failure(code: Int64(FS_STATE), reason: reason) }

  static let stopped = Failure(
    code: Int64(FS_STOPPED), reason: "stopped by fs_stop; the object is as it was before the call")

  init(code: Int64, reason: String) { (self.code, self.reason) = (code, reason) }

  /// The errors of the modules below, by whose fault they are.
  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as ScenarioError:
      if case .refused = error { self = .refused(error.description) } else { self = .invalid(error.description) }
    case let error as PrivacyRefusal: self = .refused("refused: \(error)")
    case let error as PayloadError: self = .payload(error.text)
    case let error as ChannelError:
      switch error {
      case .settings(let problem): self = .invalid("settings: \(problem)")
      }
    case let error as RunFolderError: self = Failure(code: Int64(FS_FILES), reason: error.description)
    case let error as ToolError:
      switch error {
      // What has no proof is told by its first word; the place is a flag of the command line.
      case .input(_, let problem) where problem.hasPrefix("refused: "): self = .refused(problem)
      case .input: self = .invalid(error.description)
      case .failed: self = Failure(code: Int64(FS_FILES), reason: error.description)
      }
    case let error as FederationError:
      switch error {
      case .roundIsOpen, .foreignRound, .notDrawn, .noRoundIsOpen, .stepIsMade: self = .state(error.description)
      // What a state is restored in.
      case .value(let name, _, _) where name == "state": self = .state(error.description)
      case .counts, .value: self = .invalid(error.description)
      }
    case let error as ClientEndError:
      switch error {
      case .notEnrolled, .secondUpload: self = .state(error.description)
      case .updateLength, .controlLength, .exampleCount: self = .invalid(error.description)
      }
    case let error as StateError: self = .invalid("state: \(error)")
    default: self = .invalid("\(error)")
    }
  }

  /// Writes the reason as UTF-8 that ends with a NUL, cut between characters where it does not fit.
  ///
  /// - Parameters:
  ///   - error: room for `capacity` bytes; nil where nobody asks.
  ///   - capacity: any number; below 1 there is no room.
  func write(to error: UnsafeMutablePointer<CChar>?, _ capacity: Int64) {
    guard let error, capacity > 0 else { return }
    let bytes = Array(reason.utf8)
    var count = bytes.count
    if Int64(count) >= capacity {
      count = Int(capacity) - 1
      // A byte that goes on with a character is cut off with it.
      while count > 0, bytes[count] & 0xC0 == 0x80 { count -= 1 }
    }
    for i in 0..<count { error[i] = CChar(bitPattern: bytes[i]) }
    error[count] = 0
  }
}

/// The body of a function of the C interface: what it throws becomes a number and a reason.
///
/// - Returns: what the body returns, or a number below 0.
func call(
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64, _ body: () throws -> Int64
) -> Int64 {
  do {
    return try body()
  } catch let thrown {
    let failure = Failure(thrown)
    failure.write(to: error, capacity)
    return failure.code
  }
}
