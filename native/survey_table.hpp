// Some rows of a table against all of many components: which of them matter there.
#pragma once

#include "score_table.hpp"
#include "vicinity_kernel.hpp"

namespace emix::EMIX_LEVEL {

// Entries in a buffer that grows.
class SurveyEntries {
  public:
    void add(const SurveyEntry& entry) {
        if (count_ == room_) grow();
        at(buffer_)[count_++] = entry;
    }
    const SurveyEntry* get() const { return buffer_ ? at(buffer_) : nullptr; }
    int64_t count() const { return count_; }
    SurveyEntries() = default;
    ~SurveyEntries() { delete buffer_; }
    SurveyEntries(const SurveyEntries&) = delete;
    SurveyEntries& operator=(const SurveyEntries&) = delete;

  private:
    static SurveyEntry* at(const Buffer* buffer) {
        return reinterpret_cast<SurveyEntry*>(buffer->get());
    }
    void grow() {
        room_ = larger(2 * room_, 1024);
        Buffer* wider = new Buffer(room_ * int64_t{sizeof(SurveyEntry) / sizeof(double)});
        for (int64_t i = 0; i < count_; ++i) at(wider)[i] = at(buffer_)[i];
        delete buffer_;
        buffer_ = wider;
    }
    Buffer* buffer_ = nullptr;
    int64_t count_ = 0, room_ = 0;
};

class Survey {
  public:
    Survey(const Table& table, const TableMixture& mixture, const SurveyRequest& request,
           int threads)
        : table_(table), r_(request), k_(mixture.k),
          // So few points that the parts of all components stay in L2.
          points_(larger(k_ > 512 ? 32 : 128, panel_points)),
          tasks_((r_.count + rows - 1) / rows), threads_(threads),
          prepared_storage_(PreparedTable::size(k_, table.d, mixture.form)),
          scratch_size_(aligned(TableScratch::size(k_, table.d, table.d, points_, true))),
          scratch_(scratch_size_ * threads), found_(new SurveyEntries[larger(tasks_, 1)]) {
        prepared_ = prepare_table(mixture, table.d, prepared_storage_.get());
    }
    ~Survey() { delete[] found_; }
    Survey(const Survey&) = delete;
    Survey& operator=(const Survey&) = delete;

    void operator()(const SurveyListener& listener) {
        run_tasks(tasks_, threads_, run, this);
        for (int64_t i = 0; i < tasks_; ++i)
            if (found_[i].count()) listener.found(listener.context, found_[i].get(),
                                                  found_[i].count());
    }

  private:
    static constexpr int64_t rows = 128;

    static void run(void* self, int64_t index, int worker) {
        static_cast<Survey*>(self)->task(index, worker);
    }

    void task(int64_t index, int worker) {
        TableScratch s(k_, table_.d, table_.d, points_, true,
                       scratch_.get() + worker * scratch_size_);
        TableBlock block(table_.d, points_, s.x);
        const int64_t end = smaller(r_.count, (index + 1) * rows);
        for (int64_t row = index * rows; row < end; row += points_) {
            load_rows(table_, 0, smaller(points_, end - row), table_.d, r_.rows + row,
                      prepared_.reference, block);
            score_block<false>(block, prepared_, s);
            if (r_.lists.lead) pass_over_listed(block, row, s);
            list(block, s, row, found_[index]);
        }
    }

    void pass_over_listed(const TableBlock& block, int64_t row, TableScratch& s) const {
        for (int64_t p = 0; p < block.count; ++p) {
            const int64_t c = r_.lists.lead[r_.rows[row + p]];
            for (int64_t e = r_.lists.begin[c]; e < r_.lists.begin[c + 1]; ++e)
                *s.part(p, r_.lists.near[e]) = 0.0;
        }
    }

    EMIX_LOOP void list(const TableBlock& block, const TableScratch& s, int64_t row,
                        SurveyEntries& found) const {
        for (int64_t v = 0; v < block.vectors; ++v) {
            const int64_t inside = smaller(lanes, block.count - v * lanes);
            const Vector least = s.total[v] * r_.least;
            for (int64_t c = 0; c < k_; ++c) {
                const Vector part = s.parts[v * k_ + c];
                if (!any(part > least)) continue;
                for (int64_t i = 0; i < inside; ++i)
                    if (part[i] > least[i])
                        found.add({static_cast<std::int32_t>(row + v * lanes + i),
                                   static_cast<std::int32_t>(c), part[i] / s.total[v][i]});
            }
        }
    }

    Table table_;
    SurveyRequest r_;
    int64_t k_, points_, tasks_;
    int threads_;
    Buffer prepared_storage_;
    int64_t scratch_size_;
    Buffer scratch_;
    SurveyEntries* found_;
    PreparedTable prepared_{};
};

}  // namespace emix::EMIX_LEVEL
