// k-means++ seeds of many rows (Arthur and Vassilvitskii 2007,
// doi:10.5555/1283383.1283494).
#pragma once

#include "column.hpp"
#include "vicinity_kernel.hpp"

namespace emix::EMIX_LEVEL {

class DrawSeeds {
  public:
    DrawSeeds(const SeedRequest& request, int threads)
        : r_(request), chunks_((request.n + rows - 1) / rows),
          threads_(useful_threads(threads, request.n, request.d)),
          storage_((request.d + 2) * chunks_ * rows + chunks_) {
        columns_ = storage_.get();
        chance_ = columns_ + r_.d * chunks_ * rows;
        nearest_ = chance_ + chunks_ * rows;
        sum_ = nearest_ + chunks_ * rows;
        for (int64_t i = 0; i < chunks_ * rows; ++i) {
            const int64_t row = smaller(i, r_.n - 1), chunk = i / rows;
            for (int64_t j = 0; j < r_.d; ++j)
                columns_[(chunk * r_.d + j) * rows + i % rows] = r_.points[row * r_.d + j];
            nearest_[i] = infinity;
        }
    }

    // Rows, in the order in which they were drawn.
    void operator()(int64_t* seeds) {
        for (int64_t s = 0; s < r_.k; ++s) {
            last_ = s ? r_.points + seeds[s - 1] * r_.d : nullptr;
            run_tasks(chunks_, threads_, run, this);
            seeds[s] = drawn(r_.uniforms[s]);
        }
    }

  private:
    static constexpr int64_t rows = 2048;

    static void run(void* self, int64_t chunk, int) { static_cast<DrawSeeds*>(self)->update(chunk); }

    // Chances of a chunk's rows once the last seed is known.
    EMIX_LOOP void update(int64_t chunk) {
        double *chance = chance_ + chunk * rows, *nearest = nearest_ + chunk * rows;
        const double* x = columns_ + chunk * r_.d * rows;
        const int64_t count = smaller(rows, r_.n - chunk * rows);
        if (last_) {
            for (int64_t i = 0; i < rows; ++i) chance[i] = 0.0;
            for (int64_t j = 0; j < r_.d; ++j) {
                const double at = last_[j];
                for (int64_t i = 0; i < rows; ++i) {
                    const double u = x[j * rows + i] - at;
                    chance[i] += u * u;
                }
            }
            for (int64_t i = 0; i < rows; ++i)
                nearest[i] = chance[i] < nearest[i] ? chance[i] : nearest[i];
        }
        double sum = 0.0;
        for (int64_t i = 0; i < count; ++i) {
            chance[i] = r_.weight[chunk * rows + i] * (last_ ? nearest[i] : 1.0);
            sum += chance[i];
        }
        sum_[chunk] = sum;
    }

    int64_t drawn(double uniform) const {
        double all = 0.0;
        for (int64_t chunk = 0; chunk < chunks_; ++chunk) all += sum_[chunk];
        double left = uniform * all;
        int64_t chunk = 0;
        for (; chunk + 1 < chunks_ && left >= sum_[chunk]; ++chunk) left -= sum_[chunk];
        const int64_t count = smaller(rows, r_.n - chunk * rows);
        const double* chance = chance_ + chunk * rows;
        int64_t i = 0;
        for (; i + 1 < count && left >= chance[i]; ++i) left -= chance[i];
        return chunk * rows + i;
    }

    SeedRequest r_;
    int64_t chunks_;
    int threads_;
    Buffer storage_;
    double *columns_, *chance_, *nearest_, *sum_;
    const double* last_ = nullptr;
};

}  // namespace emix::EMIX_LEVEL
