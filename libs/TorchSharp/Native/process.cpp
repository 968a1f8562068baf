// Threads, devices and numeric switches: state of the process rather than of a tensor.
#include "shim.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/cuda.h>
#include <torch/version.h>

FS_API const char* fs_version() { return TORCH_VERSION; }

FS_API int fs_set_num_threads(int32_t count) {
  return guarded([&] { at::set_num_threads(count); });
}
FS_API int32_t fs_get_num_threads() { return at::get_num_threads(); }

FS_API int fs_set_num_interop_threads(int32_t count) {
  return guarded([&] { at::set_num_interop_threads(count); });
}
FS_API int32_t fs_get_num_interop_threads() { return at::get_num_interop_threads(); }

FS_API int fs_cuda_is_available(int32_t* result) {
  return guarded([&] { *result = torch::cuda::is_available(); });
}
FS_API int fs_cuda_device_count(int32_t* result) {
  return guarded([&] { *result = static_cast<int32_t>(torch::cuda::device_count()); });
}
FS_API int fs_cudnn_is_available(int32_t* result) {
  return guarded([&] { *result = torch::cuda::cudnn_is_available(); });
}
FS_API int fs_cuda_synchronize(int64_t index) {
  return guarded([&] { torch::cuda::synchronize(index); });
}

FS_API int fs_allow_tf32_matmul(int32_t* value, int32_t write) {
  return guarded([&] {
    auto& context = at::globalContext();
    if (write) context.setAllowTF32CuBLAS(*value != 0);
    *value = context.allowTF32CuBLAS();
  });
}
FS_API int fs_allow_tf32_cudnn(int32_t* value, int32_t write) {
  return guarded([&] {
    auto& context = at::globalContext();
    if (write) context.setAllowTF32CuDNN(*value != 0);
    *value = context.allowTF32CuDNN();
  });
}
FS_API int fs_cudnn_benchmark(int32_t* value, int32_t write) {
  return guarded([&] {
    auto& context = at::globalContext();
    if (write) context.setBenchmarkCuDNN(*value != 0);
    *value = context.benchmarkCuDNN();
  });
}
FS_API int fs_deterministic(int32_t* value, int32_t write, int32_t warn_only) {
  return guarded([&] {
    auto& context = at::globalContext();
    if (write) context.setDeterministicAlgorithms(*value != 0, warn_only != 0);
    *value = context.deterministicAlgorithms();
  });
}
