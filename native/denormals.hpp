// Numbers too small to have all their digits count as 0, while one of these lives.
//
// A share of 1e-300 times a squared deviation has no digits to speak of, and x86
// takes a hundred times as long over it: where all points of a block are far from
// a component its sums are such, and a step took seven times as long as the same
// step on points that are near. Only results are flushed, in the thread that
// sums, until its chunk is done; the mode it had is put back.
#pragma once

namespace emix::EMIX_LEVEL {

class TinyIsZero {
  public:
#if defined(__x86_64__)
    TinyIsZero() : before_(__builtin_ia32_stmxcsr()) {
        __builtin_ia32_ldmxcsr(before_ | flush_to_zero);
    }
    ~TinyIsZero() { __builtin_ia32_ldmxcsr(before_); }
    TinyIsZero(const TinyIsZero&) = delete;
    TinyIsZero& operator=(const TinyIsZero&) = delete;

  private:
    static constexpr unsigned flush_to_zero = 0x8000;
    unsigned before_;
#else
    // Elsewhere they cost nothing.
    TinyIsZero() {}
    ~TinyIsZero() {}
#endif
};

}  // namespace emix::EMIX_LEVEL
