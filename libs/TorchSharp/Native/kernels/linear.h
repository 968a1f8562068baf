// Products of tall matrices with small ones, as linear layers need them: y = x w^T + b, and the gradients. Unlike the BLAS', they copy the weight alone
// into panels and read x as it lies; the bias is what the sums begin with.
#pragma once
#include "kernels.h"
#include "packing.h"
#include "products.h"

using kernels::Product;
using kernels::WeightGradient;

// One panel after the other, each [depth, its columns]. source: [depth, columns], or [columns, depth] when transposed.
static void pack_right(const float* source, int64_t source_row, bool transposed, int64_t depth, int64_t columns, float* target, int64_t begin, int64_t end) {
  const Panels panels(columns);
  for (int64_t k = begin; k < end; k++) {
    const int64_t first = panels.begin(k) * width, count = smaller(columns - first, panels.size(k) * width);
    float* panel_target = target + first * depth;
    if (transposed) pack_transposed(source + first * source_row, source_row, count, depth, 1.0f, panel_target);
    else pack(source + first, source_row, depth, count, panel_target);
  }
}

// A block of x stays in the second cache while all panels pass over it.
static void multiply(const Product& p, int64_t begin, int64_t end) {
  constexpr int64_t block = 96, deepest = 512;
  const Panels panels(p.columns);
  const int64_t parts = (p.depth + deepest - 1) / deepest;
  float* scratch = p.columns % width == 0 ? nullptr : scratch_of(block * widest_tile * width);
  for (int64_t first = begin; first < end; first += block) {
    const int64_t rows = smaller(block, end - first);
    for (int64_t part = 0; part < parts; part++) {
      const int64_t top = part * p.depth / parts, depth = (part + 1) * p.depth / parts - top;
      for (int64_t k = 0; k < panels.count; k++) {
        const int64_t at = panels.begin(k) * width, wide = panels.size(k) * width;
        const bool whole = at + wide <= p.columns;
        float* c = p.c + first * p.c_row + at;
        const Target target = whole ? Target{c, p.c_row} : Target{scratch, wide};
        if (!whole && part > 0) pack(c, p.c_row, rows, p.columns - at, scratch);
        const Start start = part > 0 ? Start{target.data, target.row} : Start{p.bias ? p.bias + at : nullptr, 0};
        panel(panels.size(k), rows, {p.a + first * p.a_row + top, p.a_row, 1}, p.right + at * p.depth + top * wide, wide, start, target.data, target.row, depth);
        if (!whole) deliver(target, c, p.c_row, rows, p.columns - at);
      }
    }
  }
  free(scratch);
}

// Rows [begin, end) of gradient^T x. Some rows of a panel are summed over all samples before the next, from blocks of samples that stay in the first caches;
// a wide gradient is copied for it, whose columns would each touch a page of its own.
static void weight_gradient(const WeightGradient& p, int64_t begin, int64_t end) {
  constexpr int64_t block = 96, chunk = 192, narrow = 256;
  const Panels panels(p.inputs);
  float* scratch = scratch_of((block + chunk) * widest_tile * width + block * padded(chunk));
  float *x = scratch, *sums = x + block * widest_tile * width, *copy = sums + chunk * widest_tile * width;
  for (int64_t top = begin; top < end; top += chunk) {
    const int64_t rows = smaller(chunk, end - top);
    for (int64_t k = 0; k < panels.count; k++) {
      const int64_t at = panels.begin(k) * width, wide = panels.size(k) * width;
      for (int64_t first = 0; first < p.samples; first += block) {
        const int64_t depth = smaller(block, p.samples - first);
        const float* gradient = p.gradient + first * p.gradient_row + top;
        Left left{gradient, 1, p.gradient_row};
        if (p.gradient_row > narrow) {
          pack(gradient, p.gradient_row, depth, rows, copy);
          left = {copy, 1, padded(rows)};
        }
        pack(p.x + first * p.x_row + at, p.x_row, depth, smaller(wide, p.inputs - at), x);
        panel(panels.size(k), rows, left, x, wide, {first > 0 ? sums : nullptr, wide}, sums, wide, depth);
      }
      deliver({sums, wide}, p.weight_gradient + top * p.inputs + at, p.inputs, rows, smaller(wide, p.inputs - at));
    }
  }
  free(scratch);
}

// Sums over the rows of columns [begin, end), in blocks of rows so that many small numbers do not vanish beside a large one.
static void column_sums(const float* x, int64_t row, int64_t rows, float* sums, int64_t begin, int64_t end) {
  constexpr int64_t block = 64;
  for (int64_t c = begin; c < end; c += width) {
    const int64_t count = smaller(width, end - c);
    Floats total = {};
    for (int64_t first = 0; first < rows; first += block) {
      Floats part = {};
      for (int64_t r = first; r < smaller(rows, first + block); r++) part += count == width ? load(x + r * row + c) : load_some(x + r * row + c, count);
      total += part;
    }
    if (count == width) store(sums + c, total);
    else store_some(sums + c, total, count);
  }
}
