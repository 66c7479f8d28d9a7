import Testing

@testable import ChannelCoding

@Suite struct RotationTests {
  private func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  @Test(arguments: [1, 2, 3, 5, 7, 8, 63, 64, 65, 100, 650, 1000, 1024, 4810, 8191])
  func isOrthonormalAndInvertible(dimension: Int) {
    var random = RandomStream(key: countingKey, stream: UInt64(dimension))
    let rotation = Rotation(dimension: dimension, key: countingKey)
    let x = (0..<dimension).map { _ in random.normal() }
    var turned = x
    rotation.apply(&turned)
    #expect(abs(norm(turned) / norm(x) - 1) < 1e-13)
    rotation.invert(&turned)
    for i in x.indices { #expect(abs(turned[i] - x[i]) < 1e-12) }
    guard dimension <= 100 else { return }
    // Columns of the matrix.
    let columns = (0..<dimension).map { j in
      var unit = [Double](repeating: 0, count: dimension)
      unit[j] = 1
      rotation.apply(&unit)
      return unit
    }
    for i in 0..<dimension {
      for j in 0..<i { #expect(abs(zip(columns[i], columns[j]).reduce(0) { $0 + $1.0 * $1.1 }) < 1e-13) }
    }
  }

  /// What the rate needs: wherever the energy was, it is spread.
  @Test(arguments: [1000, 4810, 6144, 8191])
  func spreadsEnergy(dimension: Int) {
    for place in [0, dimension / 3, dimension / 2, dimension - 1] {
      var x = [Double](repeating: 0, count: dimension)
      for i in 0..<20 { x[(place + i) % dimension] = 1 }
      Rotation(dimension: dimension, key: countingKey).apply(&x)
      let absolute = x.reduce(0) { $0 + abs($1) } / Double(dimension)
      let flat = (20.0 / Double(dimension)).squareRoot() * (2 / Double.pi).squareRoot()
      #expect(absolute / flat > 0.9, "mean |x| is \(absolute / flat) of a Gaussian vector's")
    }
  }

  @Test func keysGiveDifferentRotations() {
    var a = [1.0, 2, 3, 4, 5]
    var b = a
    Rotation(dimension: 5, key: countingKey).apply(&a)
    Rotation(dimension: 5, key: countingKey.derived(.rotation)).apply(&b)
    #expect(a != b)
  }
}

@Suite struct ClippedUpdateTests {
  @Test func longUpdatesAreScaledShortOnesKept() {
    let long = ClippedUpdate(clipping: [3, 4] as [Float], to: 1)
    #expect(long.wasClipped && long.norm == 1)
    #expect(abs(long.values[0] - 0.6) < 1e-15 && abs(long.values[1] - 0.8) < 1e-15)
    let short = ClippedUpdate(clipping: [0.3, 0.4] as [Float], to: 1)
    #expect(!short.wasClipped && short.values[0] == Double(Float(0.3)))
    let exact = ClippedUpdate(clipping: [3, 4] as [Float], to: 5)
    #expect(!exact.wasClipped && exact.norm == 5)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func oneBadValueReplacesTheUpdate(bad: Float) {
    let update = ClippedUpdate(clipping: [1, bad, 2], to: 1)
    #expect(update.wasReplaced && !update.wasClipped)
    #expect(update.values == [0, 0, 0] && update.norm == 0)
  }

  @Test func hugeAndTinyValuesStayFinite() {
    let huge = ClippedUpdate(clipping: [Float](repeating: .greatestFiniteMagnitude, count: 1000), to: 1e-3)
    #expect(huge.wasClipped && !huge.wasReplaced)
    let norm = huge.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(norm / 1e-3 - 1) < 1e-12)
    let zero = ClippedUpdate(clipping: [0, 0] as [Float], to: 1)
    #expect(!zero.wasReplaced && zero.norm == 0)
    #expect(ClippedUpdate(clipping: [Float.leastNonzeroMagnitude], to: 1).norm > 0)
  }

  /// Doubles whose squares overflow, or vanish, are clipped like any others.
  @Test(arguments: [1.0, 1e200, 1e-200, 0x1p1020, 0x1p-1060])
  func doublesOfAnySizeAreClipped(size: Double) {
    let long = ClippedUpdate(clipping: [3 * size, -4 * size], to: size)
    #expect(long.wasClipped && !long.wasReplaced && long.norm == size)
    #expect(abs(long.values[0] / size - 0.6) < 1e-4 && abs(long.values[1] / size + 0.8) < 1e-4)
    let short = ClippedUpdate(clipping: [3 * size, 4 * size], to: 6 * size)
    #expect(!short.wasClipped && short.values == [3 * size, 4 * size] && abs(short.norm / size - 5) < 1e-4)
  }

  @Test func aNormBeyondDoubleIsClipped() {
    let update = [Double](repeating: .greatestFiniteMagnitude, count: 4)
    let clipped = ClippedUpdate(clipping: update, to: 2)
    #expect(clipped.wasClipped && !clipped.wasReplaced && clipped.values == [1, 1, 1, 1] && clipped.norm == 2)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func oneBadDoubleReplacesTheUpdate(bad: Double) {
    let update = ClippedUpdate(clipping: [1e300, bad, 2], to: 1)
    #expect(update.wasReplaced && update.values == [0, 0, 0] && update.norm == 0)
  }

  @Test func floatsAndDoublesAgree() {
    var random = RandomStream(key: countingKey, stream: 13)
    let update = (0..<100).map { _ in Float(random.normal()) }
    let (a, b) = (
      ClippedUpdate(clipping: update, to: 3), ClippedUpdate(clipping: update.map { Double($0) }, to: 3)
    )
    #expect(a.values == b.values && a.norm == b.norm && a.wasClipped == b.wasClipped)
  }

  @Test func normsNeverPassTheBound() {
    var random = RandomStream(key: countingKey, stream: 12)
    for _ in 0..<200 {
      let update = (0..<random.integer(below: 300) + 1).map { _ in Float(random.normal() * 10) }
      let bound = random.uniform() * 5 + 1e-6
      let clipped = ClippedUpdate(clipping: update, to: bound)
      let norm = clipped.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(norm <= bound * (1 + 1e-12))
      #expect(clipped.norm <= bound)
    }
  }

  @Test func informationMatchesTheFormula() {
    let update = ClippedUpdate(clipping: [3, 4] as [Float], to: 5)
    #expect(abs(update.informationBits(noiseScale: 1) - 3.754_887_502_163_468) < 1e-12, "log2(1 + 25/2)")
    let small = ClippedUpdate(clipping: [3e-6, 4e-6] as [Float], to: 5).informationBits(noiseScale: 1)
    #expect(abs(small / (25e-12 / 2 / 0.6931471805599453) - 1) < 1e-6)
    let tiny = ClippedUpdate(clipping: [3, 4] as [Float], to: 1e-200).informationBits(noiseScale: 1e-200)
    #expect(abs(tiny - 0.584_962_500_721_156) < 1e-12, "log2(1 + 1/2): squares would vanish")
  }
}
