// The structures that speak of axes and their orientation: EEV and VEV, where
// each component has its own, EVE and VVE, where all share one.
//
// With T = diag(axes)⁻¹ R L (kept in `turns`) and whitened scatter S, the scatter
// in the frame of the old axes is diag(axes) T S Tᵀ diag(axes). It is held as
// Y Yᵀ, so that turning the rows of Y turns the frame, squares of their lengths
// are the expected squares along the axes, and the shortest of them is as
// accurate as the longest.
#pragma once

#include "structures_spread.hpp"

namespace emix::EMIX_LEVEL {

// The slope of turning two axes: U_ij t with t = axis_j / axis_i - axis_i / axis_j
// is the derivative in the angle. An angle of 1 / t moves the matrix by its own
// size, so angles are measured in that where it is less than a radian; one angle
// for all components, in the least that any of them feels.
template <int D>
EMIX_INLINE double slope_of_turns(Side<D> d, const SpreadStep& s, const double* excess,
                                  bool orientation_varies) {
    double largest = 0.0;
    for (int64_t i = 0; i < d; ++i)
        for (int64_t m = 0; m < i; ++m) {
            double sum = 0.0, most = 0.0;
            for (int64_t j = 0; j < s.k; ++j) {
                const double* axes = s.old.axes + j * d;
                const double t = axes[i] / axes[m] - axes[m] / axes[i];
                const double slope = excess[j * d * d + i * d + m] * t;
                if (orientation_varies) count_slope(largest, slope / std::sqrt(1.0 + t * t));
                sum += slope;
                most = t * t > most ? t * t : most;
            }
            if (!orientation_varies) count_slope(largest, sum / std::sqrt(1.0 + most));
        }
    return largest;
}

// The gradient of the four structures.
template <int D>
EMIX_INLINE double slope_of_oriented(const SpreadStep& s, bool volume_varies, bool shape_varies,
                                     bool orientation_varies) {
    const Side<D> d{s.d};
    double *excess = s.scratch, *diagonals = excess + s.k * d * d;
    for (int64_t j = 0; j < s.k; ++j) {
        double* own = excess + j * d * d;
        congruent(d, s.old.turns + j * d * d, s.scatter + j * d * d, own, diagonals + s.k * d);
        for (int64_t i = 0; i < d; ++i) diagonals[j * d + i] = own[i * d + i] - s.weight[j];
    }
    double largest = slope_of_turns(d, s, excess, orientation_varies);
    count_slope(largest, slope_of_axes(d, s.k, volume_varies, shape_varies, diagonals));
    return largest;
}

// Y for component j, and the old directions as where its rows begin.
template <int D>
EMIX_INLINE void rows_of_scatter(Side<D> d, const SpreadStep& s, int64_t j, double* y,
                                 double* scratch) {
    congruent(d, s.old.turns + j * d * d, s.scatter + j * d * d, scratch, scratch + d * d);
    for (int64_t i = 0; i < d * d; ++i) y[i] = 0.0;
    cholesky(d, scratch, y);
    for (int64_t i = 0; i < d; ++i)
        for (int64_t m = 0; m <= i; ++m) y[i * d + m] *= s.old.axes[j * d + i];
}

// Axes from variances, held up by the floors, and the factors that go with them.
template <int D>
EMIX_INLINE bool set_axes(Side<D> d, const SpreadStep& s, const double* variances,
                          double* scratch) {
    bool floored = false;
    for (int64_t j = 0; j < s.k; ++j) {
        double *axes = s.next.axes + j * d, longest = 0.0;
        for (int64_t i = 0; i < d; ++i) {
            axes[i] = std::sqrt(variances[j * d + i]);
            longest = axes[i] > longest ? axes[i] : longest;
        }
        const double share = shortest_axis * longest, least = share < s.floor ? s.floor : share;
        for (int64_t i = 0; i < d; ++i) {
            // What rests on the floor within rounding does rest on it.
            floored = axes[i] <= least * (1.0 + 1e-9) || floored;
            raise(axes[i], least);
        }
        factor_of_axes(d, axes, s.next.rows + j * d * d, s.next.spreads + j * d * d,
                       s.next.turns + j * d * d, scratch);
    }
    return floored;
}

// The axes of each component's own scatter: squares of their lengths, longest
// first, in `second` (k, d), their directions in next.rows.
template <int D>
EMIX_INLINE void principal_axes(Side<D> d, const SpreadStep& s, double* second, double* scratch) {
    double* y = scratch;
    for (int64_t j = 0; j < s.k; ++j) {
        double* rows = s.next.rows + j * d * d;
        for (int64_t i = 0; i < d * d; ++i) rows[i] = s.old.rows[j * d * d + i];
        rows_of_scatter(d, s, j, y, scratch + d * d);
        diagonalise_rows(d, y, rows);
        keep_orthogonal(d, rows, scratch + d * d);
        for (int64_t i = 0; i < d; ++i) second[j * d + i] = dot(d, y + i * d, y + i * d);
    }
}

struct EEV {
    template <int D>
    static double slope(const SpreadStep& s) {
        return slope_of_oriented<D>(s, false, false, true);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        const double total = total_of(s.k, s.weight);
        double *second = s.scratch, *scratch = second + s.k * d;
        principal_axes(d, s, second, scratch);
        for (int64_t i = 0; i < d; ++i) {
            double variance = 0.0;
            for (int64_t j = 0; j < s.k; ++j)
                if (s.weight[j] >= no_weight) variance += second[j * d + i];
            variance = total >= no_weight ? variance / total : square(s.old.axes[i]);
            for (int64_t j = 0; j < s.k; ++j) second[j * d + i] = variance;
        }
        return set_axes(d, s, second, scratch);
    }
};

struct VEV {
    template <int D>
    static double slope(const SpreadStep& s) {
        return slope_of_oriented<D>(s, true, false, true);
    }
    template <int D>
    static bool maximise(const SpreadStep& s) {
        const Side<D> d{s.d};
        double *second = s.scratch, *shape = second + s.k * d, *wider = shape + d,
               *volume = wider + d, *scratch = volume + s.k;
        principal_axes(d, s, second, scratch);
        for (int64_t i = 0; i < d; ++i) shape[i] = square(s.old.axes[i]);
        const bool floored =
            proportional_axes(d, s.k, s.weight, second, shape, volume, wider, s.thorough);
        for (int64_t j = 0; j < s.k; ++j) {
            const bool moves = s.weight[j] >= no_weight;
            const double size = moves ? volume[j] : square(s.old.axes[j * d]) / shape[0];
            for (int64_t i = 0; i < d; ++i) second[j * d + i] = size * shape[i];
        }
        return set_axes(d, s, second, scratch) || floored;
    }
};

}  // namespace emix::EMIX_LEVEL
