// How sure a classification is: Σ w log max_k r and Σ w Σ_k r log r.
#pragma once

#include "expect_few.hpp"
#include "score_column.hpp"

namespace emix::EMIX_LEVEL {

struct Sureness {
    double hard, soft;
};

// Of all chunks together; `results` is overwritten.
inline Sureness merged_sureness(Sureness* results, int64_t count) {
    for (int64_t step = 1; step < count; step *= 2)
        for (int64_t at = 0; at + step < count; at += 2 * step) {
            results[at].hard += results[at + step].hard;
            results[at].soft += results[at + step].soft;
        }
    return results[0];
}

// For few components, with k a constant of the compiler: sums of whole vectors
// in log2, hard in out[0] and soft in out[1]. Both are NaN where a density
// underflowed.
template <int K, bool weighted, int V>
EMIX_INLINE void add_sureness(const double* z, const double* w, const Prepared& p, Vector* out,
                              Vector& product) {
    Vector u[K * V], part[K * V], top[V], total[V];
    EMIX_UNROLL for (int i = 0; i < K * V; ++i)
        u[i] = (load(z + i / K * lanes) - p.mean[i % K]) * p.inverse[i % K];
    score_few<K, V>(u, p, part, top, total);
    EMIX_UNROLL for (int v = 0; v < V; ++v) {
        Vector within = {};
        EMIX_UNROLL for (int j = 0; j < K; ++j) {
            const Vector share = part[v * K + j], ui = u[v * K + j];
            within += share > 0.0 ? share * ((p.offset[j] - ui * ui) - top[v]) : Vector{};
        }
        within /= total[v];
        if constexpr (weighted) {
            const Vector row_weight = load(w + v * lanes), log2_total = log2_from_one(total[v]);
            out[0] -= row_weight * log2_total;
            out[1] += row_weight * (within - log2_total);
        } else {
            product *= total[v];
            out[1] += within;
        }
        // What is not finite shall not be lost: total is, where top is not.
        out[1] += top[v] - top[v];
    }
}

template <int K, bool weighted>
EMIX_LOOP void sureness_few(const double* z, const double* w, int64_t vectors, const Prepared& p,
                            Vector* out) {
    constexpr int V = K <= 2 ? 4 : 2;
    for (int64_t first = 0; first < vectors; first += product_length) {
        const int64_t last = smaller(vectors, first + product_length);
        Vector product = broadcast(1.0);
        int64_t v = first;
        for (; v + V <= last; v += V)
            add_sureness<K, weighted, V>(z + v * lanes, weighted ? w + v * lanes : nullptr, p, out,
                                         product);
        for (; v < last; ++v)
            add_sureness<K, weighted, 1>(z + v * lanes, weighted ? w + v * lanes : nullptr, p, out,
                                         product);
        if constexpr (!weighted) {
            const Vector log2_totals = log2_from_one(product);
            out[0] -= log2_totals;
            out[1] -= log2_totals;
        }
    }
}

using SurenessBlock = void (*)(const double*, const double*, int64_t, const Prepared&, Vector*);

template <bool weighted>
inline SurenessBlock sureness_block_for(int64_t k) {
    switch (k) {
        case 2: return sureness_few<2, weighted>;
        case 3: return sureness_few<3, weighted>;
        case 4: return sureness_few<4, weighted>;
        default: return nullptr;
    }
}

struct ClassificationJob {
    const Column& column;
    const Prepared& prepared;
    Chunks chunks;
    double* scratch;
    int64_t scratch_size;
    Sureness* results;

    // With r = part / total and log2 part = a - top, the largest r is 1 / total
    // and Σ r log2 r = Σ r (a - top) - log2 total: one logarithm serves both.
    Sureness tile(const double* z, const double* w, int64_t count, TileScratch& s) const {
        const Prepared& p = prepared;
        Vector hard = {}, soft = {};
        for (int64_t v = 0; v * lanes < count; ++v) {
            const Vector point = load(z + v * lanes);
            Vector within = {};
            for (int64_t j = 0; j < p.k; ++j) {
                const Vector u = (point - p.mean[j]) * p.inverse[j];
                const Vector part = s.parts[v * p.k + j];
                // r log r is 0 in the limit r = 0.
                within += part > 0.0 ? part * ((p.offset[j] - u * u) - s.top[v]) : Vector{};
            }
            Vector row_weight = {};
            const int64_t inside = smaller(lanes, count - v * lanes);
            for (int64_t i = 0; i < inside; ++i) row_weight[i] = w ? w[v * lanes + i] : 1.0;
            const Vector log2_total = log2_from_one(s.total[v]);
            hard -= row_weight * log2_total;
            soft += row_weight * (within / s.total[v] - log2_total);
        }
        return {sum_lanes(hard) * log_two, sum_lanes(soft) * log_two};
    }

    // A tile of few components: whole vectors at once, what is left as weighted
    // ones; false where a density underflowed.
    bool quickly(const double* z, const double* w, int64_t count, Sureness& sum) const {
        const SurenessBlock bare = sureness_block_for<false>(prepared.k);
        const SurenessBlock weighted = sureness_block_for<true>(prepared.k);
        if (!bare) return false;
        Vector sums[2] = {};
        const int64_t whole = count / lanes, done = whole * lanes;
        (w ? weighted : bare)(z, w, whole, prepared, sums);
        if (done < count) {
            alignas(64) double rest[lanes];
            for (int64_t i = 0; i < lanes; ++i)
                rest[i] = done + i >= count ? 0.0 : w ? w[done + i] : 1.0;
            weighted(z + done, rest, 1, prepared, sums);
        }
        if (!all_finite(sums, 2)) return false;
        sum.hard += sum_lanes(sums[0]) * log_two;
        sum.soft += sum_lanes(sums[1]) * log_two;
        return true;
    }

    Sureness carefully(const double* z, const double* w, int64_t count, TileScratch& s) const {
        Sureness sum{0.0, 0.0};
        for (int64_t i = 0; i < count; ++i) {
            careful_point(z[i], prepared, s.careful_r, s.careful_u);
            const double weight = w ? w[i] : 1.0;
            double most = 0.0, within = 0.0;
            for (int64_t j = 0; j < prepared.k; ++j) {
                const double r = s.careful_r[j];
                if (!(r <= most)) most = r;
                if (r != 0.0) within += r * std::log(r);
            }
            sum.hard += weight * std::log(most);
            sum.soft += weight * within;
        }
        return sum;
    }

    void chunk(int64_t index, int worker) const {
        TileScratch s(prepared.k, scratch + worker * scratch_size);
        const int64_t step = s.tile * lanes, end = chunks.end(index);
        Sureness sum{0.0, 0.0};
        for (int64_t row = chunks.begin(index); row < end; row += step) {
            const int64_t count = smaller(step, end - row), vectors = (count + lanes - 1) / lanes;
            const double* z = load_block(column, row, count, s.block);
            const double* w = column.sample_weight ? column.sample_weight + row : nullptr;
            if (quickly(z, w, count, sum)) continue;
            score_tile(z, vectors, prepared, s.parts, s.top, s.total);
            const Sureness more = all_finite(s.top, vectors) ? tile(z, w, count, s)
                                                             : carefully(z, w, count, s);
            sum.hard += more.hard;
            sum.soft += more.soft;
        }
        results[index] = sum;
    }
    static void run(void* self, int64_t index, int worker) {
        static_cast<const ClassificationJob*>(self)->chunk(index, worker);
    }
};

inline Sureness classify(const Column& column, const ColumnMixture& mixture, int threads) {
    const int64_t k = mixture.k;
    const Chunks chunks(column.n);
    const int workers = useful_threads(threads, column.n, k);
    const int64_t each = aligned(TileScratch::size(k));
    Buffer storage(prepared_size(k)), scratch(workers * each), sums(2 * larger(chunks.count, 1));
    Sureness* results = reinterpret_cast<Sureness*>(sums.get());
    results[0] = {0.0, 0.0};
    const Prepared prepared = prepare(mixture, storage.get());
    ClassificationJob job{column, prepared, chunks, scratch.get(), each, results};
    run_tasks(chunks.count, workers, ClassificationJob::run, &job);
    return merged_sureness(results, chunks.count);
}

}  // namespace emix::EMIX_LEVEL
