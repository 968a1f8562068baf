// Vectors as wide as the registers of the instruction set compiled for. Nothing here or in the kernels may come from the standard library's
// templates: a shared inline function compiled for newer instructions could be the copy that the linker keeps for everyone.
#pragma once
#include <cstdint>

#define INLINE_MEMBER inline __attribute__((always_inline))
#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
constexpr int64_t width = 16;
constexpr int widest_tile = 4;
#elif defined(__AVX2__)
constexpr int64_t width = 8;
constexpr int widest_tile = 2;
#else
constexpr int64_t width = 4;
constexpr int widest_tile = 2;
#endif

typedef float Floats __attribute__((vector_size(4 * width)));
typedef int32_t Ints __attribute__((vector_size(4 * width)));

#if defined(__AVX512F__)
#define LANES(F) F(0), F(1), F(2), F(3), F(4), F(5), F(6), F(7), F(8), F(9), F(10), F(11), F(12), F(13), F(14), F(15)
#elif defined(__AVX2__)
#define LANES(F) F(0), F(1), F(2), F(3), F(4), F(5), F(6), F(7)
#else
#define LANES(F) F(0), F(1), F(2), F(3)
#endif

INLINE Floats all(float x) {
#define SAME(k) x
  return Floats{LANES(SAME)};
#undef SAME
}

INLINE Floats load(const float* p) {
  Floats v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store(float* p, Floats v) { __builtin_memcpy(p, &v, sizeof v); }

// The first `count` lanes; the others are zero, or stay as they are.
INLINE Floats load_some(const float* p, int64_t count) {
  Floats v = {};
  for (int64_t k = 0; k < count; k++) v[k] = p[k];
  return v;
}
INLINE void store_some(float* p, Floats v, int64_t count) {
  for (int64_t k = 0; k < count; k++) p[k] = v[k];
}

// Lanes from `count` on take another value.
INLINE Floats only_first(Floats v, int64_t count, float beyond) {
#define INDEX(k) k
  return Ints{LANES(INDEX)} < static_cast<int32_t>(count) ? v : all(beyond);
#undef INDEX
}
INLINE Floats larger(Floats a, Floats b) { return a > b ? a : b; }
INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t padded(int64_t n) { return (n + width - 1) / width * width; }

// GCC has the one form since 12, clang never had the other.
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLED(a, b, F) __builtin_shufflevector(a, b, LANES(F))
#else
#define SHUFFLED(a, b, F) __builtin_shuffle(a, b, Ints{LANES(F)})
#endif

// Lane k of the result is lane k ^ distance.
template <int distance>
INLINE Floats swapped(Floats v) {
#define OTHER(k) (k) ^ distance
  return SHUFFLED(v, v, OTHER);
#undef OTHER
}

template <int distance = width / 2>
INLINE float sum(Floats v) {
  if constexpr (distance == 0) return v[0];
  else return sum<distance / 2>(v + swapped<distance>(v));
}
template <int distance = width / 2>
INLINE float largest(Floats v) {
  if constexpr (distance == 0) return v[0];
  else return largest<distance / 2>(larger(v, swapped<distance>(v)));
}

// Lanes of the first (or second) halves of a and b in turn: a0 b0 a1 b1 ..
INLINE Floats woven_first(Floats a, Floats b) {
#define TURN(k) (k) / 2 + (k) % 2 * width
  return SHUFFLED(a, b, TURN);
#undef TURN
}
INLINE Floats woven_second(Floats a, Floats b) {
#define TURN(k) width / 2 + (k) / 2 + (k) % 2 * width
  return SHUFFLED(a, b, TURN);
#undef TURN
}

// Weaving rows with those half the square further, log2(width) times, transposes a square of width x width.
template <int64_t rounds = width>
INLINE void transpose(Floats (&square)[width]) {
  if constexpr (rounds > 1) {
    Floats next[width];
#pragma GCC unroll 16
    for (int64_t k = 0; k < width / 2; k++) {
      next[2 * k] = woven_first(square[k], square[k + width / 2]);
      next[2 * k + 1] = woven_second(square[k], square[k + width / 2]);
    }
#pragma GCC unroll 16
    for (int64_t k = 0; k < width; k++) square[k] = next[k];
    transpose<rounds / 2>(square);
  }
}

// e^x for x <= 0 to 2 units in the last place: 2^n e^r with |r| <= ln 2 / 2, and e^r = 1 + r + r^2 p(r), p fitted to the smallest relative error.
INLINE Floats exp_of_negative(Floats x) {
  const Floats shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: the sum's low bits are the rounded integer
  const Floats n = shifted - 12582912.0f;
  const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  const Floats p = (((r * 0.0013814592967f + 0.0083687081932f) * r + 0.041668388993f) * r + 0.16666521132f) * r + 0.49999994040f;
  const Floats power = (Floats)(((Ints)shifted << 23) + 0x3f800000);
  const Floats y = (r * r * p + r + 1.0f) * power;
  return x < -87.0f ? Floats{} : y;
}
