// Starts and swaps: the same draws, and the same mixtures from them, as
// emix.initialise and emix.search.
#pragma once

#include "draws.hpp"
#include "kmeans_column.hpp"
#include "maximise_column.hpp"
#include "runs_column.hpp"

namespace emix::EMIX_LEVEL {

// The constants of emix.initialise and of the swaps in emix.search.
constexpr double least_spread = 0.02;
constexpr double narrowest_start = 0.05, widest_start = 0.7;
constexpr double narrowest_swap = 0.03, widest_swap = 0.7;

// A sorted column with the running total of its weights.
class DrawnColumn {
  public:
    explicit DrawnColumn(const SortedColumn& column)
        : z(column.points), weight(column.weight), n(column.count), sd(column.sd), cumulative_(n) {
        double total = 0.0;
        for (int64_t i = 0; i < n; ++i) cumulative_.get()[i] = total += weight[i];
    }
    const double* cumulative() const { return cumulative_.get(); }
    double total() const { return cumulative_.get()[n - 1]; }

    // The point at a share `uniform` of the total weight, counted from below.
    double drawn(double uniform) const { return z[place(cumulative(), n, uniform)]; }

    static int64_t place(const double* cumulative, int64_t n, double uniform) {
        return smaller(first_above(cumulative, n, uniform * cumulative[n - 1]), n - 1);
    }
    // The first of ascending values that is above `value`; n where none is.
    static int64_t first_above(const double* values, int64_t n, double value) {
        int64_t low = 0, high = n;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (values[middle] > value)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }
    // The first that is not below it.
    static int64_t first_from(const double* values, int64_t n, double value) {
        int64_t low = 0, high = n;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (values[middle] < value)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    const double *z, *weight;
    int64_t n;
    double sd;

  private:
    Buffer cumulative_;
};

inline void sort_few(double* values, int64_t count) {
    for (int64_t i = 1; i < count; ++i) {
        const double moved = values[i];
        int64_t at = i;
        for (; at > 0 && moved < values[at - 1]; --at) values[at] = values[at - 1];
        values[at] = moved;
    }
}

// Weights, means and standard deviations of the runs between k + 1 breaks.
inline void mixture_of_runs(const DrawnColumn& column, const int64_t* breaks, int64_t k,
                            const ColumnParameters& out) {
    const double floor = column.sd > 0.0 ? least_spread * column.sd : 1.0;
    double all = 0.0;
    for (int64_t j = 0; j < k; ++j) {
        const auto [total, first] = sum_run(column.z, column.weight, breaks[j], breaks[j + 1]);
        const bool empty = total == 0.0;
        out.means[j] = empty ? column.z[smaller(breaks[j], column.n - 1)] : first / total;
        const double second =
            scatter_of_run(column.z, column.weight, breaks[j], breaks[j + 1], out.means[j]);
        const double spread = empty ? 0.0 : std::sqrt(second / total);
        out.sds[j] = spread > floor ? spread : floor;
        out.weights[j] = total;
        all += total;
    }
    // Half a point for each run keeps an empty one alive.
    for (int64_t j = 0; j < k; ++j)
        out.weights[j] = (out.weights[j] + 0.5) / (all + 0.5 * static_cast<double>(k));
}

inline void start_quantiles(const DrawnColumn& column, int64_t k, const ColumnParameters& out) {
    Buffer storage(k + 1);
    int64_t* breaks = reinterpret_cast<int64_t*>(storage.get());
    breaks[0] = 0;
    breaks[k] = column.n;
    for (int64_t j = 1; j < k; ++j) {
        const double wanted = column.total() * static_cast<double>(j) / static_cast<double>(k);
        const int64_t at = DrawnColumn::first_from(column.cumulative(), column.n, wanted) + 1;
        breaks[j] = smaller(at, column.n);
    }
    mixture_of_runs(column, breaks, k, out);
}

inline void start_kmeans(const DrawnColumn& column, int64_t k, const ColumnParameters& out) {
    Buffer storage(k + 1);
    int64_t* breaks = reinterpret_cast<int64_t*>(storage.get());
    find_breaks({column.z, column.weight, column.n}, k, breaks);
    mixture_of_runs(column, breaks, k, out);
}

inline void start_random(const DrawnColumn& column, int64_t k, Draws draws,
                         const ColumnParameters& out) {
    for (int64_t j = 0; j < k; ++j) out.means[j] = column.drawn(draws.uniform());
    sort_few(out.means, k);
    const double share =
        narrowest_start * std::pow(widest_start / narrowest_start, draws.uniform());
    for (int64_t j = 0; j < k; ++j) {
        out.weights[j] = 1.0 / static_cast<double>(k);
        out.sds[j] = column.sd > 0.0 ? share * column.sd : 1.0;
    }
}

// k-means++ (Arthur and Vassilvitskii 2007, doi:10.5555/1283383.1283494).
inline void start_plus_plus(const DrawnColumn& column, int64_t k, Draws draws,
                            const ColumnParameters& out) {
    const int64_t n = column.n;
    Buffer storage(2 * n + 2 * k + 1);
    double *distance = storage.get(), *chance = distance + n, *seeds = chance + n;
    int64_t* breaks = reinterpret_cast<int64_t*>(seeds + k);
    for (int64_t i = 0; i < n; ++i) distance[i] = infinity;
    for (int64_t j = 0; j < k; ++j) {
        double total = 0.0;
        for (int64_t i = 0; i < n; ++i)
            chance[i] = total += j == 0 ? column.weight[i] : column.weight[i] * distance[i];
        seeds[j] = column.z[DrawnColumn::place(chance, n, draws.uniform())];
        for (int64_t i = 0; i < n; ++i) {
            const double away = column.z[i] - seeds[j], squared = away * away;
            if (squared < distance[i]) distance[i] = squared;
        }
    }
    sort_few(seeds, k);
    breaks[0] = 0;
    breaks[k] = n;
    for (int64_t j = 1; j < k; ++j) {
        const double middle = seeds[j - 1] + 0.5 * (seeds[j] - seeds[j - 1]);
        breaks[j] = DrawnColumn::first_from(column.z, n, middle);
    }
    mixture_of_runs(column, breaks, k, out);
}

// The M-step from responsibilities drawn evenly over all divisions of each point.
inline void start_responsibilities(const DrawnColumn& column, int64_t k, Draws draws,
                                   const ColumnParameters& out) {
    const int64_t n = column.n;
    Buffer storage(n * k + 3 * k);
    double *shares = storage.get(), *totals = shares + n * k;
    const ColumnParameters drawn = ColumnParameters::in(totals, k);
    for (int64_t j = 0; j < k; ++j) drawn.weights[j] = drawn.means[j] = drawn.sds[j] = 0.0;
    for (int64_t i = 0; i < n; ++i) {
        double* row = shares + i * k;
        double sum = 0.0;
        // Exponential variates in proportion are uniform on the simplex; 1 - u
        // is exact for a multiple of 2^-53.
        for (int64_t j = 0; j < k; ++j) sum += row[j] = -std::log(1.0 - draws.uniform());
        const double factor = column.weight[i] / (sum > 1e-300 ? sum : 1e-300);
        for (int64_t j = 0; j < k; ++j) {
            row[j] *= factor;
            drawn.weights[j] += row[j];
            drawn.means[j] += row[j] * column.z[i];
        }
    }
    double all = 0.0;
    for (int64_t j = 0; j < k; ++j) {
        drawn.means[j] /= drawn.weights[j];
        all += drawn.weights[j];
    }
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < k; ++j) {
            const double away = column.z[i] - drawn.means[j];
            drawn.sds[j] += shares[i * k + j] * (away * away);
        }
    // In ascending order of means, each component to the place of its rank.
    for (int64_t j = 0; j < k; ++j) {
        int64_t rank = 0;
        for (int64_t l = 0; l < k; ++l)
            rank += drawn.means[l] < drawn.means[j] || (drawn.means[l] == drawn.means[j] && l < j);
        const double sd = std::sqrt(drawn.sds[j] / drawn.weights[j]);
        out.weights[rank] = drawn.weights[j] / all;
        out.means[rank] = drawn.means[j];
        out.sds[rank] = sd > 0.0 ? sd : 1.0;
    }
}

// The start with held values written over it and, where one spread serves all,
// one spread.
inline void impose(const ColumnRules& rules, const ColumnParameters& at) {
    const ColumnTerms& terms = rules.terms;
    if (terms.tied) {
        double pooled = 0.0;
        for (int64_t j = 0; j < rules.k; ++j) pooled += at.weights[j] * (at.sds[j] * at.sds[j]);
        pooled = std::sqrt(pooled);
        for (int64_t j = 0; j < rules.k; ++j) at.sds[j] = pooled;
    }
    int64_t learned = 0;
    double held = 0.0, share = 0.0;
    for (int64_t j = 0; j < rules.k; ++j) {
        if (!rules.learns_mean(j)) at.means[j] = terms.held_means[j];
        if (!rules.learns_sd(j)) at.sds[j] = terms.held_sds[j];
        learned += rules.learns_weight(j);
        (rules.learns_weight(j) ? share : held) +=
            rules.learns_weight(j) ? at.weights[j] : terms.held_weights[j];
    }
    if (learned == rules.k) return;
    const double left = 1.0 - held;
    for (int64_t j = 0; j < rules.k; ++j)
        at.weights[j] = !rules.learns_weight(j) ? terms.held_weights[j]
                        : share > 0.0           ? left * at.weights[j] / share
                                                : left / static_cast<double>(learned);
}

inline void draw_start(const DrawnColumn& column, int64_t kind, const ColumnRules& rules,
                       Draws draws, const ColumnParameters& out) {
    const int64_t k = rules.k;
    switch (kind) {
        case kmeans_start: start_kmeans(column, k, out); break;
        case quantiles_start: start_quantiles(column, k, out); break;
        case responsibilities_start: start_responsibilities(column, k, draws, out); break;
        case random_start: start_random(column, k, draws, out); break;
        default: start_plus_plus(column, k, draws, out); break;
    }
    impose(rules, out);
}

// One component, at random, put at a random point with a random spread and a
// fair weight.
inline void draw_swap(const DrawnColumn& column, const ColumnRules& rules, Draws draws,
                      const ColumnParameters& at) {
    const int64_t k = rules.k, j = draws.below(k);
    at.means[j] = column.drawn(draws.uniform());
    at.sds[j] =
        column.sd * narrowest_swap * std::pow(widest_swap / narrowest_swap, draws.uniform());
    at.weights[j] = 1.0 / static_cast<double>(k);
    double total = 0.0;
    for (int64_t l = 0; l < k; ++l) total += at.weights[l];
    for (int64_t l = 0; l < k; ++l) at.weights[l] /= total;
    impose(rules, at);
}

}  // namespace emix::EMIX_LEVEL
