// K-Means in one column, solved exactly; the same layers and the same choice
// among ties as emix.kmeans, where the method is described.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

// Sorted points; no `weight` is one each.
struct RunPoints {
    const double *z, *weight;
    int64_t n;
    double weight_of(int64_t i) const { return weight ? weight[i] : 1.0; }
};

// The weighted sum of squares of any run. Extended precision: that of a short run
// is the difference of two long sums.
class RunCosts {
  public:
    explicit RunCosts(const RunPoints& p) : sums_(3 * (p.n + 1) * wide) {
        long double total = 0.0, first = 0.0;
        for (int64_t i = 0; i < p.n; ++i) {
            total += p.weight_of(i);
            first += static_cast<long double>(p.weight_of(i)) * p.z[i];
        }
        const double centre = static_cast<double>(first / total);
        Sums* sums = prefix();
        sums[0] = {0.0, 0.0, 0.0};
        for (int64_t i = 0; i < p.n; ++i) {
            const double w = p.weight_of(i), z = p.z[i] - centre;
            sums[i + 1] = {sums[i].weight + w, sums[i].first + w * z,
                           sums[i].second + w * z * z};
        }
    }

    // Σ w (z - mean)² over start <= i < stop.
    double operator()(int64_t start, int64_t stop) const {
        const Sums &a = prefix()[start], &b = prefix()[stop];
        const long double weight = b.weight - a.weight, first = b.first - a.first;
        const long double about = b.second - a.second - first * first / (weight > 0 ? weight : 1);
        return about > 0 ? static_cast<double>(about) : 0.0;
    }

  private:
    struct Sums {
        long double weight, first, second;
    };
    static constexpr int64_t wide = sizeof(long double) / sizeof(double);
    Sums* prefix() const { return reinterpret_cast<Sums*>(sums_.get()); }

    Buffer sums_;
};

// Where to cut once: found in plain precision, and in extended only if more than
// one place may be the best.
inline int64_t best_break(const RunPoints& p) {
    double total = 0.0, all = 0.0;
    for (int64_t i = 0; i < p.n; ++i) {
        total += p.weight_of(i);
        all += p.weight_of(i) * p.z[i];
    }
    const double centre = all / total;
    Buffer storage(p.n);
    double *between = storage.get(), weight = 0.0, first = 0.0, second = 0.0, most = 0.0;
    for (int64_t i = 0; i < p.n; ++i) {
        // The sum of squares between the runs on either side of i, for a unit of weight.
        between[i] = first * first / (weight * (total - weight));
        const double w = p.weight_of(i), z = p.z[i] - centre;
        weight += w;
        first += w * z;
        second += w * z * z;
    }
    for (int64_t i = 1; i < p.n; ++i) most = between[i] > most ? between[i] : most;
    const double rounding = 1e-9 + 0x1p-50 * static_cast<double>(p.n);
    const double least = most - rounding * second / total;
    int64_t best = 1, rivals = 0;
    for (int64_t i = p.n - 1; i > 0; --i) {
        // NaN is a rival as well.
        if (between[i] < least) continue;
        best = i;
        ++rivals;
    }
    if (rivals < 2) return best;
    const RunCosts cost(p);
    double smallest = infinity;
    for (int64_t i = best; i < p.n; ++i) {
        if (between[i] < least) continue;
        const double candidate = cost(0, i) + cost(i, p.n);
        if (candidate < smallest) {
            smallest = candidate;
            best = i;
        }
    }
    return best;
}

// Any number of runs, by layers.
class OptimalBreaks {
  public:
    OptimalBreaks(const RunPoints& points, int64_t k)
        : n_(points.n), k_(k), cost_(points), best_(2 * (n_ + 1)),
          choices_(larger(k - 1, 1) * (n_ + 1)) {}

    // k + 1 indices from 0 to n.
    void find(int64_t* breaks) {
        double *best = best_.get(), *next = best + n_ + 1;
        for (int64_t i = 0; i <= n_; ++i) best[i] = cost_(0, i);
        for (int64_t layer = 1; layer < k_; ++layer) {
            for (int64_t i = 0; i <= n_; ++i) next[i] = infinity;
            before_ = best;
            total_ = next;
            choice_ = choices(layer);
            // With fewer points than runs the last ones are empty.
            for (int64_t i = 0; i <= n_; ++i) choice_[i] = i;
            // Of the last layer only the end of the data is asked for.
            solve(layer == k_ - 1 ? n_ : layer + 1, n_, layer, n_ - 1);
            double* reached = next;
            next = best;
            best = reached;
        }
        breaks[0] = 0;
        breaks[k_] = n_;
        for (int64_t j = k_ - 1; j > 0; --j) breaks[j] = choices(j)[breaks[j + 1]];
    }

  private:
    int64_t* choices(int64_t layer) const {
        return reinterpret_cast<int64_t*>(choices_.get()) + (layer - 1) * (n_ + 1);
    }

    // For each end from low to high the best start of the last run, which is
    // known to lie between least and most.
    void solve(int64_t low, int64_t high, int64_t least, int64_t most) {
        if (low > high) return;
        const int64_t end = low + (high - low) / 2, last = smaller(most, end - 1);
        double smallest = infinity;
        int64_t choice = smaller(least, end);
        for (int64_t start = least; start <= last; ++start) {
            const double candidate = before_[start] + cost_(start, end);
            if (candidate < smallest) {
                smallest = candidate;
                choice = start;
            }
        }
        total_[end] = smallest;
        choice_[end] = choice;
        solve(low, end - 1, least, choice);
        solve(end + 1, high, choice, most);
    }

    int64_t n_, k_;
    RunCosts cost_;
    Buffer best_, choices_;
    const double* before_ = nullptr;
    double* total_ = nullptr;
    int64_t* choice_ = nullptr;
};

// k + 1 indices from 0 to n.
inline void find_breaks(const RunPoints& points, int64_t k, int64_t* breaks) {
    if (k != 2) return OptimalBreaks(points, k).find(breaks);
    breaks[0] = 0;
    breaks[1] = best_break(points);
    breaks[2] = points.n;
}

}  // namespace emix::EMIX_LEVEL
