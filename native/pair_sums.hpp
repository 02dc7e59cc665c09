// Sums over the points of a column for two components, and for the curvature of
// the objective there.
#pragma once

#include "denormals.hpp"
#include "column.hpp"

namespace emix::EMIX_LEVEL {

// What is summed over the points: of the narrower component a and the wider b,
// weight, and first and second moments of u; and of w r_a r_b the moments of
// u_a up to the fourth, which make the curvature.
enum PairSum { a0, a1, a2, b0, b1, b2, v0, v1, v2, v3, v4, pair_loglik, pair_sums };

struct PairPrepared {
    double offset_a, mean_a, inverse_a, offset_b, mean_b, inverse_b;
};

template <bool weighted, int V>
EMIX_INLINE void add_pair(const double* z, const double* w, const PairPrepared& p, Vector* sums,
                          Vector& product) {
    Vector ua[V], ub[V], small[V], difference[V], top[V];
    EMIX_UNROLL for (int i = 0; i < V; ++i) {
        const Vector point = load(z + i * lanes);
        ua[i] = (point - p.mean_a) * p.inverse_a;
        ub[i] = (point - p.mean_b) * p.inverse_b;
        const Vector a = p.offset_a - ua[i] * ua[i], b = p.offset_b - ub[i] * ub[i];
        difference[i] = b - a;
        small[i] = minus_absolute(difference[i]);
        top[i] = maximum(a, b);
    }
    exp2_nonpositive<V>(small);
    EMIX_UNROLL for (int i = 0; i < V; ++i) {
        const Vector one = broadcast(1.0), total = one + small[i];
        const Vector inverse = 1.0 / total;
        Vector share = inverse;
        if constexpr (weighted) {
            const Vector row_weight = load(w + i * lanes);
            share *= row_weight;
            sums[pair_loglik] += row_weight * (top[i] + log2_from_one(total));
        } else {
            sums[pair_loglik] += top[i];
            product *= total;
        }
        const Vector less = small[i] * share;
        const Vector ra = difference[i] < 0.0 ? share : less;
        const Vector rb = difference[i] < 0.0 ? less : share;
        const Vector both = less * inverse;
        const Vector ra1 = ra * ua[i], rb1 = rb * ub[i], square = ua[i] * ua[i];
        sums[a0] += ra;
        sums[a1] += ra1;
        sums[a2] += ra1 * ua[i];
        sums[b0] += rb;
        sums[b1] += rb1;
        sums[b2] += rb1 * ub[i];
        const Vector both1 = both * ua[i], both2 = both * square;
        sums[v0] += both;
        sums[v1] += both1;
        sums[v2] += both2;
        sums[v3] += both1 * square;
        sums[v4] += both2 * square;
    }
}

// The first `unit` points, in whole vectors as all are, have weight 1.
EMIX_LOOP inline void sum_pair(const double* z, const double* w, int64_t unit, int64_t n,
                               const PairPrepared& p, double* out) {
    const TinyIsZero mode;
    constexpr int V = 4;
    constexpr int64_t step = V * lanes, most_factors = 512 / V * step;
    Vector sums[pair_sums] = {}, product = broadcast(1.0);
    int64_t i = 0;
    while (i + step <= unit) {
        const int64_t end = smaller(unit, i + most_factors);
        product = broadcast(1.0);
        for (; i + step <= end; i += step) add_pair<false, V>(z + i, nullptr, p, sums, product);
        sums[pair_loglik] += log2_from_one(product);
    }
    product = broadcast(1.0);
    for (; i < unit; i += lanes) add_pair<false, 1>(z + i, nullptr, p, sums, product);
    sums[pair_loglik] += log2_from_one(product);
    for (; i + step <= n; i += step) add_pair<true, V>(z + i, w + i, p, sums, product);
    for (; i < n; i += lanes) add_pair<true, 1>(z + i, w + i, p, sums, product);
    sum_each<pair_sums>(sums, out);
}

}  // namespace emix::EMIX_LEVEL
