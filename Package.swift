// swift-tools-version: 6.1
import PackageDescription

// Scripts/check.sh sets FEDSIM_STRICT. Unsafe flags must not be there by default: a package with them
// cannot be used as a dependency.
let strict = Context.environment["FEDSIM_STRICT"] != nil
let swiftSettings: [SwiftSetting] =
  [.enableUpcomingFeature("ExistentialAny")] + (strict ? [.unsafeFlags(["-warnings-as-errors"])] : [])
let cSettings: [CSetting] = strict ? [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])] : []

// Scripts/documentation.sh sets FEDSIM_DOCC. Its plugin has libraries that every build would make, also those of packages that
// depend on this one.
let documentation: [Package.Dependency] =
  Context.environment["FEDSIM_DOCC"] == nil
  ? [] : [.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0")]

/// A module of Sources, with what it may import.
func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], linkerSettings: [LinkerSetting] = []
) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings, linkerSettings: linkerSettings)
}

/// - Parameter isOptimised: whether the tests are compiled as the gate compiles the modules that they test. It takes minutes, and is for
///   tests with loops of their own.
func tests(_ name: String, _ dependencies: [Target.Dependency], isOptimised: Bool = false) -> Target {
  .testTarget(
    name: name, dependencies: dependencies,
    swiftSettings: swiftSettings + (strict && !isOptimised ? [.unsafeFlags(["-Onone"])] : []))
}

// Imports go upwards in this list only. Clients and Aggregator never meet below FedSim: all that they share is the channel.
let modules: [Target] = [
  .systemLibrary(
    name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]),
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
  .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
  .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
  .target(
    name: "CImages", dependencies: ["CJPEG", "CPNG"], cSettings: cSettings,
    linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png")]),
  .target(name: "CKernels", cSettings: cSettings),
  .target(name: "CPlatform", cSettings: cSettings),
  module("Platform", ["CPlatform"], linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
  module("Numerics", ["CKernels", "Platform"]),
  module("JSONText"),
  module("Settings", ["JSONText"]),
  module("ChannelCoding", ["CSodium", "JSONText", "Numerics", "Platform", "Settings"]),
  module("PrivacyAccounting", ["Numerics", "Platform"]),
  module("Files", ["CImages", "CZlib", "JSONText", "Platform"]),
  module("Datasets", ["ChannelCoding", "Files", "JSONText", "Numerics", "Settings"]),
  module("Clients", ["ChannelCoding", "Datasets", "Numerics", "Settings"]),
  module("VariationalModels", ["ChannelCoding", "Clients", "Datasets", "Files", "Numerics", "Platform", "Settings"]),
  module("Aggregator", ["ChannelCoding", "Numerics", "PrivacyAccounting", "Settings"]),
  module(
    "Scenarios",
    [
      "Aggregator", "ChannelCoding", "Clients", "Datasets", "Files", "JSONText", "Numerics", "PrivacyAccounting",
      "Settings", "VariationalModels",
    ]),
  module(
    "FedSim",
    [
      "Aggregator", "ChannelCoding", "Clients", "Datasets", "Files", "JSONText", "Numerics", "Platform",
      "PrivacyAccounting", "Scenarios", "Settings", "VariationalModels",
    ]),
  module(
    "RunFiles",
    [
      "Aggregator", "ChannelCoding", "Clients", "FedSim", "Files", "JSONText", "Numerics", "Platform",
      "PrivacyAccounting", "Scenarios",
    ]),
  module(
    "Reports",
    [
      "Aggregator", "ChannelCoding", "Clients", "Datasets", "FedSim", "Files", "JSONText", "Numerics",
      "PrivacyAccounting", "RunFiles", "Settings",
    ]),
  // The header of the C interface, and what a signal's handler may call.
  .target(name: "CFedSim", cSettings: cSettings),
  module(
    "FedSimC",
    [
      "CFedSim", "ChannelCoding", "Clients", "Datasets", "FedSim", "Files", "JSONText", "Numerics", "Platform",
      "PrivacyAccounting", "Reports", "RunFiles", "Scenarios", "Settings",
    ]),
  module("Statistics", ["Numerics", "Platform"]),
  module("LineSamplers", ["ChannelCoding", "Files", "JSONText", "Numerics", "Platform", "Statistics"]),
  module(
    "Verification",
    [
      "Aggregator", "ChannelCoding", "Clients", "Datasets", "Files", "JSONText", "Numerics", "Platform", "Settings",
      "Statistics",
    ]),
  .executableTarget(
    name: "FedSimCommand",
    dependencies: [
      "ChannelCoding", "FedSim", "Files", "JSONText", "LineSamplers", "Numerics", "Platform", "PrivacyAccounting",
      "Reports", "RunFiles",
      "Scenarios", "Settings", "Verification", .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    swiftSettings: swiftSettings),
]

let package = Package(
  name: "fedsim",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "fedsim", targets: ["FedSimCommand"]),
    // The engine, with what its API is made of: scenarios, data sets, models, channels.
    .library(name: "FedSim", targets: ["FedSim"]),
    .library(name: "ChannelCoding", targets: ["ChannelCoding"]),
    // Kernels and special functions: for benchmarks; what it has may change without notice.
    .library(name: "Numerics", targets: ["Numerics"]),
    .library(name: "PrivacyAccounting", targets: ["PrivacyAccounting"]),
    // Models with a posterior for each datum, of which a sample is sent.
    .library(name: "VariationalModels", targets: ["VariationalModels"]),
    // The engine for C, and whatever calls C: Sources/CFedSim/include/fedsim.h.
    .library(name: "FedSimC", type: .dynamic, targets: ["FedSimC"]),
    // Run folders, and pages made of them.
    .library(name: "RunFiles", targets: ["RunFiles"]),
    .library(name: "Reports", targets: ["Reports"]),
    // Samplers for targets on the line: every algorithm with its encoder, its decoder and its figures.
    .library(name: "LineSamplers", targets: ["LineSamplers"]),
    // Laws and checks for codecs, with p-values.
    .library(name: "Verification", targets: ["Verification", "Statistics"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ] + documentation,
  targets: modules + [
    .target(name: "Support", path: "Tests/Support", swiftSettings: swiftSettings),
    tests("LawTests", ["Platform", "Statistics"], isOptimised: true),
    tests("NumericsTests", ["Numerics", "Statistics", "Support"]),
    tests("PrivacyAccountingTests", ["Aggregator", "ChannelCoding", "Numerics", "PrivacyAccounting", "Support"]),
    tests(
      "ChannelCodingTests", ["CKernels", "ChannelCoding", "Numerics", "Platform", "Settings", "Statistics", "Support"],
      isOptimised: true),
    tests(
      "LineSamplersTests",
      [
        "ChannelCoding", "Files", "JSONText", "LineSamplers", "Platform", "Statistics", "Support",
      ], isOptimised: true),
    tests(
      "VariationalModelsTests",
      ["ChannelCoding", "Clients", "Datasets", "Files", "Numerics", "VariationalModels"],
      isOptimised: true),
    tests(
      "ClientsTests",
      [
        "CZlib", "ChannelCoding", "Clients", "Datasets", "Files", "JSONText", "Numerics", "Settings", "Statistics",
        "Support", "Verification",
      ]),
    tests(
      "AggregatorTests",
      [
        "Aggregator", "ChannelCoding", "Numerics", "PrivacyAccounting", "Settings", "Statistics", "Support",
        "Verification",
      ]),
    tests(
      "FedSimTests",
      [
        "Aggregator", "ChannelCoding", "Clients", "Datasets", "FedSim", "Files", "JSONText", "Numerics",
        "PrivacyAccounting", "Reports", "RunFiles", "Scenarios", "Settings", "Statistics",
        "Verification",
      ]),
    tests(
      "FedSimCTests",
      [
        "CFedSim", "ChannelCoding", "FedSim", "FedSimC", "Files", "JSONText", "Platform", "PrivacyAccounting",
        "RunFiles", "Scenarios",
      ]),
    tests("CommandTests", ["ChannelCoding", "FedSimCommand", "Files", "JSONText"]),
  ],
  swiftLanguageModes: [.v6]
)
