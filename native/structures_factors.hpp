// The structures that any linear change of the columns leaves alone: EEE, VEE,
// EVV, VVV. Their M-steps are taken in coordinates in which the old covariance
// is the identity: Σ = L Lᵀ becomes L (S/m) Lᵀ, and near the end of a climb the
// matrix that is factored is near the identity, however thin Σ is.
#pragma once

#include "structures_spread.hpp"

namespace emix::EMIX_LEVEL {

// The lower factor of L S Lᵀ with its pivots held up by the floor, though to no
// more than they were in L: a floor that rose with the variance would push EM
// down. In whitened coordinates, where S = P Pᵀ: those of the data would lose a
// column's own part to the rounding of the rest. What a column that is held up
// shares with later ones is what little it has, not what it is given.
// `scratch` has room for d² + d.
template <int D>
EMIX_LOOP void hold_up_factor(Side<D> d, const double* old, const double* s, double floor,
                              double* next, double* scratch) {
    double *p = scratch, *own = scratch + d * d;
    for (int64_t j = 0; j < d; ++j) {
        double variance = 0.0;  // of column j in the units of the data
        for (int64_t i = 0; i <= j; ++i) {
            double sum = 0.0;
            for (int64_t m = 0; m <= j; ++m) sum += s[i * d + m] * old[j * d + m];
            variance += old[j * d + i] * sum;
        }
        double least = own_share * std::sqrt(variance > 0.0 ? variance : 0.0) / old[j * d + j];
        least = least < 1.0 ? least : 1.0;
        const double lowest = floor / old[j * d + j];
        least = least < lowest ? lowest : least;
        double pivot = s[j * d + j];
        for (int64_t m = 0; m < j; ++m) pivot -= square(p[j * d + m]);
        own[j] = pivot > 0.0 ? std::sqrt(pivot) : 0.0;
        p[j * d + j] = own[j] < least ? least : own[j];
        for (int64_t i = j + 1; i < d; ++i) {
            double left = s[i * d + j];
            for (int64_t m = 0; m < j; ++m) left -= p[i * d + m] * p[j * d + m];
            p[i * d + j] = left / p[j * d + j];
        }
    }
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j) {
            double sum = i == j ? old[i * d + j] * p[j * d + j]
                                : old[i * d + j] * (square(own[j]) / p[j * d + j]);
            for (int64_t m = j + 1; m <= i; ++m) sum += old[i * d + m] * p[m * d + j];
            next[i * d + j] = sum;
        }
}

// The lower factor of `scale` L S Lᵀ for whitened scatter S, its pivots held up
// by the floor; whether they had to be. `scratch` has room for 2 d² + d.
template <int D>
EMIX_INLINE bool renew_factor(Side<D> d, const double* old, const double* scatter, double scale,
                              double floor, double* next, double* scratch) {
    const double root = std::sqrt(scale);
    cholesky(d, scatter, scratch);
    multiply_triangles(d, old, scratch, next);
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j) next[i * d + j] *= root;
    if (!has_floored_pivot(d, next, floor)) return false;
    double* const scaled = scratch + d * d + d;
    for (int64_t i = 0; i < d * d; ++i) scaled[i] = scale * scatter[i];
    hold_up_factor(d, old, scaled, floor, next, scratch);
    return true;
}

// The largest entry of an excess, the trace's share taken out of its diagonal
// where the volume is not free. What belongs to a column that rests on the
// floor counts only if it would rise.
template <int D>
EMIX_INLINE double slope_of_matrix(Side<D> d, const double* lower, const double* excess,
                                   double trace_share, double floor) {
    double largest = 0.0;
    const bool any_floored = has_floored_pivot(d, lower, floor);
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j) {
            const double slope = excess[i * d + j] - (i == j ? trace_share : 0.0);
            if (any_floored && !(i == j && slope > 0.0) &&
                (is_floored(d, lower, i, floor) || is_floored(d, lower, j, floor)))
                continue;
            count_slope(largest, slope);
        }
    return largest;
}

template <int D>
EMIX_INLINE double trace(Side<D> d, const double* a) {
    double sum = 0.0;
    for (int64_t i = 0; i < d; ++i) sum += a[i * d + i];
    return sum;
}

// S <- S - m I.
template <int D>
EMIX_INLINE void take_identity(Side<D> d, double weight, double* s) {
    for (int64_t i = 0; i < d; ++i) s[i * d + i] -= weight;
}

struct EEE {
    template <int D>
    static double slope(const SpreadStep& s) {
        const Side<D> d{s.d};
        take_identity(d, total_of(s.k, s.weight), s.scatter);
        return slope_of_matrix(d, s.old.spreads, s.scatter, 0.0, s.floor);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        const double weight = total_of(s.k, s.weight);
        if (weight >= no_weight)
            return renew_factor(d, s.old.spreads, s.scatter, 1.0 / weight, s.floor, s.next.spreads,
                                s.scratch);
        for (int64_t i = 0; i < d * d; ++i) s.next.spreads[i] = s.old.spreads[i];
        return false;
    }
};

struct VVV {
    template <int D>
    static double slope(const SpreadStep& s) {
        const Side<D> d{s.d};
        double largest = 0.0;
        for (int64_t j = 0; j < s.k; ++j) {
            double* excess = s.scatter + j * d * d;
            take_identity(d, s.weight[j], excess);
            count_slope(largest,
                        slope_of_matrix(d, s.old.spreads + j * d * d, excess, 0.0, s.floor));
        }
        return largest;
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        bool floored = false;
        for (int64_t j = 0; j < s.k; ++j) {
            const double* old = s.old.spreads + j * d * d;
            double* next = s.next.spreads + j * d * d;
            if (s.weight[j] >= no_weight)
                floored = renew_factor(d, old, s.scatter + j * d * d, 1.0 / s.weight[j], s.floor,
                                       next, s.scratch) ||
                          floored;
            else
                for (int64_t i = 0; i < d * d; ++i) next[i] = old[i];
        }
        return floored;
    }
};

// L scaled by `size`, which is raised where it would bring a pivot below the
// floor; whether it was.
template <int D>
EMIX_INLINE bool scale_factor(Side<D> d, const double* from, double& size, double floor,
                              double* to) {
    double least = infinity;
    for (int64_t i = 0; i < d; ++i)
        least = from[i * d + i] < least ? from[i * d + i] : least;
    const bool floored = raise(size, floor / least);
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j) to[i * d + j] = size * from[i * d + j];
    return floored;
}

// Σ_k = λ_k C. The sizes √λ_k are kept in `axes` (k), the factor of C is that of
// the first component.
struct VEE {
    template <int D>
    static double slope(const SpreadStep& s) {
        const Side<D> d{s.d};
        double largest = 0.0, *pooled = s.scratch;
        for (int64_t i = 0; i < d * d; ++i) pooled[i] = 0.0;
        for (int64_t j = 0; j < s.k; ++j) {
            double* excess = s.scatter + j * d * d;
            take_identity(d, s.weight[j], excess);
            count_slope(largest, trace(d, excess));
            for (int64_t i = 0; i < d * d; ++i) pooled[i] += excess[i];
        }
        const double share = trace(d, pooled) / static_cast<double>(d);
        count_slope(largest, slope_of_matrix(d, s.old.spreads, pooled, share, s.floor));
        return largest;
    }

    // In the coordinates of C, and in turn: the sizes for a common matrix B, and
    // B for the sizes (ibid.), until its factor P changes no more.
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        const int64_t size = d * d;
        double *b = s.scratch, *inverse = b + size, *p = inverse + size, *ratio = p + size,
               *more = ratio + s.k;
        const double total = total_of(s.k, s.weight);
        if (!(total >= no_weight)) {
            for (int64_t i = 0; i < s.k * size; ++i) s.next.spreads[i] = s.old.spreads[i];
            for (int64_t j = 0; j < s.k; ++j) s.next.axes[j] = s.old.axes[j];
            return false;
        }
        // Whitened by its own L = √λ_k L_C, the scatter of k is λ_k times larger there.
        for (int64_t j = 0; j < s.k; ++j) {
            ratio[j] = square(s.old.axes[j] / s.old.axes[0]);
            for (int64_t i = j * size; i < (j + 1) * size; ++i) s.scatter[i] *= ratio[j];
        }
        set_identity(d, inverse);
        Patience patience(s.thorough);
        for (int64_t iteration = 0;; ++iteration) {
            const double change = sizes(d, s, inverse, ratio);
            if (iteration > 0 && patience.enough(iteration - 1, change)) break;
            pool(d, s, ratio, b);
            cholesky(d, b, p);
            if (!(geometric_mean(d, p, d + 1) > 0.0)) break;
            invert_square(d, p, inverse, more);
        }
        pool(d, s, ratio, b);
        bool floored = renew_factor(d, s.old.spreads, b, 1.0, s.floor, more, more + size);
        for (int64_t j = 0; j < s.k; ++j) {
            // Sizes are kept against the first, which C is written in.
            double& root = s.next.axes[j] = std::sqrt(ratio[j]);
            floored = scale_factor(d, more, root, s.floor, s.next.spreads + j * size) || floored;
        }
        return floored;
    }

  private:
    // λ_k, in units of the old λ_1: tr(B⁻¹ V_k) / (m_k d), where V_k is the scatter
    // whitened by the first component; returns their largest change.
    template <int D>
    static EMIX_INLINE double sizes(Side<D> d, const SpreadStep& s, const double* inverse,
                                    double* ratio) {
        double change = 0.0;
        for (int64_t j = 0; j < s.k; ++j) {
            if (!(s.weight[j] >= no_weight)) continue;
            double sum = 0.0;
            for (int64_t i = 0; i < d * d; ++i) sum += inverse[i] * s.scatter[j * d * d + i];
            // Of no scatter rounding may leave less than none.
            const double now = sum > 0.0 ? sum / (s.weight[j] * static_cast<double>(d)) : 0.0;
            count_slope(change, now / ratio[j] - 1.0);
            ratio[j] = now;
        }
        return change;
    }
    // B = Σ V_k / λ_k / Σ m_k over the components that have scatter.
    template <int D>
    static EMIX_INLINE void pool(Side<D> d, const SpreadStep& s, const double* ratio, double* b) {
        double total = 0.0;
        for (int64_t i = 0; i < d * d; ++i) b[i] = 0.0;
        for (int64_t j = 0; j < s.k; ++j) {
            if (!(s.weight[j] >= no_weight && ratio[j] >= no_weight)) continue;
            total += s.weight[j];
            const double share = 1.0 / ratio[j];
            for (int64_t i = 0; i < d * d; ++i) b[i] += share * s.scatter[j * d * d + i];
        }
        const double inverse = total >= no_weight ? 1.0 / total : 0.0;
        for (int64_t i = 0; i < d * d; ++i) b[i] *= inverse;
    }
};

// Σ_k = λ C_k with |C_k| = 1: each its own scatter, brought to one volume.
struct EVV {
    template <int D>
    static double slope(const SpreadStep& s) {
        const Side<D> d{s.d};
        double largest = 0.0, volume = 0.0;
        for (int64_t j = 0; j < s.k; ++j) {
            double* excess = s.scatter + j * d * d;
            take_identity(d, s.weight[j], excess);
            const double own = trace(d, excess);
            volume += own;
            count_slope(largest, slope_of_matrix(d, s.old.spreads + j * d * d, excess,
                                                 own / static_cast<double>(d), s.floor));
        }
        count_slope(largest, volume);
        return largest;
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        const double total = total_of(s.k, s.weight);
        double volume = 0.0, *size = s.scratch + 2 * d * d + d;
        bool floored = false;
        for (int64_t j = 0; j < s.k; ++j) {
            const double *old = s.old.spreads + j * d * d, *scatter = s.scatter + j * d * d;
            double* next = s.next.spreads + j * d * d;
            const bool moves = s.weight[j] >= no_weight && trace(d, scatter) >= no_weight;
            if (moves)
                floored = renew_factor(d, old, scatter, 1.0 / s.weight[j], s.floor, next,
                                       s.scratch) ||
                          floored;
            else
                for (int64_t i = 0; i < d * d; ++i) next[i] = old[i];
            size[j] = geometric_mean(d, next, d + 1);
            if (moves) volume += square(size[j]) * s.weight[j] / total;
        }
        const double root = std::sqrt(volume);
        for (int64_t j = 0; total >= no_weight && j < s.k; ++j) {
            double* next = s.next.spreads + j * d * d;
            double change = root / size[j];
            floored = scale_factor(d, next, change, s.floor, next) || floored;
        }
        return floored;
    }
};

}  // namespace emix::EMIX_LEVEL
