// One column counted into bins: for each the sums Σ w v^p, p = 0 to 3, of what
// points have beyond the bin's lower edge, in widths of the bin.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

constexpr int64_t bin_sums = 4;
// Rows that share one table of sums: so many that clearing and merging tables is
// cheap beside them, so few that sums over a bin lose no more than three digits.
constexpr int64_t rows_per_table = int64_t{1} << 17;

typedef double Four __attribute__((vector_size(32)));
typedef int64_t FourIntegers __attribute__((vector_size(32)));
typedef double UnalignedFour __attribute__((vector_size(32), aligned(8), may_alias));

// (1, v, v², v³), by multiplying what is chosen of 1 and v.
EMIX_INLINE Four powers(double v) {
    const Four each = {v, v, v, v}, one = {1.0, 1.0, 1.0, 1.0};
    const Four first = FourIntegers{0, -1, -1, -1} ? each : one;
    const Four second = FourIntegers{0, 0, -1, -1} ? each : one;
    const Four third = FourIntegers{0, 0, 0, -1} ? each : one;
    return first * second * third;
}

// What one thread needs for a block.
struct BinsScratch {
    alignas(64) double block[block_points + lanes];
    alignas(64) double scale[block_points], base[block_points], beyond[block_points];
    alignas(64) std::int32_t bin[block_points];
};

struct BinsJob {
    const Column& column;
    const BinsRequest& request;
    int64_t rows;
    double* tables;  // each of bins + 1 places: the last is for points outside
    int64_t table_size;
    int64_t* outside;

    // Which segment a point is in is found by comparing, all edges one after the
    // other: there are few.
    EMIX_LOOP void place(const double* x, int64_t count, BinsScratch& s) const {
        for (int64_t i = 0; i < count; ++i) {
            s.scale[i] = request.scale[0];
            s.base[i] = request.base[0];
        }
        for (int64_t j = 1; j < request.segments; ++j) {
            const double edge = request.edges[j - 1], scale = request.scale[j];
            const double base = request.base[j];
            for (int64_t i = 0; i < count; ++i) {
                const bool inside = x[i] >= edge;
                s.scale[i] = inside ? scale : s.scale[i];
                s.base[i] = inside ? base : s.base[i];
            }
        }
        for (int64_t i = 0; i < count; ++i) {
            // A segment without bins has the scale 0, which leaves NaN of what is
            // infinite: that too belongs outside.
            const double place = x[i] * s.scale[i], lower = std::floor(place);
            const double bin = lower + s.base[i];
            s.beyond[i] = place - lower;
            s.bin[i] = static_cast<std::int32_t>(
                bin >= 0.0 && bin < static_cast<double>(request.bins)
                    ? bin
                    : static_cast<double>(request.bins));
        }
    }

    template <bool weighted>
    EMIX_LOOP void add(const double* w, int64_t count, const BinsScratch& s,
                       double* table) const {
        for (int64_t i = 0; i < count; ++i) {
            UnalignedFour* sums =
                reinterpret_cast<UnalignedFour*>(table + bin_sums * s.bin[i]);
            Four term = powers(s.beyond[i]);
            if constexpr (weighted) term *= w[i];
            *sums += term;
        }
    }

    void chunk(int64_t index) const {
        BinsScratch s;
        double* table = tables + index * table_size;
        std::memset(table, 0, sizeof(double) * static_cast<std::size_t>(table_size));
        const int64_t begin = index * rows, end = smaller(column.n, begin + rows);
        int64_t missed = 0;
        for (int64_t row = begin; row < end; row += block_points) {
            const int64_t count = smaller(block_points, end - row);
            const double* x = load_block(column, row, count, s.block);
            place(x, count, s);
            for (int64_t i = 0; i < count; ++i) missed += s.bin[i] == request.bins;
            if (column.sample_weight)
                add<true>(column.sample_weight + row, count, s, table);
            else
                add<false>(nullptr, count, s, table);
        }
        outside[index] = missed;
    }

    static void run(void* self, int64_t index, int) {
        static_cast<const BinsJob*>(self)->chunk(index);
    }
};

inline int64_t count_bins(const Column& column, const BinsRequest& request, int threads,
                          double* sums) {
    const int64_t size = bin_sums * (request.bins + 1);
    const int64_t rows = larger(rows_per_table, request.bins);
    const int64_t count = (column.n + rows - 1) / rows;
    Buffer tables(size * larger(count, 1)), missed(larger(count, 1));
    int64_t* outside = reinterpret_cast<int64_t*>(missed.get());
    std::memset(tables.get(), 0, sizeof(double) * static_cast<std::size_t>(size));
    const BinsJob job{column, request, rows, tables.get(), size, outside};
    run_tasks(count, threads, BinsJob::run, const_cast<BinsJob*>(&job));
    for (int64_t step = 1; step < count; step *= 2)
        for (int64_t at = 0; at + step < count; at += 2 * step) {
            double *to = tables.get() + at * size, *from = tables.get() + (at + step) * size;
            for (int64_t i = 0; i < size; ++i) to[i] += from[i];
        }
    std::memcpy(sums, tables.get(),
                sizeof(double) * static_cast<std::size_t>(bin_sums * request.bins));
    int64_t total = 0;
    for (int64_t i = 0; i < count; ++i) total += outside[i];
    return total;
}

}  // namespace emix::EMIX_LEVEL
