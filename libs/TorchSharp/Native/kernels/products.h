// Small matrix products out of registers: C (+)= A B where A is read element by element through any strides and the rows of B and C are whole vectors.
#pragma once
#include "simd.h"

struct Left {
  const float* data;
  int64_t row, column;
};

template <int rows, int vectors>
INLINE void tile(Left a, const float* b, int64_t b_row, float* c, int64_t c_row, int64_t depth, bool add) {
  Floats sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 16
    for (int j = 0; j < vectors; j++) sums[i][j] = add ? load(c + i * c_row + j * width) : Floats{};
  for (int64_t k = 0; k < depth; k++) {
    Floats right[vectors];
#pragma GCC unroll 16
    for (int j = 0; j < vectors; j++) right[j] = load(b + k * b_row + j * width);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      const Floats left = all(a.data[i * a.row + k * a.column]);
#pragma GCC unroll 16
      for (int j = 0; j < vectors; j++) sums[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 16
    for (int j = 0; j < vectors; j++) store(c + i * c_row + j * width, sums[i][j]);
}

template <int rows, int vectors>
INLINE int64_t tiles(int64_t i, int64_t m, Left a, const float* b, int64_t b_row, float* c, int64_t c_row, int64_t depth, bool add) {
  for (; i + rows <= m; i += rows) tile<rows, vectors>({a.data + i * a.row, a.row, a.column}, b, b_row, c + i * c_row, c_row, depth, add);
  return i;
}

// Rows of one panel of columns, in tiles that fill the registers.
template <int vectors>
static void panel(int64_t m, Left a, const float* b, int64_t b_row, float* c, int64_t c_row, int64_t depth, bool add) {
  constexpr int tall = width == 16 ? (vectors == 4 ? 6 : vectors == 3 ? 8 : 12) : (vectors == 2 ? 6 : 8);
  int64_t i = tiles<tall, vectors>(0, m, a, b, b_row, c, c_row, depth, add);
  if (tall > 4) i = tiles<4, vectors>(i, m, a, b, b_row, c, c_row, depth, add);
  i = tiles<2, vectors>(i, m, a, b, b_row, c, c_row, depth, add);
  tiles<1, vectors>(i, m, a, b, b_row, c, c_row, depth, add);
}

// [m, depth] x [depth, n] -> [m, n]; n is a multiple of the width.
static void product(int64_t m, int64_t n, int64_t depth, Left a, const float* b, int64_t b_row, float* c, int64_t c_row, bool add) {
  for (int64_t left = n / width; left > 0;) {
    // Five vectors go as three and two rather than four and one.
    const int64_t vectors = widest_tile == 4 && left == 5 ? 3 : smaller(left, widest_tile);
    switch (vectors) {
#if defined(__AVX512F__)
      case 4: panel<4>(m, a, b, b_row, c, c_row, depth, add); break;
      case 3: panel<3>(m, a, b, b_row, c, c_row, depth, add); break;
#endif
      case 2: panel<2>(m, a, b, b_row, c, c_row, depth, add); break;
      default: panel<1>(m, a, b, b_row, c, c_row, depth, add); break;
    }
    b += vectors * width;
    c += vectors * width;
    left -= vectors;
  }
}
