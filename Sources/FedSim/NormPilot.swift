import ChannelCoding
import Clients
import Numerics
import Platform

/// The first rounds of a run with nothing written, under keys of their own: what lengths updates come to have.
///
/// Most codecs take less time for short updates, and updates get shorter as a model learns. The model, the sums and their noise are thrown
/// away.
struct NormPilot {
  /// The energy of an update over that of the longest, |x|^2 / C^2: for each round that was made, what gives the mean of I(X; Y).
  let energies: [Double]

  /// The energies of updates that are as long as may be.
  static let longest = NormPilot(energies: [1])

  /// - Parameter seconds: processor time that rounds may take; one that takes longer is given up, and tells of the clients that have trained.
  init(_ setup: RunSetup, seconds: Double) {
    let channel = setup.channel
    guard setup.unmade == nil, channel.noiseScale > 0, channel.clippingNorm.isFinite, seconds > 0, setup.lastRound > 0
    else {
      self = .longest
      return
    }
    let unit = channel.noiseScale / channel.clippingNorm
    let scale = Double(channel.dimension) * unit * unit
    let energies = (try? Self.bits(setup, seconds: seconds))?.map { bits in
      min(max(scale * (Elementary.exp(2 * bits / Double(channel.dimension) * Elementary.log(2)) - 1), 1e-6), 1)
    }
    self.init(energies: energies.flatMap { $0.isEmpty ? nil : $0 } ?? Self.longest.energies)
  }

  private init(energies: [Double]) { self.energies = energies }

  /// At a point of a run from 0 to 1; later rounds are taken to be as the last that was made.
  func energy(at point: Double, rounds: Int) -> Double {
    energies[min(max(Int(point * Double(rounds)), 0), energies.count - 1)]
  }

  /// Mean I(X; Y) of the uploads of each round.
  private static func bits(_ setup: RunSetup, seconds: Double) throws -> [Double] {
    let limit = ResourceUsage.processorSeconds + seconds
    let keys = RunKeys(seed: 0, fingerprint: Array("lengths".utf8))
    var federation = Federation(setup.frame.withoutMessages, parameters: setup.initialParameters, keys: keys, nonce: nil)
    var clients = setup.makeClients()
    var pace = BatchPace(threads: setup.parallel.threads)
    var bits: [Double] = []
    while ResourceUsage.processorSeconds < limit, var open = try federation.nextRound() {
      let isWhole = try open.participate(&clients, evaluates: false, &pace) { _ in
        ResourceUsage.processorSeconds < limit
      }
      let diagnostics = open.diagnostics
      if let mean = diagnostics.share(diagnostics.idealBits) { bits.append(mean) }
      guard isWhole else { break }
      _ = try federation.closing(open, evaluate: nil)
    }
    return bits
  }
}
