// Gradients and the modes that switch their recording.
#include "shim.h"

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <cstdlib>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

namespace {

std::vector<at::Tensor> borrow_all(Handle* handles, int32_t count) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(count);
  for (int32_t k = 0; k < count; k++) tensors.push_back(borrow(handles[k]));
  return tensors;
}

}  // namespace

FS_API int32_t fs_requires_grad(Handle handle) { return borrow(handle).requires_grad(); }

FS_API int fs_set_requires_grad(Handle handle, int32_t value) {
  return guarded([&] { borrow(handle).set_requires_grad(value != 0); });
}

FS_API int32_t fs_is_leaf(Handle handle) { return borrow(handle).is_leaf(); }

FS_API int fs_retain_grad(Handle handle) {
  return guarded([&] { borrow(handle).retain_grad(); });
}

FS_API int fs_grad(Handle handle, Handle* result) {
  return guarded([&] { *result = give(borrow(handle).grad()); });
}

FS_API int fs_set_grad(Handle handle, Handle grad) {
  return guarded([&] { borrow(handle).mutable_grad() = borrow(grad); });
}

// `.data` of PyTorch: the same memory, no history, no shared version counter.
FS_API int fs_variable_data(Handle handle, Handle* result) {
  return guarded([&] { *result = give(borrow(handle).variable_data()); });
}

FS_API int fs_backward(Handle* roots, Handle* gradients, int32_t count, int32_t retain_graph, int32_t create_graph,
                       Handle* inputs, int32_t input_count) {
  return guarded([&] {
    auto grads = gradients ? borrow_all(gradients, count) : std::vector<at::Tensor>();
    torch::autograd::backward(borrow_all(roots, count), grads, retain_graph != 0, create_graph != 0, borrow_all(inputs, input_count));
  });
}

// Writes one handle an input; null where the input is unused and that is allowed.
FS_API int fs_gradients(Handle* outputs, int32_t output_count, Handle* inputs, int32_t input_count, Handle* gradients, int32_t retain_graph,
                        int32_t create_graph, int32_t allow_unused, Handle* results) {
  return guarded([&] {
    auto grads = gradients ? borrow_all(gradients, output_count) : std::vector<at::Tensor>();
    const auto all = torch::autograd::grad(borrow_all(outputs, output_count), borrow_all(inputs, input_count), grads, retain_graph != 0,
                                           create_graph != 0, allow_unused != 0);
    for (size_t k = 0; k < all.size(); k++) results[k] = give(all[k]);
  });
}

FS_API int32_t fs_grad_mode() { return c10::GradMode::is_enabled(); }
FS_API void fs_set_grad_mode(int32_t enabled) { c10::GradMode::set_enabled(enabled != 0); }

FS_API int fs_enter_inference_mode(int32_t enabled, void** guard) {
  return guarded([&] { *guard = new c10::InferenceMode(enabled != 0); });
}
FS_API void fs_leave_inference_mode(void* guard) { delete static_cast<c10::InferenceMode*>(guard); }
FS_API int32_t fs_is_inference_mode() { return c10::InferenceMode::is_enabled(); }
