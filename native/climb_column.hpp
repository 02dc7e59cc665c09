// The whole EM loop of one column, from one start or from many.
#pragma once

#include "expect_column.hpp"
#include "interrupts.hpp"
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

// The objective at each step of a climb. Room doubles when it runs out.
class Trace {
  public:
    Trace() = default;
    ~Trace() { ::operator delete(values_); }
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;

    void push(double objective) {
        if (length_ == room_) grow();
        values_[length_++] = objective;
    }
    void clear() { length_ = 0; }
    void drop_last() { length_ -= length_ > 0; }
    void copy_from(const Trace& other) {
        clear();
        for (int64_t t = 0; t < other.length_; ++t) push(other.values_[t]);
    }
    const double* values() const { return values_; }
    int64_t length() const { return length_; }

  private:
    void grow() {
        const int64_t room = room_ < 64 ? 64 : 2 * room_;
        double* more = static_cast<double*>(
            ::operator new(sizeof(double) * static_cast<std::size_t>(room)));
        for (int64_t t = 0; t < length_; ++t) more[t] = values_[t];
        ::operator delete(values_);
        values_ = more;
        room_ = room;
    }
    double* values_ = nullptr;
    int64_t length_ = 0, room_ = 0;
};

// EM from one start at a time. Nothing is allocated after construction.
class ColumnClimber {
  public:
    ColumnClimber(const Column& column, const ColumnRules& rules, int threads)
        : rules_(rules),
          expect_(column, rules.k, threads),
          storage_(prepared_size(rules.k) + 3 * rules.k),
          before_(ColumnParameters::in(storage_.get() + prepared_size(rules.k), rules.k)) {}

    ColumnStatistics expect(const ColumnParameters& at) {
        prepared_ = prepare(at);
        return expect_(prepared_);
    }

    ClimbScore score(const ColumnParameters& at, const ColumnStatistics& s) const {
        return {s.loglik + log_prior(rules_, at), s.loglik, gradient_norm(rules_, at, s)};
    }

    // Moves `at` from the start to the end; the score is that of the end. A
    // trace, where there is one, is added to. A watch that says true of where
    // the climb stands ends it.
    template <class Watch>
    ClimbEnd climb(const ColumnParameters& at, int64_t max_iter, double tolerance, Trace* trace,
                   const Watch& watch) {
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
            if (trace) trace->push(now.objective);
            if (now.gradient <= tolerance) return {now, t, converged};
            if (t >= max_iter || watch(at)) return {now, t, not_converged};
            before_.copy_from(at, rules_.k);
            last = now;
            maximise(rules_, s, at);
        }
    }
    ClimbEnd climb(const ColumnParameters& at, int64_t max_iter, double tolerance, Trace* trace) {
        return climb(at, max_iter, tolerance, trace, [](const ColumnParameters&) { return false; });
    }

  private:
    // As for any mixture, but with one logarithm for each component: of a short
    // column they are a good part of a step.
    Prepared prepare(const ColumnParameters& at) const {
        const int64_t k = rules_.k;
        double *offset = storage_.get(), *mean = offset + k, *inverse = mean + k;
        for (int64_t j = 0; j < k; ++j) {
            const double height = at.weights[j] / at.sds[j];
            const double log_height = height < infinity
                                          ? std::log(height)
                                          : std::log(at.weights[j]) - std::log(at.sds[j]);
            offset[j] = (log_height - half_log_two_pi) * log2_e;
            mean[j] = at.means[j];
            inverse[j] = root_half_log2_e / at.sds[j];
        }
        return {k, offset, mean, inverse};
    }

    const ColumnRules& rules_;
    ExpectColumn expect_;
    Buffer storage_;
    ColumnParameters before_;
    Prepared prepared_{};
};

// An array that ends with its scope.
template <class Item>
struct Several {
    Item* items;
    explicit Several(int64_t count) : items(new Item[static_cast<std::size_t>(count)]) {}
    ~Several() { delete[] items; }
    Several(const Several&) = delete;
    Several& operator=(const Several&) = delete;
};

struct ClimbJob {
    const ClimbRequest& request;
    ClimbResult& result;
    ColumnClimber** climbers;
    Trace* traces;
    Interrupts& interrupts;
    double work;  // of one step

    void start(int64_t index, int worker) const {
        const int64_t at = index * request.k;
        const ColumnParameters parameters{result.weights + at, result.means + at, result.sds + at};
        const ClimbEnd end = climbers[worker]->climb(
            parameters, request.max_iter, request.tolerance, traces ? traces + index : nullptr,
            [&](const ColumnParameters&) { return interrupts.end(worker, work); });
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
                      ClimbResult& result, const TraceListener* listener) {
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
    Several<Trace> traces(listener ? request.starts : 0);
    Interrupts interrupts(request.interrupts);
    ClimbJob job{request,    result,
                 climbers,   listener ? traces.items : nullptr,
                 interrupts, static_cast<double>(column.n * request.k)};
    run_tasks(request.starts, workers, ClimbJob::run, &job);
    for (int64_t s = 0; listener && s < request.starts; ++s)
        listener->climbed(listener->context, traces.items[s].values(), traces.items[s].length());
}

}  // namespace emix::EMIX_LEVEL
