#include "dispatch.hpp"

#include <cstdlib>
#include <stdexcept>

namespace emix {

#ifdef EMIX_X86_LEVELS
namespace x86_64_v2 {
extern const Kernel kernel;
}
namespace x86_64_v3 {
extern const Kernel kernel;
}
namespace x86_64_v4 {
extern const Kernel kernel;
}
#else
namespace baseline {
extern const Kernel kernel;
}
#endif

std::vector<Level> usable_levels() {
    std::vector<Level> levels;
#ifdef EMIX_X86_LEVELS
    __builtin_cpu_init();
    const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
    if (v2) levels.push_back({"x86-64-v2", &x86_64_v2::kernel});
    if (v3) levels.push_back({"x86-64-v3", &x86_64_v3::kernel});
    if (v4) levels.push_back({"x86-64-v4", &x86_64_v4::kernel});
#else
    levels.push_back({"baseline", &baseline::kernel});
#endif
    return levels;
}

Level chosen_level() {
    const std::vector<Level> levels = usable_levels();
    const char* asked = std::getenv("EMIX_INSTRUCTION_SET");
    if (!asked || !*asked) return levels.back();
    std::string allowed;
    for (const Level& level : levels) {
        if (level.name == std::string(asked)) return level;
        allowed += (allowed.empty() ? "" : ", ") + std::string(level.name);
    }
    throw std::invalid_argument("EMIX_INSTRUCTION_SET is '" + std::string(asked) +
                             "'; this processor and build allow: " + allowed +
                                ". Unset it to use the best of them.");
}

}  // namespace emix
