#include "shim.h"

#include <c10/util/Exception.h>
#include <string>

namespace {
thread_local std::string last_error;
}

void set_error(const char* message) { last_error = message; }

void record_current_exception() {
  try {
    throw;
  } catch (const c10::Error& error) {
    last_error = error.what_without_backtrace();
  } catch (const std::exception& error) {
    last_error = error.what();
  } catch (...) {
    last_error = "unknown native exception";
  }
}

FS_API const char* fs_error() { return last_error.c_str(); }
