import CFedSim
import ChannelCoding
import FedSim
import JSONText
import Scenarios
import Testing

@testable import FedSimC

@Suite("The C interface: library")
struct LibraryTests {
  @Test("The library has the header's number")
  func number() { #expect(fs_abi() == Int32(FS_ABI)) }

  @Test("The library says what it has")
  func about() {
    let about = Interface.object(Interface.bytes { fs_about($0, $1, $2) }.1)
    #expect(about["version"] == .string(FedSimVersion.current))
    guard case .array(let codecs)? = about["codecs"] else {
      Issue.record("codecs")
      return
    }
    #expect(codecs.count == CodecRegistry.standard.names.count)
    #expect(about["accountants"] == ["pld", "rdp", "gaussian"] && (about["threads"]?.double ?? 0) >= 1)
    #expect(fs_about(nil, nil, 0) == FS_INVALID)
  }

  @Test("Reasons are cut between characters, and end with a NUL wherever there is room")
  func reasons() {
    // "é" has two bytes, "漢" three.
    let reason = "aé漢字"
    let failure = Failure.invalid(reason)
    let kept = [0: "", 1: "", 2: "a", 3: "a", 4: "aé", 5: "aé", 6: "aé", 7: "aé漢", 9: "aé漢", 10: reason, 11: reason]
    for (room, text) in kept {
      let answer = Interface.call(room: max(room, 1)) { error, _ in
        failure.write(to: error, Int64(room))
        return 0
      }
      #expect(answer.reason == text, "\(room)")
    }
    failure.write(to: nil, 10)
    failure.write(to: nil, .max)
    var untouched: CChar = 3
    failure.write(to: &untouched, -1)
    failure.write(to: &untouched, .min)
    #expect(untouched == 3)
  }

  @Test("Numbers of objects are never used twice, and those of released objects are errors")
  func handles() {
    let settings = #"{"codec": "layered", "dimension": 2, "clippingNorm": 1, "noiseScale": 1}"#
    var numbers = Set<fs_handle>()
    for _ in 0..<100 {
      let (_, channel) = Interface.channel(settings)
      #expect(channel > 0 && numbers.insert(channel).inserted)
      fs_release(channel)
      let (answer, _) = Interface.bytes { fs_channel_about(channel, $0, $1, $2) }
      #expect(answer.result == FS_INVALID && answer.reason.contains("released"))
      fs_release(channel)
    }
    for other in [0, -1, .max, .min] as [fs_handle] { fs_release(other) }
    let count = Objects.shared.count
    let (_, last) = Interface.channel(settings)
    #expect(Objects.shared.count == count + 1)
    fs_release(last)
    #expect(Objects.shared.count == count)
  }

  @Test("Keys of the system differ, keys of runs follow from all parts and their lengths")
  func keys() {
    var (first, second) = ([UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 32))
    #expect(Interface.call { fs_random_key(&first, $0, $1) }.result == 32)
    #expect(Interface.call { fs_random_key(&second, $0, $1) }.result == 32)
    #expect(first != second)
    func key(_ seed: UInt64, _ parts: [[UInt8]]) -> (Answer, [UInt8]) {
      var key = [UInt8](repeating: 0, count: 32)
      let all = parts.flatMap(\.self) + [0]
      let answer = all.withUnsafeBufferPointer { all in
        var starts: [UnsafePointer<UInt8>?] = []
        var start = 0
        for part in parts {
          starts.append(all.baseAddress.map { $0 + start })
          start += part.count
        }
        return Interface.call {
          fs_run_key(seed, starts, parts.map { Int64($0.count) }, Int64(parts.count), &key, $0, $1)
        }
      }
      return (answer, key)
    }
    for parts in [[[1, 2, 3]], [[1], [2, 3]], [[1, 2], [3]], [[], [1, 2, 3]]] as [[[UInt8]]] {
      let (answer, made) = key(5, parts)
      #expect(answer.result == 32 && made == Federation.nonce(seed: 5, data: parts))
    }
    #expect(key(5, [[1], [2, 3]]).1 != key(5, [[1, 2], [3]]).1 && key(6, [[1]]).1 != key(5, [[1]]).1)
    #expect(key(5, []).0.reason.contains("never from a seed alone"))
    let start: [UnsafePointer<UInt8>?] = [nil]
    for count in [1, -1, .max, .min] as [Int64] {
      #expect(Interface.call { fs_run_key(1, start, [count], 1, &first, $0, $1) }.result == FS_INVALID)
    }
    #expect(Interface.call { fs_run_key(1, nil, nil, 1, &first, $0, $1) }.result == FS_INVALID)
    #expect(Interface.call { fs_run_key(1, start, [0], 1, nil, $0, $1) }.result == FS_INVALID)
    #expect(Interface.call { fs_run_key(1, start, [0], -1, &first, $0, $1) }.result == FS_INVALID)
    #expect(Interface.call { fs_random_key(nil, $0, $1) }.result == FS_INVALID)
    #expect(Interface.call { fs_public_key(nil, &first, $0, $1) }.result == FS_INVALID)
    #expect(Interface.call { fs_session(nil, second, 0, &first, $0, $1) }.result == FS_INVALID)
    #expect(Interface.call { fs_session(second, nil, 0, &first, $0, $1) }.result == FS_INVALID)
  }
}
