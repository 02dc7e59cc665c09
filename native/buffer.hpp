// Memory for numbers, aligned for whole vectors.
#pragma once

#include <cstdint>
#include <new>

namespace emix::EMIX_LEVEL {

// Memory given back, kept for who asks next on the same thread: many small fits
// ask for the same few sizes over and over. Sizes are powers of two.
class Stash {
  public:
    static constexpr int smallest = 3, shelves = 9, room = 12;  // 64 bytes to 16 KiB

    constexpr Stash() = default;
    ~Stash() {
        is_open_ = false;
        for (Shelf& shelf : shelves_)
            while (shelf.count > 0) drop(shelf.kept[--shelf.count]);
    }
    Stash(const Stash&) = delete;
    Stash& operator=(const Stash&) = delete;

    // The shelf for so many numbers; `shelves` where there is none.
    static int shelf_for(std::int64_t doubles) {
        int shelf = 0;
        while (shelf < shelves && (std::int64_t{1} << (smallest + shelf)) < doubles) ++shelf;
        return shelf;
    }
    double* take(std::int64_t doubles, int shelf) {
        if (shelf == shelves) return made(doubles);
        Shelf& from = shelves_[shelf];
        return from.count > 0 ? from.kept[--from.count]
                              : made(std::int64_t{1} << (smallest + shelf));
    }
    void put(double* data, int shelf) {
        if (shelf == shelves || !is_open_ || shelves_[shelf].count == room) return drop(data);
        Shelf& to = shelves_[shelf];
        to.kept[to.count++] = data;
    }

  private:
    struct Shelf {
        double* kept[room] = {};
        int count = 0;
    };
    static double* made(std::int64_t doubles) {
        return static_cast<double*>(::operator new(
            sizeof(double) * static_cast<std::size_t>(doubles), std::align_val_t{64}));
    }
    static void drop(double* data) { ::operator delete(data, std::align_val_t{64}); }

    Shelf shelves_[shelves];
    bool is_open_ = true;
};

inline thread_local Stash stash;

// Standard containers are avoided in this folder: their instantiations would
// be shared between instruction sets by the linker.
class Buffer {
  public:
    explicit Buffer(std::int64_t doubles)
        : shelf_(Stash::shelf_for(doubles + 1)), data_(stash.take(doubles + 1, shelf_)) {}
    ~Buffer() { stash.put(data_, shelf_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    double* get() const { return data_; }

  private:
    int shelf_;
    double* data_;
};

}  // namespace emix::EMIX_LEVEL
