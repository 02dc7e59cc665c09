// What the search has found so far, and which of it is the same.
#pragma once

#include "climb_column.hpp"
#include "soundness_column.hpp"

namespace emix::EMIX_LEVEL {

// The thresholds of emix.soundness and emix.search: what a component must be
// worth at a summit and on the way to one; and how near, per unit of row
// weight, the objectives of one summit are.
constexpr double least_worth = -3.0, worth_on_the_way = -1.0;
constexpr double same_summit = 1e-7;
constexpr double unjudged = std::numeric_limits<double>::quiet_NaN();
// How near home a climb has come back: means in standard deviations, spreads and
// weights as shares of themselves.
constexpr double near_home = 0.1;

// A climb, what its least worthy component is worth, and how many starts came
// to it. Made before the loops and used again in them.
struct Candidate {
    explicit Candidate(int64_t k) : memory(3 * k), at(ColumnParameters::in(memory.get(), k)) {}

    // The same climb, for another start that comes to it.
    void copy_from(const Candidate& other, int64_t k) {
        at.copy_from(other.at, k);
        trace.copy_from(other.trace);
        end = other.end;
        worth = other.worth;
    }

    bool is_judged() const { return worth == worth; }
    bool is_sound() const { return worth >= least_worth; }
    double objective() const {
        const double value = end.score.objective;
        return value == value ? value : -infinity;
    }

    Buffer memory;
    ColumnParameters at;
    Trace trace;
    ClimbEnd end{};
    double worth = unjudged;
    int64_t starts = 1;
    int64_t order = 0;  // of being found: who was first wins a tie
    Candidate* next = nullptr;
};

// A list that owns its candidates.
class Candidates {
  public:
    Candidates() = default;
    ~Candidates() {
        while (first_) {
            Candidate* next = first_->next;
            delete first_;
            first_ = next;
        }
    }
    Candidates(const Candidates&) = delete;
    Candidates& operator=(const Candidates&) = delete;

    void add(Candidate* owned) {
        owned->next = first_;
        first_ = owned;
        ++count_;
    }
    Candidate* first() const { return first_; }
    int64_t count() const { return count_; }

  private:
    Candidate* first_ = nullptr;
    int64_t count_ = 0;
};

// Whether a is sound and b is not, or else is higher by more than the slack.
inline bool beats(const Candidate& a, const Candidate& b, double slack) {
    if (a.is_sound() != b.is_sound()) return a.is_sound();
    return a.objective() > b.objective() + slack;
}

// Best first, those of one summit merged into one with the count of all their
// starts; returns how many are left. The one nearest to stationary stands for
// them: which is highest is a matter of rounding. There are some dozens.
inline int64_t distinct(Candidate** found, int64_t count, double slack) {
    const auto before = [](const Candidate& a, const Candidate& b) {
        return beats(a, b, 0.0) || (!beats(b, a, 0.0) && a.order < b.order);
    };
    for (int64_t i = 1; i < count; ++i) {
        Candidate* moved = found[i];
        int64_t at = i;
        for (; at > 0 && before(*moved, *found[at - 1]); --at) found[at] = found[at - 1];
        found[at] = moved;
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < count; ++i) {
        int64_t same = 0;
        for (; same < kept; ++same)
            if (found[same]->is_sound() == found[i]->is_sound() &&
                std::fabs(found[same]->objective() - found[i]->objective()) <= slack)
                break;
        if (same == kept) {
            found[kept++] = found[i];
            continue;
        }
        const int64_t starts = found[same]->starts + found[i]->starts;
        if (found[i]->end.score.gradient < found[same]->end.score.gradient) found[same] = found[i];
        found[same]->starts = starts;
    }
    return kept;
}

// Parameters that a climb may come back to. So near a summit that a chain has
// climbed, another climb ends there too.
class Home {
  public:
    explicit Home(int64_t k)
        : k_(k), storage_(4 * k), sorted_(ColumnParameters::in(storage_.get(), k)),
          order_(reinterpret_cast<int64_t*>(storage_.get() + 3 * k)) {}

    void set(const ColumnParameters& at) {
        sort(at);
        for (int64_t j = 0; j < k_; ++j) {
            sorted_.weights[j] = at.weights[order_[j]];
            sorted_.means[j] = at.means[order_[j]];
            sorted_.sds[j] = at.sds[order_[j]];
        }
    }
    // Whether each component, in order of means, is as good as there.
    bool operator()(const ColumnParameters& at) const {
        sort(at);
        for (int64_t j = 0; j < k_; ++j) {
            const int64_t i = order_[j];
            const double sd = sorted_.sds[j], weight = sorted_.weights[j];
            if (!(std::fabs(at.means[i] - sorted_.means[j]) <= near_home * sd) ||
                !(std::fabs(at.sds[i] - sd) <= near_home * sd) ||
                !(std::fabs(at.weights[i] - weight) <= near_home * weight))
                return false;
        }
        return true;
    }

  private:
    void sort(const ColumnParameters& at) const {
        for (int64_t j = 0; j < k_; ++j) {
            int64_t i = j;
            for (; i > 0 && at.means[j] < at.means[order_[i - 1]]; --i) order_[i] = order_[i - 1];
            order_[i] = j;
        }
    }

    int64_t k_;
    Buffer storage_;
    ColumnParameters sorted_;
    int64_t* order_;
};

}  // namespace emix::EMIX_LEVEL
