// The C library of this platform, named in this one place. Its elementary functions may differ in the last bit from one
// platform to another: nothing that both ends of a channel must agree on is computed with them (see `Elementary`).
#if canImport(Glibc)
  @_exported import Glibc
#elseif canImport(Musl)
  @_exported import Musl
#else
  @_exported import Darwin
#endif
