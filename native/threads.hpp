#pragma once

#include <cstdint>

namespace emix {

using Task = void (*)(void* context, std::int64_t task, int worker);

// Runs task 0 .. tasks-1 on at most `threads` threads, the caller among them;
// `worker` is below `threads` and never shared by two tasks at one time. Which
// worker runs which task is not fixed: results must not depend on it. A call
// from inside a task, or while another thread uses the pool, runs alone.
void run_tasks(std::int64_t tasks, int threads, Task task, void* context);

}  // namespace emix
