// Linear layers for float32 on the CPU. A tall input meets a small weight there: the BLAS copies the input into blocks of its own first, libtorch fills the
// result with the bias before that, and OpenBLAS' threads wait for each other within a product. Here each thread takes rows and nothing else is moved.
#include "shim.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels/kernels.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Fewer multiplications than this are left to libtorch, and gradients of larger weights, where the copies of the BLAS pay.
constexpr int64_t least_work = 1 << 18, largest_weight = 1 << 16;
// What makes another thread worth its start.
constexpr int64_t share_of_work = 1 << 22;

bool plain(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.layout() == at::kStrided && tensor.is_contiguous() && tensor.numel() > 0;
}

int64_t panels(int64_t columns) {
  const int64_t widest = kernels::chosen().widest_panel;
  return (columns + widest - 1) / widest;
}
int64_t padded(int64_t columns) {
  const int64_t width = kernels::chosen().width;
  return (columns + width - 1) / width * width;
}

// rows [.., depth] times a matrix that `weight` holds, transposed or not, plus bias.
at::Tensor multiply(const at::Tensor& rows, const at::Tensor& weight, bool transposed, const at::Tensor& bias) {
  const auto& kernel = kernels::chosen();
  const int64_t depth = weight.size(transposed ? 1 : 0), columns = weight.size(transposed ? 0 : 1), count = rows.numel() / depth;
  auto sizes = rows.sizes().vec();
  sizes.back() = columns;
  auto result = at::empty(sizes, rows.options());
  auto packed = at::empty({(depth + 1) * padded(columns)}, rows.options());
  float* right = packed.data_ptr<float>();
  kernels::Product product{rows.data_ptr<float>(), depth, depth, columns, right, nullptr, result.data_ptr<float>(), columns};
  if (bias.defined()) {
    float* start = right + depth * padded(columns);
    std::copy_n(bias.data_ptr<float>(), columns, start);
    std::fill(start + columns, start + padded(columns), 0.0f);
    product.bias = start;
  }
  const float* from = weight.data_ptr<float>();
  at::parallel_for(0, panels(columns), std::max<int64_t>(1, 65536 / depth), [&](int64_t begin, int64_t end) {
    kernel.pack_right(from, weight.size(1), transposed, depth, columns, right, begin, end);
  });
  at::parallel_for(0, count, std::max<int64_t>(12, share_of_work / (depth * columns)), [&](int64_t begin, int64_t end) { kernel.multiply(product, begin, end); });
  return result;
}

at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& weight) {
  const int64_t outputs = weight.size(0), inputs = weight.size(1), samples = x.numel() / inputs;
  if (weight.numel() > largest_weight) return at::mm(gradient.view({samples, outputs}).t(), x.view({samples, inputs}));
  auto result = at::empty(weight.sizes(), weight.options());
  const kernels::WeightGradient problem{x.data_ptr<float>(), gradient.data_ptr<float>(), inputs, outputs, samples, inputs, result.data_ptr<float>()};
  at::parallel_for(0, outputs, std::max<int64_t>(24, share_of_work / (samples * inputs)), [&](int64_t begin, int64_t end) {
    kernels::chosen().weight_gradient(problem, begin, end);
  });
  return result;
}

at::Tensor bias_gradient(const at::Tensor& gradient, int64_t outputs) {
  auto result = at::empty({outputs}, gradient.options());
  const float* from = gradient.data_ptr<float>();
  float* to = result.data_ptr<float>();
  const int64_t samples = gradient.numel() / outputs, part = 64;
  at::parallel_for(0, (outputs + part - 1) / part, std::max<int64_t>(1, 262144 / (samples * part)), [&](int64_t begin, int64_t end) {
    kernels::chosen().column_sums(from, outputs, samples, to, begin * part, std::min(outputs, end * part));
  });
  return result;
}

// A recorded function takes no undefined tensor: an empty one stands for none.
at::Tensor present(const at::Tensor& tensor) { return tensor.numel() == 0 ? at::Tensor() : tensor; }
at::Tensor passed(const at::Tensor& tensor) { return tensor.defined() ? tensor : at::empty({0}); }

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    context->save_for_backward({x, weight});
    return multiply(x, weight, true, present(bias));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    variable_list results(3);
    if (!gradients[0].defined()) return results;
    const int64_t outputs = weight.size(0), inputs = weight.size(1);
    if (at::GradMode::is_enabled()) {
      const auto rows = gradients[0].reshape({-1, outputs});
      if (context->needs_input_grad(0)) results[0] = gradients[0].matmul(weight);
      if (context->needs_input_grad(1)) results[1] = rows.t().mm(x.view({-1, inputs}));
      if (context->needs_input_grad(2)) results[2] = rows.sum(0);
      return results;
    }
    const auto gradient = gradients[0].contiguous();
    if (context->needs_input_grad(0)) results[0] = multiply(gradient, weight, false, {});
    if (context->needs_input_grad(1)) results[1] = weight_gradient(x, gradient, weight);
    if (context->needs_input_grad(2)) results[2] = bias_gradient(gradient, outputs);
    return results;
  }
};

}  // namespace

// x [.., in] times weight [out, in], transposed, plus bias [out] or null. Null in `result` where libtorch's operator is needed.
FS_API int fs_linear(Handle input, Handle weight, Handle bias, Handle* result) {
  return guarded([&] {
    const auto x = borrow(input), w = borrow(weight), b = borrow(bias);
    *result = nullptr;
    if (!plain(x) || !plain(w) || w.dim() != 2 || x.dim() < 2 || x.size(-1) != w.size(1) || x.numel() * w.size(0) < least_work) return;
    if (b.defined() && (!plain(b) || b.dim() != 1 || b.size(0) != w.size(0))) return;
    const bool recorded = at::GradMode::is_enabled() && (x.requires_grad() || w.requires_grad() || (b.defined() && b.requires_grad()));
    *result = give(recorded ? Linear::apply(x, w, passed(b)) : multiply(x, w, true, b));
  });
}
