// Scoring a granule of neighbouring points: only the components that matter.
#pragma once

#include "prune_table.hpp"

namespace emix::EMIX_LEVEL {

// Whether a granule has a point whose squared distance is below its limit, or
// is not a number.
EMIX_INLINE bool any_within(const Vector* square, const Vector* limit) {
    Integers within = ~(square[0] >= limit[0]);
    EMIX_UNROLL for (int i = 1; i < granule_vectors; ++i) within |= ~(square[i] >= limit[i]);
    return any(within);
}

// Adds to the squared distances of a granule from component c what its columns
// from `first` on make of it; false once all exceed their limits.
EMIX_INLINE bool triangle_within(const double* x, int64_t stride, const PreparedTable& t,
                                 int64_t c, int64_t first, const Vector* limit, Vector* deviation,
                                 Vector* square) {
    constexpr int G = granule_vectors;
    const double *mean = t.mean + c * t.d, *rows = t.triangle(c);
    int64_t loaded = 0;
    const auto load_up_to = [&](int64_t last) {
        for (; loaded < last; ++loaded)
            EMIX_UNROLL for (int i = 0; i < G; ++i)
                deviation[loaded * G + i] = load(x + loaded * stride + i * lanes) - mean[loaded];
    };
    for (; first + tile <= t.d; first += tile) {
        load_up_to(first + tile);
        whiten_rows<tile, G, false>(deviation, rows + rows_before(first), first, square, nullptr,
                                    0);
        if (!any_within(square, limit)) return false;
    }
    const double* last = rows + rows_before(first);
    load_up_to(t.d);
    switch (t.d - first) {
        case 1: whiten_rows<1, G, false>(deviation, last, first, square, nullptr, 0); break;
        case 2: whiten_rows<2, G, false>(deviation, last, first, square, nullptr, 0); break;
        case 3: whiten_rows<3, G, false>(deviation, last, first, square, nullptr, 0); break;
        default: return true;
    }
    return any_within(square, limit);
}

// As above, where columns keep to themselves.
template <bool white>
EMIX_INLINE bool columns_within(const double* x, int64_t stride, const PreparedTable& t, int64_t c,
                                int64_t first, const Vector* limit, Vector* square) {
    constexpr int G = granule_vectors;
    constexpr int64_t step = 8;
    const double *mean = (white ? t.white : t.mean) + c * t.d, *inverse = t.inverse + c * t.d;
    while (first < t.d) {
        Vector even[G] = {}, odd[G] = {};
        const int64_t last = smaller(first + step, t.d);
        const auto add = [&](int64_t j, Vector* sum) {
            EMIX_UNROLL for (int i = 0; i < G; ++i) {
                Vector u = load(x + j * stride + i * lanes) - mean[j];
                if constexpr (!white) u *= inverse[j];
                sum[i] += u * u;
            }
        };
        for (; first + 2 <= last; first += 2) {
            add(first, even);
            add(first + 1, odd);
        }
        for (; first < last; ++first) add(first, even);
        EMIX_UNROLL for (int i = 0; i < G; ++i) square[i] += even[i] + odd[i];
        if (!any_within(square, limit)) return false;
    }
    return true;
}

enum class Metric { triangle, columns, white };

// One granule: which components it keeps, and their log2 densities. x is its
// first point, in white columns where these are the metric.
template <Metric metric>
struct Granule {
    const PreparedTable& t;
    TableScratch& s;
    const double* x;
    int64_t stride, index, first, entries;
    Vector better[granule_vectors];

    EMIX_INLINE void score(int64_t c, int64_t from, const Vector* limit, Vector* square,
                           bool always) {
        bool within = false;
        if constexpr (metric == Metric::triangle)
            within = triangle_within(x, stride, t, c, from, limit, s.deviation, square);
        else
            within = columns_within<metric == Metric::white>(x, stride, t, c, from, limit, square);
        if (!within && !always) return;
        EMIX_UNROLL for (int i = 0; i < granule_vectors; ++i) {
            const Vector density = t.offset[c] - square[i];
            s.parts[entries * granule_vectors + i] = density;
            better[i] = maximum(density, better[i]);
        }
        s.kept[entries] = c;
        s.kept_at[entries++] = index;
    }

    void score_entirely(int64_t c) {
        Vector limit[granule_vectors], square[granule_vectors] = {};
        EMIX_UNROLL for (int i = 0; i < granule_vectors; ++i) limit[i] = broadcast(infinity);
        score(c, 0, limit, square, true);
    }

    // From what the first columns make of it.
    void score_rest(int64_t c, const double* const* bounds) {
        Vector limit[granule_vectors], square[granule_vectors];
        EMIX_UNROLL for (int i = 0; i < granule_vectors; ++i) {
            EMIX_UNROLL for (int l = 0; l < lanes; ++l)
                square[i][l] = t.offset[c] - bounds[i * lanes + l][c];
            limit[i] = (s.allowance[c] - better[i]) * (1.0 / (1.0 - logarithm_slope)) +
                       broadcast(t.offset[c]);
        }
        score(c, first, limit, square, false);
    }

    // The components that look nearest to one of the points, and then those that
    // are not out of the question.
    void score_likely(const int64_t* best, const int64_t* order) {
        const double* bounds[granule_points];
        Vector least[granule_points];
        EMIX_UNROLL for (int i = 0; i < granule_vectors; ++i) better[i] = broadcast(-infinity);
        for (int64_t p = 0; p < granule_points; ++p) {
            bounds[p] = s.bounds + order[p] * TableScratch::bounds_width(s.k);
            if (s.scored[best[p]] == index) continue;
            s.scored[best[p]] = index;
            score_entirely(best[p]);
        }
        EMIX_UNROLL for (int p = 0; p < granule_points; ++p)
            least[p] = broadcast(better[p / lanes][p % lanes]);
        for (int64_t c = 0; c < s.k; c += lanes) {
            const Vector allowance = load(s.allowance + c);
            Integers keep = {};
            EMIX_UNROLL for (int p = 0; p < granule_points; ++p)
                keep |= ~(load(bounds[p] + c) * (1.0 - logarithm_slope) + allowance <= least[p]);
            if (!any(keep)) continue;
            for (int64_t i = 0; i < smaller(lanes, s.k - c); ++i)
                if (keep[i] && s.scored[c + i] != index) score_rest(c + i, bounds);
        }
    }
};

// As relative_densities, of entries begin .. end of granule g: its first part,
// before the exponentials are taken, and its last. Both return whether all is
// finite.
template <bool roots>
EMIX_INLINE bool less_the_largest(int64_t g, int64_t begin, int64_t end, TableScratch& s) {
    constexpr int G = granule_vectors;
    Vector bad = {};
    EMIX_UNROLL for (int i = 0; i < G; ++i) {
        Vector* part = s.parts + i;
        Vector most = part[begin * G];
        for (int64_t e = begin + 1; e < end; ++e) most = maximum(part[e * G], most);
        for (int64_t e = begin; e < end; ++e) {
            const Vector less = part[e * G] - most;
            bad = less <= 0.0 ? bad : broadcast(infinity);
            part[e * G] = roots ? 0.5 * less : less;
        }
        s.top[g * G + i] = most;
    }
    return sum_lanes(bad) == 0.0;
}
template <bool roots>
EMIX_INLINE bool sum_entries(int64_t g, int64_t begin, int64_t end, TableScratch& s) {
    constexpr int G = granule_vectors;
    Vector bad = {};
    EMIX_UNROLL for (int i = 0; i < G; ++i) {
        Vector total = {};
        for (int64_t e = begin; e < end; ++e) {
            const Vector part = s.parts[e * G + i];
            total += roots ? part * part : part;
        }
        s.total[g * G + i] = total;
        bad += (total - total) + (s.top[g * G + i] - s.top[g * G + i]);
    }
    return sum_lanes(bad) == 0.0;
}

// The points of a granule that did not come out finite, one by one. It keeps
// all components, in order, from entry `begin` on.
inline void score_granule_carefully(const TableBlock& block, const PreparedTable& t, bool roots,
                                    int64_t g, int64_t begin, TableScratch& s) {
    double *r = s.careful, *logs = r + s.k, *z = logs + s.k, *work = z + s.d;
    for (int64_t p = g * granule_points; p < (g + 1) * granule_points; ++p) {
        const int64_t v = p / lanes, lane = p % lanes;
        if (is_finite(s.top[v][lane]) && is_finite(s.total[v][lane])) continue;
        for (int64_t j = 0; j < s.d; ++j) z[j] = block.column(j)[p];
        s.top[v][lane] = careful_row(z, t, r, logs, work);
        s.total[v][lane] = 1.0;
        for (int64_t c = 0; c < s.k; ++c)
            s.parts[(begin + c) * granule_vectors + v % granule_vectors][lane] =
                roots ? std::sqrt(r[c]) : r[c];
    }
}

// All granules of a block in order. Returns the number of entries.
template <bool roots, Metric metric>
EMIX_LOOP int64_t score_granules(const TableBlock& block, const PreparedTable& t, const double* x,
                                 TableScratch& s) {
    const int64_t granules = block.vectors / granule_vectors;
    int64_t* begin = s.granule_begin;
    for (int64_t c = 0; c < s.k; ++c) s.scored[c] = -1;
    begin[0] = 0;
    for (int64_t g = 0; g < granules; ++g) {
        const int64_t p = g * granule_points;
        Granule<metric> granule{t, s, x + p, block.stride, g, first_columns(t), begin[g], {}};
        granule.score_likely(s.best + p, s.order + p);
        if (!less_the_largest<roots>(g, begin[g], granule.entries, s)) {
            // Where a distance overflows nothing is left out.
            granule.entries = begin[g];
            for (int64_t c = 0; c < s.k; ++c) granule.score_entirely(c);
            less_the_largest<roots>(g, begin[g], granule.entries, s);
        }
        begin[g + 1] = granule.entries;
    }
    exp2_all(s.parts, begin[granules] * granule_vectors);
    for (int64_t g = 0; g < granules; ++g)
        if (!sum_entries<roots>(g, begin[g], begin[g + 1], s))
            score_granule_carefully(block, t, roots, g, begin[g], s);
    return begin[granules];
}

// As load_rows and score_block, with the rows in an order of their own. Returns
// how much of the block was kept, in (0, 1].
template <bool roots>
inline double score_sorted(const Table& table, int64_t row, int64_t count, const PreparedTable& t,
                           TableScratch& s, TableBlock& block) {
    const int64_t columns = first_columns(t);
    load_rows(table, row, count, columns, nullptr, t.reference, block);
    const bool triangles = t.spread == full_spread || t.spread == common_spread;
    if (triangles)
        score_first_columns<true>(block, t, columns, s);
    else
        score_first_columns<false>(block, t, columns, s);
    sort_points(block, s);
    load_rows(table, row, count, t.d, s.order, t.reference, block);
    s.dense = false;
    int64_t entries = 0;
    if (t.spread == common_spread && !t.apart) {
        whiten_block(block, t, s.deviation, s.spare);
        entries = score_granules<roots, Metric::white>(block, t, s.spare, s);
    } else if (triangles) {
        entries = score_granules<roots, Metric::triangle>(block, t, block.x, s);
    } else {
        entries = score_granules<roots, Metric::columns>(block, t, block.x, s);
    }
    list_kept(entries, s);
    const int64_t all = block.vectors / granule_vectors * s.k;
    return static_cast<double>(entries) / static_cast<double>(all);
}

}  // namespace emix::EMIX_LEVEL
