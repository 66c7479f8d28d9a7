import Aggregator
import ChannelCoding
import Numerics
import PrivacyAccounting
import Scenarios

/// Finds the noise and the channel that settings ask for.
struct FrameCalibration {
  let settings: FederationSettings
  let algorithm: Server.Algorithm
  let parameters: Int
  let clients: Int
  let arrivalRate: Double
  let sampling: Sampling
  let accounting: SharedAccounting

  private var delta: Double? {
    settings.privacy.map { $0.delta ?? min(1e-5, Elementary.exp(-1.1 * Elementary.log(Double(clients)))) }
  }

  /// A thousandth of delta is enough but for large epsilons and many uploads.
  private static let numericalShares = [0.001, 0.01, 0.1, 0.25, 0]

  /// The plan and its channel, with a part of delta for what floating point may choose otherwise (docs/privacy.md): the smallest
  /// of a few shares of delta that is enough at the epsilon and the channel that come of it. Where there is no room for it in
  /// delta, none is taken, and the run says so.
  func solve(
    _ refusal: RunFrame.Refusal
  ) throws(ScenarioError) -> (PrivacyPlan?, ChannelSettings, deviation: Double?) {
    // What the share before needed: noise, and so this, hardly changes from one to the next. Each is a calibration.
    var estimate = 0.0
    for share in Self.numericalShares {
      let charge = (delta ?? 0) * share
      if share > 0, charge < estimate / 2 { continue }
      let plan = try plan(numericalDelta: charge, refusal)
      let channel = try channel(plan, refusal)
      guard let plan else { return (nil, channel, nil) }
      guard let deviation = try Self.deviation(plan, channel, refusal) else {
        // A Gaussian codec of another package that knows no bound: nothing is paid for what nobody knows.
        if channel.descriptor?.isExact == true, share > 0 {
          estimate = .infinity
          continue
        }
        return (plan, channel, nil)
      }
      let needed = (1 + Elementary.exp(plan.plannedSpending.epsilon)) * deviation
      if needed <= charge || share == 0 { return (plan, channel, deviation) }
      estimate = needed
    }
    preconditionFailure("the last share is 0")
  }

  /// All uploads of all rounds, and the server's own normals, a radius for each two.
  private static func deviation(
    _ plan: PrivacyPlan, _ channel: ChannelSettings, _ refusal: RunFrame.Refusal
  ) throws(ScenarioError) -> Double? {
    guard let bound = channel.totalVariationBound else { return nil }
    guard bound >= 0, bound.isFinite else {
      throw refusal(
        ChannelSection.codecPath,
        "codec \"\(channel.codec.rawValue)\" gives a bound on total variation of \(bound); allowed: 0 or more")
    }
    return Double(plan.plannedRounds)
      * (Double(plan.largestCohort) * bound + Double(channel.paddedDimension + 1) * 0x1p-54)
  }

  private func plan(
    numericalDelta: Double, _ refusal: RunFrame.Refusal
  ) throws(ScenarioError) -> PrivacyPlan? {
    guard let privacy = settings.privacy, let delta else { return nil }
    do throws(PrivacyRefusal) {
      let (isTarget, noise) =
        switch privacy.calibration {
        case .targetEpsilon(let epsilon): (true, epsilon)
        case .multiplier(let z): (false, z)
        }
      return try accounting.plan(
        .init(
          population: clients, clippingNorm: privacy.clippingNorm, isTarget: isTarget, noise: noise, sampling: sampling,
          relation: privacy.relation, accountant: privacy.accountant, delta: delta, rounds: settings.rounds,
          budget: privacy.budget, noiseSource: privacy.noise,
          adaptiveClipping: privacy.adaptiveClipping(
            expectedCohort: sampling.rate * Double(clients), arrivalRate: arrivalRate),
          numericalDelta: numericalDelta))
    } catch {
      switch error {
      case .countNoise where privacy.countNoise == nil:
        throw refusal(
          Privacy.path(\.clippingQuantile),
          error.description + "; privacy.countNoise is a twentieth of the expected cohort where it is not given")
      case .countNoise: throw refusal(Privacy.path(\.countNoise), error.description)
      case .budget: throw refusal(Privacy.path(\.budget), error.description)
      // An accountant that has no proof for the cohort.
      case .unproved:
        throw refusal(
          privacy.accountant == .pld ? Privacy.section : Privacy.path(\.accountant), error.description)
      }
    }
  }

  private func channel(
    _ plan: PrivacyPlan?, _ refusal: RunFrame.Refusal
  ) throws(ScenarioError) -> ChannelSettings {
    let (contents, bound) =
      switch algorithm {
      case .unweighted: plan.map { $0.contents(clippingNorm: $0.clippingNorm) } ?? (.update, .infinity)
      case .weighted: (UplinkContents.weighted, Double.infinity)
      case .scaffold: (UplinkContents.controlled, Double.infinity)
      }
    let made = { (codec: CodecName) in
      ChannelSettings(
        codec: codec, from: settings.channel.codecs, options: settings.channel.options,
        dimension: contents.dimension(parameters: parameters), clippingNorm: bound, noiseScale: plan?.noiseScale ?? 0)
    }
    let hasOneLength = settings.channel.padding == .fixedLength
    guard let codec = settings.channel.codec else {
      guard let budget = settings.channel.timeBudget else {
        return hasOneLength ? made(.float32).withFewestBitsOfOneLength : made(.float32).withFewestBits
      }
      guard let chosen = made(.float32).withFewestBits(within: budget, ofOneLength: hasOneLength) else {
        throw refusal(
          ChannelSection.timeBudgetPath,
          "found \(budget) microseconds, in which no codec is predicted to encode an update of \(made(.float32).dimension) coordinates; allowed: more, or \"float32\""
        )
      }
      return chosen
    }
    if let budget = settings.channel.timeBudget {
      throw refusal(
        ChannelSection.timeBudgetPath,
        "found \(budget) microseconds, but codec \"\(codec.rawValue)\" is chosen already; only \"auto\" chooses by time"
      )
    }
    let chosen = made(codec)
    if let problem = chosen.problem { throw refusal(ChannelSection.codecPath, problem) }
    if hasOneLength && !chosen.hasOneLength {
      throw refusal(
        ChannelSection.paddingPath,
        "payloads of \"\(codec.rawValue)\" have no bound that padding could reach without cutting some, which would change the noise"
          + "; use \"layered-shifted\" with fixedLength, \"float32\" or \"auto\"")
    }
    return chosen
  }
}
