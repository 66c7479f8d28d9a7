import Statistics
import Support
import Testing

@testable import ChannelCoding
@testable import Numerics

/// How far the noise of `polar` with quantile levels reaches, on the side of x and on the other.
@Suite struct TailTests {
  /// z with Pr[Z > z] = 2^-k, by 40-digit arithmetic.
  static let quantiles: [(k: Int, z: Double)] = [
    (2, 0.674489750196081743), (3, 1.15034938037600818), (4, 1.53412054435254631), (5, 1.86273186742165146),
    (6, 2.15387469406145621), (7, 2.41755901623650506), (8, 2.66006746861745966), (9, 2.88563491242675715),
    (10, 3.09726907819878446), (11, 3.29719334569196334), (12, 3.48710410411443111), (13, 3.66832928512132302),
    (14, 3.84193068550191087), (15, 4.00877259416858496), (16, 4.16956932334910575), (17, 4.32491904082604626),
    (18, 4.47532842465420335), (19, 4.62123100149924716), (20, 4.76300103426781396), (21, 4.90096420796319301),
    (22, 5.03540596946392715), (23, 5.16657811972875311), (24, 5.29470408485459806), (25, 5.41998317491686799),
    (26, 5.54259405780293977), (27, 5.66269761745943867), (28, 5.78043932447893423), (29, 5.89595121673956992),
    (30, 6.00935356553074389), (31, 6.12075628597194081), (32, 6.23026013798904316), (33, 6.33795775455378925),
    (34, 6.44393452653856422), (35, 6.54826936783173076), (36, 6.65103537989301055), (37, 6.75230043140701496),
    (38, 6.85212766589606753), (39, 6.95057594791674993), (40, 7.04770025666440873), (41, 7.14355203435218933),
    (42, 7.23817949554406585), (43, 7.33162790264932709), (44, 7.42393981198598324), (45, 7.51515529415890758),
    (46, 7.60531213194874895), (47, 7.69444599844880243), (48, 7.78259061780244809), (49, 7.86977791057013912),
    (50, 7.95603812548153096), (51, 8.04139995909654234), (52, 8.12589066470190686), (53, 8.20953615160138686),
    (54, 8.29236107581359554), (55, 8.37438892306745645), (56, 8.45564208487854404), (57, 8.53614192839726163),
    (58, 8.6159088606398349), (59, 8.6949623876436035), (60, 8.77332116902755168), (61, 8.85100306838614687),
    (64, 9.08015512487361267), (70, 9.52228849483840162), (80, 10.2175699353125888), (90, 10.8692299086092049),
    (100, 11.4845404349730378), (110, 12.0689571551296003), (120, 12.6266965604913946), (130, 13.1610970295742975),
    (140, 13.6748550357884772), (150, 14.1701855115446988),
  ]

  /// A share 2^-k of the outermost of 2^L cells is the magnitude with the tail 2^-(k + L + 1), to 15 digits.
  @Test func sharesHaveTheirMagnitudes() {
    for (bits, z) in Self.quantiles {
      for levels in [0, 1, 4, 12] where bits - levels - 1 >= 0 {
        let count = Double(1 << levels)
        let share = Double(sign: .plus, exponent: -(bits - levels - 1), significand: 1)
        let a = EscapeCode.magnitude(cell: count - 1, share: share, count: count)
        #expect(abs(a / z - 1) < 2e-15, "2^-\(bits), \(levels) levels: \(a) for \(z)")
      }
    }
  }

  /// What `cell_places` makes of a place 2^-k in a cell that holds x: y = x + z with Pr[Z > z] = 2^-k / 2, for noise up to
  /// beyond 9 sigma and x up to 17, and back through the share. Every instruction set gives the same.
  @Test(arguments: [0.03, 0.3, 1, 10])
  func placesReachNineSigma(snr: Double) {
    let s = (1 + snr).squareRoot()
    for kernels in Kernels.available {
      for levels in [1, 3, 8] {
        let count = Double(1 << levels)
        let low = s * EscapeCode.magnitude(cell: count - 1, share: 1, count: count)
        for x in [low, low + 0.5, 4 + 4 * snr.squareRoot()] where x >= low {
          for (bits, z) in Self.quantiles where z < 9.6 {
            let place = Double(sign: .plus, exponent: -(bits - 1), significand: 1)
            // On x's own side, above it: the choice is the largest.
            let (share, _) = Self.place(
              kernels, x: x, low: low, high: .infinity, cell: count - 1, count: count, inverse: 1 / s, choice: 1,
              place: place)
            let y = s * EscapeCode.magnitude(cell: count - 1, share: share, count: count)
            #expect(abs((y - x) - z) < 1e-13 * (1 + x), "\(kernels.name) snr \(snr) x \(x): \(y - x) for \(z)")
          }
        }
      }
    }
  }

  /// Inside a finite cell, and on the far side of 0, places are still those of the law: the tail of each is right to 10^-11.
  @Test func placesOnEverySideAreRight() {
    var random = RandomStream(key: countingKey, stream: 330)
    for kernels in Kernels.available {
      for trial in 0..<4000 {
        let levels = 1 + trial % 6
        let count = Double(1 << levels)
        let s = 1 + 2 * random.uniform()
        let cell = Double(random.integer(below: 1 << levels))
        let low = s * EscapeCode.magnitude(cell: cell, share: 1, count: count)
        let isOuter = cell == count - 1
        let high = isOuter ? Double.infinity : s * EscapeCode.magnitude(cell: cell + 1, share: 1, count: count)
        let x = 7 * random.uniform()
        let (choice, place) = (random.fraction(), random.fraction())
        let (share, logMass) = Self.place(
          kernels, x: x, low: low, high: high, cell: cell, count: count, inverse: 1 / s, choice: choice, place: place)
        let y = s * EscapeCode.magnitude(cell: cell, share: share, count: count)
        #expect(y >= low * (1 - 1e-14) && y <= high * (1 + 1e-14))
        // Masses below 0 and above it, with signs turned so that both are sums of tails.
        let tail = { (a: Double) in Laws.normalSurvival(a) }
        let far = tail(low + x) - (isOuter ? 0 : tail(high + x))
        let near = { (a: Double, b: Double) -> Double in
          let (p, q) = (a - x, b - x)
          return p >= 0 ? tail(p) - tail(q) : (q <= 0 ? tail(-q) - tail(-p) : 1 - tail(-p) - tail(q))
        }
        let mass = far + near(low, high)
        if mass > 1e-290 { #expect(abs(logMass - Elementary.log(mass * count)) < 1e-9) }
        guard mass > 1e-14 else { continue }
        let chosen = choice * mass
        // What of the side's mass is further out than y.
        let side: (mass: Double, beyond: Double)
        if chosen < far {
          side = (far, tail(y + x) - (isOuter ? 0 : tail(high + x)))
        } else if x <= low {
          side = (near(low, high), near(y, high))
        } else if x >= high {
          side = (near(low, high), near(low, y))
        } else if chosen < far + near(low, x) {
          side = (near(low, x), near(low, y))
        } else {
          side = (near(x, high), near(y, high))
        }
        #expect(
          abs(side.beyond - place * side.mass) < 1e-11 * place * side.mass + 3e-15,
          "\(kernels.name) cell \(cell) of \(count), x \(x): \(side.beyond) for \(place * side.mass)")
      }
    }
  }

  private static func place(
    _ kernels: Kernels, x: Double, low: Double, high: Double, cell: Double, count: Double, inverse: Double,
    choice: Double, place: Double
  ) -> (share: Double, logMass: Double) {
    func eight(_ value: Double) -> [Double] { [Double](repeating: value, count: 8) }
    var tails = [eight(0), eight(0), eight(0), eight(0)]
    let xs = eight(x)
    for (i, end) in [low, high].enumerated() {
      var (far, near) = (eight(0), eight(0))
      kernels.sides(xs, cells: eight(0), ends: [end], far: &far, near: &near, count: 8)
      (tails[2 * i], tails[2 * i + 1]) = (far, near)
    }
    let inputs = [xs, eight(cell), eight(choice), eight(place)]
    // Those of other cells are never looked at.
    var ends = [Double](repeating: .nan, count: Int(count) + 1)
    (ends[Int(cell)], ends[Int(cell) + 1]) = (low, high)
    var (shares, logs) = (eight(0), eight(0))
    shares.withUnsafeMutableBufferPointer { shares in
      logs.withUnsafeMutableBufferPointer { logs in
        withPointers(tails + inputs) { all in
          kernels.cellPlaces(
            Array(all[..<4]), Array(all[4...]), ends: ends, inverseScale: inverse, shares: shares, logMasses: logs)
        }
      }
    }
    return (shares[0], logs[0])
  }

  private static func withPointers(_ arrays: [[Double]], _ body: ([UnsafePointer<Double>]) -> Void) {
    func add(_ i: Int, _ pointers: [UnsafePointer<Double>]) {
      guard i < arrays.count else { return body(pointers) }
      arrays[i].withUnsafeBufferPointer {
        if let address = $0.baseAddress { add(i + 1, pointers + [address]) }
      }
    }
    add(0, [])
  }

  /// Uniforms that tails are drawn from do not end at a lattice.
  @Test func fractionsReachBelowTheirWords() {
    var random = RandomStream(key: countingKey, stream: 331)
    let sample = (0..<100_000).map { _ in random.fraction() }
    #expect(sample.allSatisfy { $0 > 0 && $0 <= 1 })
    #expect(StatisticalChecks.kolmogorovSmirnov(sample: sample) { Laws.uniformCDF($0) }.passes())
    var shares = [Double](repeating: 0, count: 1 << 16)
    shares.withUnsafeMutableBufferPointer {
      NormalStream(key: countingKey, stream: 9).read(group: 0, as: .share, into: $0)
    }
    #expect(shares.allSatisfy { $0 > 0 && $0 <= 1 })
    #expect(StatisticalChecks.kolmogorovSmirnov(sample: shares) { Laws.uniformCDF($0) }.passes())
    // A multiple of 2^-53 has nothing below it.
    #expect(sample.contains { $0 * 0x1p53 != ($0 * 0x1p53).rounded() })
    #expect(shares.contains { $0 * 0x1p53 != ($0 * 0x1p53).rounded() })
  }
}

/// Large noises of `polar` with levels through bytes, at updates that are aligned with the public rotation.
@Suite struct TailStatistics {
  /// Noise of one coordinate along sign(x) beyond `limit`, in `messages` messages.
  private func exceedances(
    dimension: Int, snr: Double, spike: Double, limit: Double, messages: Int, forcedLimit: Double?
  ) throws -> (count: Int, opposite: Int, noise: [Double], tally: CodingTally) {
    let bound = (snr * Double(dimension)).squareRoot()
    let settings = ChannelSettings(codec: .polar, dimension: dimension, clippingNorm: bound, noiseScale: 1)
    var codec = PolarCodec(settings)
    codec.forcedLimit = forcedLimit
    var x = [Double](repeating: 0, count: dimension)
    x[2] = spike
    // The rest of the norm, so that the class is the first.
    let rest = ((bound * bound - spike * spike) / Double(dimension - 1)).squareRoot()
    for i in x.indices where i != 2 { x[i] = i % 2 == 0 ? rest : -rest }
    let update = ClippedUpdate(clipping: x, to: bound)
    var (count, opposite) = (0, 0)
    var noise: [Double] = []
    var tally = CodingTally()
    let keys = RunKeys(seed: 79, fingerprint: [])
    for round in 0..<messages {
      let shared = SharedRandomness(key: keys.server.rotation(round: round))
      var random = keys.client(0).noise(round: round)
      let decoded = try codec.decode(
        codec.encode(update, shared: shared, private: &random, tally: &tally), shared: shared)
      let g = decoded[2] - update.values[2]
      noise.append(g)
      if g > limit { count += 1 }
      if g < -limit { opposite += 1 }
    }
    return (count, opposite, noise, tally)
  }

  /// Where x is near what the old limit let pass, by the quantizer as planned and by selections however hard: the number of
  /// noises beyond 3.2 (2.8) sigma on either side is Poisson with mean n Q(3.2), false-alarm rate 1e-6 a side; and the law of all by
  /// KS. Places that were multiples of 2^-53 had 28 and 29 beyond 3.2 sigma, but none of 6.4 beyond 3.47 on the side of x: the tests of
  /// places in `TailTests` are what they fail.
  @Test(arguments: Effort.cases([nil, 1e9], gate: 1))
  func farCoordinatesKeepTheirTails(forcedLimit: Double?) throws {
    // Searches for escapes of such coordinates are long.
    let messages = forcedLimit == nil ? 40_000 : 10_000
    let limit = forcedLimit == nil ? 3.2 : 2.8
    let (above, below, noise, tally) = try exceedances(
      dimension: 256, snr: 0.25, spike: 5.99, limit: limit, messages: messages, forcedLimit: forcedLimit)
    #expect(forcedLimit == nil ? tally.layered > 0 : tally.layered == 0)
    // 27.5 and 25.6 expected: Pr[X <= 5] and Pr[X >= 59] are below 10^-6.
    #expect((6...58).contains(above) && (6...58).contains(below), "\(above) and \(below) of 27")
    let check = StatisticalChecks.kolmogorovSmirnov(sample: noise) { Laws.normalCDF($0) }
    #expect(check.passes(), "\(check)")
  }

  /// Signs, bits and places together: E[f; no block escaped] and E[f; every block escaped] against the laws of the body,
  /// min(q, M p), and of the escape, (q - M p)+, for f = 1, tails on both sides, and the projection on x. Two blocks of one
  /// coordinate each, caps so low that both happen; with and without quantile levels.
  @Test(arguments: [(1.0, 0.0), (1.0, 1.3), (40.0, -0.8)])
  func mixturesHaveTheirParts(snr: Double, tilt: Double) throws {
    let cap = snr > 1 ? 1.1 : 0.9
    let bound = (snr * 2).squareRoot()
    var codec = PolarCodec(ChannelSettings(codec: .polar, dimension: 2, clippingNorm: bound, noiseScale: 1))
    codec.forcedCap = cap
    codec.forcedLimit = 1e9
    codec.forcedLevels = snr < 10 ? 0 : 3
    let slope = 1 + 0.3 * tilt
    let x = [bound, bound * slope].map { $0 / (1 + slope * slope).squareRoot() }
    let update = ClippedUpdate(clipping: x, to: bound)
    let plan = codec.plan(NormClass(norm: update.norm, bound: bound))
    #expect(plan.levels.isEmpty == (snr < 10) && plan.blockCount == 2)
    // Of one coordinate: masses of body and escape, and of f under each, on a grid of y.
    let s = plan.proposalScale
    func parts(_ x: Double, _ f: (Double) -> Double) -> (body: Double, escape: Double) {
      let cells = plan.cellCount
      var ends = plan.boundaries.map { min($0 * s, abs(x) + 12) }
      ends[cells] = abs(x) + 12
      let density = { (z: Double, scale: Double) in
        Elementary.exp(-z * z / (2 * scale * scale)) / (scale * (2 * Double.pi).squareRoot())
      }
      var total = (body: 0.0, escape: 0.0)
      for c in 0..<cells where ends[c + 1] > ends[c] {
        let steps = 4000
        let width = (ends[c + 1] - ends[c]) / Double(steps)
        let grid = (0..<steps).map { ends[c] + (Double($0) + 0.5) * width }
        let q = grid.map { density($0 - x, 1) + density($0 + x, 1) }
        let p = grid.map { 2 * density($0, s) }
        let mass = q.reduce(0, +) * width
        guard mass > 0 else { continue }
        for i in grid.indices {
          // Given the cell, the proposal's density is p times the number of cells.
          let body = min(q[i], cap * mass * Double(cells) * p[i])
          // The sign has its own law given the magnitude.
          let share = density(grid[i] - x, 1) / q[i]
          let value = (share * f(grid[i]) + (1 - share) * f(-grid[i])) * width
          total.body += body * value
          total.escape += (q[i] - body) * value
        }
      }
      return total
    }
    let tests: [(name: String, f: (Double) -> Double)] = [
      ("1", { _ in 1 }), ("above", { $0 - x[0] > 1 ? 1 : 0 }), ("below", { $0 - x[0] < -1 ? 1 : 0 }),
      ("projection", { $0 * x[0] / abs(x[0]) }),
    ]
    let messages = 60_000
    var bodies = [[Double]](repeating: [], count: tests.count)
    var escapes = bodies
    let keys = RunKeys(seed: 80, fingerprint: [])
    for round in 0..<messages {
      let shared = SharedRandomness(key: keys.server.rotation(round: round))
      var random = keys.client(0).noise(round: round)
      var tally = CodingTally()
      let payload = codec.encode(update, shared: shared, private: &random, tally: &tally)
      let y = try codec.decode(payload, shared: shared)[0]
      for (i, test) in tests.enumerated() {
        bodies[i].append(tally.escapes == 0 ? test.f(y) : 0)
        escapes[i].append(tally.escapes == 2 ? test.f(y) : 0)
      }
    }
    let other = parts(x[1]) { _ in 1 }
    #expect(abs(other.body + other.escape - 1) < 1e-6)
    for (i, test) in tests.enumerated() {
      let (mean, square) = (parts(x[0], test.f), parts(x[0]) { test.f($0) * test.f($0) })
      for (sample, mean, square) in [
        (bodies[i], mean.body * other.body, square.body * other.body),
        (escapes[i], mean.escape * other.escape, square.escape * other.escape),
      ] {
        #expect(square * Double(messages) > 25, "often enough to be tested: \(test.name)")
        let check = StatisticalChecks.meanCheck(sample: sample, mean: mean, variance: square - mean * mean)
        #expect(check.passes(), "\(test.name): \(check)")
      }
    }
  }
}
