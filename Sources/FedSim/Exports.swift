// What the engine's API is made of: `import FedSim` alone is enough to describe a run, to bring a codec, a model, an optimizer or
// data of one's own, and to read a ledger. Of Files and Numerics: what a data source throws, what it may work on, and means with errors.
@_exported import Aggregator
@_exported import ChannelCoding
@_exported import Clients
@_exported import Datasets
@_exported import PrivacyAccounting
@_exported import Scenarios
@_exported import Settings

@_exported import enum Files.DataError
@_exported import enum Files.DataSubject
@_exported import struct Numerics.Estimate
@_exported import struct Numerics.Parallel
