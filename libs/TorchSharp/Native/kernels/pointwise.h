// GELU and layer normalisation.
#pragma once
#include "kernels.h"
#include "simd.h"

struct Normal {
  Floats cumulative, density;
};

// The standard normal distribution: cumulative(-|x|) = density * t p(t) * sqrt(2 pi) with t = 1 / (1 + 0.34 |x|), p fitted to a relative error of 2.3e-8
// over [0, 13] (the form is Abramowitz and Stegun's 7.1.26).
INLINE Normal normal(Floats x) {
  const Floats size = x < 0 ? -x : x;
  const Floats t = 1.0f / (size * 0.34f + 1.0f);
  Floats p = t * -0.026626694947f + 0.14187915623f;
  p = p * t - 0.27786836028f;
  p = p * t + 0.20737756789f;
  p = p * t - 0.048143342137f;
  p = p * t + 0.11674431711f;
  p = p * t + 0.11486305296f;
  p = p * t + 0.13615621626f;
  p = p * t + 0.13561809063f;
  const Floats e = exp_of_negative(x * x * -0.5f);
  const Floats tail = e * t * p;
  return {x < 0 ? tail : 1.0f - tail, e * 0.398942280f};
}

INLINE Floats gelu_backward_of(Floats x, Floats gradient) {
  const Normal n = normal(x);
  return gradient * (n.cumulative + x * n.density);
}

static void gelu(const float* x, float* y, int64_t count) {
  int64_t k = 0;
  for (; k + width <= count; k += width) {
    const Floats v = load(x + k);
    store(y + k, v * normal(v).cumulative);
  }
  const Floats v = load_some(x + k, count - k);
  store_some(y + k, v * normal(v).cumulative, count - k);
}

static void gelu_backward(const float* x, const float* y_gradient, float* x_gradient, int64_t count) {
  int64_t k = 0;
  for (; k + width <= count; k += width) store(x_gradient + k, gelu_backward_of(load(x + k), load(y_gradient + k)));
  store_some(x_gradient + k, gelu_backward_of(load_some(x + k, count - k), load_some(y_gradient + k, count - k)), count - k);
}

using kernels::LayerNorm;

// A whole vector of a row, and the rest of one.
struct Whole {
  INLINE_MEMBER Floats read(const float* p) const { return load(p); }
  INLINE_MEMBER void write(float* p, Floats v) const { store(p, v); }
  INLINE_MEMBER Floats only(Floats v) const { return v; }
};
struct Rest {
  int64_t count;
  INLINE_MEMBER Floats read(const float* p) const { return load_some(p, count); }
  INLINE_MEMBER void write(float* p, Floats v) const { store_some(p, v, count); }
  INLINE_MEMBER Floats only(Floats v) const { return only_first(v, count, 0); }
};

// Calls body(column, lanes) for every vector of a row.
template <class Body>
INLINE void over_columns(int64_t columns, Body&& body) {
  int64_t c = 0;
  for (; c + width <= columns; c += width) body(c, Whole{});
  if (c < columns) body(c, Rest{columns - c});
}

static void layer_norm(const LayerNorm& n, int64_t begin, int64_t end) {
  const float share = 1.0f / static_cast<float>(n.columns);
  for (int64_t r = begin; r < end; r++) {
    const float* x = n.x + r * n.columns;
    float* y = n.y + r * n.columns;
    Floats total = {};
    over_columns(n.columns, [&](int64_t c, auto lanes) { total += lanes.read(x + c); });
    const float mean = sum(total) * share;
    Floats squares = {};
    over_columns(n.columns, [&](int64_t c, auto lanes) {
      const Floats d = lanes.only(lanes.read(x + c) - mean);
      squares += d * d;
    });
    const float inverse = 1.0f / __builtin_sqrtf(sum(squares) * share + n.epsilon);
    over_columns(n.columns, [&](int64_t c, auto lanes) {
      Floats v = (lanes.read(x + c) - mean) * inverse;
      if (n.gamma) v *= lanes.read(n.gamma + c);
      if (n.beta) v += lanes.read(n.beta + c);
      lanes.write(y + c, v);
    });
    n.mean[r] = mean;
    n.inverse_deviation[r] = inverse;
  }
}

// With z the normalised row and h = gradient * gamma: inverse_deviation * (h - mean(h) - z mean(h z)).
static void layer_norm_backward(const LayerNorm& n, int64_t begin, int64_t end) {
  const float share = 1.0f / static_cast<float>(n.columns);
  for (int64_t r = begin; r < end; r++) {
    const float *x = n.x + r * n.columns, *g = n.y_gradient + r * n.columns;
    float* result = n.x_gradient + r * n.columns;
    const float mean = n.mean[r], inverse = n.inverse_deviation[r];
    Floats plain = {}, along = {};
    over_columns(n.columns, [&](int64_t c, auto lanes) {
      const Floats h = n.gamma ? lanes.read(g + c) * lanes.read(n.gamma + c) : lanes.read(g + c);
      plain += h;
      along += h * (lanes.read(x + c) - mean);
    });
    const float mean_plain = sum(plain) * share, mean_along = sum(along) * share * inverse * inverse;
    over_columns(n.columns, [&](int64_t c, auto lanes) {
      const Floats h = n.gamma ? lanes.read(g + c) * lanes.read(n.gamma + c) : lanes.read(g + c);
      lanes.write(result + c, (h - mean_plain - (lanes.read(x + c) - mean) * mean_along) * inverse);
    });
  }
}

static void layer_norm_affine(const LayerNorm& n, float* gamma_gradient, float* beta_gradient, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r++) {
    const float *x = n.x + r * n.columns, *g = n.y_gradient + r * n.columns;
    const float mean = n.mean[r], inverse = n.inverse_deviation[r];
    over_columns(n.columns, [&](int64_t c, auto lanes) {
      const Floats v = lanes.read(g + c);
      if (gamma_gradient) lanes.write(gamma_gradient + c, lanes.read(gamma_gradient + c) + v * (lanes.read(x + c) - mean) * inverse);
      if (beta_gradient) lanes.write(beta_gradient + c, lanes.read(beta_gradient + c) + v);
    });
  }
}
