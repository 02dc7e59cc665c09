// The E-step of one column, fused with the sums that the M-step needs: one
// pass, no n-by-k array.
#pragma once

#include "denormals.hpp"
#include "expect_few.hpp"
#include "score_column.hpp"

namespace emix::EMIX_LEVEL {

// The sums for any k, from a tile that has been scored.
template <bool weighted>
EMIX_LOOP void accumulate_tile(const double* z, const double* w, int64_t vectors, const Prepared& p,
                            TileScratch& s, Vector* sums) {
    const int64_t k = p.k;
    Vector loglik = {}, weight = {}, product = broadcast(1.0);
    for (int64_t v = 0; v < vectors; ++v) {
        if constexpr (weighted) {
            const Vector row_weight = load(w + v * lanes);
            weight += row_weight;
            loglik += row_weight * (s.top[v] + log2_from_one(s.total[v]));
            s.total[v] = row_weight / s.total[v];
        } else {
            loglik += s.top[v];
            product *= s.total[v];
            s.total[v] = 1.0 / s.total[v];
        }
    }
    if constexpr (!weighted) loglik += log2_from_one(product);
    for (int64_t j = 0; j < k; ++j) {
        const double mean = p.mean[j], inverse = p.inverse[j];
        Vector s0 = {}, s1 = {}, s2 = {};
        for (int64_t v = 0; v < vectors; ++v) {
            const Vector u = (load(z + v * lanes) - mean) * inverse;
            const Vector r = s.parts[v * k + j] * s.total[v], ru = r * u;
            s0 += r;
            s1 += ru;
            s2 += ru * u;
        }
        sums[j] += s0;
        sums[k + j] += s1;
        sums[2 * k + j] += s2;
    }
    sums[3 * k] += loglik;
    sums[3 * k + 1] += weight;
}

// Rows of a block that holds a far point; a row without weight adds nothing,
// wherever it is.
inline void accumulate_careful(const double* z, const double* w, int64_t count, const Prepared& p,
                               TileScratch& s, Vector* sums) {
    const int64_t k = p.k;
    double *r = s.careful_r, *u = s.careful_u;
    for (int64_t i = 0; i < count; ++i) {
        const double weight = w ? w[i] : 1.0;
        if (weight == 0.0) continue;
        const double log2_density = careful_point(z[i], p, r, u);
        for (int64_t j = 0; j < k; ++j) {
            if (r[j] == 0.0) continue;
            const double share = weight * r[j];
            sums[j][0] += share;
            sums[k + j][0] += share * u[j];
            sums[2 * k + j][0] += share * u[j] * u[j];
        }
        sums[3 * k][0] += weight * log2_density;
        if (w) sums[3 * k + 1][0] += weight;
    }
}

// The last, partial vector of a block: the same sums with the weights of its
// missing lanes at 0.
struct Remainder {
    alignas(64) double weight[lanes];
    Remainder(const double* w, int64_t count) {
        for (int64_t i = 0; i < lanes; ++i) weight[i] = i >= count ? 0.0 : w ? w[i] : 1.0;
    }
};

template <int K>
inline void expect_block_few(const double* z, const double* w, int64_t count, const Prepared& p,
                             TileScratch& s, Vector* sums) {
    Vector block[3 * K + 2] = {};
    const int64_t whole = count / lanes, done = whole * lanes;
    if (w)
        accumulate_few<K, true>(z, w, whole, p, block);
    else
        accumulate_few<K, false>(z, w, whole, p, block);
    if (done < count) {
        const Remainder rest(w ? w + done : nullptr, count - done);
        accumulate_few<K, true>(z + done, rest.weight, 1, p, block);
    }
    if (all_finite(block + 3 * K, 1)) {
        for (int j = 0; j < 3 * K + 2; ++j) sums[j] += block[j];
    } else {
        accumulate_careful(z, w, count, p, s, sums);
    }
}

inline void expect_tile(const double* z, const double* w, int64_t count, const Prepared& p,
                        TileScratch& s, Vector* sums) {
    const int64_t whole = count / lanes, done = whole * lanes, all = (count + lanes - 1) / lanes;
    score_tile(z, all, p, s.parts, s.top, s.total);
    if (!all_finite(s.top, all)) {
        accumulate_careful(z, w, count, p, s, sums);
        return;
    }
    if (w)
        accumulate_tile<true>(z, w, whole, p, s, sums);
    else
        accumulate_tile<false>(z, w, whole, p, s, sums);
    if (done < count) {
        const Remainder rest(w ? w + done : nullptr, count - done);
        TileScratch last = s;
        last.parts += whole * p.k;
        last.top += whole;
        last.total += whole;
        accumulate_tile<true>(z + done, rest.weight, 1, p, last, sums);
    }
}

using ExpectBlock = void (*)(const double*, const double*, int64_t, const Prepared&, TileScratch&,
                             Vector*);

inline ExpectBlock expect_block_for(int64_t k) {
    static_assert(few_components == 4 || few_components == 6);
    switch (k > few_components ? 0 : k) {
        case 1: return expect_block_few<1>;
        case 2: return expect_block_few<2>;
        case 3: return expect_block_few<3>;
        case 4: return expect_block_few<4>;
#if EMIX_VECTOR_BYTES >= 64
        case 5: return expect_block_few<5>;
        case 6: return expect_block_few<6>;
#endif
        default: return expect_tile;
    }
}

// Memory and constants of repeated E-steps on one column: made once, used by
// every iteration. `sums` are the result, in natural units.
class ExpectColumn {
  public:
    ExpectColumn(const Column& column, int64_t k, int threads)
        : column_(column),
          chunks_(column.n),
          k_(k),
          threads_(chunks_.count > 1 ? useful_threads(threads, column.n, k) : 1),
          block_(expect_block_for(k)),
          step_(k > few_components ? tile_vectors(k) * lanes : block_points),
          scratch_size_(aligned(TileScratch::size(k)) + sums_count(k) * lanes),
          scratch_(scratch_size_ * threads_),
          sums_(sums_count(k) * larger(chunks_.count, 1)) {}

    // Sums in the units of the whitened points; valid until the next call.
    ColumnStatistics operator()(const Prepared& prepared) {
        prepared_ = &prepared;
        if (chunks_.count == 1)
            chunk(0, 0);
        else
            run_tasks(chunks_.count, threads_, run, this);
        merge();
        double* sums = sums_.get();
        const double weight =
            column_.sample_weight ? sums[3 * k_ + 1] : static_cast<double>(column_.n);
        for (int64_t j = 0; j < k_; ++j) {
            sums[k_ + j] /= root_half_log2_e;
            sums[2 * k_ + j] /= half_log2_e;
        }
        return {sums, sums + k_, sums + 2 * k_, sums[3 * k_] * log_two, weight};
    }

  private:
    static void run(void* self, int64_t index, int worker) {
        static_cast<ExpectColumn*>(self)->chunk(index, worker);
    }

    void chunk(int64_t index, int worker) {
        const TinyIsZero mode;
        double* memory = scratch_.get() + worker * scratch_size_;
        Vector* sums = reinterpret_cast<Vector*>(memory);
        TileScratch s(k_, memory + sums_count(k_) * lanes);
        add_blocks(index, block_, s, sums);
        // A squared distance can overflow where the density is 0, and 0 * inf
        // is not 0.
        if (!all_finite(sums, sums_count(k_))) add_blocks(index, accumulate_careful, s, sums);
        double* out = sums_.get() + index * sums_count(k_);
        for (int64_t i = 0; i < sums_count(k_); ++i) out[i] = sum_lanes(sums[i]);
    }

    void add_blocks(int64_t index, ExpectBlock add, TileScratch& s, Vector* sums) {
        for (int64_t i = 0; i < sums_count(k_); ++i) sums[i] = Vector{};
        const int64_t end = chunks_.end(index);
        const double* w = column_.sample_weight;
        for (int64_t row = chunks_.begin(index); row < end; row += step_) {
            const int64_t count = smaller(step_, end - row);
            const double* z = load_block(column_, row, count, s.block);
            add(z, w ? w + row : nullptr, count, *prepared_, s, sums);
        }
    }

    // Neighbours first, then neighbours of neighbours: the same tree whoever
    // made the leaves.
    void merge() {
        const int64_t width = sums_count(k_), count = chunks_.count;
        double* sums = sums_.get();
        if (count == 0)
            for (int64_t i = 0; i < width; ++i) sums[i] = 0.0;
        for (int64_t step = 1; step < count; step *= 2)
            for (int64_t at = 0; at + step < count; at += 2 * step)
                for (int64_t i = 0; i < width; ++i)
                    sums[at * width + i] += sums[(at + step) * width + i];
    }

    const Column& column_;
    Chunks chunks_;
    int64_t k_;
    int threads_;
    ExpectBlock block_;
    int64_t step_, scratch_size_;
    Buffer scratch_, sums_;
    const Prepared* prepared_ = nullptr;
};

}  // namespace emix::EMIX_LEVEL
