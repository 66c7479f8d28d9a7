import ChannelCoding
import Datasets
import Files
import Numerics
import Testing
import VariationalModels

@Suite struct BaselineTests {
  private func digits() throws -> (data: Dataset, training: ArraySlice<Int>, test: ArraySlice<Int>) {
    let data = try Digits.load()
    var random = RunKeys.experimentStream(seed: 1, .split)
    var order = Array(0..<data.count)
    random.shuffle(&order)
    return (data, order[0..<800], order[800..<1000])
  }

  private func decibels(_ figures: PictureCodeFigures) -> Double {
    -10 * Elementary.log(figures.squaredError) / Elementary.log(10)
  }

  /// The document's values on a split of its own: KLT 0.738 bpp, 20.36 dB and 1.230, 24.14; DCT 1.095, 19.11 and 1.734, 23.12. Bits are
  /// those of the models; bytes take 2.6 bits more.
  @Test(arguments: [
    ("klt", 0.5, 0.738, 20.36), ("klt", 0.3, 1.230, 24.14), ("dct", 0.5, 1.095, 19.11), ("dct", 0.3, 1.734, 23.12),
  ])
  func transformCodesReachTheReference(name: String, step: Double, bits: Double, psnr: Double) throws {
    let (data, training, test) = try digits()
    let transform =
      try name == "klt"
      ? PictureTransform.klt(learningFrom: training, of: data) : PictureTransform.dct(learningFrom: training, of: data)
    let figures = try PictureCodeFigures(
      TransformCode(transform, step: step, learningFrom: training, of: data), on: test, of: data)
    let bare = try #require(figures.bareBitsPerValue)
    #expect(abs(bare / bits - 1) < 0.05, "\(bare)")
    #expect(abs(decibels(figures) - psnr) < 0.4, "\(decibels(figures))")
    #expect((0..<5).contains(figures.bits - bare * 64), "\(figures.bits)")
  }

  @Test func whatIsDecodedIsNearestOnTheGrid() throws {
    let (data, training, test) = try digits()
    for transform in [
      try PictureTransform.klt(learningFrom: training, of: data),
      try PictureTransform.dct(learningFrom: training, of: data),
    ] {
      let code = try TransformCode(transform, step: 0.01, learningFrom: training, of: data)
      for example in test.prefix(20) {
        let picture = Array(data.features[(example * 64)..<((example + 1) * 64)])
        let decoded = try code.picture(code.send(picture).payload)
        var error = 0.0
        for (value, found) in zip(picture, decoded) { error += Double((value - found) * (value - found)) }
        // An orthonormal transform has the error of its coefficients, each at most half a step.
        #expect(error < 64 * 0.005 * 0.005)
        #expect(error > 64 * 0.005 * 0.005 / 30)
      }
    }
  }

  /// Every number has a chance: pictures far from all training pictures are sent too.
  @Test func strangePicturesAreSent() throws {
    let (data, training, _) = try digits()
    let transform = try PictureTransform.klt(learningFrom: training, of: data)
    let code = try TransformCode(transform, step: 0.5, learningFrom: training, of: data)
    let strange = (0..<64).map { (i: Int) -> Float in Float(i % 3) * 1000 - 700 }
    let decoded = try code.picture(code.send(strange).payload)
    var error = 0.0
    for (value, found) in zip(strange, decoded) { error += Double((value - found) * (value - found)) }
    // 64 coefficients, each within half a step: an escaped number that is off by one adds as much as four of them.
    #expect(error < 64 * 0.25 * 0.25 * 1.01)
    let noNumbers = try code.picture(code.send([Float](repeating: .nan, count: 64)).payload)
    #expect(noNumbers.allSatisfy { $0.isFinite })
    #expect(throws: (any Error).self) { try code.send([1]) }
    let payload = try code.send(Array(data.features[0..<64])).payload
    #expect(throws: (any Error).self) { try code.picture(payload + [1, 2, 3]) }
  }

  @Test func constantPicturesTakeAlmostNothing() throws {
    let data = try Dataset(
      features: [Float](repeating: 0.5, count: 40 * 9), labels: [Int32](repeating: 0, count: 40), featureCount: 9,
      classCount: 2, imageShape: .init(height: 3, width: 3, channels: 1))
    let all = Array(0..<40)
    let training = all[..<30]
    for transform in [
      try PictureTransform.klt(learningFrom: training, of: data),
      try PictureTransform.dct(learningFrom: training, of: data),
    ] {
      let figures = try PictureCodeFigures(
        TransformCode(transform, step: 0.1, learningFrom: training, of: data), on: all[30...], of: data)
      #expect(figures.squaredError < 1e-12 && figures.bits <= 8)
    }
  }

  /// The document: 14.17 bits a pixel.
  @Test func filesOfPicturesArePNGs() throws {
    let (data, _, test) = try digits()
    let code = try #require(PNGCode(.init(height: 8, width: 8, channels: 1)))
    let figures = try PictureCodeFigures(code, on: test, of: data)
    #expect((13.5...14.8).contains(figures.bitsPerValue), "\(figures.bitsPerValue)")
    #expect(decibels(figures) > 55)
    #expect(PNGCode(.init(height: 8, width: 8, channels: 2)) == nil)
  }

  /// Where the system has libturbojpeg. The document's quantizer tables at quality 20 and 40: 18.94 and 23.06 dB.
  @Test(.enabled(if: JPEGCode.isAvailable))
  func jpegsAreThoseOfTheLibrary() throws {
    let (data, _, test) = try digits()
    for (quality, psnr) in [(20, 18.94), (40, 23.06)] {
      let code = try #require(JPEGCode(.init(height: 8, width: 8, channels: 1), quality: quality))
      let figures = try PictureCodeFigures(code, on: test, of: data)
      #expect(abs(decibels(figures) - psnr) < 0.4, "\(decibels(figures))")
      let bare = try #require(figures.bareBitsPerValue)
      #expect(bare < 4 && figures.bitsPerValue > bare + 10, "\(bare) of \(figures.bitsPerValue)")
    }
    let colours = try #require(JPEGCode(.init(height: 16, width: 24, channels: 3), quality: 95))
    let ramp = (0..<(16 * 24 * 3)).map { (i: Int) -> Float in
      let (row, channel) = (Float(i / 72), Float(i % 3))
      return row / 16 * (channel + 1) / 3
    }
    let decoded = try colours.picture(colours.send(ramp).payload)
    for (value, found) in zip(ramp, decoded) { #expect(abs(value - found) < 0.05) }
    #expect(throws: (any Error).self) { try colours.picture([0xFF, 0xD8, 0, 0]) }
  }
}
