import ChannelCoding
import Clients
import Datasets
import Settings

/// A model whose parameters are public: a prior over latents, and a decoder that makes something of latents. Each datum has a posterior of
/// its own, fitted where the datum is, of which one sample is sent.
///
/// The objective of a datum is its squared error (pictures) or cross-entropy (classifiers) under the posterior, in expectation, plus
/// beta KL(posterior || prior) in nats. Clients train prior and decoder together like any other model; posteriors stay with them.
///
/// `Evaluation.accuracy` of such a model is nil where there is nothing to be right or wrong about, and its loss is the objective.
public protocol VariationalModel: Model {
  associatedtype Decoder: LatentDecoder

  /// Coordinates of a posterior.
  var latentCount: Int { get }

  /// The weight of the KL divergence in the objective.
  var beta: Double { get set }

  /// Whose the scales of posteriors are.
  var form: PosteriorForm { get }

  /// The public prior and decoder that parameters say. Both ends make them from the same float32 values, and get the same bits.
  func decoder(_ parameters: [Float]) -> Decoder
}

/// A variational model of pictures or signals, each of which has a posterior.
public protocol PictureModel: VariationalModel where Decoder: PictureDecoder {}

/// A variational model of classifiers, each client's of which has a posterior.
public protocol ClassifierModel: VariationalModel where Decoder: ClassifierDecoder {}

/// What both ends know before anything is sent: a prior, and what is made of latents. It fits posteriors where the datum is.
public protocol LatentDecoder: Sendable {
  var prior: LatentPrior { get }

  /// The posterior of a datum that minimises the objective.
  ///
  /// - Parameters:
  ///   - examples: one picture, or the examples that a classifier is fitted to.
  ///   - form: whether the scales are the prior's public ones or the posterior's own.
  ///   - sent: latents that the other end has already, which are no longer free: nil for all others. Of progressive refinement.
  ///   - start: where the fit begins; nil for the prior.
  ///   - steps: of the fit; nil for as many as it takes.
  ///   - random: what the fit may draw; the same stream, the same posterior.
  func posterior(
    of examples: ArraySlice<Int>, in data: Dataset, form: PosteriorForm, sent: [Double?]?, start: LatentPosterior?,
    steps: Int?, random: inout RandomStream
  ) -> LatentPosterior
}

/// A decoder of pictures or signals.
public protocol PictureDecoder: LatentDecoder {
  /// The values that latents say, as many as an example has features; not clipped to [0, 1].
  func picture(_ latents: [Double]) -> [Float]
}

/// A decoder whose latents are the weights of a classifier.
public protocol ClassifierDecoder: LatentDecoder {
  /// Which of the examples the classifier with these weights is right on.
  func isRight(_ latents: [Double], on examples: ArraySlice<Int>, of data: Dataset) -> [Bool]
}

/// Whose the scales of posteriors are.
public enum PosteriorForm: String, CaseIterable, Sendable {
  /// Public scales, the same for all data: the noise of a channel that every codec has.
  case tied
  /// Scales of each posterior's own.
  case free
}

extension PosteriorForm: SettingValue {}

/// The public normal prior over latents, coordinate by coordinate, and the public scales of tied posteriors.
public struct LatentPrior: Sendable, Equatable {
  public let means: [Double]
  /// Standard deviations, all above 0.
  public let scales: [Double]
  /// Standard deviations of tied posteriors, at most the prior's. Where they are equal the coordinate says nothing.
  public let posteriorScales: [Double]

  public init(means: [Double], scales: [Double], posteriorScales: [Double]) {
    precondition(means.count == scales.count && means.count == posteriorScales.count)
    (self.means, self.scales, self.posteriorScales) = (means, scales, posteriorScales)
  }
}

/// A normal posterior over latents, coordinate by coordinate, in the latents' own units.
public struct LatentPosterior: Sendable, Equatable {
  public var means: [Double]
  /// Standard deviations, above 0 and at most the prior's.
  public var scales: [Double]

  public init(means: [Double], scales: [Double]) { (self.means, self.scales) = (means, scales) }
}
