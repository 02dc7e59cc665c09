// Scoring a block without the components that cannot matter.
//
// All components are scored in the first few columns, and points are put in the
// order of the component that looks nearest there. Then most components are out
// of the question for all of a granule of neighbouring points, some at once and
// some after a few more columns: distances only grow.
//
// What is left out is bounded against the component's own sums, never against
// the others': a component that hardly any point belongs to still moves by what
// it gets. Let W be the weight of a chunk, and S_c what component c has of it
// so far. c may be left out at a point only where the bounds on its
// responsibility r and whitened distance q² say r (1 + q²) < 2^-75, and only
// once S_c > 2^-15 W: all that a chunk leaves out of Σ w r and of Σ w r q² is then
// below 2^-60 S_c, far below rounding.
#pragma once

#include "score_table.hpp"

namespace emix::EMIX_LEVEL {

constexpr double negligible_log2 = -75.0, enough_share = 1.0 / 32768;
// It pays from so many columns and components on.
constexpr int64_t least_pruned_columns = 9, least_pruned_components = 4;
// The first few columns: more where a column costs but one product.
constexpr int64_t most_first_columns = 4 * tile;
inline int64_t first_columns(const PreparedTable& t) {
    const bool triangles = t.spread == full_spread || t.spread == common_spread;
    if (t.d >= 8 * tile && !triangles) return 4 * tile;
    return t.d >= 4 * tile ? 2 * tile : tile;
}

// With U the log2 density that the columns so far allow, q² = offset - U their
// distance, and B the density of a better component, log2(r (1 + q²)) is below
// U - B + log2(1 + q²), and log2(1 + q²) below 7 + slope q². So c is left out where
// (1 - slope) U + allowance_c <= B, with allowance = 7 + slope offset + 75; or where
// q² >= (offset + 7 + 75 - B) / (1 - slope), which is (allowance - B) / (1 - slope) + offset.
constexpr double logarithm_slope = 0.0113;

// Which components may be left out from here on, after a chunk of so much
// weight has given each its s0. Returns how many.
inline int64_t allow_leaving_out(const PreparedTable& t, const double* s0, double weight,
                                 TableScratch& s) {
    int64_t allowed = 0;
    for (int64_t c = 0; c < TableScratch::bounds_width(s.k); ++c) {
        const bool nothing = c >= s.k || !(t.offset[c] > -infinity);
        const bool enough = nothing || s0[c] > enough_share * weight;
        s.allowance[c] = nothing  ? -infinity
                         : enough ? 7.0 + logarithm_slope * t.offset[c] - negligible_log2
                                  : infinity;
        allowed += enough && c < s.k;
    }
    return allowed;
}

// U of all components at each point, as rows of `bounds`, and likeliest[p], the
// first with the largest.
template <bool by_triangle>
EMIX_LOOP void score_first_columns(const TableBlock& block, const PreparedTable& t,
                                   int64_t columns, TableScratch& s) {
    constexpr int V = panel_vectors;
    const int64_t width = TableScratch::bounds_width(s.k);
    Vector deviation[V * most_first_columns], group[V * lanes];
    EMIX_UNROLL for (int i = 0; i < V * lanes; ++i) group[i] = Vector{};
    for (int64_t v = 0; v < block.vectors; v += V) {
        Vector most[V];
        Integers label[V] = {};
        EMIX_UNROLL for (int i = 0; i < V; ++i) most[i] = broadcast(-infinity);
        for (int64_t c = 0; c < t.k; ++c) {
            const double* mean = t.mean + c * t.d;
            Vector square[V] = {};
            for (int64_t j = 0; j < columns; ++j)
                EMIX_UNROLL for (int i = 0; i < V; ++i) {
                    const Vector u = block.at(j, v + i) - mean[j];
                    deviation[j * V + i] = u;
                    if constexpr (!by_triangle) {
                        const Vector white = u * t.inverse[c * t.d + j];
                        square[i] += white * white;
                    }
                }
            if constexpr (by_triangle)
                whiten_panel<false>(deviation, t.triangle(c), columns, square, nullptr, 0);
            EMIX_UNROLL for (int i = 0; i < V; ++i) {
                const Vector density = t.offset[c] - square[i];
                label[i] = density > most[i] ? (Integers{} + c) : label[i];
                most[i] = maximum(density, most[i]);
                group[i * lanes + c % lanes] = density;
            }
            if (c % lanes != lanes - 1 && c != t.k - 1) continue;
            for (int64_t i = 0; i < V; ++i) {
                Vector* square_of = group + i * lanes;
                transpose(square_of);
                double* to = s.bounds + (v + i) * lanes * width + c / lanes * lanes;
                EMIX_UNROLL for (int l = 0; l < lanes; ++l) store(to + l * width, square_of[l]);
            }
        }
        for (int64_t i = 0; i < V * lanes; ++i)
            s.likeliest[v * lanes + i] = label[i / lanes][i % lanes];
    }
}

// The order of the block's points by their likeliest component, and best[p],
// that component of the p-th. What fills up the block stays at its end.
inline void sort_points(const TableBlock& block, TableScratch& s) {
    int64_t* begin = s.scored;
    for (int64_t c = 0; c < s.k; ++c) begin[c] = 0;
    for (int64_t p = 0; p < block.count; ++p) ++begin[s.likeliest[p]];
    int64_t before = 0;
    for (int64_t c = 0; c < s.k; ++c) {
        const int64_t mine = begin[c];
        begin[c] = before;
        before += mine;
    }
    for (int64_t p = 0; p < block.count; ++p) s.order[begin[s.likeliest[p]]++] = p;
    for (int64_t p = block.count; p < block.vectors * lanes; ++p) s.order[p] = p;
    for (int64_t p = 0; p < block.vectors * lanes; ++p) s.best[p] = s.likeliest[s.order[p]];
}

// The granules that each component is kept in: entries, component by component.
inline void list_kept(int64_t entries, TableScratch& s) {
    for (int64_t c = 0; c <= s.k; ++c) s.list_begin[c] = 0;
    for (int64_t e = 0; e < entries; ++e) ++s.list_begin[s.kept[e] + 1];
    for (int64_t c = 0; c < s.k; ++c) s.list_begin[c + 1] += s.list_begin[c];
    int64_t* next = s.scored;
    for (int64_t c = 0; c < s.k; ++c) next[c] = s.list_begin[c];
    for (int64_t e = 0; e < entries; ++e) s.list[next[s.kept[e]]++] = e;
}

}  // namespace emix::EMIX_LEVEL
