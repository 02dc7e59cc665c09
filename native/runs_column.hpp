// Sums over runs of a sorted column.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

struct RunSums {
    double weight, first;
};

// Σ w and Σ w z over begin <= i < end.
inline RunSums sum_run(const double* z, const double* w, int64_t begin, int64_t end) {
    Vector weight = {}, first = {};
    int64_t i = begin;
    for (; i + lanes <= end; i += lanes) {
        const Vector row_weight = load(w + i);
        weight += row_weight;
        first += row_weight * load(z + i);
    }
    RunSums sums{sum_lanes(weight), sum_lanes(first)};
    for (; i < end; ++i) {
        sums.weight += w[i];
        sums.first += w[i] * z[i];
    }
    return sums;
}

// Σ w (z - mean)² over begin <= i < end.
inline double scatter_of_run(const double* z, const double* w, int64_t begin, int64_t end,
                             double mean) {
    Vector scatter = {};
    int64_t i = begin;
    for (; i + lanes <= end; i += lanes) {
        const Vector away = load(z + i) - mean;
        scatter += load(w + i) * (away * away);
    }
    double sum = sum_lanes(scatter);
    for (; i < end; ++i) sum += w[i] * ((z[i] - mean) * (z[i] - mean));
    return sum;
}

}  // namespace emix::EMIX_LEVEL
