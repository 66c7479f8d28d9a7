import CSodium

/// An X25519 key pair.
public struct KeyPair: Sendable {
  public let publicKey: Key
  private let secretKey: Key

  public init(seed: Key) {
    Sodium.prepare()
    var publicKey = Key()
    var secretKey = Key()
    let status = publicKey.withMutablePointer { publicBytes in
      secretKey.withMutablePointer { secretBytes in
        seed.withPointer { crypto_kx_seed_keypair(publicBytes, secretBytes, $0) }
      }
    }
    precondition(status == 0, "crypto_kx_seed_keypair does not fail")
    self.publicKey = publicKey
    self.secretKey = secretKey
  }

  /// The client's end of the agreement: the key of the uplink.
  public func sessionAsClient(server: Key) throws(KeyAgreementError) -> SessionKey {
    try session(peer: server) { own, secret, peer, receive, send in
      crypto_kx_client_session_keys(receive, send, own, secret, peer)
    }.sent
  }

  /// The server's end of the agreement: the key of the uplink.
  public func sessionAsServer(client: Key) throws(KeyAgreementError) -> SessionKey {
    try session(peer: client) { own, secret, peer, receive, send in
      crypto_kx_server_session_keys(receive, send, own, secret, peer)
    }.received
  }

  private typealias Exchange = (
    _ own: UnsafePointer<UInt8>, _ secret: UnsafePointer<UInt8>, _ peer: UnsafePointer<UInt8>,
    _ receive: UnsafeMutablePointer<UInt8>, _ send: UnsafeMutablePointer<UInt8>
  ) -> Int32

  private func session(
    peer: Key, exchange: Exchange
  ) throws(KeyAgreementError) -> (received: SessionKey, sent: SessionKey) {
    var receive = Key()
    var send = Key()
    let status = receive.withMutablePointer { receiveBytes in
      send.withMutablePointer { sendBytes in
        publicKey.withPointer { own in
          secretKey.withPointer { secret in
            peer.withPointer { exchange(own, secret, $0, receiveBytes, sendBytes) }
          }
        }
      }
    }
    guard status == 0 else { throw .unacceptablePublicKey }
    return (SessionKey(key: receive), SessionKey(key: send))
  }
}

/// A key that one client and the server share, for one direction (`crypto_kx`: X25519 and BLAKE2b).
public struct SessionKey: Sendable, Hashable {
  package let key: Key
}

public enum KeyAgreementError: Error, Equatable {
  /// A public key of small order: no secret can be agreed with it.
  case unacceptablePublicKey
}
