import CKernels

/// The logarithm and the exponential function from + - * / alone, so that they have the same bits on every machine.
///
/// Tables and samplers that both ends of a channel evaluate are made with them, where the platform's own functions may differ in
/// the last bit. The kernels that compute whole rows (`Kernels.exponentials`, `Kernels.exponentiate`) have their own: what holds here is
/// not a statement on those.
public enum Elementary {
  /// The natural logarithm of 2.
  @inlinable
  package static var ln2: Double { 0.6931471805599453 }

  /// The natural logarithm of 3/2.
  @inlinable
  package static var lnThreeHalves: Double { 0.4054651081081644 }

  /// The natural logarithm of `x`, with an error of at most one unit in the last place for normal positive numbers.
  ///
  /// With x = 2^k m, m in [sqrt(1/2), sqrt 2), and s = (m - 1) / (m + 1), ln m is the series 2 s (1 + s^2/3 + s^4/5 + ...), of which eleven
  /// terms leave 5 10^-18; ln 2 is added in two parts, of which k times the first is exact.
  ///
  /// - Parameter x: any number. ln 1 is 0 exactly, ln 0 is minus infinity, ln of infinity is infinity, and ln of a negative number, or of
  ///   what is not a number, is not a number. Subnormal numbers are multiplied by 2^54 first.
  /// - Returns: ln x. It does not depend on the machine, on its instruction set or on how the program was compiled.
  @inlinable
  public static func log(_ x: Double) -> Double { ck_log(x) }

  /// e to the power `x`, with an error of at most one unit in the last place where -708 <= x <= 709.
  ///
  /// With x = k ln 2 + r, |r| <= ln 2 / 2, it is 2^k times the Taylor polynomial of e^r of degree 14, whose next term is below 2 10^-18.
  ///
  /// - Parameter x: any number. e^0 is 1 exactly; the result is 0 below -708 and infinity above 709, sooner than the range of `Double` would
  ///   need; of what is not a number, it is not a number.
  /// - Returns: e^x. It does not depend on the machine, on its instruction set or on how the program was compiled.
  @inlinable
  public static func exp(_ x: Double) -> Double { ck_exp(x) }

  /// cos(pi `x`) for 0 <= x <= 1, with an error of at most a few units in the last place of 1; 1, 0 and -1 exactly at 0, 1/2 and 1.
  ///
  /// The angle is brought to at most pi / 4 by cos(pi x) = -cos(pi (1 - x)) and cos(pi x) = sin(pi (1/2 - x)), with differences that are exact
  /// near their zeros; there nine terms of the power series leave less than 10^-19.
  ///
  /// - Parameter x: from 0 to 1; what lies outside counts as the nearer end.
  public static func cosineOfPi(_ x: Double) -> Double {
    let x = min(max(x, 0), 1)
    if x > 0.5 { return -cosineOfPi(1 - x) }
    // Horner's rule from the smallest term on; a term is the one before it over two more factors of the factorial.
    func series(_ angle: Double, from first: Double) -> Double {
      let square = angle * angle
      var sum = 1.0
      for k in stride(from: 18.0, through: 2, by: -2) { sum = 1 - square / ((k - first) * (k - first + 1)) * sum }
      return sum
    }
    if x <= 0.25 { return series(Double.pi * x, from: 1) }
    let angle = Double.pi * (0.5 - x)
    return angle * series(angle, from: 0)
  }
}
