// A table of data as the kernels see it: blocks of points held column by
// column, so that a vector holds one column of several points.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

// Vectors of points that go through a whitening together: as many as leave
// room in the registers for four rows of sums.
constexpr int panel_vectors = EMIX_VECTOR_BYTES >= 64 ? 4 : 2;
constexpr int64_t panel_points = panel_vectors * lanes;
// Points that are scored together where components are left out.
constexpr int64_t granule_points = 8;
// A block is whole panels and whole granules, each a power of two.
constexpr int64_t whole_points = panel_points > granule_points ? panel_points : granule_points;
// Rows of a triangular matrix, and columns of a scatter matrix, come in fours.
constexpr int tile = 4;

// Points in a block: few enough for the block, its deviations and its densities
// to stay in L2 (or, where that is possible, in L1), many enough for the sums of
// a block, which end in additions across lanes, to cost little.
inline int64_t table_block_points(int64_t k, int64_t d) {
    int64_t points = 512;
    while (points > 128 && (2 * d + k) * points > 96 * 1024) points /= 2;
    return points;
}

// What a kernel keeps of one thread's block. Columns are one line of cache
// longer than the block: at a power of two they would all fall on one set.
struct TableBlock {
    int64_t d, stride;
    double *x, *weight;  // (d, stride), (points)
    int64_t count, vectors;
    // Whether there are weights other than 1, and how many vectors come before them.
    bool weighted;
    int64_t whole;

    static int64_t stride_of(int64_t points) { return points + 8; }
    static int64_t size(int64_t d, int64_t points) {
        return (d + 1) * stride_of(points);
    }
    TableBlock(int64_t columns, int64_t points, double* memory)
        : d(columns), stride(stride_of(points)), x(memory), weight(memory + columns * stride) {
        count = vectors = whole = 0;
        weighted = false;
    }
    const double* column(int64_t j) const { return x + j * stride; }
    Vector at(int64_t j, int64_t v) const { return load(x + j * stride + v * lanes); }
};

// As many rows as there are lanes, of d values one after another, as d vectors.
template <int d, class Value>
EMIX_INLINE void deal(const Value* rows, Vector* z) {
    EMIX_UNROLL for (int j = 0; j < d; ++j) z[j] = load(rows + j * lanes);
    if constexpr (d == 4) {
        split_pairs(z[0], z[1]);
        split_pairs(z[2], z[3]);
        split_pairs(z[0], z[2]);
        split_pairs(z[1], z[3]);
    } else {
        split_pairs(z[0], z[1]);
    }
}

// The first `columns` of rows p or, where there is an order, order[p].
template <class Value>
EMIX_LOOP inline void transpose_rows(const Value* rows, const Table& table, int64_t count,
                                     int64_t columns, const int64_t* order, TableBlock& block) {
    const int64_t d = table.d;
    const double *shift = table.shift, *scale = table.scale;
    for (int64_t p = 0; p < count; p += lanes) {
        const Value* row[lanes];
        const int64_t inside = smaller(lanes, count - p);
        for (int64_t i = 0; i < lanes; ++i) {
            const int64_t at = p + smaller(i, inside - 1);
            row[i] = rows + (order ? order[at] : at) * d;
        }
        double* to = block.x + p;
        int64_t j = 0;
        if (inside == lanes && !order && columns == d && (d == 2 || d == 4)) {
            Vector z[4];
            if (d == 2)
                deal<2>(row[0], z);
            else
                deal<4>(row[0], z);
            for (; j < d; ++j) {
                if (shift) z[j] = (z[j] - shift[j]) * scale[j];
                store(to + j * block.stride, z[j]);
            }
            continue;
        }
        for (; j + lanes <= columns; j += lanes) {
            Vector z[lanes];
            EMIX_UNROLL for (int i = 0; i < lanes; ++i) {
                z[i] = load(row[i] + j);
                if (shift) z[i] = (z[i] - load(shift + j)) * load(scale + j);
            }
            transpose(z);
            EMIX_UNROLL for (int i = 0; i < lanes; ++i) store(to + (j + i) * block.stride, z[i]);
        }
        for (; j < columns; ++j) {
            Vector z;
            EMIX_UNROLL for (int i = 0; i < lanes; ++i) z[i] = static_cast<double>(row[i][j]);
            if (shift) z = (z - shift[j]) * scale[j];
            store(to + j * block.stride, z);
        }
    }
}

// Points without weight stand at `reference`.
inline void set_aside(int64_t columns, const double* reference, TableBlock& block) {
    if (!block.weighted) return;
    for (int64_t p = block.whole * lanes; p < block.vectors * lanes; ++p) {
        if (block.weight[p] != 0.0) continue;
        for (int64_t j = 0; j < columns; ++j) block.x[j * block.stride + p] = reference[j];
    }
}

// Rows begin .. begin + count of the table as a block of whole panels and granules,
// of which the first `columns` are filled in. Rows without weight and those that
// fill up the last of them stand at `reference`, where a component is, with weight 0:
// wherever they were, they add nothing.
inline void load_rows(const Table& table, int64_t begin, int64_t count, int64_t columns,
                      const int64_t* order, const double* reference, TableBlock& block) {
    if (table.doubles)
        transpose_rows(table.doubles + begin * table.d, table, count, columns, order, block);
    else
        transpose_rows(table.floats + begin * table.d, table, count, columns, order, block);
    const int64_t points = (count + whole_points - 1) / whole_points * whole_points;
    block.count = count;
    block.vectors = points / lanes;
    block.weighted = table.sample_weight || points > count;
    block.whole = table.sample_weight ? 0 : count / lanes;
    if (!block.weighted) return;
    const double* w = table.sample_weight;
    for (int64_t p = 0; p < points; ++p) {
        const int64_t row = begin + (order && p < count ? order[p] : p);
        block.weight[p] = p >= count ? 0.0 : w ? w[row] : 1.0;
    }
    set_aside(columns, reference, block);
}
inline void load_rows(const Table& table, int64_t begin, int64_t count, const double* reference,
                      TableBlock& block) {
    load_rows(table, begin, count, table.d, nullptr, reference, block);
}

// The chunks that threads share out. They depend on the table and on how much
// there is to sum, never on the threads: small ones where a row is much work,
// and so few that their sums together stay below most_sums.
constexpr int64_t most_sums = int64_t{64} << 17;  // 64 MiB of doubles

inline Chunks table_chunks(int64_t n, int64_t k, int64_t d, int64_t sums) {
    Chunks chunks(n);
    while (chunks.size > 1024 && 24 * chunks.size > n && chunks.size * k * d > int64_t{1} << 17)
        chunks.size /= 2;
    const auto count = [&] { return (n + chunks.size - 1) / chunks.size; };
    while (count() > most_chunks || (count() > 1 && count() * sums > most_sums)) chunks.size *= 2;
    chunks.count = count();
    return chunks;
}

}  // namespace emix::EMIX_LEVEL
