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

// n rows of d values, row by row, of which the kernel sees
// z_j = (x_j - shift_j) * scale_j.
struct Table {
    const double* doubles;  // null when the values are floats
    const float* floats;
    const double* sample_weight;  // null: every row has weight 1
    std::int64_t n, d;
    const double *shift, *scale;  // (d); both null: z = x
};

// What the covariances of a mixture are held by, and so how points are whitened.
enum SpreadForm : std::int64_t {
    isotropic_spread = 0,  // standard deviations (k)
    diagonal_spread = 1,   // standard deviations (k, d)
    common_spread = 2,     // one lower triangular factor (d, d)
    full_spread = 3        // lower triangular factors (k, d, d)
};

// In which form second moments are summed.
enum ScatterForm : std::int64_t {
    spherical_scatter = 0,  // traces (k)
    diagonal_scatter = 1,   // diagonals (k, d)
    full_scatter = 2,       // symmetric matrices (k, d, d)
    pooled_scatter = 3      // the sum over components, (d, d)
};

struct TableMixture {
    std::int64_t k;
    SpreadForm form;
    const double *log_weights, *means, *spreads;  // (k), (k, d), see SpreadForm
};

// Sums over the rows about the means that they were scored with:
// s0 = Σ w r (k), s1 = Σ w r (z - mean_k) (k, d), s2 = Σ w r (z - mean_k)(z - mean_k)ᵀ
// in a ScatterForm, loglik = Σ w l, weight = Σ w.
struct TableStatistics {
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

// Whether a request has been interrupted, asked now and then on the thread that
// made it. What its climbs have come to then is of no use.
struct InterruptListener {
    void* context;
    bool (*interrupted)(void* context);
};

// interrupts: null where nobody does.
struct ClimbRequest {
    std::int64_t starts, k;
    ColumnTerms terms;
    std::int64_t max_iter;
    double tolerance;
    const InterruptListener* interrupts = nullptr;
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

enum Outcome : std::int64_t {
    converged = 0,
    not_converged = 1,
    fell = 2,
    not_finite = 3,
    collapsed = 4,  // a covariance came to rest on its floor: there is no maximum
    came_home = 5   // near where it was told that it may come to
};

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
// it has been interrupted, now and then on the thread that called it. Then it
// ends with the summits so far.
struct SearchListener {
    void* context;
    void (*found)(void* context, const Summit&);
    bool (*interrupted)(void* context);
};

// Columns one after another, each of which is fitted by itself: group g has the
// rows from begins[g] to begins[g + 1]. What is held and believed is in the
// units of the data, the floor in those that a fit is made in.
struct FitsRequest {
    Column rows;
    const std::int64_t* begins;
    std::int64_t groups;
    SearchRequest search;  // but for its column and terms
    ColumnTerms terms;
    // Rows of a group at most; point-component evaluations that its swaps may
    // cost, 0 for as many as there are.
    std::int64_t most_rows;
    double work;
    // Steps that the best optimum, and that each other one, has in all to arrive
    // in. Where one has not and has steps left, the fit is left alone.
    std::int64_t best_iter, other_iter;
};

// How the fit of a group ended. What is left alone is for the caller to refuse,
// or to fit in another way.
enum FitStatus : std::int64_t { unfinished = 0, fitted = 1, left_alone = 2 };

// One optimum in the units of the data, its components in canonical order.
struct FittedOptimum {
    const double *weights, *means, *sds;
    const std::int64_t* order;
    double objective, loglik, gradient, worth;
    std::int64_t iterations, outcome, starts;
    const double* trace;  // in internal units
    std::int64_t trace_length;
};

struct FittedGroup {
    std::int64_t status, optima;
    double weight, hard, soft;
};

// Where fits report to, on whichever thread made them: the optima of a group,
// best first, then the group.
struct FitsListener {
    void* context;
    void (*optimum)(void* context, std::int64_t group, std::int64_t rank, const FittedOptimum&);
    void (*group)(void* context, std::int64_t group, const FittedGroup&);
    bool (*interrupted)(void* context);
};

// mclust's fourteen covariance structures.
enum TableStructure : std::int64_t {
    structure_eii = 0,
    structure_vii = 1,
    structure_eei = 2,
    structure_vei = 3,
    structure_evi = 4,
    structure_vvi = 5,
    structure_eee = 6,
    structure_vee = 7,
    structure_eve = 8,
    structure_vve = 9,
    structure_eev = 10,
    structure_vev = 11,
    structure_evv = 12,
    structure_vvv = 13
};

// What a fit of a table may not move and what it believes beforehand. NaN in
// held_weights means "learn this one"; concentrations that are all 1 mean no
// prior on the weights. Every component has besides its own rows pseudo_count
// of them at pseudo_mean (d), and for its covariance extra_weight and
// extra_scatter (d, d); all 0 for no prior.
struct TableTerms {
    std::int64_t structure;
    const double *held_weights, *concentration;  // (k)
    double pseudo_count;
    const double* pseudo_mean;
    double extra_weight;
    const double* extra_scatter;
    double floor;
};

// homes: for each start a mixture at which its climb may end; null for none.
// heights (starts): an objective of which a run that is not likely to reach it
// within max_iter steps may end early; null for none.
struct TableClimbRequest {
    std::int64_t starts, k;
    TableTerms terms;
    std::int64_t max_iter;
    double tolerance;
    const double *home_weights, *home_means, *home_factors;
    const double* heights;
    const InterruptListener* interrupts = nullptr;
};

// In: the starts. Out: where each climb ended. Lower factors are zero above the
// diagonal.
struct TableClimbResult {
    double *weights, *means, *factors;  // (starts, k), (starts, k, d), (starts, k, d, d)
    double *objective, *loglik, *gradient;
    std::int64_t *iterations, *outcome;
};

// The M-step of covariances alone: from scatter (k, d, d) about the new means,
// weight (k) and old lower factors (k, d, d) to new ones.
struct TableSpreadStep {
    std::int64_t structure, k, d;
    const double *scatter, *weight, *old;
    double floor;
    double* factors;
};

// Mixtures (mixtures, k) whose components are judged on points left out. counts
// (mixtures, k) and total are those of all the data, where the table is a part.
struct LeftOutRequest {
    std::int64_t mixtures, k;
    TableTerms terms;
    const double *weights, *means, *factors;
    const double* counts;  // null: the table is all there is
    double total;
};

// A line in segments, `edges` (segments - 1) between them. In segment j the point
// x is in bin floor(x scale_j) + base_j; below 0, or from `bins` on, it is outside.
struct BinsRequest {
    std::int64_t segments;
    const double *edges, *scale, *base;
    std::int64_t bins;
};
// What serves mixtures of many components; see vicinity_kernel.hpp.
struct VicinityKernel;

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
    void (*expect_table)(const Table&, const TableMixture&, ScatterForm, int threads,
                         TableStatistics&);
    void (*log_density_table)(const Table&, const TableMixture&, int threads, double* out);
    void (*responsibilities_table)(const Table&, const TableMixture&, int threads, double* out);
    void (*labels_table)(const Table&, const TableMixture&, int threads, std::int64_t* out);
    void (*classification_table)(const Table&, const TableMixture&, int threads, double* hard,
                                 double* soft);
    void (*moments_table)(const Table&, int threads, Moments* columns);
    // The listener may be null.
    void (*climb_table)(const Table&, const TableClimbRequest&, int threads, TableClimbResult&,
                        const TraceListener*);
    void (*maximise_table)(const TableSpreadStep&);
    void (*left_out_gains_table)(const Table&, const LeftOutRequest&, int threads, double* gains);
    void (*fit_columns)(const FitsRequest&, int threads, const FitsListener&);
    // sums is (bins, 4); returns how many points are outside.
    std::int64_t (*bins)(const Column&, const BinsRequest&, int threads, double* sums);
    const VicinityKernel* vicinity;
};

}  // namespace emix
