// Weight, mean, scatter and range of a column, and whether it is finite.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

// The mean of a part is mean + mean_rest, unrounded: about 1e9 a rounded mean is
// off by 1e-7, which would cost the scatter nine digits when parts are merged.
struct PartMoments : Moments {
    double mean_rest;
};

constexpr PartMoments no_rows{{0, 0.0, 0.0, 0.0, infinity, -infinity, -1}, 0.0};

inline int64_t first_bad_row(const double* x, const double* w, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
        if (!is_finite(x[i]) || (w && !(is_finite(w[i]) && w[i] >= 0.0))) return i;
    return -1;
}

// One block, in two passes while it is in L1: the mean about the first value
// with weight, then the scatter about that mean. Neither an offset nor an
// outlier in first place costs digits. Missing lanes hold weight 0 and a copy.
template <bool weighted>
inline PartMoments block_moments(const double* x, const double* w, int64_t vectors, int64_t rows,
                             double origin) {
    Vector weight = {}, total = {}, bad = {};
    Vector least = broadcast(infinity), most = broadcast(-infinity);
    Integers present = {};
    for (int64_t v = 0; v < vectors; ++v) {
        const Vector value = load(x + v * lanes), d = value - origin;
        bad += value - value;
        if constexpr (weighted) {
            const Vector row_weight = load(w + v * lanes);
            const Integers counts = row_weight > 0.0;
            present -= counts;
            bad += row_weight - row_weight;
            // A negative weight has no root; as it must not pass, any NaN will do.
            bad += row_weight < 0.0 ? broadcast(infinity) : Vector{};
            weight += row_weight;
            total += row_weight * d;
            least = minimum(counts ? value : broadcast(infinity), least);
            most = maximum(counts ? value : broadcast(-infinity), most);
        } else {
            total += d;
            least = minimum(value, least);
            most = maximum(value, most);
        }
    }
    PartMoments m = no_rows;
    m.weight = weighted ? sum_lanes(weight) : static_cast<double>(rows);
    m.count = rows;
    if (weighted) {
        m.count = 0;
        for (int64_t i = 0; i < lanes; ++i) m.count += present[i];
    }
    if (!(sum_lanes(bad) == 0.0)) m.first_bad = 0;
    for (int64_t i = 0; i < lanes; ++i) {
        if (least[i] < m.minimum) m.minimum = least[i];
        if (most[i] > m.maximum) m.maximum = most[i];
    }
    if (m.count == 0) return m;
    m.mean = origin + sum_lanes(total) / m.weight;
    Vector scatter = {}, residual = {};
    for (int64_t v = 0; v < vectors; ++v) {
        const Vector d = load(x + v * lanes) - m.mean;
        const Vector wd = weighted ? load(w + v * lanes) * d : d;
        residual += wd;
        scatter += wd * d;
    }
    const double left = sum_lanes(residual), about = sum_lanes(scatter);
    m.mean_rest = is_finite(left) ? left / m.weight : 0.0;
    const double corrected = about - left * m.mean_rest;
    m.scatter = corrected > 0.0 || !is_finite(corrected) ? corrected : about;
    return m;
}

// Chan, Golub and LeVeque (1983), doi:10.1080/00031305.1983.10483115.
inline PartMoments merge_moments(const PartMoments& a, const PartMoments& b) {
    PartMoments m;
    m.count = a.count + b.count;
    m.weight = a.weight + b.weight;
    m.minimum = a.minimum < b.minimum ? a.minimum : b.minimum;
    m.maximum = a.maximum > b.maximum ? a.maximum : b.maximum;
    m.first_bad = a.first_bad >= 0 ? a.first_bad : b.first_bad;
    if (a.count == 0 || b.count == 0) {
        const PartMoments& only = a.count == 0 ? b : a;
        m.mean = only.mean;
        m.mean_rest = only.mean_rest;
        m.scatter = only.scatter;
        return m;
    }
    const double apart = (b.mean - a.mean) + (b.mean_rest - a.mean_rest);
    const double fraction = b.weight / m.weight, step = a.mean_rest + apart * fraction;
    m.mean = a.mean + step;
    // What the sum lost, whichever of the two is larger (Knuth's two-sum).
    const double taken = m.mean - a.mean;
    m.mean_rest = (a.mean - (m.mean - taken)) + (step - taken);
    m.scatter = a.scatter + b.scatter + apart * apart * (a.weight * fraction);
    return m;
}

struct MomentsJob {
    const Column& column;
    Chunks chunks;
    PartMoments* results;

    void chunk(int64_t index) const {
        alignas(64) double values[block_points + lanes], weights[block_points + lanes];
        PartMoments sum = no_rows;
        const int64_t end = chunks.end(index);
        for (int64_t row = chunks.begin(index); row < end; row += block_points) {
            const int64_t count = smaller(block_points, end - row);
            const PartMoments block = one_block(row, count, values, weights);
            sum = row == chunks.begin(index) ? block : merge_moments(sum, block);
        }
        results[index] = sum;
    }

    PartMoments one_block(int64_t row, int64_t count, double* values, double* weights) const {
        const double* x = load_block(column, row, count, values);
        const double* w = column.sample_weight ? column.sample_weight + row : nullptr;
        const int64_t vectors = (count + lanes - 1) / lanes;
        const double* used = w;
        if (count % lanes != 0) {
            for (int64_t i = 0; i < vectors * lanes; ++i)
                weights[i] = i >= count ? 0.0 : w ? w[i] : 1.0;
            used = weights;
        }
        int64_t first = 0;
        while (w && first + 1 < count && !(w[first] > 0.0)) ++first;
        PartMoments m = used ? block_moments<true>(x, used, vectors, count, x[first])
                         : block_moments<false>(x, nullptr, vectors, count, x[first]);
        if (m.first_bad >= 0) m.first_bad = row + first_bad_row(x, w, count);
        return m;
    }

    static void run(void* self, int64_t index, int) {
        static_cast<const MomentsJob*>(self)->chunk(index);
    }
};

inline Moments column_moments(const Column& column, int threads) {
    const Chunks chunks(column.n);
    PartMoments m = no_rows;
    if (chunks.count <= 1) {
        if (chunks.count == 1) MomentsJob{column, chunks, &m}.chunk(0);
    } else {
        Buffer storage(chunks.count * static_cast<int64_t>(sizeof(PartMoments) / sizeof(double)));
        PartMoments* results = reinterpret_cast<PartMoments*>(storage.get());
        MomentsJob job{column, chunks, results};
        run_tasks(chunks.count, useful_threads(threads, column.n, 1), MomentsJob::run, &job);
        for (int64_t step = 1; step < chunks.count; step *= 2)
            for (int64_t at = 0; at + step < chunks.count; at += 2 * step)
                results[at] = merge_moments(results[at], results[at + step]);
        m = results[0];
    }
    if (m.count == 0) m.mean = std::numeric_limits<double>::quiet_NaN();
    return m;
}

}  // namespace emix::EMIX_LEVEL
