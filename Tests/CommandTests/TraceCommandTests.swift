import Foundation
import Testing

/// `fedsim channel trace` as a user runs it.
@Suite struct TraceCommandTests {
  private func trace(_ arguments: String..., in folder: URL? = nil) throws -> Outcome {
    try fedsim(["channel", "trace"] + arguments, in: folder)
  }

  @Test func aSeedNamesAllBytes() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    for algorithm in ["gprs", "fast-gprs", "both", "grc-split", "grc-dyadic", "as-star", "ad-star", "pfr"] {
      let runs = try ["a.svg", "b.svg"].map { file in
        let outcome = try trace("--algorithm", algorithm, "--seed", "43", "--format", "json", "--svg", file, in: folder)
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(algorithm): \(outcome.errors)")
        return (outcome.output, try Data(contentsOf: folder.appendingPathComponent(file)))
      }
      #expect(runs[0] == runs[1], "\(algorithm)")
      let json = try #require(JSONSerialization.jsonObject(with: Data(runs[0].0.utf8)) as? [String: Any])
      #expect(json["algorithm"] as? String == algorithm && json["seed"] as? Int == 43)
      #expect(abs((json["klBits"] as? Double ?? 0) - 2.04508422) < 1e-8)
      let table = try trace("--algorithm", algorithm, "--seed", "43")
      #expect(table.status == 0 && table.output.contains("KL 2.0451 bits, Dinf 2.7694 bits"), "\(table.output)")
      #expect(try trace("--algorithm", algorithm, "--seed", "44").output != table.output)
    }
  }

  @Test func framesAreFilesOfTheirOwn() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try trace("--seed", "43", "--svg", "search.svg", "--frames", in: folder)
    #expect(outcome.status == 0 && outcome.errors.contains("12 frames"), "\(outcome.errors)")
    // Four candidates of fast-gprs; gprs before its first arrival and after each of seven.
    let expected = (0..<4).map { "search-fast-gprs-\($0).svg" } + (0..<8).map { "search-gprs-\($0).svg" }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == expected.sorted())
  }

  @Test func wrongInputIsNamed() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try "1,2,1,4\n".write(to: folder.appendingPathComponent("masses.svg"), atomically: true, encoding: .utf8)
    for (arguments, message) in [
      (["--algorithm", "greed"], "--algorithm: found \"greed\"; allowed: gprs, fast-gprs, both"),
      (["--target", "gauss:1,2"], "--target: found \"gauss:1,2\"; allowed: gaussian:m,s"),
      (["--target", "gaussian:1,1"], "s = 1"),
      (["--target", "mixture:0.5,-1,0.2+0.5,1.5,0.3"], "--algorithm: found \"both\""),
      (["--algorithm", "pfr", "--target", "gaussian:5,0.001"], "Dinf up to 16 bits"),
      (["--seed", "-1"], "--seed: found \"-1\""), (["--svg", "search.png"], "a name that ends in .svg"),
      (["--svg", "-"], "a name that ends in .svg"), (["--frames"], "--frames: found without a picture"),
      (["--columns", "2"], "--columns: found without a picture"),
      (["--svg", "a.svg", "--columns", "0"], "--columns: found \"0\"; allowed: a whole number from 1 to 8"),
      (["--svg", "a.svg", "--columns", "2", "--frames"], "--columns: found with --frames"),
      (["--algorithm", "gprs", "--target", "table:masses.svg", "--svg", "masses.svg"], "would be overwritten"),
    ] {
      let outcome = try fedsim(["channel", "trace"] + arguments, in: folder)
      #expect(outcome.status == 2 && outcome.errors.contains(message), "\(arguments): \(outcome.errors)")
      #expect(outcome.output.isEmpty, "\(arguments)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["masses.svg"])
  }
}
