import Files
import Platform
import Support
import Testing

@testable import LineSamplers

/// What a target says of itself, against other ways to the same figures.
@Suite struct TargetTests {
  @Test(arguments: (try? ReferenceTable.load().rows) ?? [])
  func figures(_ row: ReferenceTable.Row) throws {
    let figures = TargetFigures(try TargetRegistry.target(row.target))
    #expect(abs(figures.klBits - row.klBits) < 1e-9 * (1 + row.klBits), "\(row.name)")
    #expect(abs(figures.dInfBits - row.dInfBits) < 1e-9 * (1 + row.dInfBits), "\(row.name)")
    // The document's are good to 2e-3.
    #expect(abs(figures.dcsBits - row.dcsBits) < 2e-3, "\(row.name): \(figures.dcsBits), \(row.dcsBits)")
  }

  @Test func badTargetsAreRefused() {
    let bad = [
      "gaussian:0.1,1", "gaussian:0,1.5", "gaussian:1000,0.5", "gaussian:nan,0.5", "gaussian:1,0", "gaussian:1,-0.5",
      "gaussian:1,1e-12", "gaussian:1", "gaussian:1,0.5,3", "gaussian", "gausian:1,0.5", "", ":", "gaussian:",
      "laplace:1,1", "laplace:0,2", "laplace:inf,0.5", "uniform:0.9,0.2", "uniform:-0.1,0.2", "uniform:0,0",
      "mixture:0.5,0", "mixture:", "mixture:1,0,0", "mixture:-1,0,1", "mixture:0.5,0,1+", "table:/nowhere/at/all",
      "table:",
    ]
    for text in bad { #expect(throws: ToolError.self, "\(text)") { try TargetRegistry.target(text) } }
  }

  @Test func badTablesAreRefused() {
    for masses in [[], [0.0, 0], [1, -0.1], [1, .infinity], [.nan], [-1, -1]] {
      #expect(throws: ToolError.self, "\(masses)") {
        try TableTarget(masses, .uniform, spelling: "table", name: "table")
      }
    }
  }

  @Test func tablesAreScaledAndSaySo() throws {
    let scaled = try TableTarget([2, 6], .uniform, spelling: "t", name: "t")
    #expect(scaled.masses == [0.25, 0.75])
    #expect(scaled.notes.contains { $0.contains("sum to 8") })
    #expect(try TableTarget([0.25, 0.75], .uniform, spelling: "t", name: "t").notes.isEmpty)
    // Neither sums nor their inverses leave the range of numbers.
    #expect(try TableTarget([1e308, 1e308], .uniform, spelling: "t", name: "t").masses == [0.5, 0.5])
    #expect(try TableTarget([1e-307, 1e-307], .uniform, spelling: "t", name: "t").masses == [0.5, 0.5])
  }

  @Test func cellMassesAreReadFromText() throws {
    let read = { (text: String) throws in try CellMasses.read(Array(text.utf8), name: "f.csv") }
    #expect(try read("0.25,0.75\n") == [0.25, 0.75])
    #expect(try read("mass\n0.25\r\n0.75") == [0.25, 0.75])
    #expect(throws: ToolError.self) { try read("") }
    #expect(throws: ToolError.self) { try read("mass") }
    #expect(throws: ToolError.input(place: "f.csv:2:1", problem: "found \"x\"; allowed: a mass, a number from 0")) {
      try read("1\nx\n2")
    }
  }

  @Test func humpsAreCounted() throws {
    let isUnimodal = { (masses: [Double]) throws in
      try TableTarget(masses, .uniform, spelling: "t", name: "t").isUnimodal
    }
    #expect(try isUnimodal([1, 2, 2, 1]))
    #expect(try isUnimodal([1]))
    #expect(try isUnimodal([3, 2, 1]))
    #expect(try !isUnimodal([2, 1, 2]))
    #expect(try !isUnimodal([2, 1, 1, 2, 1]))
  }

  /// S of tables is a sum of logarithms, of Gaussians an enclosure: of a fine table of a Gaussian they are alike.
  @Test func stretchFunctions() throws {
    let vectors = try ReferenceTable.load()
    let gaussian = try GaussianTarget(mean: 1, deviation: 0.25)
    let count = 1 << 16
    let masses = (0..<count).map { i in
      let ends = (i...(i + 1)).map {
        LineProposal.normal.quantile(left: Double($0) / Double(count), right: Double(count - $0) / Double(count))
      }
      return NormalMass.between((ends[0] - 1) / 0.25, (ends[1] - 1) / 0.25)
    }
    let table = try TableTarget(masses, .normal, spelling: "t", name: "t")
    for values in vectors.stretch {
      let left = NormalMass.above(-values[0])
      let point = LinePoint(left: left, right: 1 - left, .normal)
      // The document's values have the accuracy of its interpolation.
      #expect(abs(gaussian.stretch(point) / values[1] - 1) < 1e-4, "\(values)")
      if values[0] > -0.5, values[0] < 1.9 {
        #expect(abs(table.stretch(point) / gaussian.stretch(point) - 1) < 0.01, "\(values)")
      }
    }
  }

  /// The excess over a lid: of the line the integral of P[r >= h] over the heights above, and of parts that of the whole.
  @Test(arguments: [
    "gaussian:1,0.25", "gaussian:2.02,0.83", "gaussian:-0.3,0.999", "gaussian:0,1e-6", "laplace:1,0.25",
    "laplace:-2,0.9", "uniform:0.3,0.0625", "mixture:0.5,-1.5,0.2+0.5,1,0.1",
  ])
  func excesses(_ text: String) throws {
    let target = try TargetRegistry.target(text)
    let top = target.logSupremum
    for depth in [1e-4, 0.01, 0.3, 0.9, 1.1, 3.0] {
      let level = top - depth
      // A' = -w in h: by l = top - y^2 smooth also at the top; a table has steps and needs many panels.
      var integral = 0.0
      let points = 40_000
      let step = depth.squareRoot() / Double(points)
      for i in 0..<points {
        let y = (Double(i) + 0.5) * step
        integral += target.levelMass(top - y * y) * exp(top - y * y) * 2 * y * step
      }
      let excess = target.excess(over: level, in: LineInterval())
      let tolerance = text.hasPrefix("mixture") ? 1e-3 : 1e-6
      #expect(abs(excess - integral) <= tolerance * integral, "\(text), \(depth): \(excess), \(integral)")
      for split in [0.5, 0.8413, 0.97] {
        let parts = [true, false].map { target.excess(over: level, in: LineInterval().part(below: $0, split)) }
        #expect(abs(parts[0] + parts[1] - excess) <= 1e-9 * excess, "\(text), \(depth), \(split)")
      }
    }
  }

  /// No point of an interval is above its supremum, and some are near it.
  @Test(arguments: ["gaussian:1,0.25", "laplace:1,0.25", "uniform:0.3,0.0625", "mixture:0.5,-1.5,0.2+0.5,1,0.1"])
  func suprema(_ text: String) throws {
    let target = try TargetRegistry.target(text)
    var interval = LineInterval()
    for (depth, u) in [0.3, 0.8, 0.55, 0.2, 0.7].enumerated() {
      let bound = target.logSupremum(in: interval)
      let points = (1..<4000).map { target.logRatio(interval.point(Double($0) / 4000, target.proposal)) }
      let largest = points.max() ?? 0
      #expect(largest <= bound + 1e-12, "\(text), \(depth)")
      #expect(bound == -.infinity || largest > bound - 0.1, "\(text), \(depth)")
      interval = interval.part(below: depth % 2 == 0, u)
    }
  }
}

/// The document's table: what recursions, quadratures and 200,000 repetitions of another program gave.
struct ReferenceTable: Decodable {
  struct Values: Decodable, Sendable {
    let steps: Double?
    let stepsError: Double?
    let log2: Double?
    let log2Error: Double?
    let path: Double?
    let code: Double?
  }

  struct Row: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let target: String
    let klBits: Double
    let dInfBits: Double
    let dcsBits: Double
    let algorithms: [String: Values]
    var testDescription: String { name }
  }

  let rows: [Row]
  let stretch: [[Double]]

  static func load() throws -> ReferenceTable { try Vectors.load("line-samplers.json") }
}
