import Datasets
import Files
import Platform

/// An orthonormal transform of pictures, after the mean of the training pictures is taken off.
public struct PictureTransform: Sendable {
  public let name: String
  let featureCount: Int
  /// The mean training picture.
  let mean: [Double]
  /// featureCount x featureCount, a row for each coefficient.
  let rows: [Double]

  /// More features than this take too long.
  public static let mostFeatures = 2048

  /// The transform that makes the training pictures' coefficients uncorrelated (Karhunen and Loève): the eigenvectors of their
  /// covariance, the largest variance first.
  public static func klt(learningFrom examples: ArraySlice<Int>, of data: Dataset) throws(DataError) -> PictureTransform
  {
    try check(examples, data)
    let (count, mean) = (data.featureCount, mean(of: examples, data))
    var covariance = [Double](repeating: 0, count: count * count)
    var centred = [Double](repeating: 0, count: count)
    for example in examples {
      for j in 0..<count { centred[j] = Double(data.features[example * count + j]) - mean[j] }
      for i in 0..<count where centred[i] != 0 {
        let value = centred[i]
        covariance.withUnsafeMutableBufferPointer { sums in
          for j in i..<count { sums[i * count + j] += value * centred[j] }
        }
      }
    }
    for i in 0..<count {
      for j in i..<count {
        covariance[i * count + j] /= Double(examples.count)
        covariance[j * count + i] = covariance[i * count + j]
      }
    }
    return PictureTransform(
      name: "klt", featureCount: count, mean: mean, rows: SymmetricEigensystem(covariance, count: count).vectors)
  }

  /// The discrete cosine transform of type II: of height and width of each channel of pictures, of the features in their order where they
  /// are none.
  public static func dct(learningFrom examples: ArraySlice<Int>, of data: Dataset) throws(DataError) -> PictureTransform
  {
    try check(examples, data)
    let shape = data.imageShape ?? .init(height: 1, width: data.featureCount, channels: 1)
    let (vertical, horizontal) = (cosines(shape.height), cosines(shape.width))
    let count = data.featureCount
    var rows = [Double](repeating: 0, count: count * count)
    var row = 0
    for u in 0..<shape.height {
      for v in 0..<shape.width {
        for channel in 0..<shape.channels {
          for y in 0..<shape.height {
            for x in 0..<shape.width {
              rows[row * count + (y * shape.width + x) * shape.channels + channel] =
                vertical[u * shape.height + y] * horizontal[v * shape.width + x]
            }
          }
          row += 1
        }
      }
    }
    return PictureTransform(name: "dct", featureCount: count, mean: mean(of: examples, data), rows: rows)
  }

  /// The orthonormal cosines of `count` points, a row for each frequency.
  private static func cosines(_ count: Int) -> [Double] {
    (0..<(count * count)).map { i in
      let (frequency, point) = (Double(i / count), Double(i % count))
      let scale = (frequency == 0 ? 1 / Double(count) : 2 / Double(count)).squareRoot()
      return scale * cos(.pi * (point + 0.5) * frequency / Double(count))
    }
  }

  private static func check(_ examples: ArraySlice<Int>, _ data: Dataset) throws(DataError) {
    guard !examples.isEmpty else { throw .tooFewExamples("a transform code needs a training picture") }
    guard data.featureCount <= mostFeatures else {
      throw .shape("a transform of \(data.featureCount) features; at most \(mostFeatures)")
    }
  }

  private static func mean(of examples: ArraySlice<Int>, _ data: Dataset) -> [Double] {
    var sums = [Double](repeating: 0, count: data.featureCount)
    for example in examples {
      for j in sums.indices { sums[j] += Double(data.features[example * data.featureCount + j]) }
    }
    return sums.map { $0 / Double(examples.count) }
  }

  func coefficients(_ picture: [Float]) -> [Double] {
    let centred = zip(picture, mean).map { Double($0) - $1 }
    return rows.withUnsafeBufferPointer { rows in
      (0..<featureCount).map { k in
        var sum = 0.0
        for j in 0..<featureCount { sum += rows[k * featureCount + j] * centred[j] }
        return sum
      }
    }
  }

  func picture(_ coefficients: [Double]) -> [Float] {
    var sums = mean
    rows.withUnsafeBufferPointer { rows in
      for (k, value) in coefficients.enumerated() where value != 0 {
        for j in 0..<featureCount { sums[j] += value * rows[k * featureCount + j] }
      }
    }
    return sums.map { Float($0) }
  }
}
