import Statistics
import Testing

@testable import ChannelCoding
@testable import Numerics

/// The laws of the samplers; n in each test, false-alarm rate 1e-6 a check, fixed seeds.
@Suite struct SamplingStatistics {
  private let n = 1_000_000

  private func sample(_ stream: UInt64, _ draw: (inout RandomStream) -> Double) -> [Double] {
    var random = RandomStream(key: countingKey, stream: stream)
    return (0..<n).map { _ in draw(&random) }
  }

  private func check(_ sample: [Double], _ cdf: @escaping (Double) -> Double) {
    let kolmogorov = StatisticalChecks.kolmogorovSmirnov(sample: sample, cdf: cdf)
    #expect(kolmogorov.passes(), "\(kolmogorov)")
    let cells = StatisticalChecks.uniformityChiSquare(sample: sample, cdf: cdf, cells: 1000)
    #expect(cells.passes(), "\(cells)")
    let serial = StatisticalChecks.serialCorrelation(sample: sample, lag: 1)
    #expect(serial.passes(), "\(serial)")
  }

  @Test func uniforms() { check(sample(1) { $0.uniform() }) { min(max($0, 0), 1) } }

  @Test func exponentials() { check(sample(2) { $0.exponential() }) { Laws.exponentialCDF($0) } }

  @Test func normals() {
    let values = sample(3) { $0.normal() }
    check(values) { Laws.normalCDF($0) }
    let fourth = StatisticalChecks.fourthMoment(sample: values, variance: 1)
    #expect(fourth.passes(), "\(fourth)")
  }

  @Test func bulkNormals() {
    var values = [Double](repeating: 0, count: n)
    var random = RandomStream(key: countingKey, stream: 4)
    random.forEachNormal(count: n) { values[$0] = $1 }
    check(values) { Laws.normalCDF($0) }
    // Cosines and sines of one radius lie 8 apart.
    let pairs = StatisticalChecks.serialCorrelation(sample: values.map { $0 * $0 }, lag: 8)
    #expect(pairs.passes(), "\(pairs)")
  }

  @Test(arguments: [0.2, 1.0, 1.5, 30.0])
  func gammas(shape: Double) {
    check(sample(5) { $0.gamma(shape: shape) }) { Laws.gammaCDF($0, shape: shape) }
  }

  @Test func layerStepsAreMaxwellAndDithersUniform() {
    var words = [UInt64](repeating: 0, count: 4 * n)
    words.withUnsafeMutableBufferPointer { KeyStream(key: countingKey, stream: 6).read(at: 0, into: $0) }
    var steps = [Double](repeating: 0, count: n)
    var dithers = steps
    words.withUnsafeBufferPointer { w in
      steps.withUnsafeMutableBufferPointer { s in
        dithers.withUnsafeMutableBufferPointer { Kernels.best.layers(w, steps: s, dithers: $0) }
      }
    }
    check(steps.map { $0 / 2 }) { Laws.maxwellCDF($0) }
    check(dithers) { min(max($0 + 0.5, 0), 1) }
    let cross = StatisticalChecks.crossCorrelation(steps, dithers)
    #expect(cross.passes(), "\(cross)")
    // A step that is half a percent too long is seen.
    let broken = StatisticalChecks.kolmogorovSmirnov(sample: steps.map { $0 / 2 * 1.005 }, cdf: { Laws.maxwellCDF($0) })
    #expect(!broken.passes())
  }

  @Test func shufflesAreUniform() {
    var random = RandomStream(key: countingKey, stream: 7)
    var counts = [Int](repeating: 0, count: 24)
    for _ in 0..<240_000 {
      var order = [0, 1, 2, 3]
      random.shuffle(&order)
      var code = 0
      var rest = [0, 1, 2, 3]
      for (place, item) in order.enumerated() {
        let position = rest.firstIndex(of: item) ?? 0
        rest.remove(at: position)
        code = code * (4 - place) + position
      }
      counts[code] += 1
    }
    let result = StatisticalChecks.chiSquare(counts: counts, probabilities: [Double](repeating: 1 / 24, count: 24))
    #expect(result.passes(), "\(result)")
  }

  @Test func integersAreUniform() {
    var random = RandomStream(key: countingKey, stream: 8)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<700_000 { counts[random.integer(below: 7)] += 1 }
    let result = StatisticalChecks.chiSquare(counts: counts, probabilities: [Double](repeating: 1 / 7, count: 7))
    #expect(result.passes(), "\(result)")
  }
}
