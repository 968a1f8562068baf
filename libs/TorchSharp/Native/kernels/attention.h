// Attention of one head at a time, by blocks of queries whose scores stay in the cache.
#pragma once
#include "kernels.h"
#include "packing.h"
#include "products.h"

using kernels::Attention;
using kernels::Matrices;

INLINE float* at_entry(const Matrices& matrices, const Attention& problem, int64_t entry) {
  if (!matrices.data) return nullptr;
  float* data = matrices.data;
  for (int64_t d = problem.dimensions - 1; d >= 0; d--) {
    data += entry % problem.sizes[d] * matrices.batch[d];
    entry /= problem.sizes[d];
  }
  return data;
}

// Rows of one head lie far apart, beyond what the processor fetches ahead by itself: those of the next head are asked for while this one is computed.
INLINE void fetch_ahead(const Matrices& matrices, const Attention& problem, int64_t entry, int64_t rows, int64_t columns) {
  const float* data = at_entry(matrices, problem, entry);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c += 16) __builtin_prefetch(data + r * matrices.row + c, 0, 2);
}

// One row of scores to weights, in place; what lies beyond the keys becomes zero.
INLINE void softmax_row(float* row, const float* mask, int64_t keys, int64_t stride) {
  const int64_t last = stride - width;
  if (mask)
    for (int64_t k = 0; k < last; k += width) store(row + k, load(row + k) + load(mask + k));
  const Floats tail = mask ? load(row + last) + load_some(mask + last, keys - last) : load(row + last);
  store(row + last, only_first(tail, keys - last, -__builtin_inff()));
  Floats top = load(row + last);
  for (int64_t k = 0; k < last; k += width) top = larger(top, load(row + k));
  const Floats offset = all(largest(top));
  Floats total = {};
  for (int64_t k = 0; k < stride; k += width) {
    const Floats e = exp_of_negative(load(row + k) - offset);
    total += e;
    store(row + k, e);
  }
  const Floats factor = all(1.0f / sum(total));
  for (int64_t k = 0; k < stride; k += width) store(row + k, load(row + k) * factor);
}

// Queries are taken in equal blocks of at most 64.
INLINE int64_t block_of(int64_t queries) {
  const int64_t blocks = (queries + 63) / 64;
  return (queries + blocks - 1) / blocks;
}

static void weights_of(const Attention& p, const float* query, const float* packed_key, const float* mask, int64_t first, int64_t rows, float* weights) {
  const int64_t stride = p.padded_keys;
  product(rows, stride, p.depth, {query + first * p.query.row, p.query.row, 1}, packed_key, stride, weights, stride, false);
  for (int64_t r = 0; r < rows; r++) softmax_row(weights + r * stride, mask ? mask + (first + r) * p.mask.row : nullptr, p.keys, stride);
}

static void attention(const Attention& p, int64_t begin, int64_t end) {
  const int64_t stride = p.padded_keys, block = block_of(p.queries), value_row = padded(p.value_depth);
  float* scratch = scratch_of(p.depth * stride + (p.keys + block) * value_row + block * stride);
  float *packed_key = scratch, *value = packed_key + p.depth * stride, *output_copy = value + p.keys * value_row, *scores = output_copy + block * value_row;
  for (int64_t entry = begin; entry < end; entry++) {
    const float *query = at_entry(p.query, p, entry), *mask = at_entry(p.mask, p, entry);
    if (entry + 1 < end) {
      fetch_ahead(p.key, p, entry + 1, p.keys, p.depth);
      fetch_ahead(p.value, p, entry + 1, p.keys, p.value_depth);
      fetch_ahead(p.query, p, entry + 1, p.queries, p.depth);
    }
    pack_transposed(at_entry(p.key, p, entry), p.key.row, p.keys, p.depth, p.scale, packed_key);
    pack(at_entry(p.value, p, entry), p.value.row, p.keys, p.value_depth, value);
    for (int64_t first = 0; first < p.queries; first += block) {
      const int64_t rows = smaller(block, p.queries - first);
      float* weights = p.weights ? p.weights + (entry * p.queries + first) * stride : scores;
      weights_of(p, query, packed_key, mask, first, rows, weights);
      float* output = at_entry(p.output, p, entry) + first * p.output.row;
      const Target target = whole_target(output, p.output.row, p.value_depth, output_copy);
      product(rows, value_row, p.keys, {weights, stride, 1}, value, value_row, target.data, target.row, false);
      deliver(target, output, p.output.row, rows, p.value_depth);
    }
  }
  free(scratch);
}

// gradient = scale * weights * (gradient - sum(weights * gradient)), the derivative of the softmax; before the scale it is also the mask's.
INLINE void softmax_row_backward(const float* weights, float* gradient, float* score_gradient, float scale, int64_t keys, int64_t stride) {
  Floats total = {};
  for (int64_t k = 0; k < stride; k += width) total += load(weights + k) * load(gradient + k);
  const Floats mean = all(sum(total));
  for (int64_t k = 0; k < stride; k += width) store(gradient + k, load(weights + k) * (load(gradient + k) - mean));
  if (score_gradient)
    for (int64_t k = 0; k < keys; k++) score_gradient[k] = gradient[k];
  for (int64_t k = 0; k < stride; k += width) store(gradient + k, load(gradient + k) * scale);
}

static void attention_backward(const Attention& p, int64_t begin, int64_t end) {
  const int64_t stride = p.padded_keys, block = block_of(p.queries), row = padded(p.depth), value_row = padded(p.value_depth);
  const int64_t sizes[] = {p.depth * stride, p.value_depth * stride, p.queries * row, p.keys * row, p.queries * value_row,
                           block * row, p.keys * row, p.keys * value_row, block * stride, block * stride};
  int64_t all_sizes = 0;
  for (int64_t size : sizes) all_sizes += size;
  float* scratch = scratch_of(all_sizes);
  float* part[10];
  part[0] = scratch;
  for (int k = 1; k < 10; k++) part[k] = part[k - 1] + sizes[k - 1];
  for (int64_t entry = begin; entry < end; entry++) {
    const float *query = at_entry(p.query, p, entry), *key = at_entry(p.key, p, entry), *value = at_entry(p.value, p, entry);
    const float *mask = at_entry(p.mask, p, entry);
    float *query_gradient = at_entry(p.query_gradient, p, entry), *key_gradient = at_entry(p.key_gradient, p, entry);
    float* value_gradient = at_entry(p.value_gradient, p, entry);
    if (entry + 1 < end) {
      fetch_ahead(p.key, p, entry + 1, p.keys, p.depth);
      fetch_ahead(p.value, p, entry + 1, p.keys, p.value_depth);
      fetch_ahead(p.query, p, entry + 1, p.queries, p.depth);
      fetch_ahead(p.output_gradient, p, entry + 1, p.queries, p.value_depth);
    }
    if (!p.weights) pack_transposed(key, p.key.row, p.keys, p.depth, p.scale, part[0]);
    pack_transposed(value, p.value.row, p.keys, p.value_depth, 1.0f, part[1]);
    float *queries = part[2], *keys = part[3], *gradients = part[4];
    pack(query, p.query.row, p.queries, p.depth, queries);
    pack(key, p.key.row, p.keys, p.depth, keys);
    pack(at_entry(p.output_gradient, p, entry), p.output_gradient.row, p.queries, p.value_depth, gradients);
    const Target key_target = whole_target(key_gradient, p.key_gradient.row, p.depth, part[6]);
    const Target value_target = whole_target(value_gradient, p.value_gradient.row, p.value_depth, part[7]);
    for (int64_t first = 0; first < p.queries; first += block) {
      const int64_t rows = smaller(block, p.queries - first);
      float* weights = p.weights ? p.weights + (entry * p.queries + first) * stride : part[8];
      if (!p.weights) weights_of(p, query, part[0], mask, first, rows, weights);
      float* scores = part[9];
      product(rows, stride, p.value_depth, {gradients + first * value_row, value_row, 1}, part[1], stride, scores, stride, false);
      for (int64_t r = 0; r < rows; r++)
        softmax_row_backward(weights + r * stride, scores + r * stride, p.score_gradient ? p.score_gradient + (entry * p.queries + first + r) * p.keys : nullptr,
                             p.scale, p.keys, stride);
      const Target query_target = whole_target(query_gradient + first * p.query_gradient.row, p.query_gradient.row, p.depth, part[5]);
      product(rows, row, p.keys, {scores, stride, 1}, keys, row, query_target.data, query_target.row, false);
      deliver(query_target, query_gradient + first * p.query_gradient.row, p.query_gradient.row, rows, p.depth);
      product(p.keys, row, rows, {scores, 1, stride}, queries + first * row, row, key_target.data, key_target.row, first > 0);
      product(p.keys, value_row, rows, {weights, 1, stride}, gradients + first * value_row, value_row, value_target.data, value_target.row, first > 0);
    }
    deliver(key_target, key_gradient, p.key_gradient.row, p.keys, p.depth);
    deliver(value_target, value_gradient, p.value_gradient.row, p.keys, p.value_depth);
  }
  free(scratch);
}
