import ChannelCoding

/// What the C interface takes.
enum Limits {
  /// Coordinates of an update, which then takes half a gigabyte.
  static let dimension: ClosedRange<Int64> = 1...1 << 27
  static let round: ClosedRange<Int64> = 0...1 << 62
  static let threads: ClosedRange<Int64> = 1...1024
  /// Rows of a call.
  static let rows: ClosedRange<Int64> = 0...1 << 28
  /// Values of an array: a terabyte of floats.
  static let values: Int64 = 1 << 38
  /// Bytes of a text or of other bytes that are read.
  static let bytes: ClosedRange<Int64> = 0...1 << 40
  /// Bytes that name a federation's keys.
  static let runKey: ClosedRange<Int64> = 16...0x10000
  /// A public bound on the terms of a sum.
  static let terms = 1 << 40
  /// Deviations of noise: inside these nothing overflows or vanishes.
  static let noise = 1e-30...1e30
}

/// Checks of arguments: each throws with the argument's name, what was found and what is allowed.
enum Argument {
  static func integer(_ value: Int64, _ name: String, in allowed: ClosedRange<Int64>) throws(Failure) -> Int {
    guard allowed.contains(value) else {
      throw .invalid(
        name, found: "\(value)", allowed: "an integer from \(allowed.lowerBound) to \(allowed.upperBound)")
    }
    return Int(value)
  }

  /// Rows of some values each.
  ///
  /// - Returns: how many values there are in all.
  static func values(rows: Int, of width: Int) throws(Failure) -> Int {
    let (values, overflows) = Int64(rows).multipliedReportingOverflow(by: Int64(width))
    guard !overflows, values <= Limits.values else {
      throw .invalid("n", found: "\(rows) rows of \(width) values", allowed: "2^38 values in all")
    }
    return Int(values)
  }

  static func pointer<T>(_ pointer: UnsafePointer<T>?, _ name: String) throws(Failure) -> UnsafePointer<T> {
    guard let pointer else { throw .invalid(name, found: "NULL", allowed: "an array") }
    return pointer
  }

  static func pointer<T>(
    _ pointer: UnsafeMutablePointer<T>?, _ name: String
  ) throws(Failure) -> UnsafeMutablePointer<T> {
    guard let pointer else { throw .invalid(name, found: "NULL", allowed: "an array, which is written") }
    return pointer
  }

  /// An array; NULL stands for one of no elements.
  static func buffer<T>(
    _ start: UnsafePointer<T>?, _ count: Int, _ name: String
  ) throws(Failure) -> UnsafeBufferPointer<T> {
    guard count > 0 else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(start: try pointer(start, name), count: count)
  }

  static func buffer<T>(
    _ start: UnsafeMutablePointer<T>?, _ count: Int, _ name: String
  ) throws(Failure) -> UnsafeMutableBufferPointer<T> {
    guard count > 0 else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
    return UnsafeMutableBufferPointer(start: try pointer(start, name), count: count)
  }

  /// Bytes of a text.
  static func bytes(_ start: UnsafePointer<CChar>?, _ count: Int64, _ name: String) throws(Failure) -> [UInt8] {
    let count = try integer(count, "count of \(name)", in: Limits.bytes)
    return [UInt8](UnsafeRawBufferPointer(try buffer(start, count, name)))
  }

  /// Parameters of a model, finite.
  ///
  /// - Parameter count: how many it has; nil for any number.
  static func parameters(
    _ start: UnsafePointer<Float>?, _ dimension: Int64, of count: Int? = nil
  ) throws(Failure) -> [Float] {
    if let count, dimension != count {
      throw .invalid("dimension", found: "\(dimension)", allowed: "\(count), as the model has parameters")
    }
    let values = [Float](try buffer(start, try integer(dimension, "dimension", in: Limits.dimension), "parameters"))
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw .invalid("parameters: index \(bad)", found: "\(values[bad])", allowed: "finite numbers")
    }
    return values
  }

  /// The `index`-th of keys of 32 bytes.
  static func key(_ start: UnsafePointer<UInt8>, _ index: Int = 0) -> Key {
    let bytes = UnsafeBufferPointer(start: start + index * Key.byteCount, count: Key.byteCount)
    guard let key = Key(bytes) else { preconditionFailure("32 bytes are a key") }
    return key
  }

  static func key(_ start: UnsafePointer<UInt8>?, _ name: String) throws(Failure) -> Key {
    guard let start else { throw .invalid(name, found: "NULL", allowed: "\(Key.byteCount) bytes") }
    return key(start)
  }

  static func write(_ key: Key, to out: UnsafeMutablePointer<UInt8>) {
    for (i, byte) in key.bytes.enumerated() { out[i] = byte }
  }
}
