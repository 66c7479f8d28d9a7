// swift-tools-version: 6.1
import PackageDescription

// libFuzzer with address checks, on the whole module under test: build with Scripts/fuzz.sh.
let package = Package(
  name: "fedsim-fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "fedsim", path: "..")],
  targets: [
    .executableTarget(
      name: "ChannelFuzzer",
      dependencies: [.product(name: "ChannelCoding", package: "fedsim"), .product(name: "FedSim", package: "fedsim")],
      swiftSettings: [.unsafeFlags(["-parse-as-library"])])
  ],
  swiftLanguageModes: [.v6]
)
