// What the fourteen structures have in common: the covariance part of a
// mixture's parameters, what an M-step of it is told, and the axis rules that
// several of them share.
#pragma once

#include "small_matrix.hpp"

namespace emix::EMIX_LEVEL {

// The covariances of one mixture. `spreads` are what the E-step reads, in the
// form of the structure: standard deviations (k) or (k, d), one lower factor
// (d, d), or one for each component (k, d, d). Where a structure speaks of axes
// and their orientation, Σ_k = Rᵀ diag(axes_k²) R with the rows of R (one for
// each component, or the first for all) as directions, and `turns` (k, d, d) are
// the orthogonal T with diag(axes)⁻¹ R = T L⁻¹.
struct Spread {
    double *spreads, *axes, *rows, *turns;

    static int64_t size(int64_t k, int64_t d) { return k * d + 3 * k * d * d; }
    static Spread in(double* memory, int64_t k, int64_t d) {
        double* const axes = memory + k * d * d;
        return {memory, axes, axes + k * d, axes + k * d + k * d * d};
    }
};

// An M-step of covariances, or the gradient before it. `scatter` is whitened by
// the old covariances, about the new means (about the old, for the gradient), in
// the scatter form of the structure; both it and `scratch` may be overwritten.
// weight (k) may count imagined points.
struct SpreadStep {
    int64_t k, d;
    const double* weight;
    double* scatter;
    Spread old, next;
    double floor;
    // Until nothing changes, and not only a few inner iterations.
    bool thorough;
    // From nothing: `old` says how the scatter is whitened, and no more.
    bool cold;
    double* scratch;

    static int64_t scratch_size(int64_t k, int64_t d) {
        return 2 * k * d * d + 8 * d * d + 4 * k * d + 4 * d + 4 * k;
    }
};

// What the climb needs to know of a structure.
struct SpreadRules {
    SpreadForm spread;
    ScatterForm scatter;
    bool is_common;  // one matrix for all components
    // The largest slope of the expected log-likelihood along the structure's
    // own directions; what a floor stops counts as 0.
    double (*slope)(const SpreadStep&);
    // Writes `next`; returns whether a floor held something up.
    bool (*maximise)(const SpreadStep&);
};

// Less weight than this is none.
constexpr double no_weight = 1e-300;
// An axis is not shorter than this share of its component's longest.
constexpr double shortest_axis = 0x1p-24;

inline double total_of(int64_t k, const double* a) {
    double total = 0.0;
    for (int64_t j = 0; j < k; ++j) total += a[j];
    return total;
}

// Keeps NaN: a gradient that is not a number must not pass for a small one.
EMIX_INLINE void count_slope(double& largest, double slope) {
    slope = std::fabs(slope);
    if (!(slope <= largest)) largest = slope;
}

// Slopes of volumes and shapes, from the diagonals of whitened excess (k, d)
// along the axes: summed over the components that share them, and where volumes
// and shapes are not shared alike, traces apart from what differs from their mean.
template <int D>
EMIX_INLINE double slope_of_axes(Side<D> d, int64_t k, bool volume_varies, bool shape_varies,
                                 const double* excess) {
    const bool apart = volume_varies != shape_varies;
    const double share = apart ? 1.0 / static_cast<double>(d) : 0.0;
    double largest = 0.0, whole = 0.0;
    for (int64_t j = 0; j < k; ++j) {
        double trace = 0.0;
        for (int64_t i = 0; i < d; ++i) trace += excess[j * d + i];
        whole += trace;
        if (apart && volume_varies) count_slope(largest, trace);
        for (int64_t i = 0; shape_varies && i < d; ++i)
            count_slope(largest, excess[j * d + i] - trace * share);
    }
    if (apart && !volume_varies) count_slope(largest, whole);
    for (int64_t i = 0; !shape_varies && i < d; ++i) {
        double sum = 0.0;
        for (int64_t j = 0; j < k; ++j) sum += excess[j * d + i];
        count_slope(largest, sum - whole * share);
    }
    return largest;
}

// Raises an axis to what the floor allows; whether it had to.
EMIX_INLINE bool raise(double& axis, double least) {
    if (axis >= least || axis != axis) return false;
    axis = least;
    return true;
}

// Inner iterations of an M-step that has no closed form. Begun where the step
// before ended, one that renews all parameters in turn serves EM as well as the
// optimum would: climbs take as many steps and end at the same points.
struct Patience {
    int64_t most;
    EMIX_INLINE explicit Patience(bool thorough) : most(thorough ? 1000 : 1) {}
    // After inner iteration number `iteration`, from 0, and what it changed.
    EMIX_INLINE bool enough(int64_t iteration, double change) const {
        return iteration + 1 >= most || change <= 1e-15;
    }
};

// Axes in proportion: for expected squares `second` (k, d), the variances
// w_ki = volume_k shape_i at which Σ_k -m_k/2 Σ_i log w_ki - 1/2 Σ_i second_ki / w_ki
// is largest, volumes and shape in turn (VEI in Celeux & Govaert 1995,
// doi:10.1016/0031-3203(94)00125-6). `shape` is begun with any scale, which
// cancels; `volume` (k) and `wider` (d) are written. Returns whether the floor
// held up an axis.
template <int D>
EMIX_INLINE bool proportional_axes(Side<D> d, int64_t k, const double* weight,
                                   const double* second, double* shape, double* volume,
                                   double* wider, bool thorough) {
    bool floored = false;
    Patience patience(thorough);
    for (int64_t iteration = 0;; ++iteration) {
        double total = 0.0, change = 0.0, longest = 0.0;
        for (int64_t i = 0; i < d; ++i) wider[i] = 0.0;
        for (int64_t j = 0; j < k; ++j) {
            volume[j] = 0.0;
            if (!(weight[j] >= no_weight)) continue;
            double sum = 0.0;
            for (int64_t i = 0; i < d; ++i) sum += second[j * d + i] / shape[i];
            volume[j] = sum / (weight[j] * static_cast<double>(d));
            // One without scatter says nothing about the shape.
            if (!(volume[j] >= no_weight)) continue;
            total += weight[j];
            const double inverse = 1.0 / volume[j];
            for (int64_t i = 0; i < d; ++i) wider[i] += second[j * d + i] * inverse;
        }
        for (int64_t i = 0; i < d; ++i) {
            wider[i] /= total;
            count_slope(change, wider[i] / shape[i] - 1.0);
            longest = wider[i] > longest ? wider[i] : longest;
        }
        // The volumes belong to the shape that they were made from.
        if (iteration > 0 && patience.enough(iteration - 1, change)) return floored;
        if (!(longest > 0.0)) return floored;
        floored = false;
        for (int64_t i = 0; i < d; ++i) {
            shape[i] = wider[i];
            floored = raise(shape[i], square(shortest_axis) * longest) || floored;
        }
    }
}

// Axes of equal volume: for expected squares `second` (k, d), the best variances
// (k, d) whose products are all alike (EVI, ibid.). A component without points or
// without extent keeps the shape of `old` (k, d), standard deviations. Returns
// whether the floor held up an axis.
template <int D>
EMIX_INLINE bool equal_volume_axes(Side<D> d, int64_t k, const double* weight,
                                   const double* second, const double* old, double* variances) {
    double volume = 0.0;
    bool floored = false;
    const double total = total_of(k, weight);
    for (int64_t j = 0; j < k; ++j) {
        double *to = variances + j * d, longest = 0.0;
        for (int64_t i = 0; i < d; ++i) {
            to[i] = second[j * d + i];
            longest = to[i] > longest ? to[i] : longest;
        }
        const bool moves = weight[j] >= no_weight && longest >= no_weight;
        for (int64_t i = 0; i < d; ++i) {
            if (moves)
                floored = raise(to[i], square(shortest_axis) * longest) || floored;
            else
                to[i] = square(old[j * d + i]);
        }
        const double size = geometric_mean(d, to);
        if (moves) volume += size / total;
        if (total >= no_weight)
            for (int64_t i = 0; i < d; ++i) to[i] /= size;
    }
    for (int64_t i = 0; total >= no_weight && i < k * d; ++i) variances[i] *= volume;
    return floored;
}

}  // namespace emix::EMIX_LEVEL
