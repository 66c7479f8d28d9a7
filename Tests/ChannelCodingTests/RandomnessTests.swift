import CKernels
import Testing

@testable import ChannelCoding
@testable import Numerics

/// 0, 1, 2, ... as a key.
let countingKey = Key(Array(0..<32))!

@Suite struct KeyTests {
  @Test func derivedKeysDiffer() {
    var seen = Set<Key>()
    for purpose in KeyPurpose.allCases {
      #expect(purpose.rawValue.utf8.count == 8, "the context of crypto_kdf")
      for index in [0, 1, 2, UInt64.max] { #expect(seen.insert(countingKey.derived(purpose, index: index)).inserted) }
    }
  }

  @Test func derivationIsGolden() {
    #expect(
      countingKey.derived(.shared, index: 7).bytes.prefix(8) == [127, 220, 236, 89, 46, 113, 140, 108],
      "as hashlib.blake2b with the index as salt and the context as person")
  }

  @Test func keysNeedExactly32Bytes() {
    #expect(Key([UInt8](repeating: 1, count: 31)) == nil)
    #expect(Key([UInt8](repeating: 1, count: 33)) == nil)
  }

  @Test func bothEndsAgree() throws {
    let keys = RunKeys(seed: 3, fingerprint: [1, 2])
    let server = keys.server.keyPair
    let first = keys.client(0).keyPair
    let second = keys.client(1).keyPair
    let agreed = try first.sessionAsClient(server: server.publicKey)
    #expect(try server.sessionAsServer(client: first.publicKey) == agreed)
    #expect(try server.sessionAsServer(client: second.publicKey) != agreed)
  }

  @Test func smallOrderPublicKeysAreRefused() {
    let pair = RunKeys(seed: 3, fingerprint: []).server.keyPair
    #expect(throws: KeyAgreementError.unacceptablePublicKey) {
      try pair.sessionAsServer(client: Key([UInt8](repeating: 0, count: 32))!)
    }
  }

  @Test func experimentKeysIgnoreTheFingerprintAndRunKeysDoNot() {
    var a = RunKeys.experimentStream(seed: 1, .split)
    var b = RunKeys.experimentStream(seed: 2, .split)
    #expect(a.word() != b.word())
    var noise = RunKeys(seed: 1, fingerprint: [1]).client(5).noise(round: 2)
    var other = RunKeys(seed: 1, fingerprint: [2]).client(5).noise(round: 2)
    var same = RunKeys(seed: 1, fingerprint: [1]).client(5).noise(round: 2)
    let word = noise.stream.word()
    #expect(word != other.stream.word())
    #expect(word == same.stream.word())
  }

  @Test func fingerprintsSeparateTheirParts() {
    var a = Fingerprint()
    a.add([1, 2])
    a.add([3])
    var b = Fingerprint()
    b.add([1])
    b.add([2, 3])
    #expect(a.bytes != b.bytes)
  }
}

@Suite struct KeyStreamTests {
  /// Key and nonce zero: the first block of ChaCha20 as everyone publishes it.
  @Test func isChaCha20() {
    let stream = KeyStream(key: Key([UInt8](repeating: 0, count: 32))!, stream: 0)
    #expect(stream.word(at: 0) == UInt64(littleEndian: 0x903d_f1a0_ade0_b876))
    #expect(stream.word(at: 1) == UInt64(littleEndian: 0x28bd_8653_e56a_5d40))
  }

  @Test(arguments: [0, 1, 7, 8, 9, 1000] as [UInt64])
  func everyWordCanBeReachedDirectly(position: UInt64) {
    let stream = KeyStream(key: countingKey, stream: 3)
    var run = [UInt64](repeating: 0, count: 41)
    run.withUnsafeMutableBufferPointer { stream.read(at: position, into: $0) }
    for i in run.indices { #expect(stream.word(at: position + UInt64(i)) == run[i]) }
  }

  /// A 32-bit counter of blocks would repeat here.
  @Test func positionsAre64Bits() {
    let stream = KeyStream(key: countingKey, stream: 3)
    let far = UInt64(1) << 32 * 8
    #expect(stream.word(at: far) != stream.word(at: 0))
    var across = [UInt64](repeating: 0, count: 32)
    across.withUnsafeMutableBufferPointer { stream.read(at: far - 16, into: $0) }
    #expect(across[16] == stream.word(at: far))
    #expect(stream.word(at: UInt64.max) != stream.word(at: 7))
  }

  @Test func streamsDiffer() {
    #expect(KeyStream(key: countingKey, stream: 0).word(at: 0) != KeyStream(key: countingKey, stream: 1).word(at: 0))
  }
}

@Suite struct SamplingTests {
  /// Changing one of these changes every code and every run: a breaking change.
  @Test func valuesAreGolden() {
    var stream = RandomStream(key: countingKey)
    #expect(stream.uniform() == Golden.uniform)
    #expect(stream.exponential() == Golden.exponential)
    #expect(stream.normal() == Golden.normal)
    #expect(stream.gamma(shape: 2.5) == Golden.gamma)
    #expect(stream.gamma(shape: 0.3) == Golden.smallGamma)
    #expect(stream.integer(below: 1_000_000) == Golden.integer)
    var normals = [Double](repeating: 0, count: 20)
    stream.forEachNormal(count: 20) { normals[$0] = $1 }
    #expect(normals[19] == Golden.bulkNormal)
  }

  /// The first three were recomputed from a ChaCha20 of another library and another logarithm and cosine.
  enum Golden {
    static let uniform = 0.41445576247967597
    static let exponential = 1.2507201092884153
    static let normal = -0.43011791195171684
    static let gamma = 1.3110248607689514
    static let smallGamma = 0.0007184723733181534
    static let integer = 493_409
    static let bulkNormal = 0.3916931911233975
  }

  @Test func everyInstructionSetGivesTheSameBits() {
    var words = [UInt64](repeating: 0, count: 4096)
    words.withUnsafeMutableBufferPointer { KeyStream(key: countingKey, stream: 9).read(at: 0, into: $0) }
    words[0] = 0
    words[1] = .max
    let outputs = Kernels.available.map { kernels in
      var all: [UInt64] = []
      var out = [Double](repeating: 0, count: 4096)
      var second = [Double](repeating: 0, count: 1024)
      words.withUnsafeBufferPointer { w in
        out.withUnsafeMutableBufferPointer { kernels.uniforms(w, $0) }
        all += out.map(\.bitPattern)
        out.withUnsafeMutableBufferPointer { kernels.exponentials(w, $0) }
        all += out.map(\.bitPattern)
        out.withUnsafeMutableBufferPointer { kernels.normals(w, $0) }
        all += out.map(\.bitPattern)
        out.withUnsafeMutableBufferPointer { o in
          second.withUnsafeMutableBufferPointer {
            kernels.layers(w, steps: UnsafeMutableBufferPointer(rebasing: o[..<1024]), dithers: $0)
          }
        }
        all += (out[..<1024] + second).map(\.bitPattern)
      }
      out.withUnsafeMutableBufferPointer { kernels.hadamard($0) }
      all += out.map(\.bitPattern)
      let floats = out.map { Float($0) }
      var target = floats
      for rows in 1...29 {
        kernels.multiplyAdd(
          .init(floats, row: 64, step: 1), floats, bRow: 48, into: &target, cRow: 64, rows: rows, columns: 48, steps: 60
        )
        kernels.multiplyAdd(
          .init(floats, row: 1, step: 48), floats, bRow: 16, into: &target, cRow: 16, rows: rows, columns: 16, steps: 7)
      }
      for (width, count) in [(16, 1), (19, 8), (29, 13), (48, 20)] {
        // Of each place: what the definition says.
        var rows = [Float](repeating: -7, count: 20 * 48)
        kernels.rectifyColumns(
          floats, stride: 24, activations: Array(floats[300...]), into: &rows, row: 48, width: width, count: count)
        for i in 0..<48 {
          for j in 0..<20 {
            let expected = floats[300 + j * 48 + i] > 0 ? floats[i * 24 + j] : 0
            let isInside = i < width && j < count
            if rows[j * 48 + i] != (isInside ? expected : -7) { Issue.record("\(i), \(j) of \(width) x \(count)") }
          }
        }
      }
      all += target.map { UInt64($0.bitPattern) }
      all.append(out.withUnsafeBufferPointer { kernels.squareSum(.init(rebasing: $0[..<1003])) }.bitPattern)
      all.append(floats.withUnsafeBufferPointer { kernels.squareSum(.init(rebasing: $0[..<1003])) }.bitPattern)
      var wide = [Double](repeating: 0, count: 1003)
      floats.withUnsafeBytes { bytes in
        wide.withUnsafeMutableBufferPointer {
          kernels.widen(.init(rebasing: bytes[4..<4016]), scale: 0.3, into: $0)
        }
      }
      all += wide.map(\.bitPattern)
      var narrow = [UInt8](repeating: 0, count: 4013)
      wide.withUnsafeBufferPointer { wide in
        narrow.withUnsafeMutableBytes { kernels.narrow(wide, into: .init(rebasing: $0[1...])) }
      }
      var (coarse, fine) = ([Int64](repeating: 1, count: 1003), [Int64](repeating: 2, count: 1003))
      let grid = SumGrid(largestTerm: .infinity, terms: 9).kernel
      var beyond: [Bool] = []
      coarse.withUnsafeMutableBufferPointer { coarse in
        beyond.append(wide.withUnsafeBufferPointer { kernels.accumulate($0, grid, into: coarse, fine: nil) })
        fine.withUnsafeMutableBufferPointer { fine in
          beyond.append(wide.withUnsafeBufferPointer { kernels.accumulate($0, grid, into: coarse, fine: fine) })
          beyond.append(
            narrow.withUnsafeBytes {
              kernels.accumulate(floats: .init(rebasing: $0[1...]), grid, into: coarse, fine: fine)
            })
        }
      }
      #expect(beyond == [false, false, false])
      all += narrow.map(UInt64.init) + (coarse + fine).map(UInt64.init(bitPattern:))
      #expect(narrow[1..<5].elementsEqual(withUnsafeBytes(of: Float(wide[0]).bitPattern.littleEndian, Array.init)))
      #expect(wide[7] == 0.3 * Double(floats[8]))
      #expect(floats.withUnsafeBytes { kernels.areFinite(.init(rebasing: $0[..<4012])) })
      for i in [0, 7, 8, 1002] {
        for bad in [Float.nan, .infinity, -.infinity] {
          var values = Array(floats[..<1003])
          values[i] = bad
          let isFinite = values.withUnsafeBytes { kernels.areFinite($0) }
          #expect(!isFinite, "\(i)")
        }
      }
      return all
    }
    #expect(outputs.count >= 1)
    for output in outputs { #expect(output == outputs[0]) }
  }

  /// The extremes of 53 bits: no infinity, and tails beyond 8 standard deviations.
  @Test func extremesAreFinite() {
    var words = [UInt64](repeating: 0, count: 32)
    var out = [Double](repeating: 0, count: 32)
    words.withUnsafeBufferPointer { w in out.withUnsafeMutableBufferPointer { Kernels.best.normals(w, $0) } }
    #expect(out[0] > 8.5 && out[0] < 8.6)
    words.withUnsafeBufferPointer { w in out.withUnsafeMutableBufferPointer { Kernels.best.exponentials(w, $0) } }
    #expect(abs(out[0] - 53 * 0.6931471805599453) < 1e-12)
    words = [UInt64](repeating: .max, count: 32)
    words.withUnsafeBufferPointer { w in out.withUnsafeMutableBufferPointer { Kernels.best.exponentials(w, $0) } }
    #expect(out.allSatisfy { $0 == 0 })
    var steps = [Double](repeating: 0, count: 8)
    var dithers = steps
    words.withUnsafeBufferPointer { w in
      steps.withUnsafeMutableBufferPointer { s in
        dithers.withUnsafeMutableBufferPointer { Kernels.best.layers(w, steps: s, dithers: $0) }
      }
    }
    #expect(steps.allSatisfy { $0 == 0x1p-26 }, "a step of zero would divide by zero")
    #expect(dithers.allSatisfy { $0 >= -0.5 && $0 < 0.5 })
  }

  @Test func elementaryFunctionsAreWithinTwoUlps() {
    var stream = RandomStream(key: countingKey, stream: 4)
    for _ in 0..<20_000 {
      let y = (stream.uniform() - 0.5) * 1400
      let x = Elementary.exp(y)
      if y > -700 { #expect(abs(Elementary.log(x) - y) <= 2 * abs(y).ulp + 1e-15) }
    }
    #expect(Elementary.log(1) == 0)
    #expect(Elementary.exp(0) == 1)
    #expect(Elementary.exp(-1000) == 0)
    #expect(Elementary.exp(1000) == .infinity)
    #expect(Elementary.exp(.nan).isNaN)
    #expect(Elementary.log(.nan).isNaN && Elementary.log(-1).isNaN)
    #expect(Elementary.log(0) == -.infinity && Elementary.log(.infinity) == .infinity)
    #expect(abs(Elementary.log(.leastNonzeroMagnitude) + 744.4400719213812) < 1e-12)
  }

  @Test func integersStayBelowTheirBound() {
    var stream = RandomStream(key: countingKey, stream: 5)
    for bound in [1, 2, 3, 1000, Int.max] {
      for _ in 0..<100 { #expect((0..<bound).contains(stream.integer(below: bound))) }
    }
  }

  @Test func bulkNormalsDoNotReuseWhatWasDrawn() {
    var a = RandomStream(key: countingKey)
    var words = Set<UInt64>()
    for _ in 0..<3 { words.insert(a.word()) }
    var first: [Double] = []
    var second: [Double] = []
    a.forEachNormal(count: 5) { first.append($1) }
    a.forEachNormal(count: 5) { second.append($1) }
    #expect(first != second)
    #expect(Set(first + second).count == 10)
  }

  /// Normals that several threads add are those that one draws, and the stream goes on behind them.
  @Test(arguments: [1, 20, 2048, 2049, 30_001]) func normalsAddedTogetherAreThoseInARow(_ count: Int) {
    var one = RandomStream(key: countingKey)
    _ = one.word()
    var many = one
    var (rows, added) = ([Double](repeating: 1, count: count), [Double](repeating: 1, count: count))
    one.forEachNormal(count: count) { rows[$0] += 0.5 * $1 }
    added.withUnsafeMutableBufferPointer { many.addNormals(scale: 0.5, to: $0, Parallel(threads: 3)) }
    #expect(rows == added)
    one.forEachNormal(count: 3) { rows[0] += $1 }
    many.forEachNormal(count: 3) { added[0] += $1 }
    #expect(rows == added)
  }
}

@Suite struct KeySourceTests {
  @Test func seedsAndLabelsNameKeys() {
    let keys = [Key(seed: 1, label: "a"), Key(seed: 2, label: "a"), Key(seed: 1, label: "b")]
    #expect(Set(keys).count == 3 && keys[0] == Key(seed: 1, label: "a"))
  }

  @Test func theSystemNeverRepeatsItself() {
    #expect(Key.fromSystem() != Key.fromSystem())
    var (a, b) = (PrivateRandomness.fromSystem().stream, PrivateRandomness.fromSystem().stream)
    #expect(a.word() != b.word())
  }
}
