// Searches of a table that are made of climbs and judgements: what several
// columns need besides the kernel proper. None of it is worth compiling for each
// instruction set, so that it is compiled once and calls the kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel.hpp"

namespace emix {

// What the data says of the place that a component takes, and what there must be
// of one: emix.worth, where both are described.
struct TableGround {
    // Unjudged components are worth +infinity; the rest is then not read.
    bool is_judged;
    // Of the data: a lower factor of its covariance (d, d), the variances (d), and
    // the standard deviations of its rounding (d).
    const double *factor, *variances, *rounding;
    double total;  // Σ w
    std::int64_t own_parameters;
    double least_worth;
};

// A few steps from all starts, a short run from the better half; then the best of
// them on until one ends sound, one the first time and each time twice as many.
struct TableBegin {
    TableClimbRequest starts;  // whose max_iter is that of the few steps
    TableGround ground;
    std::int64_t short_run;
    std::int64_t max_iter;
    // Objectives nearer than this are of one place.
    double slack;
    // Runs that end no higher do not go on, nor do more than so many.
    double least_objective;
    std::int64_t most;
};

enum class Begun : std::int64_t { sound = 0, not_sound = 1, none = 2 };

// The swaps of emix.search. The homes of `climb` are where the chains begin, as
// many as there are starts, its max_iter that of the short runs.
struct TableSwaps {
    TableClimbRequest climb;
    TableGround ground;
    const double *objective, *worth, *cumulative;  // (chains), (chains), (n) of Σ w
    // A chain rests after `settled` swaps in a row that came home; 0: never.
    std::int64_t swaps, settled;
    // Trial t of chain j draws from stream first + t * each + j.
    std::uint64_t seed, first, each;
    double slack, on_the_way, narrowest, widest;
};

// A run that led beyond its chain.
struct TableFound {
    std::int64_t trial, chain;
    std::vector<double> weights, means, factors, trace;
    double objective, loglik, gradient, worth;
    std::int64_t iterations, outcome;
};

// Whether the search has been interrupted, asked now and then by the thread that
// called it.
struct Interruption {
    bool (*asked)();
};

// least (mixtures): what the least worthy component of each is worth.
void least_worths_table(const Kernel& kernel, const Table& table, const LeftOutRequest& request,
                        const TableGround& ground, int threads, double* least);

// The end in row 0 of `result`, which has room for one mixture.
Begun begin_table(const Kernel& kernel, const Table& table, const TableBegin& request, int threads,
                  const double* weights, const double* means, const double* factors,
                  TableClimbResult& result);

// By trial and, of one trial, by chain; where it was interrupted, those so far.
std::vector<TableFound> swap_table(const Kernel& kernel, const Table& table,
                                   const TableSwaps& request, int threads,
                                   const Interruption& interruption);

}  // namespace emix
