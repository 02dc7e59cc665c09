// The E-step of a table for many components: rows are taken group by group, by
// the component that led at them last, and of each group only the components of
// its list are scored.
#pragma once

#include "expect_table.hpp"
#include "vicinity_kernel.hpp"

namespace emix::EMIX_LEVEL {

// The listed components of a prepared mixture, as a prepared mixture of their own.
inline PreparedTable gathered(const PreparedTable& all, const std::int32_t* list, int64_t count,
                              double* storage) {
    PreparedTable t = all;
    t.k = count;
    const int64_t d = all.d;
    const auto take = [&](int64_t doubles) {
        double* part = storage;
        storage += aligned(doubles);
        return part;
    };
    const auto pick = [&](const double* from, int64_t width) {
        double* to = take(count * width);
        for (int64_t i = 0; i < count; ++i)
            std::memcpy(to + i * width, from + list[i] * width,
                        sizeof(double) * static_cast<std::size_t>(width));
        return to;
    };
    t.offset = pick(all.offset, 1);
    t.mean = pick(all.mean, d);
    if (t.spread == full_spread) {
        t.rows = pick(all.rows, rows_size(d));
    } else {
        if (t.spread == common_spread)
            t.white = pick(all.white, d);
        else
            t.inverse = pick(all.inverse, d);
        t.pairs = take(PreparedTable::pairs_size(count, d));
        prepare_pairs(t);
    }
    int64_t likeliest = 0;
    for (int64_t i = 1; i < count; ++i)
        if (t.offset[i] > t.offset[likeliest]) likeliest = i;
    t.reference = t.mean + likeliest * d;
    return t;
}

// Which of the listed components has the largest part at each point.
EMIX_LOOP inline void find_leaders(const TableBlock& block, const TableScratch& s,
                                   const std::int32_t* list, const int64_t* rows,
                                   std::int32_t* lead) {
    for (int64_t v = 0; v < block.vectors; ++v) {
        const Integers label = s.leaders(v);
        const int64_t inside = smaller(lanes, block.count - v * lanes);
        for (int64_t i = 0; i < inside; ++i) lead[rows[v * lanes + i]] = list[label[i]];
    }
}

// One E-step. Groups are shared out in tasks that depend on the groups alone, each
// with sums of its own, merged in a fixed tree: the same bits on any threads.
class ExpectVicinity {
  public:
    ExpectVicinity(const Table& table, const TableMixture& mixture, ScatterForm form,
                   const Vicinities& near, int threads, VicinityShares& found)
        : table_(table), near_(near), found_(found), k_(mixture.k), d_(table.d),
          at_(mixture.k, table.d, 0, form), longest_(longest()), tasks_(count_tasks()),
          threads_(useful_threads(threads, table.n, table.d)),
          order_storage_(table.n + k_ + 1 + tasks_ + 1),
          prepared_storage_(PreparedTable::size(k_, d_, mixture.form)),
          scratch_size_(scratch_size(mixture.form)), scratch_(scratch_size_ * threads_),
          sums_(at_.size * tasks_) {
        order_ = reinterpret_cast<int64_t*>(order_storage_.get());
        group_ = order_ + table.n;
        first_ = group_ + k_ + 1;
        sort_rows();
        share_out();
        prepared_ = prepare_table(mixture, d_, prepared_storage_.get());
    }

    void operator()(TableStatistics& out) {
        run_tasks(tasks_, threads_, run, this);
        double* sums = sums_.get();
        for (int64_t step = 1; step < tasks_; step *= 2)
            for (int64_t to = 0; to + step < tasks_; to += 2 * step)
                for (int64_t i = 0; i < at_.size; ++i)
                    sums[to * at_.size + i] += sums[(to + step) * at_.size + i];
        write(out);
    }

  private:
    static constexpr int64_t most_tasks = 16;

    int64_t listed(int64_t c) const { return near_.begin[c + 1] - near_.begin[c]; }
    int64_t longest() const {
        int64_t most = 1;
        for (int64_t c = 0; c < k_; ++c) most = larger(most, listed(c));
        return most;
    }
    int64_t count_tasks() const {
        return larger(smaller(most_tasks, most_sums / at_.size), 2);
    }

    // Of one thread: the listed components, their sums, and what scoring needs.
    int64_t scratch_size(SpreadForm spread) const {
        const TableSums sums(longest_, d_, 0, at_.form);
        return aligned(PreparedTable::size(longest_, d_, spread)) + sums.size +
               aligned(TableScratch::size(longest_, d_, sums.columns(), 512, true));
    }

    void sort_rows() {
        for (int64_t c = 0; c <= k_; ++c) group_[c] = 0;
        for (int64_t i = 0; i < table_.n; ++i) ++group_[near_.lead[i] + 1];
        for (int64_t c = 0; c < k_; ++c) group_[c + 1] += group_[c];
        for (int64_t i = 0; i < table_.n; ++i) order_[group_[near_.lead[i]]++] = i;
        for (int64_t c = k_; c > 0; --c) group_[c] = group_[c - 1];
        group_[0] = 0;
    }

    // Tasks of about as much work each, of whole groups.
    void share_out() {
        const auto work = [&](int64_t c) {
            return static_cast<double>(group_[c + 1] - group_[c] + 32) *
                   static_cast<double>(listed(c) + 4);
        };
        double all = 0.0, so_far = 0.0;
        for (int64_t c = 0; c < k_; ++c) all += work(c);
        int64_t task = 0;
        first_[0] = 0;
        for (int64_t c = 0; c < k_; ++c) {
            so_far += work(c);
            while (task + 1 < tasks_ &&
                   so_far * static_cast<double>(tasks_) >= all * static_cast<double>(task + 1))
                first_[++task] = c + 1;
        }
        while (task < tasks_) first_[++task] = k_;
    }

    static void run(void* self, int64_t index, int worker) {
        static_cast<ExpectVicinity*>(self)->task(index, worker);
    }

    void task(int64_t index, int worker) {
        double* sums = sums_.get() + index * at_.size;
        for (int64_t i = 0; i < at_.size; ++i) sums[i] = 0.0;
        for (int64_t c = first_[index]; c < first_[index + 1]; ++c)
            if (group_[c + 1] > group_[c])
                group(c, scratch_.get() + worker * scratch_size_, sums);
            else
                for (int64_t e = near_.begin[c]; e < near_.begin[c + 1]; ++e)
                    found_.share[e] = 0.0;
    }

    void group(int64_t c, double* memory, double* sums) {
        const int64_t count = listed(c);
        const std::int32_t* list = near_.near + near_.begin[c];
        const PreparedTable t = gathered(prepared_, list, count, memory);
        memory += aligned(PreparedTable::size(longest_, d_, t.spread));
        const TableSums own(count, d_, 0, at_.form);
        double* local = memory;
        for (int64_t i = 0; i < own.size; ++i) local[i] = 0.0;
        memory += own.size;
        const int64_t points = table_block_points(count, d_);
        TableScratch s(count, d_, own.columns(), points, true, memory);
        TableBlock block(d_, points, s.x);
        Vector loglik = {}, weight = {};
        for (int64_t row = group_[c]; row < group_[c + 1]; row += points) {
            const int64_t* rows = order_ + row;
            load_rows(table_, 0, smaller(points, group_[c + 1] - row), d_, rows, t.reference,
                      block);
            if (own.roots())
                score_block<true>(block, t, s);
            else
                score_block<false>(block, t, s);
            find_leaders(block, s, list, rows, found_.lead);
            add_log2_densities(block, s, &loglik, &weight);
            add_block(block, t, own, s, local);
        }
        local[own.loglik] = sum_lanes(loglik);
        local[own.loglik + 1] = sum_lanes(weight);
        for (int64_t i = 0; i < count; ++i) found_.share[near_.begin[c] + i] = local[i];
        add_local(own, list, local, sums);
    }

    void add_local(const TableSums& own, const std::int32_t* list, const double* local,
                   double* sums) const {
        const int64_t second = at_.form == spherical_scatter  ? 1
                               : at_.form == diagonal_scatter ? d_
                               : at_.form == full_scatter     ? tiles_size(d_)
                                                              : 0;
        for (int64_t i = 0; i < own.k; ++i) {
            const int64_t c = list[i];
            sums[c] += local[i];
            for (int64_t j = 0; j < d_; ++j) sums[at_.s1 + c * d_ + j] += local[own.s1 + i * d_ + j];
            for (int64_t j = 0; j < second; ++j)
                sums[at_.s2 + c * second + j] += local[own.s2 + i * second + j];
        }
        if (at_.form == pooled_scatter)
            for (int64_t j = 0; j < tiles_size(d_); ++j) sums[at_.s2 + j] += local[own.s2 + j];
        sums[at_.loglik] += local[own.loglik];
        sums[at_.loglik + 1] += local[own.loglik + 1];
    }

    void write(TableStatistics& out) const {
        const double* sums = sums_.get();
        for (int64_t c = 0; c < k_; ++c) out.s0[c] = sums[c];
        for (int64_t i = 0; i < k_ * d_; ++i) out.s1[i] = sums[at_.s1 + i];
        if (at_.form == full_scatter)
            for (int64_t c = 0; c < k_; ++c)
                untile(sums + at_.s2 + c * tiles_size(d_), d_, out.s2 + c * d_ * d_);
        else if (at_.form == pooled_scatter)
            untile(sums + at_.s2, d_, out.s2);
        else
            for (int64_t i = 0; i < scatter_size(k_, d_, at_.form); ++i)
                out.s2[i] = sums[at_.s2 + i];
        out.loglik = sums[at_.loglik] * log_two;
        out.weight =
            table_.sample_weight ? sums[at_.loglik + 1] : static_cast<double>(table_.n);
    }

    Table table_;
    Vicinities near_;
    VicinityShares found_;
    int64_t k_, d_;
    TableSums at_;
    int64_t longest_, tasks_;
    int threads_;
    Buffer order_storage_, prepared_storage_;
    int64_t scratch_size_;
    Buffer scratch_, sums_;
    int64_t *order_, *group_, *first_;
    PreparedTable prepared_{};
};

}  // namespace emix::EMIX_LEVEL
