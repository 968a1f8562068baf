// The C interface between C# and libtorch. Every function returns a status (0: done) unless it cannot fail; the message of
// the last failure on this thread is read with fs_error. A tensor handle is one counted reference to a c10::TensorImpl,
// so a handle costs no allocation; null stands for the undefined tensor.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/intrusive_ptr.h>
#include <cstdint>

#define FS_API extern "C" __attribute__((visibility("default")))

enum class Kind : int32_t {
  Default, None, Tensor, Int, Double, Bool, IntList, DoubleList, BoolList, TensorList, OptionalTensorList, String, Device, Generator,
};

// One operator argument or result. Lists: p points to the items (int64, double, uint8 or handles), i is their count.
struct Value {
  Kind kind;
  int32_t aux;
  int64_t i;
  double d;
  void* p;
};

using Handle = c10::TensorImpl*;

inline at::Tensor borrow(Handle handle) {
  return handle ? at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(handle)) : at::Tensor();
}

// Hands one reference to the caller and counts it as live.
Handle give(at::Tensor tensor);

void set_error(const char* message);
void record_current_exception();

// Runs the body; whatever is thrown becomes the thread's error message and status 1.
template <class Body>
int guarded(Body&& body) {
  try {
    body();
    return 0;
  } catch (...) {
    record_current_exception();
    return 1;
  }
}
