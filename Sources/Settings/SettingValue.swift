import JSONText

/// A Swift value that a key of a file can have.
public protocol SettingValue: Sendable {
  /// - Parameter setting: a value that the key's range allows; nil where it is none of this type.
  init?(setting: JSON)

  /// The value as it is written in a file.
  var setting: JSON { get }
}

extension Int: SettingValue {
  public init?(setting: JSON) {
    guard case .integer(let value) = setting else { return nil }
    self = value
  }

  public var setting: JSON { .integer(self) }
}

/// Values up to `Int.max`: a key's range sees to that.
extension UInt64: SettingValue {
  public init?(setting: JSON) {
    guard case .integer(let value) = setting, let value = UInt64(exactly: value) else { return nil }
    self = value
  }

  public var setting: JSON { Int(exactly: self).map { .integer($0) } ?? .number(Double(self)) }
}

extension Double: SettingValue {
  public init?(setting: JSON) {
    guard let value = setting.double else { return nil }
    self = value
  }

  /// Whole numbers as files have them.
  public var setting: JSON {
    magnitude < 1e15 ? Int(exactly: self).map { .integer($0) } ?? .number(self) : .number(self)
  }
}

extension Bool: SettingValue {
  public init?(setting: JSON) {
    guard case .bool(let value) = setting else { return nil }
    self = value
  }

  public var setting: JSON { .bool(self) }
}

extension String: SettingValue {
  public init?(setting: JSON) {
    guard case .string(let value) = setting else { return nil }
    self = value
  }

  public var setting: JSON { .string(self) }
}

extension Array: SettingValue where Element: SettingValue {
  public init?(setting: JSON) {
    guard case .array(let items) = setting else { return nil }
    let values = items.compactMap(Element.init(setting:))
    guard values.count == items.count else { return nil }
    self = values
  }

  public var setting: JSON { .array(map(\.setting)) }
}

/// Nil is null: "not set".
extension Optional: SettingValue where Wrapped: SettingValue {
  public init?(setting: JSON) {
    if setting == .null {
      self = .none
      return
    }
    guard let value = Wrapped(setting: setting) else { return nil }
    self = .some(value)
  }

  public var setting: JSON { self?.setting ?? .null }
}

/// Enumerations are written by their raw values.
extension SettingValue where Self: RawRepresentable<String> {
  public init?(setting: JSON) {
    guard case .string(let name) = setting else { return nil }
    self.init(rawValue: name)
  }

  public var setting: JSON { .string(rawValue) }
}
