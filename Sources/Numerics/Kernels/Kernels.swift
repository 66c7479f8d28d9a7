import CKernels

/// The vectorised loops of CKernels, chosen once for this machine. Every choice gives the same bits.
public struct Kernels: Sendable {
  // An address of constant, never freed data.
  @usableFromInline nonisolated(unsafe) let operations: UnsafePointer<ck_ops>

  public static let best = Kernels(operations: ck_best())

  /// Every instruction set that this machine has, narrowest first: for tests that compare them.
  public static var available: [Kernels] {
    [CK_ISA_BASELINE, CK_ISA_V3, CK_ISA_V4].compactMap { ck_get($0).map(Kernels.init(operations:)) }
  }

  /// For a process of its own, once: updates and samples of megabytes come and go with every client, and where freed memory
  /// goes back to the system each time, every one of their pages is a fault again.
  public static func keepFreedMemory() { ck_keep_freed_memory() }

  public var name: String { String(cString: operations.pointee.name) }
}
