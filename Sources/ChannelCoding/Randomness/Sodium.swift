import CSodium

/// The few calls of libsodium that the rest of the module is built on.
enum Sodium {
  /// libsodium wants one initialisation before anything else; a lazy global runs it once, from any thread.
  private static let isReady: Bool = sodium_init() >= 0

  static func prepare() {
    precondition(isReady, "libsodium could not be initialised")
  }

  /// BLAKE2b with 32 bytes of output, keyed where a key is given.
  static func hash(_ message: [UInt8], key: Key? = nil) -> Key {
    prepare()
    var digest = Key()
    let length = Key.byteCount
    let status = digest.withMutablePointer { out in
      if let key {
        key.withPointer { crypto_generichash(out, length, message, UInt64(message.count), $0, length) }
      } else {
        crypto_generichash(out, length, message, UInt64(message.count), nil, 0)
      }
    }
    precondition(status == 0, "BLAKE2b refuses only wrong lengths")
    return digest
  }
}
