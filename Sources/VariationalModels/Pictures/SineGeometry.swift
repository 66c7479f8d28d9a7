import ChannelCoding
import Datasets
import Platform

/// The shape of a small sine network: from the coordinates of a pixel to its values.
///
/// The input of a pixel is each coordinate u in (-1, 1) with sin and cos of pi k (u + 1)/2 for k = 1 ... frequencies, and a one for the
/// biases; then one hidden layer with sin, then a linear one. A picture has two coordinates; examples without a shape are signals with one.
/// Weights in order: (inputs + 1) x hidden, the row of biases last; hidden x channels; channels biases.
struct SineGeometry: Sendable, Equatable {
  let pixels: Int
  let channels: Int
  let hidden: Int
  /// Of a pixel, with the one.
  let inputs: Int
  /// pixels x inputs
  let features: [Float]

  init(_ data: Dataset, hidden: Int, frequencies: Int) {
    let shape = data.imageShape ?? .init(height: 1, width: data.featureCount, channels: 1)
    let sides = data.imageShape == nil ? [shape.width] : [shape.height, shape.width]
    pixels = shape.height * shape.width
    channels = shape.channels
    self.hidden = hidden
    inputs = sides.count * (1 + 2 * frequencies) + 1
    var features = [Float]()
    features.reserveCapacity(pixels * inputs)
    for pixel in 0..<pixels {
      let places = sides.count == 1 ? [pixel] : [pixel / shape.width, pixel % shape.width]
      for (place, side) in zip(places, sides) {
        let position = (Double(place) + 0.5) / Double(side)
        features.append(Float(2 * position - 1))
        for k in 0..<frequencies {
          let angle = Double.pi * Double(k + 1) * position
          features.append(Float(sin(angle)))
          features.append(Float(cos(angle)))
        }
      }
      features.append(1)
    }
    self.features = features
  }

  /// Values of a picture.
  var values: Int { pixels * channels }
  /// Hidden units, up to the kernels' multiple.
  var width: Int { padded(hidden) }
  var firstCount: Int { inputs * hidden }
  var weightCount: Int { firstCount + (hidden + 1) * channels }

  /// Where training starts: the picture is grey, and hidden units turn by about a third of a circle.
  func initialWeights(_ random: inout RandomStream) -> [Float] {
    let scale = (2 / Double(inputs)).squareRoot()
    let last = 0.5 / Double(hidden).squareRoot()
    var weights = [Float](repeating: 0, count: weightCount)
    for i in 0..<firstCount { weights[i] = Float(scale * random.normal()) }
    for i in firstCount..<(firstCount + hidden * channels) { weights[i] = Float(last * random.normal()) }
    for c in 0..<channels { weights[weightCount - channels + c] = 0.3 }
    return weights
  }
}

/// The next multiple of 16 floats, the width of a kernel's vector.
func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }

/// Sines and cosines of whole rows in float32 from + - * alone, in a fixed order: the same bits on every machine.
enum SineKernel {
  /// - Parameter count: a multiple of 8. Values beyond 10^6 lose their digits, and what is not a number stays so.
  static func evaluate(
    _ angles: UnsafePointer<Float>, _ sines: UnsafeMutablePointer<Float>, _ cosines: UnsafeMutablePointer<Float>,
    count: Int
  ) {
    let from = UnsafeRawPointer(angles)
    let (toSines, toCosines) = (UnsafeMutableRawPointer(sines), UnsafeMutableRawPointer(cosines))
    for i in stride(from: 0, to: 4 * count, by: 32) {
      let x = from.loadUnaligned(fromByteOffset: i, as: SIMD8<Float>.self)
      // The nearest multiple of pi: adding 1.5 2^23 leaves whole numbers only, the lowest bit of which is the sign's.
      let shifted = next(x, 0.318309886, 12_582_912)
      let k = shifted - SIMD8(repeating: 12_582_912)
      var r = next(k, -3.140625, x)
      r = next(k, -0.000967502593994140625, r)
      r = next(k, -1.509957990978376432e-7, r)
      let flip = unsafeBitCast(shifted, to: SIMD8<UInt32>.self) &<< 31
      let y = r * r
      // Taylor's polynomials of degrees 11 and 12: |r| is at most pi/2.
      var s = next(y, -2.5052108e-8, 2.7557319e-6)
      s = s * y + SIMD8(repeating: -1.9841270e-4)
      s = s * y + SIMD8(repeating: 8.3333333e-3)
      s = s * y + SIMD8(repeating: -0.16666667)
      s = r + r * (y * s)
      var c = next(y, 2.0876757e-9, -2.7557319e-7)
      c = c * y + SIMD8(repeating: 2.4801587e-5)
      c = c * y + SIMD8(repeating: -1.3888889e-3)
      c = c * y + SIMD8(repeating: 4.1666667e-2)
      c = c * y + SIMD8(repeating: -0.5)
      c = c * y + SIMD8(repeating: 1)
      toSines.storeBytes(of: flipped(s, flip), toByteOffset: i, as: SIMD8<Float>.self)
      toCosines.storeBytes(of: flipped(c, flip), toByteOffset: i, as: SIMD8<Float>.self)
    }
  }

  @inline(__always)
  private static func next(_ x: SIMD8<Float>, _ factor: Float, _ summand: Float) -> SIMD8<Float> {
    x * SIMD8(repeating: factor) + SIMD8(repeating: summand)
  }

  @inline(__always)
  private static func next(_ x: SIMD8<Float>, _ factor: Float, _ summand: SIMD8<Float>) -> SIMD8<Float> {
    x * SIMD8(repeating: factor) + summand
  }

  @inline(__always)
  private static func flipped(_ x: SIMD8<Float>, _ sign: SIMD8<UInt32>) -> SIMD8<Float> {
    unsafeBitCast(unsafeBitCast(x, to: SIMD8<UInt32>.self) ^ sign, to: SIMD8<Float>.self)
  }
}
