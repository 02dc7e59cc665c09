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

// Where climbs report the objective at each of their steps, climb by climb.
struct TraceListener {
    void* context;
    void (*climbed)(void* context, const double* trace, std::int64_t length);
};

enum Outcome : std::int64_t { converged = 0, not_converged = 1, fell = 2, not_finite = 3 };

// The rows of a column that have weight, sorted, and ties made one point.
struct SortedColumn {
    double *points, *weight;
    std::int64_t count;
    double sd;
};

// The kinds of start, in the order of STARTS in emix.initialise.
enum StartKind : std::int64_t {
    kmeans_start = 0,
    quantiles_start = 1,
    responsibilities_start = 2,
    random_start = 3,
    plus_plus_start = 4
};

// What emix.search is asked for. The points are in internal units, ascending
// and distinct, and every weight is positive.
struct SearchRequest {
    SortedColumn column;
    std::int64_t k;
    ColumnTerms terms;
    std::int64_t starts;
    const std::int64_t* kinds;
    // A chain rests after `settled` swaps in a row that came home; 0: never.
    std::int64_t chains, swaps, settled, short_run, kept;
    double short_tolerance;
    std::uint64_t seed;
    double tolerance;
    std::int64_t max_iter;
};

// One optimum that the search found.
struct Summit {
    const double *weights, *means, *sds;
    double objective, loglik, gradient, worth;
    std::int64_t iterations, outcome, starts;
    const double* trace;
    std::int64_t trace_length;
};

// Where the search reports to: the summits, best first, at its end; and whether
// it has been interrupted, now and then on the thread that called it.
struct SearchListener {
    void* context;
    void (*found)(void* context, const Summit&);
    bool (*interrupted)(void* context);
};

// One compiled level of the kernel.
struct Kernel {
    void (*expect)(const Column&, const ColumnMixture&, int threads, ColumnStatistics&);
    void (*log_density)(const Column&, const ColumnMixture&, int threads, double* out);
    void (*responsibilities)(const Column&, const ColumnMixture&, int threads, double* out);
    void (*labels)(const Column&, const ColumnMixture&, int threads, std::int64_t* out);
    void (*moments)(const Column&, int threads, Moments&);
    // The listener may be null.
    void (*climb)(const Column&, const ClimbRequest&, int threads, ClimbResult&,
                  const TraceListener*);
    void (*classification)(const Column&, const ColumnMixture&, int threads, double* hard,
                           double* soft);
    void (*sort_column)(const Column&, SortedColumn&);
    void (*optimal_breaks)(const double* points, const double* weight, std::int64_t n,
                           std::int64_t k, std::int64_t* breaks);
    void (*search)(const SearchRequest&, int threads, const SearchListener&);
};

}  // namespace emix
