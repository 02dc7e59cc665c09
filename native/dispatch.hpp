// Which compiled level of the kernel this process uses.
#pragma once

#include <string>
#include <vector>

#include "kernel.hpp"

namespace emix {

struct Level {
    const char* name;
    const Kernel* kernel;
};

// The levels that this processor can run, the best one last.
std::vector<Level> usable_levels();

// The best usable level, or the one that the environment variable
// EMIX_INSTRUCTION_SET names; there must be one. Throws std::invalid_argument
// (ValueError in Python) for a name that is not usable here.
Level chosen_level();

}  // namespace emix
