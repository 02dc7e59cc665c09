// A column sorted, its ties merged: what the search looks at.
#pragma once

#include "runs_column.hpp"

namespace emix::EMIX_LEVEL {

// Below this one pass over the range is quicker than one for each digit.
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
        insertion_sort(points + at, smaller(n - at, shortest));
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

// As many bins as points over their range, which mostly leaves each a point or
// two; a crowd in one is merged. Stable; the result is in `points` or `other`.
template <class Point>
inline Point* bin_sort(Point* points, Point* other, int64_t n) {
    constexpr std::int32_t crowd = 16;
    double low = points[0].z, high = low;
    for (int64_t i = 1; i < n; ++i) {
        low = points[i].z < low ? points[i].z : low;
        high = points[i].z > high ? points[i].z : high;
    }
    const double scale = static_cast<double>(n - 1) / (high - low);
    if (!(high - low < infinity && scale < infinity)) return merge_sort(points, other, n);
    Buffer storage(n);
    std::int32_t* bin = reinterpret_cast<std::int32_t*>(storage.get());
    std::int32_t *ends = bin + n, most = 0, before = 0;
    std::memset(ends, 0, sizeof(std::int32_t) * static_cast<std::size_t>(n));
    // Rounding keeps the order.
    for (int64_t i = 0; i < n; ++i) bin[i] = static_cast<std::int32_t>((points[i].z - low) * scale);
    for (int64_t i = 0; i < n; ++i) ++ends[bin[i]];
    for (int64_t b = 0; b < n; ++b) {
        const std::int32_t count = ends[b];
        most = count > most ? count : most;
        ends[b] = before;
        before += count;
    }
    for (int64_t i = 0; i < n; ++i) other[ends[bin[i]]++] = points[i];
    for (int64_t b = 0; b < n && most > crowd; ++b) {
        const int64_t begin = b > 0 ? ends[b - 1] : 0, count = ends[b] - begin;
        if (count <= crowd) continue;
        Point* const sorted = merge_sort(other + begin, points + begin, count);
        for (int64_t i = 0; i < count; ++i) other[begin + i] = sorted[i];
    }
    insertion_sort(other, n);
    return other;
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
    if (n > 1) points = n < worth_counting ? bin_sort(points, other, n) : radix_sort(points, other, n);
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
