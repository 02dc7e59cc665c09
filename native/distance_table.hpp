// log2 densities of a block of points, component by component.
#pragma once

#include "prepare_table.hpp"

namespace emix::EMIX_LEVEL {

// parts[v * k + c]: component c at the points of vector v.
//
// R rows of a triangle times the deviations (i * V + v) of V vectors of points,
// the first row being `first`: the products' squares are added to `square`, or
// the products are stored, `stride` apart.
template <int R, int V, bool keep>
EMIX_INLINE void whiten_rows(const Vector* deviation, const double* rows, int64_t first,
                             Vector* square, double* out, int64_t stride) {
    Vector sum[R * V];
    EMIX_UNROLL for (int i = 0; i < R * V; ++i) sum[i] = Vector{};
    for (int64_t i = 0; i < first; ++i)
        EMIX_UNROLL for (int r = 0; r < R; ++r)
            EMIX_UNROLL for (int v = 0; v < V; ++v)
                sum[r * V + v] += rows[i * tile + r] * deviation[i * V + v];
    deviation += first * V;
    rows += first * tile;
    EMIX_UNROLL for (int i = 0; i < R; ++i)
        EMIX_UNROLL for (int r = i; r < R; ++r)
            EMIX_UNROLL for (int v = 0; v < V; ++v)
                sum[r * V + v] += rows[i * tile + r] * deviation[i * V + v];
    EMIX_UNROLL for (int r = 0; r < R; ++r)
        EMIX_UNROLL for (int v = 0; v < V; ++v) {
            if constexpr (keep)
                store(out + (first + r) * stride + v * lanes, sum[r * V + v]);
            else
                square[v] += sum[r * V + v] * sum[r * V + v];
        }
}

// One panel through the whole triangle.
template <bool keep>
EMIX_INLINE void whiten_panel(const Vector* deviation, const double* rows, int64_t d,
                              Vector* square, double* out, int64_t stride) {
    constexpr int V = panel_vectors;
    int64_t first = 0;
    for (; first + tile <= d; first += tile)
        whiten_rows<tile, V, keep>(deviation, rows + rows_before(first), first, square, out,
                                   stride);
    const double* last = rows + rows_before(first);
    switch (d - first) {
        case 1: whiten_rows<1, V, keep>(deviation, last, first, square, out, stride); break;
        case 2: whiten_rows<2, V, keep>(deviation, last, first, square, out, stride); break;
        case 3: whiten_rows<3, V, keep>(deviation, last, first, square, out, stride); break;
        default: break;
    }
}

EMIX_INLINE void load_deviations(const TableBlock& block, int64_t v, const double* mean,
                                 Vector* deviation) {
    for (int64_t j = 0; j < block.d; ++j)
        EMIX_UNROLL for (int i = 0; i < panel_vectors; ++i)
            deviation[j * panel_vectors + i] = block.at(j, v + i) - mean[j];
}

// Each component whitens for itself.
EMIX_LOOP inline void densities_by_triangle(const TableBlock& block, const PreparedTable& t,
                                            Vector* deviation, Vector* parts) {
    for (int64_t c = 0; c < t.k; ++c)
        for (int64_t v = 0; v < block.vectors; v += panel_vectors) {
            Vector square[panel_vectors] = {};
            load_deviations(block, v, t.mean + c * t.d, deviation);
            whiten_panel<false>(deviation, t.triangle(c), t.d, square, nullptr, 0);
            EMIX_UNROLL for (int i = 0; i < panel_vectors; ++i)
                parts[(v + i) * t.k + c] = t.offset[c] - square[i];
        }
}

// The same in so few columns that points stay in registers.
constexpr int64_t few_columns = EMIX_VECTOR_BYTES >= 64 ? 7 : 8;
inline bool has_few_columns(int64_t d) { return 2 <= d && d <= few_columns; }

template <int D>
EMIX_LOOP void densities_few(const TableBlock& block, const PreparedTable& t, Vector* parts) {
    constexpr int V = 2;
    static_assert(panel_vectors % V == 0);
    for (int64_t c = 0; c < t.k; ++c) {
        const double *mean = t.mean + c * D, *rows = t.triangle(c);
        for (int64_t v = 0; v < block.vectors; v += V) {
            Vector square[V] = {}, u[D * V];
            EMIX_UNROLL for (int j = 0; j < D * V; ++j)
                u[j] = block.at(j / V, v + j % V) - mean[j / V];
            EMIX_UNROLL for (int i = 0; i < D; ++i)
                EMIX_UNROLL for (int l = 0; l < V; ++l) {
                    const double* row = rows + rows_before(i / tile * tile) + i % tile;
                    Vector white = row[0] * u[l];
                    EMIX_UNROLL for (int j = 1; j <= i; ++j)
                        white += row[j * tile] * u[j * V + l];
                    square[l] += white * white;
                }
            EMIX_UNROLL for (int l = 0; l < V; ++l)
                parts[(v + l) * t.k + c] = t.offset[c] - square[l];
        }
    }
}

// Distances in which columns keep to themselves: |(z - mean) inverse|², or
// |z - mean|² of points that are white already. Four components at a time.
template <bool white>
EMIX_LOOP void densities_by_column(const double* x, int64_t stride, int64_t vectors,
                                   const PreparedTable& t, Vector* parts) {
    constexpr int V = panel_vectors;
    for (int64_t v = 0; v < vectors; v += V)
        for (int64_t c = 0; c < t.k; c += tile) {
            const double* pairs = t.pairs + c * 2 * t.d;
            const double* at = x + v * lanes;
            Vector square[tile * V];
            EMIX_UNROLL for (int i = 0; i < tile * V; ++i) square[i] = Vector{};
            for (int64_t j = 0; j < t.d; ++j, at += stride, pairs += 2 * tile) {
                Vector z[V];
                EMIX_UNROLL for (int i = 0; i < V; ++i) z[i] = load(at + i * lanes);
                EMIX_UNROLL for (int i = 0; i < tile * V; ++i) {
                    Vector u = z[i % V] - pairs[i / V];
                    if constexpr (!white) u *= pairs[tile + i / V];
                    square[i] += u * u;
                }
            }
            const int64_t components = smaller(tile, t.k - c);
            for (int64_t i = 0; i < components; ++i)
                for (int64_t j = 0; j < V; ++j)
                    parts[(v + j) * t.k + c + i] = t.offset[c + i] - square[i * V + j];
        }
}

// Each point once, about the common centre, into `white` (d, stride).
EMIX_LOOP inline void whiten_block(const TableBlock& block, const PreparedTable& t,
                                   Vector* deviation, double* white) {
    for (int64_t v = 0; v < block.vectors; v += panel_vectors) {
        load_deviations(block, v, t.centre, deviation);
        whiten_panel<true>(deviation, t.rows, t.d, nullptr, white + v * lanes, block.stride);
    }
}

// `white` has room for (d, stride), `deviation` for d panels.
inline void log2_densities(const TableBlock& block, const PreparedTable& t, Vector* deviation,
                           double* white, Vector* parts) {
    if (t.spread == full_spread || (t.spread == common_spread && t.apart)) {
        switch (t.d) {
            case 2: densities_few<2>(block, t, parts); break;
            case 3: densities_few<3>(block, t, parts); break;
            case 4: densities_few<4>(block, t, parts); break;
            case 5: densities_few<5>(block, t, parts); break;
            case 6: densities_few<6>(block, t, parts); break;
            case 7: densities_few<7>(block, t, parts); break;
            case 8: densities_few<8>(block, t, parts); break;
            default: densities_by_triangle(block, t, deviation, parts); break;
        }
    } else if (t.spread == common_spread) {
        whiten_block(block, t, deviation, white);
        densities_by_column<true>(white, block.stride, block.vectors, t, parts);
    } else {
        densities_by_column<false>(block.x, block.stride, block.vectors, t, parts);
    }
}

}  // namespace emix::EMIX_LEVEL
