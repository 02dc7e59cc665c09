// A column sorted, its ties merged: what the search looks at.
#pragma once

#include "column.hpp"

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
    for (int64_t at = 0; at < n; at += shortest)
        insertion_sort(points + at, smaller(shortest, n - at));
    for (int64_t run = shortest; run < n; run *= 2) {
        for (int64_t at = 0; at < n; at += 2 * run) {
            const int64_t middle = smaller(at + run, n), end = smaller(at + 2 * run, n);
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
    double weight = 0.0, sum = 0.0, scatter = 0.0;
    for (int64_t i = 0; i < out.count; ++i) {
        weight += out.weight[i];
        sum += out.weight[i] * out.points[i];
    }
    const double mean = sum / weight;
    for (int64_t i = 0; i < out.count; ++i) {
        const double away = out.points[i] - mean;
        scatter += out.weight[i] * (away * away);
    }
    out.sd = std::sqrt(scatter / weight);
}

}  // namespace emix::EMIX_LEVEL
