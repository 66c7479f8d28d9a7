import ChannelCoding
import Settings

/// How posterior samples are sent and measured when prior and decoder are trained. For the tasks `representation` and
/// `bayesian-classification` alone.
public struct PosteriorSection: ScenarioSection, Equatable {
  /// Names of posterior codecs, each of which sends every datum; nil for the standard one of the posteriors' form.
  public var codecs: [String]?
  /// Test pictures that are sent; nil for all.
  public var examples: Int?
  /// Values of beta at which the trained prior and decoder are measured beside the model's own; nil for none.
  public var curve: [Double]?
  /// Steps of the fit after each block that was sent; 0 for none.
  public var refinement: Int
  /// The mean KL divergence, in bits, that the blocks of `pfr`, `ring-toss` and `mrc` are filled to.
  public var blockBits: Double
  /// Whether pictures are also sent by other codes.
  public var baselines: Bool
  /// Pictures that a report shows.
  public var pictures: Int
  /// Test clients of `bayesian-classification`; nil for as many as have the size of a training client.
  public var clients: Int?
  /// The share of a test client's examples to which its posterior is fitted.
  public var fitShare: Double
  /// Whether client i's pictures are turned by i mod 4 quarters.
  public var turned: Bool

  public init(
    codecs: [String]? = nil, examples: Int? = nil, curve: [Double]? = nil, refinement: Int = 0, blockBits: Double = 8,
    baselines: Bool = true,
    pictures: Int = 8, clients: Int? = nil, fitShare: Double = 0.65, turned: Bool = false
  ) {
    self.codecs = codecs
    self.examples = examples
    self.curve = curve
    self.refinement = refinement
    self.blockBits = blockBits
    self.baselines = baselines
    self.pictures = pictures
    self.clients = clients
    self.fitShare = fitShare
    self.turned = turned
  }

  public static let section = "posterior"

  public static let keys = SettingList(
    PosteriorSection(),
    [
      Setting(
        "codecs", \.codecs, .choices(PosteriorCodecs.all.map(\.name.rawValue)),
        .unset("`layered` for tied scales, `pfr` for free ones"),
        "codes by which every posterior sample is sent, one after the other"),
      Setting(
        "examples", \.examples, .integer(1...1_000_000), .unset("all"),
        "test pictures that are sent, the first ones; for `representation`"),
      Setting(
        "curve", \.curve, .positives(count: 1...20), .unset("the model's `beta` alone"),
        "further values of beta at which the trained prior and decoder are measured; for `representation`"),
      Setting(
        "refinement", \.refinement, .integer(0...10_000),
        "steps by which what is left of a posterior is fitted again after each block that was sent; for the codes of blocks: `pfr`, `ring-toss`, `mrc`"
      ),
      Setting(
        "blockBits", \.blockBits, .number(1...20),
        "mean KL divergence of a block in bits, for `pfr`, `ring-toss` and `mrc`: time grows with 2 to this power"),
      Setting("baselines", \.baselines, .flag, "whether the pictures are also sent by KLT, DCT, JPEG and PNG"),
      Setting("pictures", \.pictures, .integer(0...64), "pictures that the report shows"),
      Setting(
        "clients", \.clients, .integer(1...1_000_000),
        .unset("as many as make test clients as large as training clients"),
        "clients among which the test examples are partitioned; for `bayesian-classification`"),
      Setting(
        "fitShare", \.fitShare, .fraction,
        "share of a test client's examples to which its posterior is fitted, for `bayesian-classification`; it is tested on the rest"
      ),
      Setting(
        "turned", \.turned, .flag,
        "whether the pictures of client i are turned by i mod 4 quarters; for `bayesian-classification`"),
    ])
}
