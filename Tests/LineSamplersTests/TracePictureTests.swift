import Files
import Foundation
import LineSamplers
import Support
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Pictures of searches: their bytes, and what is in them. How they are laid out is for a browser to say (CommandTests).
@Suite struct TracePictureTests {
  private func talk() throws -> GaussianTarget { try GaussianTarget(mean: 1, deviation: 0.25) }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The pictures of the guides, as Scripts/trace-pictures.sh makes them.
  @Test(arguments: [
    (TraceAlgorithm.gprs, UInt64(43)), (.fastGPRS, 43), (.grcSplit, 43), (.asStar, 13),
  ])
  func picturesOfTheGuidesAreOfThisBuild(algorithm: TraceAlgorithm, seed: UInt64) throws {
    let trace = try SearchTrace(talk(), algorithm, seed: seed)
    for (columns, suffix) in [(4, ""), (2, "-narrow")] {
      let file = Self.folder.appendingPathComponent("docs/codecs/trace-\(algorithm.rawValue)\(suffix).svg")
      let committed = try String(contentsOf: file, encoding: .utf8)
      #expect(try trace.picture(columns: columns) == committed, "\(file.lastPathComponent): Scripts/trace-pictures.sh")
    }
  }

  @Test(arguments: TraceAlgorithm.allCases)
  func stepsOfASeedAreGolden(algorithm: TraceAlgorithm) throws {
    let file = Self.folder.appendingPathComponent("Tests/Vectors/trace-\(algorithm.rawValue).json")
    let text = try SearchTrace(talk(), algorithm, seed: 43).json.text(pretty: true) + "\n"
    if ProcessInfo.processInfo.environment["FEDSIM_WRITE_REFERENCE"] != nil {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == text)
  }

  private final class Reader: NSObject, XMLParserDelegate {
    var names: [String: Int] = [:]
    var values: [String] = []
    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      names[name, default: 0] += 1
      values += attributes.filter { $0.key != "aria-label" }.values
    }
  }

  private func read(_ svg: String) throws -> Reader {
    let reader = Reader()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    try #require(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "")")
    return reader
  }

  @Test(arguments: TraceAlgorithm.allCases)
  func picturesAreWhole(algorithm: TraceAlgorithm) throws {
    for seed in [UInt64(1), 3, 21, 43] {
      let trace = try SearchTrace(talk(), algorithm, seed: seed)
      var pictures = [try trace.picture(columns: 4), try trace.picture(columns: 1)]
      let frames = try trace.frames()
      #expect(Set(frames.map(\.name)).count == frames.count)
      pictures += frames.map(\.svg)
      for svg in pictures {
        let reader = try read(svg)
        #expect(reader.names["title"] == 1 && reader.names["desc"] == 1 && reader.names["image"] == nil)
        #expect(svg.contains("font-family=\"sans-serif\"") && svg.components(separatedBy: "font-family").count == 2)
        for value in reader.values { #expect(!value.contains("nan") && !value.contains("inf") && !value.contains(",")) }
      }
      switch trace.course {
      case .process(let process):
        let (fast, global) = (process.steps.count, process.arrivals.count + 1)
        let expected = algorithm == .gprs ? global : algorithm == .fastGPRS ? fast : fast + global
        #expect(frames.count == expected)
        #expect(frames.last?.svg.contains("accepted") == true)
      case .bounds(let bounds): #expect(frames.count == bounds.steps.count + 1)
      case .lids(let lids): #expect(frames.count == lids.steps.count)
      }
    }
  }

  /// A discarded part is grey from the time of its point on, on the side away from the mode.
  @Test func framesOfFastGPRSGrowGrey() throws {
    let frames = try SearchTrace(talk(), .fastGPRS, seed: 43).frames()
    for (depth, frame) in frames.enumerated() {
      let boxes = frame.svg.components(separatedBy: "<rect class=\"discarded\"").count - 1
      let lines = frame.svg.components(separatedBy: "<path class=\"split\"").count - 1
      // One of each is the legend's; the last candidate is accepted.
      #expect(boxes == min(depth + 1, frames.count - 1) + 1 && lines == boxes, "depth \(depth): \(boxes), \(lines)")
      #expect(frame.svg.contains("<path class=\"drop\"") == (depth == frames.count - 1))
    }
  }

  /// A long search shows its first and last frame, and 16 in all.
  @Test func longSearchesAreThinned() throws {
    let target = try GaussianTarget(mean: 1.5, deviation: 0.05)
    let seed = try #require(
      try (UInt64(0)..<50).first { seed in
        guard case .process(let process) = try SearchTrace(target, .gprs, seed: seed).course else { return false }
        return (40...500).contains(process.arrivals.count)
      })
    let trace = try SearchTrace(target, .gprs, seed: seed)
    let svg = try trace.picture()
    #expect(svg.components(separatedBy: "<g transform").count - 1 == SearchTrace.mostFrames)
    #expect(svg.contains("Before the first arrival") && svg.contains(": accepted"))
  }
}
