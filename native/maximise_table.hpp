// The M-step of a table, what is left of the gradient before it, and the log
// prior that it climbs with, for any structure.
#pragma once

#include "structures_table.hpp"

namespace emix::EMIX_LEVEL {

// TableTerms with what follows from them, worked out once per fit.
struct TableRules {
    TableTerms terms;
    int64_t k, d, learned_weights;
    double free_weight;  // 1 - sum of the held weights
    double weight_prior_constant = 0.0;
    bool weight_prior, mean_prior, any_prior;

    TableRules(const TableTerms& given, int64_t components, int64_t columns)
        : terms(given), k(components), d(columns), learned_weights(0), free_weight(1.0) {
        weight_prior = false;
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
        }
        if (!(free_weight > 0.0)) learned_weights = 0;
        weight_prior = weight_prior && learned_weights > 0;
        weight_prior_constant = weight_prior ? weight_prior_constant + std::lgamma(total) : 0.0;
        mean_prior = terms.pseudo_count > 0.0;
        any_prior = mean_prior || terms.extra_weight != 0.0;
        for (int64_t i = 0; i < d * d; ++i) any_prior = any_prior || terms.extra_scatter[i] != 0.0;
    }

    bool learns_weight(int64_t j) const { return terms.held_weights[j] != terms.held_weights[j]; }
    // What a component claims of the weight: its rows, and those of the prior.
    double claim(const TableStatistics& s, int64_t j) const {
        return s.s0[j] + (terms.concentration[j] - 1.0);
    }
    double claims(const TableStatistics& s) const {
        double total = 0.0;
        for (int64_t j = 0; j < k; ++j)
            if (learns_weight(j)) total += claim(s, j);
        return total;
    }
    double log_weight_prior(const double* weights) const {
        double total = weight_prior_constant;
        for (int64_t j = 0; weight_prior && j < k; ++j) {
            const double extra = terms.concentration[j] - 1.0;
            if (learns_weight(j) && extra != 0.0)
                total += extra * std::log(weights[j] / free_weight);
        }
        return total;
    }
    double weight_slope(const double* weights, const TableStatistics& s) const {
        double largest = 0.0;
        const double all = learned_weights > 1 ? claims(s) : 0.0;
        for (int64_t j = 0; learned_weights > 1 && j < k; ++j)
            if (learns_weight(j)) count_slope(largest, claim(s, j) - weights[j] / free_weight * all);
        return largest;
    }
    void maximise_weights(const TableStatistics& s, const double* old, double* next) const {
        const double all = learned_weights > 0 ? claims(s) : 0.0;
        for (int64_t j = 0; j < k; ++j)
            next[j] = all != 0.0 && learns_weight(j) ? free_weight * claim(s, j) / all : old[j];
    }
};

struct TableParameters {
    double *weights, *means;  // (k), (k, d)
    Spread spread;

    static int64_t size(int64_t k, int64_t d) { return k + k * d + Spread::size(k, d); }
    static TableParameters in(double* memory, int64_t k, int64_t d) {
        return {memory, memory + k, Spread::in(memory + k + k * d, k, d)};
    }
};

// How covariances of one form whiten, for a side that may be known in advance.
template <int D, SpreadForm form>
struct Frame {
    Side<D> d;

    EMIX_INLINE const double* of(const double* spreads, int64_t j) const {
        if (form == isotropic_spread) return spreads + j;
        if (form == diagonal_spread) return spreads + j * d;
        return form == full_spread ? spreads + j * d * d : spreads;
    }
    // Doubles that a second moment takes.
    EMIX_INLINE int64_t size() const {
        return form == isotropic_spread ? 1 : form == diagonal_spread ? int64_t{d} : d * d;
    }
    // y = L⁻¹ x, which may be one array.
    EMIX_INLINE void whiten(const double* spread, const double* x, double* y) const {
        if (form >= common_spread) return solve_lower(d, spread, x, y);
        for (int64_t i = 0; i < d; ++i) y[i] = x[i] / spread[form == diagonal_spread ? i : 0];
    }
    // y = L x.
    EMIX_INLINE void colour(const double* spread, const double* x, double* y) const {
        if (form >= common_spread) return multiply_lower(d, spread, x, y);
        for (int64_t i = 0; i < d; ++i) y[i] = x[i] * spread[form == diagonal_spread ? i : 0];
    }
    EMIX_INLINE void whiten_second(const double* spread, double* s) const {
        if (form >= common_spread) return whiten_symmetric(d, spread, s);
        for (int64_t i = 0; i < size(); ++i) s[i] /= square(spread[i]);
    }
    // s += factor x xᵀ, in the form of the scatter.
    EMIX_INLINE void add_square(double factor, const double* x, double* s) const {
        if (form == isotropic_spread) {
            s[0] += factor * dot(d, x, x);
        } else if (form == diagonal_spread) {
            for (int64_t i = 0; i < d; ++i) s[i] += factor * x[i] * x[i];
        } else {
            for (int64_t i = 0; i < d; ++i)
                for (int64_t m = 0; m < d; ++m) s[i * d + m] += (factor * x[i]) * x[m];
        }
    }
    EMIX_INLINE double trace_of(const double* s) const {
        double sum = 0.0;
        const int64_t step = form >= common_spread ? d + 1 : 1;
        for (int64_t i = 0; i < size(); i += step) sum += s[i];
        return sum;
    }
    // log |Σ|, each logarithm of a product of many pivots.
    EMIX_INLINE double log_determinant(const double* spread) const {
        if (form == isotropic_spread) return 2.0 * static_cast<double>(d) * std::log(spread[0]);
        const int64_t step = form >= common_spread ? d + 1 : 1;
        return 2.0 * static_cast<double>(d) * std::log(geometric_mean(d, spread, step));
    }
};

// The M-step of one structure. Sums are whitened first, by the covariances that
// they were gathered with; everything after that is near 1. A conjugate prior is
// seen as rows that every component has besides its own: pseudo_count of them at
// pseudo_mean, and scatter and weight for the covariance.
template <int D, SpreadForm form>
class TableMaximiser {
  public:
    explicit TableMaximiser(const TableRules& rules)
        : rules_(rules),
          spread_(spread_rules<D>(rules.terms.structure)),
          k_(rules.k),
          frame_{{rules.d}},
          parts_(form == common_spread ? 1 : k_),
          storage_(k_ + 4 * k_ * rules.d + 2 * k_ * rules.d * rules.d + rules.d * rules.d +
                   SpreadStep::scratch_size(k_, rules.d)) {
        const int64_t d = rules.d;
        weight_ = storage_.get();
        pull_ = weight_ + k_;
        average_ = pull_ + k_ * d;
        moved_ = average_ + k_ * d;
        spare_ = moved_ + k_ * d;
        scatter_ = spare_ + k_ * d;
        extra_ = scatter_ + k_ * d * d;
        reduced_ = extra_ + k_ * d * d;
        scratch_ = reduced_ + d * d;
        const double one = 1.0;
        const ScatterForm reduced = form >= common_spread ? full_scatter : spread_.scatter;
        reduce_scatter(reduced, 1, d, &one, rules.terms.extra_scatter, reduced_);
    }

    const SpreadRules& spread() const { return spread_; }

    // Whitens the sums, where they are, if they are not white already.
    void gather(const TableParameters& at, const TableStatistics& s, bool white) {
        const Side<D> d = frame_.d;
        for (int64_t j = 0; j < k_; ++j) {
            const double* spread = frame_.of(at.spread.spreads, j);
            if (!white) frame_.whiten(spread, s.s1 + j * d, s.s1 + j * d);
            if (!white && j < parts_) frame_.whiten_second(spread, s.s2 + j * frame_.size());
            weight_[j] = s.s0[j] + rules_.terms.extra_weight;
            if (!rules_.any_prior) continue;
            for (int64_t i = 0; i < d; ++i)
                pull_[j * d + i] = rules_.terms.pseudo_mean[i] - at.means[j * d + i];
            frame_.whiten(spread, pull_ + j * d, pull_ + j * d);
            double* extra = extra_ + j * frame_.size();
            for (int64_t i = 0; i < frame_.size(); ++i) extra[i] = reduced_[i];
            frame_.whiten_second(spread, extra);
        }
    }

    // After `gather`, as what follows.
    double log_prior(const TableParameters& at) const {
        const Side<D> d = frame_.d;
        double total = rules_.log_weight_prior(at.weights);
        for (int64_t j = 0; rules_.any_prior && j < k_; ++j) {
            const double* pull = pull_ + j * d;
            total -= 0.5 * (frame_.trace_of(extra_ + j * frame_.size()) +
                            rules_.terms.pseudo_count * dot(d, pull, pull));
            if (rules_.terms.extra_weight != 0.0)
                total -= 0.5 * rules_.terms.extra_weight *
                         frame_.log_determinant(frame_.of(at.spread.spreads, j));
        }
        return total;
    }

    // The largest slope of the objective, per unit of the rows' weight.
    double gradient(const TableParameters& at, const TableStatistics& s) {
        const Side<D> d = frame_.d;
        double largest = rules_.weight_slope(at.weights, s);
        for (int64_t i = 0; i < k_ * d; ++i)
            count_slope(largest, rules_.mean_prior
                                     ? s.s1[i] + rules_.terms.pseudo_count * pull_[i]
                                     : s.s1[i]);
        for (int64_t i = 0; i < parts_ * frame_.size(); ++i) scatter_[i] = s.s2[i];
        for (int64_t j = 0; rules_.any_prior && j < k_; ++j)
            add_prior(j, pull_ + j * d, scatter_of(j));
        count_slope(largest, spread_.slope(step(at, at, false)));
        return largest / s.weight;
    }

    // Weights, then means, then covariances about the new means. Returns whether
    // a floor held up a covariance.
    bool maximise(const TableParameters& at, const TableStatistics& s,
                  const TableParameters& next) {
        const Side<D> d = frame_.d;
        rules_.maximise_weights(s, at.weights, next.weights);
        for (int64_t i = 0; i < parts_ * frame_.size(); ++i) scatter_[i] = s.s2[i];
        for (int64_t j = 0; j < k_; ++j) move_mean(at, s, j, next);
        if (form < common_spread)
            for (int64_t i = 0; i < k_ * frame_.size(); ++i)
                scatter_[i] = scatter_[i] > 0.0 ? scatter_[i] : 0.0;
        for (int64_t j = 0; rules_.any_prior && j < k_; ++j) {
            double *away = spare_, *to = scatter_of(j);
            const double *moved = moved_ + j * d, *average = average_ + j * d;
            for (int64_t i = 0; i < d; ++i) away[i] = moved[i] - average[i];
            frame_.add_square(s.s0[j], away, to);
            for (int64_t i = 0; i < d; ++i) away[i] = moved[i] - pull_[j * d + i];
            add_prior(j, away, to);
        }
        return spread_.maximise(step(at, next, false));
    }

    // The covariances nearest to lower factors (k, d, d): what the M-step makes of
    // components with these weights and covariances. Returns whether a floor held
    // one up.
    bool conform(const double* weights, const double* factors, const TableParameters& neutral,
                 const TableParameters& to) {
        const int64_t d = rules_.d, size = d * d;
        if (rules_.terms.structure == structure_vvv) {
            bool floored = false;
            for (int64_t i = 0; i < k_ * size; ++i) to.spread.spreads[i] = factors[i];
            for (int64_t j = 0; j < k_; ++j)
                floored = has_floored_pivot(frame_.d, factors + j * size, rules_.terms.floor) ||
                          floored;
            return floored;
        }
        set_neutral(form, k_, d, neutral.spread);
        double* const matrices = extra_;
        for (int64_t j = 0; j < k_; ++j) {
            square_of_lower(frame_.d, factors + j * size, matrices + j * size);
            weight_[j] = weights[j] > 1e-12 ? weights[j] : 1e-12;
        }
        reduce_scatter(spread_.scatter, k_, d, weight_, matrices, scatter_);
        SpreadStep first = step(neutral, to, true);
        first.cold = true;
        return spread_.maximise(first);
    }

    // One M-step of covariances alone, from whole matrices (k, d, d), to the end.
    void maximise_spread(const double* weight, const double* matrices, const TableParameters& at,
                         const TableParameters& next) {
        for (int64_t j = 0; j < k_; ++j) weight_[j] = 1.0;
        reduce_scatter(spread_.scatter, k_, rules_.d, weight_, matrices, scatter_);
        for (int64_t j = 0; j < k_; ++j) weight_[j] = weight[j];
        for (int64_t j = 0; j < parts_; ++j)
            frame_.whiten_second(frame_.of(at.spread.spreads, j), scatter_ + j * frame_.size());
        spread_.maximise(step(at, next, true));
    }

  private:
    EMIX_INLINE double* scatter_of(int64_t j) const {
        return scatter_ + (form == common_spread ? 0 : j * frame_.size());
    }

    EMIX_INLINE void add_prior(int64_t j, const double* away, double* scatter) const {
        const double* extra = extra_ + j * frame_.size();
        for (int64_t i = 0; i < frame_.size(); ++i) scatter[i] += extra[i];
        if (rules_.mean_prior) frame_.add_square(rules_.terms.pseudo_count, away, scatter);
    }

    // The new mean, and the scatter about the component's own average.
    EMIX_INLINE void move_mean(const TableParameters& at, const TableStatistics& s, int64_t j,
                               const TableParameters& next) {
        const Side<D> d = frame_.d;
        const double count = s.s0[j], all = count + rules_.terms.pseudo_count;
        const double *first = s.s1 + j * d, *pull = pull_ + j * d;
        double *average = average_ + j * d, *moved = moved_ + j * d;
        const bool any = count >= no_weight;
        for (int64_t i = 0; i < d; ++i) {
            average[i] = any ? first[i] / count : 0.0;
            moved[i] = average[i];
            if (rules_.mean_prior) moved[i] = (first[i] + rules_.terms.pseudo_count * pull[i]) / all;
        }
        if (any) frame_.add_square(-count, average, scatter_of(j));
        double* const by = spare_;
        frame_.colour(frame_.of(at.spread.spreads, j), moved, by);
        for (int64_t i = 0; i < d; ++i) next.means[j * d + i] = at.means[j * d + i] + by[i];
    }

    SpreadStep step(const TableParameters& at, const TableParameters& next, bool thorough) const {
        return {k_,          rules_.d, weight_, scatter_, at.spread, next.spread, rules_.terms.floor,
                thorough, false,    scratch_};
    }

    const TableRules& rules_;
    const SpreadRules& spread_;
    int64_t k_;
    Frame<D, form> frame_;
    int64_t parts_;
    Buffer storage_;
    double *weight_, *pull_, *average_, *moved_, *spare_, *scatter_, *extra_, *reduced_, *scratch_;
};

}  // namespace emix::EMIX_LEVEL
