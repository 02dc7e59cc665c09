// One point of a table without shortcuts, where squared distances overflow.
#pragma once

#include "prepare_table.hpp"

namespace emix::EMIX_LEVEL {

// |factor_c (z - mean_c) / (2 size)|: halves, so that the difference of the
// largest doubles is one; over `size`, so that no square overflows.
inline double careful_distance(const double* z, const PreparedTable& t, int64_t c, double size,
                               double* deviation) {
    const int64_t d = t.d;
    const double* mean = t.mean + c * d;
    for (int64_t j = 0; j < d; ++j) deviation[j] = (0.5 * z[j] - 0.5 * mean[j]) / size;
    const bool columns = t.spread == isotropic_spread || t.spread == diagonal_spread;
    double largest = 0.0, square = 0.0;
    for (int64_t i = d - 1; i >= 0; --i) {
        // From the last row up: row i needs no deviation behind i.
        deviation[i] = columns ? t.inverse[c * d + i] * deviation[i]
                               : triangle_row(t.triangle(c), i, deviation);
        const double u = std::fabs(deviation[i]);
        if (!(u <= largest)) largest = u;
    }
    if (largest == 0.0 || largest == infinity) return largest;
    for (int64_t i = 0; i < d; ++i) square += deviation[i] / largest * (deviation[i] / largest);
    return largest * std::sqrt(square);
}

// Responsibilities r (k) of one point z (d), and log2 of its density. Where all
// densities underflow because all squares overflow, the nearest component in
// its own metric takes the point; exact ties share it by weight / |Σ|^½, which
// is what offset holds. `logs` (k): log2 densities, or, for such a point,
// merits in the same order. `work` has room for d values.
inline double careful_row(const double* z, const PreparedTable& t, double* r, double* logs,
                          double* work) {
    double size = 0.0, top = -infinity, nearest = infinity, total = 0.0;
    for (int64_t c = 0; c < t.k; ++c)
        for (int64_t j = 0; j < t.d; ++j) {
            const double half = std::fabs(0.5 * z[j] - 0.5 * t.mean[c * t.d + j]);
            if (!(half <= size)) size = half;
        }
    if (size == 0.0) size = 1.0;
    for (int64_t c = 0; c < t.k; ++c) {
        r[c] = careful_distance(z, t, c, size, work);
        const double distance = 2.0 * size * r[c];
        logs[c] = t.offset[c] - distance * distance;
        if (!(logs[c] <= top)) top = logs[c];
        if (t.offset[c] > -infinity && r[c] < nearest) nearest = r[c];
    }
    if (top != top) {
        for (int64_t c = 0; c < t.k; ++c) r[c] = top;
        return top;
    }
    const double log2_density = top;
    if (top == -infinity) {
        for (int64_t c = 0; c < t.k; ++c) {
            const bool near = t.offset[c] > -infinity && r[c] == nearest;
            logs[c] = near ? t.offset[c] : -infinity;
            if (logs[c] > top) top = logs[c];
        }
    }
    for (int64_t c = 0; c < t.k; ++c) {
        r[c] = std::exp2(logs[c] - top);
        total += r[c];
    }
    for (int64_t c = 0; c < t.k; ++c) r[c] /= total;
    return log2_density + std::log2(total);
}

}  // namespace emix::EMIX_LEVEL
