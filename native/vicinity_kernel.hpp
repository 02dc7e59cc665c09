// What serves mixtures of many components: plain structs, as in kernel.hpp.
#pragma once

#include "kernel.hpp"

namespace emix {

// Which components are looked at for which rows. A row belongs to the component
// that led there last (n), and of every component near[begin[c]] .. near[begin[c + 1] - 1]
// are looked at for its rows; k + 1 values of begin.
struct Vicinities {
    const std::int32_t* lead;
    const std::int64_t* begin;
    const std::int32_t* near;
};

// What an E-step over vicinities finds besides its statistics: which component
// now leads at each row (n), and Σ w r of every entry of `near` over the rows of
// its list.
struct VicinityShares {
    std::int32_t* lead;
    double* share;
};

// Rows (count) that are scored against all components. Told are, row by row, the
// responsibilities above `least`, of the components outside the row's list.
struct SurveyRequest {
    const std::int64_t* rows;
    std::int64_t count;
    double least;
    Vicinities lists;  // lead null: there are none
};
struct SurveyEntry {
    std::int32_t row, component;  // row: its place among those asked for
    double responsibility;
};
struct SurveyListener {
    void* context;
    void (*found)(void* context, const SurveyEntry* entries, std::int64_t count);
};

// Seeds that are drawn, each in proportion to weight times squared distance from
// those before it; one uniform number for each.
struct SeedRequest {
    const double *points, *weight;  // (n, d), (n)
    std::int64_t n, d, k;
    const double* uniforms;  // (k)
};

struct VicinityKernel {
    void (*expect)(const Table&, const TableMixture&, ScatterForm, const Vicinities&, int threads,
                   TableStatistics&, VicinityShares&);
    void (*survey)(const Table&, const TableMixture&, const SurveyRequest&, int threads,
                   const SurveyListener&);
    void (*draw_seeds)(const SeedRequest&, int threads, std::int64_t* seeds);
};

}  // namespace emix
