// Vectors of doubles and the two transcendental functions of the kernel.
#pragma once

#include <cstdint>

#ifndef EMIX_VECTOR_BYTES
#define EMIX_VECTOR_BYTES 16
#endif

namespace emix::EMIX_LEVEL {

using std::int64_t;

typedef double Vector __attribute__((vector_size(EMIX_VECTOR_BYTES)));
typedef int64_t Integers __attribute__((vector_size(EMIX_VECTOR_BYTES)));
typedef std::uint64_t Bits __attribute__((vector_size(EMIX_VECTOR_BYTES)));
typedef double UnalignedVector
    __attribute__((vector_size(EMIX_VECTOR_BYTES), aligned(8), may_alias));

// Left to itself GCC inlines by size, and a kernel's speed then depends on what
// else is in the file. These two words say what each loop is made of.
#define EMIX_INLINE inline __attribute__((always_inline))
#define EMIX_LOOP __attribute__((noinline))
#define EMIX_UNROLL _Pragma("GCC unroll 16")

constexpr int64_t lanes = EMIX_VECTOR_BYTES / 8;

EMIX_INLINE Vector load(const double* from) {
    return *reinterpret_cast<const UnalignedVector*>(from);
}

EMIX_INLINE Vector load(const float* from) {
    typedef float Floats __attribute__((vector_size(EMIX_VECTOR_BYTES / 2), aligned(4), may_alias));
    return __builtin_convertvector(*reinterpret_cast<const Floats*>(from), Vector);
}

EMIX_INLINE void store(double* to, Vector v) { *reinterpret_cast<UnalignedVector*>(to) = v; }

EMIX_INLINE Vector broadcast(double value) { return Vector{} + value; }

// Written so that it is one instruction: b where either is NaN.
EMIX_INLINE Vector maximum(Vector a, Vector b) { return a > b ? a : b; }
EMIX_INLINE Vector minimum(Vector a, Vector b) { return a < b ? a : b; }

EMIX_INLINE Vector minus_absolute(Vector a) {
    return (Vector)((Bits)a | (std::uint64_t{1} << 63));
}

// Halves are added to halves: short chains, and an order that is fixed.
inline double sum_lanes(Vector v) {
    double parts[lanes];
    for (int64_t i = 0; i < lanes; ++i) parts[i] = v[i];
    for (int64_t half = lanes / 2; half > 0; half /= 2)
        for (int64_t i = 0; i < half; ++i) parts[i] += parts[i + half];
    return parts[0];
}

// Lanes of `a` and `b` picked by subscripts that count through both.
#ifdef __clang__
#define EMIX_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define EMIX_PICK(a, b, ...) __builtin_shuffle(a, b, Integers{__VA_ARGS__})
#endif

// Whether any lane of a comparison holds.
EMIX_INLINE bool any(Integers holds) {
#if EMIX_VECTOR_BYTES == 64
    holds |= EMIX_PICK(holds, holds, 4, 5, 6, 7, 0, 1, 2, 3);
#endif
#if EMIX_VECTOR_BYTES >= 32
    const Integers half = holds;
#if EMIX_VECTOR_BYTES == 64
    holds |= EMIX_PICK(half, half, 2, 3, 0, 1, 6, 7, 4, 5);
#else
    holds |= EMIX_PICK(half, half, 2, 3, 0, 1);
#endif
#endif
    return (holds[0] | holds[1]) != 0;
}

// In each group of `group` lanes of `a` and then of `b` the upper half is added
// to the lower: half as many lanes, the groups in the order they were.
template <int group>
EMIX_INLINE Vector fold(Vector a, Vector b) {
#if EMIX_VECTOR_BYTES == 64
    if constexpr (group == 8)
        return EMIX_PICK(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
               EMIX_PICK(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    else if constexpr (group == 4)
        return EMIX_PICK(a, b, 0, 1, 4, 5, 8, 9, 12, 13) +
               EMIX_PICK(a, b, 2, 3, 6, 7, 10, 11, 14, 15);
    else
        return EMIX_PICK(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
               EMIX_PICK(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#elif EMIX_VECTOR_BYTES == 32
    if constexpr (group == 4)
        return EMIX_PICK(a, b, 0, 1, 4, 5) + EMIX_PICK(a, b, 2, 3, 6, 7);
    else
        return EMIX_PICK(a, b, 0, 2, 4, 6) + EMIX_PICK(a, b, 1, 3, 5, 7);
#else
    return EMIX_PICK(a, b, 0, 2) + EMIX_PICK(a, b, 1, 3);
#endif
}

// The sums across the lanes of each of N vectors, in order: to[i] = Σ v[i], in
// the order of sum_lanes. `to` has room for whole vectors.
template <int N>
EMIX_INLINE void sum_each(const Vector* v, double* to) {
    EMIX_UNROLL for (int first = 0; first < N; first += lanes) {
        Vector part[lanes];
        EMIX_UNROLL for (int i = 0; i < lanes; ++i)
            part[i] = first + i < N ? v[first + i] : Vector{};
#if EMIX_VECTOR_BYTES == 64
        EMIX_UNROLL for (int i = 0; i < 4; ++i) part[i] = fold<8>(part[2 * i], part[2 * i + 1]);
#endif
#if EMIX_VECTOR_BYTES >= 32
        EMIX_UNROLL for (int i = 0; i < 2; ++i) part[i] = fold<4>(part[2 * i], part[2 * i + 1]);
#endif
        store(to + first, fold<2>(part[0], part[1]));
    }
}

// a becomes the even lanes of a and then b, b the odd ones.
EMIX_INLINE void split_pairs(Vector& a, Vector& b) {
    const Vector low = a, high = b;
#if EMIX_VECTOR_BYTES == 64
    a = EMIX_PICK(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
    b = EMIX_PICK(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
#elif EMIX_VECTOR_BYTES == 32
    a = EMIX_PICK(low, high, 0, 2, 4, 6);
    b = EMIX_PICK(low, high, 1, 3, 5, 7);
#else
    a = EMIX_PICK(low, high, 0, 2);
    b = EMIX_PICK(low, high, 1, 3);
#endif
}

// Vectors as the rows of a square of lanes by lanes: swaps the blocks beside its
// diagonal, `step` on a side.
template <int step>
EMIX_INLINE void swap_blocks(Vector& a, Vector& b) {
    const Vector low = a, high = b;
#if EMIX_VECTOR_BYTES == 64
    if constexpr (step == 1) {
        a = EMIX_PICK(low, high, 0, 8, 2, 10, 4, 12, 6, 14);
        b = EMIX_PICK(low, high, 1, 9, 3, 11, 5, 13, 7, 15);
    } else if constexpr (step == 2) {
        a = EMIX_PICK(low, high, 0, 1, 8, 9, 4, 5, 12, 13);
        b = EMIX_PICK(low, high, 2, 3, 10, 11, 6, 7, 14, 15);
    } else {
        a = EMIX_PICK(low, high, 0, 1, 2, 3, 8, 9, 10, 11);
        b = EMIX_PICK(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
    }
#elif EMIX_VECTOR_BYTES == 32
    if constexpr (step == 1) {
        a = EMIX_PICK(low, high, 0, 4, 2, 6);
        b = EMIX_PICK(low, high, 1, 5, 3, 7);
    } else {
        a = EMIX_PICK(low, high, 0, 1, 4, 5);
        b = EMIX_PICK(low, high, 2, 3, 6, 7);
    }
#else
    a = EMIX_PICK(low, high, 0, 2);
    b = EMIX_PICK(low, high, 1, 3);
#endif
}

EMIX_INLINE void transpose(Vector* v) {
    EMIX_UNROLL for (int i = 0; i < lanes; i += 2) swap_blocks<1>(v[i], v[i + 1]);
#if EMIX_VECTOR_BYTES >= 32
    EMIX_UNROLL for (int i = 0; i < lanes; ++i)
        if (i % 4 < 2) swap_blocks<2>(v[i], v[i + 2]);
#endif
#if EMIX_VECTOR_BYTES == 64
    EMIX_UNROLL for (int i = 0; i < 4; ++i) swap_blocks<4>(v[i], v[i + 4]);
#endif
}

// 2^x for x <= 0, to about 1 ulp, in place; exactly 0 from -1022.5 down to -inf.
// The polynomial is the minimax one for (2^f - 1) / f on [-1/2, 1/2] (relative
// error of 2^f below 4e-18). The magic number rounds x to an integer and leaves
// integer + 1023, which is the exponent field of 2^integer, in the low bits; at
// -1023 that field is 0 and so is the result. The M vectors go in step because
// one alone leaves the processor waiting for each result.
template <int M>
EMIX_INLINE void exp2_nonpositive(Vector* x) {
    constexpr double magic = 6755399441055744.0 + 1023.0;  // 1.5 * 2^52 + bias
    Vector f[M], scale[M], g[M], p[M], q[M];
#define EMIX_EACH(statement) \
    _Pragma("GCC unroll 8") for (int i = 0; i < M; ++i) { statement; }
    EMIX_EACH(x[i] = maximum(broadcast(-1023.0), x[i]))
    EMIX_EACH(scale[i] = x[i] + magic)
    EMIX_EACH(f[i] = x[i] - (scale[i] - magic))
    EMIX_EACH(scale[i] = (Vector)((Bits)scale[i] << 52))
    EMIX_EACH(g[i] = f[i] * f[i])
    EMIX_EACH(p[i] = 4.434774483714358e-10 * g[i] + 1.017819955063256e-07)
    EMIX_EACH(q[i] = 7.073783309226919e-09 * g[i] + 1.3215435281927907e-06)
    EMIX_EACH(p[i] = p[i] * g[i] + 1.5252733493178114e-05)
    EMIX_EACH(q[i] = q[i] * g[i] + 0.00015403530457112932)
    EMIX_EACH(p[i] = p[i] * g[i] + 0.0013333558146774568)
    EMIX_EACH(q[i] = q[i] * g[i] + 0.009618129107594119)
    EMIX_EACH(p[i] = p[i] * g[i] + 0.055504108664820084)
    EMIX_EACH(q[i] = q[i] * g[i] + 0.2402265069591013)
    EMIX_EACH(p[i] = p[i] * g[i] + 0.6931471805599453)
    EMIX_EACH(p[i] = q[i] * f[i] + p[i])
    EMIX_EACH(p[i] = p[i] * f[i] + 1.0)
    EMIX_EACH(x[i] = p[i] * scale[i])
#undef EMIX_EACH
}

// log2(x) for 1 <= x < inf. With x = 2^e m, m in [sqrt(1/2), sqrt(2)), and
// t = (m - 1) / (m + 1): log2 m = t P(t²), P minimax to 2e-18.
EMIX_INLINE Vector log2_from_one(Vector x) {
    constexpr std::uint64_t root_half = 0x3FE6A09E667F3BCDu;
    constexpr std::uint64_t two_to_52 = 0x4330000000000000u;
    const Bits exponent = ((Bits)x - root_half) >> 52;
    // Below 2^52 an integer sits in the mantissa of 2^52 + integer as it is;
    // AVX2 has no other conversion.
    const Vector e = (Vector)(exponent | two_to_52) - 4503599627370496.0;
    const Vector m = (Vector)((Bits)x - (exponent << 52));
    const Vector t = (m - 1.0) / (m + 1.0);
    const Vector s = t * t;
    Vector p = broadcast(0.21367302320686335);
    p = p * s + 0.2209116521723555;
    p = p * s + 0.2623344097674207;
    p = p * s + 0.32059853377885617;
    p = p * s + 0.41219858585244695;
    p = p * s + 0.5770780163454643;
    p = p * s + 0.9617966939259899;
    p = p * s + 2.8853900817779268;
    return t * p + e;
}

}  // namespace emix::EMIX_LEVEL
