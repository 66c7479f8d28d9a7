// swift-tools-version: 6.1
import PackageDescription

// ChannelFuzzer is libFuzzer with address checks, on the whole module under test: build with Scripts/fuzz.sh. InterfaceFuzzer makes
// sequences of calls of the C interface from a seed: build with Scripts/fuzz-interface.sh.
let package = Package(
  name: "fedsim-fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "fedsim", path: "..")],
  targets: [
    .executableTarget(
      name: "ChannelFuzzer",
      dependencies: [.product(name: "ChannelCoding", package: "fedsim"), .product(name: "FedSim", package: "fedsim")],
      swiftSettings: [.unsafeFlags(["-parse-as-library"])]),
    .executableTarget(name: "InterfaceFuzzer", dependencies: [.product(name: "FedSimC", package: "fedsim")]),
  ],
  swiftLanguageModes: [.v6]
)
