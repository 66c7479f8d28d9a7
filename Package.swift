// swift-tools-version: 6.1
import PackageDescription

// Scripts/check.sh sets FEDSIM_STRICT. Unsafe flags must not be there by default: a package with them
// cannot be used as a dependency.
let strict = Context.environment["FEDSIM_STRICT"] != nil
let swiftSettings: [SwiftSetting] =
  [.enableUpcomingFeature("ExistentialAny")] + (strict ? [.unsafeFlags(["-warnings-as-errors"])] : [])
let cSettings: [CSetting] = strict ? [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])] : []

let package = Package(
  name: "fedsim",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "fedsim", targets: ["FedSimCommand"]),
    // With what its API is made of: data sets, plans, channels.
    .library(name: "FedSim", targets: ["FedSim", "Clients", "Aggregator", "ChannelCoding"]),
    .library(name: "ChannelCoding", targets: ["ChannelCoding"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(
      name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .target(name: "CKernels", cSettings: cSettings),
    .target(
      name: "ChannelCoding", dependencies: ["CSodium", "CKernels"], swiftSettings: swiftSettings,
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    .target(name: "Clients", dependencies: ["ChannelCoding", "CZlib"], swiftSettings: swiftSettings),
    .target(name: "Aggregator", dependencies: ["ChannelCoding"], swiftSettings: swiftSettings),
    .target(name: "Statistics", swiftSettings: swiftSettings),
    .target(
      name: "FedSim", dependencies: ["ChannelCoding", "Clients", "Aggregator", "Statistics"],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "FedSimCommand",
      dependencies: [
        "ChannelCoding", "Clients", "Aggregator", "FedSim",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),

    .target(name: "Support", path: "Tests/Support", swiftSettings: swiftSettings),
    .testTarget(name: "LawTests", dependencies: ["Statistics"], swiftSettings: swiftSettings),
    .testTarget(
      name: "ChannelCodingTests", dependencies: ["ChannelCoding", "CKernels", "Statistics", "Support"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "ClientsTests", dependencies: ["Clients", "ChannelCoding", "CZlib", "Statistics", "Support"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "AggregatorTests", dependencies: ["Aggregator", "ChannelCoding", "Statistics", "Support"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "FedSimTests", dependencies: ["FedSim", "Aggregator", "Clients", "ChannelCoding", "Statistics"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "CommandTests", dependencies: ["FedSim", "FedSimCommand"], swiftSettings: swiftSettings),
  ],
  swiftLanguageModes: [.v6]
)
