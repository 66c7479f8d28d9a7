import ChannelCoding
import Numerics
import Statistics

/// Checks of what every codec family promises, for families of any package: hand one to `check` in a test.
///
///     let findings = try CodecLaws().check(MyFamily())
///     #expect(findings.allSatisfy { $0.holds }, "\(findings.filter { !$0.holds })")
///
/// Laws that are certain are tried on a few updates; the noise's law is tested on samples, where a right codec fails a check with
/// probability `falseAlarm`.
public struct CodecLaws: Sendable {
  /// One law at one setting.
  public struct Finding: Sendable, CustomStringConvertible {
    public let law: String
    public let settings: ChannelSettings
    /// What was seen that must not be; nil where the law holds.
    public let problem: String?

    public var holds: Bool { problem == nil }

    public var description: String {
      "\(law), \(settings.codec) with \(settings.dimension) coordinates, C / sigma = "
        + "\(settings.clippingNorm / settings.noiseScale): \(problem ?? "holds")"
    }
  }

  /// Coordinates of updates.
  public var dimensions: [Int]
  /// |x|^2 / (d sigma^2) of the longest updates.
  public var ratios: [Double]
  /// Noise coordinates for the tests of the law, each dimension and ratio: 100,000 or more in 100 rows or more. None skips them.
  public var samples: Int?
  /// Payloads of noise, and damaged ones, that are tried.
  public var hostilePayloads: Int
  /// Messages that mean bits are taken of.
  public var messages: Int
  /// The largest relative difference of predicted and mean bits, beside a byte and four standard errors.
  public var tolerance: Double
  public var falseAlarm: Double
  public var seed: UInt64
  public var threads: Int

  public init(
    dimensions: [Int] = [1, 2, 37, 128], ratios: [Double] = [0.01, 1], samples: Int? = 200_000,
    hostilePayloads: Int = 300, messages: Int = 40, tolerance: Double = 0.1, falseAlarm: Double = 1e-6,
    seed: UInt64 = 1, threads: Int = 1
  ) {
    self.dimensions = dimensions
    self.ratios = ratios
    self.samples = samples
    self.hostilePayloads = hostilePayloads
    self.messages = messages
    self.tolerance = tolerance
    self.falseAlarm = falseAlarm
    self.seed = seed
    self.threads = threads
  }

  /// Tries all laws.
  ///
  /// - Parameters:
  ///   - family: whatever its name is, it alone is looked up.
  ///   - options: the codec's options.
  /// - Throws: `ToolError` where the decoder refuses an honest payload while the law is sampled.
  public func check(_ family: some CodecFamily, options: CodecOptions = .standard) throws -> [Finding] {
    let name = family.descriptor.name
    let codecs = CodecRegistry([family])
    var findings: [Finding] = []
    for dimension in dimensions {
      for ratio in ratios {
        let settings = ChannelSettings.unitNoise(name, from: codecs, options: options, dimension: dimension, snr: ratio)
        if let problem = settings.problem {
          findings.append(Finding(law: "settings are taken", settings: settings, problem: problem))
          continue
        }
        let channel = try KeyedChannel(
          settings, key: Key(seed: seed, label: "codec laws \(name) \(dimension) \(ratio)"))
        let trial = CodecTrial(settings, channel, family.descriptor, snr: ratio, laws: self)
        let certain = trial.certainLaws()
        findings += certain
        // Samples of another shape have no law to test.
        let hasShape = certain.allSatisfy { $0.law != CodecTrial.shapeLaw || $0.holds }
        if let samples, hasShape {
          findings += try noise(settings, family.descriptor.noise, snr: ratio, samples: samples)
        }
      }
    }
    return findings
  }

  /// The noise has the law that the descriptor states; an approximate codec states none.
  private func noise(
    _ settings: ChannelSettings, _ law: NoiseLaw, snr: Double, samples: Int
  ) throws -> [Finding] {
    guard law.isExact else { return [] }
    let count = max(samples, ChannelVerification.fewestCoordinates)
    let rows = max(count / settings.paddedDimension, ChannelVerification.fewestRows)
    let noise = try NoiseRows(through: settings, snr: snr, rows: rows, seed: seed, threads: threads) { _ in }
    return ChannelVerification(noise, law: law).checks.map { check in
      var problem: String?
      if case .result(let result) = check.outcome, !result.passes(falseAlarm: falseAlarm) {
        problem = "statistic \(result.statistic), p = \(result.pValue) below \(falseAlarm)"
      }
      return Finding(law: "noise: \(check.name)", settings: settings, problem: problem)
    }
  }
}
