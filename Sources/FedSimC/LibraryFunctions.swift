import CFedSim
import ChannelCoding
import FedSim
import JSONText
import Platform
import PrivacyAccounting
import Scenarios
import Settings

// The library of fedsim.h, its objects and its keys. fs_stop is in CFedSim: it has to do without Swift.

@_cdecl("fs_abi")
public func abi() -> Int32 { Int32(FS_ABI) }

@_cdecl("fs_free")
public func freeBytes(_ bytes: UnsafeMutableRawPointer?) { free(bytes) }

@_cdecl("fs_release")
public func release(_ object: Int64) { Objects.shared.release(object) }

@_cdecl("fs_about")
public func about(
  _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  callForJSON(json, error, capacity) {
    let codecs: [JSON] = CodecRegistry.standard.families.map { family in
      let descriptor = family.descriptor
      let options: [JSON] = family.options.map { option in
        [
          "name": .string(option.name), "allowed": .string(option.allowed), "default": option.standard,
          "meaning": .string(option.meaning),
        ]
      }
      return [
        "name": .string(descriptor.name.rawValue), "exact": .bool(descriptor.isExact),
        "noise": .string(descriptor.noise.rawValue), "worksWithoutNoise": .bool(descriptor.worksWithoutNoise),
        "summary": .string(descriptor.summary), "cost": .string(descriptor.cost), "views": .string(descriptor.views),
        "reference": .string(descriptor.reference), "options": .array(options),
      ]
    }
    return [
      "version": .string(FedSimVersion.current), "abi": .integer(Int(FS_ABI)), "codecs": .array(codecs),
      "accountants": .array(Accountant.allCases.map { .string($0.rawValue) }),
      "relations": .array(NeighboringRelation.allCases.map { .string($0.rawValue) }),
      "samplings": .array(Sampling.Name.allCases.map { .string($0.rawValue) }),
      "threads": .integer(RunRequest.allThreads),
    ]
  }
}

@_cdecl("fs_random_key")
public func randomKey(
  _ key: UnsafeMutablePointer<UInt8>?, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    Argument.write(.fromSystem(), to: try Argument.pointer(key, "key"))
    return Int64(Key.byteCount)
  }
}

@_cdecl("fs_run_key")
public func runKey(
  _ seed: UInt64, _ parts: UnsafePointer<UnsafePointer<UInt8>?>?, _ counts: UnsafePointer<Int64>?, _ n: Int64,
  _ key: UnsafeMutablePointer<UInt8>?, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    let n = try Argument.integer(n, "n", in: Limits.rows)
    guard n > 0 else {
      throw Failure.invalid(
        "n", found: "0",
        allowed: "at least one part: the key must follow from all data that decide the updates, never from a seed alone"
      )
    }
    let starts = try Argument.buffer(parts, n, "parts")
    let sizes = try Argument.buffer(counts, n, "counts")
    let out = try Argument.pointer(key, "key")
    let all = try (0..<n).map { i in
      let size = try Argument.integer(sizes[i], "counts: index \(i)", in: Limits.bytes)
      return UnsafeRawBufferPointer(try Argument.buffer(starts[i], size, "parts: index \(i)"))
    }
    guard let made = Key(Federation.nonce(seed: seed, parts: all)) else { preconditionFailure("a nonce has 32 bytes") }
    Argument.write(made, to: out)
    return Int64(Key.byteCount)
  }
}

@_cdecl("fs_public_key")
public func publicKey(
  _ seed: UnsafePointer<UInt8>?, _ publicKey: UnsafeMutablePointer<UInt8>?, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    let pair = KeyPair(seed: try Argument.key(seed, "seed"))
    Argument.write(pair.publicKey, to: try Argument.pointer(publicKey, "public_key"))
    return Int64(Key.byteCount)
  }
}

@_cdecl("fs_session")
public func session(
  _ seed: UnsafePointer<UInt8>?, _ peer: UnsafePointer<UInt8>?, _ asServer: Int32,
  _ key: UnsafeMutablePointer<UInt8>?, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    let pair = KeyPair(seed: try Argument.key(seed, "seed"))
    let other = try Argument.key(peer, "peer")
    let out = try Argument.pointer(key, "key")
    do throws(KeyAgreementError) {
      let agreed = asServer == 0 ? try pair.sessionAsClient(server: other) : try pair.sessionAsServer(client: other)
      Argument.write(agreed.key, to: out)
    } catch {
      throw Failure.invalid(
        "peer", found: "a public key of small order", allowed: "32 bytes that fs_public_key made")
    }
    return Int64(Key.byteCount)
  }
}
