// Copies of small matrices into the layouts that the products read.
#pragma once
#include "simd.h"

// Memory that starts on a cache line; parts of it do too where their sizes are multiples of the width.
INLINE float* scratch_of(int64_t floats) { return static_cast<float*>(aligned_alloc(64, (floats * 4 + 63) / 64 * 64)); }

// scale * source^T, rows padded with zeros.
static void pack_transposed(const float* source, int64_t source_row, int64_t rows, int64_t columns, float scale, float* target) {
  const int64_t stride = padded(rows);
  for (int64_t c = 0; c < columns; c += width) {
    const int64_t wide = smaller(width, columns - c);
    for (int64_t r = 0; r < rows; r += width) {
      const int64_t high = smaller(width, rows - r);
      Floats square[width];
      if (wide == width && high == width) {
#pragma GCC unroll 16
        for (int64_t k = 0; k < width; k++) square[k] = load(source + (r + k) * source_row + c) * scale;
      } else {
        for (int64_t k = 0; k < width; k++) square[k] = k < high ? load_some(source + (r + k) * source_row + c, wide) * scale : Floats{};
      }
      transpose(square);
      for (int64_t k = 0; k < wide; k++) store(target + (c + k) * stride + r, square[k]);
    }
  }
}

// A copy whose rows lie close together and are whole vectors: rows of qkv lie a power of two or thrice one apart, where few of them fit the first cache.
static void pack(const float* source, int64_t source_row, int64_t rows, int64_t columns, float* target) {
  const int64_t stride = padded(columns), last = stride - width;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < last; c += width) store(target + r * stride + c, load(source + r * source_row + c));
    const float* rest = source + r * source_row + last;
    store(target + r * stride + last, columns == stride ? load(rest) : load_some(rest, columns - last));
  }
}

// Where a product may write whole vectors, and the copy to where it belongs.
struct Target {
  float* data;
  int64_t row;
};
INLINE Target whole_target(float* target, int64_t target_row, int64_t columns, float* scratch) {
  return columns % width == 0 ? Target{target, target_row} : Target{scratch, padded(columns)};
}
static void deliver(Target from, float* target, int64_t target_row, int64_t rows, int64_t columns) {
  if (from.data == target) return;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) target[r * target_row + c] = from.data[r * from.row + c];
}
