#include "search_table.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "draws.hpp"
#include "threads.hpp"
#include "worth_table.hpp"

namespace emix {
namespace {

using EMIX_LEVEL::Draws;
using EMIX_LEVEL::TablePlace;

constexpr double infinity = EMIX_LEVEL::infinity;

// Mixtures side by side, and how their climbs ended.
struct Ends {
    std::int64_t k, d;
    std::vector<double> weights, means, factors, objective, loglik, gradient;
    std::vector<std::int64_t> iterations, outcome;

    Ends(std::int64_t count, std::int64_t components, std::int64_t columns)
        : k(components), d(columns) {
        const auto size = [&](std::int64_t each) { return static_cast<std::size_t>(count * each); };
        weights.resize(size(k));
        means.resize(size(k * d));
        factors.resize(size(k * d * d));
        for (auto* values : {&objective, &loglik, &gradient}) values->resize(size(1));
        for (auto* values : {&iterations, &outcome}) values->resize(size(1));
    }

    std::int64_t count() const { return static_cast<std::int64_t>(objective.size()); }

    void put(std::int64_t row, const double* w, const double* m, const double* f) {
        std::copy(w, w + k, weights.data() + row * k);
        std::copy(m, m + k * d, means.data() + row * k * d);
        std::copy(f, f + k * d * d, factors.data() + row * k * d * d);
    }
    Ends taken(const std::int64_t* rows, std::int64_t number) const {
        Ends some(number, k, d);
        for (std::int64_t i = 0; i < number; ++i)
            some.put(i, weights.data() + rows[i] * k, means.data() + rows[i] * k * d,
                     factors.data() + rows[i] * k * d * d);
        return some;
    }
    // Row `to` by a row of others, its objective as well.
    void replace(std::int64_t to, const Ends& others, std::int64_t row) {
        put(to, others.weights.data() + row * k, others.means.data() + row * k * d,
            others.factors.data() + row * k * d * d);
        objective[static_cast<std::size_t>(to)] = others.objective[static_cast<std::size_t>(row)];
    }
    // What is not finite counts as lowest.
    double height(std::int64_t row) const {
        const double height = objective[static_cast<std::size_t>(row)];
        return std::fabs(height) < infinity ? height : -infinity;
    }
    TableClimbResult result() {
        return {weights.data(),  means.data(),    factors.data(),    objective.data(),
                loglik.data(),   gradient.data(), iterations.data(), outcome.data()};
    }
};

void climb(const Kernel& kernel, const Table& table, TableClimbRequest request,
           std::int64_t max_iter, int threads, Ends& ends) {
    request.starts = ends.count();
    request.max_iter = max_iter;
    TableClimbResult result = ends.result();
    kernel.climb_table(table, request, threads, result, nullptr);
}

// All rows, the highest first.
std::vector<std::int64_t> by_height(const Ends& ends) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(ends.count()));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        return ends.height(a) > ends.height(b);
    });
    return order;
}

// The rows of different objectives, the highest first.
std::vector<std::int64_t> highest(const Ends& ends, double slack) {
    std::vector<std::int64_t> rows;
    for (const std::int64_t row : by_height(ends)) {
        if (ends.height(row) == -infinity) break;
        if (rows.empty() || ends.height(rows.back()) - ends.height(row) > slack)
            rows.push_back(row);
    }
    return rows;
}

LeftOutRequest judgement(const TableClimbRequest& climb, const Ends& ends) {
    return {ends.count(),       climb.k, climb.terms, ends.weights.data(), ends.means.data(),
            ends.factors.data(), nullptr, 0.0};
}

// One chain of swaps.
class Chain {
  public:
    Chain(const Kernel& kernel, const Table& table, const TableSwaps& request, std::int64_t j)
        : kernel_(kernel),
          table_(table),
          request_(request),
          j_(j),
          k_(request.climb.k),
          d_(table.d),
          home_(1, k_, d_),
          run_(1, k_, d_),
          objective_(request.objective[j]),
          worth_(request.worth[j]) {
        const TableClimbRequest& c = request.climb;
        home_.put(0, c.home_weights + j * k_, c.home_means + j * k_ * d_,
                  c.home_factors + j * k_ * d_ * d_);
    }

    // Trial after trial, until `stopped()`.
    template <class Stopped>
    void operator()(const Stopped& stopped) {
        std::int64_t homecomings = 0;
        for (std::int64_t trial = 0; trial < request_.swaps && !stopped(); ++trial) {
            if (request_.settled > 0 && homecomings == request_.settled) return;
            stir(trial);
            run();
            const bool is_home = run_.outcome[0] == came_home;
            homecomings = is_home ? homecomings + 1 : 0;
            if (!is_home) look_at(trial);
        }
    }

    std::vector<TableFound> found;

  private:
    bool is_sound(double worth) const { return worth >= request_.ground.least_worth; }

    // A component is taken out and put back at a random row, in the shape of the
    // data, of a random width and a fair weight.
    void stir(std::int64_t trial) {
        const double share = 1.0 / static_cast<double>(k_);
        Draws draws(request_.seed, request_.first + static_cast<std::uint64_t>(trial) *
                                                        request_.each +
                                       static_cast<std::uint64_t>(j_));
        run_.put(0, home_.weights.data(), home_.means.data(), home_.factors.data());
        const std::int64_t j = draws.below(k_), row = drawn(draws.uniform());
        place(row, run_.means.data() + j * d_);
        const double width = request_.narrowest *
                             std::pow(request_.widest / request_.narrowest, draws.uniform());
        for (std::int64_t i = 0; i < d_ * d_; ++i)
            run_.factors[static_cast<std::size_t>(j * d_ * d_ + i)] =
                width * request_.ground.factor[i];
        double sum = 0.0;
        run_.weights[static_cast<std::size_t>(j)] = share;
        for (const double weight : run_.weights) sum += weight;
        const double* held = request_.climb.terms.held_weights;
        for (std::int64_t i = 0; i < k_; ++i) {
            double& weight = run_.weights[static_cast<std::size_t>(i)];
            weight = held[i] == held[i] ? held[i] : weight / sum;
        }
    }

    // A row at random, in proportion to its weight.
    std::int64_t drawn(double uniform) const {
        const double *begin = request_.cumulative, *end = begin + table_.n;
        const std::int64_t at = std::upper_bound(begin, end, uniform * end[-1]) - begin;
        return std::min(at, table_.n - 1);
    }
    void place(std::int64_t row, double* mean) const {
        for (std::int64_t i = 0; i < d_; ++i)
            mean[i] = table_.doubles ? table_.doubles[row * d_ + i]
                                     : static_cast<double>(table_.floats[row * d_ + i]);
    }

    void run() {
        TableClimbRequest request = request_.climb;
        request.starts = 1;
        request.home_weights = home_.weights.data();
        request.home_means = home_.means.data();
        request.home_factors = home_.factors.data();
        // Where nothing sound is known, what is lower may be better.
        const double height = is_sound(worth_) ? objective_ : -infinity;
        request.heights = &height;
        TableClimbResult result = run_.result();
        const TraceListener listener{&trace_, keep};
        kernel_.climb_table(table_, request, 1, result, &listener);
    }
    static void keep(void* context, const double* trace, std::int64_t length) {
        static_cast<std::vector<double>*>(context)->assign(trace, trace + length);
    }

    // What is no higher than a sound chain need not be judged.
    void look_at(std::int64_t trial) {
        const double objective = run_.objective[0];
        const bool was_sound = is_sound(worth_), higher = objective > objective_ + request_.slack;
        if (was_sound && !higher) return;
        double worth = infinity;
        least_worths_table(kernel_, table_, judgement(request_.climb, run_), request_.ground, 1,
                           &worth);
        const bool sound = is_sound(worth);
        if (!(sound != was_sound ? sound : higher)) return;
        found.push_back({trial, j_, run_.weights, run_.means, run_.factors, trace_, objective,
                         run_.loglik[0], run_.gradient[0], worth, run_.iterations[0],
                         run_.outcome[0]});
        if (!(worth >= std::min(request_.on_the_way, worth_))) return;
        home_.put(0, run_.weights.data(), run_.means.data(), run_.factors.data());
        objective_ = objective;
        worth_ = worth;
    }

    const Kernel& kernel_;
    const Table& table_;
    const TableSwaps& request_;
    std::int64_t j_, k_, d_;
    Ends home_, run_;
    std::vector<double> trace_;
    double objective_, worth_;
};

// Chains, and whether they are to go on. To ask that takes Python's lock, for
// which others may be waiting.
struct Chains {
    std::vector<Chain> chains;
    const Interruption& interruption;
    std::chrono::steady_clock::time_point asked;
    int stopped = 0;

    static void run(void* self, std::int64_t index, int worker) {
        Chains& all = *static_cast<Chains*>(self);
        all.chains[static_cast<std::size_t>(index)]([&] {
            if (worker == 0) all.ask();
            return __atomic_load_n(&all.stopped, __ATOMIC_RELAXED) != 0;
        });
    }
    void ask() {
        const auto now = std::chrono::steady_clock::now();
        if (now - asked < std::chrono::milliseconds(50)) return;
        asked = now;
        if (interruption.asked()) __atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
    }
};

}  // namespace

void least_worths_table(const Kernel& kernel, const Table& table, const LeftOutRequest& request,
                        const TableGround& ground, int threads, double* least) {
    const std::int64_t k = request.k, d = table.d, size = d * d;
    std::fill(least, least + request.mixtures, infinity);
    if (!ground.is_judged) return;
    std::vector<double> gains(static_cast<std::size_t>(request.mixtures * k));
    kernel.left_out_gains_table(table, request, threads, gains.data());
    TablePlace place(ground, request.terms.structure, d);
    for (std::int64_t i = 0; i < request.mixtures * k; ++i) {
        const double *factor = request.factors + i * size, numbers = static_cast<double>(d);
        const bool few = request.weights[i] * ground.total * numbers <
                         2.0 * static_cast<double>(ground.own_parameters);
        const double worth = few || place.is_thin(factor)
                                 ? -infinity
                                 : gains[static_cast<std::size_t>(i)] - place(factor);
        double& all = least[i / k];
        // What is not a number is not sound.
        if (!(worth >= all)) all = worth;
    }
}

Begun begin_table(const Kernel& kernel, const Table& table, const TableBegin& request, int threads,
                  const double* weights, const double* means, const double* factors,
                  TableClimbResult& result) {
    const TableClimbRequest& climbs = request.starts;
    Ends starts(climbs.starts, climbs.k, table.d);
    std::copy(weights, weights + starts.weights.size(), starts.weights.data());
    std::copy(means, means + starts.means.size(), starts.means.data());
    std::copy(factors, factors + starts.factors.size(), starts.factors.data());
    climb(kernel, table, climbs, climbs.max_iter, threads, starts);
    const std::vector<std::int64_t> order = by_height(starts);
    Ends better = starts.taken(order.data(), (starts.count() + 1) / 2);
    climb(kernel, table, climbs, request.short_run, threads, better);
    for (std::int64_t i = 0; i < better.count(); ++i)
        starts.replace(order[static_cast<std::size_t>(i)], better, i);
    std::vector<std::int64_t> queue = highest(starts, request.slack);
    const auto is_low = [&](std::int64_t row) {
        return !(starts.objective[static_cast<std::size_t>(row)] > request.least_objective);
    };
    queue.erase(std::remove_if(queue.begin(), queue.end(), is_low), queue.end());
    const std::int64_t count =
        std::min(static_cast<std::int64_t>(queue.size()), request.most);
    Begun begun = Begun::none;
    for (std::int64_t at = 0, size = 1; at < count && begun != Begun::sound; at += size, size *= 2) {
        Ends ends = starts.taken(queue.data() + at, std::min(size, count - at));
        climb(kernel, table, climbs, request.max_iter, threads, ends);
        const std::vector<std::int64_t> rows = highest(ends, request.slack);
        begun = rows.empty() ? Begun::none : Begun::not_sound;
        if (rows.empty()) continue;
        const Ends judged = ends.taken(rows.data(), static_cast<std::int64_t>(rows.size()));
        std::vector<double> worth(rows.size());
        least_worths_table(kernel, table, judgement(climbs, judged), request.ground, threads,
                           worth.data());
        std::size_t best = 0;
        for (std::size_t i = 0; i < rows.size() && begun != Begun::sound; ++i) {
            const std::size_t row = static_cast<std::size_t>(rows[i]);
            if (!(worth[i] >= request.ground.least_worth) || ends.outcome[row] == collapsed)
                continue;
            begun = Begun::sound;
            best = i;
        }
        const Ends one = ends.taken(rows.data() + best, 1);
        const std::size_t row = static_cast<std::size_t>(rows[best]);
        std::copy(one.weights.begin(), one.weights.end(), result.weights);
        std::copy(one.means.begin(), one.means.end(), result.means);
        std::copy(one.factors.begin(), one.factors.end(), result.factors);
        *result.objective = ends.objective[row];
        *result.loglik = ends.loglik[row];
        *result.gradient = ends.gradient[row];
        *result.iterations = ends.iterations[row];
        *result.outcome = ends.outcome[row];
    }
    return begun;
}

std::vector<TableFound> swap_table(const Kernel& kernel, const Table& table,
                                   const TableSwaps& request, int threads,
                                   const Interruption& interruption) {
    Chains all{{}, interruption, std::chrono::steady_clock::now()};
    for (std::int64_t j = 0; j < request.climb.starts; ++j)
        all.chains.emplace_back(kernel, table, request, j);
    run_tasks(request.climb.starts, threads, Chains::run, &all);
    std::vector<TableFound> found;
    for (Chain& chain : all.chains)
        for (TableFound& each : chain.found) found.push_back(std::move(each));
    std::stable_sort(found.begin(), found.end(), [](const TableFound& a, const TableFound& b) {
        return a.trial < b.trial;
    });
    return found;
}

}  // namespace emix
