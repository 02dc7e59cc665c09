// The whole search for one column: short runs, swaps, climbs. The same stages,
// draws and choices as emix.search, where they are described.
#pragma once

#include "candidates.hpp"
#include "pair_column.hpp"
#include "starts_column.hpp"

namespace emix::EMIX_LEVEL {

// Streams of random numbers: those from here on belong to swaps, so many of
// them to each trial.
constexpr std::uint64_t first_swap_stream = std::uint64_t{1} << 32;
constexpr std::uint64_t streams_per_trial = 8;
// The E-step takes so many vectors of points side by side; one by one they cost
// almost as much, but for two components.
constexpr int64_t group = 4 * lanes;

// Of so many points, or more, and so wide, in the column's own standard
// deviations, a component is not degenerate: a fifth of each would do.
constexpr double many_points = 20.0, wide_sd = 0.1;

// What one thread needs.
struct SearchWorker {
    SearchWorker(const Column& column, const PaddedColumn& padded, const ColumnRules& rules)
        : climber(padded, column, rules), judge(padded, rules), home(rules.k) {}
    QuickClimber climber;
    Judge judge;
    Home home;
};

// One chain of swaps: where it stands, and all that it has found.
struct Chain {
    Candidate* at = nullptr;
    Candidates found;
};

class Search {
  public:
    Search(const SearchRequest& request, int threads, const SearchListener& listener)
        : request_(request),
          listener_(listener),
          k_(request.k),
          rules_(request.terms, k_),
          drawn_(request.column),
          n_(padded(request.column.count, PairClimber::serves(rules_) ? lanes : group)),
          points_(2 * n_),
          padded_(pad()),
          column_{padded_.z, nullptr, padded_.weight, n_, 0.0, 1.0},
          chains_(larger(request.chains, 0)),
          asks_{listener.context, listener.interrupted},
          interrupts_(&asks_) {
        // Short runs are mostly shorter than they may be: count twenty steps.
        const int64_t runs = larger(request.starts, request.chains * request.swaps);
        useful_ = useful_threads(threads, n_ * runs * 20, k_);
        pointers_ = static_cast<SearchWorker**>(::operator new(sizeof(SearchWorker*) * useful_));
        for (; workers_ < useful_; ++workers_)
            pointers_[workers_] = new SearchWorker(column_, padded_, rules_);
    }
    ~Search() {
        for (int i = 0; i < workers_; ++i) delete pointers_[i];
        ::operator delete(pointers_);
    }
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    // Whether it came to its end; interrupted, it reports what there is.
    bool operator()() {
        List found(request_.starts);
        for (int64_t i = 0; i < request_.starts; ++i) found.add(make(begun_, i));
        if (found.count > 0) first_ = found.items[0];
        // The others may come to where the first has ended.
        each(found, 0, smaller(request_.starts, 1), &Search::start);
        each(found, 1, request_.starts, &Search::start);
        // Interrupted, some may not have been started.
        int64_t started = 0;
        for (int64_t i = 0; i < found.count; ++i)
            if (found.items[i]->trace.length() > 0 || !interrupted())
                found.items[started++] = found.items[i];
        found.count = started;
        // Where all came there, its worth is first asked for at its summit.
        bool is_alone = true;
        for (int64_t i = 1; i < found.count; ++i) is_alone = is_alone && !found.items[i]->is_judged();
        if (!is_alone)
            for (int64_t i = 0; i < found.count; ++i) judge(*found.items[i], *pointers_[0]);
        found.count = distinct(found.items, found.count, slack());
        swap(found);
        finish(found);
        return !interrupted();
    }

  private:
    // Candidates owned elsewhere.
    struct List : Several<Candidate*> {
        explicit List(int64_t room) : Several<Candidate*>(room) {}
        void add(Candidate* candidate) { items[count++] = candidate; }
        int64_t count = 0;
    };
    using Work = void (Search::*)(Candidate&, int64_t, SearchWorker&);
    struct Job {
        Search& search;
        Candidate** items;
        int64_t first;
        Work work;
        static void run(void* self, int64_t task, int worker) {
            const Job& job = *static_cast<const Job*>(self);
            const int64_t index = job.first + task;
            SearchWorker& mine = *job.search.pointers_[worker];
            (job.search.*job.work)(*job.items[index], index, mine);
            job.search.look_up(worker, job.items[index]->end.iterations + 1);
        }
    };

    static int64_t padded(int64_t count, int64_t group) {
        return (count + group - 1) / group * group;
    }
    PaddedColumn pad() const {
        const SortedColumn& column = request_.column;
        double *z = points_.get(), *weight = z + n_, total = 0.0;
        for (int64_t i = 0; i < n_; ++i) {
            const bool real = i < column.count;
            z[i] = column.points[real ? i : column.count - 1];
            weight[i] = real ? column.weight[i] : 0.0;
            total += weight[i];
        }
        return {z, weight, n_, column.count, total, column.sd};
    }

    Candidate* make(Candidates& owner, int64_t order) const {
        Candidate* made = new Candidate(k_);
        made->order = order;
        owner.add(made);
        return made;
    }

    void each(List& list, int64_t first, int64_t end, Work work) {
        Job job{*this, list.items, first, work};
        run_tasks(end - first, workers_, Job::run, &job);
    }

    // Whether the run came home before its end, where it may. One that is seen to
    // end below `enough` is given up.
    bool short_run(Candidate& candidate, SearchWorker& worker, bool has_home,
                   double enough = -infinity) {
        bool came_home = false;
        candidate.trace.clear();
        candidate.end = worker.climber.climb(
            candidate.at, request_.short_run, request_.short_tolerance, &candidate.trace,
            [&](const ColumnParameters& at) { return came_home = has_home && worker.home(at); },
            enough);
        return came_home;
    }

    void start(Candidate& candidate, int64_t index, SearchWorker& worker) {
        if (interrupted()) return;
        const Draws draws(request_.seed, static_cast<std::uint64_t>(index));
        draw_start(drawn_, request_.kinds[index], rules_, draws, candidate.at);
        if (index > 0) worker.home.set(first_->at);
        if (short_run(candidate, worker, index > 0))
            candidate.copy_from(*first_, k_);
        else if (index > 0)
            judge(candidate, worker);
    }

    void judge(Candidate& candidate, SearchWorker& worker) const {
        if (!candidate.is_judged()) candidate.worth = worker.judge(candidate.at);
    }

    void swap(List& found) {
        const int64_t chains = smaller(request_.chains, found.count);
        for (int64_t j = 0; j < chains; ++j) chains_.items[j].at = found.items[j];
        struct Swaps {
            Search& search;
            int64_t chains;
            static void run(void* self, int64_t index, int worker) {
                const Swaps& swaps = *static_cast<const Swaps*>(self);
                swaps.search.swap_chain(index, swaps.chains, worker);
            }
        } swaps{*this, chains};
        run_tasks(chains, workers_, Swaps::run, &swaps);
        int64_t count = found.count;
        for (int64_t j = 0; j < chains; ++j) count += chains_.items[j].found.count();
        List all(count);
        for (int64_t i = 0; i < found.count; ++i) {
            found.items[i]->order = i;
            all.add(found.items[i]);
        }
        for (int64_t j = 0; j < chains; ++j)
            for (Candidate* c = chains_.items[j].found.first(); c; c = c->next) all.add(c);
        all.count = distinct(all.items, all.count, slack());
        Candidate** const gathered = all.items;
        all.items = found.items;
        found.items = gathered;
        found.count = all.count;
    }

    // Whether no component can be degenerate, so that judging it can wait for its
    // summit: all are wide, and of many points.
    bool is_wide(const ColumnParameters& at) const {
        for (int64_t j = 0; j < k_; ++j)
            if (!(at.sds[j] > wide_sd * padded_.sd && at.weights[j] * padded_.total > many_points))
                return false;
        return true;
    }

    // The trials of one chain; every chain draws from streams of its own.
    void swap_chain(int64_t j, int64_t chains, int worker_index) {
        SearchWorker& worker = *pointers_[worker_index];
        Chain& chain = chains_.items[j];
        Candidate* trial = nullptr;
        worker.home.set(chain.at->at);
        if (!is_wide(chain.at->at)) judge(*chain.at, worker);
        int64_t homecomings = 0;
        for (int64_t t = 0; t < request_.swaps && !interrupted(); ++t) {
            if (request_.settled > 0 && homecomings == request_.settled) break;
            if (!trial) trial = new Candidate(k_);
            trial->at.copy_from(chain.at->at, k_);
            trial->order = request_.starts + t * chains + j;
            const std::uint64_t stream = first_swap_stream +
                                         static_cast<std::uint64_t>(t) * streams_per_trial +
                                         static_cast<std::uint64_t>(j);
            const bool is_sound = !chain.at->is_judged() || chain.at->is_sound();
            const Draws draws(request_.seed, stream);
            // Of two components either may be the degenerate one: by turns both are
            // drawn anew.
            if (k_ == 2 && !is_sound && t % 2 == 1)
                draw_start(drawn_, random_start, rules_, draws, trial->at);
            else
                draw_swap(drawn_, rules_, draws, trial->at);
            const double to_beat = is_sound ? chain.at->objective() : -infinity;
            const bool came_home = short_run(*trial, worker, true, to_beat);
            look_up(worker_index, trial->end.iterations + 1);
            // What is not sound is no place to rest.
            homecomings = came_home && is_sound ? homecomings + 1 : 0;
            if (came_home) continue;
            judge(*chain.at, worker);
            // What is not above a sound candidate need not be judged.
            if (chain.at->is_sound() && !(trial->objective() > chain.at->objective() + slack()))
                continue;
            trial->worth = unjudged;
            judge(*trial, worker);
            if (!beats(*trial, *chain.at, slack())) continue;
            chain.found.add(trial);
            const double enough =
                chain.at->worth < worth_on_the_way ? chain.at->worth : worth_on_the_way;
            if (trial->worth >= enough) {
                chain.at = trial;
                worker.home.set(trial->at);
            }
            trial = nullptr;
        }
        delete trial;
    }

    // The candidates to climb from, in their order; returns how many of them
    // come before the firm ones.
    int64_t line_up(const List& found, List& queue) const {
        const int64_t kept = request_.kept;
        int64_t firm = 0, taken = 0;
        for (int64_t i = 0; i < found.count; ++i) firm += found.items[i]->worth >= worth_on_the_way;
        const auto take = [&](int64_t most, auto&& wanted) {
            for (int64_t i = 0, n = 0; i < found.count && n < most; ++i)
                if (wanted(*found.items[i])) queue.add(found.items[i]), ++n;
        };
        take(kept, [](const Candidate& c) { return c.is_sound() && c.worth < worth_on_the_way; });
        take(firm > 0 ? 1 : kept, [](const Candidate& c) { return !c.is_sound(); });
        taken = queue.count;
        take(4 * kept, [](const Candidate& c) { return c.worth >= worth_on_the_way; });
        return taken;
    }

    // To convergence from the best, until `kept` of them end sound; interrupted,
    // the others as they are.
    void finish(const List& found) {
        List queue(found.count);
        int64_t size = line_up(found, queue) + request_.kept;
        List finished(queue.count), batch(queue.count);
        int64_t sound = 0;
        while (finished.count < queue.count && sound < request_.kept && !interrupted()) {
            batch.count = 0;
            for (int64_t i = finished.count; i < queue.count && batch.count < size; ++i) {
                Candidate* end = make(ended_, i);
                const Candidate& begun = *queue.items[i];
                end->at.copy_from(begun.at, k_);
                end->end = begun.end;
                end->starts = begun.starts;
                end->trace.copy_from(begun.trace);
                batch.add(end);
            }
            each(batch, 0, batch.count, &Search::climb_on);
            for (int64_t i = 0; i < batch.count; ++i) {
                finished.add(batch.items[i]);
                sound += batch.items[i]->is_sound();
            }
            size = request_.kept;
        }
        for (int64_t i = finished.count; i < queue.count && interrupted(); ++i) {
            judge(*queue.items[i], *pointers_[0]);
            finished.add(queue.items[i]);
        }
        finished.count = distinct(finished.items, finished.count, slack());
        for (int64_t i = 0; i < finished.count; ++i) report(*finished.items[i]);
    }

    void climb_on(Candidate& candidate, int64_t, SearchWorker& worker) {
        if (interrupted()) return judge(candidate, worker);
        const int64_t before = candidate.end.iterations;
        // The first step is the last of the run before.
        candidate.trace.drop_last();
        const int mine = &worker == pointers_[0] ? 0 : 1;
        candidate.end = worker.climber.climb(
            candidate.at, request_.max_iter, request_.tolerance, &candidate.trace,
            [&](const ColumnParameters&) { return look_up(mine, 1); });
        candidate.end.iterations += before;
        candidate.worth = worker.judge(candidate.at);
    }

    // Objectives nearer than this are those of one summit.
    double slack() const { return same_summit * padded_.total; }

    void report(const Candidate& c) const {
        const ClimbScore& score = c.end.score;
        listener_.found(listener_.context,
                        {c.at.weights, c.at.means, c.at.sds, score.objective, score.loglik,
                         score.gradient, c.worth, c.end.iterations, c.end.outcome, c.starts,
                         c.trace.values(), c.trace.length()});
    }

    bool look_up(int worker, int64_t steps) {
        return interrupts_.end(worker, static_cast<double>(n_ * k_ * steps));
    }
    bool interrupted() const { return interrupts_.raised(); }

    const SearchRequest& request_;
    const SearchListener& listener_;
    int64_t k_;
    ColumnRules rules_;
    DrawnColumn drawn_;
    int64_t n_;
    Buffer points_;
    PaddedColumn padded_;
    Column column_;
    Several<Chain> chains_;
    Candidates begun_, ended_;
    const Candidate* first_ = nullptr;
    int useful_ = 1, workers_ = 0;
    SearchWorker** pointers_ = nullptr;
    InterruptListener asks_;
    Interrupts interrupts_;
};

}  // namespace emix::EMIX_LEVEL
