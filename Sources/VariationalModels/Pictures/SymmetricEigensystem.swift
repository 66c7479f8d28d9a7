/// The eigenvalues and eigenvectors of a symmetric matrix, from + - * / and square roots in double and in a fixed order: the same bits on
/// every machine.
///
/// The matrix is made tridiagonal by Householder's reflections, and that one diagonal by the implicit QL method [Bowdler, Martin, Reinsch
/// & Wilkinson 1968, as EISPACK's tred2 and tql2]: about 3 n^3 products and sums.
struct SymmetricEigensystem {
  /// In falling order; equal ones stay in the order in which the method found them.
  let values: [Double]
  /// Row j is the eigenvector of value j, with Euclidean norm 1.
  let vectors: [Double]

  /// - Parameter matrix: `count` rows of as many values, of which the lower triangle is read. What is not finite counts as 0.
  init(_ matrix: [Double], count: Int) {
    precondition(matrix.count == count * count)
    var work = Work(matrix.map { $0.isFinite ? $0 : 0 }, count: count)
    if count > 0 {
      work.reduce()
      work.accumulate()
      work.diagonalise()
    }
    let found = work.diagonal
    let order = (0..<count).sorted { found[$0] > found[$1] || (found[$0] == found[$1] && $0 < $1) }
    values = order.map { found[$0] }
    var rows = [Double]()
    rows.reserveCapacity(count * count)
    for j in order { rows.append(contentsOf: work.columns[(j * count)..<((j + 1) * count)]) }
    vectors = rows
  }
}

/// The two steps in place. Column j of the matrix that becomes the eigenvectors begins at j n: all inner loops run along columns.
private struct Work {
  let count: Int
  var columns: [Double]
  var diagonal: [Double]
  var side: [Double]

  init(_ matrix: [Double], count: Int) {
    (self.count, columns) = (count, matrix)
    diagonal = [Double](repeating: 0, count: count)
    side = diagonal
    for i in 0..<count { for j in 0...i { columns[j * count + i] = matrix[i * count + j] } }
    for j in 0..<count { diagonal[j] = columns[j * count + count - 1] }
  }

  /// Householder's reduction to tridiagonal form.
  mutating func reduce() {
    let n = count
    for i in stride(from: n - 1, to: 0, by: -1) {
      var (scale, h) = (0.0, 0.0)
      for k in 0..<i { scale += abs(diagonal[k]) }
      if scale == 0 {
        side[i] = diagonal[i - 1]
        for j in 0..<i {
          diagonal[j] = columns[j * n + i - 1]
          columns[j * n + i] = 0
          columns[i * n + j] = 0
        }
      } else {
        for k in 0..<i {
          diagonal[k] /= scale
          h += diagonal[k] * diagonal[k]
        }
        let f = diagonal[i - 1]
        let g = f > 0 ? -h.squareRoot() : h.squareRoot()
        side[i] = scale * g
        h -= f * g
        diagonal[i - 1] = f - g
        reflect(i, h)
      }
      diagonal[i] = h
    }
  }

  private mutating func reflect(_ i: Int, _ h: Double) {
    let n = count
    for j in 0..<i { side[j] = 0 }
    for j in 0..<i {
      let f = diagonal[j]
      columns[i * n + j] = f
      var g = side[j] + columns[j * n + j] * f
      for k in (j + 1)..<max(i, j + 1) {
        g += columns[j * n + k] * diagonal[k]
        side[k] += columns[j * n + k] * f
      }
      side[j] = g
    }
    var f = 0.0
    for j in 0..<i {
      side[j] /= h
      f += side[j] * diagonal[j]
    }
    let hh = f / (h + h)
    for j in 0..<i { side[j] -= hh * diagonal[j] }
    for j in 0..<i {
      let (f, g) = (diagonal[j], side[j])
      for k in j..<i { columns[j * n + k] -= f * side[k] + g * diagonal[k] }
      diagonal[j] = columns[j * n + i - 1]
      columns[j * n + i] = 0
    }
  }

  /// The product of the reflections.
  mutating func accumulate() {
    let n = count
    for i in 0..<(n - 1) {
      columns[i * n + n - 1] = columns[i * n + i]
      columns[i * n + i] = 1
      let h = diagonal[i + 1]
      if h != 0 {
        for k in 0...i { diagonal[k] = columns[(i + 1) * n + k] / h }
        for j in 0...i {
          var g = 0.0
          for k in 0...i { g += columns[(i + 1) * n + k] * columns[j * n + k] }
          for k in 0...i { columns[j * n + k] -= g * diagonal[k] }
        }
      }
      for k in 0...i { columns[(i + 1) * n + k] = 0 }
    }
    for j in 0..<n {
      diagonal[j] = columns[j * n + n - 1]
      columns[j * n + n - 1] = 0
    }
    columns[n * n - 1] = 1
    side[0] = 0
  }

  /// The implicit QL method.
  mutating func diagonalise() {
    let n = count
    for i in 1..<max(n, 1) { side[i - 1] = side[i] }
    side[n - 1] = 0
    var (shift, largest) = (0.0, 0.0)
    for l in 0..<n {
      largest = max(largest, abs(diagonal[l]) + abs(side[l]))
      var m = l
      while m < n - 1, abs(side[m]) > 0x1p-52 * largest { m += 1 }
      if m > l {
        // Two iterations do as a rule; the limit is for what rounding does not let end.
        for _ in 0..<100 {
          shift += sweep(l, m)
          if !(abs(side[l]) > 0x1p-52 * largest) { break }
        }
      }
      diagonal[l] += shift
      side[l] = 0
    }
  }

  /// One sweep of rotations between rows l and m; what the diagonal was shifted by.
  private mutating func sweep(_ l: Int, _ m: Int) -> Double {
    let n = count
    var g = diagonal[l]
    var p = (diagonal[l + 1] - g) / (2 * side[l])
    var r = (p * p + 1).squareRoot()
    if p < 0 { r = -r }
    diagonal[l] = side[l] / (p + r)
    diagonal[l + 1] = side[l] * (p + r)
    let next = diagonal[l + 1]
    let moved = g - diagonal[l]
    for i in (l + 2)..<max(n, l + 2) { diagonal[i] -= moved }
    p = diagonal[m]
    var (c, c2, c3) = (1.0, 1.0, 1.0)
    let e = side[l + 1]
    var (s, s2) = (0.0, 0.0)
    for i in stride(from: m - 1, through: l, by: -1) {
      (c3, c2, s2) = (c2, c, s)
      g = c * side[i]
      let h = c * p
      r = (p * p + side[i] * side[i]).squareRoot()
      side[i + 1] = s * r
      if r > 0 { (s, c) = (side[i] / r, p / r) } else { (s, c) = (0, 1) }
      p = c * diagonal[i] - s * g
      diagonal[i + 1] = h + s * (c * g + s * diagonal[i])
      rotate(i, cosine: c, sine: s)
    }
    p = -s * s2 * c3 * e * side[l] / next
    if !p.isFinite { p = 0 }
    side[l] = s * p
    diagonal[l] = c * p
    return moved
  }

  private mutating func rotate(_ i: Int, cosine c: Double, sine s: Double) {
    let n = count
    columns.withUnsafeMutableBufferPointer { columns in
      let (low, high) = (i * n, (i + 1) * n)
      for k in 0..<n {
        let h = columns[high + k]
        columns[high + k] = s * columns[low + k] + c * h
        columns[low + k] = c * columns[low + k] - s * h
      }
    }
  }
}
