import CFedSim
import ChannelCoding
import JSONText
import Testing

@testable import FedSimC

@Suite("The C interface: channel")
struct ChannelTests {
  private static let pair = [UInt8](0..<32)
  private static let secret = [UInt8](repeating: 3, count: 32)
  private static let rotation = [UInt8](repeating: 7, count: 32)
  private static let polar = #"{"codec": "polar", "dimension": 40, "clippingNorm": 2, "noiseScale": 0.5}"#

  private static func update(_ count: Int, _ row: Int = 0) -> [Float] {
    (0..<count).map { Float(($0 * 37 + row * 11) % 19) / 50 - 0.17 }
  }

  private static func settings(_ codec: String, dimension: Int = 40) -> String {
    #"{"codec": "\#(codec)", "dimension": \#(dimension), "clippingNorm": 2, "noiseScale": 0.5}"#
  }

  @Test("Bytes and samples are those of the Swift channel, for every codec", arguments: CodecRegistry.standard.names)
  func same(codec: CodecName) throws {
    let (made, channel) = Interface.channel(Self.settings(codec.rawValue))
    #expect(made.result == 0, "\(made.reason)")
    defer { fs_release(channel) }
    let update = Self.update(40)
    for round in [0, 5, 1 << 62] {
      let (_, bytes) = Interface.bytes {
        fs_channel_encode(channel, Int64(round), Self.pair, Self.secret, update, 40, $0, $1, $2)
      }
      let settings = ChannelSettings(codec: codec, dimension: 40, clippingNorm: 2, noiseScale: 0.5)
      let keys = [Self.rotation, Self.pair, Self.secret].compactMap { Key($0) }
      let own = try Channel(settings, rotationKey: keys[0].derived(.rotation, index: UInt64(round)))
      let shared = SharedRandomness(key: keys[1].derived(.shared, index: UInt64(round)))
      var noise = PrivateRandomness(key: keys[2].derived(.noise, index: UInt64(round)))
      let payload = own.encode(ClippedUpdate(clipping: update, to: 2), shared: shared, private: &noise)
      #expect(bytes == payload.bytes)
      var sample = try own.decode(payload, shared: shared)
      own.unrotate(&sample)
      var decoded = [Double](repeating: -1, count: 40)
      let answer = Interface.call {
        fs_channel_decode(
          channel, Int64(round), Self.pair, payload.bytes, Int64(payload.bytes.count), &decoded, 40, $0, $1)
      }
      #expect(answer.result == 0 && decoded == sample)
    }
  }

  @Test("A session's key is what a client and the server of a run share")
  func session() throws {
    let seeds = [[UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32)]
    var publicKeys = [[UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 32)]
    for i in 0..<2 {
      let answer = Interface.call { fs_public_key(seeds[i], &publicKeys[i], $0, $1) }
      #expect(answer.result == 32)
    }
    var client = [UInt8](repeating: 0, count: 32)
    var server = client
    _ = Interface.call { fs_session(seeds[0], publicKeys[1], 0, &client, $0, $1) }
    _ = Interface.call { fs_session(seeds[1], publicKeys[0], 1, &server, $0, $1) }
    #expect(client == server && client != [UInt8](repeating: 0, count: 32))
    let pair = KeyPair(seed: try #require(Key(seeds[0])))
    let agreed = try pair.sessionAsClient(server: try #require(Key(publicKeys[1])))
    let key = try #require(Key(client))
    // The words of a round are the same.
    var (first, second) = ([UInt64](repeating: 0, count: 4), [UInt64](repeating: 1, count: 4))
    first.withUnsafeMutableBufferPointer {
      SharedRandomness(session: agreed, round: 9).words(.layers).read(at: 0, into: $0)
    }
    second.withUnsafeMutableBufferPointer {
      SharedRandomness(key: key.derived(.shared, index: 9)).words(.layers).read(at: 0, into: $0)
    }
    #expect(first == second)
    let weak = Interface.call { fs_session(seeds[0], [UInt8](repeating: 0, count: 32), 0, &client, $0, $1) }
    #expect(weak.result == FS_INVALID && weak.reason.contains("small order"))
  }

  /// Rows, their payloads one after the other, and where those end.
  private struct Messages {
    let n: Int
    let dimension: Int
    var bytes: [UInt8] = []
    var ends: [Int64]
    var sum: [Double]

    static func keys(_ n: Int, _ salt: Int) -> [UInt8] {
      (0..<(32 * n)).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 32 + salt) }
    }

    init(_ channel: fs_handle, n: Int, dimension: Int, threads: Int64) {
      (self.n, self.dimension) = (n, dimension)
      var ends = [Int64](repeating: -1, count: n)
      let rows = (0..<n).flatMap { ChannelTests.update(dimension, $0) }
      let (answer, bytes) = Interface.bytes {
        fs_channel_encode_many(
          channel, 3, Self.keys(n, 0), Self.keys(n, 100), rows, Int64(n), Int64(dimension), threads, &ends, $0, $1, $2)
      }
      #expect(answer.result >= 0, "\(answer.reason)")
      var sum = [Double](repeating: -1, count: dimension)
      let added = Interface.call {
        fs_channel_sum(
          channel, 3, Self.keys(n, 0), bytes ?? [], ends, Int64(n), Int64(n), threads, &sum, Int64(dimension), $0, $1)
      }
      #expect(added.result == 0, "\(added.reason)")
      (self.bytes, self.ends, self.sum) = (bytes ?? [], ends, sum)
    }
  }

  @Test("Many at once are the same bytes as one after the other, and sums the same bits, for any number of threads")
  func threads() {
    for codec in ["polar", "layered", "float32", "gprs"] {
      let (_, channel) = Interface.channel(Self.settings(codec))
      defer { fs_release(channel) }
      let one = Messages(channel, n: 37, dimension: 40, threads: 1)
      for threads in [2, 8, 1024] as [Int64] {
        let many = Messages(channel, n: 37, dimension: 40, threads: threads)
        #expect(many.bytes == one.bytes && many.ends == one.ends && many.sum == one.sum)
      }
      var start = 0
      var total = [Double](repeating: 0, count: 40)
      for row in 0..<37 {
        let key = Array(Messages.keys(37, 0)[(32 * row)..<(32 * row + 32)])
        let secret = Array(Messages.keys(37, 100)[(32 * row)..<(32 * row + 32)])
        let (_, bytes) = Interface.bytes {
          fs_channel_encode(channel, 3, key, secret, Self.update(40, row), 40, $0, $1, $2)
        }
        let end = Int(one.ends[row])
        #expect(bytes == Array(one.bytes[start..<end]))
        var sample = [Double](repeating: 0, count: 40)
        _ = Interface.call {
          fs_channel_decode(channel, 3, key, bytes, Int64(bytes?.count ?? 0), &sample, 40, $0, $1)
        }
        for i in 0..<40 { total[i] += sample[i] }
        start = end
      }
      #expect(zip(total, one.sum).allSatisfy { abs($0 - $1) < 1e-9 })
    }
  }

  @Test("Randomness of the system is another one each time")
  func system() {
    let (_, channel) = Interface.channel(Self.settings("float32"))
    defer { fs_release(channel) }
    let encode = {
      Interface.bytes { fs_channel_encode(channel, 0, Self.pair, nil, Self.update(40), 40, $0, $1, $2) }.1
    }
    #expect(encode() != encode())
  }

  @Test("A channel says what it is")
  func about() {
    let (_, channel) = Interface.channel(Self.polar)
    defer { fs_release(channel) }
    let about = Interface.object(Interface.bytes { fs_channel_about(channel, $0, $1, $2) }.1)
    #expect(about["codec"] == "polar" && about["exact"] == true && about["dimension"] == 40)
    #expect(about["clippingNorm"] == 2 && about["noiseScale"] == 0.5 && about["oneLength"] == false)
    let bound = ["predictedBits", "informationBits", "lowerBoundBits", "totalVariationBound"].map { about[$0]?.double }
    #expect(bound.allSatisfy { ($0 ?? 0) > 0 })
  }

  @Test("A run without clipping and noise: float32 alone")
  func plain() {
    let (answer, channel) = Interface.channel(#"{"codec": "float32", "dimension": 3, "noiseScale": 0}"#)
    #expect(answer.result == 0, "\(answer.reason)")
    defer { fs_release(channel) }
    let update: [Float] = [1e30, -3, 0.25]
    let (_, bytes) = Interface.bytes { fs_channel_encode(channel, 0, Self.pair, nil, update, 3, $0, $1, $2) }
    var out = [Double](repeating: 0, count: 3)
    let decoded = Interface.call {
      fs_channel_decode(channel, 0, Self.pair, bytes, Int64(bytes?.count ?? 0), &out, 3, $0, $1)
    }
    #expect(decoded.result == 0 && out == update.map { Double($0) })
    let (refused, none) = Interface.channel(#"{"codec": "polar", "dimension": 3, "noiseScale": 0}"#)
    #expect(refused.result == FS_INVALID && none == 0 && refused.reason.contains("needs privacy"))
  }

  @Test("Noise is completed to the target, and what arrived may not bring more")
  func complete() {
    let (_, channel) = Interface.channel(
      #"{"codec": "polar", "dimension": 40000, "clippingNorm": 2, "noiseScale": 0.5}"#)
    defer { fs_release(channel) }
    let zeros = [Double](repeating: 0, count: 40_000)
    var sum = zeros
    let done = Interface.call { fs_channel_complete(channel, 1, Self.pair, 3, 2, &sum, 40_000, $0, $1) }
    #expect(done.result == 0)
    // N(0, 4 - 3/4): the mean of 40,000 squares is within 5 % but with probability below 1e-10 (7 standard deviations of 0.7 %).
    let square = sum.reduce(0) { $0 + $1 * $1 } / 40_000
    #expect(abs(square / 3.25 - 1) < 0.05)
    var again = zeros
    _ = Interface.call { fs_channel_complete(channel, 1, Self.pair, 3, 2, &again, 40_000, $0, $1) }
    #expect(again == sum)
    _ = Interface.call { fs_channel_complete(channel, 2, Self.pair, 3, 2, &again, 40_000, $0, $1) }
    #expect(again != sum)
    var full = zeros
    let exact = Interface.call { fs_channel_complete(channel, 1, Self.pair, 16, 2, &full, 40_000, $0, $1) }
    #expect(exact.result == 0 && full == zeros)
    let beyond = Interface.call { fs_channel_complete(channel, 1, Self.pair, 17, 2, &full, 40_000, $0, $1) }
    #expect(beyond.result == FS_REFUSED && full == zeros)
    let (_, other) = Interface.channel(Self.settings("universal"))
    defer { fs_release(other) }
    var short = [Double](repeating: 0, count: 40)
    let uniform = Interface.call { fs_channel_complete(other, 1, nil, 1, 2, &short, 40, $0, $1) }
    #expect(uniform.result == FS_REFUSED && short == [Double](repeating: 0, count: 40))
  }

  // MARK: What is refused

  @Test(
    "Settings that are wrong are refused with their place, what was found and what is allowed",
    arguments: [
      ("", "settings:1:1"), ("[]", "an array"), ("{", "settings:1:2"), ("{}", "codec: the key is missing"),
      (#"{"codec": "polor", "dimension": 3, "noiseScale": 1}"#, "found \"polor\""),
      (#"{"codec": "polar", "dimension": 0, "clippingNorm": 1, "noiseScale": 1}"#, "dimension: found 0"),
      (#"{"codec": "polar", "dimension": 134217729, "clippingNorm": 1, "noiseScale": 1}"#, "134217728"),
      (#"{"codec": "polar", "dimension": 3.5, "clippingNorm": 1, "noiseScale": 1}"#, "dimension"),
      (#"{"codec": "polar", "dimension": 3, "clippingNorm": -1, "noiseScale": 1}"#, "clippingNorm: found -1"),
      (#"{"codec": "polar", "dimension": 3, "clippingNorm": 1e31, "noiseScale": 1}"#, "clippingNorm"),
      (#"{"codec": "polar", "dimension": 3, "clippingNorm": 1, "noiseScale": 1e-31}"#, "noiseScale"),
      (#"{"codec": "polar", "dimension": 3, "clippingNorm": 1, "noiseScale": 1e-12}"#, "2^-30"),
      (#"{"codec": "polar", "dimension": 3, "clippingNorm": 1, "noiseScale": "1"}"#, "a string"),
      (#"{"codec": "polar", "dimension": 3, "clippingNorm": 1, "noiseScale": 1, "draws": 3}"#, "no such key"),
      (
        #"{"codec": "polar", "dimension": 3, "clippingNorm": 1, "noiseScale": 1, "options": {"draws": 3}}"#,
        "options: draws: no such key"
      ),
      (
        #"{"codec": "gprs", "dimension": 3, "clippingNorm": 1, "noiseScale": 1, "options": {"draws": -3}}"#,
        "options: draws: found -3"
      ),
      (#"{"codec": "gprs", "dimension": 3, "clippingNorm": 1, "noiseScale": 1, "options": 1}"#, "an integer"),
      (#"{"codec": "mrc", "dimension": 3, "dimension": 3}"#, "a second time"),
    ])
  func settings(text: String, reason: String) {
    let (answer, channel) = Interface.channel(text)
    #expect(answer.result == FS_INVALID && channel == 0)
    #expect(answer.reason.hasPrefix("settings") && answer.reason.contains(reason), "\(answer.reason)")
  }

  @Test("Arguments that are wrong are refused, and nothing is written")
  func arguments() {
    let (_, channel) = Interface.channel(Self.polar)
    defer { fs_release(channel) }
    let update = Self.update(40)
    let encode = {
      (
        handle: fs_handle, round: Int64, pair: [UInt8]?, update: [Float]?, dimension: Int64
      ) -> Answer in
      Interface.bytes { out, error, capacity in
        fs_channel_encode(handle, round, pair, Self.secret, update, dimension, out, error, capacity)
      }.0
    }
    #expect(encode(channel, 0, Self.pair, update, 40).result > 0)
    let wrong: [(Answer, String)] = [
      (encode(0, 0, Self.pair, update, 40), "no object"), (encode(-5, 0, Self.pair, update, 40), "never given"),
      (encode(.max, 0, Self.pair, update, 40), "never given"), (encode(channel, -1, Self.pair, update, 40), "round"),
      (encode(channel, 1 << 62 + 1, Self.pair, update, 40), "round"), (encode(channel, 0, nil, update, 40), "pair_key"),
      (encode(channel, 0, Self.pair, nil, 40), "update: found NULL"),
      (encode(channel, 0, Self.pair, update, 39), "found 39"), (encode(channel, 0, Self.pair, update, -1), "found -1"),
      (encode(channel, 0, Self.pair, update, .max), "dimension"),
    ]
    for (answer, reason) in wrong {
      #expect(answer.result == FS_INVALID && answer.reason.contains(reason), "\(answer.reason)")
    }
    for bad in [Float.nan, .infinity, -.infinity, .signalingNaN] {
      var broken = update
      broken[17] = bad
      let answer = encode(channel, 0, Self.pair, broken, 40)
      #expect(answer.result == FS_INVALID && answer.reason.contains("coordinate 17"), "\(answer.reason)")
    }
    // Any finite values are an update.
    for scale in [Float.greatestFiniteMagnitude, .leastNonzeroMagnitude, 0] {
      #expect(encode(channel, 0, Self.pair, [Float](repeating: scale, count: 40), 40).result > 0)
    }
    #expect(Interface.call { fs_channel_encode(channel, 0, Self.pair, nil, update, 40, nil, $0, $1) }.result < 0)
  }

  @Test("Payloads that no client sends are refused, and what is written stays as it was")
  func payloads() {
    for codec in CodecRegistry.standard.names {
      let (_, channel) = Interface.channel(Self.settings(codec.rawValue))
      defer { fs_release(channel) }
      var random = RandomStream(key: Key(seed: 1, label: "payloads \(codec)"))
      var refused = 0
      for length in 0..<200 {
        let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.word()) }
        var out = [Double](repeating: 5, count: 40)
        let answer = Interface.call {
          fs_channel_decode(channel, 0, Self.pair, bytes, Int64(length), &out, 40, $0, $1)
        }
        #expect(answer.result == 0 || answer.result == FS_PAYLOAD)
        if answer.result != 0 {
          refused += 1
          #expect(out == [Double](repeating: 5, count: 40) && !answer.reason.isEmpty)
        } else {
          #expect(out.allSatisfy { $0.isFinite })
        }
      }
      #expect(refused > 50, "\(codec)")
      let null = Interface.call { error, capacity in
        var out = [Double](repeating: 5, count: 40)
        return fs_channel_decode(channel, 0, Self.pair, nil, 3, &out, 40, error, capacity)
      }
      #expect(null.result == FS_INVALID)
    }
  }

  @Test("A sum names the payload that is wrong, and ends that do not rise are refused")
  func sums() {
    let (_, channel) = Interface.channel(Self.polar)
    defer { fs_release(channel) }
    let messages = Messages(channel, n: 5, dimension: 40, threads: 1)
    let keys = Messages.keys(5, 0)
    func sum(_ bytes: [UInt8], _ ends: [Int64], n: Int64 = 5, terms: Int64 = 5, threads: Int64 = 2) -> (
      Answer, [Double]
    ) {
      var out = [Double](repeating: 5, count: 40)
      let answer = Interface.call {
        fs_channel_sum(channel, 3, keys, bytes, ends, n, terms, threads, &out, 40, $0, $1)
      }
      return (answer, out)
    }
    #expect(sum(messages.bytes, messages.ends).0.result == 0)
    #expect(sum(messages.bytes, messages.ends, terms: 1 << 40).0.result == 0)
    let untouched = [Double](repeating: 5, count: 40)
    var broken = messages.bytes
    for i in Int(messages.ends[1])..<Int(messages.ends[2]) { broken[i] = 0xFF }
    let (answer, out) = sum(broken, messages.ends)
    #expect(answer.result == FS_PAYLOAD && answer.reason.contains("payload 2") && out == untouched, "\(answer.reason)")
    var ends = messages.ends
    ends[3] = ends[2] - 1
    for (ends, terms, n, threads) in [
      (ends, 5, 5, 1), ([-1, 0, 0, 0, 0], 5, 5, 1), ([.max, .max, .max, .max, .max], 5, 5, 1),
      ([.min, 0, 0, 0, 0], 5, 5, 1), (messages.ends, 4, 5, 1), (messages.ends, 0, 5, 1),
      (messages.ends, 1 << 40 + 1, 5, 1), (messages.ends, 5, -1, 1), (messages.ends, 5, 1 << 28 + 1, 1),
      (messages.ends, 5, 5, 0), (messages.ends, 5, 5, -1), (messages.ends, 5, 5, 1025),
    ] as [([Int64], Int64, Int64, Int64)] {
      let (answer, out) = sum(messages.bytes, ends, n: n, terms: terms, threads: threads)
      #expect(answer.result == FS_INVALID && out == untouched, "\(answer.reason)")
    }
    // Payloads of no bytes are bytes that no client sends.
    #expect(sum([], [0, 0, 0, 0, 0]).0.result == FS_PAYLOAD)
    // Nothing sums to zeros.
    let (none, zeros) = sum([], [], n: 0, terms: 1)
    #expect(none.result == 0 && zeros == [Double](repeating: 0, count: 40))
  }

  @Test("A row that is not finite is named, and nothing is handed out")
  func rows() {
    let (_, channel) = Interface.channel(Self.polar)
    defer { fs_release(channel) }
    var rows = (0..<9).flatMap { Self.update(40, $0) }
    rows[40 * 6 + 3] = .nan
    var ends = [Int64](repeating: 0, count: 9)
    let (answer, _) = Interface.bytes {
      fs_channel_encode_many(channel, 0, Messages.keys(9, 0), nil, rows, 9, 40, 2, &ends, $0, $1, $2)
    }
    #expect(answer.result == FS_INVALID && answer.reason.contains("row 6") && answer.reason.contains("coordinate 3"))
    let (null, _) = Interface.bytes {
      fs_channel_encode_many(channel, 0, nil, nil, rows, 9, 40, 2, &ends, $0, $1, $2)
    }
    #expect(null.result == FS_INVALID && null.reason.contains("pair_keys"))
  }

  @Test("A stop ends the next call on many, once")
  func stop() {
    let (_, channel) = Interface.channel(Self.polar)
    defer { fs_release(channel) }
    let rows = (0..<9).flatMap { Self.update(40, $0) }
    var ends = [Int64](repeating: 0, count: 9)
    let encode = {
      Interface.bytes {
        fs_channel_encode_many(channel, 0, Messages.keys(9, 0), nil, rows, 9, 40, 2, &ends, $0, $1, $2)
      }.0
    }
    fs_stop(channel)
    #expect(encode().result == FS_STOPPED)
    #expect(encode().result > 0)
    // Of what is not there nothing happens.
    for other in [0, -1, channel + 1000, .max, .min] as [fs_handle] { fs_stop(other) }
    #expect(encode().result > 0)
  }
}
