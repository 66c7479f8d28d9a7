// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "fedsim-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "fedsim", path: "..")],
  targets: [
    .executableTarget(
      name: "LayeredBenchmark",
      dependencies: [.product(name: "ChannelCoding", package: "fedsim"), .product(name: "Numerics", package: "fedsim")]),
    .executableTarget(
      name: "CandidateBenchmark",
      dependencies: [.product(name: "ChannelCoding", package: "fedsim"), .product(name: "Numerics", package: "fedsim")]),
    .executableTarget(
      name: "SearchBenchmark",
      dependencies: [.product(name: "ChannelCoding", package: "fedsim"), .product(name: "Numerics", package: "fedsim")]),
  ],
  swiftLanguageModes: [.v6]
)
