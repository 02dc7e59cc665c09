// The structures in which all components share one orientation: EVE and VVE.
#pragma once

#include "structures_oriented.hpp"

namespace emix::EMIX_LEVEL {

// The orientation that all share. Given variances w (k, d) along the axes, the
// best turn of two axes has a closed form, for -2 times what changes is
// Σ_k |y_ki|²/w_ki + |y_kj|²/w_kj, a cosine in twice the angle. After each sweep
// over all pairs the variances are renewed; nothing on the way lowers the
// likelihood. (Flury & Gautschi 1986, doi:10.1137/0907013, turn pairs of axes
// too, for the case of VVE.)
template <int D>
EMIX_INLINE double turn_together(Side<D> d, int64_t k, const double* variances, double* y,
                                 double* rows) {
    double largest = 0.0;
    for (int64_t i = 0; i + 1 < d; ++i)
        for (int64_t j = i + 1; j < d; ++j) {
            double cosine = 0.0, sine = 0.0, size = 0.0;
            for (int64_t c = 0; c < k; ++c) {
                const double *a = y + c * d * d + i * d, *b = y + c * d * d + j * d,
                             *w = variances + c * d;
                const double aa = dot(d, a, a), bb = dot(d, b, b), ab = dot(d, a, b);
                const double weigh = 1.0 / w[j] - 1.0 / w[i];
                cosine += weigh * (aa - bb);
                sine += 2.0 * weigh * ab;
                size += std::fabs(weigh) * std::sqrt(aa * bb);
            }
            if (cosine >= 0.0 && std::fabs(sine) <= orthogonal * size) continue;
            const HalfAngle angle(cosine, sine);
            const double moved = std::fabs(sine) / size;
            largest = moved > largest ? moved : largest;
            for (int64_t c = 0; c < k; ++c)
                turn(d, angle.c, angle.s, y + c * d * d + i * d, y + c * d * d + j * d);
            turn(d, angle.c, angle.s, rows + i * d, rows + j * d);
        }
    return largest;
}

template <int D>
EMIX_INLINE void squares_along_axes(Side<D> d, int64_t k, const double* y, double* second) {
    for (int64_t i = 0; i < k * d; ++i) second[i] = dot(d, y + i * d, y + i * d);
}

// Sweeps, each followed by the best variances for where the axes are, until the
// orientation is still.
template <int D, class Structure>
EMIX_INLINE bool orient_together(Side<D> d, const SpreadStep& s, const Structure& structure,
                                 double* y, double* rows, double* second, double* variances) {
    const auto renew = [&] {
        for (int64_t i = 0; i < s.k * d; ++i) second[i] = dot(d, y + i * d, y + i * d);
        return structure.variances(d, s, second, variances);
    };
    bool floored = renew();
    Patience patience(s.thorough);
    for (int64_t iteration = 0;; ++iteration) {
        const double change = turn_together(d, s.k, variances, y, rows);
        floored = renew();
        if (patience.enough(iteration, change)) return floored;
    }
}

// Σ_k m_k log |Σ_k| with the best variances for where the axes are: lower is better.
template <int D>
EMIX_INLINE double badness(Side<D> d, const SpreadStep& s, const double* variances) {
    double sum = 0.0;
    for (int64_t j = 0; j < s.k; ++j)
        sum += s.weight[j] * std::log(geometric_mean(d, variances + j * d));
    return sum;
}

// Without an orientation to begin at: the principal axes of each component and of
// all together are tried, and the best of them taken. Turns Y and `rows` to it.
template <int D, class Structure>
EMIX_LOOP void find_orientation(Side<D> d, const SpreadStep& s, const Structure& structure,
                                double* y, double* rows, double* second, double* variances,
                                double* scratch) {
    const int64_t size = d * d;
    double *tried = scratch, *best = tried + size, *matrix = best + size, *more = matrix + size;
    double least = infinity;
    const auto squares = [&](int64_t j, double* to) {
        for (int64_t i = 0; i < d; ++i)
            for (int64_t m = 0; m < d; ++m)
                to[i * d + m] += dot(d, y + j * size + i * d, y + j * size + m * d);
    };
    for (int64_t candidate = -1; candidate < s.k; ++candidate) {
        for (int64_t i = 0; i < size; ++i) matrix[i] = more[i] = 0.0;
        for (int64_t j = 0; j < s.k; ++j)
            if (candidate < 0 || j == candidate) squares(j, matrix);
        cholesky(d, matrix, more);
        set_identity(d, tried);
        diagonalise_rows(d, more, tried);
        for (int64_t j = 0; j < s.k; ++j)
            for (int64_t i = 0; i < d; ++i) {
                double sum = 0.0;  // |row i of tried · Y_j|²
                for (int64_t c = 0; c < d; ++c) {
                    double part = 0.0;
                    for (int64_t m = 0; m < d; ++m) part += tried[i * d + m] * y[j * size + m * d + c];
                    sum += square(part);
                }
                second[j * d + i] = sum;
            }
        structure.variances(d, s, second, variances);
        const double now = badness(d, s, variances);
        if (candidate >= 0 && !(now < least)) continue;
        least = now;
        for (int64_t i = 0; i < size; ++i) best[i] = tried[i];
    }
    for (int64_t j = -1; j < s.k; ++j) {
        double* target = j < 0 ? rows : y + j * size;
        for (int64_t i = 0; i < size; ++i) matrix[i] = target[i];
        for (int64_t i = 0; i < d; ++i)
            for (int64_t c = 0; c < d; ++c) {
                double sum = 0.0;
                for (int64_t m = 0; m < d; ++m) sum += best[i * d + m] * matrix[m * d + c];
                target[i * d + c] = sum;
            }
    }
}

template <int D, class Structure>
EMIX_INLINE bool maximise_together(const SpreadStep& s, const Structure& structure) {
    const Side<D> d{s.d};
    double *y = s.scratch, *second = y + s.k * d * d, *variances = second + s.k * d,
           *scratch = variances + s.k * d, *rows = s.next.rows;
    for (int64_t i = 0; i < d * d; ++i) rows[i] = s.old.rows[i];
    for (int64_t j = 0; j < s.k; ++j) rows_of_scatter(d, s, j, y + j * d * d, scratch);
    if (s.cold) find_orientation(d, s, structure, y, rows, second, variances, scratch);
    const bool floored = orient_together(d, s, structure, y, rows, second, variances);
    keep_orthogonal(d, rows, scratch);
    for (int64_t j = 1; j < s.k; ++j)
        for (int64_t i = 0; i < d * d; ++i) rows[j * d * d + i] = rows[i];
    return set_axes(d, s, variances, scratch) || floored;
}

// D common; volumes and shapes each component's own.
struct VVE {
    template <int D>
    static double slope(const SpreadStep& s) {
        return slope_of_oriented<D>(s, true, true, false);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        return maximise_together<D>(s, VVE{});
    }
    template <int D>
    static EMIX_INLINE bool variances(Side<D> d, const SpreadStep& s, const double* second,
                                      double* variances) {
        bool floored = false;
        for (int64_t j = 0; j < s.k; ++j) {
            double* to = variances + j * d;
            double longest = 0.0;
            const bool moves = s.weight[j] >= no_weight;
            for (int64_t i = 0; i < d; ++i) {
                to[i] = moves ? second[j * d + i] / s.weight[j] : square(s.old.axes[j * d + i]);
                longest = to[i] > longest ? to[i] : longest;
            }
            const double share = square(shortest_axis) * longest;
            const double least = share < square(s.floor) ? square(s.floor) : share;
            for (int64_t i = 0; i < d; ++i) floored = raise(to[i], least) || floored;
        }
        return floored;
    }
};

// D and volume common; shapes each component's own.
struct EVE {
    template <int D>
    static double slope(const SpreadStep& s) {
        return slope_of_oriented<D>(s, false, true, false);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        return maximise_together<D>(s, EVE{});
    }
    template <int D>
    static EMIX_INLINE bool variances(Side<D> d, const SpreadStep& s, const double* second,
                                      double* variances) {
        bool floored = equal_volume_axes(d, s.k, s.weight, second, s.old.axes, variances);
        for (int64_t i = 0; i < s.k * d; ++i)
            floored = raise(variances[i], square(s.floor)) || floored;
        return floored;
    }
};

}  // namespace emix::EMIX_LEVEL
