// Compiled once for each instruction set; TABLE names the result.
#include "kernels.h"

#include <stdlib.h>

namespace {
#include "attention.h"
#include "linear.h"
#include "pointwise.h"
}  // namespace

namespace kernels {

const Table TABLE = {width, width * widest_tile, pack_right, multiply, weight_gradient, column_sums, attention, attention_backward, gelu, gelu_backward, layer_norm, layer_norm_backward, layer_norm_affine};

}  // namespace kernels
