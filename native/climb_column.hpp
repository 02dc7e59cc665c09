// The whole EM loop of one column, from one start or from many.
#pragma once

#include "expect_column.hpp"
#include "maximise_column.hpp"

namespace emix::EMIX_LEVEL {

// A column this short is transformed to z once for all iterations.
constexpr int64_t transformed_once = 65536;

struct ClimbScore {
    double objective, loglik, gradient;
};

struct ClimbEnd {
    ClimbScore score;
    int64_t iterations;
    Outcome outcome;
};

// EM from one start at a time. Nothing is allocated after construction.
class ColumnClimber {
  public:
    ColumnClimber(const Column& column, const ColumnRules& rules, int threads)
        : rules_(rules),
          expect_(column, rules.k, threads),
          storage_(prepared_size(rules.k) + 4 * rules.k),
          log_weights_(storage_.get() + prepared_size(rules.k)),
          before_(ColumnParameters::in(log_weights_ + rules.k, rules.k)) {}

    ColumnStatistics expect(const ColumnParameters& at) {
        for (int64_t j = 0; j < rules_.k; ++j) log_weights_[j] = std::log(at.weights[j]);
        const ColumnMixture mixture{rules_.k, log_weights_, at.means, at.sds};
        prepared_ = prepare(mixture, storage_.get());
        return expect_(prepared_);
    }

    ClimbScore score(const ColumnParameters& at, const ColumnStatistics& s) const {
        return {s.loglik + log_prior(rules_, at), s.loglik, gradient_norm(rules_, at, s)};
    }

    // Moves `at` from the start to the end; the score is that of the end.
    ClimbEnd climb(const ColumnParameters& at, int64_t max_iter, double tolerance) {
        ClimbScore last{};
        for (int64_t t = 0;; ++t) {
            const ColumnStatistics s = expect(at);
            const ClimbScore now = score(at, s);
            const bool finite = is_finite(now.objective) && is_finite(now.gradient);
            const double slack = 1e-12 * (std::fabs(last.objective) + s.weight);
            if (!finite || (t > 0 && now.objective < last.objective - slack)) {
                const Outcome why = finite ? fell : not_finite;
                if (t == 0) return {now, 0, why};
                at.copy_from(before_, rules_.k);
                return {last, t - 1, why};
            }
            if (now.gradient <= tolerance) return {now, t, converged};
            if (t >= max_iter) return {now, t, not_converged};
            before_.copy_from(at, rules_.k);
            last = now;
            maximise(rules_, s, at);
        }
    }

  private:
    const ColumnRules& rules_;
    ExpectColumn expect_;
    Buffer storage_;
    double* log_weights_;
    ColumnParameters before_;
    Prepared prepared_{};
};

struct ClimbJob {
    const ClimbRequest& request;
    ClimbResult& result;
    ColumnClimber** climbers;

    void start(int64_t index, int worker) const {
        const int64_t at = index * request.k;
        const ColumnParameters parameters{result.weights + at, result.means + at, result.sds + at};
        const ClimbEnd end =
            climbers[worker]->climb(parameters, request.max_iter, request.tolerance);
        result.objective[index] = end.score.objective;
        result.loglik[index] = end.score.loglik;
        result.gradient[index] = end.score.gradient;
        result.iterations[index] = end.iterations;
        result.outcome[index] = end.outcome;
    }
    static void run(void* self, int64_t index, int worker) {
        static_cast<const ClimbJob*>(self)->start(index, worker);
    }
};

// z itself as a column, for a short one; the column as it is for a long one.
inline Column as_z(const Column& column, double* storage) {
    if (column.n > transformed_once) return column;
    for (int64_t row = 0; row < column.n; row += block_points) {
        alignas(64) double block[block_points + lanes];
        const int64_t count = smaller(block_points, column.n - row);
        const double* z = load_block(column, row, count, block);
        std::memcpy(storage + row, z, sizeof(double) * static_cast<std::size_t>(count));
    }
    return {storage, nullptr, column.sample_weight, column.n, 0.0, 1.0};
}

inline void climb_all(const Column& given, const ClimbRequest& request, int threads,
                      ClimbResult& result) {
    Buffer storage(given.n > transformed_once ? 0 : given.n);
    const Column column = as_z(given, storage.get());
    const ColumnRules rules(request.terms, request.k);
    // Whole starts are the better unit of work where there are enough of them;
    // either way each start sees the same sums, bit for bit.
    const int inside = useful_threads(threads, column.n, request.k);
    const bool share_starts = request.starts >= threads || inside == 1;
    // A climb of a handful of iterations is not the rule: count ten.
    const int most = static_cast<int>(smaller(threads, request.starts));
    const int workers =
        share_starts ? useful_threads(most, column.n * request.starts * 10, request.k) : 1;
    Buffer pointers(workers);
    ColumnClimber** climbers = reinterpret_cast<ColumnClimber**>(pointers.get());
    struct Owner {
        ColumnClimber** climbers;
        int count = 0;
        ~Owner() {
            for (int i = 0; i < count; ++i) delete climbers[i];
        }
    } owner{climbers};
    for (; owner.count < workers; ++owner.count)
        climbers[owner.count] = new ColumnClimber(column, rules, workers > 1 ? 1 : threads);
    ClimbJob job{request, result, climbers};
    run_tasks(request.starts, workers, ClimbJob::run, &job);
}

}  // namespace emix::EMIX_LEVEL
