// Sums of products of columns, tile by tile of the lower triangle.
#pragma once

#include "score_table.hpp"

namespace emix::EMIX_LEVEL {

// Columns of a tile that are summed in one pass: as many as the registers hold.
constexpr int tile_pass = EMIX_VECTOR_BYTES >= 64 ? 4 : 2;

// The lower triangle of a (d, d) matrix by 4-by-4 tiles, column by column within
// a tile; what lies outside the matrix is not used, above the diagonal is 0.
inline int64_t tiles_size(int64_t d) {
    const int64_t side = (d + tile - 1) / tile;
    return tile * tile * side * (side + 1) / 2;
}
inline int64_t tile_at(int64_t row, int64_t column) {  // the element's subscript
    const int64_t i = row / tile, j = column / tile;
    return tile * tile * (i * (i + 1) / 2 + j) + column % tile * tile + row % tile;
}

// to[i] += Σ v[i] for the first `count` of N vectors.
template <int N>
EMIX_INLINE void add_each(const Vector* v, double* to, int64_t count) {
    alignas(64) double sums[(N + lanes - 1) / lanes * lanes];
    sum_each<N>(v, sums);
    for (int64_t i = 0; i < count; ++i) to[i] += sums[i];
}

// to[q * 4 + p] += Σ row_p column_q, for R rows and tile_pass columns `stride`
// apart. `Offset` is by how many columns the first column lies to the right of
// the first row where the diagonal runs through, and -tile where it does not.
template <int R, int Offset>
EMIX_LOOP void add_products(const double* rows, const double* columns, int64_t stride,
                            int64_t vectors, double* to) {
    constexpr int J = tile_pass;
    Vector sum[J * tile];
    EMIX_UNROLL for (int i = 0; i < J * tile; ++i) sum[i] = Vector{};
    for (int64_t at = 0; at < vectors * lanes; at += lanes) {
        Vector row[R];
        EMIX_UNROLL for (int p = 0; p < R; ++p) row[p] = load(rows + p * stride + at);
        EMIX_UNROLL for (int q = 0; q < J; ++q)
            if (Offset + q < R) {
                const Vector column = load(columns + q * stride + at);
                EMIX_UNROLL for (int p = 0; p < R; ++p)
                    if (Offset + q <= p) sum[q * tile + p] += row[p] * column;
            }
    }
    add_each<J * tile>(sum, to, J * tile);
}

template <int R>
inline void add_row_of_tiles(const double* columns, int64_t first, int64_t stride, int64_t vectors,
                             double* to) {
    const double* rows = columns + first * stride;
    for (int64_t j = 0; j < first; j += tile_pass)
        add_products<R, -tile>(rows, columns + j * stride, stride, vectors, to + j * tile);
    add_products<R, 0>(rows, rows, stride, vectors, to + first * tile);
    if constexpr (tile_pass < tile && R > tile_pass)
        add_products<R, tile_pass>(rows, rows + tile_pass * stride, stride, vectors,
                                   to + (first + tile_pass) * tile);
}

// tiles += Σ u uᵀ over the points of `vectors` vectors, with u in d columns.
inline void add_scatter(const double* columns, int64_t d, int64_t stride, int64_t vectors,
                        double* tiles) {
    for (int64_t first = 0; first < d; first += tile) {
        double* to = tiles + tile_at(first, 0);
        switch (smaller(tile, d - first)) {
            case 1: add_row_of_tiles<1>(columns, first, stride, vectors, to); break;
            case 2: add_row_of_tiles<2>(columns, first, stride, vectors, to); break;
            case 3: add_row_of_tiles<3>(columns, first, stride, vectors, to); break;
            default: add_row_of_tiles<4>(columns, first, stride, vectors, to); break;
        }
    }
}

// Both halves of the symmetric matrix (d, d).
inline void untile(const double* tiles, int64_t d, double* matrix) {
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j)
            matrix[i * d + j] = matrix[j * d + i] = tiles[tile_at(i, j)];
}

}  // namespace emix::EMIX_LEVEL
