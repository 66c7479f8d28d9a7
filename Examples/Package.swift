// swift-tools-version: 6.1
import PackageDescription

/// A program of one page, with the products of FedSim that it uses.
func example(_ name: String, _ products: [String]) -> Target {
  .executableTarget(name: name, dependencies: products.map { .product(name: $0, package: "fedsim") })
}

let package = Package(
  name: "fedsim-examples",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "fedsim", path: "..")],
  targets: [
    example("FederationExample", ["FedSim"]),
    example("DataFromArrays", ["FedSim"]),
    example("OwnCodec", ["FedSim", "Verification"]),
    example("OwnModel", ["FedSim", "Verification"]),
    example("OwnServerOptimizer", ["FedSim", "Verification"]),
    example("OwnDataAndPartition", ["FedSim"]),
    example("OwnChart", ["FedSim", "Reports", "RunFiles"]),
    // C: the library by its header alone.
    .executableTarget(
      name: "ChannelInC", dependencies: [.product(name: "FedSimC", package: "fedsim")], path: "c",
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
  ],
  swiftLanguageModes: [.v6]
)
