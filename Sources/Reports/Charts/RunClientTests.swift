import FedSim

extension RunChart {
  /// Of a run that measures its clients: how many of them are below a value, before and after fine-tuning.
  public static let clientTests = RunChart("client-tests-distribution", figures: []) { run in
    guard let columns = run.clients else { return nil }
    let isShare = columns["accuracy"] != nil
    let names = isShare ? ["accuracy", "tunedAccuracy"] : ["loss", "tunedLoss"]
    let series = zip(names, ["the last model", "fine-tuned by each client"]).compactMap { key, words -> Chart.Series? in
      guard let values = columns[key], values.count > 1 else { return nil }
      let sorted = values.sorted { $0 < $1 }
      // At most a hundred points, the least and the most among them.
      let shown = min(sorted.count, 100)
      return Chart.Series(
        words,
        (0..<shown).map { i in
          let place = i * (sorted.count - 1) / (shown - 1)
          return Chart.Point(
            x: 100 * Double(place + 1) / Double(sorted.count), y: sorted[place] * (isShare ? 100 : 1))
        })
    }
    guard !series.isEmpty else { return nil }
    return Chart(
      title: isShare ? "Accuracy of clients on their own tests" : "Loss of clients on their own tests",
      note: "So many per cent of the clients have this value or a lower one.",
      x: Chart.Axis("clients, %"), y: isShare ? .accuracy : Chart.Axis("loss"), series: series)
  }
}
