// Divisions of the rows of a table, where climbs begin. None of it is worth
// compiling for each instruction set.
#pragma once

#include <cstdint>

namespace emix {

// Lloyd's algorithm: from `centres` (k, d), which move, to the label of each row
// (n); at most so many rounds.
struct Lloyd {
    const double *points, *weight;  // (n, d), (n)
    std::int64_t n, d, k, rounds;
    double* centres;
    std::int64_t* labels;
};
void divide_by_lloyd(const Lloyd& request);

// Of the rows of each of k groups: weight (k), mean (k, d), 0 where there are
// none, and scatter about it (k, d, d).
struct Groups {
    const double *points, *weight;  // (n, d), (n)
    const std::int64_t* labels;     // (n), each below k
    std::int64_t n, d, k;
    double *counts, *means, *scatter;
};
void sum_groups(const Groups& groups);

}  // namespace emix
