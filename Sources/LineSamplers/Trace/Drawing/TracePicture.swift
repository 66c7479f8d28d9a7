import Files

extension SearchTrace {
  /// So many points of a process are drawn; more are a smear.
  public static let mostDrawn = 2000
  /// So many frames stand side by side: those of a longer search are taken at even distances.
  public static let mostFrames = 16

  /// A group of frames: how many there are, and how each is drawn.
  private struct Group {
    let name: String
    let fileName: String
    let count: Int
    let frame: (Int, TraceFrameSize) -> TracePanel
  }

  private struct Contents {
    let groups: [Group]
    let legend: [TraceLegendItem]
    let summary: String
    let strip: TraceStrip
  }

  /// All frames, or 16 of them, side by side in one SVG file.
  ///
  /// - Parameter columns: frames in a row. Four suit a page; two are readable on a phone.
  public func picture(columns: Int = 4) throws(ToolError) -> String {
    let contents = try contents()
    let size = TraceFrameSize(columns: columns)
    let groups = contents.groups.map { group in
      (name: group.name, panels: Self.chosen(of: group.count).map { group.frame($0, size) })
    }
    return figure(contents, groups, size).svg(columns: columns)
  }

  /// Every frame as a file of its own, with its name: the number, after the form of the search where there are two.
  public func frames() throws(ToolError) -> [(name: String, svg: String)] {
    let contents = try contents()
    let size = TraceFrameSize(columns: 1)
    return contents.groups.flatMap { group in
      let prefix = contents.groups.count > 1 ? "\(group.fileName)-" : ""
      return (0..<group.count).map { i in
        let figure = figure(contents, [(name: group.name, panels: [group.frame(i, size)])], size)
        return (name: "\(prefix)\(i)", svg: figure.svg(columns: 1))
      }
    }
  }

  private func figure(
    _ contents: Contents, _ groups: [(name: String, panels: [TracePanel])], _ size: TraceFrameSize
  ) -> TraceFigure {
    let from = seed.map { "; seed\u{a0}\($0)" } ?? ""
    let bits =
      "KL\u{a0}\(Text.fixed(target.entropyBits, 2))\u{a0}bits, Dinf\u{a0}\(Text.fixed(target.supremumBits, 2))\u{a0}bits"
    return TraceFigure(
      title: algorithm.title, subtitle: "\(target.pairWords); \(bits)\(from)", summary: contents.summary,
      legend: contents.legend, groups: groups, strip: contents.strip, size: size)
  }

  /// The first and the last, and others at even distances.
  private static func chosen(of count: Int) -> [Int] {
    guard count > mostFrames else { return Array(0..<count) }
    return (0..<mostFrames).map { $0 * (count - 1) / (mostFrames - 1) }
  }

  private func contents() throws(ToolError) -> Contents {
    switch course {
    case .process(let trace):
      try check(trace.arrivals.count)
      let picture = ProcessTrace.Picture(trace, target)
      let (isFast, isGlobal) = (algorithm != .gprs, algorithm != .fastGPRS)
      var groups: [Group] = []
      if isFast {
        groups.append(
          Group(name: "Fast GPRS", fileName: "fast-gprs", count: trace.steps.count, frame: picture.fast))
      }
      if isGlobal {
        groups.append(
          Group(name: "GPRS", fileName: "gprs", count: trace.arrivals.count + 1, frame: picture.gprs))
      }
      return Contents(
        groups: groups, legend: picture.legend(isFast: isFast, isGlobal: isGlobal),
        summary: picture.summary(isFast: isFast, isGlobal: isGlobal), strip: picture.stage.strip)
    case .bounds(let trace):
      try check(trace.steps.count)
      let picture = BoundTrace.Picture(trace, target)
      return Contents(
        groups: [
          Group(name: "", fileName: algorithm.rawValue, count: trace.steps.count + 1, frame: picture.frame)
        ], legend: picture.legend(), summary: picture.summary, strip: picture.stage.strip)
    case .lids(let trace):
      try check(trace.steps.count)
      let picture = LidTrace.Picture(trace, target)
      return Contents(
        groups: [Group(name: "", fileName: algorithm.rawValue, count: trace.steps.count, frame: picture.frame)],
        legend: picture.legend(), summary: picture.summary, strip: picture.stage.strip)
    }
  }

  private func check(_ count: Int) throws(ToolError) {
    guard count <= Self.mostDrawn else {
      throw .failed(
        place: "--svg",
        reason:
          "the search of this seed has \(Text.grouped(count)) points; at most \(Text.grouped(Self.mostDrawn)) are drawn: take another seed, a target nearer to its proposal, or the table"
      )
    }
  }
}
