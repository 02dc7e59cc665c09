#include "threads.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#define EMIX_POSIX 1
#endif

namespace emix {
namespace {

constexpr int most_threads = 256;
// A climb calls the pool once per iteration: a sleeping thread costs more to
// wake than a short iteration takes, so it looks around for some 20 µs first.
constexpr int spins = 1000;

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

class Pool {
  public:
    bool claim() { return !busy_.exchange(true, std::memory_order_acquire); }
    void release() { busy_.store(false, std::memory_order_release); }

    void run(std::int64_t tasks, int threads, Task task, void* context) {
        grow(threads - 1);
        {
            std::lock_guard<std::mutex> lock(mutex_);
            task_ = task;
            context_ = context;
            tasks_ = tasks;
            next_.store(0, std::memory_order_relaxed);
            joined_ = 0;
            places_ = std::min(threads - 1, size_);
            generation_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        work(0);
        {
            std::lock_guard<std::mutex> lock(mutex_);
            places_ = 0;  // who has not come by now need not come
        }
        for (int i = 0; i < spins && running_.load(std::memory_order_acquire) > 0; ++i)
            pause_briefly();
        std::unique_lock<std::mutex> lock(mutex_);
        done_.wait(lock, [this] { return running_.load(std::memory_order_acquire) == 0; });
    }

  private:
    void work(int worker) {
        for (;;) {
            const std::int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
            if (task >= tasks_) return;
            task_(context_, task, worker);
        }
    }

    void serve() {
        std::uint64_t seen = 0;
        for (;;) {
            for (int i = 0; i < spins && generation_.load(std::memory_order_acquire) == seen; ++i)
                pause_briefly();
            int worker = 0;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [&] { return generation_.load() != seen; });
                seen = generation_.load();
                if (places_ == 0) continue;
                --places_;
                worker = ++joined_;
                running_.fetch_add(1, std::memory_order_relaxed);
            }
            work(worker);
            std::lock_guard<std::mutex> lock(mutex_);
            if (running_.fetch_sub(1, std::memory_order_release) == 1) done_.notify_one();
        }
    }

    void grow(int wanted) {
        if (size_ >= wanted) return;
#ifdef EMIX_POSIX
        // Signals belong to the thread that runs Python.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
        try {
            // Detached, and the pool is never destroyed: at exit the threads
            // sleep on memory that stays valid until the process is gone.
            for (; size_ < wanted; ++size_) std::thread([this] { serve(); }).detach();
        } catch (const std::system_error&) {
            // Fewer threads than asked for: the same bits, later.
        }
#ifdef EMIX_POSIX
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
    }

    std::atomic<bool> busy_{false};
    std::mutex mutex_;
    std::condition_variable wake_, done_;
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<std::int64_t> next_{0};
    std::atomic<int> running_{0};
    Task task_ = nullptr;
    void* context_ = nullptr;
    std::int64_t tasks_ = 0;
    int places_ = 0, joined_ = 0, size_ = 0;
};

std::atomic<Pool*> the_pool{nullptr};

#ifdef EMIX_POSIX
// A forked child has none of its parent's threads and perhaps a locked mutex:
// it leaves the old pool where it is and makes its own.
void forget_pool() { the_pool.store(nullptr); }
#endif

Pool& pool() {
    Pool* current = the_pool.load(std::memory_order_acquire);
    if (current) return *current;
#ifdef EMIX_POSIX
    static const int registered = pthread_atfork(nullptr, nullptr, forget_pool);
    static_cast<void>(registered);
#endif
    Pool* made = new Pool;
    if (the_pool.compare_exchange_strong(current, made)) return *made;
    delete made;
    return *current;
}

}  // namespace

void run_tasks(std::int64_t tasks, int threads, Task task, void* context) {
    threads = static_cast<int>(
        std::min<std::int64_t>(tasks, std::clamp(threads, 1, most_threads)));
    if (threads > 1) {
        Pool& workers = pool();
        if (workers.claim()) {
            workers.run(tasks, threads, task, context);
            workers.release();
            return;
        }
    }
    for (std::int64_t i = 0; i < tasks; ++i) task(context, i, 0);
}

}  // namespace emix
