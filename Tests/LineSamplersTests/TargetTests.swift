import Files
import LineSamplers
import Platform
import Testing

/// Figures of targets against the document's values, in bits.
@Suite struct TargetTests {
  @Test func gaussianFigures() throws {
    let target = try GaussianTarget(mean: 1, deviation: 0.25)
    #expect(abs(target.relativeEntropy / log(2) - 2.04508422002778) < 1e-12)
    #expect(abs(target.logSupremum / log(2) - 2.7694373551407807) < 1e-12)
    #expect(abs(target.selectionDivergence / log(2) - 2.5676365555048597) < 1e-8)
  }

  @Test func unboundedGaussiansAreRefused() throws {
    #expect(throws: ToolError.self) { try GaussianTarget(mean: 0.1, deviation: 1) }
    #expect(throws: ToolError.self) { try GaussianTarget(mean: 0, deviation: 1.5) }
    #expect(throws: ToolError.self) { try GaussianTarget(mean: 1000, deviation: 0.5) }
    #expect(throws: ToolError.self) { try GaussianTarget(mean: .nan, deviation: 0.5) }
    #expect(try GaussianTarget(mean: 0, deviation: 1).relativeEntropy == 0)
  }
}
