// What each component is worth to a mixture: emix.soundness, where the method
// is described and the thresholds are argued for.
#pragma once

#include "maximise_column.hpp"

namespace emix::EMIX_LEVEL {

// Sorted points in whole vectors: those added at the end are copies of the last
// one, without weight.
struct PaddedColumn {
    const double *z, *weight;
    int64_t n, count;  // n with padding
    double total, sd;
};

// Judges one mixture after another. Nothing is allocated after construction.
class Judge {
  public:
    Judge(const PaddedColumn& column, const ColumnRules& rules)
        : column_(column),
          rules_(rules),
          k_(rules.k),
          storage_((2 * k_ + 4) * column.n + 2 * k_ + prepared_size(k_)) {
        logs_ = storage_.get();
        shares_ = logs_ + k_ * column.n;
        top_ = shares_ + k_ * column.n;
        sum_ = top_ + column.n;
        second_ = sum_ + column.n;
        rest_ = second_ + column.n;
        counts_ = rest_ + column.n;
        log_weights_ = counts_ + k_;
        constants_ = log_weights_ + k_;
        // Of a point or less in all, none can be left out.
        for (int64_t j = 0; j < k_; ++j) any_ = any_ || (column.total > 1.0 && judges(j));
    }

    // The worth of the least worthy component; -inf where one rests on the
    // floor, +inf where nothing can be degenerate.
    double operator()(const ColumnParameters& at) {
        for (int64_t j = 0; j < k_; ++j)
            if (rules_.learns_sd(j) && at.sds[j] <= rules_.terms.floor * (1.0 + 1e-9))
                return -infinity;
        if (!any_) return infinity;
        for (int64_t j = 0; j < k_; ++j) log_weights_[j] = std::log(at.weights[j]);
        share_points(prepare({k_, log_weights_, at.means, at.sds}, constants_));
        double least = infinity;
        for (int64_t j = 0; j < k_; ++j) {
            if (!judges(j)) continue;
            const double gain = left_out_gain(at, j);
            const double place = std::log(column_.sd / at.sds[j]);
            const double worth = gain - (place > 0.0 ? place : 0.0);
            if (worth < least) least = worth;  // NaN judges nothing
        }
        return least;
    }

  private:
    bool judges(int64_t j) const { return k_ > 1 && !rules_.terms.tied && rules_.learns_sd(j); }

    // For each point: log2 densities, the largest and the next to it, the sums
    // of all densities in units of the largest and of the others in units of
    // the next; responsibilities, and their weighted totals.
    void share_points(const Prepared& p) {
        const int64_t n = column_.n;
        for (int64_t j = 0; j < k_; ++j) counts_[j] = 0.0;
        for (int64_t i = 0; i < n; i += lanes) {
            const Vector point = load(column_.z + i), weight = load(column_.weight + i);
            Vector most = broadcast(-infinity), next = most, sum = {}, rest = {};
            for (int64_t j = 0; j < k_; ++j) {
                const Vector u = (point - p.mean[j]) * p.inverse[j], a = p.offset[j] - u * u;
                store(logs_ + j * n + i, a);
                next = maximum(minimum(a, most), next);
                most = maximum(a, most);
            }
            for (int64_t j = 0; j < k_; ++j) {
                const Vector a = load(logs_ + j * n + i);
                Vector parts[2] = {a - most, minimum(a - next, Vector{})};
                exp2_nonpositive<2>(parts);
                store(shares_ + j * n + i, parts[0]);
                sum += parts[0];
                rest += parts[1];
            }
            store(top_ + i, most);
            store(sum_ + i, sum);
            store(second_ + i, next);
            // The largest is one of them, held down to 1.
            store(rest_ + i, rest - 1.0);
            for (int64_t j = 0; j < k_; ++j) {
                const Vector r = load(shares_ + j * n + i) / sum;
                store(shares_ + j * n + i, r);
                counts_[j] += sum_lanes(weight * r);
            }
        }
    }

    // What leaving out points one at a time does to component j, and log2 of
    // what the others say of each point, split in exponent and factor.
    struct LeftOut {
        Vector share, moved, variance, exponent, factor;
    };

    EMIX_INLINE LeftOut leave_out(const ColumnParameters& at, int64_t j, int64_t i) const {
        const ColumnTerms& terms = rules_.terms;
        const double count = counts_[j], mean = at.means[j], sd = at.sds[j];
        const Vector r = load(shares_ + j * column_.n + i), top = load(top_ + i);
        const Vector out = r * minimum(load(column_.weight + i), broadcast(1.0));
        const Vector left = maximum(count - out, broadcast(1e-12)), inverse = 1.0 / left;
        const Vector delta = load(column_.z + i) - mean, pull = out * delta * inverse;
        LeftOut l;
        l.moved = rules_.learns_mean(j) ? mean - pull : broadcast(mean);
        // About a mean that moves, or about one that is held.
        const Vector shrunk = rules_.learns_mean(j)
                                  ? (sd * sd - pull * delta) * (count * inverse)
                                  : (count * sd * sd - out * delta * delta) * inverse;
        l.variance = rules_.learns_sd(j) ? maximum(shrunk, broadcast(terms.floor * terms.floor))
                                         : broadcast(sd * sd);
        l.share = rules_.learns_weight(j) ? left * (1.0 / (column_.total - 1.0))
                                          : broadcast(at.weights[j]);
        l.share = minimum(l.share, broadcast(1.0));
        const Integers largest = load(logs_ + j * column_.n + i) == top;
        l.exponent = largest ? load(second_ + i) : top;
        l.factor = largest ? load(rest_ + i) : load(sum_ + i) * (1.0 - r);
        return l;
    }

    // Σ w [log f with j changed - log f without j]. The ratio of the two is
    // (1 - share) + share N / others, in which nothing cancels.
    double left_out_gain(const ColumnParameters& at, int64_t j) const {
        constexpr double highest = 256.0, lift = 64.0, most_factor = 0x1p512;
        const double others_weight = 1.0 - at.weights[j];
        const double constant = others_weight * 0.3989422804014327;
        Vector gain = {};
        double odd = 0.0;
        for (int64_t i = 0; i < column_.n; i += lanes) {
            const LeftOut l = leave_out(at, j, i);
            const Vector away = load(column_.z + i) - l.moved, one = broadcast(1.0);
            const Vector e = -half_log2_e * (away * away) / l.variance - l.exponent;
            const Vector factor = constant * l.share / (square_root(l.variance) * l.factor);
            const Integers usual = (e <= highest) & (l.share < 1.0) & (l.share > 0.0) &
                                   (factor > 0.0) & (factor < most_factor);
            Vector ratio = minimum(e, broadcast(highest)) - highest;
            exp2_nonpositive<1>(&ratio);
            ratio = (one - l.share) + factor * (ratio * 0x1p256);
            const Vector weight = load(column_.weight + i);
            ratio = usual ? ratio * 0x1p64 : one;
            gain += usual ? weight * (log2_from_one(ratio) - lift) : Vector{};
            if (!all_true(usual)) odd += carefully(at, j, i, l, usual);
        }
        return sum_lanes(gain) * log_two + odd;
    }

    // The lanes of a vector that would over- or underflow, in logarithms.
    double carefully(const ColumnParameters& at, int64_t j, int64_t i, const LeftOut& l,
                     const Integers& usual) const {
        double sum = 0.0;
        for (int64_t lane = 0; lane < lanes; ++lane) {
            const double weight = column_.weight[i + lane];
            if (usual[lane] || weight == 0.0) continue;
            const double share = l.share[lane], variance = l.variance[lane];
            const double away = column_.z[i + lane] - l.moved[lane];
            const double others = l.exponent[lane] * log_two + std::log(l.factor[lane]) -
                                  std::log1p(-at.weights[j]);
            if (others == -infinity) return infinity;
            const double changed = std::log(share) - 0.5 * away * away / variance -
                                   0.5 * std::log(variance) - half_log_two_pi;
            const double kept = std::log1p(-share) + others;
            const double top = changed > kept ? changed : kept;
            const double together = top + std::log1p(std::exp(-std::fabs(changed - kept)));
            sum += weight * (together - others);
        }
        return sum;
    }

    static EMIX_INLINE void store(double* to, Vector v) {
        *reinterpret_cast<UnalignedVector*>(to) = v;
    }
    static EMIX_INLINE Vector square_root(Vector v) {
        for (int64_t i = 0; i < lanes; ++i) v[i] = std::sqrt(v[i]);
        return v;
    }
    static EMIX_INLINE bool all_true(const Integers& mask) {
        int64_t both = -1;
        for (int64_t i = 0; i < lanes; ++i) both &= mask[i];
        return both != 0;
    }

    const PaddedColumn& column_;
    const ColumnRules& rules_;
    int64_t k_;
    Buffer storage_;
    double *logs_, *shares_, *top_, *sum_, *second_, *rest_, *counts_, *log_weights_, *constants_;
    bool any_ = false;
};

}  // namespace emix::EMIX_LEVEL
