#include "divide_table.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace emix {
namespace {

// The nearest centre of each row; whether any label has changed.
bool label(const Lloyd& r) {
    bool changed = false;
    for (std::int64_t i = 0; i < r.n; ++i) {
        const double* x = r.points + i * r.d;
        std::int64_t nearest = 0;
        double least = std::numeric_limits<double>::infinity();
        for (std::int64_t j = 0; j < r.k; ++j) {
            double distance = 0.0;
            for (std::int64_t c = 0; c < r.d; ++c) {
                const double away = x[c] - r.centres[j * r.d + c];
                distance += away * away;
            }
            if (distance < least) {
                least = distance;
                nearest = j;
            }
        }
        changed = changed || r.labels[i] != nearest;
        r.labels[i] = nearest;
    }
    return changed;
}

// Weights and means, without the scatter.
void average(const Groups& g) {
    std::fill(g.counts, g.counts + g.k, 0.0);
    std::fill(g.means, g.means + g.k * g.d, 0.0);
    for (std::int64_t i = 0; i < g.n; ++i) {
        const double weight = g.weight[i];
        double* sum = g.means + g.labels[i] * g.d;
        g.counts[g.labels[i]] += weight;
        for (std::int64_t c = 0; c < g.d; ++c) sum[c] += weight * g.points[i * g.d + c];
    }
    for (std::int64_t j = 0; j < g.k; ++j)
        for (std::int64_t c = 0; c < g.d && g.counts[j] > 0.0; ++c)
            g.means[j * g.d + c] /= g.counts[j];
}

}  // namespace

void divide_by_lloyd(const Lloyd& r) {
    std::fill(r.labels, r.labels + r.n, -1);
    label(r);
    std::vector<double> means(static_cast<size_t>(r.k * r.d)), counts(static_cast<size_t>(r.k));
    for (std::int64_t round = 0; round < r.rounds; ++round) {
        average({r.points, r.weight, r.labels, r.n, r.d, r.k, counts.data(), means.data(),
                 nullptr});
        // A group that has lost all its rows stays where it was.
        for (std::int64_t j = 0; j < r.k; ++j)
            if (counts[static_cast<size_t>(j)] > 0.0)
                std::copy_n(means.data() + j * r.d, r.d, r.centres + j * r.d);
        if (!label(r)) return;
    }
}

void sum_groups(const Groups& g) {
    average(g);
    std::fill(g.scatter, g.scatter + g.k * g.d * g.d, 0.0);
    std::vector<double> away(static_cast<size_t>(g.d));
    for (std::int64_t i = 0; i < g.n; ++i) {
        const double *x = g.points + i * g.d, *mean = g.means + g.labels[i] * g.d;
        double* scatter = g.scatter + g.labels[i] * g.d * g.d;
        for (std::int64_t c = 0; c < g.d; ++c) {
            away[static_cast<size_t>(c)] = x[c] - mean[c];
            const double weighted = g.weight[i] * away[static_cast<size_t>(c)];
            for (std::int64_t b = 0; b <= c; ++b)
                scatter[c * g.d + b] += weighted * away[static_cast<size_t>(b)];
        }
    }
    for (std::int64_t j = 0; j < g.k; ++j)
        for (std::int64_t c = 0; c < g.d; ++c)
            for (std::int64_t b = 0; b < c; ++b)
                g.scatter[(j * g.d + b) * g.d + c] = g.scatter[(j * g.d + c) * g.d + b];
}

}  // namespace emix
