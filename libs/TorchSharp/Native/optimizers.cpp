// Optimiser steps over whole parameter lists. On the CPU each parameter is updated in one pass over its memory; anything else goes
// through the _foreach_ operators, which are one kernel launch for many tensors on CUDA.
#include "shim.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <cmath>
#include <vector>

namespace {

constexpr int64_t grain = 32768;

// One pass over raw memory is right when all tensors are float32 on the CPU with the same dense layout.
bool is_plain(const at::Tensor& tensor, const at::Tensor& like) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.layout() == at::kStrided && tensor.is_non_overlapping_and_dense() &&
         tensor.sizes() == like.sizes() && tensor.strides() == like.strides();
}

float* memory(const at::Tensor& tensor) { return static_cast<float*>(tensor.data_ptr()); }

void changed(const at::Tensor& tensor) {
  if (!tensor.is_inference()) tensor.unsafeGetTensorImpl()->bump_version();
}

struct Sgd {
  double rate, momentum, dampening, weight_decay;
  int32_t nesterov, maximize;
};

void sgd_pass(const at::Tensor& parameter, const at::Tensor& gradient, const at::Tensor& buffer, bool first, const Sgd& s) {
  float* p = memory(parameter);
  const float* g = memory(gradient);
  float* b = buffer.defined() ? memory(buffer) : nullptr;
  const float rate = static_cast<float>(s.maximize ? s.rate : -s.rate), decay = static_cast<float>(s.weight_decay);
  const float momentum = static_cast<float>(s.momentum), fresh = static_cast<float>(first ? 1.0 : 1.0 - s.dampening);
  const float kept = first ? 0.0f : momentum;
  const bool nesterov = s.nesterov != 0;
  at::parallel_for(0, parameter.numel(), grain, [&](int64_t begin, int64_t end) {
    if (!b) {
      for (int64_t k = begin; k < end; k++) p[k] += rate * (g[k] + decay * p[k]);
    } else if (first) {
      // The buffer holds nothing yet, so it is not read.
      for (int64_t k = begin; k < end; k++) {
        const float d = g[k] + decay * p[k];
        b[k] = d;
        p[k] += rate * (nesterov ? d + momentum * d : d);
      }
    } else {
      for (int64_t k = begin; k < end; k++) {
        const float d = g[k] + decay * p[k];
        const float next = kept * b[k] + fresh * d;
        b[k] = next;
        p[k] += rate * (nesterov ? d + momentum * next : next);
      }
    }
  });
  changed(parameter);
}

void sgd_foreach(std::vector<at::Tensor>& parameters, std::vector<at::Tensor>& gradients, std::vector<at::Tensor>& buffers, const Sgd& s) {
  std::vector<at::Tensor> direction = gradients;
  if (s.weight_decay != 0) {
    direction = at::_foreach_mul(parameters, s.weight_decay);
    at::_foreach_add_(direction, gradients, 1);
  }
  if (!buffers.empty()) {
    at::_foreach_mul_(buffers, s.momentum);
    at::_foreach_add_(buffers, direction, 1.0 - s.dampening);
    if (s.nesterov) {
      auto ahead = at::_foreach_mul(buffers, s.momentum);
      at::_foreach_add_(ahead, direction, 1);
      direction = ahead;
    } else {
      direction = buffers;
    }
  }
  at::_foreach_add_(parameters, direction, s.maximize ? s.rate : -s.rate);
}

struct Adam {
  double rate, beta1, beta2, eps, weight_decay;
  int32_t decoupled, maximize;
};

void adam_pass(const at::Tensor& parameter, const at::Tensor& gradient, const at::Tensor& mean, const at::Tensor& square, int64_t step, const Adam& s) {
  float *p = memory(parameter), *m = memory(mean), *v = memory(square);
  const float* g = memory(gradient);
  const double correction1 = 1 - std::pow(s.beta1, step), correction2 = std::sqrt(1 - std::pow(s.beta2, step));
  const float sign = s.maximize ? -1.0f : 1.0f, beta1 = static_cast<float>(s.beta1), beta2 = static_cast<float>(s.beta2);
  const float fresh1 = static_cast<float>(1 - s.beta1), fresh2 = static_cast<float>(1 - s.beta2);
  const float shrink = s.decoupled ? static_cast<float>(1 - s.rate * s.weight_decay) : 1.0f;
  const float decay = s.decoupled ? 0.0f : static_cast<float>(s.weight_decay);
  const float length = static_cast<float>(-s.rate / correction1), scale = static_cast<float>(correction2), eps = static_cast<float>(s.eps);
  at::parallel_for(0, parameter.numel(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; k++) {
      const float kept = p[k] * shrink;
      const float d = sign * g[k] + decay * p[k];
      m[k] = beta1 * m[k] + fresh1 * d;
      v[k] = beta2 * v[k] + fresh2 * d * d;
      p[k] = kept + length * m[k] / (std::sqrt(v[k]) / scale + eps);
    }
  });
  changed(parameter);
}

// All tensors of one call have made the same number of steps.
void adam_foreach(std::vector<at::Tensor>& parameters, std::vector<at::Tensor>& gradients, std::vector<at::Tensor>& means,
                  std::vector<at::Tensor>& squares, int64_t step, const Adam& s) {
  std::vector<at::Tensor> direction = s.maximize ? at::_foreach_neg(gradients) : gradients;
  if (s.decoupled) {
    at::_foreach_mul_(parameters, 1 - s.rate * s.weight_decay);
  } else if (s.weight_decay != 0) {
    auto decayed = at::_foreach_mul(parameters, s.weight_decay);
    at::_foreach_add_(decayed, direction, 1);
    direction = decayed;
  }
  at::_foreach_mul_(means, s.beta1);
  at::_foreach_add_(means, direction, 1 - s.beta1);
  at::_foreach_mul_(squares, s.beta2);
  at::_foreach_addcmul_(squares, direction, direction, 1 - s.beta2);
  auto width = at::_foreach_sqrt(squares);
  at::_foreach_div_(width, std::sqrt(1 - std::pow(s.beta2, step)));
  at::_foreach_add_(width, s.eps);
  at::_foreach_addcdiv_(parameters, means, width, -s.rate / (1 - std::pow(s.beta1, step)));
}

// In parts whose bounds do not depend on the number of threads.
double sum_of_squares(const at::Tensor& tensor) {
  const float* x = memory(tensor);
  const int64_t count = tensor.numel(), parts = (count + grain - 1) / grain;
  std::vector<double> sums(parts);
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      constexpr int lanes = 16;
      float lane[lanes] = {};
      const int64_t first = part * grain, last = std::min(count, first + grain);
      int64_t k = first;
      for (; k + lanes <= last; k += lanes)
        for (int j = 0; j < lanes; j++) lane[j] += x[k + j] * x[k + j];
      for (; k < last; k++) lane[0] += x[k] * x[k];
      for (const float each : lane) sums[part] += each;
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

FS_API int fs_clear_gradients(Handle* parameters, int32_t count) {
  return guarded([&] {
    for (int32_t k = 0; k < count; k++) borrow(parameters[k]).mutable_grad().reset();
  });
}

// buffers: one a parameter, or null without momentum; a null entry is a parameter's first step, and receives a new handle.
FS_API int fs_sgd(Handle* parameters, Handle* buffers, int32_t count, const Sgd* settings) {
  return guarded([&] {
    c10::AutoGradMode no_grad(false);
    std::vector<at::Tensor> rest, rest_gradients, rest_buffers;
    for (int32_t k = 0; k < count; k++) {
      const auto parameter = borrow(parameters[k]);
      const auto gradient = parameter.grad();
      if (!gradient.defined()) continue;
      const bool first = buffers && !buffers[k];
      auto buffer = buffers && buffers[k] ? borrow(buffers[k]) : at::Tensor();
      if (is_plain(parameter, parameter) && is_plain(gradient, parameter) && (!buffer.defined() || is_plain(buffer, parameter))) {
        if (first) {
          buffer = at::empty_like(parameter);
          if (!is_plain(buffer, parameter)) buffer = at::empty_strided(parameter.sizes(), parameter.strides(), parameter.options());
          buffers[k] = give(buffer);
        }
        sgd_pass(parameter, gradient, buffer, first, *settings);
        continue;
      }
      if (first) {
        // With its start at direction / (1 - dampening), the common update below gives the direction itself.
        Sgd plain = *settings;
        buffer = settings->weight_decay != 0 ? at::add(gradient, parameter, settings->weight_decay) : gradient.clone();
        buffers[k] = give(buffer);
        at::Tensor direction = settings->nesterov ? at::add(buffer, buffer, plain.momentum) : buffer;
        at::Tensor target = parameter;
        target.add_(direction, plain.maximize ? plain.rate : -plain.rate);
        continue;
      }
      rest.push_back(parameter);
      rest_gradients.push_back(gradient);
      if (buffers) rest_buffers.push_back(buffer);
    }
    if (!rest.empty()) sgd_foreach(rest, rest_gradients, rest_buffers, *settings);
  });
}

// means and squares: one a parameter, zero before the first step. steps: how many steps each parameter has made; counted up here.
FS_API int fs_adam(Handle* parameters, Handle* means, Handle* squares, int64_t* steps, int32_t count, const Adam* settings) {
  return guarded([&] {
    c10::AutoGradMode no_grad(false);
    std::vector<at::Tensor> rest, rest_gradients, rest_means, rest_squares;
    int64_t rest_step = 0;
    auto flush = [&] {
      if (!rest.empty()) adam_foreach(rest, rest_gradients, rest_means, rest_squares, rest_step, *settings);
      rest.clear(), rest_gradients.clear(), rest_means.clear(), rest_squares.clear();
    };
    for (int32_t k = 0; k < count; k++) {
      const auto parameter = borrow(parameters[k]);
      const auto gradient = parameter.grad();
      if (!gradient.defined()) continue;
      const auto mean = borrow(means[k]), square = borrow(squares[k]);
      const int64_t step = ++steps[k];
      if (is_plain(parameter, parameter) && is_plain(gradient, parameter) && is_plain(mean, parameter) && is_plain(square, parameter)) {
        adam_pass(parameter, gradient, mean, square, step, *settings);
        continue;
      }
      if (!rest.empty() && step != rest_step) flush();
      rest_step = step;
      rest.push_back(parameter);
      rest_gradients.push_back(gradient);
      rest_means.push_back(mean);
      rest_squares.push_back(square);
    }
    flush();
  });
}

// The norm of all gradients as one vector, before they were scaled down to max_norm where it is larger.
FS_API int fs_clip_grad_norm(Handle* parameters, int32_t count, double max_norm, double norm_type, double* norm) {
  return guarded([&] {
    c10::AutoGradMode no_grad(false);
    std::vector<at::Tensor> gradients;
    bool all_plain = norm_type == 2.0;
    for (int32_t k = 0; k < count; k++) {
      const auto gradient = borrow(parameters[k]).grad();
      if (!gradient.defined()) continue;
      gradients.push_back(gradient);
      all_plain = all_plain && is_plain(gradient, gradient);
    }
    *norm = 0;
    if (gradients.empty()) return;
    if (all_plain) {
      double squares = 0;
      for (const auto& gradient : gradients) squares += sum_of_squares(gradient);
      *norm = std::sqrt(squares);
    } else {
      // One number comes back from the device.
      std::vector<at::Tensor> norms;
      for (const auto& gradient : gradients) norms.push_back(at::norm(gradient, norm_type).to(gradients[0].device()));
      *norm = at::norm(at::stack(norms), norm_type).item<double>();
    }
    const double factor = max_norm / (*norm + 1e-6);
    // A norm that is no number makes every gradient so, as in PyTorch.
    if (!(factor >= 1)) at::_foreach_mul_(gradients, factor);
  });
}
