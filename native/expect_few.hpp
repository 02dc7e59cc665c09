// The fused E-step for few components, with k a constant of the compiler.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

// Sums of a chunk, lane by lane: s0 (k), s1 (k), s2 (k), loglik, weight; s1 and
// s2 in the units of Prepared, loglik in log2.
constexpr int64_t sums_count(int64_t k) { return 3 * k + 2; }

// Up to this many components the sums of a block live in registers.
#if EMIX_VECTOR_BYTES >= 64
constexpr int few_components = 6;
#else
constexpr int few_components = 4;
#endif

// Sums of a block while it is worked on. A struct of arrays with constant
// subscripts: the compiler keeps it in registers.
template <int K>
struct FewSums {
    Vector s0[K], s1[K], s2[K], loglik, weight, product;
};

// V vectors of points side by side: one by one the processor would wait for
// each exponential. After the call part[v * K + j] is p_j / 2^top of vector v.
template <int K, int V>
EMIX_INLINE void score_few(const Vector* u, const Prepared& p, Vector* part, Vector* top,
                           Vector* total) {
    EMIX_UNROLL for (int i = 0; i < K * V; ++i) part[i] = p.offset[i % K] - u[i] * u[i];
    if constexpr (K == 1) {
        EMIX_UNROLL for (int v = 0; v < V; ++v) {
            top[v] = part[v];
            total[v] = part[v] = broadcast(1.0);
        }
    } else if constexpr (K == 2) {
        // The larger part is 1 by definition: one exponential is enough.
        Vector small[V], difference[V];
        EMIX_UNROLL for (int v = 0; v < V; ++v) {
            difference[v] = part[2 * v + 1] - part[2 * v];
            small[v] = minus_absolute(difference[v]);
            top[v] = maximum(part[2 * v], part[2 * v + 1]);
        }
        exp2_nonpositive<V>(small);
        EMIX_UNROLL for (int v = 0; v < V; ++v) {
            const Vector one = broadcast(1.0);
            part[2 * v] = difference[v] < 0.0 ? one : small[v];
            part[2 * v + 1] = difference[v] < 0.0 ? small[v] : one;
            total[v] = one + small[v];
        }
    } else {
        EMIX_UNROLL for (int v = 0; v < V; ++v) {
            top[v] = part[v * K];
            EMIX_UNROLL for (int j = 1; j < K; ++j) top[v] = maximum(part[v * K + j], top[v]);
            EMIX_UNROLL for (int j = 0; j < K; ++j) part[v * K + j] -= top[v];
        }
        // In fours or so: with more at a time the registers overflow.
        constexpr int all = K * V, first = all <= 6 ? all : all / 2;
        exp2_nonpositive<first>(part);
        if constexpr (all > first) exp2_nonpositive<all - first>(part + first);
        EMIX_UNROLL for (int v = 0; v < V; ++v) {
            total[v] = part[v * K];
            EMIX_UNROLL for (int j = 1; j < K; ++j) total[v] += part[v * K + j];
        }
    }
}

template <int K, bool weighted, int V>
EMIX_INLINE void add_few(const double* z, const double* w, const Prepared& p, FewSums<K>& sums) {
    Vector u[K * V], part[K * V], top[V], total[V];
    EMIX_UNROLL for (int i = 0; i < K * V; ++i)
        u[i] = (load(z + i / K * lanes) - p.mean[i % K]) * p.inverse[i % K];
    score_few<K, V>(u, p, part, top, total);
    EMIX_UNROLL for (int v = 0; v < V; ++v) {
        Vector share = K == 1 ? broadcast(1.0) : 1.0 / total[v];
        if constexpr (weighted) {
            const Vector row_weight = load(w + v * lanes);
            share *= row_weight;
            sums.weight += row_weight;
            sums.loglik += row_weight * (K == 1 ? top[v] : top[v] + log2_from_one(total[v]));
        } else {
            sums.loglik += top[v];
            if constexpr (K > 1) sums.product *= total[v];
        }
        EMIX_UNROLL for (int j = 0; j < K; ++j) {
            const Vector r = part[v * K + j] * share, ru = r * u[v * K + j];
            sums.s0[j] += r;
            sums.s1[j] += ru;
            sums.s2[j] += ru * u[v * K + j];
        }
    }
}

template <int K, bool weighted>
EMIX_LOOP void accumulate_few(const double* z, const double* w, int64_t vectors, const Prepared& p,
                              Vector* out) {
    constexpr int V = K <= 2 ? 4 : 2;
    FewSums<K> sums{};
    for (int64_t first = 0; first < vectors; first += product_length) {
        const int64_t last = smaller(vectors, first + product_length);
        sums.product = broadcast(1.0);
        int64_t v = first;
        for (; v + V <= last; v += V)
            add_few<K, weighted, V>(z + v * lanes, weighted ? w + v * lanes : nullptr, p, sums);
        for (; v < last; ++v)
            add_few<K, weighted, 1>(z + v * lanes, weighted ? w + v * lanes : nullptr, p, sums);
        if constexpr (K > 1 && !weighted) sums.loglik += log2_from_one(sums.product);
    }
    for (int j = 0; j < K; ++j) {
        out[j] += sums.s0[j];
        out[K + j] += sums.s1[j];
        out[2 * K + j] += sums.s2[j];
    }
    out[3 * K] += sums.loglik;
    out[3 * K + 1] += sums.weight;
}

}  // namespace emix::EMIX_LEVEL
