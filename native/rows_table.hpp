// Densities, responsibilities and labels of a table, row by row; and how sure
// its classification is.
#pragma once

#include "classification_column.hpp"
#include "score_table.hpp"

namespace emix::EMIX_LEVEL {

// A row-wise result: what to write for a block that has been scored. One that
// compares log densities (`logs`) is asked before they are made relative, and
// then for each point that was scored with care.
struct WriteTableLogDensity {
    double* out;
    static constexpr bool logs = false;
    void block(int64_t row, const TableBlock& block, TableScratch& s) const {
        for (int64_t v = 0; v < block.vectors; ++v) {
            const Vector density = (s.top[v] + log2_from_one(s.total[v])) * log_two;
            const int64_t inside = smaller(lanes, block.count - v * lanes);
            for (int64_t i = 0; i < inside; ++i) out[row + v * lanes + i] = density[i];
        }
    }
    void careful(int64_t, int64_t, const double*) const {}
};

struct WriteTableResponsibilities {
    double* out;
    static constexpr bool logs = false;
    void block(int64_t row, const TableBlock& block, TableScratch& s) const {
        for (int64_t p = 0; p < block.count; ++p) {
            double* to = out + (row + p) * s.k;
            const double *from = s.part(p, 0), inverse = 1.0 / s.total[p / lanes][p % lanes];
            for (int64_t c = 0; c < s.k; ++c) to[c] = from[c * lanes] * inverse;
        }
    }
    void careful(int64_t, int64_t, const double*) const {}
};

// Ties of the log density go to the first component; relative densities can tie
// where log densities do not, so the log densities are compared.
struct WriteTableLabels {
    int64_t* out;
    static constexpr bool logs = true;
    void block(int64_t row, const TableBlock& block, TableScratch& s) const {
        for (int64_t v = 0; v < block.vectors; ++v) {
            const Integers label = s.leaders(v);
            const int64_t inside = smaller(lanes, block.count - v * lanes);
            for (int64_t i = 0; i < inside; ++i) out[row + v * lanes + i] = label[i];
        }
    }
    void careful(int64_t row, int64_t k, const double* logs) const {
        int64_t label = 0;
        for (int64_t c = 1; c < k; ++c)
            if (logs[c] > logs[label]) label = c;
        out[row] = label;
    }
};

// For every chunk of a table: its blocks, one after another. `Job` has
// block(index, row, block, scratch).
template <class Job>
struct TableRows {
    const Table& table;
    const PreparedTable& prepared;
    Job& job;
    Chunks chunks;
    int64_t points, scratch_size;
    double* scratch;

    static void run(void* self, int64_t index, int worker) {
        const TableRows& rows = *static_cast<const TableRows*>(self);
        const PreparedTable& t = rows.prepared;
        TableScratch s(t.k, t.d, t.d, rows.points, true,
                       rows.scratch + worker * rows.scratch_size);
        TableBlock block(t.d, rows.points, s.x);
        const int64_t end = rows.chunks.end(index);
        for (int64_t row = rows.chunks.begin(index); row < end; row += rows.points) {
            load_rows(rows.table, row, smaller(rows.points, end - row), t.reference, block);
            rows.job.block(index, row, block, t, s);
        }
    }
};

template <class Job>
void over_rows(const Table& table, const TableMixture& mixture, int threads, const Chunks& chunks,
               Job& job) {
    const int64_t k = mixture.k, d = table.d, points = table_block_points(k, d);
    const int workers = chunks.count > 1 ? useful_threads(threads, table.n, k * d) : 1;
    const int64_t each = aligned(TableScratch::size(k, d, d, points, true));
    Buffer storage(PreparedTable::size(k, d, mixture.form)), scratch(workers * each);
    const PreparedTable prepared = prepare_table(mixture, d, storage.get());
    TableRows<Job> rows{table, prepared, job, chunks, points, each, scratch.get()};
    run_tasks(chunks.count, workers, TableRows<Job>::run, &rows);
}

template <class Write>
struct WriteJob {
    Write write;
    void block(int64_t, int64_t row, const TableBlock& block, const PreparedTable& t,
               TableScratch& s) const {
        log2_densities(block, t, s.deviation, s.spare, s.parts);
        if constexpr (Write::logs) write.block(row, block, s);
        if (!relative_densities<false>(block.vectors, s))
            score_carefully(block, t, false, s, [&](int64_t p, const double* logs) {
                write.careful(row + p, s.k, logs);
            });
        if constexpr (!Write::logs) write.block(row, block, s);
    }
};

template <class Write>
void score_table_rows(const Table& table, const TableMixture& mixture, int threads, Write write) {
    const Chunks chunks = table_chunks(table.n, mixture.k, table.d, 0);
    WriteJob<Write> job{write};
    over_rows(table, mixture, threads, chunks, job);
}

// Σ w log max_k r and Σ w Σ_k r log r of each chunk.
struct TableSureness {
    Sureness* results;

    // With r = part / total the largest r is 1 / total, and with log2 part = a
    // Σ r log2 r = Σ r a - log2 total.
    void block(int64_t index, int64_t, const TableBlock& block, const PreparedTable& t,
               TableScratch& s) const {
        score_block<false>(block, t, s);
        double hard = 0.0, soft = 0.0;
        for (int64_t p = 0; p < block.count; ++p) {
            const double w = block.weighted ? block.weight[p] : 1.0;
            const double total = s.total[p / lanes][p % lanes];
            if (w == 0.0) continue;
            double most = 0.0, within = 0.0;
            for (int64_t c = 0; c < s.k; ++c) {
                const double part = *s.part(p, c);
                if (!(part <= most)) most = part;
                if (part > 0.0 && part < 1.0) within += part * std::log(part);
            }
            hard += w * std::log(most / total);
            soft += w * (within / total - std::log(total));
        }
        results[index].hard += hard;
        results[index].soft += soft;
    }
};

inline Sureness classify_table(const Table& table, const TableMixture& mixture, int threads) {
    const Chunks chunks = table_chunks(table.n, mixture.k, table.d, 2);
    Buffer storage(2 * larger(chunks.count, 1));
    Sureness* results = reinterpret_cast<Sureness*>(storage.get());
    for (int64_t i = 0; i < larger(chunks.count, 1); ++i) results[i] = {0.0, 0.0};
    TableSureness job{results};
    over_rows(table, mixture, threads, chunks, job);
    return merged_sureness(results, chunks.count);
}

}  // namespace emix::EMIX_LEVEL
