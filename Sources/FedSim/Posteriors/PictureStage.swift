import ChannelCoding
import Datasets
import Files
import Numerics
import Scenarios
import VariationalModels

extension PosteriorStage {
  /// One picture that was sent.
  private struct SentPicture: Sendable {
    let message: MessageFigures
    /// Sum of squared errors of its values, clipped to [0, 1].
    let squaredError: Double
    /// The picture itself, where a report shows it.
    let picture: [Float]?
  }

  /// Sends the test pictures by every code at every value of beta, and by the baselines.
  func pictures(
    _ model: some PictureModel, _ continues: Progress
  ) throws -> PosteriorResults {
    let data = setup.test
    let count = min(section.examples ?? data.count, data.count)
    let codecs = try codecs(model.form)
    let betas = [model.beta] + (section.curve ?? []).filter { $0 != model.beta }
    var rows: [PosteriorResults.Row] = []
    var shown = [Self.originals(data, min(section.pictures, count))]
    var shownNames = ["original"]
    let all = count * betas.count * (codecs.count + 1)
    var done = 0
    var message = 0
    for beta in betas {
      var trained = model
      trained.beta = beta
      let own = trained.decoder(parameters)
      let training = setup.population.data
      let known = trainingPosteriors(model.form, of: training.count) { example, random in
        own.posterior(
          of: [example], in: training, form: model.form, sent: nil, start: nil, steps: nil, random: &random)
      }
      let posteriors = try fits(own, form: model.form, count, &done, of: all, continues)
      for codec in codecs {
        message += 1
        let isShown = beta == model.beta
        let sent = try send(
          posteriors, own, by: try sender(codec, own.prior, model.form, population: known), form: model.form,
          message: message, shows: isShown ? section.pictures : 0,
          &done, of: all, continues)
        let errors = sent.map { $0.squaredError / Double(data.featureCount) }
        rows.append(
          PosteriorResults.Row(
            sent.map(\.message), by: codec, beta: beta,
            meanSquaredError: errors.reduce(0, +) / Double(count), meanPSNR: Self.meanPSNR(errors)))
        if isShown {
          shown.append(sent.compactMap { $0.picture })
          shownNames.append(codec.name.rawValue)
        }
      }
    }
    var notes: [String] = []
    if section.baselines { rows += try baselines(count, &notes) }
    let active = PosteriorSender.active(model.decoder(parameters).prior, model.form).count
    let sheet = Self.sheet(shown, data)
    return PosteriorResults(
      task: setup.scenario.task.rawValue, dataCount: count, valueCount: data.featureCount,
      latentCount: model.latentCount, activeCount: active, form: model.form.rawValue, rows: rows,
      references: realism(model, count),
      sheet: sheet, sheetRows: sheet == nil ? [] : shownNames, notes: notes)
  }

  private func fits(
    _ decoder: some PictureDecoder, form: PosteriorForm, _ count: Int, _ done: inout Int,
    of all: Int, _ continues: Progress
  ) throws -> [LatentPosterior] {
    try forEach(count, &done, of: all, continues) { i in
      var random = try keys(of: i).fit(message: 0)
      return decoder.posterior(
        of: [i], in: setup.test, form: form, sent: nil, start: nil, steps: nil, random: &random)
    }
  }

  /// Second-moment realism: what the same bits give where pictures shall vary as the population's do. For the linear decoder, whose law is
  /// known; none for others.
  private func realism(_ model: some PictureModel, _ count: Int) -> [PosteriorResults.Reference] {
    guard let decoder = model.decoder(parameters) as? LinearPictureDecoder else { return [] }
    let key = RunKeys.experimentKey(seed: setup.scenario.seed, .testPartition).derived(.data)
    let variants: [(RealismVariant, String)] = [
      (.mean, "least error"), (.scaled, "scaled to the exact variance"), (.posterior, "drawn given the latents"),
    ]
    let figures = setup.parallel.map(variants.count) { i in
      decoder.realism(of: variants[i].0, on: Array(0..<count)[...], of: setup.test, key: key)
    }
    return zip(variants, figures).flatMap { variant, found in
      [
        ("meanSquaredError", "mean squared error", found.meanSquaredError),
        ("spectrumDistance", "distance of covariance spectra", found.spectrumDistance),
        ("featureDistance", "distance of random features", found.featureDistance),
      ].map { name, meaning, value in
        PosteriorResults.Reference(
          name: "realism.\(variant.0.rawValue).\(name)", meaning: "second-moment realism, \(variant.1): \(meaning)",
          value: value, isShare: false)
      }
    }
  }

  private func keys(of datum: Int) throws -> PosteriorKeys {
    try PosteriorKeys(setup.keys, datum: setup.population.clientCount + datum)
  }

  private func send(
    _ posteriors: [LatentPosterior], _ decoder: some PictureDecoder, by sender: PosteriorSender, form: PosteriorForm,
    message: Int, shows shown: Int, _ done: inout Int, of all: Int, _ continues: Progress
  ) throws -> [SentPicture] {
    let test = setup.test
    return try forEach(posteriors.count, &done, of: all, continues) { i in
      let sent = try send(posteriors[i], by: sender, keys(of: i), message: message) { sent, start, random in
        decoder.posterior(
          of: [i], in: test, form: form, sent: sent, start: start, steps: section.refinement, random: &random)
      }
      let picture = decoder.picture(sent.latents)
      return SentPicture(
        message: MessageFigures(sent, of: posteriors[i], decoder.prior),
        squaredError: Self.squaredError(picture, test, i), picture: i < shown ? picture : nil)
    }
  }

  /// Nil where a picture has no error at all.
  static func meanPSNR(_ errors: [Double]) -> Double? {
    let each = errors.compactMap(PosteriorResults.psnr)
    return each.count == errors.count && !each.isEmpty ? each.reduce(0, +) / Double(each.count) : nil
  }

  static func squaredError(_ picture: [Float], _ data: Dataset, _ example: Int) -> Double {
    let first = example * data.featureCount
    var sum = 0.0
    for (j, value) in picture.enumerated() {
      let clipped = Double(min(max(value.isNaN ? 0 : value, 0), 1))
      let error = clipped - Double(data.features[first + j])
      sum += error * error
    }
    return sum
  }

  // MARK: The sheet

  private static func originals(_ data: Dataset, _ count: Int) -> [[Float]] {
    (0..<count).map { i in Array(data.features[(i * data.featureCount)..<((i + 1) * data.featureCount)]) }
  }

  /// Rows of pictures as one picture, a white line between any two. Nil where the data are no pictures.
  private static func sheet(_ rows: [[[Float]]], _ data: Dataset) -> [UInt8]? {
    guard let shape = data.imageShape, shape.channels == 1 || shape.channels == 3, let first = rows.first,
      !first.isEmpty
    else { return nil }
    let (height, width) = (rows.count * (shape.height + 1) - 1, first.count * (shape.width + 1) - 1)
    guard max(height, width) <= PNG.largestSide else { return nil }
    var values = [Float](repeating: 1, count: height * width * shape.channels)
    for (r, pictures) in rows.enumerated() {
      for (c, picture) in pictures.enumerated() {
        for y in 0..<shape.height {
          for x in 0..<(shape.width * shape.channels) {
            let place = ((r * (shape.height + 1) + y) * width + c * (shape.width + 1)) * shape.channels + x
            values[place] = picture[y * shape.width * shape.channels + x]
          }
        }
      }
    }
    return try? PNG.bytes(of: values, height: height, width: width, channels: shape.channels)
  }
}
