// What the M-step needs, summed over a block that has been scored.
#pragma once

#include "granule_table.hpp"
#include "scatter_table.hpp"

namespace emix::EMIX_LEVEL {

// How the sums of a chunk lie in memory: s0 (k), s1 (k, d), s2, and where
// scatter is pooled through mixed means, the overlaps of components; loglik in
// log2, weight.
struct TableSums {
    int64_t k, d;
    ScatterForm form;
    bool mixed;
    int64_t s1, s2, overlap, loglik, size;

    TableSums(int64_t components, int64_t columns, int64_t n, ScatterForm scatter)
        : k(components), d(columns), form(scatter) {
        mixed = scatter == pooled_scatter && mixing_pays(n);
        s1 = aligned(k);
        s2 = s1 + aligned(k * d);
        const int64_t second = form == spherical_scatter  ? k
                               : form == diagonal_scatter ? k * d
                               : form == full_scatter     ? k * tiles_size(d)
                                                          : tiles_size(d);
        overlap = s2 + aligned(second);
        loglik = overlap + (mixed ? tiles_size(k) : 0);
        size = aligned(loglik + 2);
    }
    bool matrices() const { return form == full_scatter || form == pooled_scatter; }
    bool few() const { return matrices() && !mixed && has_few_columns(d); }
    bool roots() const { return matrices() && !few(); }
    // Columns of the array in which columns are weighted.
    int64_t columns() const { return mixed ? larger(k, d) : d; }

  private:
    // Products per point of Σ_k r_k (z - μ_k)(z - μ_k)ᵀ, against those of the mixed
    // means, which end in k² / 2 outer products.
    bool mixing_pays(int64_t n) const {
        const double rows = static_cast<double>(n), a = static_cast<double>(k),
                     b = static_cast<double>(d);
        return rows * a * b * b / 2 > rows * (2 * a * b + a * a / 2 + b * b / 2) + a * a * b * b / 4;
    }
};

// total becomes w / total or its root: what a part is multiplied by to be a share.
inline void prepare_shares(const TableBlock& block, bool roots, TableScratch& s) {
    for (int64_t v = 0; v < block.vectors; ++v) {
        const Vector w = block.weighted ? load(block.weight + v * lanes) : broadcast(1.0);
        s.total[v] = w / s.total[v];
        if (roots)
            for (int64_t i = 0; i < lanes; ++i) s.total[v][i] = std::sqrt(s.total[v][i]);
    }
}

// The vectors of points that a component is to be summed over, and its shares in
// them, or the roots of its shares.
struct Listed {
    int64_t count;
    const int64_t* at;
    const Vector* share;
    double sum;  // Σ share
};

inline Listed list_shares(int64_t vectors, int64_t c, bool roots, TableScratch& s) {
    Vector sum = {};
    const auto add = [&](int64_t i, int64_t v, int64_t entry) {
        const Vector share = s.parts[entry] * s.total[v];
        s.share[i] = share;
        sum += roots ? share * share : share;
    };
    if (s.dense) {
        for (int64_t v = 0; v < vectors; ++v) add(v, v, v * s.k + c);
        return {vectors, s.everywhere, s.share, sum_lanes(sum)};
    }
    int64_t count = 0;
    for (int64_t i = s.list_begin[c]; i < s.list_begin[c + 1]; ++i) {
        const int64_t entry = s.list[i] * granule_vectors;
        for (int64_t g = 0; g < granule_vectors; ++g) {
            s.at[count] = s.kept_at[s.list[i]] * granule_vectors + g;
            add(count, s.at[count], entry + g);
            ++count;
        }
    }
    return {count, s.at, s.share, sum_lanes(sum)};
}

// R columns of root share times deviation into `out`, one listed vector after
// another, and their part of s1.
template <int R>
EMIX_INLINE void weigh_columns(const TableBlock& block, const Listed& in, const double* mean,
                               int64_t first, double* out, double* s1) {
    Vector sum[tile] = {};
    for (int64_t i = 0; i < in.count; ++i) {
        const Vector root = in.share[i];
        EMIX_UNROLL for (int j = 0; j < R; ++j) {
            const Vector u = (block.at(first + j, in.at[i]) - mean[first + j]) * root;
            store(out + (first + j) * block.stride + i * lanes, u);
            sum[j] += u * root;
        }
    }
    add_each<tile>(sum, s1 + first, R);
}

// As above for all of d columns, in fours.
#define EMIX_BY_COLUMNS(d, call)                               \
    for (int64_t first = 0; first < (d); first += tile)        \
        switch (smaller(tile, (d) - first)) {                  \
            case 1: call(1); break;                            \
            case 2: call(2); break;                            \
            case 3: call(3); break;                            \
            default: call(4); break;                           \
        }

EMIX_LOOP inline void weigh_all(const TableBlock& block, const Listed& in, const double* mean,
                                double* out, double* s1) {
#define EMIX_CALL(R) weigh_columns<R>(block, in, mean, first, out, s1)
    EMIX_BY_COLUMNS(block.d, EMIX_CALL)
#undef EMIX_CALL
}

// Component by component, the triangle of u uᵀ with u = √share (z - mean);
// `each` apart in memory, which is 0 where components are pooled.
inline void add_full(const TableBlock& block, const PreparedTable& t, const TableSums& at,
                     int64_t each, TableScratch& s, double* sums) {
    for (int64_t c = 0; c < s.k; ++c) {
        const Listed in = list_shares(block.vectors, c, true, s);
        if (in.count == 0) continue;
        sums[c] += in.sum;
        weigh_all(block, in, t.mean + c * s.d, s.spare, sums + at.s1 + c * s.d);
        add_scatter(s.spare, s.d, block.stride, in.count, sums + at.s2 + c * each);
    }
}

// The same in few columns, from shares that are not roots: the sums of a
// component stay in registers.
template <int D>
EMIX_LOOP void add_few(const TableBlock& block, const PreparedTable& t, const TableSums& at,
                       int64_t each, TableScratch& s, double* sums) {
    constexpr int products = D * (D + 1) / 2;
    for (int64_t c = 0; c < s.k; ++c) {
        const double* mean = t.mean + c * D;
        Vector zeroth = {}, first[D] = {}, second[products] = {};
        for (int64_t v = 0; v < block.vectors; ++v) {
            const Vector share = s.parts[v * s.k + c] * s.total[v];
            Vector u[D], ru[D];
            EMIX_UNROLL for (int j = 0; j < D; ++j) {
                u[j] = block.at(j, v) - mean[j];
                ru[j] = share * u[j];
                first[j] += ru[j];
            }
            EMIX_UNROLL for (int i = 0; i < D; ++i)
                EMIX_UNROLL for (int j = 0; j <= i; ++j)
                    second[i * (i + 1) / 2 + j] += ru[j] * u[i];
            zeroth += share;
        }
        sums[c] += sum_lanes(zeroth);
        add_each<D>(first, sums + at.s1 + c * D, D);
        alignas(64) double row_by_row[products + lanes];
        sum_each<products>(second, row_by_row);
        double* to = sums + at.s2 + c * each;
        for (int i = 0; i < D; ++i)
            for (int j = 0; j <= i; ++j) to[tile_at(i, j)] += row_by_row[i * (i + 1) / 2 + j];
    }
}

template <int R>
EMIX_INLINE void add_columns(const TableBlock& block, const Listed& in, const double* mean,
                             int64_t first, double* s1, double* s2, int64_t each) {
    Vector linear[tile] = {}, square[tile] = {};
    for (int64_t i = 0; i < in.count; ++i)
        EMIX_UNROLL for (int j = 0; j < R; ++j) {
            const Vector u = block.at(first + j, in.at[i]) - mean[first + j];
            const Vector ru = in.share[i] * u;
            linear[j] += ru;
            square[j] += ru * u;
        }
    add_each<tile>(linear, s1 + first, R);
    if (each) {
        add_each<tile>(square, s2 + first, R);
    } else {
        Vector all = square[0];
        for (int j = 1; j < R; ++j) all += square[j];
        *s2 += sum_lanes(all);
    }
}

// Squares of columns apart (`each` is 1), or together in one sum (0).
EMIX_LOOP inline void add_squares(const TableBlock& block, const PreparedTable& t,
                                  const TableSums& at, int64_t each, TableScratch& s,
                                  double* sums) {
    for (int64_t c = 0; c < s.k; ++c) {
        const Listed in = list_shares(block.vectors, c, false, s);
        if (in.count == 0) continue;
        sums[c] += in.sum;
        const double* mean = t.mean + c * s.d;
        double *s1 = sums + at.s1 + c * s.d, *s2 = sums + at.s2 + (each ? c * s.d : c);
#define EMIX_CALL(R) add_columns<R>(block, in, mean, first, s1, s2, each)
        EMIX_BY_COLUMNS(s.d, EMIX_CALL)
#undef EMIX_CALL
    }
}

// out (d columns) gains share (z - mean), which is also summed to s1.
template <int R>
EMIX_INLINE void mix_columns(const TableBlock& block, const Listed& in, const double* mean,
                             int64_t first, double* out, double* s1) {
    Vector sum[tile] = {};
    for (int64_t i = 0; i < in.count; ++i) {
        const Vector share = in.share[i] * in.share[i];
        EMIX_UNROLL for (int j = 0; j < R; ++j) {
            double* to = out + (first + j) * block.stride + in.at[i] * lanes;
            const Vector ru = (block.at(first + j, in.at[i]) - mean[first + j]) * share;
            sum[j] += ru;
            store(to, load(to) + ru);
        }
    }
    add_each<tile>(sum, s1 + first, R);
}

inline void clear(double* columns, int64_t count, int64_t stride) {
    for (int64_t i = 0; i < count * stride; ++i) columns[i] = 0.0;
}

// Pooled scatter without a matrix per component. With m = Σ_k r_k μ_k the mean
// that a point z has, Σ_k r_k (z - μ_k)(z - μ_k)ᵀ is (z - m)(z - m)ᵀ and the spread
// of the means about m, Σ_{k<l} r_k r_l (μ_k - μ_l)(μ_k - μ_l)ᵀ: the overlaps Σ w r_k r_l
// are summed here, and multiplied out once, at the end. Nothing cancels.
EMIX_LOOP inline void add_mixed(const TableBlock& block, const PreparedTable& t,
                                const TableSums& at, TableScratch& s, double* sums) {
    const int64_t stride = block.stride;
    clear(s.spare, s.d, stride);
    for (int64_t c = 0; c < s.k; ++c) {
        const Listed in = list_shares(block.vectors, c, true, s);
        sums[c] += in.sum;
        const double* mean = t.mean + c * s.d;
#define EMIX_CALL(R) mix_columns<R>(block, in, mean, first, s.spare, sums + at.s1 + c * s.d)
        EMIX_BY_COLUMNS(s.d, EMIX_CALL)
#undef EMIX_CALL
    }
    // spare holds w (z - m): over the root of w it is what is to be squared, and
    // so are the shares w r. The tops have been summed; their room is free.
    for (int64_t v = 0; v < block.vectors; ++v)
        for (int64_t i = 0; i < lanes; ++i) {
            const double w = block.weighted ? block.weight[v * lanes + i] : 1.0;
            s.top[v][i] = w > 0.0 ? 1.0 / std::sqrt(w) : 0.0;
        }
    for (int64_t j = 0; block.weighted && j < s.d; ++j)
        for (int64_t v = 0; v < block.vectors; ++v) {
            double* to = s.spare + j * stride + v * lanes;
            store(to, load(to) * s.top[v]);
        }
    add_scatter(s.spare, s.d, stride, block.vectors, sums + at.s2);
    clear(s.spare, s.k, stride);
    for (int64_t c = 0; c < s.k; ++c) {
        const Listed in = list_shares(block.vectors, c, true, s);
        for (int64_t i = 0; i < in.count; ++i)
            store(s.spare + c * stride + in.at[i] * lanes,
                  in.share[i] * in.share[i] * s.top[in.at[i]]);
    }
    add_scatter(s.spare, s.k, stride, block.vectors, sums + at.overlap);
}

inline void add_block(const TableBlock& block, const PreparedTable& t, const TableSums& at,
                      TableScratch& s, double* sums) {
    prepare_shares(block, at.roots(), s);
    const int64_t each = at.form == full_scatter ? tiles_size(s.d) : 0;
    if (at.mixed)
        add_mixed(block, t, at, s, sums);
    else if (at.roots())
        add_full(block, t, at, each, s, sums);
    else if (!at.matrices())
        add_squares(block, t, at, at.form == diagonal_scatter, s, sums);
    else if (s.d == 2)
        add_few<2>(block, t, at, each, s, sums);
    else if (s.d == 3)
        add_few<3>(block, t, at, each, s, sums);
    else if (s.d == 4)
        add_few<4>(block, t, at, each, s, sums);
    else if (s.d == 5)
        add_few<5>(block, t, at, each, s, sums);
    else if (s.d == 6)
        add_few<6>(block, t, at, each, s, sums);
    else if (s.d == 7)
        add_few<7>(block, t, at, each, s, sums);
    else
        add_few<8>(block, t, at, each, s, sums);
}

}  // namespace emix::EMIX_LEVEL
