/// What a figure of a run is measured in.
public enum FigureUnit: String, Sendable {
  case count = "number"
  /// From 0 to 1.
  case share
  /// One number over another of the same unit.
  case ratio
  case probability
  /// Natural logarithms: of probabilities (loss), and of ratios of probabilities (epsilon).
  case nats
  case bits
  case bitsPerValue = "bits a value"
  case bytes
  /// As updates are measured: the L2 norm of parameters.
  case norm
  /// Over the clipping norm.
  case clippingNorms = "clipping norms"
  case seconds
  case decibels = "dB"
  /// Squares of values that lie in [0, 1], or of what targets are learned in.
  case squares = "squared values"
  case text
  case list

  /// As tables of columns have it: text and lists have no unit.
  package var words: String {
    switch self {
    case .text, .list: "-"
    default: rawValue
    }
  }
}

/// What kind of value a figure is in a file.
public enum FigureType: String, Sendable, CaseIterable {
  case integer
  case number
  case boolean
  case text
  case list
  case object
  /// Whatever a scenario has there.
  case any
}

/// Whether the guarantee of a run speaks of a figure. No figure has a default: `outsideGuarantee` follows from what is declared.
public enum Coverage: Sendable, Equatable {
  /// The figure follows from the models that are released, from the plan, or from public constants.
  case covered
  /// The figure follows from the number of clients. It is a public constant, and outside the guarantee where neighboring data have one
  /// client more or less. The rank is its place among these in `outsideGuarantee`.
  case clientCount(rank: Int)
  /// The figure is an un-noised function of the data: a diagnostic of a simulation.
  case outside
  /// Only a part of the value is outside, which these words name; the rest follows from the number of clients, as `.clientCount`.
  case outsideInPart(String, rank: Int)
  /// The value keys the noise: whoever has it has every update.
  case secret

  /// As docs/run-files.md has it.
  package var words: String {
    switch self {
    case .covered: "yes"
    case .clientCount: "yes, but for `add-or-remove`"
    case .outside: "no"
    case .outsideInPart(let part, _): "but for \(part), and for `add-or-remove`"
    case .secret: "no: a secret"
    }
  }

  /// The place among the figures that follow from the number of clients; nil for others.
  var clientCountRank: Int? {
    switch self {
    case .clientCount(let rank), .outsideInPart(_, let rank): rank
    case .covered, .outside, .secret: nil
    }
  }
}

/// A table whose rows are the stored properties of a value, so that a row is written once and named by the compiler.
package protocol FigureTable {
  associatedtype Row
}

extension FigureTable {
  /// The rows in the order of their declaration. They are read by reflection: a list of their own could lack one.
  package var rows: [Row] { Mirror(reflecting: self).children.compactMap { $0.value as? Row } }
}
