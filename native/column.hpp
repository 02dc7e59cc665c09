// One column of data as the kernels see it: blocks of points, chunks of
// blocks, and a mixture prepared for base-2 arithmetic.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>

#include "buffer.hpp"
#include "kernel.hpp"
#include "threads.hpp"
#include "vector_math.hpp"

namespace emix::EMIX_LEVEL {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double log_two = 0.6931471805599453;
constexpr double log2_e = 1.4426950408889634;
constexpr double half_log_two_pi = 0.9189385332046727;
// u² log2(e) / 2 = (root_half_log2_e u)²: points are whitened to these units,
// and then log2 of a density is a constant minus one square.
constexpr double root_half_log2_e = 0.8493218002880191;
constexpr double half_log2_e = 0.7213475204444817;

constexpr int64_t block_points = 512;
constexpr int64_t smallest_chunk = 8192;
// Logarithms are taken of products of this many totals, each in [1, k].
constexpr int64_t product_length = 16;
constexpr int64_t most_chunks = 4096;
// Less work than this (points times components) is done before a second
// thread has woken.
constexpr double worth_a_thread = 2e5;

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline bool is_finite(double x) { return x - x == 0.0; }

// Sizes inside a Buffer are rounded up so that every part starts aligned.
inline int64_t aligned(int64_t doubles) { return (doubles + 7) / 8 * 8; }

// The chunks that threads share out. They depend on n alone.
struct Chunks {
    int64_t n, size, count;
    explicit Chunks(int64_t rows) : n(rows), size(smallest_chunk) {
        while ((n + size - 1) / size > most_chunks) size *= 2;
        count = (n + size - 1) / size;
    }
    int64_t begin(int64_t chunk) const { return chunk * size; }
    int64_t end(int64_t chunk) const { return smaller(n, (chunk + 1) * size); }
};

inline int useful_threads(int threads, int64_t n, int64_t k) {
    const double work = static_cast<double>(n) * static_cast<double>(k);
    return work < worth_a_thread || threads < 1 ? 1 : threads;
}

// log2 p_ik = offset_k - ((z_i - mean_k) inverse_k)².
struct Prepared {
    int64_t k;
    const double *offset, *mean, *inverse;
};

constexpr int64_t prepared_size(int64_t k) { return 3 * k; }

inline Prepared prepare(const ColumnMixture& mixture, double* storage) {
    const int64_t k = mixture.k;
    double *offset = storage, *mean = storage + k, *inverse = storage + 2 * k;
    for (int64_t j = 0; j < k; ++j) {
        const double sd = mixture.sds[j];
        offset[j] = (mixture.log_weights[j] - std::log(sd) - half_log_two_pi) * log2_e;
        mean[j] = mixture.means[j];
        inverse[j] = root_half_log2_e / sd;
    }
    return {k, offset, mean, inverse};
}

// A block of z, padded to whole vectors with copies of its last value (a copy
// cannot be far away where the original is near). `storage` has room for
// block_points + lanes.
inline const double* load_block(const Column& column, int64_t begin, int64_t count,
                                double* storage) {
    const double shift = column.shift, scale = column.scale;
    if (column.doubles && shift == 0.0 && scale == 1.0 && count % lanes == 0)
        return column.doubles + begin;
    if (column.doubles) {
        const double* x = column.doubles + begin;
        for (int64_t i = 0; i < count; ++i) storage[i] = (x[i] - shift) * scale;
    } else {
        const float* x = column.floats + begin;
        for (int64_t i = 0; i < count; ++i)
            storage[i] = (static_cast<double>(x[i]) - shift) * scale;
    }
    for (int64_t i = count; i % lanes != 0; ++i) storage[i] = storage[count - 1];
    return storage;
}

// Where every density underflows because u² overflowed, the nearest component
// in its own standard deviations takes the point; exact ties share it by
// weight / sd, which is what offset holds.
inline void share_far_point(const Prepared& p, const double* u, double* r) {
    double nearest = infinity, top = -infinity, total = 0.0;
    for (int64_t j = 0; j < p.k; ++j)
        if (p.offset[j] > -infinity && std::fabs(u[j]) < nearest) nearest = std::fabs(u[j]);
    const auto is_nearest = [&](int64_t j) {
        return p.offset[j] > -infinity && std::fabs(u[j]) == nearest;
    };
    for (int64_t j = 0; j < p.k; ++j)
        if (is_nearest(j) && p.offset[j] > top) top = p.offset[j];
    for (int64_t j = 0; j < p.k; ++j) {
        r[j] = is_nearest(j) ? std::exp2(p.offset[j] - top) : 0.0;
        total += r[j];
    }
    for (int64_t j = 0; j < p.k; ++j) r[j] /= total;
}

// One point without shortcuts, for blocks in which some density underflowed:
// responsibilities r, whitened u (in the units of Prepared); returns log2 of
// the density.
inline double careful_point(double z, const Prepared& p, double* r, double* u) {
    double top = -infinity, total = 0.0;
    for (int64_t j = 0; j < p.k; ++j) {
        u[j] = (z - p.mean[j]) * p.inverse[j];
        r[j] = p.offset[j] - u[j] * u[j];
        if (r[j] > top) top = r[j];
    }
    if (z != z) {
        for (int64_t j = 0; j < p.k; ++j) r[j] = z;
        return z;
    }
    if (top == -infinity) {
        share_far_point(p, u, r);
        return -infinity;
    }
    for (int64_t j = 0; j < p.k; ++j) {
        r[j] = std::exp2(r[j] - top);
        total += r[j];
    }
    for (int64_t j = 0; j < p.k; ++j) r[j] /= total;
    return top + std::log2(total);
}

}  // namespace emix::EMIX_LEVEL
