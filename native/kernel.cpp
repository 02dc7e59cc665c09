// Compiled once per instruction set, with EMIX_LEVEL as its namespace and
// EMIX_VECTOR_BYTES as its vector width.
#include "classification_column.hpp"
#include "expect_table.hpp"
#include "moments_table.hpp"
#include "rows_table.hpp"
#include "search_column.hpp"
#include "sorted_column.hpp"

namespace emix::EMIX_LEVEL {

// Of climb_table.cpp.
void climb_table(const Table&, const TableClimbRequest&, int threads, TableClimbResult&,
                 const TraceListener*);
void maximise_table(const TableSpreadStep&);
void left_out_gains_table(const Table&, const LeftOutRequest&, int threads, double* gains);
// Of fit_columns.cpp.
void fit_columns(const FitsRequest&, int threads, const FitsListener&);
// Of bins_column.cpp.
int64_t bins(const Column&, const BinsRequest&, int threads, double* sums);
// Of vicinity_table.cpp.
extern const VicinityKernel vicinity_kernel;

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
    find_breaks({points, weight, n}, k, breaks);
}

void search(const SearchRequest& request, int threads, const SearchListener& listener) {
    Search(request, threads, listener)();
}

void copy(const double* from, int64_t count, double* to) {
    std::memcpy(to, from, sizeof(double) * static_cast<std::size_t>(count));
}

void expect_table(const Table& table, const TableMixture& mixture, ScatterForm scatter,
                  int threads, TableStatistics& out) {
    const int64_t k = mixture.k, d = table.d;
    ExpectTable e_step(table, k, mixture.form, scatter, threads);
    const TableStatistics sums = e_step(mixture);
    copy(sums.s0, k, out.s0);
    copy(sums.s1, k * d, out.s1);
    copy(sums.s2, scatter_size(k, d, scatter), out.s2);
    out.loglik = sums.loglik;
    out.weight = sums.weight;
}

void log_density_table(const Table& table, const TableMixture& mixture, int threads,
                       double* out) {
    score_table_rows(table, mixture, threads, WriteTableLogDensity{out});
}

void responsibilities_table(const Table& table, const TableMixture& mixture, int threads,
                            double* out) {
    score_table_rows(table, mixture, threads, WriteTableResponsibilities{out});
}

void labels_table(const Table& table, const TableMixture& mixture, int threads, int64_t* out) {
    score_table_rows(table, mixture, threads, WriteTableLabels{out});
}

void classification_table(const Table& table, const TableMixture& mixture, int threads,
                          double* hard, double* soft) {
    const Sureness sums = classify_table(table, mixture, threads);
    *hard = sums.hard;
    *soft = sums.soft;
}

void moments_table(const Table& table, int threads, Moments* columns) {
    table_moments(table, threads, columns);
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel{expect,  log_density,    responsibilities, labels,         moments,
                    climb,   classification, sort_column,      optimal_breaks, search,
                    expect_table, log_density_table, responsibilities_table, labels_table,
                    classification_table, moments_table, climb_table, maximise_table,
                    left_out_gains_table, fit_columns, bins, &vicinity_kernel};

}  // namespace emix::EMIX_LEVEL
