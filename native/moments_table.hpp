// Weight, mean, scatter and range of the columns of a table, and whether it is
// finite.
#pragma once

#include "moments.hpp"
#include "table.hpp"

namespace emix::EMIX_LEVEL {

constexpr int64_t part_size = static_cast<int64_t>(sizeof(PartMoments) / sizeof(double));

// A chunk's columns, block by block as a single column's are.
struct TableMomentsJob {
    const Table& table;
    Chunks chunks;
    int64_t points;
    double* scratch;
    PartMoments* results;  // (chunks, d)

    int64_t scratch_size() const { return scratch_size(table.d, points); }
    static int64_t scratch_size(int64_t d, int64_t points) {
        return aligned(TableBlock::size(d, points));
    }

    void chunk(int64_t index, int worker) const {
        TableBlock block(table.d, points, scratch + worker * scratch_size());
        PartMoments* sum = results + index * table.d;
        const int64_t begin = chunks.begin(index), end = chunks.end(index);
        for (int64_t row = begin; row < end; row += points) {
            load(row, smaller(points, end - row), block);
            const double* w = table.sample_weight ? table.sample_weight + row : nullptr;
            int64_t first = 0;
            while (w && first + 1 < block.count && !(w[first] > 0.0)) ++first;
            for (int64_t j = 0; j < table.d; ++j) {
                const double *x = block.column(j), origin = x[first];
                PartMoments m =
                    block.weighted
                        ? block_moments<true>(x, block.weight, block.vectors, block.count, origin)
                        : block_moments<false>(x, nullptr, block.vectors, block.count, origin);
                if (!w) m.count = block.count;
                if (m.first_bad >= 0) m.first_bad = row + first_bad_row(x, w, block.count);
                sum[j] = row == begin ? m : merge_moments(sum[j], m);
            }
        }
    }

    // Every row as it is: one without weight must be finite as well. Missing
    // lanes hold weight 0 and a copy.
    void load(int64_t row, int64_t count, TableBlock& block) const {
        if (table.doubles)
            transpose_rows(table.doubles + row * table.d, table, count, table.d, nullptr, block);
        else
            transpose_rows(table.floats + row * table.d, table, count, table.d, nullptr, block);
        block.count = count;
        block.vectors = (count + lanes - 1) / lanes;
        block.weighted = table.sample_weight || count % lanes != 0;
        for (int64_t p = 0; block.weighted && p < block.vectors * lanes; ++p) {
            const double* w = table.sample_weight;
            block.weight[p] = p >= count ? 0.0 : w ? w[row + p] : 1.0;
            for (int64_t j = 0; p >= count && j < table.d; ++j)
                block.x[j * block.stride + p] = block.x[j * block.stride + count - 1];
        }
    }

    static void run(void* self, int64_t index, int worker) {
        static_cast<const TableMomentsJob*>(self)->chunk(index, worker);
    }
};

// out: (d).
inline void table_moments(const Table& table, int threads, Moments* out) {
    const int64_t d = table.d, points = table_block_points(0, d);
    const Chunks chunks = table_chunks(table.n, 1, d, part_size * d);
    const int workers = chunks.count > 1 ? useful_threads(threads, table.n, d) : 1;
    Buffer storage(part_size * d * larger(chunks.count, 1)),
        scratch(workers * TableMomentsJob::scratch_size(d, points));
    PartMoments* results = reinterpret_cast<PartMoments*>(storage.get());
    for (int64_t j = 0; chunks.count == 0 && j < d; ++j) results[j] = no_rows;
    TableMomentsJob job{table, chunks, points, scratch.get(), results};
    run_tasks(chunks.count, workers, TableMomentsJob::run, &job);
    for (int64_t step = 1; step < chunks.count; step *= 2)
        for (int64_t at = 0; at + step < chunks.count; at += 2 * step)
            for (int64_t j = 0; j < d; ++j)
                results[at * d + j] = merge_moments(results[at * d + j], results[(at + step) * d + j]);
    for (int64_t j = 0; j < d; ++j) {
        out[j] = results[j];
        if (out[j].count == 0) out[j].mean = std::numeric_limits<double>::quiet_NaN();
    }
}

}  // namespace emix::EMIX_LEVEL
