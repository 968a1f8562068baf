// GELU and layer normalisation for float32 on the CPU: libtorch 1.13's take several times as long. Results are null where the general operators are needed.
#include "shim.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels/kernels.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t grain = 32768;
// Sums over rows are taken in this many parts whatever the number of threads, so that they do not depend on it.
constexpr int64_t parts = 16;

bool plain(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.layout() == at::kStrided && tensor.is_contiguous() && tensor.numel() > 0;
}

bool recorded(std::initializer_list<at::Tensor> inputs) {
  if (!at::GradMode::is_enabled()) return false;
  for (const auto& input : inputs)
    if (input.defined() && input.requires_grad()) return true;
  return false;
}

at::Tensor gelu_of(const at::Tensor& x) {
  auto y = at::empty(x.sizes(), x.options());
  const float* from = x.data_ptr<float>();
  float* to = y.data_ptr<float>();
  at::parallel_for(0, x.numel(), grain, [&](int64_t begin, int64_t end) { kernels::chosen().gelu(from + begin, to + begin, end - begin); });
  return y;
}

struct Gelu : torch::autograd::Function<Gelu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    context->save_for_backward({x});
    return gelu_of(x);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto x = context->get_saved_variables()[0];
    if (!gradients[0].defined()) return {at::Tensor()};
    if (at::GradMode::is_enabled()) return {at::gelu_backward(gradients[0], x)};
    const auto gradient = gradients[0].contiguous();
    auto result = at::empty(x.sizes(), x.options());
    const float *from = x.data_ptr<float>(), *arriving = gradient.data_ptr<float>();
    float* to = result.data_ptr<float>();
    at::parallel_for(0, x.numel(), grain, [&](int64_t begin, int64_t end) {
      kernels::chosen().gelu_backward(from + begin, arriving + begin, to + begin, end - begin);
    });
    return {result};
  }
};

struct Normalised {
  at::Tensor y, mean, inverse_deviation;
};

kernels::LayerNorm rows_of(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& mean, const at::Tensor& inverse_deviation) {
  kernels::LayerNorm rows = {};
  rows.x = x.data_ptr<float>();
  if (gamma.defined()) rows.gamma = gamma.data_ptr<float>();
  rows.mean = mean.data_ptr<float>();
  rows.inverse_deviation = inverse_deviation.data_ptr<float>();
  rows.columns = x.numel() / mean.numel();
  return rows;
}

void over_rows(const kernels::LayerNorm& rows, int64_t count, void (*kernel)(const kernels::LayerNorm&, int64_t, int64_t)) {
  at::parallel_for(0, count, std::max<int64_t>(1, grain / rows.columns), [&](int64_t begin, int64_t end) { kernel(rows, begin, end); });
}

Normalised normalise(const at::Tensor& x, int64_t columns, const at::Tensor& gamma, const at::Tensor& beta, double epsilon) {
  const int64_t count = x.numel() / columns;
  Normalised result{at::empty(x.sizes(), x.options()), at::empty({count}, x.options()), at::empty({count}, x.options())};
  auto rows = rows_of(x, gamma, result.mean, result.inverse_deviation);
  if (beta.defined()) rows.beta = beta.data_ptr<float>();
  rows.y = result.y.data_ptr<float>();
  rows.epsilon = static_cast<float>(epsilon);
  over_rows(rows, count, kernels::chosen().layer_norm);
  return result;
}

// A recorded function takes no undefined tensor: an empty one stands for none.
at::Tensor present(const at::Tensor& tensor) { return tensor.numel() == 0 ? at::Tensor() : tensor; }
at::Tensor passed(const at::Tensor& tensor) { return tensor.defined() ? tensor : at::empty({0}); }

struct LayerNorm : torch::autograd::Function<LayerNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gamma_or_none, const at::Tensor& beta_or_none,
                            std::vector<int64_t> shape, double epsilon) {
    const auto gamma = present(gamma_or_none), beta = present(beta_or_none);
    const auto result = normalise(x, c10::multiply_integers(shape), gamma, beta, epsilon);
    context->saved_data["shape"] = shape;
    context->save_for_backward({x, gamma, beta, result.mean, result.inverse_deviation});
    return result.y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &gamma = saved[1], &beta = saved[2], &mean = saved[3], &inverse_deviation = saved[4];
    variable_list results(5);
    if (!gradients[0].defined()) return results;
    if (at::GradMode::is_enabled()) return differentiable(context, gradients[0]);
    const auto gradient = gradients[0].contiguous();
    auto rows = rows_of(x, gamma, mean, inverse_deviation);
    rows.y_gradient = gradient.data_ptr<float>();
    if (context->needs_input_grad(0)) {
      results[0] = at::empty(x.sizes(), x.options());
      rows.x_gradient = results[0].data_ptr<float>();
      over_rows(rows, mean.numel(), kernels::chosen().layer_norm_backward);
    }
    const bool scale = gamma.defined() && context->needs_input_grad(1), shift = beta.defined() && context->needs_input_grad(2);
    if (scale || shift) {
      const int64_t share = (mean.numel() + parts - 1) / parts;
      auto sums = at::zeros({2, parts, rows.columns}, x.options());
      float* memory = sums.data_ptr<float>();
      at::parallel_for(0, parts, std::max<int64_t>(1, grain / (share * rows.columns)), [&](int64_t begin, int64_t end) {
        for (int64_t part = begin; part < end; part++)
          kernels::chosen().layer_norm_affine(rows, scale ? memory + part * rows.columns : nullptr, shift ? memory + (parts + part) * rows.columns : nullptr,
                                              part * share, std::min(mean.numel(), (part + 1) * share));
      });
      sums = sums.sum(1);
      if (scale) results[1] = sums[0].view(gamma.sizes());
      if (shift) results[2] = sums[1].view(beta.sizes());
    }
    return results;
  }

  // By libtorch's own operator, which has a gradient in turn.
  static variable_list differentiable(AutogradContext* context, const at::Tensor& gradient) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    auto sizes = x.sizes().vec();
    const auto shape = context->saved_data["shape"].toIntVector();
    for (size_t d = sizes.size() - shape.size(); d < sizes.size(); d++) sizes[d] = 1;
    const auto all = at::native_layer_norm_backward(gradient, x, shape, saved[3].view(sizes), saved[4].view(sizes), saved[1], saved[2],
                                                    {context->needs_input_grad(0), context->needs_input_grad(1), context->needs_input_grad(2)});
    return {std::get<0>(all), std::get<1>(all), std::get<2>(all), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

FS_API int fs_gelu(Handle input, Handle* result) {
  return guarded([&] {
    const auto x = borrow(input);
    *result = nullptr;
    if (!plain(x)) return;
    *result = give(recorded({x}) ? Gelu::apply(x) : gelu_of(x));
  });
}

FS_API int fs_layer_norm(Handle input, const int64_t* shape, int32_t dimensions, Handle weight, Handle bias, double epsilon, Handle* result) {
  return guarded([&] {
    const auto x = borrow(input), gamma = borrow(weight), beta = borrow(bias);
    const at::IntArrayRef wanted(shape, dimensions);
    *result = nullptr;
    if (!plain(x) || dimensions < 1 || x.dim() < dimensions || x.sizes().slice(x.dim() - dimensions) != wanted) return;
    for (const auto& affine : {gamma, beta})
      if (affine.defined() && (!plain(affine) || affine.sizes() != wanted)) return;
    *result = give(recorded({x, gamma, beta}) ? LayerNorm::apply(x, passed(gamma), passed(beta), wanted.vec(), epsilon)
                                              : normalise(x, c10::multiply_integers(wanted), gamma, beta, epsilon).y);
  });
}
