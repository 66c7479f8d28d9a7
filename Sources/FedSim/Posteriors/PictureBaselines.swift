import Datasets
import Files
import Numerics
import VariationalModels

extension PosteriorStage {
  /// Steps of quantizers and qualities of JPEG at which the other codes are measured.
  private static let steps = [1.2, 0.8, 0.5, 0.3, 0.15]
  private static let qualities = [20, 40, 60, 80]

  /// The same pictures by other codes: KLT and DCT with tables of the training pictures, PNG, and JPEG where the system has its library.
  ///
  /// - Parameter notes: gets what could not be measured, and why.
  func baselines(_ count: Int, _ notes: inout [String]) throws -> [PosteriorResults.Row] {
    let training = setup.population.data
    var codes: [any PictureCode] = []
    if setup.plan == nil {
      let all = Array(0..<training.count)[...]
      for transform in try transforms(all, of: training, &notes) {
        codes += try setup.parallel.map(Self.steps.count) { i in
          Result { try TransformCode(transform, step: Self.steps[i], learningFrom: all, of: training) }
        }.map { try $0.get() }
      }
    } else {
      notes.append(
        "KLT and DCT were not measured: their tables are learned on the training pictures, which the run's guarantee does not cover."
      )
    }
    if let shape = training.imageShape {
      if let png = PNGCode(shape) { codes.append(png) }
      if JPEGCode.isAvailable {
        codes += Self.qualities.compactMap { JPEGCode(shape, quality: $0) }
      } else {
        notes.append("JPEG was not measured: this system has no libturbojpeg.")
      }
    }
    let test = setup.test
    let made = codes
    return try setup.parallel.map(made.count) { i in
      Result { try Self.row(made[i], Array(0..<count)[...], of: test) }
    }.map { try $0.get() }
  }

  private func transforms(
    _ examples: ArraySlice<Int>, of training: Dataset, _ notes: inout [String]
  ) throws -> [PictureTransform] {
    guard training.featureCount <= PictureTransform.mostFeatures else {
      notes.append(
        "KLT and DCT were not measured: found \(training.featureCount) values a picture, allowed: at most \(PictureTransform.mostFeatures)."
      )
      return []
    }
    let klt = try PictureTransform.klt(learningFrom: examples, of: training)
    return training.imageShape == nil ? [klt] : [klt, try PictureTransform.dct(learningFrom: examples, of: training)]
  }

  private static func row(
    _ code: some PictureCode, _ examples: ArraySlice<Int>, of data: Dataset
  ) throws -> PosteriorResults.Row {
    var bits: [Double] = []
    var bare: [Double] = []
    var errors: [Double] = []
    for example in examples {
      let first = example * data.featureCount
      let sent = try code.send(Array(data.features[first..<(first + data.featureCount)]))
      bits.append(8 * Double(sent.payload.count))
      if let found = sent.bareBits { bare.append(found) }
      errors.append(squaredError(try code.picture(sent.payload), data, example) / Double(data.featureCount))
    }
    return PosteriorResults.Row(
      code: code.name, kind: .baseline, isExact: false, beta: nil, setting: code.setting?.value, klBits: nil,
      modelBits: bare.count == bits.count ? bare.reduce(0, +) / Double(bare.count) : nil,
      payloadBits: Estimate(bits) ?? Estimate(mean: 0, error: nil),
      meanSquaredError: errors.reduce(0, +) / Double(errors.count), meanPSNR: meanPSNR(errors), accuracy: nil,
      draws: nil)
  }
}
