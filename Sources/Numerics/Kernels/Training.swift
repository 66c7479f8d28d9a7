import CKernels

// Matrix products in float32, and what lies between two of them.
extension Kernels {
  /// A matrix whose element (r, k) is at pointer[r * row + k * step].
  public struct Strided {
    public let pointer: UnsafePointer<Float>
    public let row: Int
    public let step: Int

    @inlinable @inline(__always)
    public init(_ pointer: UnsafePointer<Float>, row: Int, step: Int) {
      self.pointer = pointer
      self.row = row
      self.step = step
    }
  }

  /// C += A B in float32; C is rows x columns with rows `cRow` apart, columns a multiple of 16; B has `steps` rows, `bRow`
  /// apart. Each element of C is one chain of fused multiply-adds in the order of B's rows.
  @inlinable @inline(__always)
  public func multiplyAdd(
    _ a: Strided, _ b: UnsafePointer<Float>, bRow: Int, into c: UnsafeMutablePointer<Float>, cRow: Int, rows: Int,
    columns: Int, steps: Int
  ) {
    assert(columns % 16 == 0 && cRow >= columns)
    operations.pointee.gemm(a.pointer, a.row, a.step, b, bRow, c, cRow, rows, columns, steps)
  }

  /// Columns of examples, `stride` apart, as rows, `row` apart, where the activations of the same rows are above 0; 0 elsewhere. Columns
  /// must be readable up to a multiple of 8 examples.
  @inlinable @inline(__always)
  public func rectifyColumns(
    _ columns: UnsafePointer<Float>, stride: Int, activations: UnsafePointer<Float>,
    into rows: UnsafeMutablePointer<Float>,
    row: Int, width: Int, count: Int
  ) {
    assert(stride >= (count + 7) / 8 * 8 && row >= width)
    operations.pointee.rectify_columns(columns, stride, activations, rows, row, width, count)
  }
}
