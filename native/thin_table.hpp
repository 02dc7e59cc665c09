// The E-step for thin covariances: slower, and as accurate as the whitening.
//
// Where a column is almost a combination of others, its own share of the
// variance is lost in the rounding of second moments in the units of the data,
// as the square of its ratio. Sums of whitened points lose the ratio alone.
#pragma once

#include "small_matrix.hpp"

namespace emix::EMIX_LEVEL {

// The rows of positive weight of a table in its own units, column by column and in whole vectors; rows added
// at the end are copies of the last one, without weight.
class PaddedTable {
  public:
    explicit PaddedTable(const Table& table)
        : d(table.d), n(0), total(0.0), storage_((table.d + 1) * (table.n + lanes)) {
        const double* w = table.sample_weight;
        int64_t count = 0;
        for (int64_t i = 0; i < table.n; ++i) count += !w || w[i] > 0.0;
        n = (count + lanes - 1) / lanes * lanes;
        weight = storage_.get() + d * n;
        for (int64_t i = 0, to = 0; i < table.n; ++i) {
            if (w && !(w[i] > 0.0)) continue;
            put(to, table, i, w ? w[i] : 1.0);
            total += weight[to++];
            if (to == count)
                for (; to < n; ++to) put(to, table, i, 0.0);
        }
    }
    EMIX_INLINE Vector at(int64_t j, int64_t i) const { return load(storage_.get() + j * n + i); }

    int64_t d, n;
    double total, *weight;

  private:
    void put(int64_t to, const Table& table, int64_t row, double row_weight) {
        for (int64_t j = 0; j < d; ++j) {
            const int64_t at = row * d + j;
            storage_.get()[j * n + to] =
                table.doubles ? table.doubles[at] : static_cast<double>(table.floats[at]);
        }
        weight[to] = row_weight;
    }
    Buffer storage_;
};

// A column with less of its variance to itself than this is thin.
constexpr double thin_share = 0x1p-16;

// The least share of its variance that a column has to itself.
template <int D>
EMIX_INLINE double own_share_of(Side<D> d, const double* lower) {
    double least = 1.0;
    for (int64_t i = 1; i < d; ++i) {
        const double *row = lower + i * d, share = square(row[i]) / dot(d, row, row);
        least = share < least ? share : least;
    }
    return least;
}

// Sums as TableStatistics has them, of points that each component has whitened
// by its factor. Nothing is allocated after construction.
class ThinSums {
  public:
    ThinSums(const Table& table, int64_t k, SpreadForm form)
        : table_(table), k_(k), d_(table.d), common_(form == common_spread),
          width_(d_ * (d_ + 1) / 2), out_(k + k * d_ + k * d_ * d_ + k),
          vectors_((1 + d_ + width_ + d_ + 1) * k_ * lanes) {
        sums_ = reinterpret_cast<Vector*>(vectors_.get());
        white_ = sums_ + (1 + d_ + width_) * k_;
        logs_ = white_ + k_ * d_;
    }

    TableStatistics operator()(const TableMixture& at) {
        double* const offset = out_.get() + k_ + k_ * d_ + k_ * d_ * d_;
        for (int64_t j = 0; j < k_; ++j) {
            const double* lower = factor(at, j);
            double logs = static_cast<double>(d_) * half_log_two_pi;
            for (int64_t i = 0; i < d_; ++i) logs += std::log(lower[i * d_ + i]);
            offset[j] = (at.log_weights[j] - logs) * log2_e;
        }
        for (int64_t i = 0; i < (1 + d_ + width_) * k_; ++i) sums_[i] = Vector{};
        Vector loglik = {};
        for (int64_t i = 0; i < table_.n; i += lanes) loglik += add_points(at, offset, i);
        return finished(sum_lanes(loglik) * log_two);
    }

  private:
    const double* factor(const TableMixture& at, int64_t j) const {
        return at.spreads + (common_ ? 0 : j * d_ * d_);
    }

    // Adds one vector of points; returns their weighted log2 densities.
    EMIX_INLINE Vector add_points(const TableMixture& at, const double* offset, int64_t i) {
        const Vector weight = load(table_.weight + i);
        Vector most = broadcast(-infinity), total = {};
        for (int64_t j = 0; j < k_; ++j) {
            logs_[j] = offset[j] - half_log2_e * whiten(at, j, i);
            most = maximum(logs_[j], most);
        }
        for (int64_t j = 0; j < k_; ++j) {
            logs_[j] -= most;
            exp2_nonpositive<1>(logs_ + j);
            total += logs_[j];
        }
        const Vector share = weight / total;
        for (int64_t j = 0; j < k_; ++j) add_component(j, logs_[j] * share);
        return weight * (most + log2_from_one(total));
    }

    EMIX_INLINE Vector whiten(const TableMixture& at, int64_t j, int64_t i) {
        const double *lower = factor(at, j), *mean = at.means + j * d_;
        Vector *u = white_ + j * d_, distance = {};
        for (int64_t row = 0; row < d_; ++row) {
            Vector left = table_.at(row, i) - mean[row];
            for (int64_t m = 0; m < row; ++m) left -= lower[row * d_ + m] * u[m];
            u[row] = left / lower[row * d_ + row];
            distance += u[row] * u[row];
        }
        return distance;
    }

    EMIX_INLINE void add_component(int64_t j, Vector r) {
        const Vector* u = white_ + j * d_;
        Vector *first = sums_ + j * (1 + d_), *second = sums_ + k_ * (1 + d_);
        if (!common_) second += j * width_;
        *first++ += r;
        for (int64_t row = 0; row < d_; ++row) {
            const Vector weighted = r * u[row];
            first[row] += weighted;
            for (int64_t m = 0; m <= row; ++m) *second++ += weighted * u[m];
        }
    }

    TableStatistics finished(double loglik) {
        double *s0 = out_.get(), *s1 = s0 + k_, *s2 = s1 + k_ * d_;
        for (int64_t j = 0; j < k_; ++j) {
            const Vector *first = sums_ + j * (1 + d_);
            const Vector* second = sums_ + k_ * (1 + d_) + j * width_;
            s0[j] = sum_lanes(first[0]);
            for (int64_t i = 0; i < d_; ++i) s1[j * d_ + i] = sum_lanes(first[1 + i]);
            for (int64_t row = 0; (j == 0 || !common_) && row < d_; ++row)
                for (int64_t m = 0; m <= row; ++m) {
                    double* to = s2 + j * d_ * d_;
                    to[row * d_ + m] = to[m * d_ + row] = sum_lanes(*second++);
                }
        }
        return {s0, s1, s2, loglik, table_.total};
    }

    const PaddedTable table_;
    int64_t k_, d_;
    bool common_;
    int64_t width_;
    Buffer out_, vectors_;
    Vector *sums_, *white_, *logs_;
};

}  // namespace emix::EMIX_LEVEL
