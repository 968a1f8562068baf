// Small matrix products out of registers: C (+)= A B where A is read element by element through any strides and the rows of B and C are whole vectors.
#pragma once
#include "simd.h"

struct Left {
  const float* data;
  int64_t row, column;
};

// What the sums begin with: nothing, or rows of whole vectors; a distance of 0 repeats one row.
struct Start {
  const float* data;
  int64_t row;
};

template <int rows, int vectors>
INLINE void tile(Left a, const float* b, int64_t b_row, Start start, float* c, int64_t c_row, int64_t depth) {
  Floats sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++)
#pragma GCC unroll 16
    for (int j = 0; j < vectors; j++) sums[i][j] = start.data ? load(start.data + i * start.row + j * width) : Floats{};
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
INLINE int64_t tiles(int64_t i, int64_t m, Left a, const float* b, int64_t b_row, Start start, float* c, int64_t c_row, int64_t depth) {
  for (; i + rows <= m; i += rows)
    tile<rows, vectors>({a.data + i * a.row, a.row, a.column}, b, b_row, {start.data ? start.data + i * start.row : nullptr, start.row}, c + i * c_row, c_row, depth);
  return i;
}

// Rows of one panel of columns, in tiles that fill the registers.
template <int vectors>
static void panel_of(int64_t m, Left a, const float* b, int64_t b_row, Start start, float* c, int64_t c_row, int64_t depth) {
  constexpr int tall = width == 16 ? (vectors == 4 ? 6 : vectors == 3 ? 8 : 12) : (vectors == 2 ? 6 : 8);
  int64_t i = tiles<tall, vectors>(0, m, a, b, b_row, start, c, c_row, depth);
  if (tall > 4) i = tiles<4, vectors>(i, m, a, b, b_row, start, c, c_row, depth);
  i = tiles<2, vectors>(i, m, a, b, b_row, start, c, c_row, depth);
  tiles<1, vectors>(i, m, a, b, b_row, start, c, c_row, depth);
}

INLINE void panel(int64_t vectors, int64_t m, Left a, const float* b, int64_t b_row, Start start, float* c, int64_t c_row, int64_t depth) {
  switch (vectors) {
#if defined(__AVX512F__)
    case 4: return panel_of<4>(m, a, b, b_row, start, c, c_row, depth);
    case 3: return panel_of<3>(m, a, b, b_row, start, c, c_row, depth);
#endif
    case 2: return panel_of<2>(m, a, b, b_row, start, c, c_row, depth);
    default: return panel_of<1>(m, a, b, b_row, start, c, c_row, depth);
  }
}

// Columns are divided into panels of nearly equal width: five vectors into three and two rather than four and one.
struct Panels {
  int64_t count, vectors;
  explicit Panels(int64_t columns) : count((columns + width * widest_tile - 1) / (width * widest_tile)), vectors((columns + width - 1) / width) {}
  INLINE_MEMBER int64_t begin(int64_t k) const { return k * vectors / count; }
  INLINE_MEMBER int64_t size(int64_t k) const { return begin(k + 1) - begin(k); }
};

// [m, depth] x [depth, n] -> [m, n], added to what is there if asked for; n is a multiple of the width.
static void product(int64_t m, int64_t n, int64_t depth, Left a, const float* b, int64_t b_row, float* c, int64_t c_row, bool add) {
  const Panels panels(n);
  for (int64_t k = 0; k < panels.count; k++) {
    const int64_t at = panels.begin(k) * width;
    panel(panels.size(k), m, a, b + at, b_row, {add ? c + at : nullptr, c_row}, c + at, c_row, depth);
  }
}
