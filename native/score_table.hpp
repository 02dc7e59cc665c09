// A block of a table, scored: densities relative to the largest at each point.
#pragma once

#include "careful_table.hpp"
#include "distance_table.hpp"

namespace emix::EMIX_LEVEL {

// The vectors of a granule.
constexpr int granule_vectors = static_cast<int>(granule_points / lanes);
// Vectors of one column's deviations that are worked on at a time.
constexpr int most_vectors = granule_vectors > panel_vectors ? granule_vectors : panel_vectors;

// What one thread needs to score blocks. After scoring, with p_c the weighted
// density of component c at the points of vector v, top[v] = log2 max_c p_c and
// total[v] = Σ_c p_c / 2^top. parts hold p_c / 2^top or its square root: of all
// components at v * k + c where the block is dense; else of what is kept, which
// is component kept[e] at the granule kept_at[e], its vectors of points at
// parts[e * granule_vectors].
struct TableScratch {
    int64_t k, d, points;
    bool dense;
    double *x, *spare, *careful, *allowance, *bounds;
    Vector *deviation, *parts, *top, *total, *share;
    int64_t *at, *everywhere, *likeliest, *order, *best, *scored, *kept, *kept_at, *list,
        *list_begin, *granule_begin;

    // `columns`: how many columns `spare` must have room for. What leaving out
    // components needs is left out of the scratch where it `is_dense`.
    static int64_t size(int64_t k, int64_t d, int64_t columns, int64_t points, bool is_dense) {
        const int64_t vectors = points / lanes;
        const int64_t granules = points / granule_points;
        const int64_t lists = 3 * points + 2 * k + 1 + 3 * granules * k + granules + 1;
        return TableBlock::size(d, points) + TableBlock::stride_of(points) * columns +
               aligned(2 * k + 2 * d) + (d * most_vectors + vectors * (k + 3)) * lanes +
               (is_dense ? 0 : bounds_width(k) * (points + 1)) +
               aligned(2 * vectors + (is_dense ? 0 : lists));
    }
    static int64_t bounds_width(int64_t k) { return aligned(k); }

    // Which component has the largest part at each point of a vector; of equals the first.
    EMIX_INLINE Integers leaders(int64_t v) const {
        const Vector* part = parts + v * k;
        Vector most = part[0];
        Integers label = {};
        for (int64_t c = 1; c < k; ++c) {
            label = part[c] > most ? (Integers{} + c) : label;
            most = maximum(part[c], most);
        }
        return label;
    }

    TableScratch(int64_t components, int64_t columns_of_x, int64_t columns, int64_t block,
                 bool is_dense, double* memory)
        : k(components), d(columns_of_x), points(block), dense(true) {
        const int64_t vectors = points / lanes, granules = points / granule_points;
        x = memory;
        spare = x + TableBlock::size(d, points);
        careful = spare + TableBlock::stride_of(points) * columns;
        deviation = reinterpret_cast<Vector*>(careful + aligned(2 * k + 2 * d));
        parts = deviation + d * most_vectors;
        top = parts + vectors * k;
        total = top + vectors;
        share = total + vectors;
        allowance = reinterpret_cast<double*>(share + vectors);
        bounds = allowance + bounds_width(k);
        at = reinterpret_cast<int64_t*>(is_dense ? allowance
                                                 : bounds + bounds_width(k) * points);
        everywhere = at + vectors;
        likeliest = everywhere + vectors;
        order = likeliest + points;
        best = order + points;
        scored = best + points;
        list_begin = scored + k;
        kept = list_begin + k + 1;
        kept_at = kept + granules * k;
        list = kept_at + granules * k;
        granule_begin = list + granules * k;
        for (int64_t v = 0; v < vectors; ++v) everywhere[v] = v;
    }
    double* part(int64_t point, int64_t c) const {
        return reinterpret_cast<double*>(parts + point / lanes * k + c) + point % lanes;
    }
};

inline void exp2_all(Vector* x, int64_t count) {
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) exp2_nonpositive<4>(x + i);
    for (; i < count; ++i) exp2_nonpositive<1>(x + i);
}

// From log2 densities to relative ones, block by block: each of the three loops
// runs over memory in order. Returns whether all points came out finite.
template <bool roots>
EMIX_LOOP bool relative_densities(int64_t vectors, TableScratch& s) {
    const int64_t k = s.k, all = vectors * k;
    for (int64_t v = 0; v < vectors; ++v) {
        Vector* part = s.parts + v * k;
        Vector most = part[0];
        for (int64_t c = 1; c < k; ++c) most = maximum(part[c], most);
        for (int64_t c = 0; c < k; ++c) part[c] = roots ? 0.5 * (part[c] - most) : part[c] - most;
        s.top[v] = most;
    }
    exp2_all(s.parts, all);
    Vector bad = {};
    for (int64_t v = 0; v < vectors; ++v) {
        const Vector* part = s.parts + v * k;
        Vector total = {};
        for (int64_t c = 0; c < k; ++c) total += roots ? part[c] * part[c] : part[c];
        s.total[v] = total;
        bad += (total - total) + (s.top[v] - s.top[v]);
    }
    return sum_lanes(bad) == 0.0;
}

// Points that did not come out finite are scored again, one by one.
// `found(point, logs)` may look at the log2 densities of each.
template <class Found>
inline void score_carefully(const TableBlock& block, const PreparedTable& t, bool roots,
                            TableScratch& s, const Found& found) {
    double *r = s.careful, *logs = r + s.k, *z = logs + s.k, *work = z + s.d;
    for (int64_t p = 0; p < block.count; ++p) {
        const double top = s.top[p / lanes][p % lanes], total = s.total[p / lanes][p % lanes];
        if (is_finite(top) && is_finite(total)) continue;
        for (int64_t j = 0; j < s.d; ++j) z[j] = block.column(j)[p];
        const double log2_density = careful_row(z, t, r, logs, work);
        for (int64_t c = 0; c < s.k; ++c) *s.part(p, c) = roots ? std::sqrt(r[c]) : r[c];
        s.top[p / lanes][p % lanes] = log2_density;
        s.total[p / lanes][p % lanes] = 1.0;
        found(p, logs);
    }
}

template <bool roots>
inline void score_block(const TableBlock& block, const PreparedTable& t, TableScratch& s) {
    s.dense = true;
    log2_densities(block, t, s.deviation, s.spare, s.parts);
    if (!relative_densities<roots>(block.vectors, s))
        score_carefully(block, t, roots, s, [](int64_t, const double*) {});
}

// Σ w log2 p and Σ w of a scored block, lane by lane.
EMIX_LOOP inline void add_log2_densities(const TableBlock& block, const TableScratch& s,
                                         Vector* loglik, Vector* weight) {
    // Logarithms are taken of products of so many totals, each in [1, k].
    for (int64_t first = 0; first < block.whole; first += product_length) {
        Vector product = broadcast(1.0), sum = {};
        const int64_t last = smaller(block.whole, first + product_length);
        for (int64_t v = first; v < last; ++v) {
            product *= s.total[v];
            sum += s.top[v];
        }
        *loglik += sum + log2_from_one(product);
        *weight += broadcast(static_cast<double>(last - first));
    }
    for (int64_t v = block.whole; v < block.vectors; ++v) {
        const Vector w = load(block.weight + v * lanes);
        *weight += w;
        *loglik += w * (s.top[v] + log2_from_one(s.total[v]));
    }
}

}  // namespace emix::EMIX_LEVEL
