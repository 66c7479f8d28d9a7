import Testing

@testable import ChannelCoding
@testable import FedSim
@testable import Verification

/// Every check passes true rows and rejects a variant that is broken in its own way, at a false-alarm rate of 1e-6 a
/// check; 2000 rows of 200 coordinates, fixed seeds.
@Suite struct ChannelVerificationStatistics {
  private static let dimension = 200
  private static let rows = 2000
  private static let falseAlarm = 1e-6

  /// Gaussian noise beside heavy-tailed updates and payload sizes that go with nothing.
  private static func gaussian(
    rows: Int = rows, dimension: Int = dimension, seed: UInt64 = 1,
    normal: (inout RandomStream) -> Double = { $0.normal() }
  ) -> NoiseRows {
    var stream = RandomStream(key: Key(seed: seed, label: "verification test"))
    let count = rows * dimension
    let noise = (0..<count).map { _ in normal(&stream) }
    var sent: [Double] = []
    for row in 0..<rows {
      let scale = row % 2 == 0 ? 1 : 0.2 + stream.uniform()
      for _ in 0..<dimension {
        sent.append((stream.bernoulli(0.5) ? 1 : -1) * scale * stream.exponential())
      }
    }
    let bits = (0..<rows).map { _ in 300 + stream.integer(below: 50) }
    return NoiseRows(
      dimension: dimension, sent: sent, noise: noise, modelNoise: (0..<count).map { _ in stream.normal() },
      payloadBits: bits)
  }

  private func check(_ rows: NoiseRows, law: NoiseLaw = .gaussian, rejects names: String...) throws {
    let verification = ChannelVerification(rows, law: law)
    for name in names {
      let check = try #require(verification[name], "\(name)")
      #expect(!check.passes(falseAlarm: Self.falseAlarm), "\(name) let it pass: \(check.outcome)")
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func trueRowsPass(seed: UInt64) {
    for check in ChannelVerification(Self.gaussian(seed: seed), law: .gaussian).checks {
      #expect(check.passes(falseAlarm: Self.falseAlarm), "\(check.name): \(check.outcome)")
      if case .skipped(let reason) = check.outcome { Issue.record("\(check.name) was skipped: \(reason)") }
    }
  }

  @Test(arguments: [(1, 100_000), (2, 50_000), (1000, 100)])
  func trueRowsOfOtherShapesPass(dimension: Int, rows: Int) {
    let verification = ChannelVerification(Self.gaussian(rows: rows, dimension: dimension), law: .gaussian)
    for check in verification.checks {
      #expect(check.passes(falseAlarm: Self.falseAlarm), "\(check.name): \(check.outcome)")
    }
  }

  private static let uniform: @Sendable (inout RandomStream) -> Double = { stream in
    (stream.uniform() - 0.5) * 12.0.squareRoot()
  }

  @Test func uniformRowsPassAsUniform() {
    for check in ChannelVerification(Self.gaussian(normal: Self.uniform), law: .uniform).checks {
      #expect(check.passes(falseAlarm: Self.falseAlarm), "\(check.name): \(check.outcome)")
    }
  }

  @Test func theWrongLawIsRejected() throws {
    try check(
      Self.gaussian(normal: Self.uniform),
      rejects: "law, Kolmogorov-Smirnov", "law, 1000 cells", "fourth moment", "law of a row's norm")
    try check(
      Self.gaussian(normal: { 1.01 * $0.normal() }), law: .uniform,
      rejects: "law, Kolmogorov-Smirnov", "law, 1000 cells", "norm", "fourth moment")
    // Variance 1, kurtosis 3.27.
    try check(
      Self.gaussian(normal: { $0.normal() * ($0.bernoulli(0.5) ? 1.3 : 0.7).squareRoot() }), rejects: "fourth moment")
  }

  @Test func onePercentOfSigmaIsRejected() throws {
    for factor in [0.99, 1.01] {
      try check(Self.gaussian(normal: { factor * $0.normal() }), rejects: "norm")
    }
    try check(Self.gaussian(normal: { $0.normal() + 0.015 }), rejects: "mean")
  }

  @Test func aWrongRotationIsRejected() throws {
    var rows = Self.gaussian()
    rows.modelNoise = rows.modelNoise.map { $0.map { $0 * 1.02 } }
    try check(rows, rejects: "law in model coordinates")
  }

  @Test func rowsOfOneNormAreRejected() throws {
    var rows = Self.gaussian()
    for row in 0..<rows.count {
      let scale = (Double(rows.dimension) / rows.squares[row]).squareRoot()
      for i in row * rows.dimension..<(row + 1) * rows.dimension { rows.noise[i] *= scale }
    }
    try check(rows, rejects: "law of a row's norm")
  }

  /// One coordinate in twenty is that of `lag` before, as it is or with a random sign: every single law stays normal.
  @Test(arguments: [(1, "neighbors, lag 1", "their squares, lag 1"), (2, "neighbors, lag 2", "their squares, lag 2")])
  func dependentNeighborsAreRejected(lag: Int, plain: String, squares: String) throws {
    try checkCopies(lag: lag, plain: plain, squares: squares)
  }

  @Test func dependentRowsAreRejected() throws {
    try checkCopies(lag: Self.dimension, plain: "next row", squares: "next row, squares")
  }

  private func checkCopies(lag: Int, plain: String, squares: String) throws {
    var stream = RandomStream(key: Key(seed: 9, label: "copies"))
    let rows = Self.gaussian()
    var copied = rows
    var turned = rows
    for i in lag..<rows.noise.count where stream.bernoulli(0.05) {
      copied.noise[i] = rows.noise[i - lag]
      turned.noise[i] = stream.bernoulli(0.5) ? rows.noise[i - lag] : -rows.noise[i - lag]
    }
    try check(copied, rejects: plain)
    try check(turned, rejects: squares)
  }

  @Test func noiseThatDependsOnTheUpdateIsRejected() throws {
    let rows = Self.gaussian()
    var (shifted, scaled, byNorm, along) = (rows, rows, rows, rows)
    for i in rows.noise.indices {
      shifted.noise[i] -= 0.02 * rows.sent[i]
      scaled.noise[i] *= 1 + 0.02 * min(rows.sent[i].magnitude, 3)
    }
    for row in 0..<rows.count {
      let places = row * rows.dimension..<(row + 1) * rows.dimension
      let norm = places.reduce(0) { $0 + rows.sent[$1] * rows.sent[$1] }.squareRoot()
      let product = places.reduce(0) { $0 + rows.sent[$1] * rows.noise[$1] } / norm
      for i in places {
        byNorm.noise[i] *= 1 + 0.01 * (norm - 16)
        // The projection on x alone, 1.3 times as large.
        along.noise[i] += 0.3 * product * rows.sent[i] / norm
      }
    }
    try check(shifted, rejects: "noise on x", "noise along x, mean")
    try check(scaled, rejects: "noise^2 on x^2")
    try check(byNorm, rejects: "row's norm on |x|")
    try check(along, rejects: "noise along x, size")
  }

  @Test func noiseThatDependsOnThePositionIsRejected() throws {
    let rows = Self.gaussian()
    var (oneShifted, allShifted, oneScaled, allScaled) = (rows, rows, rows, rows)
    for i in rows.noise.indices {
      let position = i % rows.dimension
      let sign = position % 2 == 0 ? 1.0 : -1.0
      allShifted.noise[i] += 0.06 * sign
      allScaled.noise[i] *= 1 + 0.04 * sign
      if position == 77 {
        oneShifted.noise[i] += 0.2
        oneScaled.noise[i] *= 1.2
      }
    }
    try check(allShifted, rejects: "mean by position")
    try check(oneShifted, rejects: "mean by position, largest")
    try check(allScaled, rejects: "squares by position")
    try check(oneScaled, rejects: "squares by position, largest")
  }

  @Test func bitsThatTellTheNextNoiseAreRejected() throws {
    var rows = Self.gaussian()
    let squares = rows.squares
    for row in 0..<rows.count - 1 { rows.payloadBits[row] += Int(squares[row + 1] / 2) }
    try check(rows, rejects: "row's norm on bits before")
  }

  @Test func noiseThatIsNotANumberIsRejected() {
    var rows = Self.gaussian(rows: 500)
    rows.noise[1000] = .nan
    #expect(!ChannelVerification(rows, law: .gaussian).passes(falseAlarm: Self.falseAlarm))
  }

  @Test func whatDoesNotVaryIsSkipped() throws {
    var rows = Self.gaussian(rows: 500)
    rows.payloadBits = rows.payloadBits.map { _ in 8 }
    rows.sent = rows.sent.map { _ in 0 }
    rows.modelNoise = nil
    let verification = ChannelVerification(rows, law: .gaussian)
    #expect(verification.passes(falseAlarm: Self.falseAlarm))
    for name in ["row's norm on bits before", "noise on x", "noise along x, mean", "law in model coordinates"] {
      guard case .skipped? = verification[name]?.outcome else {
        Issue.record("\(name) was not skipped")
        continue
      }
    }
    var report = VerificationReport(alpha: 1e-6)
    report.add(
      verification, of: .unitNoise(.layered, options: .standard, dimension: 200, snr: 0), law: .gaussian, snr: 0)
    #expect(report.failures == 0 && report.text.contains("skipped: bits are constant"))
  }

  /// Through real channels: n = 200,000, both rotations (a power of two, and not).
  @Test(arguments: [CodecName.float32, .layered], [256, 1000])
  func channelsPass(codec: CodecName, dimension: Int) throws {
    let settings = ChannelSettings.unitNoise(codec, options: .standard, dimension: dimension, snr: 0.5)
    let count = 200_000 / dimension
    let rows = try NoiseRows(through: settings, snr: 0.5, rows: count, seed: 7, threads: 2) { _ in }
    for check in ChannelVerification(rows, law: .gaussian).checks {
      #expect(check.passes(falseAlarm: Self.falseAlarm), "\(check.name): \(check.outcome)")
    }
    let again = try NoiseRows(through: settings, snr: 0.5, rows: count, seed: 7, threads: 1) { _ in }
    #expect(again.noise == rows.noise && again.payloadBits == rows.payloadBits)
    #expect((rows.modelNoise == nil) == (codec == .float32))
  }
}
