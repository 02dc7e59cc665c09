// The whole EM loop of a table of several columns, from one start or from many.
#pragma once

#include "climb_column.hpp"
#include "expect_table.hpp"
#include "maximise_table.hpp"
#include "thin_table.hpp"

namespace emix::EMIX_LEVEL {

// How near a run must come to be home: means in standard deviations there, and
// as shares of themselves weights, the mean of the log axes, and the mean of the
// squared axes as seen from there. EM then ends there again.
constexpr double near_home = 0.1;

// From this step on a run is left that would not reach its height at so many
// times the pace of its last step: EM's steps mostly shrink.
constexpr int64_t steps_to_show = 15;
constexpr double hopeful_pace = 5.0;

// A mixture that a run may come back to.
class TableHome {
  public:
    TableHome(int64_t k, int64_t d)
        : k_(k), d_(d), storage_(2 * k + 2 * d), taken_(storage_.get()), size_(taken_ + k),
          away_(size_ + k), white_(away_ + d) {}

    void set(const double* weights, const double* means, const double* factors) {
        weights_ = weights;
        means_ = means;
        factors_ = factors;
        const Side<0> d{d_};
        for (int64_t j = 0; j < k_; ++j)
            size_[j] = geometric_mean(d, factors + j * d_ * d_, d_ + 1);
    }

    // Each component in turn takes the nearest at home that is left.
    template <int D, SpreadForm form>
    bool is_near(const Frame<D, form>& frame, const TableParameters& at) {
        for (int64_t j = 0; j < k_; ++j) taken_[j] = 0.0;
        for (int64_t j = 0; j < k_; ++j) {
            int64_t nearest = -1;
            double least = square(near_home);
            for (int64_t h = 0; h < k_; ++h) {
                if (taken_[h] != 0.0) continue;
                const double distance = squared_distance(frame.d, at.means + j * d_, h, least);
                if (distance > least) continue;
                least = distance;
                nearest = h;
            }
            if (nearest < 0) return false;
            const double home = weights_[nearest];
            if (!(std::fabs(at.weights[j] - home) <= near_home * home)) return false;
            if (!is_alike(frame, frame.of(at.spread.spreads, j), nearest)) return false;
            taken_[nearest] = 1.0;
        }
        return true;
    }

  private:
    // |L_h⁻¹ (mean - mean_h)|², or more than `enough` as soon as it is.
    template <int D>
    EMIX_INLINE double squared_distance(Side<D> d, const double* mean, int64_t h, double enough) {
        const double *home = means_ + h * d, *lower = factors_ + h * d * d;
        double sum = 0.0;
        for (int64_t i = 0; i < d && sum <= enough; ++i) {
            double left = mean[i] - home[i];
            for (int64_t j = 0; j < i; ++j) left -= lower[i * d + j] * white_[j];
            white_[i] = left / lower[i * d + i];
            sum += square(white_[i]);
        }
        return sum;
    }

    template <int D, SpreadForm form>
    bool is_alike(const Frame<D, form>& frame, const double* spread, int64_t h) {
        const Side<D> d = frame.d;
        const double size = std::exp(0.5 * frame.log_determinant(spread) / static_cast<double>(d));
        if (!(std::fabs(size - size_[h]) <= near_home * size_[h])) return false;
        double trace = 0.0;  // of L_h⁻¹ Σ L_h⁻ᵀ: column by column of L
        for (int64_t c = 0; c < d; ++c) {
            for (int64_t i = 0; i < d; ++i) away_[i] = i == c ? 1.0 : 0.0;
            column_of(frame, spread, c, away_);
            solve_lower(d, factors_ + h * d * d, away_, away_);
            trace += dot(d, away_, away_);
        }
        return std::fabs(trace / static_cast<double>(d) - 1.0) <= 2.0 * near_home;
    }

    // Column c of L in the place of the unit vector.
    template <int D, SpreadForm form>
    EMIX_INLINE void column_of(const Frame<D, form>& frame, const double* spread, int64_t c,
                               double* column) {
        if (form < common_spread) {
            column[c] = spread[form == diagonal_spread ? c : 0];
        } else {
            for (int64_t i = c; i < frame.d; ++i) column[i] = spread[i * frame.d + c];
        }
    }

    int64_t k_, d_;
    Buffer storage_;
    double *taken_, *size_, *away_, *white_;
    const double *weights_ = nullptr, *means_ = nullptr, *factors_ = nullptr;
};

// EM from one start at a time. After construction nothing is allocated but, once,
// what thin covariances need.
template <int D, SpreadForm form>
class TableClimber {
  public:
    TableClimber(const Table& table, const TableRules& rules)
        : table_(table),
          rules_(rules),
          maximiser_(rules),
          expect_(table, rules.k, form, maximiser_.spread().scatter, 1),
          frame_{{rules.d}},
          home_(rules.k, rules.d),
          storage_(aligned(rules.k) + 2 * aligned(TableParameters::size(rules.k, rules.d))),
          log_weights_(storage_.get()),
          at_(TableParameters::in(log_weights_ + aligned(rules.k), rules.k, rules.d)),
          other_(TableParameters::in(log_weights_ + aligned(rules.k) +
                                         aligned(TableParameters::size(rules.k, rules.d)),
                                     rules.k, rules.d)) {
        const int64_t all = aligned(rules.k) + 2 * aligned(TableParameters::size(rules.k, rules.d));
        for (int64_t i = 0; i < all; ++i) storage_.get()[i] = 0.0;
    }
    ~TableClimber() { delete thin_; }
    TableClimber(const TableClimber&) = delete;
    TableClimber& operator=(const TableClimber&) = delete;

    void start(const double* weights, const double* means, const double* factors) {
        for (int64_t j = 0; j < rules_.k; ++j) at_.weights[j] = weights[j];
        for (int64_t i = 0; i < rules_.k * rules_.d; ++i) at_.means[i] = means[i];
        rests_ = maximiser_.conform(weights, factors, other_, at_);
    }
    void finish(double* weights, double* means, double* factors) const {
        for (int64_t j = 0; j < rules_.k; ++j) weights[j] = at_.weights[j];
        for (int64_t i = 0; i < rules_.k * rules_.d; ++i) means[i] = at_.means[i];
        write_factors(form, rules_.k, rules_.d, at_.spread.spreads, factors);
    }
    TableHome& home() { return home_; }

    // From where `start` has put it to where `finish` takes it from; the score is
    // that of the end. Asks at each step whether it has been interrupted.
    template <class Interrupted>
    ClimbEnd climb(int64_t max_iter, double tolerance, Trace* trace, bool has_home,
                   double height, const Interrupted& interrupted) {
        // What all components share may rest on the floor, as long as it can rise.
        const bool may_rest =
            maximiser_.spread().is_common || rules_.d == 1 || rules_.any_prior;
        ClimbScore last{};
        for (int64_t t = 0;; ++t) {
            const TableStatistics s = expect();
            const ClimbScore now = score(s);
            const bool finite = is_finite(now.objective) && is_finite(now.gradient);
            // Whitening loses digits as the inverse of what a column has to itself.
            const double slack = 1e-12 * (std::fabs(last.objective) + s.weight) +
                                 1e-15 * s.weight / std::sqrt(own_share_);
            if (!finite || (t > 0 && now.objective < last.objective - slack)) {
                const Outcome why = rests_ ? collapsed : finite ? fell : not_finite;
                if (t == 0) return {now, 0, why};
                swap();
                return {last, t - 1, why};
            }
            if (trace) trace->push(now.objective);
            if (rests_ && !may_rest) return {now, t, collapsed};
            if (now.gradient <= tolerance) return {now, t, converged};
            if (t >= max_iter || interrupted()) return {now, t, not_converged};
            if (has_home && home_.is_near(frame_, at_)) return {now, t, came_home};
            const double most = hopeful_pace * static_cast<double>(max_iter - t);
            if (t >= steps_to_show &&
                now.objective + most * (now.objective - last.objective) < height)
                return {now, t, not_converged};
            last = now;
            rests_ = maximiser_.maximise(at_, s, other_);
            swap();
        }
    }

  private:
    // Sums in the units of the whitened points.
    TableStatistics expect() {
        for (int64_t j = 0; j < rules_.k; ++j) log_weights_[j] = std::log(at_.weights[j]);
        const TableMixture mixture{rules_.k, form, log_weights_, at_.means, at_.spread.spreads};
        own_share_ = least_share();
        const bool thin = own_share_ < thin_share;
        if (thin && !thin_) thin_ = new ThinSums(table_, rules_.k, form);
        const TableStatistics s = thin ? (*thin_)(mixture) : expect_(mixture);
        maximiser_.gather(at_, s, thin);
        return s;
    }
    double least_share() const {
        double least = 1.0;
        for (int64_t j = 0; form >= common_spread && j < (form == full_spread ? rules_.k : 1);
             ++j) {
            const double own = own_share_of(frame_.d, frame_.of(at_.spread.spreads, j));
            least = own < least ? own : least;
        }
        return least;
    }
    ClimbScore score(const TableStatistics& s) {
        return {s.loglik + maximiser_.log_prior(at_), s.loglik, maximiser_.gradient(at_, s)};
    }
    void swap() {
        const TableParameters kept = at_;
        at_ = other_;
        other_ = kept;
    }

    const Table& table_;
    const TableRules& rules_;
    TableMaximiser<D, form> maximiser_;
    ExpectTable expect_;
    ThinSums* thin_ = nullptr;  // made when there is need of it
    Frame<D, form> frame_;
    TableHome home_;
    Buffer storage_;
    double* log_weights_;
    double own_share_ = 1.0;
    bool rests_ = false;  // on a floor
    TableParameters at_, other_;
};

template <int D, SpreadForm form>
struct TableClimbJob {
    const TableClimbRequest& request;
    const TableRules& rules;
    TableClimbResult& result;
    TableClimber<D, form>** climbers;
    Trace* traces;
    Interrupts& interrupts;
    double work;  // of one step

    void climb(int64_t index, int worker) const {
        const int64_t k = rules.k, d = rules.d;
        TableClimber<D, form>& climber = *climbers[worker];
        double *weights = result.weights + index * k, *means = result.means + index * k * d,
               *factors = result.factors + index * k * d * d;
        climber.start(weights, means, factors);
        const bool has_home = request.home_weights;
        if (has_home)
            climber.home().set(request.home_weights + index * k, request.home_means + index * k * d,
                               request.home_factors + index * k * d * d);
        const ClimbEnd end = climber.climb(
            request.max_iter, request.tolerance, traces ? traces + index : nullptr, has_home,
            request.heights ? request.heights[index] : -infinity,
            [&] { return interrupts.end(worker, work); });
        climber.finish(weights, means, factors);
        result.objective[index] = end.score.objective;
        result.loglik[index] = end.score.loglik;
        result.gradient[index] = end.score.gradient;
        result.iterations[index] = end.iterations;
        result.outcome[index] = end.outcome;
    }
    static void run(void* self, int64_t index, int worker) {
        static_cast<const TableClimbJob*>(self)->climb(index, worker);
    }
};

// Each climb on one thread, so many of them at a time.
template <int D, SpreadForm form>
void climb_table_of(const Table& table, const TableClimbRequest& request, int threads,
                    TableClimbResult& result, const TraceListener* listener) {
    const TableRules rules(request.terms, request.k, table.d);
    // Short runs take some sixty iterations, fewer where they come home: count thirty.
    const int most = static_cast<int>(smaller(threads, larger(request.starts, 1)));
    const int64_t steps = smaller(request.max_iter, 30);
    const int workers =
        useful_threads(most, table.n * request.starts * steps, request.k * table.d);
    Several<TableClimber<D, form>*> climbers(workers);
    struct Owner {
        TableClimber<D, form>** climbers;
        int count = 0;
        ~Owner() {
            for (int i = 0; i < count; ++i) delete climbers[i];
        }
    } owner{climbers.items};
    for (; owner.count < workers; ++owner.count)
        climbers.items[owner.count] = new TableClimber<D, form>(table, rules);
    Several<Trace> traces(listener ? request.starts : 0);
    Interrupts interrupts(request.interrupts);
    // A column costs what a component of one does, and more where it is turned.
    const int64_t step = table.n * request.k * table.d * (1 + table.d / 8);
    TableClimbJob<D, form> job{request,    rules,
                               result,     climbers.items,
                               listener ? traces.items : nullptr,
                               interrupts, static_cast<double>(step)};
    run_tasks(request.starts, workers, TableClimbJob<D, form>::run, &job);
    for (int64_t s = 0; listener && s < request.starts; ++s)
        listener->climbed(listener->context, traces.items[s].values(), traces.items[s].length());
}

template <int D, SpreadForm form>
void maximise_table_of(const TableSpreadStep& request) {
    const int64_t k = request.k, d = request.d;
    const int64_t size = 2 * TableParameters::size(k, d) + k + d * d;
    Buffer storage(size);
    double* memory = storage.get();
    for (int64_t i = 0; i < size; ++i) memory[i] = 0.0;
    const TableParameters at = TableParameters::in(memory, k, d);
    const TableParameters next = TableParameters::in(memory + TableParameters::size(k, d), k, d);
    double* const nothing = memory + 2 * TableParameters::size(k, d);
    const TableRules rules(
        {request.structure, nothing, nothing, 0.0, nothing, 0.0, nothing, request.floor}, k, d);
    TableMaximiser<D, form> maximiser(rules);
    maximiser.conform(request.weight, request.old, next, at);
    maximiser.maximise_spread(request.weight, request.scatter, at, next);
    write_factors(form, k, d, next.spread.spreads, request.factors);
}

}  // namespace emix::EMIX_LEVEL
