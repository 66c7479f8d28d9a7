import CSodium

extension Key {
  /// The key that a seed and a label name: for tools that repeat their results. Not a secret.
  public init(seed: UInt64, label: String) {
    self = Sodium.hash(Array("fedsim tool \(label)".utf8) + withUnsafeBytes(of: seed.littleEndian, Array.init))
  }

  /// 32 bytes from the operating system's generator.
  public static func fromSystem() -> Key {
    Sodium.prepare()
    var key = Key()
    key.withMutablePointer { randombytes_buf($0, byteCount) }
    return key
  }
}

extension PrivateRandomness {
  /// Randomness that nobody can repeat: a real client's noise.
  public static func fromSystem() -> PrivateRandomness { PrivateRandomness(key: .fromSystem()) }
}
