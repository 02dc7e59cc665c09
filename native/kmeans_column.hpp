// K-Means in one column, solved exactly; the same layers and the same choice
// among ties as emix.kmeans, where the method is described.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

class OptimalBreaks {
  public:
    OptimalBreaks(const double* points, const double* weight, int64_t n, int64_t k)
        : n_(n),
          k_(k),
          sums_(3 * (n + 1) * wide),
          best_(2 * (n + 1)),
          choices_(larger(k - 1, 1) * (n + 1)) {
        long double total = 0.0, first = 0.0;
        for (int64_t i = 0; i < n; ++i) {
            const double w = weight ? weight[i] : 1.0;
            total += w;
            first += static_cast<long double>(w) * points[i];
        }
        const double centre = static_cast<double>(first / total);
        Sums* sums = prefix();
        sums[0] = {0.0, 0.0, 0.0};
        for (int64_t i = 0; i < n; ++i) {
            const double w = weight ? weight[i] : 1.0, z = points[i] - centre;
            sums[i + 1] = {sums[i].weight + w, sums[i].first + w * z,
                           sums[i].second + w * z * z};
        }
    }

    // k + 1 indices from 0 to n.
    void find(int64_t* breaks) {
        if (k_ == 2) return find_two(breaks);
        double *best = best_.get(), *next = best + n_ + 1;
        for (int64_t i = 0; i <= n_; ++i) best[i] = cost(0, i);
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
    // Extended precision: the cost of a short run is the difference of two long
    // sums.
    struct Sums {
        long double weight, first, second;
    };
    static constexpr int64_t wide = sizeof(long double) / sizeof(double);

    Sums* prefix() const { return reinterpret_cast<Sums*>(sums_.get()); }
    int64_t* choices(int64_t layer) const {
        return reinterpret_cast<int64_t*>(choices_.get()) + (layer - 1) * (n_ + 1);
    }

    // Σ w (z - mean)² over start <= i < stop.
    double cost(int64_t start, int64_t stop) const {
        const Sums &a = prefix()[start], &b = prefix()[stop];
        const long double weight = b.weight - a.weight, first = b.first - a.first;
        const long double about = b.second - a.second - first * first / (weight > 0 ? weight : 1);
        return about > 0 ? static_cast<double>(about) : 0.0;
    }

    // One break: in plain precision first, and among those that may be the best
    // as all others are found.
    void find_two(int64_t* breaks) {
        const Sums *sums = prefix(), &all = sums[n_];
        const double weight = static_cast<double>(all.weight);
        double *between = best_.get(), most = 0.0;
        for (int64_t i = 1; i < n_; ++i) {
            const double w = static_cast<double>(sums[i].weight);
            const double first = static_cast<double>(sums[i].first);
            between[i] = first * first / (w * (weight - w));
        }
        for (int64_t i = 1; i < n_; ++i) most = between[i] > most ? between[i] : most;
        const double least = most - 1e-9 * static_cast<double>(all.second) / weight;
        double smallest = infinity;
        breaks[0] = 0;
        breaks[1] = 1;
        breaks[2] = n_;
        for (int64_t i = 1; i < n_; ++i) {
            // Written so that NaN is looked at as well.
            if (between[i] < least) continue;
            const double candidate = cost(0, i) + cost(i, n_);
            if (candidate < smallest) {
                smallest = candidate;
                breaks[1] = i;
            }
        }
    }

    // For each end from low to high the best start of the last run, which is
    // known to lie between least and most.
    void solve(int64_t low, int64_t high, int64_t least, int64_t most) {
        if (low > high) return;
        const int64_t end = low + (high - low) / 2, last = smaller(most, end - 1);
        double smallest = infinity;
        int64_t choice = smaller(least, end);
        for (int64_t start = least; start <= last; ++start) {
            const double candidate = before_[start] + cost(start, end);
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
    Buffer sums_, best_, choices_;
    const double* before_ = nullptr;
    double* total_ = nullptr;
    int64_t* choice_ = nullptr;
};

}  // namespace emix::EMIX_LEVEL
