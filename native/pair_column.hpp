// Two free components on a sorted column: EM steps, and Newton's where the
// objective is seen to be concave.
#pragma once

#include "climb_column.hpp"
#include "pair_sums.hpp"
#include "soundness_column.hpp"

namespace emix::EMIX_LEVEL {

// Solves A x = b for symmetric A (5, 5), of which the lower half is given; false
// where A is not safely positive definite. A and b are overwritten, b with x.
inline bool solve_definite(double (&A)[5][5], double (&b)[5]) {
    constexpr double least = 1e-9;
    double inverse[5];
    EMIX_UNROLL for (int j = 0; j < 5; ++j) {
        const double whole = A[j][j];
        EMIX_UNROLL for (int l = 0; l < j; ++l) A[j][j] -= A[j][l] * A[j][l] * A[l][l];
        if (!(A[j][j] > least * whole)) return false;
        inverse[j] = 1.0 / A[j][j];
        EMIX_UNROLL for (int i = j + 1; i < 5; ++i) {
            EMIX_UNROLL for (int l = 0; l < j; ++l) A[i][j] -= A[i][l] * A[j][l] * A[l][l];
            A[i][j] *= inverse[j];
        }
    }
    EMIX_UNROLL for (int j = 0; j < 5; ++j)
        EMIX_UNROLL for (int l = 0; l < j; ++l) b[j] -= A[j][l] * b[l];
    EMIX_UNROLL for (int j = 0; j < 5; ++j) b[j] *= inverse[j];
    EMIX_UNROLL for (int j = 4; j >= 0; --j)
        EMIX_UNROLL for (int i = j + 1; i < 5; ++i) b[j] -= A[i][j] * b[i];
    return true;
}

// The same of A and as much of a positive diagonal (5) as makes it definite;
// returns how much that is, infinity where nothing does.
inline double solve_damped(const double (&A)[5][5], const double (&diagonal)[5], double (&b)[5]) {
    // Near a ridge the objective hardly curves the wrong way: much would stop it there.
    constexpr double shares[] = {0.0, 0x1p-8, 0x1p-6, 0x1p-4, 0.25, 1.0, 4.0};
    for (const double share : shares) {
        double damped[5][5], x[5];
        for (int i = 0; i < 5; ++i) {
            for (int j = 0; j <= i; ++j) damped[i][j] = A[i][j];
            damped[i][i] += share * diagonal[i];
            x[i] = b[i];
        }
        if (!solve_definite(damped, x)) continue;
        for (int i = 0; i < 5; ++i) b[i] = x[i];
        return share;
    }
    return infinity;
}

// How far a step may go: in the logit of a weight, the means in their own standard
// deviations, and the logarithms of these.
constexpr double furthest_logit = 1.0, furthest_mean = 0.5, furthest_log_sd = 0.5;

// As ColumnClimber, in fewer steps, to the same summits: a step of Newton's is
// taken only where the objective curves down in all directions, goes no further
// than the quadratic can be trusted, and is taken back where it does not climb.
// Where it is held back so that EM's own goes further, that is taken.
class PairClimber {
  public:
    PairClimber(const PaddedColumn& points, ColumnClimber& plain, const ColumnRules& rules)
        : points_(points), rules_(rules), plain_(plain) {
        while (unit_ + lanes <= points.count && all_one(points.weight + unit_, lanes)) unit_ += lanes;
    }

    // Whether a model is of two components of which all is learned, without a
    // prior.
    static bool serves(const ColumnRules& rules) {
        if (rules.k != 2 || rules.terms.tied || rules.mean_prior || rules.weight_prior)
            return false;
        for (int64_t j = 0; j < 2; ++j)
            if (!rules.learns_mean(j) || !rules.learns_sd(j)) return false;
        return rules.learned_weights == 2;
    }

    // The climb is given up once it is seen to end below `enough`.
    template <class Watch>
    ClimbEnd climb(const ColumnParameters& at, int64_t max_iter, double tolerance, Trace* trace,
                   const Watch& watch, double enough = -infinity) {
        trust_ = 1.0;
        ClimbScore now = look(at), last = now;
        for (int64_t t = 0;; ++t) {
            const double slack = 1e-12 * (std::fabs(last.objective) + points_.total);
            if (!is_finite(now)) return give_up(at, t == 0 ? now : last, t, not_finite);
            if (now.objective < last.objective - slack) return give_up(at, last, t, fell);
            if (trace) trace->push(now.objective);
            if (now.gradient <= tolerance) return {now, t, converged};
            if (t >= max_iter || watch(at)) return {now, t, not_converged};
            before_.copy_from(at, 2);
            seen_before_ = seen_;
            last = now;
            if (leap(at) && (is_whole() || !falls_short_of_em())) {
                // Where a whole step leads is foreseen well enough not to be looked at.
                if ((is_whole() && watch(at)) || last.objective + promise_ < enough) {
                    at.copy_from(before_, 2);
                    return {last, t, not_converged};
                }
                now = look(at);
                if (is_finite(now) && now.objective >= last.objective - slack) {
                    trust_ = trust_ < 0.5 ? 2.0 * trust_ : 1.0;
                    continue;
                }
                trust_ *= 0.25;
                seen_ = seen_before_;
            }
            at.copy_from(before_, 2);
            maximise(rules_, seen_.statistics(), at);
            now = look(at);
        }
    }

  private:
    // Sums in natural units, the components in their own order; and which of
    // them is the narrower, where the moments of the curvature are known.
    struct Seen {
        double s0[2], s1[2], s2[2], v[5], loglik, weight;
        int narrow;
        bool is_curved;
        ColumnStatistics statistics() { return {s0, s1, s2, loglik, weight}; }
    };

    static bool all_one(const double* weight, int64_t count) {
        for (int64_t i = 0; i < count; ++i)
            if (weight[i] != 1.0) return false;
        return true;
    }
    static bool is_finite(const ClimbScore& s) {
        return EMIX_LEVEL::is_finite(s.objective) && EMIX_LEVEL::is_finite(s.gradient);
    }

    ClimbEnd give_up(const ColumnParameters& at, const ClimbScore& score, int64_t t,
                     Outcome why) const {
        if (t > 0) at.copy_from(before_, 2);
        return {score, t > 0 ? t - 1 : 0, why};
    }

    ClimbScore look(const ColumnParameters& at) {
        const int a = at.sds[1] < at.sds[0], b = 1 - a;
        const PairPrepared p{height(at, a), at.means[a], root_half_log2_e / at.sds[a],
                             height(at, b), at.means[b], root_half_log2_e / at.sds[b]};
        alignas(64) double sums[(pair_sums + lanes - 1) / lanes * lanes];
        sum_pair(points_.z, points_.weight, unit_, points_.n, p, sums);
        seen_.is_curved = true;
        for (int i = 0; i < pair_sums; ++i)
            seen_.is_curved = seen_.is_curved && EMIX_LEVEL::is_finite(sums[i]);
        seen_.narrow = a;
        seen_.weight = points_.total;
        if (seen_.is_curved) {
            constexpr double one = root_half_log2_e, two = half_log2_e;
            const int first[2] = {a0, b0};
            for (int side = 0; side < 2; ++side) {
                const int j = side == 0 ? a : b;
                seen_.s0[j] = sums[first[side]];
                seen_.s1[j] = sums[first[side] + 1] * (1.0 / one);
                seen_.s2[j] = sums[first[side] + 2] * (1.0 / two);
            }
            const double unit[5] = {1.0, 1.0 / one, 1.0 / two, 1.0 / (one * two),
                                    1.0 / (two * two)};
            for (int i = 0; i < 5; ++i) seen_.v[i] = sums[v0 + i] * unit[i];
            seen_.loglik = sums[pair_loglik] * log_two;
        } else {
            // Far points, whose densities underflow.
            const ColumnStatistics s = plain_.expect(at);
            for (int j = 0; j < 2; ++j) {
                seen_.s0[j] = s.s0[j];
                seen_.s1[j] = s.s1[j];
                seen_.s2[j] = s.s2[j];
            }
            seen_.loglik = s.loglik;
            seen_.weight = s.weight;
        }
        return {seen_.loglik, seen_.loglik, gradient_norm(rules_, at, seen_.statistics())};
    }

    static double height(const ColumnParameters& at, int j) {
        const double height = at.weights[j] / at.sds[j];
        const double log_height = height < infinity
                                      ? std::log(height)
                                      : std::log(at.weights[j]) - std::log(at.sds[j]);
        return (log_height - half_log_two_pi) * log2_e;
    }

    // A step of Newton's on the logit of a's weight, the means in their sds, and
    // the log sds; false where the objective does not curve down all around.
    bool leap(const ColumnParameters& at) {
        if (!seen_.is_curved) return false;
        const int a = seen_.narrow, b = 1 - a;
        // u_b = shift + ratio u_a: what is known of one is known of the other.
        const double ratio = at.sds[a] / at.sds[b];
        const double shift = (at.means[a] - at.means[b]) / at.sds[b];
        double m[5][5];  // Σ w r_a r_b u_a^p u_b^q
        for (int p = 0; p < 5; ++p) m[p][0] = seen_.v[p];
        for (int q = 1; q < 5; ++q)
            for (int p = 0; p + q < 5; ++p) m[p][q] = shift * m[p][q - 1] + ratio * m[p + 1][q - 1];
        const double *s0 = seen_.s0, *s1 = seen_.s1, *s2 = seen_.s2;
        const double share = at.weights[a];
        double curvature[5][5] = {
            {seen_.weight * share * at.weights[b] - m[0][0]},
            {-m[1][0], s0[a] - m[2][0]},
            {m[0][0] - m[2][0], 2.0 * s1[a] - (m[3][0] - m[1][0]),
             2.0 * s2[a] - (m[4][0] - 2.0 * m[2][0] + m[0][0])},
            {m[0][1], m[1][1], m[2][1] - m[0][1], s0[b] - m[0][2]},
            {m[0][2] - m[0][0], m[1][2] - m[1][0], m[2][2] - m[2][0] - m[0][2] + m[0][0],
             2.0 * s1[b] - (m[0][3] - m[0][1]),
             2.0 * s2[b] - (m[0][4] - 2.0 * m[0][2] + m[0][0])}};
        double step[5] = {s0[a] - seen_.weight * share, s1[a], s2[a] - s0[a], s1[b],
                          s2[b] - s0[b]};
        // What the curvature would be were it known which point is whose: added
        // where the objective does not curve down all around, the more the more
        // it is needed, which turns the step towards EM's.
        const double known[5] = {seen_.weight * share * at.weights[b], s0[a], 2.0 * s0[a], s0[b],
                                 2.0 * s0[b]};
        const double slope[5] = {step[0], step[1], step[2], step[3], step[4]};
        const double damping = solve_damped(curvature, known, step);
        if (damping == infinity) return false;
        constexpr double most[5] = {1.0 / furthest_logit, 1.0 / furthest_mean,
                                    1.0 / furthest_log_sd, 1.0 / furthest_mean,
                                    1.0 / furthest_log_sd};
        reach_ = 0.0;
        for (int i = 0; i < 5; ++i) {
            const double part = std::fabs(step[i]) * most[i];
            if (!(part <= reach_)) reach_ = part;
        }
        if (!EMIX_LEVEL::is_finite(reach_)) return false;
        const double length = reach_ > trust_ ? reach_ / trust_ : 1.0;
        reach_ /= length;
        // Twice what the whole way to the summit brings, as the quadratic has it.
        promise_ = damping > 0.0 || length > 1.0 ? infinity : 0.0;
        for (int i = 0; i < 5; ++i) {
            promise_ += slope[i] * step[i];
            step[i] /= length;
        }
        const double more = share * std::exp(step[0]), all = more + at.weights[b];
        const double sd_a = at.sds[a] * std::exp(step[2]), sd_b = at.sds[b] * std::exp(step[4]);
        if (!(sd_a > rules_.terms.floor && sd_b > rules_.terms.floor)) return false;
        at.means[a] += at.sds[a] * step[1];
        at.means[b] += at.sds[b] * step[3];
        at.sds[a] = sd_a;
        at.sds[b] = sd_b;
        at.weights[a] = more / all;
        at.weights[b] /= all;
        return true;
    }

    // Whether the last step was Newton's own, neither damped nor cut short.
    bool is_whole() const { return promise_ < infinity; }

    // Whether EM's step goes further than the last of Newton's was let.
    bool falls_short_of_em() {
        image_.copy_from(before_, 2);
        maximise(rules_, seen_.statistics(), image_);
        const double *w = image_.weights, *was = before_.weights;
        bool is_further = are_apart(w[0] * was[1], w[1] * was[0], reach_ * furthest_logit);
        for (int j = 0; j < 2; ++j) {
            const double sd = before_.sds[j], moved = std::fabs(image_.means[j] - before_.means[j]);
            is_further = is_further || moved > reach_ * furthest_mean * sd ||
                         are_apart(image_.sds[j], sd, reach_ * furthest_log_sd);
        }
        return is_further;
    }
    // |log(a / b)| > share, or a little less.
    static bool are_apart(double a, double b, double share) {
        return std::fabs(a - b) > share * (a < b ? a : b);
    }

    const PaddedColumn& points_;
    const ColumnRules& rules_;
    ColumnClimber& plain_;
    int64_t unit_ = 0;
    double trust_ = 1.0, promise_ = 0.0, reach_ = 0.0;
    Seen seen_{}, seen_before_{};
    Buffer storage_{12};
    ColumnParameters before_ = ColumnParameters::in(storage_.get(), 2);
    ColumnParameters image_ = ColumnParameters::in(storage_.get() + 6, 2);
};

// Whichever climbs a model of one column in fewer steps.
class QuickClimber {
  public:
    QuickClimber(const PaddedColumn& points, const Column& z, const ColumnRules& rules)
        : pairs_(PairClimber::serves(rules)), plain_(z, rules, 1), pair_(points, plain_, rules) {}

    template <class Watch>
    ClimbEnd climb(const ColumnParameters& at, int64_t max_iter, double tolerance, Trace* trace,
                   const Watch& watch, double enough = -infinity) {
        return pairs_ ? pair_.climb(at, max_iter, tolerance, trace, watch, enough)
                      : plain_.climb(at, max_iter, tolerance, trace, watch);
    }

  private:
    bool pairs_;
    ColumnClimber plain_;
    PairClimber pair_;
};

}  // namespace emix::EMIX_LEVEL
