import Settings

extension SectionTable {
  static let data = SectionTable(
    "data", .required, "where examples come from",
    [
    KeyDescription(
      "source", .choice(["digits", "idx", "csv", "leaf", "synthetic", "mixture", "given"], later: []), .required,
      "where examples come from (docs/data.md); `digits` (1797 images of 8 x 8) is built in, `given` are a library caller's own"
    ),
    KeyDescription(
      "testFraction", .fraction, .unset("0.2, for `synthetic` 0.1; none with `data.test`"),
      "share that is kept for the test, of each class by a seeded split; `synthetic`: of each client; `mixture`: as "
        + "many more, of the training examples"),
    KeyDescription(
      "test", .either([.path, .paths(["images", "labels"])]), .unset("split by `testFraction`"),
      "test examples of their own: a path for `csv` and `leaf`, two for `idx`"),
    KeyDescription(
      "images", .path, .absent("needed for `idx`"),
      "`idx`: file of images, plain or gzipped; all paths are seen from the working directory"),
    KeyDescription(
      "labels", .path, .absent("needed for `idx`"), "`idx`: file of labels"),
    KeyDescription(
      "path", .path, .absent("needed for `csv`, `leaf`"),
      "`csv`: the file, plain or gzipped; `leaf`: a file or a folder of .json files"),
    KeyDescription(
      "labelColumn", .column, .absent("needed for `csv`"), "`csv`: the column of labels"),
    KeyDescription(
      "clientColumn", .column, .absent("clients are not named"),
      "`csv`: the column that says whose an example is, for `natural`"),
    KeyDescription(
      "imageShape", .integers(each: 1...65_536, count: 3...3), .absent("no images"),
      "`csv`, `leaf`: height, width and channels where features are pixels, channels last"),
    KeyDescription(
      "classes", .integer(2...65_536),
      .absent("`idx`, `leaf`: the largest label and one more; `synthetic`, `mixture`: 10"), "number of classes"),
    KeyDescription(
      "features", .integer(1...1_000_000), .absent("`synthetic`: 60; `mixture`: 32"),
      "`synthetic`, `mixture`: features of an example"),
    KeyDescription(
      "clients", .integer(1...10_000_000), .absent("30"), "`synthetic`: number of clients"),
    KeyDescription(
      "alpha", .number(0...1e6), .absent("1"),
      "`synthetic`: deviation of the clients' models"),
    KeyDescription(
      "beta", .number(0...1e6), .absent("1"),
      "`synthetic`: deviation of the centres of the clients' inputs"),
    KeyDescription(
      "iid", .flag, .absent("false"), "`synthetic`: one model and one law of inputs for all clients"),
    KeyDescription(
      "examples", .integer(1...2_000_000_000), .absent("needed for `mixture`"), "`mixture`: training examples"),
    KeyDescription(
      "separation", .number(0...1e6), .absent("3"),
      "`mixture`: length of a class's centre in deviations"),
    KeyDescription(
      "deviation", .number(above: 0, upTo: 1e6), .absent("1"),
      "`mixture`: deviation of a feature within its class"),
    KeyDescription(
      "seed", .integer(0...Int.max), .absent("the scenario's `seed`"),
      "`synthetic`, `mixture`: seed of the examples, to keep them while `seed` varies"),

        ])

  static let partition = SectionTable(
    "partition", .required, "how training examples are partitioned among clients",
    [
KeyDescription(
      "kind",
      .choice(["one-example", "iid", "dirichlet-client", "dirichlet-class", "shards", "natural"], later: []), .required,
      "how training examples are partitioned among clients (docs/data.md)"),
    KeyDescription(
      "clients", .integer(1...10_000_000), .unset("needed but for `one-example` and `natural`"),
      "number of clients"),
    KeyDescription(
      "alpha", .number(1e-6...1e9),
      .absent("needed for `dirichlet-client`, `dirichlet-class`"),
      "concentration of the Dirichlet law: small for clients of one class, large for IID"),
    KeyDescription(
      "minimumSize", .integer(0...1_000_000_000), .absent("10"),
      "`dirichlet-class`: the draw is repeated, at most ten times, until every client has so many examples"),
    KeyDescription(
      "selfBalancing", .flag, .absent("false"),
      "`dirichlet-class`: clients with an equal share of the examples get none of further classes"),
    KeyDescription(
      "shardsPerClient", .integer(1...1_000_000), .absent("2"),
      "`shards`: parts of the examples, sorted by label, that a client gets"),

    ])
}
