// Compiled once per instruction set, with EMIX_LEVEL as its namespace and
// EMIX_VECTOR_BYTES as its vector width.
#include "classification_column.hpp"
#include "moments.hpp"
#include "search_column.hpp"
#include "sorted_column.hpp"

namespace emix::EMIX_LEVEL {
namespace {

void expect(const Column& column, const ColumnMixture& mixture, int threads,
            ColumnStatistics& out) {
    const int64_t k = mixture.k;
    Buffer storage(prepared_size(k));
    const Prepared prepared = prepare(mixture, storage.get());
    ExpectColumn e_step(column, k, threads);
    const ColumnStatistics sums = e_step(prepared);
    for (int64_t j = 0; j < k; ++j) {
        out.s0[j] = sums.s0[j];
        out.s1[j] = sums.s1[j];
        out.s2[j] = sums.s2[j];
    }
    out.loglik = sums.loglik;
    out.weight = sums.weight;
}

void log_density(const Column& column, const ColumnMixture& mixture, int threads, double* out) {
    score_rows(column, mixture, threads, WriteLogDensity{out});
}

void responsibilities(const Column& column, const ColumnMixture& mixture, int threads,
                      double* out) {
    score_rows(column, mixture, threads, WriteResponsibilities{out});
}

void labels(const Column& column, const ColumnMixture& mixture, int threads, int64_t* out) {
    score_rows(column, mixture, threads, WriteLabels{out});
}

void moments(const Column& column, int threads, Moments& out) {
    out = column_moments(column, threads);
}

void climb(const Column& column, const ClimbRequest& request, int threads, ClimbResult& result,
           const TraceListener* listener) {
    climb_all(column, request, threads, result, listener);
}

void classification(const Column& column, const ColumnMixture& mixture, int threads, double* hard,
                    double* soft) {
    const Sureness sums = classify(column, mixture, threads);
    *hard = sums.hard;
    *soft = sums.soft;
}

void optimal_breaks(const double* points, const double* weight, int64_t n, int64_t k,
                    int64_t* breaks) {
    OptimalBreaks(points, weight, n, k).find(breaks);
}

void search(const SearchRequest& request, int threads, const SearchListener& listener) {
    Search(request, threads, listener)();
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel{expect,  log_density,    responsibilities, labels,         moments,
                    climb,   classification, sort_column,      optimal_breaks, search};

}  // namespace emix::EMIX_LEVEL
