// The E-step of a table of d columns, fused with the sums that the M-step
// needs: one pass, no n-by-k array.
#pragma once

#include "denormals.hpp"
#include "sums_table.hpp"

namespace emix::EMIX_LEVEL {

// Values in s2.
inline int64_t scatter_size(int64_t k, int64_t d, ScatterForm form) {
    switch (form) {
        case spherical_scatter: return k;
        case diagonal_scatter: return k * d;
        case full_scatter: return k * d * d;
        default: return d * d;
    }
}

// Points in the first block of a chunk that is to leave out components.
constexpr int64_t first_points = 64;

// Memory of repeated E-steps on one table: all of it is allocated here, once,
// and none in a call. A call costs as little as it can on small data (on one
// chunk of rows the threads are not woken), so a climb can be made of calls.
//
//     ExpectTable expect(table, k, full_spread, full_scatter, threads);
//     const TableStatistics s = expect(mixture);  // mixture.k == k, mixture.form == full_spread
//
// The statistics live in the ExpectTable and are valid until its next call; they
// are in units of z. Full scatter is symmetric and both halves are written. The
// mixture may change freely between calls; nothing of it is kept. The result
// does not depend on `threads`, not by a bit. One object serves one thread.
class ExpectTable {
  public:
    ExpectTable(const Table& table, int64_t k, SpreadForm spread, ScatterForm scatter, int threads)
        : table_(table),
          k_(k),
          d_(table.d),
          points_(table_block_points(k, table.d)),
          at_(k, table.d, table.n, scatter),
          chunks_(table_chunks(table.n, k, table.d, at_.size)),
          threads_(chunks_.count > 1 ? useful_threads(threads, table.n, k * table.d) : 1),
          dense_(d_ < least_pruned_columns || k < least_pruned_components ||
                 table.n <= 2 * first_points),
          scratch_size_(
              aligned(TableScratch::size(k, d_, at_.columns(), points_, dense_))),
          prepared_storage_(PreparedTable::size(k, d_, spread)),
          scratch_(scratch_size_ * threads_),
          sums_(at_.size * larger(chunks_.count, 1)),
          out_(aligned(k) + aligned(k * d_) + scatter_size(k, d_, scatter)) {}

    TableStatistics operator()(const TableMixture& mixture) {
        prepared_ = prepare_table(mixture, d_, prepared_storage_.get());
        if (chunks_.count == 1)
            chunk(0, 0);
        else
            run_tasks(chunks_.count, threads_, run, this);
        merge();
        return finished();
    }

  private:
    static void run(void* self, int64_t index, int worker) {
        static_cast<ExpectTable*>(self)->chunk(index, worker);
    }

    void chunk(int64_t index, int worker) {
        const TinyIsZero mode;
        double* memory = scratch_.get() + worker * scratch_size_;
        TableScratch s(k_, d_, at_.columns(), points_, dense_, memory);
        TableBlock block(d_, points_, s.x);
        if (is_one_block()) {
            block.count = block_.count;
            block.vectors = block_.vectors;
            block.weighted = block_.weighted;
            block.whole = block_.whole;
        }
        double* sums = sums_.get() + index * at_.size;
        for (int64_t i = 0; i < at_.size; ++i) sums[i] = 0.0;
        Vector loglik = {}, weight = {};
        const int64_t begin = chunks_.begin(index), end = chunks_.end(index);
        const double whole = weight_of(begin, end);
        bool dense = dense_;
        // Until something is known nothing can be left out: short blocks first.
        int64_t step = dense ? points_ : first_points;
        for (int64_t row = begin; row < end; row += step) {
            if (row > begin) step = smaller(2 * step, points_);
            const int64_t count = smaller(step, end - row);
            if (!dense && 2 * allow_leaving_out(prepared_, sums, whole, s) >= k_)
                dense = score_part(row, count, s, block) > 0.5;
            else
                score_all(row, count, s, block);
            add_log2_densities(block, s, &loglik, &weight);
            add_block(block, prepared_, at_, s, sums);
        }
        sums[at_.loglik] = sum_lanes(loglik);
        sums[at_.loglik + 1] = sum_lanes(weight);
    }

    double score_part(int64_t row, int64_t count, TableScratch& s, TableBlock& block) const {
        return at_.roots() ? score_sorted<true>(table_, row, count, prepared_, s, block)
                           : score_sorted<false>(table_, row, count, prepared_, s, block);
    }
    void score_all(int64_t row, int64_t count, TableScratch& s, TableBlock& block) {
        if (is_loaded_)
            set_aside(d_, prepared_.reference, block);
        else
            load_rows(table_, row, count, prepared_.reference, block);
        is_loaded_ = is_one_block();
        if (is_loaded_) block_ = {block.count, block.vectors, block.weighted, block.whole};
        if (at_.roots())
            score_block<true>(block, prepared_, s);
        else
            score_block<false>(block, prepared_, s);
    }

    // Then it stays where it is from one call to the next.
    bool is_one_block() const { return chunks_.count == 1 && dense_ && table_.n <= points_; }

    double weight_of(int64_t begin, int64_t end) const {
        if (!table_.sample_weight) return static_cast<double>(end - begin);
        double sum = 0.0;
        for (int64_t row = begin; row < end; ++row) sum += table_.sample_weight[row];
        return sum;
    }

    // Neighbours first, then neighbours of neighbours: the same tree whoever
    // made the leaves, and whoever merges which part of them.
    void merge() {
        const int64_t width = at_.size, count = chunks_.count;
        double* sums = sums_.get();
        if (count == 0)
            for (int64_t i = 0; i < width; ++i) sums[i] = 0.0;
        const int64_t slices = (width + slice - 1) / slice;
        if (count > 1 && threads_ > 1 && slices > 1)
            run_tasks(slices, threads_, merge_part, this);
        else if (count > 1)
            merge_slice(0, width);
    }
    static void merge_part(void* self, int64_t index, int) {
        ExpectTable& table = *static_cast<ExpectTable*>(self);
        table.merge_slice(index * slice, smaller(table.at_.size, (index + 1) * slice));
    }
    void merge_slice(int64_t from, int64_t to) {
        const int64_t width = at_.size, count = chunks_.count;
        double* sums = sums_.get();
        for (int64_t step = 1; step < count; step *= 2)
            for (int64_t at = 0; at + step < count; at += 2 * step)
                for (int64_t i = from; i < to; ++i)
                    sums[at * width + i] += sums[(at + step) * width + i];
    }
    static constexpr int64_t slice = 8192;

    TableStatistics finished() const {
        const double* sums = sums_.get();
        double *s0 = out_.get(), *s1 = s0 + aligned(k_), *s2 = s1 + aligned(k_ * d_);
        for (int64_t c = 0; c < k_; ++c) s0[c] = sums[c];
        for (int64_t i = 0; i < k_ * d_; ++i) s1[i] = sums[at_.s1 + i];
        if (at_.form == full_scatter) {
            for (int64_t c = 0; c < k_; ++c)
                untile(sums + at_.s2 + c * tiles_size(d_), d_, s2 + c * d_ * d_);
        } else if (at_.form == pooled_scatter) {
            untile(sums + at_.s2, d_, s2);
            if (at_.mixed) add_spread_of_means(sums + at_.overlap, s2);
        } else {
            const int64_t size = scatter_size(k_, d_, at_.form);
            for (int64_t i = 0; i < size; ++i) s2[i] = sums[at_.s2 + i];
        }
        const double weight =
            table_.sample_weight ? sums[at_.loglik + 1] : static_cast<double>(table_.n);
        return {s0, s1, s2, sums[at_.loglik] * log_two, weight};
    }

    void add_spread_of_means(const double* overlap, double* s2) const {
        for (int64_t b = 1; b < k_; ++b)
            for (int64_t a = 0; a < b; ++a) {
                const double both = overlap[tile_at(b, a)];
                if (both == 0.0) continue;
                const double *one = prepared_.mean + a * d_, *other = prepared_.mean + b * d_;
                for (int64_t i = 0; i < d_; ++i) {
                    const double scaled = both * (other[i] - one[i]);
                    for (int64_t j = 0; j <= i; ++j) s2[i * d_ + j] += scaled * (other[j] - one[j]);
                }
            }
        for (int64_t i = 0; i < d_; ++i)
            for (int64_t j = 0; j < i; ++j) s2[j * d_ + i] = s2[i * d_ + j];
    }

    Table table_;
    int64_t k_, d_, points_;
    TableSums at_;
    Chunks chunks_;
    int threads_;
    bool dense_;
    int64_t scratch_size_;
    Buffer prepared_storage_, scratch_, sums_, out_;
    PreparedTable prepared_{};
    struct {
        int64_t count, vectors;
        bool weighted;
        int64_t whole;
    } block_{};
    bool is_loaded_ = false;
};

}  // namespace emix::EMIX_LEVEL
