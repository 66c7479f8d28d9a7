import CKernels

// Matrix products in float32.
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
}
