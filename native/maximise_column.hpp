// The M-step of one column, what is left of the gradient before it, and the
// log prior that it climbs with.
#pragma once

#include "column.hpp"

namespace emix::EMIX_LEVEL {

struct ColumnParameters {
    double *weights, *means, *sds;

    static ColumnParameters in(double* memory, int64_t k) {
        return {memory, memory + k, memory + 2 * k};
    }
    void copy_from(const ColumnParameters& other, int64_t k) const {
        for (int64_t j = 0; j < k; ++j) {
            weights[j] = other.weights[j];
            means[j] = other.means[j];
            sds[j] = other.sds[j];
        }
    }
};

// ColumnTerms with what follows from them, worked out once per fit.
struct ColumnRules {
    ColumnTerms terms;
    int64_t k, learned_weights;
    double free_weight;  // 1 - sum of the held weights
    bool mean_prior, weight_prior, all_sds_held;
    double mean_prior_constant, weight_prior_constant;
    double prior_precision;

    ColumnRules(const ColumnTerms& given, int64_t components) : terms(given), k(components) {
        learned_weights = 0;
        free_weight = 1.0;
        mean_prior = terms.prior_sd == terms.prior_sd;
        prior_precision = mean_prior ? 1.0 / (terms.prior_sd * terms.prior_sd) : 0.0;
        weight_prior = false;
        all_sds_held = true;
        mean_prior_constant = weight_prior_constant = 0.0;
        double total = 0.0;
        for (int64_t j = 0; j < k; ++j) {
            if (learns_weight(j)) {
                ++learned_weights;
                total += terms.concentration[j];
                weight_prior_constant -= std::lgamma(terms.concentration[j]);
            } else {
                free_weight -= terms.held_weights[j];
            }
            weight_prior = weight_prior || terms.concentration[j] != 1.0;
            all_sds_held = all_sds_held && !learns_sd(j);
            if (mean_prior && learns_mean(j))
                mean_prior_constant -= half_log_two_pi + std::log(terms.prior_sd);
        }
        if (!(free_weight > 0.0)) learned_weights = 0;
        weight_prior = weight_prior && learned_weights > 0;
        weight_prior_constant = weight_prior ? weight_prior_constant + std::lgamma(total) : 0.0;
    }

    bool learns_weight(int64_t j) const { return terms.held_weights[j] != terms.held_weights[j]; }
    bool learns_mean(int64_t j) const { return terms.held_means[j] != terms.held_means[j]; }
    bool learns_sd(int64_t j) const { return terms.held_sds[j] != terms.held_sds[j]; }

    // What a component claims of the weight: its rows, and those of the prior.
    double claim(const ColumnStatistics& s, int64_t j) const {
        return s.s0[j] + (terms.concentration[j] - 1.0);
    }
    double claims(const ColumnStatistics& s) const {
        double total = 0.0;
        for (int64_t j = 0; j < k; ++j)
            if (learns_weight(j)) total += claim(s, j);
        return total;
    }
};

inline double log_prior(const ColumnRules& rules, const ColumnParameters& at) {
    double total = rules.mean_prior_constant + rules.weight_prior_constant;
    if (!rules.mean_prior && !rules.weight_prior) return total;
    for (int64_t j = 0; j < rules.k; ++j) {
        if (rules.mean_prior && rules.learns_mean(j)) {
            const double away = at.means[j] - rules.terms.prior_mean;
            total -= 0.5 * away * away * rules.prior_precision;
        }
        const double extra = rules.terms.concentration[j] - 1.0;
        if (rules.weight_prior && rules.learns_weight(j) && extra != 0.0)
            total += extra * std::log(at.weights[j] / rules.free_weight);
    }
    return total;
}

// The largest slope of the objective per row of weight: along the weights on
// their simplex, the means in units of their sds, and log sd. An sd that the
// floor stops does not count.
inline double gradient_norm(const ColumnRules& rules, const ColumnParameters& at,
                            const ColumnStatistics& s) {
    const ColumnTerms& terms = rules.terms;
    double largest = 0.0, together = 0.0;
    // Written so that NaN is kept, not passed over.
    const auto count = [&](double slope) {
        slope = std::fabs(slope);
        if (!(slope <= largest)) largest = slope;
    };
    const auto count_sd = [&](double slope, double sd) {
        if (!(sd <= terms.floor && slope < 0.0)) count(slope);
    };
    const double claims = rules.learned_weights > 1 ? rules.claims(s) : 0.0;
    for (int64_t j = 0; j < rules.k; ++j) {
        if (rules.learned_weights > 1 && rules.learns_weight(j))
            count(rules.claim(s, j) - at.weights[j] / rules.free_weight * claims);
        if (rules.learns_mean(j)) {
            double slope = s.s1[j];
            if (rules.mean_prior)
                slope -= at.sds[j] * (at.means[j] - terms.prior_mean) * rules.prior_precision;
            count(slope);
        }
        if (!rules.learns_sd(j)) continue;
        together += s.s2[j] - s.s0[j];
        if (!terms.tied) count_sd(s.s2[j] - s.s0[j], at.sds[j]);
    }
    if (terms.tied && !rules.all_sds_held) count_sd(together, at.sds[0]);
    return largest / s.weight;
}

// Moves `at` to the maximiser of the expected objective: weights, then means
// given the old sds, then sds given the new means. Held values are not touched.
inline void maximise(const ColumnRules& rules, const ColumnStatistics& s,
                     const ColumnParameters& at) {
    const ColumnTerms& terms = rules.terms;
    if (rules.learned_weights > 0) {
        const double claims = rules.claims(s);
        if (claims != 0.0)
            for (int64_t j = 0; j < rules.k; ++j)
                if (rules.learns_weight(j))
                    at.weights[j] = rules.free_weight * rules.claim(s, j) / claims;
    }
    double tied_scatter = 0.0, tied_weight = 0.0;
    for (int64_t j = 0; j < rules.k; ++j) {
        if (!(s.s0[j] >= 1e-300)) continue;  // nobody's component stays where it is
        const double sd = at.sds[j], average = s.s1[j] / s.s0[j];
        double moved = 0.0;  // in units of the old sd
        if (rules.learns_mean(j)) {
            double mean = at.means[j] + sd * average;
            if (rules.mean_prior) {
                const double pull = (terms.prior_mean - at.means[j]) * rules.prior_precision;
                mean = at.means[j] +
                       (s.s1[j] / sd + pull) / (s.s0[j] / (sd * sd) + rules.prior_precision);
            }
            moved = (mean - at.means[j]) / sd;
            at.means[j] = mean;
        }
        if (!rules.learns_sd(j)) continue;
        const double within = s.s2[j] - s.s1[j] * average, away = moved - average;
        const double scatter = (within > 0.0 ? within : 0.0) + s.s0[j] * away * away;
        if (terms.tied) {
            tied_scatter += sd * sd * scatter;
            tied_weight += s.s0[j];
        } else {
            const double learned = sd * std::sqrt(scatter / s.s0[j]);
            at.sds[j] = learned < terms.floor ? terms.floor : learned;
        }
    }
    if (!terms.tied || rules.all_sds_held || !(tied_weight > 0.0)) return;
    const double learned = std::sqrt(tied_scatter / tied_weight);
    for (int64_t j = 0; j < rules.k; ++j)
        at.sds[j] = learned < terms.floor ? terms.floor : learned;
}

}  // namespace emix::EMIX_LEVEL
