// Random number generators. A generator of any device is a copy of that device's default one, so no CUDA header is needed.
#include "shim.h"

#include <ATen/Context.h>
#include <ATen/core/Generator.h>
#include <mutex>
#include <torch/cuda.h>

namespace {

c10::Device device_of(int32_t type, int32_t index) {
  return c10::Device(static_cast<c10::DeviceType>(type), static_cast<c10::DeviceIndex>(index));
}

template <class Body>
int locked(at::Generator* generator, Body&& body) {
  return guarded([&] {
    std::lock_guard<std::mutex> lock(generator->mutex());
    body();
  });
}

}  // namespace

FS_API int fs_manual_seed(uint64_t seed) {
  return guarded([&] {
    auto& context = at::globalContext();
    auto seed_one = [&](const c10::Device& device) {
      auto generator = context.defaultGenerator(device);
      std::lock_guard<std::mutex> lock(generator.mutex());
      generator.set_current_seed(seed);
    };
    seed_one(c10::Device(c10::kCPU));
    const auto devices = static_cast<int32_t>(torch::cuda::device_count());
    for (int32_t k = 0; k < devices; k++) seed_one(device_of(static_cast<int32_t>(c10::kCUDA), k));
  });
}

FS_API int fs_generator(uint64_t seed, int32_t type, int32_t index, at::Generator** result) {
  return guarded([&] {
    auto copy = at::globalContext().defaultGenerator(device_of(type, index)).clone();
    copy.set_current_seed(seed);
    *result = new at::Generator(copy);
  });
}

FS_API int fs_default_generator(int32_t type, int32_t index, at::Generator** result) {
  return guarded([&] { *result = new at::Generator(at::globalContext().defaultGenerator(device_of(type, index))); });
}

FS_API void fs_generator_release(at::Generator* generator) { delete generator; }

FS_API int fs_generator_seed(at::Generator* generator, uint64_t seed) {
  return locked(generator, [&] { generator->set_current_seed(seed); });
}

FS_API int fs_generator_initial_seed(at::Generator* generator, uint64_t* seed) {
  return locked(generator, [&] { *seed = generator->current_seed(); });
}

FS_API int fs_generator_random_seed(at::Generator* generator, uint64_t* seed) {
  return locked(generator, [&] { *seed = generator->seed(); });
}

FS_API int fs_generator_state(at::Generator* generator, Handle* state) {
  return locked(generator, [&] { *state = give(generator->get_state()); });
}

FS_API int fs_generator_set_state(at::Generator* generator, Handle state) {
  return locked(generator, [&] { generator->set_state(borrow(state)); });
}
