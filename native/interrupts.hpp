// Whether someone has interrupted a climb, asked now and then.
#pragma once

#include "kernel.hpp"

namespace emix::EMIX_LEVEL {

// Point-component evaluations between two looks: some ten milliseconds.
constexpr double patience = 2e7;

// Shared by the threads of one request. Only the thread that called, which is
// worker 0, may ask; all of them see the answer.
class Interrupts {
  public:
    explicit Interrupts(const InterruptListener* listener) : listener_(listener) {}

    // Of one worker, told what it has done since it last asked: whether to end.
    bool end(int worker, double work) {
        if (worker == 0 && listener_ && !raised()) {
            done_ += work;
            if (done_ >= patience) {
                done_ = 0.0;
                if (listener_->interrupted(listener_->context))
                    __atomic_store_n(&raised_, true, __ATOMIC_RELAXED);
            }
        }
        return raised();
    }
    bool raised() const { return __atomic_load_n(&raised_, __ATOMIC_RELAXED); }

  private:
    const InterruptListener* listener_;
    double done_ = 0.0;
    bool raised_ = false;
};

}  // namespace emix::EMIX_LEVEL
