// A column sorted, its ties merged: what the search looks at.
#pragma once

#include "runs_column.hpp"

namespace emix::EMIX_LEVEL {

// Below this merging is quicker than counting digits.
constexpr int64_t worth_counting = 4096;
constexpr int digit_bits = 11;
constexpr int64_t digit_values = int64_t{1} << digit_bits;

struct WeightedPoint {
    double z, weight;
};
struct BarePoint {
    double z;
};

template <class Point>
inline void insertion_sort(Point* points, int64_t count) {
    for (int64_t i = 1; i < count; ++i) {
        const Point moved = points[i];
        int64_t at = i;
        for (; at > 0 && moved.z < points[at - 1].z; --at) points[at] = points[at - 1];
        points[at] = moved;
    }
}

// Eight points at a time by a network of comparisons (Batcher's), which never
// waits to see which way a comparison goes.
inline void sort_eight(BarePoint* points) {
    constexpr int network[19][2] = {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {0, 2}, {1, 3}, {4, 6},
                                    {5, 7}, {1, 2}, {5, 6}, {0, 4}, {1, 5}, {2, 6}, {3, 7},
                                    {2, 4}, {3, 5}, {1, 2}, {3, 4}, {5, 6}};
    double z[8];
    EMIX_UNROLL for (int i = 0; i < 8; ++i) z[i] = points[i].z;
    _Pragma("GCC unroll 19") for (int i = 0; i < 19; ++i) {
        const double low = z[network[i][0]], high = z[network[i][1]];
        z[network[i][0]] = high < low ? high : low;
        z[network[i][1]] = high < low ? low : high;
    }
    EMIX_UNROLL for (int i = 0; i < 8; ++i) points[i].z = z[i];
}

// Weights of ties are added in the order they came in: a network would mix them.
inline void sort_eight(WeightedPoint* points) { insertion_sort(points, 8); }

// Runs of the same length, from both ends at once: neither side can run out
// before the middle is reached.
template <class Point>
inline void merge_equal_runs(const Point* left, const Point* right, int64_t length, Point* out) {
    const Point *left_last = right - 1, *right_last = right + length - 1;
    Point* last = out + 2 * length - 1;
    for (int64_t i = 0; i < length; ++i) {
        const bool take_right = right->z < left->z;
        *out++ = take_right ? *right : *left;
        right += take_right;
        left += !take_right;
        const bool take_left = right_last->z < left_last->z;
        *last-- = take_left ? *left_last : *right_last;
        left_last -= take_left;
        right_last -= !take_left;
    }
}

// Without a branch on the data: one that goes either way by chance costs more
// than the rest of the loop.
template <class Point>
inline void merge_runs(const Point* left, int64_t lefts, const Point* right, int64_t rights,
                       Point* out) {
    const Point *left_end = left + lefts, *right_end = right + rights;
    while (left < left_end && right < right_end) {
        const bool take_right = right->z < left->z;
        *out++ = take_right ? *right : *left;
        right += take_right;
        left += !take_right;
    }
    while (left < left_end) *out++ = *left++;
    while (right < right_end) *out++ = *right++;
}

// Stable; the result is in `points` or in `other`, whichever is returned.
template <class Point>
inline Point* merge_sort(Point* points, Point* other, int64_t n) {
    constexpr int64_t shortest = 8;
    for (int64_t at = 0; at < n; at += shortest) {
        if (at + shortest <= n)
            sort_eight(points + at);
        else
            insertion_sort(points + at, n - at);
    }
    for (int64_t run = shortest; run < n; run *= 2) {
        for (int64_t at = 0; at < n; at += 2 * run) {
            const int64_t middle = smaller(at + run, n), end = smaller(at + 2 * run, n);
            if (end - at == 2 * run)
                merge_equal_runs(points + at, points + middle, run, other + at);
            else
                merge_runs(points + at, middle - at, points + middle, end - middle, other + at);
        }
        Point* sorted = other;
        other = points;
        points = sorted;
    }
    return points;
}

// The bits of a double in an order that unsigned integers share; both zeros are
// one value.
inline std::uint64_t ordered_bits(double z) {
    std::uint64_t bits;
    z += 0.0;
    std::memcpy(&bits, &z, sizeof bits);
    return bits >> 63 ? ~bits : bits | (std::uint64_t{1} << 63);
}

// Least digit first, stable; a digit that all values share costs nothing.
template <class Point>
inline Point* radix_sort(Point* points, Point* other, int64_t n) {
    Buffer storage(digit_values);
    int64_t* places = reinterpret_cast<int64_t*>(storage.get());
    for (int shift = 0; shift < 64; shift += digit_bits) {
        const auto digit = [shift](const Point& p) {
            return static_cast<int64_t>(ordered_bits(p.z) >> shift) & (digit_values - 1);
        };
        for (int64_t d = 0; d < digit_values; ++d) places[d] = 0;
        for (int64_t i = 0; i < n; ++i) ++places[digit(points[i])];
        if (places[digit(points[0])] == n) continue;
        int64_t before = 0;
        for (int64_t d = 0; d < digit_values; ++d) {
            const int64_t count = places[d];
            places[d] = before;
            before += count;
        }
        for (int64_t i = 0; i < n; ++i) other[places[digit(points[i])]++] = points[i];
        Point* sorted = other;
        other = points;
        points = sorted;
    }
    return points;
}

inline double weight_of(const WeightedPoint& p) { return p.weight; }
inline double weight_of(const BarePoint&) { return 1.0; }
inline void set_weight(WeightedPoint& p, double weight) { p.weight = weight; }
inline void set_weight(BarePoint&, double) {}

template <class Point>
inline void sort_points(const Column& column, SortedColumn& out) {
    constexpr int64_t width = sizeof(Point) / sizeof(double);
    const double* w = column.sample_weight;
    Buffer storage(2 * width * column.n);
    Point* points = reinterpret_cast<Point*>(storage.get());
    int64_t n = 0;
    for (int64_t i = 0; i < column.n; ++i) {
        const double x = column.doubles ? column.doubles[i] : static_cast<double>(column.floats[i]);
        points[n].z = (x - column.shift) * column.scale;
        if (w) set_weight(points[n], w[i]);
        n += !w || w[i] > 0.0;
    }
    Point* other = points + column.n;
    points = n < worth_counting ? merge_sort(points, other, n) : radix_sort(points, other, n);
    int64_t last = -1;
    for (int64_t i = 0; i < n; ++i) {
        if (last >= 0 && points[i].z == out.points[last]) {
            out.weight[last] += weight_of(points[i]);
        } else {
            out.points[++last] = points[i].z;
            out.weight[last] = weight_of(points[i]);
        }
    }
    out.count = last + 1;
}

// Rows of positive weight only. `out` has room for n points.
inline void sort_column(const Column& column, SortedColumn& out) {
    if (column.sample_weight)
        sort_points<WeightedPoint>(column, out);
    else
        sort_points<BarePoint>(column, out);
    const RunSums all = sum_run(out.points, out.weight, 0, out.count);
    const double mean = all.first / all.weight;
    out.sd = std::sqrt(scatter_of_run(out.points, out.weight, 0, out.count, mean) / all.weight);
}

}  // namespace emix::EMIX_LEVEL
