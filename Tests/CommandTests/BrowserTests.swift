import Foundation
import Testing

@testable import Files
@testable import JSONText

/// Pages of reports as a browser lays them out. Skipped where there is no Chromium; Scripts/test.sh installs it.
@Suite(.serialized) struct BrowserTests {
  /// What a page measures of itself, in CSS pixels.
  private struct Verdict: Decodable {
    let width: Double
    let scrollWidth: Double
    let charts: Int
    let isDark: Bool
    /// Of text on ground.
    let contrast: Double
    let smallestText: Double
    let clipped: [String]
    let overlapping: [String]
  }

  private static let measurement = """
    <script>
    addEventListener("load", () => {
      const clipped = [], overlapping = [];
      let smallest = 1e9;
      for (const svg of document.querySelectorAll("svg.chart")) {
        const frame = svg.getBoundingClientRect();
        const name = svg.getAttribute("aria-label").split(":")[0];
        const labels = [...svg.querySelectorAll("text")].map(t => ({ text: t.textContent, box: t.getBoundingClientRect() }));
        for (const { text, box } of labels) {
          smallest = Math.min(smallest, box.width > box.height || text.length < 3 ? box.height : box.width);
          if (box.left < frame.left - 0.5 || box.right > frame.right + 0.5 || box.top < frame.top - 0.5 || box.bottom > frame.bottom + 0.5)
            clipped.push(name + ": " + text);
        }
        for (let i = 0; i < labels.length; i++) for (let j = 0; j < i; j++) {
          const a = labels[i].box, b = labels[j].box;
          const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          if (across > 0.5 && down > 0.5) overlapping.push(name + ": " + labels[j].text + " | " + labels[i].text);
        }
      }
      const style = getComputedStyle(document.body);
      const light = text => {
        const c = text.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
      };
      const [a, b] = [light(style.color), light(style.backgroundColor)].sort((x, y) => x - y);
      const verdict = {
        width: innerWidth, scrollWidth: document.documentElement.scrollWidth, charts: document.querySelectorAll("figure").length,
        isDark: matchMedia("(prefers-color-scheme: dark)").matches, contrast: (b + 0.05) / (a + 0.05), smallestText: smallest,
        clipped, overlapping
      };
      document.documentElement.innerHTML = "<body>BEGIN" + btoa(unescape(encodeURIComponent(JSON.stringify(verdict)))) + "END</body>";
    });
    </script>
    """

  private static let browser: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    let names = ["chromium", "chromium-browser", "google-chrome"]
    return names.flatMap { name in folders.map { "\($0)/\(name)" } }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  /// Lays a page out.
  ///
  /// - Returns: what it measures, and what the console had to say.
  private func open(_ html: String, width: Int, isDark: Bool = false, in folder: URL) throws -> (Verdict, [String]) {
    let name = UUID().uuidString
    let page = folder.appendingPathComponent(name + ".html")
    try html.replacingOccurrences(of: "</body>", with: Self.measurement + "</body>")
      .write(to: page, atomically: true, encoding: .utf8)
    // A window has a least width, a frame has none.
    let window = folder.appendingPathComponent(name + "-window.html")
    try """
    <!DOCTYPE html><body style="margin:0"><iframe src="\(name).html" style="border:0;width:\(width)px;height:3000px"></iframe>
    <script>addEventListener("load", () => setTimeout(() => {
      document.body.textContent = document.querySelector("iframe").contentDocument.body.textContent;
    }, 0));</script></body>
    """.write(to: window, atomically: true, encoding: .utf8)

    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(Self.browser))
    process.arguments =
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--enable-logging=stderr",
        "--user-data-dir=\(folder.appendingPathComponent(name + "-profile").path)", "--window-size=1400,3000",
      ] + (isDark ? ["--blink-settings=preferredColorScheme=0"] : []) + ["--dump-dom", window.absoluteString]
    let (output, errors) = (folder.appendingPathComponent(name + ".dom"), folder.appendingPathComponent(name + ".log"))
    for file in [output, errors] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    let deadline = Date().addingTimeInterval(120)
    while process.isRunning && Date() < deadline { Thread.sleep(forTimeInterval: 0.05) }
    if process.isRunning { process.terminate() }
    process.waitUntilExit()
    let dom = try String(contentsOf: output, encoding: .utf8)
    let log = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
    let encoded = dom.components(separatedBy: "BEGIN").last?.components(separatedBy: "END").first ?? ""
    let data = try #require(Data(base64Encoded: encoded), "no verdict: \(dom.prefix(500)) \(log.suffix(500))")
    return (
      try JSONDecoder().decode(Verdict.self, from: data),
      log.split(separator: "\n").filter { $0.contains("CONSOLE") }.map(String.init)
    )
  }

  /// Pages of a small run and of a small sweep.
  private func pages(in folder: URL) throws -> (run: String, sweep: String) {
    let base = """
      {"name": "s", "seed": 1, "task": "classification", "rounds": 4, "data": {"source": "digits"},
       "partition": {"kind": "iid", "clients": 150}, "model": {"kind": "softmax-regression"},
       "training": {"batchSize": 4, "learningRate": 0.5}, "cohort": {"sampling": "poisson", "size": 20},
       "privacy": {"clippingNorm": 1.0, "targetEpsilon": 8}, "channel": {"codec": "polar"}, "evaluation": {"every": 1}
      """
    try (base + "}").write(to: folder.appendingPathComponent("run.json"), atomically: true, encoding: .utf8)
    let axes = #"{"privacy.targetEpsilon": [0.5, 2, 16], "channel.codec": ["float32", "layered", "polar"]}"#
    try (base + ", \"sweep\": {\"axes\": \(axes), \"repeats\": 2}}").write(
      to: folder.appendingPathComponent("sweep.json"), atomically: true, encoding: .utf8)
    for arguments in [
      [
        "run", "run.json", "--out", "run", "-q", "--set", "model.kind=perceptron", "--set", "model.hidden=[64]",
      ], ["sweep", "sweep.json", "--out", "sweep", "-q"],
      ["report", "run", "--out", "run.html"], ["report", "sweep", "--out", "sweep.html"],
    ] {
      let outcome = try fedsim(arguments, in: folder)
      try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
    }
    let read = { (name: String) in try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8) }
    return (try read("run.html"), try read("sweep.html"))
  }

  @Test(
    .enabled(if: Self.browser != nil, "Chromium is not in PATH: pages are not looked at (apt-get install chromium)"))
  func labelsAreWholeAndApartAtEveryWidth() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (run, sweep) = try pages(in: folder)
    for (name, page, charts) in [("run", run, 6), ("sweep", sweep, 8)] {
      #expect(!page.contains("<script"))
      for (width, isDark) in [(1200, false), (390, false), (320, true)] {
        let (verdict, console) = try open(page, width: width, isDark: isDark, in: folder)
        let place = "\(name) at \(width)"
        #expect(verdict.width == Double(width) && verdict.isDark == isDark, "\(place)")
        #expect(verdict.charts == charts, "\(place): \(verdict.charts) charts")
        #expect(verdict.scrollWidth <= verdict.width, "\(place): \(verdict.scrollWidth) wide")
        #expect(verdict.clipped.isEmpty, "\(place): \(verdict.clipped)")
        #expect(verdict.overlapping.isEmpty, "\(place): \(verdict.overlapping)")
        #expect(verdict.contrast > 7, "\(place): contrast \(verdict.contrast)")
        // Boxes of lines, a bit higher than the letters.
        #expect(verdict.smallestText > (width < 390 ? 8 : 10), "\(place): text of \(verdict.smallestText) pixels")
        #expect(console.isEmpty, "\(place): \(console)")
      }
    }
    // The same eyes see what is wrong.
    let large = sweep.replacingOccurrences(of: "font-size=\"13\"", with: "font-size=\"26\"")
    let (clipped, _) = try open(large, width: 1200, in: folder)
    #expect(!clipped.clipped.isEmpty && !clipped.overlapping.isEmpty)
    let wide = run.replacingOccurrences(
      of: "</h1>", with: "</h1><p style=\"width: 900px\">x</p><script>console.error('x')</script>")
    let (overflowing, console) = try open(wide, width: 390, in: folder)
    #expect(overflowing.scrollWidth > overflowing.width && !console.isEmpty)
  }

  /// The pictures of searches in the guides, each at the width that it is made for.
  @Test(
    .enabled(if: Self.browser != nil, "Chromium is not in PATH: pictures are not looked at (apt-get install chromium)"))
  func picturesOfSearchesAreWholeAndApart() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let page = { (svg: String) in
      """
      <!DOCTYPE html><html><head><meta charset="utf-8"><style>body { margin: 0; color: #000; background: #fff }</style></head>
      <body><figure style="margin: 0">\(svg.replacingOccurrences(of: "class=\"trace\"", with: "class=\"trace chart\""))</figure></body></html>
      """
    }
    let draw = { (arguments: [String]) in
      let outcome = try fedsim(["channel", "trace", "--svg", "picture.svg"] + arguments, in: folder)
      try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
      return try String(contentsOf: folder.appendingPathComponent("picture.svg"), encoding: .utf8)
    }
    let searches = [
      ["both", "gaussian:1,0.25", "43"], ["as-star", "gaussian:1,0.25", "13"], ["grc-split", "laplace:1,0.25", "21"],
      ["ad-star", "mixture:0.5,-1,0.2+0.5,1.5,0.3", "5"], ["grc-dyadic", "uniform:0.3,0.0625", "3"],
      ["pfr", "gaussian:-3,0.1", "2"],
    ]
    for search in searches {
      for (columns, width, isDark) in [("4", 1200, false), ("2", 390, true), ("1", 390, false)] {
        let svg = try draw(["--algorithm", search[0], "--target", search[1], "--seed", search[2], "--columns", columns])
        let (verdict, console) = try open(page(svg), width: width, isDark: isDark, in: folder)
        let place = "\(search) in \(columns) columns at \(width)"
        #expect(verdict.charts == 1 && verdict.scrollWidth <= verdict.width, "\(place)")
        #expect(verdict.clipped.isEmpty, "\(place): \(verdict.clipped)")
        #expect(verdict.overlapping.isEmpty, "\(place): \(verdict.overlapping)")
        #expect(verdict.smallestText > 10, "\(place): text of \(verdict.smallestText) pixels")
        #expect(console.isEmpty, "\(place): \(console)")
      }
    }
    // The same eyes see what is wrong.
    let large = try draw(["--algorithm", "both", "--seed", "43"]).replacingOccurrences(
      of: "font-size=\"13\"", with: "font-size=\"26\"")
    #expect(try !open(page(large), width: 1200, in: folder).0.overlapping.isEmpty)
  }
}
