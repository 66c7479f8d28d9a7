import Files
import JSONText
import Numerics

/// What sending posterior samples came to: a row for each code and value of beta, and pictures to look at.
///
/// No row has a guarantee of privacy: posteriors are fitted without clipping, and one sample of a posterior is no private release.
public struct PosteriorResults: Sendable, Equatable {
  /// What a row is of.
  public enum Kind: String, Sendable {
    /// A sample of the posterior that was sent as bytes and decoded from them.
    case sample
    /// Another code of the same data, with tables learned on the training data where it has any.
    case baseline
  }

  /// One code at one value of beta, over all data that were sent.
  public struct Row: Sendable, Equatable {
    /// The name of the code.
    public let code: String
    public let kind: Kind
    /// Whether what is decoded has the posterior's distribution; for a baseline, whether nothing is lost.
    public let isExact: Bool
    /// The weight of the KL divergence; nil for a baseline.
    public let beta: Double?
    /// A baseline's step or quality; nil where it has none.
    public let setting: Double?
    /// Mean KL(posterior || prior) of a datum in bits: the ideal; nil for a baseline.
    public let klBits: Double?
    /// Mean model bits of a payload (minus log2 of what the code's models gave); nil where the code has none.
    public let modelBits: Double?
    /// Bits of a payload's whole bytes.
    public let payloadBits: Estimate
    /// Mean squared error of a decoded value, clipped to [0, 1]; nil for a classifier.
    public let meanSquaredError: Double?
    /// The mean over pictures of each one's PSNR in dB; nil for a classifier.
    public let meanPSNR: Double?
    /// Accuracy of the decoded classifier on the client's own test examples: mean over clients; nil for pictures.
    public let accuracy: Estimate?
    /// Mean candidates or steps of a datum; nil where nothing is searched.
    public let draws: Double?

    /// Of the mean squared error, in dB, for values in [0, 1].
    public var psnr: Double? { meanSquaredError.flatMap(PosteriorResults.psnr) }
  }

  /// A figure that belongs to no code.
  public struct Reference: Sendable, Equatable {
    public let name: String
    /// What it is, for people.
    public let meaning: String
    public let value: Double
    /// Whether it is a share, which people read in percent.
    public let isShare: Bool
  }

  /// The run's task.
  public let task: String
  /// Pictures or clients whose posterior was sent.
  public let dataCount: Int
  /// Values of a picture; 0 for a classifier.
  public let valueCount: Int
  /// Coordinates of a posterior, and those of them about which a posterior says anything.
  public let latentCount: Int
  public let activeCount: Int
  /// `tied` or `free`.
  public let form: String
  public let rows: [Row]
  /// Figures that belong to no code, such as the accuracy of the prior's mean, by name.
  public let references: [Reference]
  /// A PNG with a row of originals and one for each code; nil for a classifier.
  public let sheet: [UInt8]?
  /// What the rows of the sheet are, from the top.
  public let sheetRows: [String]
  /// What could not be measured, and why: a sentence each.
  public let notes: [String]

  public static func == (a: PosteriorResults, b: PosteriorResults) -> Bool { a.json == b.json && a.sheet == b.sheet }

  /// Peak signal-to-noise ratio for values in [0, 1]; nil without error.
  static func psnr(_ meanSquaredError: Double) -> Double? {
    meanSquaredError > 0 ? -10 * Elementary.log(meanSquaredError) / Elementary.log(10) : nil
  }

  /// Why no row has an epsilon.
  public static let statement =
    "No guarantee: posteriors are fitted without clipping, and a sample of a posterior is no private release of the data that it was "
    + "fitted to. The server decodes each one."

  /// posterior.json: null where a figure is not finite, as after a run that diverged.
  public var json: JSON {
    [
      "task": .string(task), "guarantee": "none", "guaranteeStatement": .string(Self.statement),
      "data": .integer(dataCount), "values": .integer(valueCount), "latents": .integer(latentCount),
      "activeLatents": .integer(activeCount), "posterior": .string(form),
      "references": .object(references.reduce(into: JSONObject()) { $0[$1.name] = .optional($1.value) }),
      "results": .array(rows.map(json)), "sheetRows": .array(sheetRows.map { .string($0) }),
      "notes": .array(notes.map { .string($0) }),
    ]
  }

  /// posterior.csv: the rows.
  public var csv: String { CSV.table(rows.map(json)) + "\n" }

  private func json(_ row: Row) -> JSON {
    let perValue = { (bits: Double?) -> JSON in
      valueCount > 0 ? .optional(bits.map { $0 / Double(valueCount) }) : .null
    }
    return [
      "code": .string(row.code), "kind": .string(row.kind.rawValue), "exact": .bool(row.isExact),
      "beta": .optional(row.beta), "setting": .optional(row.setting), "klBits": .optional(row.klBits),
      "modelBits": .optional(row.modelBits), "payloadBits": .optional(row.payloadBits.mean),
      "payloadBitsStandardError": .optional(row.payloadBits.error), "klBitsPerValue": perValue(row.klBits),
      "payloadBitsPerValue": perValue(row.payloadBits.mean), "meanSquaredError": .optional(row.meanSquaredError),
      "psnr": .optional(row.psnr), "meanPsnr": .optional(row.meanPSNR), "accuracy": .optional(row.accuracy?.mean),
      "accuracyStandardError": .optional(row.accuracy?.error), "drawsPerDatum": .optional(row.draws),
    ]
  }

  /// The row that a summary shows: the first code at the model's own beta.
  public var headline: Row? { rows.first { $0.kind == .sample } }
}
