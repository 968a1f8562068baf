// What C# asks of a tensor itself: lifetime, metadata, memory.
#include "shim.h"

#include <ATen/ops/from_blob.h>
#include <atomic>

namespace {
std::atomic<int64_t> live{0};
}

Handle give(at::Tensor tensor) {
  if (!tensor.defined()) return nullptr;
  live.fetch_add(1, std::memory_order_relaxed);
  return tensor.unsafeReleaseTensorImpl();
}

FS_API void fs_release(Handle handle) {
  if (!handle) return;
  live.fetch_sub(1, std::memory_order_relaxed);
  c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(handle);
}

// References handed to C# and not yet released: leak tests watch it.
FS_API int64_t fs_live() { return live.load(std::memory_order_relaxed); }

FS_API int fs_alias(Handle handle, Handle* result) {
  return guarded([&] { *result = give(borrow(handle)); });
}

FS_API int64_t fs_dim(Handle handle) { return handle->dim(); }
FS_API int64_t fs_numel(Handle handle) { return handle->numel(); }
FS_API int32_t fs_dtype(Handle handle) { return static_cast<int32_t>(c10::typeMetaToScalarType(handle->dtype())); }
FS_API int64_t fs_element_size(Handle handle) { return static_cast<int64_t>(handle->itemsize()); }
FS_API int32_t fs_device_type(Handle handle) { return static_cast<int32_t>(handle->device().type()); }
FS_API int32_t fs_device_index(Handle handle) { return handle->device().index(); }
FS_API int64_t fs_use_count(Handle handle) { return static_cast<int64_t>(borrow(handle).use_count()) - 1; }
FS_API int32_t fs_is_contiguous(Handle handle, int32_t format) {
  return handle->is_contiguous(static_cast<c10::MemoryFormat>(format));
}
FS_API int32_t fs_is_same(Handle left, Handle right) { return left == right; }

FS_API void fs_sizes(Handle handle, int64_t* sizes) {
  const auto all = handle->sizes();
  std::copy(all.begin(), all.end(), sizes);
}

FS_API int fs_strides(Handle handle, int64_t* strides) {
  return guarded([&] {
    const auto all = handle->strides();
    std::copy(all.begin(), all.end(), strides);
  });
}

FS_API int fs_storage_offset(Handle handle, int64_t* offset) {
  return guarded([&] { *offset = handle->storage_offset(); });
}

FS_API int fs_data(Handle handle, void** data) {
  return guarded([&] { *data = borrow(handle).data_ptr(); });
}

// A tensor over memory that C# keeps pinned until `release(context)` is called.
FS_API int fs_from_blob(void* data, const int64_t* sizes, int32_t dim, int32_t dtype, void (*release)(void*), void* context, Handle* result) {
  return guarded([&] {
    const auto options = at::TensorOptions().dtype(static_cast<c10::ScalarType>(dtype));
    *result = give(at::from_blob(data, at::IntArrayRef(sizes, dim), [release, context](void*) { release(context); }, options));
  });
}
