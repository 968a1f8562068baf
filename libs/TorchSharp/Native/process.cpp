// Threads, devices, numeric switches and autocast: state of the process rather than of a tensor.
#include "shim.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
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

// Autocast changed its interface in 2.4; both forms know only the CPU and CUDA here.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
FS_API int fs_autocast(int32_t device, int32_t* enabled, int32_t* dtype, int32_t write) {
  return guarded([&] {
    const auto type = static_cast<c10::DeviceType>(device);
    if (write) {
      at::autocast::set_autocast_enabled(type, *enabled != 0);
      at::autocast::set_autocast_dtype(type, static_cast<c10::ScalarType>(*dtype));
    }
    *enabled = at::autocast::is_autocast_enabled(type);
    *dtype = static_cast<int32_t>(at::autocast::get_autocast_dtype(type));
  });
}
#else
FS_API int fs_autocast(int32_t device, int32_t* enabled, int32_t* dtype, int32_t write) {
  return guarded([&] {
    const bool cuda = static_cast<c10::DeviceType>(device) == c10::kCUDA;
    const auto type = static_cast<c10::ScalarType>(*dtype);
    if (write && cuda) {
      at::autocast::set_enabled(*enabled != 0);
      at::autocast::set_autocast_gpu_dtype(type);
    } else if (write) {
      at::autocast::set_cpu_enabled(*enabled != 0);
      at::autocast::set_autocast_cpu_dtype(type);
    }
    *enabled = cuda ? at::autocast::is_enabled() : at::autocast::is_cpu_enabled();
    *dtype = static_cast<int32_t>(cuda ? at::autocast::get_autocast_gpu_dtype() : at::autocast::get_autocast_cpu_dtype());
  });
}
#endif

FS_API void fs_autocast_nesting(int32_t entering, int32_t* depth) {
  *depth = entering ? at::autocast::increment_nesting() : at::autocast::decrement_nesting();
}
FS_API void fs_autocast_clear_cache() { at::autocast::clear_cache(); }
FS_API void fs_autocast_cache(int32_t* enabled, int32_t write) {
  if (write) at::autocast::set_autocast_cache_enabled(*enabled != 0);
  *enabled = at::autocast::is_autocast_cache_enabled();
}
