// Random numbers for starts: SplitMix64 (Steele, Lea and Flood 2014,
// doi:10.1145/2660193.2660195), the same streams as emix.initialise.draws.
#pragma once

#include <cstdint>

#include "vector_math.hpp"

namespace emix::EMIX_LEVEL {

class Draws {
  public:
    Draws(std::uint64_t seed, std::uint64_t stream) : state_(mixed(mixed(seed) + stream * step)) {}

    // In [0, 1), a multiple of 2^-53.
    double uniform() {
        state_ += step;
        return static_cast<double>(mixed(state_) >> 11) * 0x1p-53;
    }
    // An index from 0 to n - 1.
    int64_t below(int64_t n) {
        const int64_t at = static_cast<int64_t>(uniform() * static_cast<double>(n));
        return at < n ? at : n - 1;
    }

  private:
    static constexpr std::uint64_t step = 0x9E3779B97F4A7C15u;
    static std::uint64_t mixed(std::uint64_t state) {
        state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9u;
        state = (state ^ (state >> 27)) * 0x94D049BB133111EBu;
        return state ^ (state >> 31);
    }
    std::uint64_t state_;
};

}  // namespace emix::EMIX_LEVEL
