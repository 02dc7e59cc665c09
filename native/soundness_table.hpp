// What each component of a mixture in several columns gains it on points left
// out one at a time: emix.soundness, where the method is described.
//
// Leaving out point i gives component k the count c = n_k - r, the mean
// μ - r δ / c and a covariance that has lost r δ δᵀ. By how much it shrinks
// depends on what the structure lets each component have for itself: all of it,
// the variances along its axes, one volume, or nothing. With q the squared
// Mahalanobis distance, the new one is (n_k / c)² q / g, summed over directions
// that each shrink by their own g.
#pragma once

#include "climb_table.hpp"

namespace emix::EMIX_LEVEL {

// What a component has for itself.
enum class Own { nothing, volume, columns, axes, matrix };

inline Own own_part(std::int64_t structure) {
    switch (structure) {
        case structure_vii:
        case structure_vei:
        case structure_vee:
        case structure_vev: return Own::volume;
        case structure_evi:
        case structure_vvi: return Own::columns;
        case structure_eve:
        case structure_vve: return Own::axes;
        case structure_evv:
        case structure_vvv: return Own::matrix;
        default: return Own::nothing;
    }
}

// Judges one mixture after another. Nothing is allocated after construction.
class TableJudge {
  public:
    TableJudge(const PaddedTable& table, const TableRules& rules)
        : table_(table),
          rules_(rules),
          own_(own_part(rules.terms.structure)),
          k_(rules.k),
          d_(rules.d),
          maximiser_(rules),
          storage_((3 * k_ + 4) * table.n + 4 * k_ + k_ * d_ * d_ + k_ * d_ +
                   2 * TableParameters::size(k_, d_)) {
        double* at = storage_.get();
        const auto take = [&](int64_t doubles) {
            double* part = at;
            at += doubles;
            return part;
        };
        logs_ = take(k_ * table.n);
        shares_ = take(k_ * table.n);
        distances_ = take(k_ * table.n);
        top_ = take(table.n);
        sum_ = take(table.n);
        second_ = take(table.n);
        rest_ = take(table.n);
        counts_ = take(k_);
        heights_ = take(k_);
        offsets_ = take(k_);
        frames_ = take(k_ * d_ * d_);
        variances_ = take(k_ * d_);
        spread_ = TableParameters::in(take(TableParameters::size(k_, d_)), k_, d_);
        neutral_ = TableParameters::in(take(TableParameters::size(k_, d_)), k_, d_);
    }

    // counts (k) and total are those of all the data; null and 0 where the table
    // is all of it.
    void operator()(const double* weights, const double* means, const double* factors,
                    const double* counts, double total, double* gains) {
        weights_ = weights;
        means_ = means;
        total_ = counts ? total : table_.total;
        for (int64_t j = 0; j < k_; ++j) gains[j] = infinity;
        // Of a point or less in all, none can be left out.
        if (k_ < 2 || !(total_ > 1.0)) return;
        prepare(factors);
        share_points();
        for (int64_t j = 0; counts && j < k_; ++j) counts_[j] = counts[j];
        for (int64_t j = 0; j < k_; ++j) {
            const double gain = left_out_gain(j);
            if (gain == gain) gains[j] = gain;
        }
    }

  private:
    // For each component a matrix that whitens, the variances along its
    // directions, and log2 of its density at its mean.
    void prepare(const double* factors) {
        const Side<0> d{d_};
        if (own_ == Own::axes) maximiser_.conform(weights_, factors, neutral_, spread_);
        for (int64_t j = 0; j < k_; ++j) {
            const double* lower = factors + j * d_ * d_;
            double *frame = frames_ + j * d_ * d_, *variance = variances_ + j * d_, logs = 0.0;
            for (int64_t i = 0; i < d_; ++i) {
                logs += std::log2(lower[i * d_ + i]);
                variance[i] = square(lower[i * d_ + i]);
            }
            if (own_ == Own::axes) {
                for (int64_t i = 0; i < d_; ++i) {
                    const double axis = spread_.spread.axes[j * d_ + i];
                    variance[i] = square(axis);
                    for (int64_t m = 0; m < d_; ++m)
                        frame[i * d_ + m] = spread_.spread.rows[i * d_ + m] / axis;
                }
            } else {
                set_identity(d, frame);
                for (int64_t i = 0; i < d_; ++i)
                    for (int64_t m = 0; m <= i; ++m) {
                        double left = frame[i * d_ + m];
                        for (int64_t c = m; c < i; ++c)
                            left -= lower[i * d_ + c] * frame[c * d_ + m];
                        frame[i * d_ + m] = left / lower[i * d_ + i];
                    }
            }
            heights_[j] = -logs - static_cast<double>(d_) * half_log_two_pi * log2_e;
            offsets_[j] = heights_[j] + std::log2(weights_[j]);
        }
    }

    // One direction of the whitened deviation.
    EMIX_INLINE Vector whitened(int64_t j, int64_t row, int64_t i) const {
        const double *from = frames_ + (j * d_ + row) * d_, *mean = means_ + j * d_;
        const int64_t end = own_ == Own::axes ? d_ : row + 1;
        Vector sum = {};
        for (int64_t m = 0; m < end; ++m) sum += from[m] * (table_.at(m, i) - mean[m]);
        return sum;
    }

    // For each point: squared distances, log2 densities, the largest and the next
    // to it, the sums of all densities in units of the largest and of the others
    // in units of the next; responsibilities, and their weighted totals.
    EMIX_LOOP void share_points() {
        const int64_t n = table_.n;
        for (int64_t j = 0; j < k_; ++j) counts_[j] = 0.0;
        for (int64_t i = 0; i < n; i += lanes) {
            const Vector weight = load(table_.weight + i);
            Vector most = broadcast(-infinity), next = most, sum = {}, rest = {};
            for (int64_t j = 0; j < k_; ++j) {
                Vector q = {};
                for (int64_t row = 0; row < d_; ++row) {
                    const Vector u = whitened(j, row, i);
                    q += u * u;
                }
                const Vector a = offsets_[j] - half_log2_e * q;
                store(distances_ + j * n + i, q);
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

    // What leaving out points one at a time does to component j: its weight, its
    // log2 density there, and log2 of what the others say, as exponent and factor.
    struct LeftOut {
        Vector share, log2_density, exponent, factor;
    };

    EMIX_INLINE LeftOut leave_out(int64_t j, int64_t i) const {
        const int64_t n = table_.n;
        const Vector r = load(shares_ + j * n + i), top = load(top_ + i), one = broadcast(1.0);
        const Vector out = r * minimum(load(table_.weight + i), one);
        const Vector left = maximum(counts_[j] - out, broadcast(1e-12)), inverse = 1.0 / left;
        LeftOut l;
        l.log2_density = heights_[j] + changed(j, i, counts_[j] * inverse, out * inverse);
        const bool learned = rules_.learns_weight(j);
        l.share = learned ? left * (1.0 / (total_ - 1.0)) : broadcast(weights_[j]);
        l.share = minimum(l.share, one);
        const Integers largest = load(logs_ + j * n + i) == top;
        l.exponent = largest ? load(second_ + i) : top;
        l.factor = largest ? load(rest_ + i) : load(sum_ + i) * (1.0 - r);
        return l;
    }

    // -1/2 log2 of the determinant's change and of e to the new squared distance,
    // for n_k / c and r / c.
    EMIX_INLINE Vector changed(int64_t j, int64_t i, Vector ratio, Vector part) const {
        const Vector q = load(distances_ + j * table_.n + i), far = ratio * ratio;
        if (own_ == Own::nothing) return -half_log2_e * (far * q);
        if (own_ == Own::volume) {
            const double d = static_cast<double>(d_);
            const Vector g = shrunk(ratio * (1.0 - part * q * (1.0 / d)), least_variance(j));
            return -half_log2_e * (far * q) / g - (0.5 * d) * log2_of(g);
        }
        if (own_ == Own::matrix) {
            // The variance along the deviation is |δ|² / q.
            Vector size = {};
            for (int64_t m = 0; m < d_; ++m) {
                const Vector away = table_.at(m, i) - means_[j * d_ + m];
                size += away * away;
            }
            const Vector along = size / maximum(q, broadcast(0x1p-1000));
            const Vector g = shrunk(ratio * (1.0 - part * q), along);
            return -half_log2_e * (far * q) / g - 0.5 * log2_of(g) -
                   (0.5 * static_cast<double>(d_ - 1)) * log2_of(ratio);
        }
        Vector distance = {}, logs = {};
        for (int64_t row = 0; row < d_; ++row) {
            const Vector u = whitened(j, row, i), square = u * u;
            const Vector g =
                shrunk(ratio * (1.0 - part * square), broadcast(variances_[j * d_ + row]));
            distance += square / g;
            logs += log2_of(g);
        }
        return -half_log2_e * (far * distance) - 0.5 * logs;
    }

    Vector least_variance(int64_t j) const {
        double least = infinity;
        for (int64_t i = 0; i < d_; ++i)
            least = variances_[j * d_ + i] < least ? variances_[j * d_ + i] : least;
        return broadcast(least);
    }

    // A variance shrinks no further than to the floor.
    EMIX_INLINE Vector shrunk(Vector g, Vector variance) const {
        const Vector least = rules_.terms.floor * rules_.terms.floor / variance;
        return maximum(g, minimum(maximum(least, broadcast(0x1p-200)), broadcast(1.0)));
    }
    static EMIX_INLINE Vector log2_of(Vector x) { return log2_from_one(x * 0x1p200) - 200.0; }

    // Σ w [log f with j changed - log f without j]. The ratio of the two is
    // (1 - share) + share N / others, in which nothing cancels.
    EMIX_LOOP double left_out_gain(int64_t j) const {
        constexpr double highest = 256.0, lift = 64.0, most_factor = 0x1p512;
        const double others_weight = 1.0 - weights_[j];
        Vector gain = {};
        double odd = 0.0;
        for (int64_t i = 0; i < table_.n; i += lanes) {
            const LeftOut l = leave_out(j, i);
            const Vector one = broadcast(1.0), e = l.log2_density - l.exponent;
            const Vector factor = others_weight * l.share / l.factor;
            const Integers usual = (e <= highest) & (l.share < 1.0) & (l.share > 0.0) &
                                   (factor > 0.0) & (factor < most_factor);
            Vector ratio = minimum(e, broadcast(highest)) - highest;
            exp2_nonpositive<1>(&ratio);
            ratio = (one - l.share) + factor * (ratio * 0x1p256);
            const Vector weight = load(table_.weight + i);
            ratio = usual ? ratio * 0x1p64 : one;
            gain += usual ? weight * (log2_from_one(ratio) - lift) : Vector{};
            if (!all_true(usual)) odd += carefully(j, i, l, usual);
        }
        return sum_lanes(gain) * log_two + odd;
    }

    // The lanes of a vector that would over- or underflow, in logarithms.
    double carefully(int64_t j, int64_t i, const LeftOut& l, const Integers& usual) const {
        double sum = 0.0;
        for (int64_t lane = 0; lane < lanes; ++lane) {
            const double weight = table_.weight[i + lane], share = l.share[lane];
            if (usual[lane] || weight == 0.0) continue;
            const double others = l.exponent[lane] * log_two + std::log(l.factor[lane]) -
                                  std::log1p(-weights_[j]);
            if (others == -infinity) return infinity;
            const double own = std::log(share) + l.log2_density[lane] * log_two;
            const double kept = std::log1p(-share) + others, top = own > kept ? own : kept;
            sum += weight * (top + std::log1p(std::exp(-std::fabs(own - kept))) - others);
        }
        return sum;
    }

    static EMIX_INLINE bool all_true(const Integers& mask) {
        int64_t both = -1;
        for (int64_t i = 0; i < lanes; ++i) both &= mask[i];
        return both != 0;
    }

    const PaddedTable& table_;
    const TableRules& rules_;
    Own own_;
    int64_t k_, d_;
    TableMaximiser<0, full_spread> maximiser_;
    Buffer storage_;
    double *logs_, *shares_, *distances_, *top_, *sum_, *second_, *rest_, *counts_, *heights_,
        *offsets_, *frames_, *variances_;
    TableParameters spread_{}, neutral_{};
    const double *weights_ = nullptr, *means_ = nullptr;
    double total_ = 0.0;
};

struct JudgeJob {
    const LeftOutRequest& request;
    const TableRules& rules;
    TableJudge** judges;
    double* gains;

    static void run(void* self, int64_t s, int worker) {
        const JudgeJob& job = *static_cast<const JudgeJob*>(self);
        const LeftOutRequest& r = job.request;
        const int64_t k = job.rules.k, d = job.rules.d;
        (*job.judges[worker])(r.weights + s * k, r.means + s * k * d, r.factors + s * k * d * d,
                              r.counts ? r.counts + s * k : nullptr, r.total, job.gains + s * k);
    }
};

inline void left_out_gains_of(const Table& table, const LeftOutRequest& request, int threads,
                              double* gains) {
    const TableRules rules(request.terms, request.k, table.d);
    const PaddedTable padded(table);
    const int most = static_cast<int>(smaller(threads, larger(request.mixtures, 1)));
    const int workers = useful_threads(most, table.n * request.mixtures * 4, request.k * table.d);
    Several<TableJudge*> judges(workers);
    struct Owner {
        TableJudge** judges;
        int count = 0;
        ~Owner() {
            for (int i = 0; i < count; ++i) delete judges[i];
        }
    } owner{judges.items};
    for (; owner.count < workers; ++owner.count)
        judges.items[owner.count] = new TableJudge(padded, rules);
    JudgeJob job{request, rules, judges.items, gains};
    run_tasks(request.mixtures, workers, JudgeJob::run, &job);
}

}  // namespace emix::EMIX_LEVEL
