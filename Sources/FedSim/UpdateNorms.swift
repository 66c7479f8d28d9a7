import Clients

/// L2 norms of the updates of a round, an entry for each upload that was sent, in client order. Only a simulation sees them: no guarantee covers
/// them.
public struct UpdateNorms: Sendable, Equatable {
  /// Norms before clipping; 0 of an update that was not finite and so replaced by zero.
  public private(set) var unclipped: [Double] = []
  /// Norms of what is coded: at most C, with what an upload has beside the update (a count, a weight, a control variate).
  public private(set) var coded: [Double] = []

  mutating func add(_ upload: UploadFigures) {
    unclipped.append(upload.unclippedNorm)
    coded.append(upload.norm)
  }
}
