// The uGMM layer in base 2, one exponential for each row, neuron and input in a pass, nothing of that size kept.
//
// Contiguous: x (B, I), log_sigma and logits (O, I), value and its cotangent (B, O), and mu (O, I) or one row for all
// neurons (mu_step 0). forward leaves for backward: r and c (O, J), J being I filled up to whole vectors; m and total
// (O, B); lse (O,). With them one term is t = c - ((x - mu) r)^2 and the layer log(2) (m + log2(total)), m the largest
// t and total the sum of 2^(t - m). No two threads write the same numbers: results do not depend on how many there are.
#include <ATen/cpu/vec/functional.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using at::vec::fmadd;
using at::vec::fnmadd;
using at::vec::maximum;
using at::vec::vec_reduce_all;
using at::vec::Vectorized;

namespace {

constexpr double LOG2 = 0.693147180559945309, HALF_LOG_2PI = 0.918938533204672742;
constexpr double ROOT = 0.849321800288019043;  // of log2(e) / 2

// 2^t for t <= 0
inline Vectorized<double> power(Vectorized<double> t) {
  return t.exp2();
}

inline Vectorized<float> power(Vectorized<float> t) {
#ifdef CPU_CAPABILITY_AVX512
  // 2^(t - floor(t)), whose largest relative error is 8.3e-8 (Remez' algorithm), times 2^floor(t)
  const __m512 part = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF);
  __m512 p = _mm512_set1_ps(0.001867130072435736f);
  for (float coefficient :
       {0.00901703031590153f, 0.05579991310966389f, 0.2401644501528742f, 0.693151311804879f, 1.0f})
    p = _mm512_fmadd_ps(p, part, _mm512_set1_ps(coefficient));
  return _mm512_scalef_ps(p, t);
#else
  return t.exp2();
#endif
}

// The vector at place i of a row of I numbers; behind its end 0.
template <typename T>
inline Vectorized<T> load(const T* row, int64_t i, int64_t I) {
  using V = Vectorized<T>;
  return i + V::size() <= I ? V::loadu(row + i) : V::loadu(row + i, I - i);
}

template <typename T>
inline void store(Vectorized<T> v, T* row, int64_t i, int64_t I) {
  v.store(row + i, std::min<int64_t>(Vectorized<T>::size(), I - i));
}

template <typename T>
T largest(Vectorized<T> v) {
  return vec_reduce_all<T>([](Vectorized<T> one, Vectorized<T> other) { return maximum(one, other); }, v);
}

template <typename T>
T sum(Vectorized<T> v) {
  return vec_reduce_all<T>([](Vectorized<T> one, Vectorized<T> other) { return one + other; }, v);
}

// r and c of one neuron, c -infinity behind the last input; returns the logsumexp of its logits.
template <typename T>
T constants(const T* log_sigma, const T* logits, T* r, T* c, int64_t I) {
  using V = Vectorized<T>;
  const V none(-std::numeric_limits<T>::infinity());
  auto logit = [&](int64_t i) { return V::set(none, load(logits, i, I), std::min<int64_t>(V::size(), I - i)); };
  V top = none, all(T(0));
  for (int64_t i = 0; i < I; i += V::size()) top = maximum(top, logit(i));
  top = V(largest(top));
  for (int64_t i = 0; i < I; i += V::size()) all = all + (logit(i) - top).exp();
  const T log_all = std::log(sum(all));
  for (int64_t i = 0; i < I; i += V::size()) {
    const V s = load(log_sigma, i, I), w = logit(i) - top - V(log_all);
    (s.neg().exp() * V(T(ROOT))).store(r + i);
    ((w - s - V(T(HALF_LOG_2PI))) * V(T(1 / LOG2))).store(c + i);
  }
  return largest(top) + log_all;
}

// m and total of a few rows and one neuron; `t` has room for their terms.
template <typename T, int rows>
void forward_rows(const T* x, const T* mu, const T* r, const T* c, T* t, T* m, T* total, int64_t I, int64_t J) {
  using V = Vectorized<T>;
  V top[rows], all[rows];
  for (int b = 0; b < rows; b++) top[b] = V(std::numeric_limits<T>::lowest()), all[b] = V(T(0));
  for (int64_t i = 0; i < I; i += V::size()) {
    const V mean = load(mu, i, I), scale = V::loadu(r + i), constant = V::loadu(c + i);
    for (int b = 0; b < rows; b++) {
      const V u = (load(x + b * I, i, I) - mean) * scale;
      const V term = fnmadd(u, u, constant);
      term.store(t + b * J + i);
      top[b] = maximum(top[b], term);
    }
  }
  for (int b = 0; b < rows; b++) m[b] = largest(top[b]), top[b] = V(m[b]);
  for (int64_t i = 0; i < I; i += V::size())
    for (int b = 0; b < rows; b++) all[b] = all[b] + power(V::loadu(t + b * J + i) - top[b]);
  for (int b = 0; b < rows; b++) total[b] = sum(all[b]);
}

template <typename T>
void forward(
    const T* x, const T* mu, const T* log_sigma, const T* logits, T* value, T* r, T* c, T* m, T* total, T* lse,
    int64_t B, int64_t O, int64_t I, int64_t J, int64_t mu_step, int threads) {
  constexpr int rows = 4;
#pragma omp parallel num_threads(threads)
  {
    std::vector<T> t(rows * J);
#pragma omp for
    for (int64_t o = 0; o < O; o++) {
      const T* mu_o = mu + o * mu_step;
      T *r_o = r + o * J, *c_o = c + o * J, *m_o = m + o * B, *total_o = total + o * B;
      lse[o] = constants(log_sigma + o * I, logits + o * I, r_o, c_o, I);
      int64_t b = 0;
      for (; b + rows <= B; b += rows)
        forward_rows<T, rows>(x + b * I, mu_o, r_o, c_o, t.data(), m_o + b, total_o + b, I, J);
      for (; b < B; b++) forward_rows<T, 1>(x + b * I, mu_o, r_o, c_o, t.data(), m_o + b, total_o + b, I, J);
      for (b = 0; b < B; b++) value[b * O + o] = T(LOG2) * (m_o[b] + std::log2(total_o[b]));
    }
  }
}

// With p = g 2^(t - m), g = G / total: dmu, dlog_sigma and dlogits (O, I) are made of the sums of p, p u and p u^2 over
// the rows, dx (B, I) of that of p u r over the neurons.
template <typename T, bool wants_x, bool wants_parameters>
void backward(
    const T* x, const T* mu, const T* logits, const T* r, const T* c, const T* m, const T* total, const T* lse,
    const T* G, T* dx, T* dmu, T* dlog_sigma, T* dlogits, int64_t B, int64_t O, int64_t I, int64_t J, int64_t mu_step,
    int threads) {
  using V = Vectorized<T>;
  constexpr int64_t W = V::size();
  std::vector<T> g(O * B), G_o(O);
#pragma omp parallel num_threads(threads)
  {
    std::vector<T> own_x(B * W), own_dx(B * W);  // of W inputs: what lies in B places far apart leaves the caches
#pragma omp for
    for (int64_t o = 0; o < O; o++)
      for (int64_t b = 0; b < B; b++) {
        g[o * B + b] = G[b * O + o] / total[o * B + b];
        G_o[o] += G[b * O + o];
      }
#pragma omp for
    for (int64_t i = 0; i < I; i += W) {
      for (int64_t b = 0; b < B; b++) load(x + b * I, i, I).store(own_x.data() + b * W);
      std::fill(own_dx.begin(), own_dx.end(), T(0));
      for (int64_t o = 0; o < O; o++) {
        const V mean = load(mu + o * mu_step, i, I);
        const V scale = V::loadu(r + o * J + i), constant = V::loadu(c + o * J + i);
        const T *m_o = m + o * B, *g_o = g.data() + o * B;
        V s0(T(0)), s1(T(0)), s2(T(0));
        for (int64_t b = 0; b < B; b++) {
          const V u = (V::loadu(own_x.data() + b * W) - mean) * scale;
          const V p = power(fnmadd(u, u, constant) - V(m_o[b])) * V(g_o[b]);
          const V pu = p * u;
          if constexpr (wants_x)
            fmadd(pu, scale, V::loadu(own_dx.data() + b * W)).store(own_dx.data() + b * W);
          s0 = s0 + p;
          s1 = s1 + pu;
          s2 = fmadd(pu, u, s2);
        }
        if constexpr (wants_parameters) {
          const V weight = (load(logits + o * I, i, I) - V(lse[o])).exp();
          store(V(T(2 * LOG2)) * s1 * scale, dmu + o * I, i, I);
          store(V(T(2 * LOG2)) * s2 - s0, dlog_sigma + o * I, i, I);
          store(fnmadd(weight, V(G_o[o]), s0), dlogits + o * I, i, I);
        }
      }
      if constexpr (wants_x)
        for (int64_t b = 0; b < B; b++)
          store(V(T(-2 * LOG2)) * V::loadu(own_dx.data() + b * W), dx + b * I, i, I);
    }
  }
}

}  // namespace

// For Python: `dx`, or `dmu` and those behind it, may be null.
#define LAYER(T)                                                                                                       \
  extern "C" void forward_##T(                                                                                         \
      const T* x, const T* mu, const T* log_sigma, const T* logits, T* value, T* r, T* c, T* m, T* total, T* lse,      \
      int64_t B, int64_t O, int64_t I, int64_t J, int64_t mu_step, int threads) {                                      \
    forward(x, mu, log_sigma, logits, value, r, c, m, total, lse, B, O, I, J, mu_step, threads);                       \
  }                                                                                                                    \
  extern "C" void backward_##T(                                                                                        \
      const T* x, const T* mu, const T* logits, const T* r, const T* c, const T* m, const T* total, const T* lse,      \
      const T* G, T* dx, T* dmu, T* dlog_sigma, T* dlogits, int64_t B, int64_t O, int64_t I, int64_t J,                \
      int64_t mu_step, int threads) {                                                                                  \
    auto pass = !dmu ? backward<T, true, false> : dx ? backward<T, true, true> : backward<T, false, true>;             \
    pass(x, mu, logits, r, c, m, total, lse, G, dx, dmu, dlog_sigma, dlogits, B, O, I, J, mu_step, threads);           \
  }                                                                                                                    \
  extern "C" int64_t width_##T() { return Vectorized<T>::size(); }
LAYER(float)
LAYER(double)
