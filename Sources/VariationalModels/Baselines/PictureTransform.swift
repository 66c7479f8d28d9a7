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
      name: "klt", featureCount: count, mean: mean, rows: JacobiRotations.eigenvectors(covariance, count: count))
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

/// Eigenvectors of symmetric matrices by Jacobi's cyclic rotations, in a fixed order.
enum JacobiRotations {
  /// - Returns: the eigenvectors as rows, that of the largest eigenvalue first.
  static func eigenvectors(_ matrix: [Double], count n: Int) -> [Double] {
    var a = matrix
    var vectors = [Double](repeating: 0, count: n * n)
    for i in 0..<n { vectors[i * n + i] = 1 }
    let size = a.reduce(0) { $0 + $1 * $1 }
    a.withUnsafeMutableBufferPointer { a in
      vectors.withUnsafeMutableBufferPointer { vectors in
        for _ in 0..<40 {
          var off = 0.0
          for p in 0..<n { for q in 0..<p { off += a[p * n + q] * a[p * n + q] } }
          // A sum that is not a number ends it too.
          guard off > 1e-24 * size else { break }
          for p in 0..<n { for q in (p + 1)..<max(n, p + 1) { rotate(a, vectors, p, q, n) } }
        }
      }
    }
    let order = (0..<n).sorted { (a[$0 * n + $0], $1) > (a[$1 * n + $1], $0) }
    return order.flatMap { vectors[($0 * n)..<(($0 + 1) * n)] }
  }

  /// One rotation, which makes the element (p, q) 0. The matrix stays symmetric.
  private static func rotate(
    _ a: UnsafeMutableBufferPointer<Double>, _ vectors: UnsafeMutableBufferPointer<Double>, _ p: Int, _ q: Int, _ n: Int
  ) {
    let element = a[p * n + q]
    guard element != 0 else { return }
    let half = (a[q * n + q] - a[p * n + p]) / (2 * element)
    let t = (half < 0 ? -1 : 1) / (half.magnitude + (1 + half * half).squareRoot())
    let c = 1 / (1 + t * t).squareRoot()
    let s = t * c
    let (pp, qq) = (a[p * n + p] - t * element, a[q * n + q] + t * element)
    for k in 0..<n {
      let (x, y) = (a[p * n + k], a[q * n + k])
      a[p * n + k] = c * x - s * y
      a[q * n + k] = s * x + c * y
      let (v, w) = (vectors[p * n + k], vectors[q * n + k])
      vectors[p * n + k] = c * v - s * w
      vectors[q * n + k] = s * v + c * w
    }
    for k in 0..<n where k != p && k != q {
      a[k * n + p] = a[p * n + k]
      a[k * n + q] = a[q * n + k]
    }
    (a[p * n + p], a[q * n + q], a[p * n + q], a[q * n + p]) = (pp, qq, 0, 0)
  }
}
