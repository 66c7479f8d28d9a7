import Foundation

/// How much of a law is tried: the gate takes a part of the samples and cases of the most costly ones, `Scripts/nightly.sh` all of them.
public enum Effort {
  public static let isNightly = ProcessInfo.processInfo.environment["FEDSIM_NIGHTLY"] != nil

  /// - Parameter gate: what the gate takes; checks must hold, and reject what they must, with either number.
  public static func samples(_ all: Int, gate: Int) -> Int { isNightly ? all : gate }

  /// - Parameter gate: how many of the first cases the gate takes: put those first that found most.
  public static func cases<Case>(_ all: [Case], gate: Int) -> [Case] { isNightly ? all : Array(all.prefix(gate)) }
}
