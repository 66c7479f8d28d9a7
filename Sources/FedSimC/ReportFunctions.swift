import Files
import JSONText
import Reports
import Scenarios
import Settings

// Pages of fedsim.h.

@_cdecl("fs_report")
public func report(
  _ request: UnsafePointer<CChar>?, _ count: Int64, _ html: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForBytes(html, "html", error, capacity) {
    let request = try Request(Argument.bytes(request, count, "request"), "request")
    try request.check(only: ["folders"])
    var sources: [Report.Source] = []
    var problems: [String] = []
    for folder in try folders(request) {
      do throws(ToolError) {
        sources.append(
          try Report.Source(path: folder) { name throws(ToolError) in
            try InputFile.readIfThere("\(folder)/\(name)")
          })
      } catch {
        problems.append("\(error)")
      }
    }
    // A page of some of them says which are not there.
    guard !sources.isEmpty else { throw Failure.invalid(problems.joined(separator: "\n")) }
    var bytes = OutputBytes()
    try bytes.append(Report(sources, problems: problems).html.utf8)
    return bytes
  }
}

/// Paths of folders, at least one, each once.
private func folders(_ request: Request) throws(ScenarioError) -> [String] {
  let items = try request.list("folders") ?? []
  guard (1...1000).contains(items.count) else {
    throw request.error(
      KeyProblem("folders", "found \(items.count) folders", allowed: "an array of 1 to 1000 paths of runs or sweeps"))
  }
  var folders: [String] = []
  for (i, item) in items.enumerated() {
    let place = JSONParser.childPath("folders", index: i)
    if let problem = KeyRange.path.problem(item) {
      throw request.error(KeyProblem(place, problem, allowed: KeyRange.path.allowed))
    }
    guard case .string(let path) = item else { continue }
    guard !folders.contains(path) else {
      throw request.error(KeyProblem(place, "found \"\(path)\" twice", allowed: "each once"))
    }
    folders.append(path)
  }
  return folders
}
