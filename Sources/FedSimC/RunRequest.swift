import FedSim
import JSONText
import Platform
import RunFiles
import Scenarios
import Settings

/// How a run or a federation is made, beside its scenario.
struct RunRequest: Configurable {
  /// Nil for all cores.
  var threads: Int?
  /// Nil for no files.
  var folder: String?
  var start = Start.new
  /// How messages call the scenario.
  var name = "scenario"
  /// Nil for the working directory alone.
  var directory: String?
  var tensorboard = false

  enum Start: String, CaseIterable, SettingValue {
    case new
    case replacing
    case resuming

    var start: RunExecution.Start {
      switch self {
      case .new: .new
      case .replacing: .replacing
      case .resuming: .resuming
      }
    }
  }

  static let keys = SettingList(
    RunRequest(),
    [
      Setting(
        "threads", \.threads, .integer(Int(Limits.threads.lowerBound)...Int(Limits.threads.upperBound)),
        .unset("as many as there are cores"), "threads; no result depends on it"),
      Setting("folder", \.folder, .path, .unset("no files are written"), "the folder of the run"),
      Setting("start", \.start, .choice(Start.self), "what is done with what the folder has already"),
      Setting("name", \.name, .text(1...200), "how messages call the scenario"),
      Setting(
        "directory", \.directory, .path, .unset("they are sought in the working directory alone"),
        "where files are sought that the scenario names and the working directory does not have"),
      Setting("tensorboard", \.tensorboard, .flag, "also write a file for TensorBoard"),
    ])

  var threadCount: Int { threads ?? Self.allThreads }

  /// As many as the process may use.
  static var allThreads: Int { min(ResourceUsage.processorCount, Int(Limits.threads.upperBound)) }

  /// - Parameters:
  ///   - options: a JSON object; no bytes stand for one without keys.
  ///   - others: keys that somebody else reads.
  static func request(_ options: [UInt8]) throws(ScenarioError) -> Request {
    try Request(options.isEmpty ? Array("{}".utf8) : options, "options")
  }

  /// The scenario, with what is set on top of it.
  func scenario(_ bytes: [UInt8], _ options: Request) throws(ScenarioError) -> Scenario {
    var overrides: [String] = []
    for (i, item) in (try options.list("set") ?? []).enumerated() {
      guard case .string(let text) = item else {
        throw options.error(
          KeyProblem(
            JSONParser.childPath("set", index: i), "found \(item.summary)",
            allowed: "\"key=value\", such as \"rounds=10\""))
      }
      overrides.append(text)
    }
    return try Scenario(ScenarioFile(bytes, name: name, overrides: overrides, folder: directory))
  }
}
