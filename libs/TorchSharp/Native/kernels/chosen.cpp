#include "kernels.h"

#include <cstdlib>
#include <string_view>

namespace kernels {

static const Table& choose() {
#ifdef FEWSHOT_X86
  const char* variable = std::getenv("ATEN_CPU_CAPABILITY");
  const std::string_view limit = variable ? variable : "";
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw");
  if (avx512 && limit != "avx2" && limit != "default") return with_avx512;
  if (avx2 && limit != "default") return with_avx2;
#endif
  return baseline;
}

const Table& chosen() {
  static const Table& table = choose();
  return table;
}

}  // namespace kernels
