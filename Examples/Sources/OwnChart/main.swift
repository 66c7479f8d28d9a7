// A chart of one's own on the page of a run: what went down to the clients in each round, beside what came up.
import FedSim
import Foundation
import Reports
import RunFiles

let traffic = RunChart("traffic", figures: [\.round, \.downlinkBytes, \.wireBytes]) { run in
  Chart(
    title: "Traffic over rounds", x: .init("round", isInteger: true), y: .init("kilobytes of all clients", isLog: true),
    series: [
      .init("broadcasts", run.rounds.points(\.downlinkBytes, scale: 1e-3)),
      .init("uploads", run.rounds.points(\.wireBytes, scale: 1e-3)),
    ])
}
let charts = ReportCharts.standard.adding(traffic)

// A run to report on, in a folder of its own.
let folder = FileManager.default.temporaryDirectory.appendingPathComponent("fedsim-\(UUID().uuidString)").path
defer { try? FileManager.default.removeItem(atPath: folder) }
let scenario = Scenario(
  rounds: 4, data: Digits(), partition: .iid(clients: 50), model: SoftmaxRegression(),
  training: Training(learningRate: 0.3), cohort: .poisson(expectedSize: 10),
  privacy: Privacy(clippingNorm: 0.5, noiseMultiplier: 1))
var execution = try RunExecution(Simulation(scenario: scenario, threads: 2), in: folder, start: .new)
_ = try execution.run()

let source = try Report.Source(path: folder, charts: charts) { name in
  FileManager.default.contents(atPath: "\(folder)/\(name)").map { [UInt8]($0) }
}
let report = Report([source], charts: charts)
print("the page has \(report.charts.count) charts and \(report.html.utf8.count) bytes")
guard report.charts.contains(where: { $0.name == "traffic" }), report.html.contains("Traffic over rounds") else {
  exit(1)
}
