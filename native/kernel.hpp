// What Python's side and every compiled level of the kernel agree on: plain
// structs only. No function may be defined here: it would be compiled once per
// instruction set and the linker would keep any one of them.
#pragma once

#include <cstdint>

namespace emix {

// n raw values, of which the kernel sees z = (x - shift) * scale.
struct Column {
    const double* doubles;  // null when the values are floats
    const float* floats;
    const double* sample_weight;  // null: every row has weight 1
    std::int64_t n;
    double shift, scale;
};

struct ColumnMixture {
    std::int64_t k;
    const double *log_weights, *means, *sds;
};

// Sums over the rows, with u = (z - mean_k) / sd_k:
// s0 = Σ w r, s1 = Σ w r u, s2 = Σ w r u², loglik = Σ w l, weight = Σ w.
struct ColumnStatistics {
    double *s0, *s1, *s2;
    double loglik, weight;
};

struct Moments {
    std::int64_t count;
    double weight, mean, scatter, minimum, maximum;
    std::int64_t first_bad;
};

// What a fit may not move and what it believes beforehand. NaN in a held array
// means "learn this one"; prior_sd NaN means no prior on the means;
// concentrations that are all 1 mean no prior on the weights.
struct ColumnTerms {
    bool tied;
    const double *held_weights, *held_means, *held_sds;
    double prior_mean, prior_sd;
    const double* concentration;
    double floor;
};

struct ClimbRequest {
    std::int64_t starts, k;
    ColumnTerms terms;
    std::int64_t max_iter;
    double tolerance;
};

// In: the starts. Out: where each climb ended.
struct ClimbResult {
    double *weights, *means, *sds;  // (starts, k)
    double *objective, *loglik, *gradient;
    std::int64_t *iterations, *outcome;
};

enum Outcome : std::int64_t { converged = 0, not_converged = 1, fell = 2, not_finite = 3 };

// One compiled level of the kernel.
struct Kernel {
    void (*expect)(const Column&, const ColumnMixture&, int threads, ColumnStatistics&);
    void (*log_density)(const Column&, const ColumnMixture&, int threads, double* out);
    void (*responsibilities)(const Column&, const ColumnMixture&, int threads, double* out);
    void (*labels)(const Column&, const ColumnMixture&, int threads, std::int64_t* out);
    void (*moments)(const Column&, int threads, Moments&);
    void (*climb)(const Column&, const ClimbRequest&, int threads, ClimbResult&);
};

}  // namespace emix
