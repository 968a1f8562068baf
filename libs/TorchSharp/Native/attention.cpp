// scaled_dot_product_attention for float32 on the CPU, forward and backward in one pass over each head. q, k and v are read through their strides, and the
// output lies so in memory that joining the heads again is a view. libtorch has such an operator since 2.0; there this one is not called.
#include "shim.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <array>
#include <limits>

#include "kernels/kernels.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Weights of the softmax beyond this many bytes a call are computed again in the backward pass rather than kept.
constexpr int64_t most_kept = 64 << 20;

kernels::Matrices matrices(const at::Tensor& tensor, at::IntArrayRef batch) {
  kernels::Matrices result;
  result.data = tensor.data_ptr<float>();
  result.row = tensor.stride(-2);
  for (size_t d = 0; d < batch.size(); d++) result.batch[d] = tensor.stride(d);
  return result;
}

bool same_type(const at::Tensor& tensor) { return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.layout() == at::kStrided; }

at::Tensor dense_rows(const at::Tensor& tensor) { return tensor.size(-1) == 1 || tensor.stride(-1) == 1 ? tensor : tensor.contiguous(); }

bool suits(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) {
  const int64_t dimensions = q.dim();
  if (!same_type(q) || !same_type(k) || !same_type(v) || dimensions < 2 || dimensions - 2 > kernels::max_batch_dimensions) return false;
  if (k.dim() != dimensions || v.dim() != dimensions || q.size(-1) != k.size(-1) || k.size(-2) != v.size(-2)) return false;
  for (int64_t d = 0; d < dimensions - 2; d++)
    if (q.size(d) != k.size(d) || q.size(d) != v.size(d)) return false;
  if (q.numel() == 0 || k.numel() == 0 || v.numel() == 0) return false;
  if (!mask.defined()) return true;
  if (!mask.is_cpu() || (mask.scalar_type() != at::kFloat && mask.scalar_type() != at::kBool) || mask.dim() > dimensions) return false;
  for (int64_t d = 1; d <= mask.dim(); d++) {
    const int64_t wanted = d == 1 ? k.size(-2) : d == 2 ? q.size(-2) : q.size(-d);
    if (mask.size(-d) != 1 && mask.size(-d) != wanted) return false;
  }
  return true;
}

struct Problem {
  at::Tensor q, k, v, mask;
  kernels::Attention all = {};

  Problem(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& added, double scale)
      : q(dense_rows(query)), k(dense_rows(key)), v(dense_rows(value)) {
    const auto batch = q.sizes().slice(0, q.dim() - 2);
    all.dimensions = static_cast<int64_t>(batch.size());
    for (size_t d = 0; d < batch.size(); d++) all.sizes[d] = batch[d];
    all.queries = q.size(-2), all.keys = k.size(-2), all.depth = q.size(-1), all.value_depth = v.size(-1);
    all.scale = static_cast<float>(scale);
    all.query = matrices(q, batch), all.key = matrices(k, batch), all.value = matrices(v, batch);
    const int64_t width = kernels::chosen().width;
    all.padded_keys = (all.keys + width - 1) / width * width;
    if (!added.defined()) return;
    mask = dense_rows(added.expand(scores()));
    all.mask = matrices(mask, batch);
  }

  std::vector<int64_t> with(int64_t rows, int64_t columns) const {
    std::vector<int64_t> sizes(all.sizes, all.sizes + all.dimensions);
    sizes.push_back(rows);
    sizes.push_back(columns);
    return sizes;
  }
  std::vector<int64_t> scores() const { return with(all.queries, all.keys); }

  int64_t entries() const {
    int64_t count = 1;
    for (int64_t d = 0; d < all.dimensions; d++) count *= all.sizes[d];
    return count;
  }

  void run(void (*kernel)(const kernels::Attention&, int64_t, int64_t)) const {
    // A thread is worth waking for some 100 microseconds of work.
    const int64_t work = all.queries * all.keys * (all.depth + all.value_depth);
    at::parallel_for(0, entries(), std::max<int64_t>(1, 4'000'000 / work), [&](int64_t begin, int64_t end) { kernel(all, begin, end); });
  }

  at::IntArrayRef batch() const { return {all.sizes, static_cast<size_t>(all.dimensions)}; }
};

// Where there are heads, [.., head, row, column] lies in memory as [.., row, head, column].
at::Tensor joined_heads(at::IntArrayRef sizes, const at::TensorOptions& options) {
  std::vector<int64_t> strides(sizes.size());
  std::vector<size_t> order;
  for (size_t d = 0; d < sizes.size(); d++) order.push_back(d);
  if (order.size() >= 4) std::swap(order[order.size() - 2], order[order.size() - 3]);
  int64_t step = 1;
  for (size_t d = order.size(); d-- > 0;) {
    strides[order[d]] = step;
    step *= sizes[order[d]];
  }
  return at::empty_strided(sizes, strides, options);
}

at::Tensor forward(Problem& problem, at::Tensor* weights) {
  auto output = joined_heads(problem.with(problem.all.queries, problem.all.value_depth), problem.q.options());
  problem.all.output = matrices(output, problem.batch());
  const int64_t count = problem.entries() * problem.all.queries * problem.all.padded_keys;
  if (weights && count * static_cast<int64_t>(sizeof(float)) <= most_kept) {
    *weights = at::empty({count}, problem.q.options());
    problem.all.weights = weights->data_ptr<float>();
  }
  problem.run(kernels::chosen().attention);
  return output;
}

// One of q, k, v, [N, h, T, d], within a contiguous [N, T, 3, h, d].
std::array<int64_t, 4> third_strides(at::IntArrayRef sizes) {
  const int64_t width = sizes[1] * sizes[3];
  return {sizes[2] * 3 * width, sizes[3], 3 * width, 1};
}
at::Tensor third(const at::Tensor& base, at::IntArrayRef sizes, int64_t offset) {
  return base.as_strided(sizes, third_strides(sizes), base.storage_offset() + offset);
}

// What q, k and v are the thirds of, such as the outcome of one product for all three, when its gradient may be given directly; else undefined.
at::Tensor common_base(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const at::Tensor* parts[] = {&q, &k, &v};
  for (const auto* part : parts)
    if (!part->requires_grad() || !part->is_view() || part->retains_grad() || part->dim() != 4 || part->sizes() != q.sizes()) return {};
  const at::Tensor base(q._base());
  if (!base.requires_grad() || !base.is_same(k._base()) || !base.is_same(v._base()) || !base.is_contiguous() || base.numel() != 3 * q.numel()) return {};
  bool seen[3] = {};
  for (const auto* part : parts) {
    const int64_t offset = part->storage_offset() - base.storage_offset(), width = q.size(1) * q.size(3), place = offset / width;
    if (offset < 0 || offset % width != 0 || place > 2 || seen[place] || part->strides() != at::IntArrayRef(third_strides(q.sizes()))) return {};
    seen[place] = true;
  }
  return base;
}

// The gradients as operators of libtorch give them, so that they have gradients in turn.
variable_list explicit_gradients(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask, const at::Tensor& gradient, double scale) {
  auto scores = q.mul(scale).matmul(k.transpose(-2, -1));
  if (mask.defined()) scores = scores + mask;
  const auto weights = scores.softmax(-1);
  const auto weight_gradient = gradient.matmul(v.transpose(-2, -1));
  const auto score_gradient = weights * (weight_gradient - (weights * weight_gradient).sum(-1, true));
  return {score_gradient.matmul(k).mul(scale), score_gradient.transpose(-2, -1).matmul(q).mul(scale), weights.transpose(-2, -1).matmul(gradient),
          mask.defined() ? score_gradient : at::Tensor()};
}

// A recorded function takes no undefined tensor: an empty one stands for none.
at::Tensor present(const at::Tensor& tensor) { return tensor.numel() == 0 ? at::Tensor() : tensor; }
at::Tensor passed(const at::Tensor& tensor) { return tensor.defined() ? tensor : at::empty({0}); }

struct FusedAttention : torch::autograd::Function<FusedAttention> {
  // With a base, q, k and v are views of it without a history, and the base receives the gradient.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& base_or_none, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& mask_or_none, double scale) {
    const auto base = present(base_or_none), mask = present(mask_or_none);
    Problem problem(q, k, v, mask, scale);
    at::Tensor weights;
    auto output = ::forward(problem, &weights);
    context->saved_data["scale"] = scale;
    if (base.defined()) {
      const int64_t start = base.storage_offset();
      context->saved_data["sizes"] = q.sizes().vec();
      context->saved_data["offsets"] = std::vector<int64_t>{q.storage_offset() - start, k.storage_offset() - start, v.storage_offset() - start};
      context->save_for_backward({base, mask, weights});
    } else {
      context->save_for_backward({at::Tensor(), mask, weights, q, k, v});
    }
    return output;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &base = saved[0], &mask = saved[1], &weights = saved[2];
    const double scale = context->saved_data["scale"].toDouble();
    if (!gradients[0].defined()) return variable_list(6);
    std::vector<int64_t> sizes, offsets;
    if (base.defined()) sizes = context->saved_data["sizes"].toIntVector(), offsets = context->saved_data["offsets"].toIntVector();
    at::Tensor inputs[3], results[3], base_gradient;
    for (int i = 0; i < 3; i++) inputs[i] = base.defined() ? third(base, sizes, offsets[i]) : saved[3 + i];

    if (at::GradMode::is_enabled()) {
      auto parts = explicit_gradients(inputs[0], inputs[1], inputs[2], mask, gradients[0], scale);
      if (mask.defined()) parts[3] = parts[3].sum_to_size(mask.sizes());
      if (!base.defined()) return {at::Tensor(), parts[0], parts[1], parts[2], parts[3], at::Tensor()};
      base_gradient = at::zeros_like(base);
      for (int i = 0; i < 3; i++) third(base_gradient, sizes, offsets[i]).copy_(parts[i]);
      return {base_gradient, at::Tensor(), at::Tensor(), at::Tensor(), parts[3], at::Tensor()};
    }

    Problem problem(inputs[0], inputs[1], inputs[2], mask, scale);
    const auto gradient = dense_rows(gradients[0]);
    if (base.defined()) base_gradient = at::empty(base.sizes(), base.options());
    for (int i = 0; i < 3; i++)
      results[i] = base.defined() ? third(base_gradient, sizes, offsets[i]) : joined_heads(inputs[i].sizes(), inputs[i].options());
    problem.all.query_gradient = matrices(results[0], problem.batch());
    problem.all.key_gradient = matrices(results[1], problem.batch());
    problem.all.value_gradient = matrices(results[2], problem.batch());
    problem.all.output_gradient = matrices(gradient, problem.batch());
    if (weights.defined()) problem.all.weights = weights.data_ptr<float>();
    at::Tensor score_gradient;
    if (mask.defined() && context->needs_input_grad(4)) {
      score_gradient = at::empty(problem.scores(), problem.q.options());
      problem.all.score_gradient = score_gradient.data_ptr<float>();
    }
    problem.run(kernels::chosen().attention_backward);
    if (score_gradient.defined()) score_gradient = score_gradient.sum_to_size(mask.sizes());
    if (base.defined()) return {base_gradient, at::Tensor(), at::Tensor(), at::Tensor(), score_gradient, at::Tensor()};
    return {at::Tensor(), results[0], results[1], results[2], score_gradient, at::Tensor()};
  }
};

}  // namespace

// Null in `result` when the arguments need the general form. mask: null, or truth values (false: not attended), or numbers that are added.
FS_API int fs_attention(Handle query, Handle key, Handle value, Handle mask, double scale, Handle* result) {
  return guarded([&] {
    const auto q = borrow(query), k = borrow(key), v = borrow(value);
    auto added = borrow(mask);
    *result = nullptr;
    if (!suits(q, k, v, added)) return;
    if (added.defined() && added.scalar_type() == at::kBool)
      added = at::zeros(added.sizes(), q.options()).masked_fill_(added.logical_not(), -std::numeric_limits<double>::infinity());
    const bool recorded = at::GradMode::is_enabled() &&
                          (q.requires_grad() || k.requires_grad() || v.requires_grad() || (added.defined() && added.requires_grad()));
    if (!recorded) {
      Problem problem(q, k, v, added, scale);
      *result = give(forward(problem, nullptr));
      return;
    }
    const auto base = common_base(q, k, v);
    *result = give(base.defined() ? FusedAttention::apply(base, q.detach(), k.detach(), v.detach(), passed(added), scale)
                                  : FusedAttention::apply(passed(base), q, k, v, passed(added), scale));
  });
}
