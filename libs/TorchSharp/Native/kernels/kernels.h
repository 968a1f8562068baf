// Loops over float32 memory on the CPU that libtorch 1.13 has no quick form of. They are compiled once for each level of vector
// instructions, from plain C++ with the compiler's vector types; the level is chosen when the process starts.
#pragma once
#include <cstdint>

namespace kernels {

constexpr int max_batch_dimensions = 6;

// One matrix a batch entry: `row` is the distance of two rows, columns lie side by side.
struct Matrices {
  float* data = nullptr;
  int64_t row = 0;
  int64_t batch[max_batch_dimensions] = {};
};

// softmax(scale q k^T + mask) v over all batch entries. Gradients and their operands are null in the forward pass.
struct Attention {
  int64_t dimensions, sizes[max_batch_dimensions];
  int64_t queries, keys, depth, value_depth;
  float scale;
  Matrices query, key, value, mask, output;
  // [entry, query, padded_keys] when the softmax is kept; null: it is computed again in the backward pass.
  float* weights;
  int64_t padded_keys;
  Matrices output_gradient, query_gradient, key_gradient, value_gradient;
  // [entry, query, key]; null unless the mask has a gradient.
  float* score_gradient;
};

// One row a normalised vector. gamma, beta may be null.
struct LayerNorm {
  const float *x, *gamma, *beta;
  float *y, *mean, *inverse_deviation;
  int64_t columns;
  float epsilon;
  const float* y_gradient;
  float* x_gradient;
};

// c = a b + bias. a: [rows, depth]; b in panels, as pack_right leaves it; bias: one a column, padded, or null.
struct Product {
  const float* a;
  int64_t a_row, depth, columns;
  const float *right, *bias;
  float* c;
  int64_t c_row;
};

// weight_gradient: [outputs, inputs] = gradient^T x over the samples.
struct WeightGradient {
  const float *x, *gradient;
  int64_t x_row, gradient_row, samples, inputs;
  float* weight_gradient;
};

struct Table {
  // Keys are padded to a multiple of this.
  int64_t width;
  // Panels of at most this many columns; each needs depth times its columns, padded to the width.
  int64_t widest_panel;
  void (*pack_right)(const float* source, int64_t source_row, bool transposed, int64_t depth, int64_t columns, float* target, int64_t begin, int64_t end);
  void (*multiply)(const Product&, int64_t begin, int64_t end);
  void (*weight_gradient)(const WeightGradient&, int64_t begin, int64_t end);
  void (*column_sums)(const float* x, int64_t row, int64_t rows, float* sums, int64_t begin, int64_t end);
  void (*attention)(const Attention&, int64_t begin, int64_t end);
  void (*attention_backward)(const Attention&, int64_t begin, int64_t end);
  void (*gelu)(const float* x, float* y, int64_t count);
  void (*gelu_backward)(const float* x, const float* y_gradient, float* x_gradient, int64_t count);
  void (*layer_norm)(const LayerNorm&, int64_t begin, int64_t end);
  void (*layer_norm_backward)(const LayerNorm&, int64_t begin, int64_t end);
  // Adds the rows' shares to the gradients of gamma and beta.
  void (*layer_norm_affine)(const LayerNorm&, float* gamma_gradient, float* beta_gradient, int64_t begin, int64_t end);
};

extern const Table baseline;
#ifdef FEWSHOT_X86
extern const Table with_avx2, with_avx512;
#endif

// The best table for this processor, or the lesser one that ATEN_CPU_CAPABILITY names, as for libtorch's own kernels.
const Table& chosen();

}  // namespace kernels
