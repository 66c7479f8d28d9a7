import CFedSim
import Synchronization

/// The objects that callers have: numbers from 1 on, each of one object and never of another.
///
/// A number that was released, or that nobody was given, is an error; so is one of an object of another kind.
final class Objects: Sendable {
  static let shared = Objects()

  private struct Table: Sendable {
    var last: Int64 = 0
    var objects: [Int64: any Sendable] = [:]
  }

  private let table = Mutex(Table())

  /// - Parameter make: the object, given its number.
  func add(_ make: (Int64) -> any Sendable) throws(Failure) -> Int64 {
    let number = table.withLock { table in
      table.last += 1
      return table.last
    }
    guard fedsim_stop_admit(number) != 0 else { throw .invalid("no memory") }
    let object = make(number)
    table.withLock { $0.objects[number] = object }
    return number
  }

  /// Forgets an object, which goes when the last call on it ends.
  func release(_ number: Int64) {
    let object = table.withLock { $0.objects.removeValue(forKey: number) }
    if object != nil { fedsim_stop_forget(number) }
  }

  /// - Parameter place: the argument that the number was given for.
  func find<Object>(_ number: Int64, _ place: String, as kind: Object.Type = Object.self) throws(Failure) -> Object
  where Object: NamedObject {
    guard let found = table.withLock({ $0.objects[number] }) else {
      throw .invalid(
        place, found: number == 0 ? "0, which is no object" : "\(number), which was released or never given",
        allowed: Object.kind)
    }
    guard let object = found as? Object else {
      let other = (found as? any NamedObject).map { type(of: $0).kind } ?? "another object"
      throw .invalid(place, found: other, allowed: Object.kind)
    }
    return object
  }

  /// How many there are.
  var count: Int { table.withLock { $0.objects.count } }
}

/// An object that callers have, and what messages call its kind.
protocol NamedObject: Sendable {
  static var kind: String { get }
}

/// Whether somebody has called fs_stop for an object. The call that is going on has begun with `fedsim_stop_enter`.
func isStopped(_ number: Int64) -> Bool { fedsim_stop_asked(number) != 0 }
