// Calls any operator of libtorch by name through the dispatcher, so that autograd, autocast and every device work as from Python.
#include "shim.h"

#include <ATen/core/Generator.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <ATen/core/stack.h>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Operator {
  c10::OperatorHandle handle;
  std::vector<c10::IValue> defaults;
  std::vector<bool> has_default;
  std::vector<bool> is_float;
};

template <class T>
c10::List<T> list_of(const Value& value) {
  c10::List<T> list;
  list.reserve(value.i);
  const T* items = static_cast<const T*>(value.p);
  for (int64_t k = 0; k < value.i; k++) list.push_back(items[k]);
  return list;
}

c10::IValue optional_tensors(const Value& value) {
  static const auto element = c10::OptionalType::create(c10::TensorType::get());
  c10::impl::GenericList list(element);
  Handle* items = static_cast<Handle*>(value.p);
  for (int64_t k = 0; k < value.i; k++) list.push_back(items[k] ? c10::IValue(borrow(items[k])) : c10::IValue());
  return list;
}

c10::IValue tensors(const Value& value) {
  c10::List<at::Tensor> list;
  list.reserve(value.i);
  Handle* items = static_cast<Handle*>(value.p);
  for (int64_t k = 0; k < value.i; k++) list.push_back(borrow(items[k]));
  return list;
}

c10::IValue bools(const Value& value) {
  c10::List<bool> list;
  const uint8_t* items = static_cast<const uint8_t*>(value.p);
  for (int64_t k = 0; k < value.i; k++) list.push_back(items[k] != 0);
  return list;
}

void push(torch::jit::Stack& stack, const Operator& op, size_t position, const Value& value) {
  switch (value.kind) {
    case Kind::Default:
      TORCH_CHECK(op.has_default[position], "argument ", position, " has no default");
      stack.push_back(op.defaults[position]);
      break;
    case Kind::None: stack.emplace_back(); break;
    case Kind::Tensor: stack.emplace_back(borrow(static_cast<Handle>(value.p))); break;
    case Kind::Int:
      if (op.is_float[position]) stack.emplace_back(static_cast<double>(value.i));
      else stack.emplace_back(value.i);
      break;
    case Kind::Double: stack.emplace_back(value.d); break;
    case Kind::Bool: stack.emplace_back(value.i != 0); break;
    case Kind::IntList: stack.emplace_back(list_of<int64_t>(value)); break;
    case Kind::DoubleList: stack.emplace_back(list_of<double>(value)); break;
    case Kind::BoolList: stack.push_back(bools(value)); break;
    case Kind::TensorList: stack.push_back(tensors(value)); break;
    case Kind::OptionalTensorList: stack.push_back(optional_tensors(value)); break;
    case Kind::String: stack.emplace_back(std::string(static_cast<const char*>(value.p))); break;
    case Kind::Device:
      stack.emplace_back(c10::Device(static_cast<c10::DeviceType>(value.aux), static_cast<c10::DeviceIndex>(value.i)));
      break;
    case Kind::Generator: stack.emplace_back(*static_cast<at::Generator*>(value.p)); break;
  }
}

void pull(const c10::IValue& item, Value& result) {
  if (item.isTensor()) {
    result.kind = Kind::Tensor;
    result.p = give(item.toTensor());
  } else if (item.isTensorList()) {
    const auto list = item.toTensorVector();
    Handle* handles = static_cast<Handle*>(std::malloc(sizeof(Handle) * (list.size() + 1)));
    for (size_t k = 0; k < list.size(); k++) handles[k] = give(list[k]);
    result.kind = Kind::TensorList;
    result.i = static_cast<int64_t>(list.size());
    result.p = handles;
  } else if (item.isBool()) {
    result.kind = Kind::Bool;
    result.i = item.toBool();
  } else if (item.isInt()) {
    result.kind = Kind::Int;
    result.i = item.toInt();
  } else if (item.isDouble()) {
    result.kind = Kind::Double;
    result.d = item.toDouble();
  } else if (item.isNone()) {
    result.kind = Kind::None;
  } else {
    TORCH_CHECK(false, "a result of kind ", item.tagKind(), " is not supported");
  }
}

}  // namespace

// Looks an operator up once; the result lives as long as the process.
FS_API int fs_operator(const char* name, const char* overload, Operator** result) {
  return guarded([&] {
    auto op = new Operator{c10::Dispatcher::singleton().findSchemaOrThrow(name, overload), {}, {}, {}};
    for (const auto& argument : op->handle.schema().arguments()) {
      const auto& fallback = argument.default_value();
      op->has_default.push_back(fallback.has_value());
      op->defaults.push_back(fallback.has_value() ? *fallback : c10::IValue());
      auto type = argument.type();
      if (type->kind() == c10::TypeKind::OptionalType) type = type->expectRef<c10::OptionalType>().getElementType();
      op->is_float.push_back(type->kind() == c10::TypeKind::FloatType);
    }
    *result = op;
  });
}

// Calls the operator with `count` arguments (missing trailing ones take the schema's defaults) and writes at most `capacity`
// results; results beyond that are dropped.
FS_API int fs_call(const Operator* op, const Value* arguments, int32_t count, Value* results, int32_t capacity) {
  // One stack a thread: calls do not nest, because operators never call back into C#.
  thread_local torch::jit::Stack stack;
  const int status = guarded([&] {
    const size_t all = op->defaults.size();
    TORCH_CHECK(static_cast<size_t>(count) <= all, "takes ", all, " arguments, ", count, " were given");
    for (int32_t k = 0; k < count; k++) push(stack, *op, k, arguments[k]);
    for (size_t k = count; k < all; k++) {
      TORCH_CHECK(op->has_default[k], "argument ", op->handle.schema().arguments()[k].name(), " is missing");
      stack.push_back(op->defaults[k]);
    }
    op->handle.callBoxed(&stack);
    for (int32_t k = 0; k < capacity && k < static_cast<int32_t>(stack.size()); k++) pull(stack[k], results[k]);
  });
  stack.clear();
  return status;
}

FS_API void fs_free(void* block) { std::free(block); }
