import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import JSONText
@testable import Numerics
@testable import Settings
@testable import Verification

private func examples(_ count: Int, features: Int, classes: Int) throws -> Dataset {
  var stream = random(3)
  return try Dataset(
    features: (0..<(count * features)).map { _ in Float(stream.normal()) },
    labels: (0..<count).map { Int32($0 % classes) }, featureCount: features, classCount: classes)
}

@Suite struct LineConvolutionTests {
  /// Strides, windows, channels, kernels longer than the line, odd rests: what a wrong index would show.
  static let networks: [Network] = [
    Network(length: 9, channels: 1, convolutions: [(3, 3, 1, 1)], hidden: [], classes: 3)!,
    Network(length: 11, channels: 2, convolutions: [(5, 5, 2, 1), (4, 3, 3, 1)], hidden: [6], classes: 4)!,
    Network(length: 17, channels: 3, convolutions: [(18, 3, 1, 2), (3, 1, 1, 3)], hidden: [], classes: 3)!,
    Network(length: 3, channels: 1, convolutions: [(2, 7, 1, 1), (17, 3, 2, 2)], hidden: [5], classes: 2)!,
    Network(length: 1, channels: 4, convolutions: [(2, 3, 5, 1)], hidden: [], classes: 2)!,
  ]

  @Test(arguments: networks)
  func networksKeepTheLawsOfModels(network: Network) throws {
    let data = try examples(8, features: network.featureCount, classes: network.classCount)
    #expect(ModelLaws.violations(of: network, on: data) == [], "\(network.shape)")
  }

  /// MNIST-1D's published network has 5,210 parameters: three convolutions of 25, with stride 2, and a layer of 125 x 10.
  @Test func parametersAreCounted() throws {
    let data = try examples(2, features: 40, classes: 10)
    let kind = LineConvolutionalNetwork(channels: [25, 25, 25], kernels: [5, 3, 3], strides: [2])
    let model = try kind.model(for: data)
    #expect(model.parameterCount == 5210 && model.shape == "40x1-25c5s2-25c3s2-25c3s2-10")
    #expect(
      model.tensors.map(\.shape) == [[25, 1, 5], [25], [25, 25, 3], [25], [25, 25, 3], [25], [10, 125], [10]])
    #expect(Network(length: 5, channels: 1, convolutions: [(1, 3, 2, 4)], hidden: [], classes: 2) == nil)
  }

  /// What no kernel does: three loops in double, with torch's tensors.
  @Test(arguments: [(1, 1), (2, 1), (1, 2), (3, 2)])
  func convolutionsAreConvolutions(stride: Int, pooling: Int) throws {
    let (length, channels, outputs, kernel) = (13, 2, 3, 5)
    let network = try #require(
      Network(
        length: length, channels: channels, convolutions: [(outputs, kernel, stride, pooling)], hidden: [], classes: 2))
    let data = try examples(1, features: length * channels, classes: 2)
    var stream = random(8)
    let parameters = (0..<network.parameterCount).map { _ in Float(stream.normal()) }
    let tensors = network.tensors.indices.map { network.values(of: $0, in: parameters).map(Double.init) }
    func input(_ x: Int, _ c: Int) -> Double {
      (0..<length).contains(x) ? Double(data.features[x * channels + c]) : 0
    }
    func convolved(_ place: Int, _ k: Int) -> Double {
      var sum = tensors[1][k]
      for c in 0..<channels {
        for i in 0..<kernel { sum += tensors[0][(k * channels + c) * kernel + i] * input(place * stride + i - 2, c) }
      }
      return sum
    }
    let places = (length + stride - 1) / stride / pooling
    var scores = tensors[3]
    for k in 0..<outputs {
      for x in 0..<places {
        let value = max((0..<pooling).map { convolved(x * pooling + $0, k) }.max() ?? 0, 0)
        for label in 0..<2 { scores[label] += value * tensors[2][(label * outputs + k) * places + x] }
      }
    }
    let expected = Elementary.log(1 + Elementary.exp(scores[1] - scores[0]))
    let found = Evaluation(network, parameters, on: [0], of: data, Parallel(threads: 1)).loss
    #expect(abs(found - expected) < 1e-4 * (1 + expected), "\(found) \(expected)")
  }

  @Test func divergedModelsAreNotFiniteAndNotCorrect() throws {
    for network in Self.networks {
      let data = try examples(3, features: network.featureCount, classes: network.classCount)
      var parameters = [Float](repeating: 0, count: network.parameterCount)
      parameters[0] = .nan
      parameters[network.parameterCount - 1] = .nan
      let evaluation = Evaluation(network, parameters, on: [0, 1, 2], of: data, Parallel(threads: 1))
      #expect(evaluation.loss.isNaN && evaluation.accuracy == 0)
    }
  }

  @Test func keysAreReadAndMistakesExplained() throws {
    let kinds = Choices<any ModelArchitecture>.standard
    func values(_ text: String) throws -> JSONObject {
      guard case .object(let values) = try JSONParser.parse(text.utf8).value else { return JSONObject() }
      return values
    }
    let line = try examples(2, features: 40, classes: 3)
    let read = try kinds.read("convolutional-1d", values(#"{"channels": [4, 8], "pooling": [2], "hidden": [7]}"#))
    #expect(try read.model(for: line).shape == "40x1-4c5m2-8c5m2-7-3")
    for (text, key) in [
      (#"{"channels": [4], "kernels": [4]}"#, "kernels"), (#"{"channels": [4, 4, 4], "strides": [1, 2]}"#, "strides"),
      (#"{"channels": [4], "pooling": [1, 1]}"#, "pooling"),
    ] {
      #expect { _ = try kinds.read("convolutional-1d", values(text)) } throws: { ($0 as? KeyProblem)?.key == key }
    }
    #expect { try LineConvolutionalNetwork(channels: [1, 1], pooling: [8]).model(for: line) } throws: {
      ($0 as? KeyProblem)?.key == "pooling"
    }
    #expect { try LineConvolutionalNetwork(channels: [1]).model(for: Digits.load()) } throws: {
      ($0 as? KeyProblem)?.problem.contains("8 x 8") ?? false
    }
    let shaped = try Dataset(
      features: line.features, labels: line.labels, featureCount: 40, classCount: 3,
      imageShape: .init(height: 20, width: 1, channels: 2))
    #expect(try LineConvolutionalNetwork(channels: [1]).model(for: shaped).shape == "20x2-1c5-3")
  }

  /// Features that are numbers of symbols are no quantities: no sum of products says anything of them.
  @Test func symbolsAreRefusedByModelsOfQuantities() throws {
    let text = try Dataset(
      features: [0, 1, 2, 1], labels: [0, 1], featureCount: 2, classCount: 2, symbolNames: ["a", "b", "c"])
    let kinds: [any ModelArchitecture] = [
      SoftmaxRegression(), Perceptron(hidden: [2]), LineConvolutionalNetwork(channels: [1]),
      ConvolutionalNetwork(channels: [1]),
    ]
    for kind in kinds {
      #expect { try kind.model(for: text) } throws: {
        ($0 as? KeyProblem)?.key == "kind" && ($0 as? KeyProblem)?.problem.contains("3 symbols") ?? false
      }
    }
  }
}
