// Elementary functions on any vector type: range reduction and minimax polynomials of Cephes
// (S. Moshier, single precision expf, logf, tanhf), about 2 units in the last place. NaN in, NaN
// out; exp goes to inf and through the subnormals to 0.
#pragma once

#include "base/inline.h"

namespace edgeskip {
namespace {

template <class V>
EDGESKIP_INLINE V abs(V x) {
  return bits_and(x, V::from_bits(0x7fffffffu));
}

template <class V>
EDGESKIP_INLINE V negate(V x) {
  return bits_xor(x, V::from_bits(0x80000000u));
}

// max where NaN on either side gives NaN
template <class V>
EDGESKIP_INLINE V max_nan(V a, V b) {
  return select(is_nan(a), a, max(a, b));
}

template <class V>
EDGESKIP_INLINE V min_nan(V a, V b) {
  return select(is_nan(a), a, min(a, b));
}

// nearest integer, |x| < 2^22: adding 1.5 * 2^23 pushes the fraction out of the mantissa
template <class V>
EDGESKIP_INLINE V round_small(V x) {
  const V magic = V::broadcast(12582912.0f);
  return (x + magic) - magic;
}

// 2^n for an integer n in -126 .. 127
template <class V>
EDGESKIP_INLINE V power_of_two(V n) {
  return shift_left<23>(n + V::broadcast(12582912.0f + 127.0f));
}

// p * 2^n for a whole n, in two factors, since 2^128 and 2^-150 are no floats
template <class V>
EDGESKIP_INLINE V times_power_of_two(V p, V n) {
  const V half = round_small(n * V::broadcast(0.5f));
  return p * power_of_two(half) * power_of_two(n - half);
}

// exp(r), |r| <= log(2) / 2
template <class V>
EDGESKIP_INLINE V exp_polynomial(V r) {
  V p = V::broadcast(1.9875691500e-4f);
  p = fma(p, r, V::broadcast(1.3981999507e-3f));
  p = fma(p, r, V::broadcast(8.3334519073e-3f));
  p = fma(p, r, V::broadcast(4.1665795894e-2f));
  p = fma(p, r, V::broadcast(1.6666665459e-1f));
  p = fma(p, r, V::broadcast(5.0000001201e-1f));
  return fma(p, r * r, r) + V::broadcast(1.0f);
}

template <class V>
EDGESKIP_INLINE V exp(V x) {
  x = min(V::broadcast(89.0f), max(V::broadcast(-105.0f), x));
  const V n = round_small(x * V::broadcast(1.44269504088896341f));
  V r = fma(n, V::broadcast(-0.693359375f), x);
  r = fma(n, V::broadcast(2.12194440e-4f), r);
  return times_power_of_two(exp_polynomial(r), n);
}

// 1 + exp(-x), infinite below -88.4, where float ends: the polynomial of exp, times 2^n in one factor
template <class V>
EDGESKIP_INLINE V one_plus_exp_of_negative(V x) {
  x = min(V::broadcast(87.0f), max(V::broadcast(-89.0f), x));
  // n as an integer in the lowest bits, with the bias of the exponent: shifted it is 2^n
  const V magic = V::broadcast(12582912.0f + 127.0f);
  const V biased = fma(x, V::broadcast(-1.44269504088896341f), magic);
  const V n = biased - magic;
  V r = fma(n, V::broadcast(-0.693359375f), negate(x));
  r = fma(n, V::broadcast(2.12194440e-4f), r);
  return fma(exp_polynomial(r), shift_left<23>(biased), V::broadcast(1.0f));
}

template <class V>
EDGESKIP_INLINE V sigmoid(V x) {
  return V::broadcast(1.0f) / one_plus_exp_of_negative(x);
}

template <class V>
EDGESKIP_INLINE V silu(V x) {
  return x / one_plus_exp_of_negative(x);
}

template <class V>
EDGESKIP_INLINE V tanh(V x) {
  const V one = V::broadcast(1.0f);
  const V size = abs(x);
  const V square = x * x;
  V p = V::broadcast(-5.70498872745e-3f);
  p = fma(p, square, V::broadcast(2.06390887954e-2f));
  p = fma(p, square, V::broadcast(-5.37397155531e-2f));
  p = fma(p, square, V::broadcast(1.33314422036e-1f));
  p = fma(p, square, V::broadcast(-3.33332819422e-1f));
  const V near_zero = fma(p * square, x, x);
  const V far = one - V::broadcast(2.0f) / (exp(size + size) + one);
  const V sign = bits_and(x, V::from_bits(0x80000000u));
  return select(less(size, V::broadcast(0.625f)), near_zero, bits_or(far, sign));
}

template <class V>
EDGESKIP_INLINE V log_polynomial(V m) {
  V p = V::broadcast(7.0376836292e-2f);
  p = fma(p, m, V::broadcast(-1.1514610310e-1f));
  p = fma(p, m, V::broadcast(1.1676998740e-1f));
  p = fma(p, m, V::broadcast(-1.2420140846e-1f));
  p = fma(p, m, V::broadcast(1.4249322787e-1f));
  p = fma(p, m, V::broadcast(-1.6668057665e-1f));
  p = fma(p, m, V::broadcast(2.0000714765e-1f));
  p = fma(p, m, V::broadcast(-2.4999993993e-1f));
  return fma(p, m, V::broadcast(3.3333331174e-1f));
}

template <class V>
EDGESKIP_INLINE V log(V x) {
  const V one = V::broadcast(1.0f);
  const V zero = V::broadcast(0.0f);
  const V infinity = V::from_bits(0x7f800000u);
  const auto subnormal = less(x, V::from_bits(0x00800000u));
  const V scaled = select(subnormal, x * V::broadcast(8388608.0f), x);
  // the exponent, read as an integer by placing it in the mantissa of 2^23
  V exponent = bits_or(shift_right<23>(scaled), V::from_bits(0x4b000000u)) - V::broadcast(8388608.0f + 126.0f);
  exponent = exponent - select(subnormal, V::broadcast(23.0f), zero);
  V m = bits_or(bits_and(scaled, V::from_bits(0x007fffffu)), V::broadcast(0.5f));
  const auto low = less(m, V::broadcast(0.70710678f));
  exponent = exponent - select(low, one, zero);
  m = select(low, m + m, m) - one;
  const V square = m * m;
  V y = log_polynomial(m) * m * square;
  y = fma(exponent, V::broadcast(-2.12194440e-4f), y);
  y = fma(square, V::broadcast(-0.5f), y);
  y = fma(exponent, V::broadcast(0.693359375f), m + y);
  y = select(less(x, infinity), y, x);  // inf and NaN
  y = select(less(x, zero), V::from_bits(0x7fc00000u), y);
  return select(equal(x, zero), V::from_bits(0xff800000u), y);
}

// Rare in vision networks, and full of special cases (negative bases, integer exponents): the C
// library's function lane by lane.
template <class V>
inline V pow(V base, V exponent) {
  float bases[V::lanes], exponents[V::lanes];
  base.store(bases);
  exponent.store(exponents);
  for (int i = 0; i < V::lanes; ++i) bases[i] = __builtin_powf(bases[i], exponents[i]);
  return V::load(bases);
}

}  // namespace
}  // namespace edgeskip
