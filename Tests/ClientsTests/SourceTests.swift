import Testing

@testable import Clients
@testable import Datasets
@testable import Files
@testable import JSONText
@testable import Numerics
@testable import Settings

/// What an error of a source is about, by its case: the words of messages are for people.
@Suite struct DataSubjectTests {
  private let request = LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1))

  private func subject(_ source: any ExampleSource) -> DataSubject? {
    do throws(DataError) {
      _ = try source.load(request)
      Issue.record("no error")
      return nil
    } catch { return error.subject }
  }

  @Test func errorsOfIDXNameTheFileByItsRole() throws {
    let folder = try TestFolder()
    let images = try folder.write([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8], "images")
    let labels = try folder.write([0, 0, 8, 1, 0, 0, 0, 2, 0, 5], "labels")
    let one = try folder.write([0, 0, 8, 1, 0, 0, 0, 1, 0], "one")
    let files = IDXData.Files(images: images, labels: labels)
    #expect(subject(IDXData(.init(images: "none", labels: labels))) == .file(.images))
    #expect(subject(IDXData(.init(images: images, labels: "none"))) == .file(.labels))
    #expect(subject(IDXData(.init(images: images, labels: one))) == .file(.images), "two images for a label")
    #expect(subject(IDXData(files, classes: 3)) == .classCount)
    #expect(subject(IDXData(files, test: .init(images: images, labels: one))) == .file(.test))
    #expect(subject(IDXData(files, test: .init(images: "none", labels: labels))) == .file(.test))
    // A name that is a part of another one's is no other one.
    #expect(subject(IDXData(files, test: .init(images: images, labels: images + " none"))) == .file(.test))
  }

  @Test func errorsOfTablesNameTheColumnByItsRole() throws {
    let folder = try TestFolder()
    let table = try folder.write("who,a,y\nann,1,0\nbob,2,1\n", "t.csv")
    let table2 = try folder.write("a,z\n1,0\n", "u.csv")
    let source = { (label: CSVData.Column, client: CSVData.Column?) in
      CSVData(path: table, columns: .init(label: label, client: client))
    }
    #expect(subject(source(.name("none"), .name("who"))) == .column(.label))
    #expect(subject(source(.number(9), .name("who"))) == .column(.label))
    #expect(subject(source(.name("y"), .name("none"))) == .column(.client))
    #expect(subject(source(.name("y"), .name("y"))) == .column(.client))
    var wrong = source(.name("y"), nil)
    wrong.rules.scaling = .constants([.init(column: "who", offset: 0, scale: 1)])
    #expect(subject(wrong) == .table(.scaling), "a name is no number")
    for (rules, rule) in [
      (FeatureRules(categorical: [.name("none")]), DataSubject.TableRule.categorical),
      (.init(drop: [.name("y")]), .drop),
      (.init(use: [.number(9)]), .use),
      (.init(categories: .init([.init(column: "y", categories: ["a"])])), .categories),
    ] {
      let wrong = CSVData(path: table, columns: .init(label: .name("y"), client: nil), rules: rules)
      #expect(subject(wrong) == .table(rule))
    }
    wrong = source(.name("y"), .name("who"))
    wrong.imageShape = .init(height: 2, width: 2, channels: 1)
    #expect(subject(wrong) == .imageShape)
    wrong = source(.name("y"), .name("who"))
    wrong.test = table2
    #expect(subject(wrong) == .file(.test))
    wrong.path = "none"
    #expect(subject(wrong) == .file(.training))
  }

  @Test func errorsOfOtherSourcesAndPartitionsDoToo() throws {
    let folder = try TestFolder()
    let users = try folder.write(#"{"users": ["a"], "user_data": {"a": {"x": [[1]], "y": [4]}}}"#, "a.json")
    #expect(subject(LEAFData(path: "none")) == .file(.training))
    #expect(subject(LEAFData(path: users, test: "none")) == .file(.test))
    #expect(subject(LEAFData(path: users, imageShape: .init(height: 2, width: 1, channels: 1))) == .imageShape)
    #expect(subject(SyntheticData(clients: 10_000, features: 1_000_000)) == .clientCount)
    #expect(subject(MixtureData(examples: 2_000_000_000)) == .exampleCount)
    var stream = random(1)
    do throws(DataError) {
      let digits = try Digits.load()
      _ = try Population(
        digits, partition: DirichletClassPartition(clients: 1000, alpha: 1, minimumSize: 2), random: &stream)
      Issue.record("no error")
    } catch { #expect(error.subject == .minimumSize) }
  }
}

/// Every kind that a scenario can choose says its keys where it is.
@Suite struct KindTests {
  private func values(_ text: String) throws -> JSONObject {
    guard case .object(let values) = try JSONParser.parse(text.utf8).value else { return JSONObject() }
    return values
  }

  @Test func sourcesAndPartitionsAreReadAndWrittenByTheirKeys() throws {
    let sources = Choices<any ExampleSource>.standard
    let csv = try #require(
      sources.read("csv", values(#"{"path": "f", "labelColumn": 3, "imageShape": [2, 3, 1]}"#)) as? CSVData)
    #expect(csv.path == "f" && csv.columns.label == .number(3) && csv.columns.client == nil && csv.test == nil)
    #expect(csv.imageShape == .init(height: 2, width: 3, channels: 1))
    let idx = try #require(
      sources.read(
        "idx", values(#"{"images": "i", "labels": "l", "test": {"images": "ti", "labels": "tl"}}"#)) as? IDXData)
    #expect(idx.files == .init(images: "i", labels: "l") && idx.test?.labels == "tl" && idx.classes == nil)
    let synthetic = try #require(
      sources.read("synthetic", values(#"{"alpha": 0, "iid": true, "seed": 7}"#)) as? SyntheticData)
    #expect(synthetic == SyntheticData(alpha: 0, isIID: true, seed: 7))
    let written = try #require(sources.write(synthetic))
    #expect(written.name == "synthetic" && written.values["clients"] == 30 && written.values["test"] == .null)
    let partitions = Choices<any PartitionScheme>.standard
    let shards = try partitions.read("shards", values(#"{"clients": 5}"#))
    #expect(shards as? ShardPartition == ShardPartition(clients: 5, perClient: 2))
    #expect(partitions.write(NaturalPartition())?.values["clients"] == .null)
    let dirichlet = try #require(partitions.write(DirichletClassPartition(clients: 4, alpha: 0.5))?.values)
    #expect(dirichlet["minimumSize"] == 10 && dirichlet["selfBalancing"] == false)
  }

  @Test func modelsAreMadeForTheExamples() throws {
    let kinds = Choices<any ModelArchitecture>.standard
    let digits = try Digits.load()
    let convolutional = try kinds.read("convolutional", values(#"{"channels": [4, 8]}"#))
    #expect(try convolutional.makeModel(for: digits).shape == "8x8x1-4c5-8c5-10")
    #expect(try kinds.read("perceptron", values(#"{"hidden": [9]}"#)).makeModel(for: digits).shape == "64-9-10")
    #expect(throws: KeyProblem.self) { try ConvolutionalNetwork(channels: [1, 1, 1, 1]).makeModel(for: digits) }
  }
}
