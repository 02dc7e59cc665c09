// Densities, responsibilities and labels, row by row.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

// How many vectors of points are scored together: a power of two, so that it
// divides a block, and few enough that the densities stay in L1.
inline int64_t tile_vectors(int64_t k) {
    int64_t vectors = 16;
    while (vectors > 1 && k * vectors * EMIX_VECTOR_BYTES > 32768) vectors /= 2;
    return vectors;
}

// For each of `vectors` vectors of z: top = max_k log2 p, parts[k] = p_k /
// 2^top, total = sum_k parts[k]. parts is (vectors, k).
EMIX_LOOP inline void score_tile(const double* z, int64_t vectors, const Prepared& p, Vector* parts,
                       Vector* top, Vector* total) {
    const int64_t k = p.k;
    for (int64_t v = 0; v < vectors; ++v) {
        const Vector point = load(z + v * lanes);
        Vector* row = parts + v * k;
        Vector most = broadcast(-infinity);
        for (int64_t j = 0; j < k; ++j) {
            const Vector u = (point - p.mean[j]) * p.inverse[j];
            const Vector a = p.offset[j] - u * u;
            row[j] = a;
            most = maximum(a, most);
        }
        Vector sum = {};
        int64_t j = 0;
        for (; j + 4 <= k; j += 4) {
            Vector part[4];
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) part[i] = row[j + i] - most;
            exp2_nonpositive<4>(part);
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) row[j + i] = part[i];
            sum += (part[0] + part[1]) + (part[2] + part[3]);
        }
        for (; j < k; ++j) {
            row[j] -= most;
            exp2_nonpositive<1>(row + j);
            sum += row[j];
        }
        top[v] = most;
        total[v] = sum;
    }
}

// What one thread needs to score a tile.
struct TileScratch {
    int64_t tile;
    double *block, *careful_r, *careful_u;
    Vector *parts, *top, *total;

    static int64_t size(int64_t k) {
        const int64_t vectors = (k + 2) * tile_vectors(k);
        return aligned(block_points + lanes) + 2 * aligned(k) + vectors * lanes + 8;
    }
    TileScratch(int64_t k, double* memory) : tile(tile_vectors(k)) {
        block = memory;
        careful_r = block + aligned(block_points + lanes);
        careful_u = careful_r + aligned(k);
        parts = reinterpret_cast<Vector*>(careful_u + aligned(k));
        top = parts + k * tile;
        total = top + tile;
    }
};

inline bool all_finite(const Vector* values, int64_t vectors) {
    Vector difference = {};
    for (int64_t v = 0; v < vectors; ++v) difference += values[v] - values[v];
    return sum_lanes(difference) == 0.0;
}

// A row-wise result: what to write for a scored tile of `count` rows, and what
// to write for one row that was scored with care.
struct WriteLogDensity {
    double* out;
    void tile(int64_t row, int64_t count, const double*, const Prepared&, TileScratch& s) const {
        for (int64_t v = 0; v * lanes < count; ++v)
            s.total[v] = (log2_from_one(s.total[v]) + s.top[v]) * log_two;
        std::memcpy(out + row, s.total, sizeof(double) * static_cast<std::size_t>(count));
    }
    void careful(int64_t row, double log2_density, const Prepared&, const double*,
                 const double*) const {
        out[row] = log2_density * log_two;
    }
};

struct WriteResponsibilities {
    double* out;
    void tile(int64_t row, int64_t count, const double*, const Prepared& p, TileScratch& s) const {
        const double* parts = reinterpret_cast<const double*>(s.parts);
        const double* total = reinterpret_cast<const double*>(s.total);
        for (int64_t i = 0; i < count; ++i) {
            double* to = out + (row + i) * p.k;
            const double inverse = 1.0 / total[i];
            const double* from = parts + (i / lanes * p.k) * lanes + i % lanes;
            for (int64_t j = 0; j < p.k; ++j) to[j] = from[j * lanes] * inverse;
        }
    }
    void careful(int64_t row, double, const Prepared& p, const double* r, const double*) const {
        std::memcpy(out + row * p.k, r, sizeof(double) * static_cast<std::size_t>(p.k));
    }
};

// Ties of the log density go to the first component; parts can tie where log
// densities do not, so the log densities are compared.
struct WriteLabels {
    int64_t* out;
    void tile(int64_t row, int64_t count, const double* z, const Prepared& p, TileScratch&) const {
        for (int64_t v = 0; v * lanes < count; ++v) {
            const Vector point = load(z + v * lanes);
            Vector most = broadcast(-infinity);
            Integers label = {};
            for (int64_t j = 0; j < p.k; ++j) {
                const Vector u = (point - p.mean[j]) * p.inverse[j];
                const Vector a = p.offset[j] - u * u;
                label = a > most ? (Integers{} + j) : label;
                most = maximum(a, most);
            }
            const int64_t inside = smaller(lanes, count - v * lanes);
            for (int64_t i = 0; i < inside; ++i) out[row + v * lanes + i] = label[i];
        }
    }
    void careful(int64_t row, double log2_density, const Prepared& p, const double* r,
                 const double* u) const {
        const bool far = log2_density == -infinity;
        double most = -infinity;
        out[row] = 0;
        for (int64_t j = 0; j < p.k; ++j) {
            const double merit = far ? r[j] : p.offset[j] - u[j] * u[j];
            if (merit > most) {
                most = merit;
                out[row] = j;
            }
        }
    }
};

template <class Write>
struct ScoreJob {
    const Column& column;
    const Prepared& prepared;
    Write write;
    Chunks chunks;
    double* scratch;
    int64_t scratch_size;

    void chunk(int64_t index, int worker) const {
        TileScratch s(prepared.k, scratch + worker * scratch_size);
        const int64_t step = s.tile * lanes, end = chunks.end(index);
        for (int64_t row = chunks.begin(index); row < end; row += step) {
            const int64_t count = smaller(step, end - row);
            const double* z = load_block(column, row, count, s.block);
            const int64_t vectors = (count + lanes - 1) / lanes;
            score_tile(z, vectors, prepared, s.parts, s.top, s.total);
            if (all_finite(s.top, vectors)) {
                write.tile(row, count, z, prepared, s);
                continue;
            }
            for (int64_t i = 0; i < count; ++i) {
                const double density = careful_point(z[i], prepared, s.careful_r, s.careful_u);
                write.careful(row + i, density, prepared, s.careful_r, s.careful_u);
            }
        }
    }
    static void run(void* self, int64_t index, int worker) {
        static_cast<const ScoreJob*>(self)->chunk(index, worker);
    }
};

template <class Write>
void score_rows(const Column& column, const ColumnMixture& mixture, int threads, Write write) {
    const int64_t k = mixture.k;
    const int workers = useful_threads(threads, column.n, k);
    const int64_t each = aligned(TileScratch::size(k));
    Buffer storage(prepared_size(k)), scratch(workers * each);
    const Prepared prepared = prepare(mixture, storage.get());
    ScoreJob<Write> job{column, prepared, write, Chunks(column.n), scratch.get(), each};
    run_tasks(job.chunks.count, workers, ScoreJob<Write>::run, &job);
}

}  // namespace emix::EMIX_LEVEL
