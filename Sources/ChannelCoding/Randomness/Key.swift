import CSodium

/// 32 secret or public bytes: a seed, a derived key, a public key or a digest.
public struct Key: Sendable, Hashable {
  public static let byteCount = 32
  private var storage = SIMD4<UInt64>()

  init() {}

  /// - Returns: nil unless there are exactly 32 bytes.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    withMutablePointer { for (i, byte) in bytes.enumerated() { $0[i] = byte } }
  }

  public var bytes: [UInt8] { withPointer { Array(UnsafeBufferPointer(start: $0, count: Self.byteCount)) } }

  func withPointer<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
    withUnsafePointer(to: storage) { $0.withMemoryRebound(to: UInt8.self, capacity: Self.byteCount, body) }
  }

  mutating func withMutablePointer<R>(_ body: (UnsafeMutablePointer<UInt8>) -> R) -> R {
    withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: UInt8.self, capacity: Self.byteCount, body)
    }
  }

  /// A subkey by `crypto_kdf` (BLAKE2b): independent for each purpose and index.
  public func derived(_ purpose: KeyPurpose, index: UInt64 = 0) -> Key {
    Sodium.prepare()
    var subkey = Key()
    let status = subkey.withMutablePointer { out in
      withPointer { master in
        crypto_kdf_derive_from_key(out, Self.byteCount, index, purpose.rawValue, master)
      }
    }
    precondition(status == 0, "crypto_kdf refuses only wrong lengths")
    return subkey
  }
}

/// What a derived key is for. The raw values are the contexts of `crypto_kdf`: exactly 8 bytes, never reused.
public enum KeyPurpose: String, Sendable, CaseIterable {
  case experiment = "FSexprmt"
  case common = "FScommon"
  case data = "FSdata__"
  case split = "FSsplit_"
  case partition = "FSpartit"
  case testPartition = "FStestpa"
  case initialisation = "FSinitia"
  case server = "FSserver"
  case client = "FSclient"
  case keyPair = "FSkeypar"
  case cohort = "FScohort"
  case rotation = "FSrotatn"
  case completion = "FScomple"
  case noise = "FSnoise_"
  case training = "FStraing"
  case dropout = "FSdropou"
  case straggler = "FSstragl"
  case coded = "FScoded_"
  case fineTuning = "FSfinetu"
  case shared = "FSshared"
  case part = "FSpart__"
  case seal = "FSsealed"
  case payloadFile = "FSpayfil"
}
