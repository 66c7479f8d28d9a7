// Coverage-guided fuzzing of everything that reads bytes from outside. The first byte picks what is fuzzed:
//
// - a codec's decoder: any payload gives a vector of the right length with finite values, or an error;
// - a codec's encoder and decoder: any update is accepted, and decodes to finite values;
// - Upload, sealed or not, and Broadcast; a scenario's text; a ledger's; a checkpoint, also behind a right checksum.
//
// Anything else (a trap, an address error, a timeout) is libFuzzer's to report.

import ChannelCoding
import FedSim

private let key = RunKeys(seed: 1, fingerprint: []).server.rotation(round: 1)
private let shared = SharedRandomness(key: key)
private let session = try? RunKeys(seed: 1, fingerprint: []).client(1).keyPair.sessionAsClient(
  server: RunKeys(seed: 1, fingerprint: []).server.keyPair.publicKey)

/// Reads bytes in order; zeros past the end.
private struct Input {
  private var bytes: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

  mutating func byte() -> Int { Int(bytes.popFirst() ?? 0) }

  mutating func pick<T>(_ values: [T]) -> T { values[byte() % values.count] }

  var rest: [UInt8] { Array(bytes) }
}

private func settings(_ input: inout Input) -> ChannelSettings {
  let codec = input.pick(CodecRegistry.standard.names)
  let dimension = [1, 2, 3, 8, 17, 64, 100, 257][input.byte() % 8]
  let signal = input.pick([1e-6, 1e-3, 0.1, 1, 5, 30, 1e4, 0x1p29])
  return ChannelSettings(
    codec: codec,
    options: CodecOptions(
      BlockOptions(draws: input.pick([2, 3, 10, 50])), ShiftedOptions(fixedLength: input.byte() % 2 == 0),
      PolarOptions(effort: input.pick([0, 1, 3]))),
    dimension: dimension, clippingNorm: signal, noiseScale: 1)
}

private func check(_ sample: [Double], _ settings: ChannelSettings) {
  precondition(sample.count == settings.paddedDimension && sample.allSatisfy { $0.isFinite })
}

private func decode(_ input: inout Input) {
  let settings = settings(&input)
  guard let channel = try? Channel(settings, rotationKey: key) else { preconditionFailure("\(settings)") }
  if let sample = try? channel.decode(Payload(bytes: input.rest), shared: shared) { check(sample, settings) }
}

private func roundTrip(_ input: inout Input) {
  let settings = settings(&input)
  guard let channel = try? Channel(settings, rotationKey: key) else { preconditionFailure("\(settings)") }
  var update = [Float](repeating: 0, count: settings.dimension)
  for i in update.indices {
    var bits: UInt32 = 0
    for _ in 0..<4 { bits = bits << 8 | UInt32(input.byte()) }
    update[i] = Float(bitPattern: bits)
  }
  var noise = PrivateRandomness(key: key.derived(.noise, index: UInt64(input.byte())))
  let clipped = ClippedUpdate(clipping: update, to: settings.clippingNorm)
  let payload = channel.encode(clipped, shared: shared, private: &noise)
  do {
    check(try channel.decode(payload, shared: shared), settings)
  } catch {
    preconditionFailure("an honest payload was refused: \(error), \(settings)")
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  var input = Input(Array(UnsafeBufferPointer(start: start, count: count)))
  switch input.byte() % 11 {
  case 0, 1, 2, 3: decode(&input)
  case 4: roundTrip(&input)
  case 5: _ = try? Upload(bytes: input.rest)
  case 6: _ = try? Broadcast(bytes: input.rest)
  case 7: _ = try? Upload(sealed: input.rest) { _ in session }
  case 8: _ = try? LedgerFile(input.rest, name: "fuzz")
  case 9:
    _ = try? Checkpoint(fileBytes: input.rest)
    var file = StateSections()
    file.put("run", input.rest)
    _ = try? Checkpoint(fileBytes: file.fileBytes)
  default: _ = try? Scenario(ScenarioFile(input.rest, name: "fuzz"))
  }
  return 0
}
