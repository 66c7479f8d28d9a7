import Foundation
import Testing

@testable import ChannelCoding
@testable import FedSim
@testable import Files
@testable import Verification

@Suite struct ChannelToolsTests {
  private func failure(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test(arguments: CodecRegistry.standard.names)
  func twoEndsNeedTheKeyAlone(codec: CodecName) throws {
    let settings = ChannelSettings.unitNoise(codec, options: .standard, dimension: 100, snr: 0.5)
    let update = ClippedUpdate(clipping: (0..<100).map { Double($0 % 7) - 3 }, to: settings.clippingNorm)
    let key = Key(seed: 3, label: "test")
    var noise = PrivateRandomness(key: Key(seed: 4, label: "test"))
    var tally = CodingTally()
    let payload = try KeyedChannel(settings, key: key).encode(update, private: &noise, tally: &tally)
    let sample = try KeyedChannel(settings, key: key).decode(Payload(bytes: payload.bytes), name: "code.bin")
    let error = zip(sample, update.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    // Chi-square with 100 degrees: outside with probability below 1e-9.
    #expect(error > 35 && error < 220)
    #expect(
      failure { _ = try KeyedChannel(settings, key: key).decode(Payload(bytes: [1, 2, 3]), name: "code.bin") }
        .hasPrefix("code.bin: not a payload of \"\(codec.rawValue)\"") || codec != .float32)
  }

  @Test func settingsWithoutACodecAreInputErrors() {
    let settings = ChannelSettings(codec: .layered, dimension: 3, clippingNorm: .infinity, noiseScale: 1)
    #expect(failure { _ = try KeyedChannel(settings, key: Key(seed: 1, label: "")) }.contains("needs privacy"))
    #expect(failure { try settings.check() }.hasPrefix("channel \"layered\": "))
  }

  @Test func theListNamesEveryCodecIn100Columns() {
    let list = CodecList()
    for name in CodecRegistry.standard.names { #expect(list.text.contains("\(name.rawValue): ")) }
    #expect(list.text.split(separator: "\n").allSatisfy { $0.count <= 100 })
    guard case .object(let object) = list.json, case .array(let codecs)? = object["codecs"] else {
      Issue.record("not an object with codecs")
      return
    }
    #expect(codecs.count == CodecRegistry.standard.names.count)
  }

  @Test func benchmarksHaveTheirKeys() throws {
    let settings = ChannelSettings.unitNoise(.layered, options: .standard, dimension: 400, snr: 3)
    let result = try ChannelBenchmark(settings, snr: 3, repetitions: 4, seed: 1)
    #expect(result.informationBits == 400 && result.bits.count == 4 && result.drawsPerCoordinate == 1)
    #expect(result.meanBits > 400 && abs(result.meanBits / result.predictedBits - 1) < 0.2)
    guard case .object(let object) = result.json else {
      Issue.record("not an object")
      return
    }
    #expect(
      object.keys == [
        "codec", "draws", "fixedLength", "effort", "dimension", "sigma", "vectors", "messages", "snr",
        "informationBits", "lowerBoundBits", "predictedBits", "meanBits", "meanBitsStandardError", "medianBits",
        "meanModelBits", "meanModelBitsStandardError", "ratio", "indicesPerMessage", "meanIndexBits",
        "meanIndexBitsStandardError", "meanIndex", "largestIndex", "drawsPerCoordinate",
        "encodeNanosecondsPerCoordinate", "decodeNanosecondsPerCoordinate",
        "predictedEncodeNanosecondsPerCoordinate", "predictedDecodeNanosecondsPerCoordinate",
      ])
    let csv = ChannelBenchmark.csv([result, result]).split(separator: "\n")
    #expect(csv.count == 3 && csv[0] == object.keys.joined(separator: ",") && csv[1] == csv[2])
    #expect(csv[1].split(separator: ",", omittingEmptySubsequences: false).count == object.count)
    let error = try #require(result.lengths.payloadBits?.error)
    let squares = result.bits.reduce(0) { $0 + (Double($1) - result.meanBits) * (Double($1) - result.meanBits) }
    #expect(abs(error - (squares / 12).squareRoot()) < 1e-9 && error > 0)
    let model = try #require(result.modelBits)
    #expect(result.tally.modelBits.map { abs($0 / 4 - model.mean) < 1e-9 } == true)
    #expect(model.mean > result.meanBits - 8 && model.mean < result.meanBits + 8 && model.error ?? 0 > 0)
    let zero = try ChannelBenchmark(
      .unitNoise(.layered, options: .standard, dimension: 4, snr: 0), snr: 0, repetitions: 1, seed: 1)
    #expect(zero.lengths.payloadBits?.error == nil && zero.modelBits?.error == nil, "of one message")
    #expect(zero.ratio == nil && ChannelBenchmark.table([result, zero]).contains("layered"))
  }

  /// Indices are those that payloads hold: one block of `mrc` with N candidates is the class of the norm and K in log2 N bits, and K is
  /// uniform where the update is zero but for its norm's class.
  @Test func indicesAreThoseThatWereSent() throws {
    let one = CodecOptions(BlockOptions(draws: 256))
    let result = try ChannelBenchmark(
      .unitNoise(.mrc, options: one, dimension: 6, snr: 0.01), snr: 0.01, repetitions: 400, seed: 3)
    let indices = result.tally.indices
    #expect(indices.count == 400 && indices.largest <= 256 && indices.largest > 200)
    // A uniform K: mean 128.5 with a deviation of 73.9, log2 K of 6.58 with 1.42 (within 6 standard errors).
    #expect(abs(try #require(indices.mean) - 128.5) < 6 * 73.9 / 20)
    let bits = try #require(result.indexBits)
    #expect(abs(bits.mean - 6.58) < 6 * 1.42 / 20 && abs(bits.mean - indices.bits / 400) < 1e-9)
    #expect(result.options == ["draws": 256])
    let none = try ChannelBenchmark(
      .unitNoise(.layered, options: .standard, dimension: 6, snr: 1), snr: 1, repetitions: 3, seed: 3)
    #expect(none.indexBits == nil && none.tally.indices.count == 0 && none.options.isEmpty)
    guard case .object(let object) = none.json else {
      Issue.record("not an object")
      return
    }
    #expect(object["meanIndexBits"] == .null && object["largestIndex"] == .null && object["draws"] == .null)
  }

  /// The Poisson functional representation's bound: the mean of log2 K is at most D + log2 e / e (Li & El Gamal 2018), and not far below it.
  @Test func indicesOfPFRKeepTheirBound() throws {
    let options = CodecOptions(BlockOptions(draws: 4096))
    let settings = ChannelSettings.unitNoise(.pfr, options: options, dimension: 4, snr: 1)
    let result = try ChannelBenchmark(settings, snr: 1, repetitions: 2000, seed: 4)
    let bits = try #require(result.indexBits)
    let error = try #require(bits.error)
    #expect(bits.mean < result.informationBits + 0.531 + 5 * error)
    #expect(bits.mean > result.informationBits - 1 && error < 0.1)
  }

  /// Rows of one vector are what that vector alone gives, and figures of different rows are means.
  @Test func givenVectorsAreSent() throws {
    let settings = ChannelSettings(codec: .layered, dimension: 3, clippingNorm: 40, noiseScale: 0.05)
    let (short, long) = ([0.3, 0, -0.4], [300.0, 0, -400])
    let result = try ChannelBenchmark(settings, vectors: [short, long], repetitions: 50, seed: 1)
    #expect(result.bits.count == 100 && result.updateCount == 2 && result.noiseScale == 0.05)
    // |x|^2 / (d sigma^2): 0.25 / 0.0075, and 1600 / 0.0075 of the vector that is clipped to 40.
    #expect(abs(result.snr - (0.25 / 0.0075 + 1600 / 0.0075) / 2) < 1e-6)
    let (a, b) = (log2(1 + 0.25 / 0.0075) * 1.5, log2(1 + 1600 / 0.0075) * 1.5)
    #expect(abs(result.informationBits - (a + b) / 2) < 1e-9)
    let bound = [0.25 / 0.0075, 1600 / 0.0075].map { ChannelBounds.lowerBoundBits(dimension: 3, snr: $0) }
    #expect(abs(result.lowerBoundBits - (bound[0] + bound[1]) / 2) < 1e-9)
    #expect(
      abs(result.predictedBits - (settings.expectedBits(norm: 0.5) + settings.expectedBits(norm: 40)) / 2) < 1e-9)
    let bits = { (parity: Int) in
      result.bits.enumerated().filter { $0.offset % 2 == parity }.map(\.element).reduce(0, +)
    }
    #expect(bits(0) < bits(1), "the long vector takes more")
    // Many rows: F from a grid, as good as straight between its values.
    let wide = ChannelSettings(codec: .layered, dimension: 3, clippingNorm: 4, noiseScale: 2)
    let many = (1...80).map { [Double($0) / 30, 0, 0] }
    let mean = try ChannelBenchmark(wide, vectors: many, repetitions: 1, seed: 1).lowerBoundBits
    let exact = many.map { ChannelBounds.lowerBoundBits(dimension: 3, snr: $0[0] * $0[0] / 12) }.reduce(0, +) / 80
    #expect(abs(mean - exact) < 2e-3 * exact)
  }

  /// A codec that does not say them: null, "-" and not a number, and no other figure.
  @Test func modelBitsThatAreNotSaidAreUnknown() throws {
    let settings = ChannelSettings.unitNoise(
      "short-floats", from: CodecRegistry.standard.adding(ShortFloats()), options: .standard, dimension: 10, snr: 1)
    let result = try ChannelBenchmark(settings, snr: 1, repetitions: 3, seed: 1)
    #expect(result.modelBits == nil && result.meanBits == 320 && result.lengths.payloadBits?.error == 0)
    guard case .object(let object) = result.json else {
      Issue.record("not an object")
      return
    }
    #expect(object["meanModelBits"] == .null && object["meanModelBitsStandardError"] == .null)
    #expect(ChannelBenchmark.table([result]).split(separator: "\n").last?.contains("320.0           -     -") == true)
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let sample = try ChannelSample(settings, snr: 1, repetitions: 4, seed: 1)
    let summary = try sample.write(to: folder.path, threads: 1) { _ in }
    #expect(summary.lengths.modelBits == nil && !summary.text.contains("model bits"))
    let bytes = try Data(contentsOf: folder.appendingPathComponent("model-bits.npy"))
    #expect(try NPYFile.readVector(Array(bytes), name: "model-bits.npy").allSatisfy(\.isNaN))
  }

  /// Where several codecs are predicted to take one byte, the least that there is, `auto` takes one whose payloads are that short.
  @Test(arguments: [(12, 0.1), (40, 0.01)])
  func autoTakesTheShortestOfEqualPredictions(dimension: Int, snr: Double) throws {
    let settings = ChannelSettings.unitNoise(.float32, options: .standard, dimension: dimension, snr: snr)
    var means: [CodecName: Double] = [:]
    for codec in CodecRegistry.standard.families.map(\.descriptor).filter(\.isExact).map(\.name) {
      var own = settings
      own.codec = codec
      guard own.predictedBits == 8 else { continue }
      means[codec] = try ChannelBenchmark(own, snr: snr, repetitions: 400, seed: 1).meanBits
    }
    let shortest = try #require(means.values.min())
    let chosen = settings.withFewestBits.codec
    #expect(try #require(means[chosen]) < 1.03 * shortest, "\(chosen): \(means)")
    #expect(try #require(means[.layered]) > 1.03 * shortest, "the first in order is not the shortest")
  }

  private func scratch() throws -> URL {
    let folder = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("fedsim-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  @Test func samplesAreTheSameForAnyThreads() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    for (codec, name) in [(CodecName.layered, "layered"), (.float32, "float32")] {
      var summaries: [ChannelSample.Summary] = []
      for threads in [1, 3] {
        let sample = try ChannelSample(
          .unitNoise(codec, options: .standard, dimension: 37, snr: 2), snr: 2, repetitions: 50, seed: 5)
        var done = 0
        summaries.append(try sample.write(to: folder.path + "/\(name)-\(threads)", threads: threads) { done = $0 })
        #expect(done == 50)
      }
      #expect(summaries[0].json == summaries[1].json)
      let lengths = try ["bits", "model-bits"].map { file in
        try NPYFile.readVector(
          Array(Data(contentsOf: folder.appendingPathComponent("\(name)-1/\(file).npy"))), name: file)
      }
      for (values, found) in [
        (lengths[0], summaries[0].lengths.payloadBits), (lengths[1], summaries[0].lengths.modelBits),
      ] {
        let (wanted, found) = (try #require(Estimate(values)), try #require(found))
        let errors = (try #require(wanted.error), try #require(found.error))
        #expect(values.count == 50 && abs(wanted.mean - found.mean) < 1e-9 && abs(errors.0 - errors.1) < 1e-9)
      }
      #expect(
        zip(lengths[0], lengths[1]).allSatisfy { $0 < $1 + 8 } && (lengths[0] == lengths[1]) == (codec == .float32))
      for file in ["x.npy", "y.npy", "bits.npy", "model-bits.npy"] {
        let one = try Data(contentsOf: folder.appendingPathComponent("\(name)-1/\(file)"))
        #expect(try one == Data(contentsOf: folder.appendingPathComponent("\(name)-3/\(file)")))
      }
      let written = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/\(name)-1").sorted()
      #expect(written == ["bits.npy", "model-bits.npy", "x.npy", "y.npy"])
    }
    let x = try NPYFile.readVector(
      Array(Data(contentsOf: folder.appendingPathComponent("layered-1/x.npy"))), name: "x.npy")
    #expect(abs(x.reduce(0) { $0 + $1 * $1 } / 74 - 1) < 1e-12)
    let y = try Data(contentsOf: folder.appendingPathComponent("layered-1/y.npy"))
    #expect(y.count == 128 + 50 * 37 * 8)
    // No two rows are the same.
    #expect(Set((0..<50).map { y.subdata(in: 128 + $0 * 296..<128 + ($0 + 1) * 296) }).count == 50)
    #expect(
      failure {
        _ = try ChannelSample(
          .unitNoise(.layered, options: .standard, dimension: 1000, snr: 1), snr: 1, repetitions: 1_000_000_000, seed: 1
        )
      }.contains("fewer than 2^37 numbers"))
  }

  @Test func filesAppearWholeOrNotAtAll() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.path + "/a.bin"
    do {
      let dropped = try StagedFile(path)
      try dropped.append([1, 2])
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    let kept = try StagedFile(path)
    try kept.append([3])
    #expect(!FileManager.default.fileExists(atPath: path))
    try kept.keep()
    #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path))) == [3])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.bin"])
    #expect(failure { _ = try StagedFile(folder.path) }.contains("this is a folder"))
    #expect(failure { _ = try StagedFile(folder.path + "/none/a") }.contains("could not be written"))
  }
}
