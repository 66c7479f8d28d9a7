import ChannelCoding
import Numerics
import Synchronization

/// F, the least mean length of any exact one-shot code, remembered: several charts of a page draw it, and each value costs milliseconds.
enum LowerBounds {
  private struct Key: Hashable {
    let parameters: Int
    let information: Double
  }

  private static let known = Mutex<[Key: Double]>([:])
  /// More values than a page has.
  private static let most = 4096

  /// F in bits, for Gaussian updates of so many parameters with so many bits of information; not a number where the ratio of signal to
  /// noise is too large for one.
  static func bits(information: Double, parameters: Int) -> Double {
    let key = Key(parameters: parameters, information: information)
    if let bits = known.withLock({ $0[key] }) { return bits }
    let snr = Elementary.exp(2 * information / Double(parameters) * Elementary.log(2)) - 1
    let bits = snr.isFinite ? ChannelBounds.lowerBoundBits(dimension: parameters, snr: snr) : .nan
    known.withLock { known in
      if known.count >= most { known.removeAll() }
      known[key] = bits
    }
    return bits
  }
}
