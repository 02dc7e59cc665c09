// The whole fit of one column, from raw rows to optima in their units, and of
// many columns side by side: emix.direct, step by step.
#pragma once

#include "classification_column.hpp"
#include "moments.hpp"
#include "search_column.hpp"
#include "sorted_column.hpp"

namespace emix::EMIX_LEVEL {

// z = (x - shift) 2^e, in which the column has a standard deviation near 1:
// Units.of_spread.
struct ColumnUnits {
    double shift, scale;

    explicit ColumnUnits(const Moments& m) : shift(m.mean), scale(1.0) {
        double sd = std::sqrt(m.scatter / m.weight);
        // Squares beyond the doubles, or below them: the range says enough.
        if (!(sd > 0.0 && sd < infinity)) sd = m.maximum / 2.0 - m.minimum / 2.0;
        if (!(sd > 0.0 && sd < infinity)) return;
        int exponent;
        const double mantissa = std::frexp(sd, &exponent);
        const int64_t wanted = (mantissa < std::sqrt(0.5) ? 1 : 0) - exponent;
        scale = std::ldexp(1.0, static_cast<int>(larger(smaller(wanted, 1023), -1022)));
    }
};

// What is held and believed in the units that a column is fitted in.
class InwardTerms {
  public:
    InwardTerms(const ColumnTerms& given, int64_t k, const ColumnUnits& units)
        : storage_(2 * k), terms(given) {
        double *means = storage_.get(), *sds = means + k;
        for (int64_t j = 0; j < k; ++j) {
            means[j] = (given.held_means[j] - units.shift) * units.scale;
            sds[j] = given.held_sds[j] * units.scale;
        }
        terms.held_means = means;
        terms.held_sds = sds;
        terms.prior_mean = (given.prior_mean - units.shift) * units.scale;
        terms.prior_sd = given.prior_sd * units.scale;
    }

  private:
    Buffer storage_;

  public:
    ColumnTerms terms;
};

// One group's fit.
class ColumnFit {
  public:
    ColumnFit(const FitsRequest& request, const ColumnRules& rules, const FitsListener& listener,
              int64_t group)
        : request_(request),
          rules_(rules),
          listener_(listener),
          k_(rules.k),
          group_(group),
          storage_(7 * k_),
          outward_(ColumnParameters::in(storage_.get(), k_)),
          ordered_(ColumnParameters::in(storage_.get() + 3 * k_, k_)),
          order_(reinterpret_cast<int64_t*>(storage_.get() + 6 * k_)) {
        const int64_t begin = request.begins[group];
        column_ = request.rows;
        if (column_.doubles) column_.doubles += begin;
        if (column_.floats) column_.floats += begin;
        if (column_.sample_weight) column_.sample_weight += begin;
        column_.n = request.begins[group + 1] - begin;
    }

    void operator()(int threads) {
        FittedGroup end{left_alone, 0, 0.0, 0.0, 0.0};
        if (column_.n > 0 && column_.n <= request_.most_rows) {
            const Moments moments = column_moments(column_, threads);
            if (is_usable(moments)) end.status = fit(moments, threads);
            end.weight = moments.weight;
        }
        end.optima = optima_;
        end.hard = sureness_.hard;
        end.soft = sureness_.soft;
        listener_.group(listener_.context, group_, end);
    }

  private:
    bool is_usable(const Moments& m) const {
        if (m.first_bad >= 0 || !(m.weight > 0.0)) return false;
        return rules_.all_sds_held || m.minimum < m.maximum;
    }

    int64_t fit(const Moments& moments, int threads) {
        const ColumnUnits units(moments);
        const InwardTerms inward(request_.terms, k_, units);
        Column z = column_;
        z.shift = units.shift;
        z.scale = units.scale;
        Buffer points(column_.n), weight(column_.n);
        SearchRequest search = request_.search;
        search.column = {points.get(), weight.get(), 0, 0.0};
        sort_column(z, search.column);
        if (search.column.count < k_ && k_ > 1 && !rules_.all_sds_held) return left_alone;
        search.terms = inward.terms;
        search.swaps = affordable(search);
        units_ = &units;
        weight_ = moments.weight;
        const SearchListener listener{this, found, interrupted};
        const bool is_whole = Search(search, threads, listener)();
        if (!is_whole || optima_ == 0) return unfinished;
        return arrived_ ? fitted : left_alone;
    }

    // As Plan.default reckons.
    int64_t affordable(const SearchRequest& search) const {
        if (!(request_.work > 0.0)) return search.swaps;
        const double each = static_cast<double>(search.column.count * k_);
        return smaller(search.swaps, larger(static_cast<int64_t>(request_.work / each), 1));
    }

    static void found(void* self, const Summit& summit) {
        static_cast<ColumnFit*>(self)->report(summit);
    }
    static bool interrupted(void* self) {
        const FitsListener& listener = static_cast<ColumnFit*>(self)->listener_;
        return listener.interrupted(listener.context);
    }

    void report(const Summit& summit) {
        outward(summit);
        sort(summit);
        const int64_t most = optima_ == 0 ? request_.best_iter : request_.other_iter;
        if (summit.outcome == not_converged && summit.iterations < most) arrived_ = false;
        // Of log |dz / dx| for each row.
        const double loglik = summit.loglik + weight_ * std::log(units_->scale);
        if (optima_ == 0) classify_by_best();
        listener_.optimum(listener_.context, group_, optima_++,
                          {ordered_.weights, ordered_.means, ordered_.sds, order_,
                           loglik + log_prior(rules_, outward_), loglik, summit.gradient,
                           summit.worth, summit.iterations, summit.outcome, summit.starts,
                           summit.trace, summit.trace_length});
    }

    // By mean, then the narrower, then the heavier: Parameters.canonical_order.
    void sort(const Summit& s) {
        const auto before = [&](int64_t a, int64_t b) {
            if (s.means[a] != s.means[b]) return s.means[a] < s.means[b];
            if (s.sds[a] != s.sds[b]) return s.sds[a] < s.sds[b];
            return s.weights[a] > s.weights[b];
        };
        for (int64_t j = 0; j < k_; ++j) {
            int64_t i = j;
            for (; i > 0 && before(j, order_[i - 1]); --i) order_[i] = order_[i - 1];
            order_[i] = j;
        }
        for (int64_t at = 0; at < k_; ++at) {
            ordered_.weights[at] = outward_.weights[order_[at]];
            ordered_.means[at] = outward_.means[order_[at]];
            ordered_.sds[at] = outward_.sds[order_[at]];
        }
    }

    // In the units of the data, with held values written over it: they keep
    // their bits.
    void outward(const Summit& s) {
        const ColumnTerms& terms = rules_.terms;
        const double inverse = 1.0 / units_->scale;
        double left = 1.0, share = 0.0;
        int64_t learned = 0;
        for (int64_t j = 0; j < k_; ++j) {
            if (rules_.learns_weight(j)) {
                share += s.weights[j];
                ++learned;
            } else {
                left -= terms.held_weights[j];
            }
        }
        for (int64_t j = 0; j < k_; ++j) {
            outward_.means[j] = rules_.learns_mean(j) ? s.means[j] / units_->scale + units_->shift
                                                       : terms.held_means[j];
            outward_.sds[j] = rules_.learns_sd(j) ? s.sds[j] * inverse : terms.held_sds[j];
            outward_.weights[j] = !rules_.learns_weight(j) ? terms.held_weights[j]
                                   : learned == k_          ? s.weights[j]
                                   : share > 0.0 ? left * s.weights[j] / share
                                                 : left / static_cast<double>(learned);
        }
    }

    void classify_by_best() {
        Buffer log_weights(k_);
        for (int64_t j = 0; j < k_; ++j) log_weights.get()[j] = std::log(ordered_.weights[j]);
        sureness_ = classify(column_, {k_, log_weights.get(), ordered_.means, ordered_.sds}, 1);
    }

    const FitsRequest& request_;
    const ColumnRules& rules_;  // in the units of the data
    const FitsListener& listener_;
    int64_t k_, group_;
    Buffer storage_;
    ColumnParameters outward_, ordered_;
    int64_t* order_;
    Column column_{};
    const ColumnUnits* units_ = nullptr;
    double weight_ = 0.0;
    int64_t optima_ = 0;
    bool arrived_ = true;
    Sureness sureness_{0.0, 0.0};
};

// Groups shared out among threads, or one of them with threads of its own; bits
// are the same.
class ColumnFits {
  public:
    ColumnFits(const FitsRequest& request, const FitsListener& listener)
        : request_(request), listener_(listener), rules_(request.terms, request.search.k) {}

    void operator()(int threads) {
        if (request_.groups == 1)
            ColumnFit(request_, rules_, listener_, 0)(threads);
        else
            run_tasks(request_.groups, threads, run, this);
    }

  private:
    // Only the thread that called may ask whether it has been interrupted.
    struct Asking {
        ColumnFits& fits;
        int worker;
    };
    static bool ask(void* context) {
        const Asking& asking = *static_cast<const Asking*>(context);
        return asking.fits.asked(asking.worker);
    }
    bool asked(int worker) {
        if (worker == 0 && listener_.interrupted(listener_.context))
            __atomic_store_n(&interrupted_, true, __ATOMIC_RELAXED);
        return __atomic_load_n(&interrupted_, __ATOMIC_RELAXED);
    }

    static void run(void* self, int64_t group, int worker) {
        ColumnFits& fits = *static_cast<ColumnFits*>(self);
        fits.run_group(group, worker);
    }
    void run_group(int64_t group, int worker) {
        if (__atomic_load_n(&interrupted_, __ATOMIC_RELAXED)) return;
        Asking asking{*this, worker};
        const Passed passed{listener_, asking};
        const FitsListener listener{const_cast<Passed*>(&passed), Passed::optimum, Passed::group,
                                    Passed::interrupted};
        ColumnFit(request_, rules_, listener, group)(1);
    }
    // What a group tells goes on to who listens; what it asks is asked here.
    struct Passed {
        const FitsListener& listener;
        Asking& asking;
        static void optimum(void* self, int64_t group, int64_t rank, const FittedOptimum& found) {
            const FitsListener& l = static_cast<Passed*>(self)->listener;
            l.optimum(l.context, group, rank, found);
        }
        static void group(void* self, int64_t group, const FittedGroup& end) {
            const FitsListener& l = static_cast<Passed*>(self)->listener;
            l.group(l.context, group, end);
        }
        static bool interrupted(void* self) { return ask(&static_cast<Passed*>(self)->asking); }
    };

    const FitsRequest& request_;
    const FitsListener& listener_;
    ColumnRules rules_;
    bool interrupted_ = false;
};

}  // namespace emix::EMIX_LEVEL
