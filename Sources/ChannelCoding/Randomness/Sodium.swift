import CSodium

/// The few calls of libsodium that the rest of the module is built on.
enum Sodium {
  /// libsodium wants one initialisation before anything else; a lazy global runs it once, from any thread.
  private static let isReady: Bool = sodium_init() >= 0

  static func prepare() {
    precondition(isReady, "libsodium could not be initialised")
  }

  /// Bytes that a sealed message has more than what is in it.
  static var sealBytes: Int { Int(crypto_aead_chacha20poly1305_IETF_ABYTES) }

  /// ChaCha20-Poly1305 (IETF) under a key that is used for one message only, so that its nonce may be 0: 16 bytes longer.
  ///
  /// - Parameter header: authenticated, not encrypted.
  static func seal(_ message: [UInt8], header: [UInt8], key: Key) -> [UInt8] {
    prepare()
    var sealed = [UInt8](repeating: 0, count: message.count + sealBytes)
    let nonce = [UInt8](repeating: 0, count: Int(crypto_aead_chacha20poly1305_IETF_NPUBBYTES))
    let status = key.withPointer {
      crypto_aead_chacha20poly1305_ietf_encrypt(
        &sealed, nil, message, UInt64(message.count), header, UInt64(header.count), nil, nonce, $0)
    }
    precondition(status == 0, "encryption does not fail")
    return sealed
  }

  /// Nil for bytes that were not sealed with this key and header.
  static func open(_ sealed: [UInt8], header: [UInt8], key: Key) -> [UInt8]? {
    prepare()
    let overhead = sealBytes
    guard sealed.count >= overhead else { return nil }
    var message = [UInt8](repeating: 0, count: sealed.count - overhead)
    let nonce = [UInt8](repeating: 0, count: Int(crypto_aead_chacha20poly1305_IETF_NPUBBYTES))
    let status = key.withPointer {
      crypto_aead_chacha20poly1305_ietf_decrypt(
        &message, nil, nil, sealed, UInt64(sealed.count), header, UInt64(header.count), nonce, $0)
    }
    return status == 0 ? message : nil
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

/// `Sodium.hash` without a key, of bytes that come in parts.
struct StreamingHash: ~Copyable {
  private let state: UnsafeMutableRawPointer

  init() {
    Sodium.prepare()
    state = .allocate(byteCount: crypto_generichash_statebytes(), alignment: 64)
    crypto_generichash_init(OpaquePointer(state), nil, 0, Key.byteCount)
  }

  deinit { state.deallocate() }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
    crypto_generichash_update(OpaquePointer(state), start, UInt64(bytes.count))
  }

  consuming func finish() -> Key {
    var digest = Key()
    digest.withMutablePointer { out in _ = crypto_generichash_final(OpaquePointer(state), out, Key.byteCount) }
    return digest
  }
}
